#include "filter_watch.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

namespace hawser::datapath {

Result<FilterWatch> FilterWatch::open() {
  FilterWatch out(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (out.fd_ < 0) return failErrno("open netlink", errno);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_TC;
  if (bind(out.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0)
    return failErrno("listen to changes of filters", errno);
  return out;
}

FilterWatch::FilterWatch(FilterWatch&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FilterWatch& FilterWatch::operator=(FilterWatch&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
FilterWatch::~FilterWatch() {
  if (fd_ >= 0) close(fd_);
}

FilterWatch::Changes FilterWatch::drain() const {
  Changes out;
  std::vector<char> buffer(65536);
  for (;;) {
    const auto size = recv(fd_, buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS) {
      out.lost = true;
      continue;
    }
    if (size <= 0) return out;
    auto left = static_cast<unsigned>(size);
    for (auto* one = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(one, left);
         one = NLMSG_NEXT(one, left)) {
      const auto type = one->nlmsg_type;
      // A new one may stand in our place.
      if (type != RTM_DELTFILTER && type != RTM_NEWTFILTER && type != RTM_DELQDISC) continue;
      if (one->nlmsg_len < NLMSG_LENGTH(sizeof(tcmsg))) continue;
      out.devices.insert(static_cast<const tcmsg*>(NLMSG_DATA(one))->tcm_ifindex);
    }
  }
}

}  // namespace hawser::datapath
