#include "hawser/net/vpn.h"

#include <gtest/gtest.h>

#include "hawser/net/anycast.h"

namespace hawser::net {
namespace {

TEST(RouteDistinguisher, ThreeForms) {
  using Bytes = std::array<std::uint8_t, 8>;
  EXPECT_EQ(RouteDistinguisher::parse("64512:7")->bytes(), (Bytes{0, 0, 0xfc, 0, 0, 0, 0, 7}));
  EXPECT_EQ(RouteDistinguisher::parse("10.1.0.1:7")->bytes(), (Bytes{0, 1, 10, 1, 0, 1, 0, 7}));
  EXPECT_EQ(RouteDistinguisher::parse("4200000000:7")->bytes(),
            (Bytes{0, 2, 0xfa, 0x56, 0xea, 0, 0, 7}));
  EXPECT_EQ(RouteDistinguisher::ofAddress(Ipv4Address(0x0a010001), 7),
            *RouteDistinguisher::parse("10.1.0.1:7"));
  for (const auto* text : {"64512:4294967295", "10.1.0.1:65535", "4200000000:7", "64512L:7"})
    EXPECT_EQ(RouteDistinguisher::parse(text)->text(), text);
  for (const auto* bad : {"", "64512", "64512:", ":7", "64512:4294967296", "10.1.0.1:65536",
                          "10.1.0:7", "x:7", "4200000000:65536"})
    EXPECT_FALSE(RouteDistinguisher::parse(bad)) << bad;
  EXPECT_EQ(RouteDistinguisher(Bytes{0, 9, 1, 2, 3, 4, 5, 6}).text(), "0009010203040506");
}

TEST(RouteTarget, ParsesWithAndWithoutItsName) {
  EXPECT_EQ(RouteTarget::parse("target:64512:100"), RouteTarget::parse("64512:100"));
  EXPECT_EQ(RouteTarget::parse("64512:8000001")->number(), 8000001U);
  EXPECT_EQ(RouteTarget::parse("64512:8000001")->asn(), Asn(64512));
  EXPECT_EQ(RouteTarget::parse("10.0.0.1:7")->asn(), std::nullopt);
  EXPECT_FALSE(RouteTarget::parse("0:1"));
  EXPECT_FALSE(RouteTarget::parse("target:"));
}

TEST(RouteTarget, MakeChoosesTheForm) {
  EXPECT_EQ(RouteTarget::make(Asn(64512), 8000001)->bytes()[0], 0);
  EXPECT_EQ(RouteTarget::make(Asn(4200000000), 7)->bytes()[0], 2);
  EXPECT_FALSE(RouteTarget::make(Asn(4200000000), 70000));
}

// "L" tells a small AS number in four bytes from one in two: RFC 4364's type 2 and type 0 are two
// different values.
TEST(RouteTarget, SmallNumbersInFourBytes) {
  for (const auto* text : {"1L:7", "65534L:7", "65535L:65535", "65536:7"}) {
    EXPECT_EQ(RouteTarget::parse(text)->text(), text);
    EXPECT_EQ(RouteDistinguisher::parse(text)->text(), text);
    EXPECT_EQ(RouteTarget::parse(text)->bytes()[0], 2) << text;
  }
  EXPECT_NE(RouteTarget::parse("1L:7"), RouteTarget::parse("1:7"));
  EXPECT_EQ(RouteTarget::parse("65536L:7"), RouteTarget::parse("65536:7")) << "it says nothing new";
  for (const auto* bad : {"L:7", "1l:7", "1LL:7", "10.0.0.1L:7", "1:7L", "1L:65536"})
    EXPECT_FALSE(RouteTarget::parse(bad)) << bad;
}

TEST(RouteTarget, FromCommunityOnly) {
  const auto target = *RouteTarget::parse("64512:100");
  EXPECT_EQ(RouteTarget::from(target.community()), target);
  EXPECT_EQ(RouteTarget::from(encapsulationCommunity(Encapsulation::kGre)), std::nullopt);
  EXPECT_EQ(RouteTarget::from(ExtendedCommunity({0x40, 2, 0, 0, 0, 0, 0, 0})), std::nullopt);
}

// The bytes that OpenContrail, FRR and GoBGP send.
TEST(ExtendedCommunity, EncapsulationBytes) {
  const ExtendedCommunity udp({0x03, 0x0c, 0, 0, 0, 0, 0, 0x0d});
  EXPECT_EQ(encapsulationCommunity(Encapsulation::kMplsInUdp), udp);
  EXPECT_EQ(encapsulationOf(udp), Encapsulation::kMplsInUdp);
  EXPECT_EQ(encapsulationOf(ExtendedCommunity({0x03, 0x0c, 0, 0, 0, 0, 0, 0x07})), std::nullopt);
  EXPECT_EQ(udp.text(), "encapsulation:MPLSoUDP");
  EXPECT_TRUE(udp.transitive());
}

TEST(Identity, TravelsAsACommunity) {
  const Identity identity{64512, 70000};
  EXPECT_EQ(identityOf(identityCommunity(identity)), identity);
  EXPECT_EQ(identityCommunity(identity).text(), "identity:64512:70000");
  EXPECT_EQ(identity.key(), (64512ULL << 32U) + 70000);
  EXPECT_EQ(identityOf(RouteTarget::parse("64512:1")->community()), std::nullopt);
}

TEST(Anycast, IsAMark) {
  EXPECT_TRUE(isAnycast(anycastCommunity()));
  EXPECT_TRUE(isAnycast(ExtendedCommunity({0x80, 0x72, 1, 2, 3, 4, 5, 6})));
  EXPECT_FALSE(isAnycast(identityCommunity({64512, 7})));
  EXPECT_EQ(anycastCommunity().text(), "anycast");
  EXPECT_TRUE(anycastCommunity().transitive());
}

TEST(Label, HasTwentyBits) {
  EXPECT_TRUE(Label::make(0xfffff));
  EXPECT_FALSE(Label::make(0x100000));
}

TEST(Asn, IsPlain) {
  EXPECT_EQ(*parseAsn("4294967295"), Asn(4294967295U));
  for (const auto* bad : {"0", "", "1.1", "4294967296", "-1", "AS1"})
    EXPECT_FALSE(parseAsn(bad)) << bad;
}

}  // namespace
}  // namespace hawser::net
