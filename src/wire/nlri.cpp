#include "nlri.h"

#include <fmt/core.h>

#include <algorithm>

namespace hawser::wire {
namespace {

constexpr std::size_t kLabelBits = 24, kRdBits = 64;
// RFC 8277, 2.4: the compatibility field of a withdrawal. Others send 0 there (FRR) or what was
// announced.
constexpr std::uint32_t kWithdrawnLabel = 0x800000;

std::size_t addressBits(Family family) { return family.afi == 1 ? 32 : 128; }

std::optional<net::IpPrefix> decodePrefix(Cursor& block, std::size_t bits, Family family,
                                          std::string& why) {
  if (bits > addressBits(family)) {
    why = fmt::format("prefix length {} is more than {}", bits, addressBits(family));
    return std::nullopt;
  }
  const auto size = (bits + 7) / 8;
  if (!block.has(size)) {
    why = fmt::format("prefix of {} bits runs over the end", bits);
    return std::nullopt;
  }
  std::array<std::uint8_t, 16> bytes{};
  const auto part = block.take(size);
  std::copy(part.begin(), part.end(), bytes.begin());
  // Bits behind the length carry no meaning (RFC 4271, 4.3).
  return net::IpPrefix::truncated(
      *net::IpAddress::fromBytes({bytes.data(), addressBits(family) / 8}), static_cast<int>(bits));
}

std::optional<Nlri> decodeUnicast(Cursor& block, Family family, bool, std::string& why) {
  const auto prefix = decodePrefix(block, block.u8(), family, why);
  if (!prefix) return std::nullopt;
  return UnicastNlri{*prefix};
}

// RFC 4364, 4.3.4 with the label stack of RFC 8277: the first label is ours, down to the
// bottom-of-stack bit.
std::optional<Nlri> decodeVpn(Cursor& block, Family family, bool withdrawal, std::string& why) {
  std::size_t bits = block.u8();
  VpnNlri vpn;
  bool first = true;
  for (bool bottom = false; !bottom; first = false) {
    if (bits < kLabelBits + kRdBits || !block.has(3)) {
      why = "no bottom of the label stack before the route distinguisher";
      return std::nullopt;
    }
    const auto entry = block.u24();
    if (first) vpn.label = *net::Label::make(entry >> 4U);  // the traffic class does not matter
    bottom = (entry & 1U) != 0 || (withdrawal && (entry == kWithdrawnLabel || entry == 0));
    bits -= kLabelBits;
  }
  if (!block.has(8)) {
    why = "route distinguisher runs over the end";
    return std::nullopt;
  }
  vpn.rd = net::RouteDistinguisher(block.array<8>());
  const auto prefix = decodePrefix(block, bits - kRdBits, family, why);
  if (!prefix) return std::nullopt;
  vpn.prefix = *prefix;
  if (withdrawal) vpn.label = net::Label();
  return vpn;
}

// RFC 4684, 4: 0 bits, or 32 to 96.
std::optional<Nlri> decodeMembership(Cursor& block, Family, bool, std::string& why) {
  const auto bits = block.u8();
  if (bits == 0) return RtMembership::defaultRoute();
  if (bits < 32 || bits > 96) {
    why = fmt::format("route target membership of {} bits (0 or 32 to 96)", bits);
    return std::nullopt;
  }
  const std::size_t size = (bits + 7U) / 8U;
  if (!block.has(size)) {
    why = "route target membership runs over the end";
    return std::nullopt;
  }
  RtMembership membership;
  membership.length = bits;
  membership.origin = net::Asn(block.u32());
  const auto part = block.take(size - 4);
  std::copy(part.begin(), part.end(), membership.target.begin());
  if (const auto spare = size * 8 - bits; spare > 0)
    membership.target[size - 5] =
        static_cast<std::uint8_t>(membership.target[size - 5] & (0xffU << spare));
  return membership;
}

using Decoder = std::optional<Nlri> (*)(Cursor&, Family, bool, std::string&);
struct Row {
  Family family;
  Decoder decode;
};
constexpr std::array kRows{
    Row{kIpv4Unicast, decodeUnicast}, Row{kIpv6Unicast, decodeUnicast},     Row{kVpnv4, decodeVpn},
    Row{kVpnv6, decodeVpn},           Row{kRtConstraint, decodeMembership},
};

const Row* rowOf(Family family) {
  const auto* found = std::find_if(kRows.begin(), kRows.end(),
                                   [&](const Row& row) { return row.family == family; });
  return found == kRows.end() ? nullptr : found;
}

void putPrefix(Bytes& out, const net::IpPrefix& prefix) {
  putBytes(out, prefix.address().bytes().first(static_cast<std::size_t>(prefix.length() + 7) / 8));
}

struct Encoder {
  Bytes& out;
  bool withdrawal;
  void operator()(const UnicastNlri& nlri) const {
    put8(out, static_cast<std::size_t>(nlri.prefix.length()));
    putPrefix(out, nlri.prefix);
  }
  void operator()(const VpnNlri& nlri) const {
    put8(out, kLabelBits + kRdBits + static_cast<std::size_t>(nlri.prefix.length()));
    put24(out, withdrawal ? kWithdrawnLabel : (nlri.label.value() << 4U) | 1U);
    putBytes(out, nlri.rd.bytes());
    putPrefix(out, nlri.prefix);
  }
  void operator()(const RtMembership& nlri) const {
    put8(out, nlri.length);
    if (nlri.length == 0) return;
    put32(out, nlri.origin.value());
    putBytes(out, ByteView(nlri.target).first((nlri.length + 7U) / 8U - 4U));
  }
};

}  // namespace

bool knownFamily(Family family) { return rowOf(family) != nullptr; }

std::optional<std::vector<Nlri>> decodeNlri(Cursor block, Family family, bool withdrawal,
                                            std::string& why) {
  const auto* row = rowOf(family);
  HAWSER_CHECK(row != nullptr, "NLRI of an unknown family");
  std::vector<Nlri> all;
  while (!block.empty()) {
    auto nlri = row->decode(block, family, withdrawal, why);
    if (!nlri) return std::nullopt;
    all.push_back(*nlri);
  }
  return all;
}

void encodeNlri(Bytes& out, const Nlri& nlri, bool withdrawal) {
  std::visit(Encoder{out, withdrawal}, nlri);
}

RtMembership RtMembership::of(net::Asn origin, const net::RouteTarget& target) {
  return {.length = 96, .origin = origin, .target = target.bytes()};
}

bool RtMembership::matches(const net::RouteTarget& wanted) const {
  if (length <= 32) return true;  // the default, or any target of an origin AS
  const unsigned bits = length - 32U;
  const auto& bytes = wanted.bytes();
  for (unsigned i = 0; i < 8 && i * 8 < bits; ++i) {
    const unsigned kept = std::min(8U, bits - i * 8);
    const auto mask = static_cast<std::uint8_t>(0xff00U >> kept);
    if ((bytes[i] & mask) != (target[i] & mask)) return false;
  }
  return true;
}

namespace {

struct NamedFamily {
  Family family;
  std::string_view name;
};
constexpr NamedFamily kNames[] = {{kIpv4Unicast, "ipv4"}, {kIpv6Unicast, "ipv6"},
                                  {kVpnv4, "vpnv4"},      {kVpnv6, "vpnv6"},
                                  {kEvpn, "evpn"},        {kRtConstraint, "rtc"}};

}  // namespace

std::string familyName(Family family) {
  for (const auto& named : kNames)
    if (named.family == family) return std::string(named.name);
  return fmt::format("{}/{}", family.afi, family.safi);
}

std::optional<Family> parseFamily(std::string_view name) {
  for (const auto& named : kNames)
    if (named.name == name) return named.family;
  return std::nullopt;
}

}  // namespace hawser::wire
