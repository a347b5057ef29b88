// Generated values of every shape.
#pragma once

#include <random>

#include "build.h"

namespace hawser::wire::test {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::uint32_t u32() { return static_cast<std::uint32_t>(engine_()); }
  std::uint32_t below(std::uint32_t n) { return u32() % n; }
  bool coin() { return below(2) == 0; }

  net::Asn asn() { return net::Asn(coin() ? 1 + below(65535) : 65536 + below(4000000000U)); }
  net::Ipv4Address v4() { return net::Ipv4Address(0x0a000000U | below(1U << 24U)); }
  net::Ipv6Address v6() {
    std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
    for (std::size_t i = 8; i < 16; ++i) bytes[i] = static_cast<std::uint8_t>(u32());
    return net::Ipv6Address(bytes);
  }
  Bytes bytes(std::size_t size) {
    Bytes out(size);
    for (auto& byte : out) byte = static_cast<std::uint8_t>(u32());
    return out;
  }

  AsPath path() {
    AsPath out;
    for (std::uint32_t i = below(3); i > 0; --i) {
      // Two sequences in a row are one when they are merged with an AS4_PATH.
      const bool set = !out.empty() && out.back().type == AsPathSegment::Type::kSequence;
      AsPathSegment segment{set ? AsPathSegment::Type::kSet : AsPathSegment::Type::kSequence, {}};
      for (std::uint32_t n = 1 + below(5); n > 0; --n) segment.asns.push_back(asn());
      out.push_back(std::move(segment));
    }
    return out;
  }

  std::shared_ptr<PathAttributes> attributes(bool nextHopV6) {
    auto out = std::make_shared<PathAttributes>();
    out->origin = static_cast<Origin>(below(3));
    out->asPath = path();
    out->nextHop = nextHopV6 ? net::IpAddress(v6()) : net::IpAddress(v4());
    if (coin()) out->med = u32();
    if (coin()) out->localPref = u32();
    out->atomicAggregate = coin();
    for (std::uint32_t i = below(4); i > 0; --i) out->communities.push_back(u32());
    for (std::uint32_t i = below(5); i > 0; --i) {
      std::array<std::uint8_t, 8> community{};
      for (auto& byte : community) byte = static_cast<std::uint8_t>(u32());
      out->extendedCommunities.emplace_back(community);
    }
    if (coin()) out->originatorId = v4();
    for (std::uint32_t i = below(3); i > 0; --i) out->clusterList.push_back(v4());
    if (coin()) out->other.push_back({0xe0, 200, bytes(below(300))});
    return out;
  }

  // Half of them whole, the others of any length.
  RtMembership membership() {
    auto out = RtMembership::of(asn(), *net::RouteTarget::make(net::Asn(1 + below(65535)), u32()));
    if (coin()) return out;
    out.length = static_cast<std::uint8_t>(32 + below(65));
    for (std::size_t bit = out.length - 32U; bit < 64; ++bit)
      out.target[bit / 8] = static_cast<std::uint8_t>(out.target[bit / 8] & ~(0x80U >> bit % 8));
    return out;
  }

  Nlri nlri(Family family) {
    const auto prefix = family.afi == 1
                            ? net::IpPrefix::truncated(v4(), static_cast<int>(below(33)))
                            : net::IpPrefix::truncated(v6(), static_cast<int>(below(129)));
    if (family == kRtConstraint) {
      return below(8) == 0 ? RtMembership::defaultRoute() : membership();
    }
    if (family.safi == 1) return UnicastNlri{prefix};
    const auto rd =
        net::RouteDistinguisher::ofAddress(v4(), static_cast<std::uint16_t>(below(65536)));
    return VpnNlri{*net::Label::make(below(1U << 20U)), rd, prefix};
  }

  Update update() {
    constexpr std::array kFamilies{kIpv4Unicast, kIpv6Unicast, kVpnv4, kVpnv6, kRtConstraint};
    Update out;
    out.family = kFamilies[below(kFamilies.size())];
    for (std::uint32_t i = below(40); i > 0; --i) out.announced.push_back(nlri(out.family));
    for (std::uint32_t i = below(40); i > 0; --i) out.withdrawn.push_back(nlri(out.family));
    if (!out.announced.empty()) out.attributes = attributes(out.family.afi == 2);
    return out;
  }

 private:
  std::mt19937 engine_;
};

}  // namespace hawser::wire::test
