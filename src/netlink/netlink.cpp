#include "hawser/netlink/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace hawser::netlink {

// A request as it grows: header, family header, attributes; nested ones are closed by length.
class Socket::Message {
 public:
  Message(std::uint16_t type, std::uint16_t flags) {
    append(nlmsghdr{.nlmsg_len = 0,
                    .nlmsg_type = type,
                    .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags),
                    .nlmsg_seq = 0,
                    .nlmsg_pid = 0});
  }
  template <class T>
  void append(const T& value) {
    const auto start = bytes_.size();
    bytes_.resize((start + sizeof value + 3) & ~std::size_t{3});
    std::memcpy(bytes_.data() + start, &value, sizeof value);
  }
  void attribute(std::uint16_t type, std::span<const std::uint8_t> value) {
    const auto start = open(type);
    const auto at = bytes_.size();
    bytes_.resize(at + value.size());
    if (!value.empty()) std::memcpy(bytes_.data() + at, value.data(), value.size());
    close(start);
  }
  void attribute(std::uint16_t type, const std::string& text) {  // with its final zero
    attribute(type, {reinterpret_cast<const std::uint8_t*>(text.c_str()), text.size() + 1});
  }
  void attribute(std::uint16_t type, std::uint32_t value) {
    attribute(type, {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  [[nodiscard]] std::size_t open(std::uint16_t type) {
    const auto start = bytes_.size();
    append(rtattr{.rta_len = 0, .rta_type = type});
    return start;
  }
  void close(std::size_t start) {
    const auto length = static_cast<std::uint16_t>(bytes_.size() - start);
    std::memcpy(bytes_.data() + start, &length, sizeof length);
    pad();
  }
  [[nodiscard]] std::span<const std::uint8_t> finish(std::uint32_t sequence) {
    nlmsghdr header;
    std::memcpy(&header, bytes_.data(), sizeof header);
    header.nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    header.nlmsg_seq = sequence;
    std::memcpy(bytes_.data(), &header, sizeof header);
    return bytes_;
  }

 private:
  void pad() { bytes_.resize((bytes_.size() + 3) & ~std::size_t{3}); }
  std::vector<std::uint8_t> bytes_;
};

namespace {

template <class Visit>
void forEachAttributeIn(std::span<const std::uint8_t> bytes, const Visit& visit) {
  std::size_t at = 0;
  while (at + sizeof(rtattr) <= bytes.size()) {
    rtattr header;
    std::memcpy(&header, bytes.data() + at, sizeof header);
    if (header.rta_len < sizeof header || at + header.rta_len > bytes.size()) return;
    visit(header.rta_type & NLA_TYPE_MASK,
          bytes.subspan(at + sizeof header, header.rta_len - sizeof header));
    at += (header.rta_len + 3U) & ~3U;
  }
}
// Attributes of `message` behind a family header of `skip` bytes.
template <class Visit>
void forEachAttribute(std::span<const std::uint8_t> message, std::size_t skip, const Visit& visit) {
  const auto at = NLMSG_HDRLEN + ((skip + 3) & ~std::size_t{3});
  if (at < message.size()) forEachAttributeIn(message.subspan(at), visit);
}

// Up to its zero.
std::string textOf(std::span<const std::uint8_t> value) {
  const auto* begin = reinterpret_cast<const char*>(value.data());
  return {begin, strnlen(begin, value.size())};
}

template <class T>
T read(std::span<const std::uint8_t> bytes, std::size_t offset = 0) {
  T value{};
  if (offset + sizeof value <= bytes.size())
    std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// The text that the kernel adds to a refusal (NETLINK_EXT_ACK), if any.
std::string kernelText(std::span<const std::uint8_t> message) {
  if (message.size() < NLMSG_HDRLEN + sizeof(nlmsgerr)) return {};
  const auto header = read<nlmsghdr>(message);
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  const auto inner = read<nlmsgerr>(message, NLMSG_HDRLEN);
  auto skip = sizeof(nlmsgerr);
  if ((header.nlmsg_flags & NLM_F_CAPPED) == 0 && inner.msg.nlmsg_len > NLMSG_HDRLEN)
    skip += inner.msg.nlmsg_len - NLMSG_HDRLEN;
  std::string text;
  forEachAttribute(message, skip, [&](int type, std::span<const std::uint8_t> value) {
    if (type == NLMSGERR_ATTR_MSG) text = textOf(value);
  });
  return text;
}

Result<Fd> openSocket() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return failErrno("netlink socket", errno);
  const int on = 1;
  // Without them there are only fewer words in an error.
  (void)::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  (void)::setsockopt(fd.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  return fd;
}

std::uint8_t familyOf(const net::IpAddress& address) { return address.isV4() ? AF_INET : AF_INET6; }

ifinfomsg linkHeader(int index = 0) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = index;
  return header;
}

}  // namespace

Result<Fd> openNetns(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return failErrno("open network namespace " + path, errno);
  return fd;
}

Result<Socket> Socket::open() {
  auto fd = openSocket();
  if (!fd) return std::unexpected(fd.error());
  return Socket(std::move(*fd));
}

Result<Socket> Socket::open(const std::string& netnsPath) {
  const auto there = openNetns(netnsPath);
  if (!there) return std::unexpected(there.error());
  const auto here = openNetns("/proc/thread-self/ns/net");
  if (!here) return std::unexpected(here.error());
  if (::setns(there->get(), CLONE_NEWNET) != 0) {
    const int error = errno;  // EINVAL: a file, but no namespace; it may just have been unmounted
    if (error == EINVAL) return fail(ErrorCode::kNotFound, netnsPath + " is no network namespace");
    return failErrno("enter network namespace " + netnsPath, error);
  }
  auto fd = openSocket();
  if (::setns(here->get(), CLONE_NEWNET) != 0) return failErrno("return from " + netnsPath, errno);
  if (!fd) return std::unexpected(fd.error());
  return Socket(std::move(*fd));
}

namespace {

std::unexpected<Error> refused(const std::string& what, int error,
                               std::span<const std::uint8_t> message) {
  auto failed = failErrno(what, error);
  if (error == ENODEV) failed.error().code = ErrorCode::kNotFound;
  if (error == EEXIST) failed.error().code = ErrorCode::kExists;
  if (const auto text = kernelText(message); !text.empty())
    failed.error().message += " (" + text + ")";
  return failed;
}

}  // namespace

Result<void> Socket::exchange(Message& message, const std::string& what, Visit visit,
                              void* context) {
  const auto bytes = message.finish(++sequence_);
  if (::send(fd_.get(), bytes.data(), bytes.size(), 0) < 0) return failErrno(what, errno);
  alignas(nlmsghdr) std::array<std::uint8_t, 65536> buffer;
  while (true) {
    const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_TRUNC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failErrno(what, errno);
    const auto size = static_cast<std::size_t>(got);
    if (size == 0) return fail(ErrorCode::kInternal, what + ": the kernel does not answer");
    if (size > buffer.size())
      return fail(ErrorCode::kInternal, what + ": an answer of " + std::to_string(size) + " bytes");
    std::span<const std::uint8_t> rest(buffer.data(), size);
    while (!rest.empty()) {
      const auto header = read<nlmsghdr>(rest);
      if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > rest.size())
        return fail(ErrorCode::kInternal, what + ": the answer is cut short");
      const auto one = rest.first(header.nlmsg_len);
      rest = rest.subspan(std::min<std::size_t>(rest.size(), (header.nlmsg_len + 3U) & ~3U));
      if (header.nlmsg_seq != sequence_) continue;  // the end of an exchange that failed
      if (header.nlmsg_type != NLMSG_DONE && header.nlmsg_type != NLMSG_ERROR) {
        if (visit != nullptr) visit(context, one);
        continue;
      }
      // A dump that fails half-way says so at its end; both begin with the number.
      const int error = -read<int>(one, NLMSG_HDRLEN);
      if (error == 0) return {};
      return refused(what, error, header.nlmsg_type == NLMSG_ERROR ? one : one.first(0));
    }
  }
}

Result<std::optional<LinkInfo>> Socket::link(const std::string& name) {
  Message message(RTM_GETLINK, 0);
  message.append(linkHeader());
  message.attribute(IFLA_IFNAME, name);
  std::optional<LinkInfo> found;
  const auto asked = exchange(
      message, "look up device " + name,
      [](void* context, std::span<const std::uint8_t> answer) {
        LinkInfo info;
        const auto header = read<ifinfomsg>(answer, NLMSG_HDRLEN);
        info.index = header.ifi_index;
        info.up = (header.ifi_flags & IFF_UP) != 0;
        bool veth = false, elsewhere = false;
        forEachAttribute(answer, sizeof header, [&](int type, std::span<const std::uint8_t> value) {
          if (type == IFLA_LINK_NETNSID) elsewhere = true;  // there only then
          if (type == IFLA_LINKINFO)
            forEachAttributeIn(value, [&](int inner, std::span<const std::uint8_t> kind) {
              if (inner == IFLA_INFO_KIND) veth = textOf(kind) == "veth";
            });
          if (type == IFLA_MTU) info.mtu = read<std::uint32_t>(value);
          if (type == IFLA_ADDRESS && value.size() == 6)
            info.mac = net::MacAddress(read<std::array<std::uint8_t, 6>>(value));
          if (type == IFLA_IFNAME) info.name = textOf(value);
        });
        info.peerElsewhere = veth && elsewhere;
        *static_cast<std::optional<LinkInfo>*>(context) = info;
      },
      &found);
  if (!asked && asked.error().code == ErrorCode::kNotFound) return std::nullopt;
  if (!asked) return std::unexpected(asked.error());
  return found;
}

Result<void> Socket::addVeth(const VethSpec& spec) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.append(linkHeader());
  message.attribute(IFLA_IFNAME, spec.name);
  const auto info = message.open(IFLA_LINKINFO | NLA_F_NESTED);
  message.attribute(IFLA_INFO_KIND, std::string("veth"));
  const auto data = message.open(IFLA_INFO_DATA | NLA_F_NESTED);
  const auto peer = message.open(VETH_INFO_PEER | NLA_F_NESTED);
  message.append(linkHeader());
  message.attribute(IFLA_IFNAME, spec.peerName);
  if (spec.peerNetns >= 0)
    message.attribute(IFLA_NET_NS_FD, static_cast<std::uint32_t>(spec.peerNetns));
  message.close(peer);
  message.close(data);
  message.close(info);
  return exchange(message, "make veth pair " + spec.name + "/" + spec.peerName);
}

