// The other end of a netlink socket: answers lie ready before they are asked for.
#pragma once

#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <vector>

#include "hawser/base/check.h"
#include "hawser/netlink/netlink.h"

namespace hawser::netlink::test {

class FakeKernel {
 public:
  using Bytes = std::vector<std::uint8_t>;
  FakeKernel() {
    std::array<int, 2> ends{};
    HAWSER_CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0,
                 "a pair of sockets");
    socket_ = Socket(Fd(ends[0]));
    end_ = Fd(ends[1]);
  }
  [[nodiscard]] Socket& socket() { return socket_; }

  // A message of the exchange `sequence`; the first of a socket is 1.
  static Bytes message(std::uint16_t type, const Bytes& payload, std::uint32_t sequence = 1,
                       std::uint16_t flags = 0) {
    const nlmsghdr header{.nlmsg_len = static_cast<std::uint32_t>(NLMSG_HDRLEN + payload.size()),
                          .nlmsg_type = type,
                          .nlmsg_flags = flags,
                          .nlmsg_seq = sequence,
                          .nlmsg_pid = 0};
    Bytes out(NLMSG_HDRLEN + payload.size());
    std::memcpy(out.data(), &header, sizeof header);
    if (!payload.empty()) std::memcpy(out.data() + NLMSG_HDRLEN, payload.data(), payload.size());
    return out;
  }
  // How a request ends: 0 or an errno, in NLMSG_ERROR or NLMSG_DONE.
  static Bytes end(std::uint16_t type, int error, std::uint32_t sequence = 1) {
    Bytes payload(type == NLMSG_ERROR ? sizeof(nlmsgerr) : sizeof(int));
    const int code = -error;
    std::memcpy(payload.data(), &code, sizeof code);
    return message(type, payload, sequence);
  }
  void say(const Bytes& datagram) const {
    HAWSER_CHECK(::send(end_.get(), datagram.data(), datagram.size(), 0) >= 0, "say it");
  }
  void hangUp() { end_ = Fd(); }

 private:
  Socket socket_{Fd()};
  Fd end_;
};

}  // namespace hawser::netlink::test
