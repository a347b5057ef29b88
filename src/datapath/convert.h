// Between the values of the interface and those of the maps (bpf/abi/abi.h). Pure.
#pragma once

#include <arpa/inet.h>

#include <cstring>

#include "abi/abi.h"
#include "hawser/datapath/datapath.h"

namespace hawser::datapath {

[[nodiscard]] inline std::uint32_t v4Be(const net::IpAddress& address) {
  return htonl(address.v4().value());
}
[[nodiscard]] inline hw_addr toAddr(const net::IpAddress& address) {
  hw_addr out{};
  if (address.isV4()) {
    out.word_be[2] = htonl(0xffff);
    out.word_be[3] = v4Be(address);
  } else {
    std::memcpy(out.word_be, address.bytes().data(), sizeof(out.word_be));
  }
  return out;
}
[[nodiscard]] inline net::IpAddress fromV4Be(std::uint32_t address) {
  return net::Ipv4Address(ntohl(address));
}
[[nodiscard]] inline net::IpAddress fromAddr(const hw_addr& address) {
  if (address.word_be[0] == 0 && address.word_be[1] == 0 && address.word_be[2] == htonl(0xffff))
    return fromV4Be(address.word_be[3]);
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), address.word_be, bytes.size());
  return net::Ipv6Address(bytes);
}
[[nodiscard]] inline net::Identity toIdentity(std::uint64_t key) {
  return {static_cast<std::uint16_t>(key >> 32U), static_cast<std::uint32_t>(key)};
}
[[nodiscard]] inline hw_route_key toRouteKey(VrfId vrf, const net::IpPrefix& prefix) {
  hw_route_key key{};
  const auto length = static_cast<std::uint32_t>(prefix.length());
  key.prefix_length = 32 + (prefix.address().isV4() ? 96 : 0) + length;
  key.vrf_be = htonl(vrf.value());
  key.address = toAddr(prefix.address());
  return key;
}
// `::ffff:0:0/96` and longer is IPv4.
[[nodiscard]] inline net::IpPrefix fromRouteKey(const hw_route_key& key) {
  const auto address = fromAddr(key.address);
  const auto length = static_cast<int>(key.prefix_length) - 32;
  return net::IpPrefix::truncated(address, address.isV4() ? length - 96 : length);
}
[[nodiscard]] hw_next_hop toNextHop(VrfId vrf, const NextHop& nextHop);
[[nodiscard]] std::optional<NextHop> fromNextHop(const hw_next_hop& nextHop);

}  // namespace hawser::datapath