Result<bool> Socket::removeLink(const std::string& name) {
  Message message(RTM_DELLINK, 0);
  message.append(linkHeader());
  message.attribute(IFLA_IFNAME, name);
  const auto removed = exchange(message, "remove device " + name);
  if (removed) return true;
  if (removed.error().code == ErrorCode::kNotFound) return false;
  return std::unexpected(removed.error());
}

Result<void> Socket::changeLink(int index, const LinkChange& change) {
  Message message(RTM_NEWLINK, 0);
  auto header = linkHeader(index);
  if (change.up) header.ifi_flags = header.ifi_change = IFF_UP;
  message.append(header);
  if (change.mtu) message.attribute(IFLA_MTU, *change.mtu);
  if (change.mac) message.attribute(IFLA_ADDRESS, change.mac->bytes());
  if (change.noLinkLocal) {
    const auto outer = message.open(IFLA_AF_SPEC | NLA_F_NESTED);
    const auto inner = message.open(AF_INET6 | NLA_F_NESTED);
    const std::uint8_t none = IN6_ADDR_GEN_MODE_NONE;
    message.attribute(IFLA_INET6_ADDR_GEN_MODE, {&none, 1});
    message.close(inner);
    message.close(outer);
  }
  return exchange(message, "change device " + std::to_string(index));
}

