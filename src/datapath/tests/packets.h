// Packets for tests: built byte by byte, and taken apart with every checksum verified. Independent
// of the code under test.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "hawser/net/address.h"

namespace hawser::datapath::test {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kGre = 47;
inline constexpr std::uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;

inline void put16(Bytes& out, std::uint32_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8U));
  out.push_back(static_cast<std::uint8_t>(value));
}
inline void put32(Bytes& out, std::uint32_t value) {
  put16(out, value >> 16U);
  put16(out, value & 0xffffU);
}
inline std::uint16_t get16(const Bytes& in, std::size_t at) {
  return static_cast<std::uint16_t>(in.at(at) << 8U | in.at(at + 1));
}
inline std::uint32_t get32(const Bytes& in, std::size_t at) {
  return std::uint32_t{get16(in, at)} << 16U | get16(in, at + 2);
}
inline void set16(Bytes& out, std::size_t at, std::uint16_t value) {
  out.at(at) = static_cast<std::uint8_t>(value >> 8U);
  out.at(at + 1) = static_cast<std::uint8_t>(value);
}
// The ones' complement sum of RFC 1071, not complemented: 0xffff for data that includes a right
// checksum.
inline std::uint16_t sum(const Bytes& data, std::uint32_t start = 0) {
  std::uint32_t total = start;
  for (std::size_t i = 0; i < data.size(); i += 2)
    total += i + 1 < data.size() ? get16(data, i) : std::uint32_t{data[i]} << 8U;
  while (total > 0xffff) total = (total & 0xffffU) + (total >> 16U);
  return static_cast<std::uint16_t>(total);
}
inline Bytes slice(const Bytes& in, std::size_t from, std::size_t count = SIZE_MAX) {
  if (from >= in.size()) return {};
  const auto first = in.begin() + static_cast<std::ptrdiff_t>(from);
  return {first, first + static_cast<std::ptrdiff_t>(std::min(count, in.size() - from))};
}

struct Spec {
  std::string source = "10.0.0.11", destination = "10.0.0.12";
  std::uint8_t protocol = kUdp;
  std::uint16_t sport = 40000, dport = 80;  // ICMP: identifier, and type in `icmpType`
  std::uint8_t flags = kSyn;                // TCP
  std::uint32_t seq = 1000, ack = 0;
  std::uint8_t icmpType = 8, icmpCode = 0;
  Bytes payload = {'h', 'a', 'w', 's', 'e', 'r', '!'};
  std::uint8_t ttl = 64, tos = 0;
  bool dontFragment = true, moreFragments = false;
  std::uint16_t fragmentOffset = 0, id = 7;  // offset in units of 8 bytes
  std::string sourceMac = "02:00:00:00:00:01", destinationMac = "00:00:5e:00:01:00";
};

inline std::uint32_t v4(const std::string& text) {
  return net::IpAddress::parse(text)->v4().value();
}

inline Bytes transport(const Spec& spec) {
  Bytes out;
  std::size_t checksum = 0;
  if (spec.protocol == kTcp) {
    put16(out, spec.sport), put16(out, spec.dport), put32(out, spec.seq), put32(out, spec.ack);
    out.push_back(0x50), out.push_back(spec.flags);
    put16(out, 65535), put16(out, 0), put16(out, 0);
    checksum = 16;
  } else if (spec.protocol == kUdp) {
    put16(out, spec.sport), put16(out, spec.dport);
    put16(out, static_cast<std::uint32_t>(8 + spec.payload.size())), put16(out, 0);
    checksum = 6;
  } else if (spec.protocol == kIcmp) {
    out.push_back(spec.icmpType), out.push_back(spec.icmpCode);
    put16(out, 0), put16(out, spec.sport), put16(out, 1);
    checksum = 2;
  }
  out.insert(out.end(), spec.payload.begin(), spec.payload.end());
  if (checksum == 0) return out;
  Bytes pseudo;
  if (spec.protocol != kIcmp) {
    put32(pseudo, v4(spec.source)), put32(pseudo, v4(spec.destination));
    put16(pseudo, spec.protocol), put16(pseudo, static_cast<std::uint32_t>(out.size()));
  }
  set16(out, checksum, static_cast<std::uint16_t>(~sum(out, sum(pseudo))));
  return out;
}

