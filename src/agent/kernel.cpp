#include "kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "hawser/base/log.h"
#include "hawser/netlink/netlink.h"

namespace hawser::agent {

int KernelDevices::indexOf(const std::string& name) const {
  return static_cast<int>(::if_nametoindex(name.c_str()));
}

void KernelDevices::remove(const std::string& name) {
  auto socket = netlink::Socket::open();
  const auto removed = socket ? socket->removeLink(name) : std::unexpected(socket.error());
  if (!removed) log::warn("agent", "device {}: {}", name, removed.error().text());
}

Result<net::Ipv4Address> firstAddress(const std::string& device) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return failErrno("list addresses", errno);
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  for (const auto* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET || device != one->ifa_name)
      continue;
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    const auto value = ntohl(address->sin_addr.s_addr);
    if (value >> 16U == 0xa9fe) continue;  // 169.254.0.0/16
    return net::Ipv4Address(value);
  }
  return fail(ErrorCode::kNotFound, device + " has no IPv4 address", "--underlay-device");
}

Result<std::uint16_t> mtuOf(const std::string& device) {
  auto socket = netlink::Socket::open();
  if (!socket) return std::unexpected(socket.error());
  const auto link = socket->link(device);
  if (!link) return std::unexpected(link.error());
  if (!*link)
    return fail(ErrorCode::kNotFound, "there is no device " + device, "--underlay-device");
  return static_cast<std::uint16_t>(std::min<std::uint32_t>((*link)->mtu, 65535));
}

Result<Fd> lockState(const std::filesystem::path& stateDir) {
  std::error_code error;
  std::filesystem::create_directories(stateDir, error);
  if (error)
    return fail(ErrorCode::kInternal, stateDir.string() + ": " + error.message(), "--state");
  if (::chmod(stateDir.c_str(), 0700) != 0) return failErrno("chmod " + stateDir.string(), errno);
  const auto path = stateDir / "lock";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return failErrno("open " + path.string(), errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK)
    return fail(ErrorCode::kExists, "another agent runs with " + stateDir.string(), "--state");
  return failErrno("lock " + path.string(), errno);
}

}  // namespace hawser::agent