Result<void> Socket::addAddress(int index, const net::IpAddress& address) {
  Message message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
  ifaddrmsg header{};
  header.ifa_family = familyOf(address);
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.bits());
  header.ifa_index = static_cast<std::uint32_t>(index);
  // Nobody else can hold it: the agent lets no other port use it. So no duplicate detection.
  if (address.isV6()) header.ifa_flags = IFA_F_NODAD;
  message.append(header);
  message.attribute(IFA_LOCAL, address.bytes());
  message.attribute(IFA_ADDRESS, address.bytes());
  return exchange(message, "add address " + address.text());
}

Result<bool> Socket::hasAddress(int index, const net::IpAddress& address) {
  Message message(RTM_GETADDR, NLM_F_DUMP);
  ifaddrmsg header{};
  header.ifa_family = familyOf(address);
  header.ifa_index = static_cast<std::uint32_t>(index);
  message.append(header);
  struct Search {
    int index;
    const net::IpAddress* address;
    bool found = false;
  } search{index, &address};
  const auto asked = exchange(
      message, "list addresses",
      [](void* context, std::span<const std::uint8_t> answer) {
        auto& wanted = *static_cast<Search*>(context);
        const auto one = read<ifaddrmsg>(answer, NLMSG_HDRLEN);
        if (static_cast<int>(one.ifa_index) != wanted.index) return;
        forEachAttribute(answer, sizeof one, [&](int type, std::span<const std::uint8_t> value) {
          if (type != IFA_ADDRESS) return;
          const auto held = net::IpAddress::fromBytes(value);
          if (held && *held == *wanted.address) wanted.found = true;
        });
      },
      &search);
  if (!asked) return std::unexpected(asked.error());
  return search.found;
}