// An IPv4 packet around `payload`.
inline Bytes ipv4(const Spec& spec, const Bytes& payload) {
  Bytes out = {0x45, spec.tos};
  put16(out, static_cast<std::uint32_t>(20 + payload.size()));
  put16(out, spec.id);
  put16(out, (spec.dontFragment ? 0x4000U : 0U) | (spec.moreFragments ? 0x2000U : 0U) |
                 spec.fragmentOffset);
  out.push_back(spec.ttl), out.push_back(spec.protocol), put16(out, 0);
  put32(out, v4(spec.source)), put32(out, v4(spec.destination));
  set16(out, 10, static_cast<std::uint16_t>(~sum(out)));
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}
inline Bytes ipv4(const Spec& spec) {
  return ipv4(spec, spec.fragmentOffset == 0 ? transport(spec) : spec.payload);
}
inline Bytes ethernet(const Spec& spec, const Bytes& payload, std::uint16_t type = 0x0800) {
  Bytes out;
  for (const auto* mac : {&spec.destinationMac, &spec.sourceMac}) {
    const auto bytes = net::MacAddress::parse(*mac)->bytes();
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  put16(out, type);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}
inline Bytes frame(const Spec& spec) { return ethernet(spec, ipv4(spec)); }

// What a frame says; `good` when it is IPv4 and all checksums and lengths hold.
struct Parsed {
  std::string source, destination;
  std::uint8_t protocol = 0, ttl = 0, tos = 0, flags = 0, icmpType = 0, icmpCode = 0;
  std::uint16_t sport = 0, dport = 0, length = 0, mtu = 0;
  std::uint32_t seq = 0, ack = 0;
  bool dontFragment = false;
  bool good = false;
  Bytes ip;       // from the IP header on
  Bytes payload;  // after the transport header
  std::string destinationMac, sourceMac;
};

inline void parseTransport(Parsed& out, const Bytes& l4) {
  Bytes pseudo;
  put32(pseudo, v4(out.source)), put32(pseudo, v4(out.destination));
  put16(pseudo, out.protocol), put16(pseudo, static_cast<std::uint32_t>(l4.size()));
  if (out.protocol == kIcmp) {
    out.icmpType = l4.at(0), out.icmpCode = l4.at(1);
    out.sport = get16(l4, 4), out.mtu = get16(l4, 6);
    out.good = out.good && sum(l4) == 0xffff;
    out.payload = slice(l4, 8);
    return;
  }
  out.sport = get16(l4, 0), out.dport = get16(l4, 2);
  if (out.protocol == kTcp) {
    out.seq = get32(l4, 4), out.ack = get32(l4, 8), out.flags = l4.at(13);
    out.payload = slice(l4, 20);
  } else {
    out.good = out.good && get16(l4, 4) == l4.size();
    out.payload = slice(l4, 8);
    if (get16(l4, 6) == 0) return;  // no checksum
  }
  out.good = out.good && sum(l4, sum(pseudo)) == 0xffff;
}

// `transportToo`: the packet holds its whole transport header and payload.
inline Parsed parseIp(const Bytes& ip, bool transportToo = true) {
  Parsed out;
  out.ip = ip;
  if (ip.size() < 20 || ip[0] != 0x45) return out;
  out.length = get16(ip, 2);
  out.good = sum(slice(ip, 0, 20)) == 0xffff && (!transportToo || out.length == ip.size());
  out.dontFragment = (ip[6] & 0x40U) != 0;
  out.tos = ip[1], out.ttl = ip[8], out.protocol = ip[9];
  out.source = net::Ipv4Address(get32(ip, 12)).text();
  out.destination = net::Ipv4Address(get32(ip, 16)).text();
  if (transportToo && (out.protocol == kTcp || out.protocol == kUdp || out.protocol == kIcmp))
    parseTransport(out, slice(ip, 20));
  return out;
}
inline Parsed parse(const Bytes& data, bool transportToo = true) {
  auto out = parseIp(slice(data, 14), transportToo);
  out.good = out.good && data.size() > 14 && get16(data, 12) == 0x0800;
  const auto mac = [&](std::size_t at) {
    std::array<std::uint8_t, 6> bytes{};
    std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(at), 6, bytes.begin());
    return net::MacAddress(bytes).text();
  };
  out.destinationMac = mac(0), out.sourceMac = mac(6);
  return out;
}

// A tunnel packet as another host sends it.
struct TunnelSpec {
  std::string source = "172.31.0.2", destination = "172.31.0.1";
  bool gre = false;
  std::uint32_t label = 1001;
  bool bottom = true;
  std::uint16_t greFlags = 0;
  bool moreFragments = false;
};
inline Bytes tunnel(const TunnelSpec& spec, const Bytes& inner) {
  Bytes mpls;
  put32(mpls, spec.label << 12U | (spec.bottom ? 0x100U : 0U) | 64U);
  mpls.insert(mpls.end(), inner.begin(), inner.end());
  Spec outer;
  outer.source = spec.source, outer.destination = spec.destination;
  outer.moreFragments = spec.moreFragments, outer.dontFragment = !spec.moreFragments;
  Bytes payload;
  if (spec.gre) {
    outer.protocol = kGre;
    put16(payload, spec.greFlags), put16(payload, 0x8847);
    for (const auto bit : {0x8000U, 0x2000U, 0x1000U})
      if ((spec.greFlags & bit) != 0) put32(payload, 0);
    payload.insert(payload.end(), mpls.begin(), mpls.end());
  } else {
    outer.sport = 50000, outer.dport = 6635, outer.payload = mpls;
    payload = transport(outer);
    set16(payload, 6, 0);
  }
  return ethernet(outer, ipv4(outer, payload));
}

}  // namespace hawser::datapath::test
