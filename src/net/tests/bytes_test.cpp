// Bytes as other implementations send them, and the words in which mistakes are told.
#include <gtest/gtest.h>

#include "hawser/net/address.h"
#include "hawser/net/lpm.h"
#include "hawser/net/vpn.h"

namespace hawser::net {
namespace {

using Eight = std::array<std::uint8_t, 8>;

// ---- route distinguishers (RFC 4364, 4.2) ----

TEST(RouteDistinguisherBytes, OfOtherMakers) {
  struct Row {
    const char* text;
    Eight bytes;
    std::uint16_t type;
  };
  for (const auto& row : {
           Row{"64512:100", {0, 0, 0xfc, 0, 0, 0, 0, 100}, 0},
           Row{"0:0", {0, 0, 0, 0, 0, 0, 0, 0}, 0},
           Row{"65535:4294967295", {0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0},
           Row{"10.1.0.11:7", {0, 1, 10, 1, 0, 11, 0, 7}, 1},
           Row{"0.0.0.0:0", {0, 1, 0, 0, 0, 0, 0, 0}, 1},
           Row{"255.255.255.255:65535", {0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 1},
           Row{"65536:1", {0, 2, 0, 1, 0, 0, 0, 1}, 2},
           Row{"4294967295:65535", {0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 2},
           Row{"100L:1", {0, 2, 0, 0, 0, 100, 0, 1}, 2},
       }) {
    const auto parsed = RouteDistinguisher::parse(row.text);
    ASSERT_TRUE(parsed) << row.text;
    EXPECT_EQ(parsed->bytes(), row.bytes) << row.text;
    EXPECT_EQ(parsed->type(), row.type) << row.text;
    EXPECT_EQ(RouteDistinguisher(row.bytes).text(), row.text);
  }
}

TEST(RouteDistinguisherBytes, FormsAreDifferentKeys) {
  EXPECT_NE(*RouteDistinguisher::parse("100:1"), *RouteDistinguisher::parse("100L:1"))
      << "two routes, although people may read the same";
  EXPECT_NE(*RouteDistinguisher::parse("0.0.0.100:1"), *RouteDistinguisher::parse("100L:1"));
}

TEST(RouteDistinguisherBytes, OfAHost) {
  const auto rd = RouteDistinguisher::ofAddress(Ipv4Address(0x0a02000b), 65535);
  EXPECT_EQ(rd.text(), "10.2.0.11:65535");
  EXPECT_EQ(rd.type(), 1);
}

// ---- extended communities ----

TEST(RouteTargetBytes, OfOtherMakers) {
  struct Row {
    const char* text;
    Eight bytes;
  };
  for (const auto& row : {
           Row{"64512:100", {0x00, 0x02, 0xfc, 0, 0, 0, 0, 100}},
           Row{"64512:8000001", {0x00, 0x02, 0xfc, 0, 0x00, 0x7a, 0x12, 0x01}},
           Row{"10.0.0.1:7", {0x01, 0x02, 10, 0, 0, 1, 0, 7}},
           Row{"4200000000:7", {0x02, 0x02, 0xfa, 0x56, 0xea, 0x00, 0, 7}},
       }) {
    EXPECT_EQ(RouteTarget::parse(row.text)->bytes(), row.bytes) << row.text;
    const auto read = RouteTarget::from(ExtendedCommunity(row.bytes));
    ASSERT_TRUE(read) << row.text;
    EXPECT_EQ(read->text(), row.text);
  }
}

TEST(RouteTargetBytes, OnlyTargetsAreTargets) {
  for (const auto& bytes : {
           Eight{0x00, 0x03, 0xfc, 0, 0, 0, 0, 1},     // route origin
           Eight{0x40, 0x02, 0xfc, 0, 0, 0, 0, 1},     // not transitive
           Eight{0x03, 0x0c, 0, 0, 0, 0, 0, 13},       // encapsulation
           Eight{0x06, 0x02, 1, 2, 3, 4, 5, 6},        // EVPN ES-import (RFC 7432, 7.6)
           Eight{0x80, 0x71, 0xfc, 0, 0, 0, 0, 9},     // identity
           Eight{0x40, 0x04, 0xfc, 0, 0x4c, 0, 0, 0},  // link bandwidth
       })
    EXPECT_FALSE(RouteTarget::from(ExtendedCommunity(bytes))) << int(bytes[0]) << int(bytes[1]);
}

TEST(RouteTargetBytes, NumbersOfEachForm) {
  EXPECT_EQ(RouteTarget::parse("10.0.0.1:65535")->number(), 65535U);
  EXPECT_EQ(RouteTarget::parse("64512:4294967295")->number(), 4294967295U);
  EXPECT_EQ(RouteTarget::parse("4200000000:1")->asn(), Asn(4200000000U));
  EXPECT_FALSE(RouteTarget::parse("10.0.0.1:1")->asn()) << "an address is nobody's AS";
}

TEST(RouteTargetBytes, NoneIsNoTargetThatCanBeWritten) {
  EXPECT_EQ(RouteTarget().text(), "0:0");
  EXPECT_FALSE(RouteTarget::parse("0:0"));
}

TEST(EncapsulationBytes, OfOtherMakers) {
  // OpenContrail and Juniper send both, GoBGP's "mpls-in-udp" is 13 as IANA has it; 7 (NVGRE) and
  // 10 (MPLS) are of no use here.
  const auto read = [](std::uint8_t type) {
    return encapsulationOf(ExtendedCommunity({0x03, 0x0c, 0, 0, 0, 0, 0, type}));
  };
  EXPECT_EQ(read(2), Encapsulation::kGre);
  EXPECT_EQ(read(8), Encapsulation::kVxlan);
  EXPECT_EQ(read(13), Encapsulation::kMplsInUdp);
  for (const std::uint8_t other :
       {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{7}, std::uint8_t{10}, std::uint8_t{255}})
    EXPECT_FALSE(read(other)) << int(other);
  EXPECT_EQ(encapsulationOf(ExtendedCommunity({0x03, 0x0c, 1, 2, 3, 4, 0, 13})),
            Encapsulation::kMplsInUdp)
      << "reserved bytes are ignored (RFC 9012, 4.1)";
  EXPECT_FALSE(encapsulationOf(ExtendedCommunity({0x43, 0x0c, 0, 0, 0, 0, 0, 13})));
}

TEST(IdentityBytes, LayOut) {
  EXPECT_EQ(identityCommunity({64512, 70000}).bytes(),
            (Eight{0x80, 0x71, 0xfc, 0x00, 0x00, 0x01, 0x11, 0x70}));
  EXPECT_EQ((Identity{0xffff, 0xffffffff}).key(), 0xffffffffffffULL);
  EXPECT_EQ(Identity().key(), 0U) << "unknown";
  EXPECT_LT((Identity{1, 9}), (Identity{2, 0}));
}

// ---- mistakes, as people read them ----

TEST(Mistakes, SayWhatIsWrong) {
  const auto rd = [](const char* text) { return RouteDistinguisher::parse(text).error().message; };
  const auto rt = [](const char* text) { return RouteTarget::parse(text).error().message; };
  const auto prefix = [](const char* text) { return IpPrefix::parse(text).error().message; };
  EXPECT_EQ(rd("64512"),
            "\"64512\" is not a route distinguisher: it has the form AS:NUMBER or ADDRESS:NUMBER");
  EXPECT_EQ(rd("x:1"), "\"x:1\" is not a route distinguisher: \"x\" is not an AS number");
  EXPECT_EQ(rd("10.1.0:1"),
            "\"10.1.0:1\" is not a route distinguisher: \"10.1.0\" is not an IPv4 address");
  EXPECT_EQ(rd("10.1.0.1:65536"),
            "\"10.1.0.1:65536\" is not a route distinguisher: the number after the colon must be 0 "
            "to 65535");
  EXPECT_EQ(
      rt("64512:x"),
      "\"64512:x\" is not a route target: the number after the colon must be 0 to 4294967295");
  EXPECT_EQ(rt("0:1"), "\"0:1\" is not a route target: 0 is not an AS number");
  EXPECT_EQ(rt("4294967296:1"),
            "\"4294967296:1\" is not a route target: \"4294967296\" is not an "
            "AS number");
  EXPECT_EQ(prefix("10.0.0.0/33"), "10.0.0.0/33: the length must be 0 to 32");
  EXPECT_EQ(prefix("::/129"), "\"::/129\" is not a prefix (address/length)");
  EXPECT_EQ(prefix("10.0.0.9/30"), "10.0.0.9/30 has host bits set; did you mean 10.0.0.8/30?");
  EXPECT_EQ(prefix("2001:db8::1/64"),
            "2001:db8::1/64 has host bits set; did you mean 2001:db8::/64?");
  EXPECT_EQ(parseAsn("0").error().message, "\"0\" is not an AS number (1 to 4294967295)");
  EXPECT_EQ(RouteTarget::make(Asn(4200000000U), 70000).error().message,
            "4200000000:70000: with a four-byte AS the number must be 0 to 65535");
  const std::array<std::uint8_t, 3> three{};
  EXPECT_EQ(IpAddress::fromBytes(three).error().message, "an IP address has 4 or 16 bytes, not 3");
}

// ---- the map ----

TEST(PrefixMap, FindsExactlyWalksInOrderAndForgets) {
  PrefixMap<std::string> map;
  EXPECT_TRUE(map.empty());
  for (const auto* text : {"10.0.0.0/8", "0.0.0.0/0", "::/0", "10.0.0.0/16"})
    map[*IpPrefix::parse(text)] = text;
  std::vector<std::string> walked;
  for (const auto& [prefix, value] : map) {
    EXPECT_EQ(prefix.text(), value);
    walked.push_back(value);
  }
  EXPECT_EQ(walked, (std::vector<std::string>{"0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "::/0"}));
  auto* found = map.find(*IpPrefix::parse("10.0.0.0/16"));
  ASSERT_TRUE(found);
  *found = "changed";
  EXPECT_EQ(map.lookup(*IpAddress::parse("10.0.9.9"))->second, "changed");
  EXPECT_FALSE(map.find(*IpPrefix::parse("10.0.0.0/12"))) << "exactly, not by containment";
  map[*IpPrefix::parse("10.0.0.0/16")] = "again";
  EXPECT_EQ(map.size(), 4U) << "one value a prefix";
  for (const auto* text : {"10.0.0.0/8", "0.0.0.0/0", "10.0.0.0/16"})
    EXPECT_TRUE(map.erase(*IpPrefix::parse(text)));
  EXPECT_FALSE(map.lookup(*IpAddress::parse("10.0.0.1")));
  EXPECT_TRUE(map.lookup(*IpAddress::parse("2001:db8::1"))) << "the other family's default stays";
}

TEST(PrefixMap, HostsAndDefaultsOfBothFamilies) {
  PrefixMap<int> map;
  map[*IpPrefix::parse("10.0.0.1/32")] = 1;
  map[*IpPrefix::parse("2001:db8::1/128")] = 2;
  EXPECT_EQ(map.lookup(*IpAddress::parse("10.0.0.1"))->second, 1);
  EXPECT_FALSE(map.lookup(*IpAddress::parse("10.0.0.0")));
  EXPECT_EQ(map.lookup(*IpAddress::parse("2001:db8::1"))->second, 2);
  EXPECT_FALSE(map.lookup(*IpAddress::parse("2001:db8::2")));
  map[*IpPrefix::parse("::/0")] = 3;
  EXPECT_EQ(map.lookup(*IpAddress::parse("2001:db8::2"))->second, 3);
  EXPECT_FALSE(map.lookup(*IpAddress::parse("10.0.0.0")));
}

}  // namespace
}  // namespace hawser::net