Result<void> Socket::addRoute(int index, const net::IpPrefix& prefix,
                              const std::optional<net::IpAddress>& gateway) {
  Message message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  rtmsg header{};
  header.rtm_family = familyOf(prefix.address());
  header.rtm_dst_len = static_cast<std::uint8_t>(prefix.length());
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_scope = gateway || prefix.address().isV6() ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  if (gateway) header.rtm_flags = RTNH_F_ONLINK;  // no subnet is configured inside
  message.append(header);
  if (prefix.length() > 0) message.attribute(RTA_DST, prefix.address().bytes());
  message.attribute(RTA_OIF, static_cast<std::uint32_t>(index));
  if (gateway) message.attribute(RTA_GATEWAY, gateway->bytes());
  return exchange(message, "add route " + prefix.text());
}

Result<bool> Socket::hasDefaultRoute(int index, bool v4) {
  Message message(RTM_GETROUTE, NLM_F_DUMP);
  rtmsg header{};
  header.rtm_family = v4 ? AF_INET : AF_INET6;
  message.append(header);
  struct Search {
    int index;
    bool found = false;
  } search{index};
  const auto asked = exchange(
      message, "list routes",
      [](void* context, std::span<const std::uint8_t> answer) {
        auto& wanted = *static_cast<Search*>(context);
        const auto one = read<rtmsg>(answer, NLMSG_HDRLEN);
        if (one.rtm_dst_len != 0 || one.rtm_table != RT_TABLE_MAIN || one.rtm_type != RTN_UNICAST)
          return;
        forEachAttribute(answer, sizeof one, [&](int type, std::span<const std::uint8_t> value) {
          if (type == RTA_OIF && read<int>(value) == wanted.index) wanted.found = true;
        });
      },
      &search);
  if (!asked) return std::unexpected(asked.error());
  return search.found;
}

Result<bool> Socket::hasFilters(int index, std::uint32_t parent) {
  Message message(RTM_GETTFILTER, NLM_F_DUMP);
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = index;
  header.tcm_parent = parent;
  message.append(header);
  bool any = false;
  const auto asked = exchange(
      message, "list filters of device " + std::to_string(index),
      [](void* context, std::span<const std::uint8_t>) { *static_cast<bool*>(context) = true; },
      &any);
  if (!asked) return std::unexpected(asked.error());
  return any;
}

}  // namespace hawser::netlink
