// A device whose other side is a file descriptor: what a virtual machine, or a wire, says and
// hears.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "netns.h"
#include "packets.h"

namespace hawser::datapath::test {

// A TAP device: frames come and go by a file descriptor.
class Tap {
 public:
  Tap(const Netns& net, const std::string& name) {
    fd_ = net.in([&] {
      const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
      ifreq request{};
      request.ifr_flags = IFF_TAP | IFF_NO_PI;
      std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
      HAWSER_CHECK(ioctl(fd, TUNSETIFF, &request) == 0, "make a TAP");
      return fd;
    });
    net.sh("sysctl -qw net.ipv6.conf." + name + ".disable_ipv6=1; ip link set " + name + " up");
  }
  ~Tap() { close(fd_); }
  void write(const Bytes& frame) const {
    EXPECT_EQ(::write(fd_, frame.data(), frame.size()), static_cast<ssize_t>(frame.size()));
  }
  // The next IPv4 frame within 5 seconds, tagged or not, or nothing.
  [[nodiscard]] Bytes read() const {
    for (pollfd ready{fd_, POLLIN, 0}; poll(&ready, 1, 5000) == 1;) {
      Bytes frame(65536);
      const auto size = ::read(fd_, frame.data(), frame.size());
      frame.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
      const auto type = frame.size() > 14 ? get16(frame, 12) : 0;
      if (type == 0x0800 || type == 0x8100 || type == 0x88a8) return frame;
    }
    return {};
  }

 private:
  int fd_ = -1;
};

}  // namespace hawser::datapath::test
