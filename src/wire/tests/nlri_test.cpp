// NLRI of each family, byte by byte: what decodes, to what; what does not, and why.
#include "nlri.h"

#include <gtest/gtest.h>

#include "build.h"

namespace hawser::wire {
namespace {

using test::hex;

struct Read {
  std::vector<std::string> items;  // as text
  std::string why;                 // when it is malformed
};

std::string textOf(const Nlri& nlri) {
  if (const auto* vpn = std::get_if<VpnNlri>(&nlri))
    return std::to_string(vpn->label.value()) + " " + vpn->rd.text() + " " + vpn->prefix.text();
  if (const auto* unicast = std::get_if<UnicastNlri>(&nlri)) return unicast->prefix.text();
  const auto& membership = std::get<RtMembership>(nlri);
  std::string target;
  for (const auto byte : membership.target) target += std::to_string(byte) + ".";
  return std::to_string(membership.length) + " " + std::to_string(membership.origin.value()) + " " +
         target;
}

Read read(Family family, std::string_view bytes, bool withdrawal = false) {
  const auto block = hex(bytes);
  Read out;
  const auto nlri = decodeNlri(Cursor(block), family, withdrawal, out.why);
  if (nlri)
    for (const auto& item : *nlri) out.items.push_back(textOf(item));
  EXPECT_EQ(nlri.has_value(), out.why.empty());
  return out;
}

using Items = std::vector<std::string>;

TEST(UnicastNlri, OfEveryLength) {
  EXPECT_EQ(read(kIpv4Unicast, "").items, Items{});
  EXPECT_EQ(read(kIpv4Unicast, "00").items, Items{"0.0.0.0/0"});
  EXPECT_EQ(read(kIpv4Unicast, "01 80").items, Items{"128.0.0.0/1"});
  EXPECT_EQ(read(kIpv4Unicast, "08 0a").items, Items{"10.0.0.0/8"});
  EXPECT_EQ(read(kIpv4Unicast, "09 0a80").items, Items{"10.128.0.0/9"});
  EXPECT_EQ(read(kIpv4Unicast, "20 0a000001 18 c00002").items,
            (Items{"10.0.0.1/32", "192.0.2.0/24"}));
  EXPECT_EQ(read(kIpv6Unicast, "00 20 20010db8 80 20010db8000000000000000000000001").items,
            (Items{"::/0", "2001:db8::/32", "2001:db8::1/128"}));
}

TEST(UnicastNlri, BitsBehindTheLengthMeanNothing) {
  EXPECT_EQ(read(kIpv4Unicast, "09 0aff").items, Items{"10.128.0.0/9"});
  EXPECT_EQ(read(kIpv4Unicast, "01 ff").items, Items{"128.0.0.0/1"});
  EXPECT_EQ(read(kIpv6Unicast, "21 20010db8ff").items, Items{"2001:db8:8000::/33"});
}

TEST(UnicastNlri, Malformed) {
  EXPECT_NE(read(kIpv4Unicast, "21 0a00000000").why.find("33 is more than 32"), std::string::npos);
  EXPECT_NE(read(kIpv6Unicast, "81 00").why.find("129 is more than 128"), std::string::npos);
  EXPECT_NE(read(kIpv4Unicast, "18 c000").why.find("over the end"), std::string::npos);
  EXPECT_NE(read(kIpv4Unicast, "08 0a 08").why.find("over the end"), std::string::npos)
      << "one good route does not save the field";
}

TEST(VpnNlri, TheThreeFormsOfDistinguishers) {
  EXPECT_EQ(read(kVpnv4, "78 000651 0000 fc00 00000007 0a006401").items,
            Items{"101 64512:7 10.0.100.1/32"});
  EXPECT_EQ(read(kVpnv4, "78 000651 0001 0a01000b 0007 0a006401").items,
            Items{"101 10.1.0.11:7 10.0.100.1/32"});
  EXPECT_EQ(read(kVpnv4, "70 000651 0002 fa56ea00 0007 0a0064").items,
            Items{"101 4200000000:7 10.0.100.0/24"});
  EXPECT_EQ(read(kVpnv4, "58 000651 00090102030405 06").items,
            Items{"101 0009010203040506 0.0.0.0/0"})
      << "a form that nobody knows is a key like any other";
  EXPECT_EQ(read(kVpnv6, "d8 000651 0000fc0000000007 20010db8000000000000000000000001").items,
            Items{"101 64512:7 2001:db8::1/128"});
}

TEST(VpnNlri, Labels) {
  EXPECT_EQ(read(kVpnv4, "58 fffff1 0000fc0000000007").items, Items{"1048575 64512:7 0.0.0.0/0"});
  EXPECT_EQ(read(kVpnv4, "58 000031 0000fc0000000007").items, Items{"3 64512:7 0.0.0.0/0"});
  EXPECT_EQ(read(kVpnv4, "58 00065f 0000fc0000000007").items, Items{"101 64512:7 0.0.0.0/0"})
      << "the traffic class does not matter";
  EXPECT_EQ(read(kVpnv4, "88 000650 000660 000671 0000fc0000000007").items,
            Items{"101 64512:7 0.0.0.0/0"})
      << "the top of a stack";
}

TEST(VpnNlri, InAWithdrawalLabelsMeanNothing) {
  for (const auto* label : {"800000", "000000", "000001", "000651", "fffff1"})
    EXPECT_EQ(read(kVpnv4, std::string("60 ") + label + " 0000fc0000000007 0a", true).items,
              Items{"0 64512:7 10.0.0.0/8"})
        << label;
  EXPECT_FALSE(read(kVpnv4, "60 800000 0000fc0000000007 0a").why.empty())
      << "the compatibility field of withdrawals announces nothing";
  EXPECT_FALSE(read(kVpnv4, "60 000010 0000fc0000000007 0a", true).why.empty())
      << "a stack that never ends";
}

TEST(VpnNlri, Malformed) {
  for (const auto* bytes : {
           "00", "17 000651",                        // shorter than a label
           "18 000651", "57 000651 0000fc00000000",  // no room for the distinguisher
           "58 000651 0000fc00000000",               // distinguisher over the end
           "60 000651 0000fc0000000007",             // prefix over the end
           "79 000651 0000fc0000000007 0a00640b00",  // 33 bits of address
           "58 000650 0000fc0000000007",             // no bottom of the stack
       })
    EXPECT_FALSE(read(kVpnv4, bytes).why.empty()) << bytes;
  EXPECT_TRUE(
      read(kVpnv6, "d8 000651 0000fc0000000007 20010db8000000000000000000000001").why.empty());
  EXPECT_FALSE(
      read(kVpnv6, "d9 000651 0000fc0000000007 20010db800000000000000000000000100").why.empty());
}

TEST(RtMembership, OfEveryLength) {
  EXPECT_EQ(read(kRtConstraint, "00").items, Items{"0 0 0.0.0.0.0.0.0.0."});
  EXPECT_EQ(read(kRtConstraint, "20 0000fc00").items, Items{"32 64512 0.0.0.0.0.0.0.0."});
  EXPECT_EQ(read(kRtConstraint, "60 0000fc00 0002fc0000000064").items,
            Items{"96 64512 0.2.252.0.0.0.0.100."});
  EXPECT_EQ(read(kRtConstraint, "40 0000fc00 0002fc00").items,
            Items{"64 64512 0.2.252.0.0.0.0.0."});
  EXPECT_EQ(read(kRtConstraint, "3c 0000fc00 0002fcff").items,
            Items{"60 64512 0.2.252.240.0.0.0.0."})
      << "spare bits are cleared, so that equal memberships are equal";
  EXPECT_EQ(read(kRtConstraint, "00 20 00000001 60 00000001 0002000100000001").items.size(), 3U);
}

TEST(RtMembership, Malformed) {
  for (const auto* bytes : {"01 00", "1f 0000fc00", "61 0000fc00 0002fc000000006400", "20 0000fc",
                            "60 0000fc00 0002fc00000000", "ff"})
    EXPECT_FALSE(read(kRtConstraint, bytes).why.empty()) << bytes;
}

TEST(RtMembership, MatchesByItsBits) {
  const auto target = *net::RouteTarget::parse("64512:100");
  auto membership = RtMembership::of(net::Asn(64512), target);
  EXPECT_TRUE(membership.matches(target));
  for (int bit = 0; bit < 64; ++bit) {
    auto bytes = target.bytes();
    auto& byte = bytes[static_cast<std::size_t>(bit) / 8];
    byte = static_cast<std::uint8_t>(byte ^ (0x80U >> (static_cast<unsigned>(bit) % 8U)));
    const auto other = net::RouteTarget::from(net::ExtendedCommunity(bytes));
    if (!other) continue;  // type and sub-type are what makes it a route target
    for (const int length : {32, 33, 40, 48, 63, 64, 80, 95, 96}) {
      membership.length = static_cast<std::uint8_t>(length);
      EXPECT_EQ(membership.matches(*other), bit >= length - 32) << bit << " of " << length;
    }
  }
  EXPECT_TRUE(RtMembership::defaultRoute().matches(target));
}

Bytes written(const Nlri& nlri, bool withdrawal = false) {
  Bytes out;
  encodeNlri(out, nlri, withdrawal);
  return out;
}

TEST(EncodeNlri, TheBytesOnTheWire) {
  const auto rd = *net::RouteDistinguisher::parse("10.1.0.11:7");
  const VpnNlri vpn{*net::Label::make(101), rd, *net::IpPrefix::parse("10.0.100.11/32")};
  EXPECT_EQ(written(vpn), test::kVpnNlri);
  EXPECT_EQ(written(vpn, true), hex("78 800000 0001 0a01000b 0007 0a00640b")) << "RFC 8277, 2.4";
  EXPECT_EQ(written(UnicastNlri{*net::IpPrefix::parse("192.0.2.0/24")}), hex("18 c00002"));
  EXPECT_EQ(written(UnicastNlri{*net::IpPrefix::parse("0.0.0.0/0")}), hex("00"));
  EXPECT_EQ(written(UnicastNlri{*net::IpPrefix::parse("2001:db8::/33")}), hex("21 20010db800"));
  EXPECT_EQ(written(RtMembership::defaultRoute()), hex("00"));
  EXPECT_EQ(written(RtMembership::of(net::Asn(64512), *net::RouteTarget::parse("64512:100"))),
            hex("60 0000fc00 0002fc0000000064"));
}

TEST(EncodeNlri, EveryPrefixLengthComesBack) {
  for (int length = 0; length <= 32; ++length) {
    const auto prefix = net::IpPrefix::truncated(*net::IpAddress::parse("171.205.239.85"), length);
    const VpnNlri vpn{*net::Label::make(16), {}, prefix};
    for (const auto& [family, nlri] :
         {std::pair<Family, Nlri>{kVpnv4, vpn}, {kIpv4Unicast, UnicastNlri{prefix}}}) {
      std::string why;
      const auto bytes = written(nlri);
      const auto again = decodeNlri(Cursor(bytes), family, false, why);
      ASSERT_TRUE(again) << why;
      EXPECT_EQ(*again, std::vector<Nlri>{nlri});
    }
  }
  for (int length = 0; length <= 128; ++length) {
    const auto prefix = net::IpPrefix::truncated(
        *net::IpAddress::parse("abcd:ef01:2345:6789:abcd:ef01:2345:6789"), length);
    const auto bytes = written(UnicastNlri{prefix});
    std::string why;
    EXPECT_EQ(*decodeNlri(Cursor(bytes), kIpv6Unicast, false, why),
              std::vector<Nlri>{UnicastNlri{prefix}});
  }
}

TEST(Families, AreKnownByRow) {
  for (const auto family : {kIpv4Unicast, kIpv6Unicast, kVpnv4, kVpnv6, kRtConstraint})
    EXPECT_TRUE(knownFamily(family)) << familyName(family);
  EXPECT_FALSE(knownFamily(kEvpn));
  EXPECT_FALSE(knownFamily({1, 2}));
  EXPECT_EQ(familyName(kVpnv4), "vpnv4");
  EXPECT_EQ(familyName(kVpnv6), "vpnv6");
  EXPECT_EQ(familyName(kRtConstraint), "rtc");
  EXPECT_EQ(familyName(kIpv4Unicast), "ipv4");
  EXPECT_EQ(familyName(kIpv6Unicast), "ipv6");
  EXPECT_EQ(familyName(kEvpn), "evpn");
  EXPECT_EQ(familyName({1, 133}), "1/133");
  for (const auto family : {kIpv4Unicast, kIpv6Unicast, kVpnv4, kVpnv6, kEvpn, kRtConstraint})
    EXPECT_EQ(parseFamily(familyName(family)), family);
  for (const auto* none : {"", "vpn", "vpnv4 ", "VPNV4", "1/133", "1/128"})
    EXPECT_EQ(parseFamily(none), std::nullopt) << none;
}

}  // namespace
}  // namespace hawser::wire
