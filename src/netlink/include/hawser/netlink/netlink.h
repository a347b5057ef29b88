// The few routing-netlink requests (rtnetlink(7)) that a host's side needs, by hand: no library,
// about 0.1 ms each. A Socket speaks to the network namespace it was opened in, whatever namespace
// its thread enters later. Blocking; one thread.
//
// Errors: what the kernel refuses comes back with its code and its words (kNotFound for ENODEV,
// kExists for EEXIST); so does an answer that is cut short, is none, or cannot be read. No request
// takes a missing answer for an empty one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "hawser/base/fd.h"
#include "hawser/base/result.h"
#include "hawser/net/address.h"

namespace hawser::netlink {

struct LinkInfo {
  int index = 0;
  std::string name;
  std::uint32_t mtu = 0;
  net::MacAddress mac;
  bool up = false;
  bool peerElsewhere = false;  // a veth whose other end is in another namespace
};

struct LinkChange {
  std::optional<std::uint32_t> mtu;
  std::optional<net::MacAddress> mac;
  bool up = false;
  bool noLinkLocal = false;  // no IPv6 address of its own, so that it stays silent
};

struct VethSpec {
  std::string name;  // here
  std::string peerName;
  int peerNetns = -1;  // descriptor of the peer's namespace
};

class Socket {
 public:
  // In the caller's namespace, or in that of `netnsPath`. kNotFound: there is no such namespace.
  [[nodiscard]] static Result<Socket> open();
  [[nodiscard]] static Result<Socket> open(const std::string& netnsPath);

  // Speaks through an open netlink socket, or what answers like one.
  explicit Socket(Fd fd) : fd_(std::move(fd)) {}

  [[nodiscard]] Result<std::optional<LinkInfo>> link(const std::string& name);
  [[nodiscard]] Result<void> addVeth(const VethSpec& spec);
  // False: there was no such link.
  [[nodiscard]] Result<bool> removeLink(const std::string& name);
  [[nodiscard]] Result<void> changeLink(int index, const LinkChange& change);
  [[nodiscard]] Result<void> addAddress(int index, const net::IpAddress& address);  // /32, /128
  [[nodiscard]] Result<bool> hasAddress(int index, const net::IpAddress& address);
  // Without a gateway: on link.
  [[nodiscard]] Result<void> addRoute(int index, const net::IpPrefix& prefix,
                                      const std::optional<net::IpAddress>& gateway);
  [[nodiscard]] Result<bool> hasDefaultRoute(int index, bool v4);
  // Whether any TC filter, anybody's, is on the device under `parent` (a handle of a qdisc or
  // class, linux/pkt_sched.h). False, too, for a device that is gone.
  [[nodiscard]] Result<bool> hasFilters(int index, std::uint32_t parent);

 private:
  class Message;
  using Visit = void (*)(void* context, std::span<const std::uint8_t> message);
  // Sends and reads until the acknowledgement or the end of a dump; `visit` sees each answer before
  // it.
  [[nodiscard]] Result<void> exchange(Message& message, const std::string& what,
                                      Visit visit = nullptr, void* context = nullptr);

  Fd fd_;
  std::uint32_t sequence_ = 0;
};

[[nodiscard]] Result<Fd> openNetns(const std::string& path);

}  // namespace hawser::netlink
