// The few routing-netlink requests that attaching a workload needs, by hand: no library, about 0.1
// ms each. A Netlink speaks to the network namespace it was opened in, whatever namespace its
// thread enters later. Blocking; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "hawser/base/result.h"
#include "hawser/net/address.h"

namespace hawser::agent {

// A descriptor that closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd();
  Fd(Fd&& other) noexcept;
  Fd& operator=(Fd&& other) noexcept;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct LinkInfo {
  int index = 0;
  std::string name;
  std::uint32_t mtu = 0;
  net::MacAddress mac;
  bool up = false;
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

class Netlink {
 public:
  // In the caller's namespace, or in that of `netnsPath`. kNotFound: there is no such namespace.
  [[nodiscard]] static Result<Netlink> open();
  [[nodiscard]] static Result<Netlink> open(const std::string& netnsPath);

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

 private:
  class Message;
  using Visit = void (*)(void* context, std::span<const std::uint8_t> message);
  explicit Netlink(Fd fd) : fd_(std::move(fd)) {}
  // Sends and reads until the acknowledgement; `visit` sees each answer before it.
  [[nodiscard]] Result<void> exchange(Message& message, const std::string& what,
                                      Visit visit = nullptr, void* context = nullptr);

  Fd fd_;
  std::uint32_t sequence_ = 0;
};

[[nodiscard]] Result<Fd> openNetns(const std::string& path);

}  // namespace hawser::agent
