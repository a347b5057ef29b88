#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

#include "build.h"

namespace hawser::wire {
namespace {

using namespace test;

net::RouteTarget target(std::string_view text) { return *net::RouteTarget::parse(text); }

std::shared_ptr<PathAttributes> attributes() {
  auto out = std::make_shared<PathAttributes>();
  out->asPath = {{AsPathSegment::Type::kSequence, {net::Asn(64512), net::Asn(4200000000)}}};
  out->nextHop = *net::IpAddress::parse("10.1.0.11");
  out->med = 7;
  out->localPref = 100;
  out->communities = {0xfffffe01};
  out->extendedCommunities = {target("64512:100").community(),
                              net::encapsulationCommunity(net::Encapsulation::kMplsInUdp)};
  out->originatorId = net::Ipv4Address(0x0a01000b);
  out->clusterList = {net::Ipv4Address(0x0a01000a)};
  return out;
}

VpnNlri vpn(std::uint32_t index) {
  return {*net::Label::make(100 + index % 1000),
          net::RouteDistinguisher::ofAddress(net::Ipv4Address(0x0a01000b), 7),
          net::IpPrefix::host(net::Ipv4Address(0x0a000000 + index))};
}

// Whatever an Update says must be what its messages say together.
void expectRoundTrip(const Update& update, const SessionContext& context) {
  const auto encoded = encode(update, context);
  EXPECT_FALSE(encoded.tooLarge);
  std::vector<Nlri> announced, withdrawn;
  for (const auto& bytes : encoded.messages) {
    EXPECT_LE(bytes.size(), context.maxMessage);
    const auto decoded = decodeUpdateMessage(bytes, context);
    EXPECT_TRUE(decoded.problems.empty());
    for (const auto& part : decoded.updates) {
      EXPECT_EQ(part.family, update.family);
      announced.insert(announced.end(), part.announced.begin(), part.announced.end());
      withdrawn.insert(withdrawn.end(), part.withdrawn.begin(), part.withdrawn.end());
      if (part.attributes) {
        EXPECT_EQ(*part.attributes, *update.attributes);
      }
    }
  }
  EXPECT_EQ(announced, update.announced);
  EXPECT_EQ(withdrawn.size(), update.withdrawn.size());
}

TEST(Update, VpnFromAnotherDaemon) {
  const auto decoded = decodeUpdateMessage(update(
      {},
      join({kVpnReach, kOriginIgp, attribute(0x40, 2, {}), attribute(0x40, 5, hex("00000064")),
            attribute(0xc0, 16, hex("0002fc0000000064 030c00000000000d"))}),
      {}));
  ASSERT_EQ(decoded.updates.size(), 1U);
  const auto& got = decoded.updates[0];
  EXPECT_EQ(got.family, kVpnv4);
  ASSERT_EQ(got.announced.size(), 1U);
  const auto& nlri = std::get<VpnNlri>(got.announced[0]);
  EXPECT_EQ(nlri.label.value(), 101U);
  EXPECT_EQ(nlri.rd.text(), "10.1.0.11:7");
  EXPECT_EQ(nlri.prefix.text(), "10.0.100.11/32");
  EXPECT_EQ(got.attributes->nextHop.text(), "10.1.0.11");
  EXPECT_EQ(got.attributes->localPref, 100U);
  EXPECT_EQ(got.attributes->extendedCommunities[0].text(), "target:64512:100");
}

// FRR leaks an internal flag into the traffic class of reflected labels.
TEST(Update, TrafficClassOfALabelIsIgnored) {
  auto bytes = update({}, join({kVpnReach, kOriginIgp, kPath64512}), {});
  const auto at = std::search(bytes.begin(), bytes.end(), kVpnNlri.begin(), kVpnNlri.end());
  ASSERT_NE(at, bytes.end());
  at[3] = 0x53;
  EXPECT_EQ(std::get<VpnNlri>(decodeUpdateMessage(bytes).updates[0].announced[0]).label.value(),
            101U);
}

// FRR 0x000000, BIRD 0x000001, OpenBGPD 0x800000, GoBGP the label it announced.
TEST(Update, AnyLabelWithdraws) {
  for (const auto* label : {"000000", "000001", "800000", "000651"}) {
    const auto unreach = attribute(
        0x80, 15,
        join({hex("0001 80"), hex("78"), hex(label), hex("0001 0a01000b 0007 0a00640b")}));
    const auto decoded = decodeUpdateMessage(update({}, unreach, {}));
    ASSERT_EQ(decoded.updates.size(), 1U) << label;
    ASSERT_EQ(decoded.updates[0].withdrawn.size(), 1U) << label;
    EXPECT_EQ(std::get<VpnNlri>(decoded.updates[0].withdrawn[0]).prefix.text(), "10.0.100.11/32")
        << label;
  }
}

TEST(Update, LabelStackDownToTheBottom) {
  const auto reach = attribute(0x80, 14,
                               join({hex("0001 80 0c 0000000000000000 0a01000b 00"),
                                     hex("90 000650 000661 0001 0a01000b 0007 0a00640b")}));
  const auto decoded = decodeUpdateMessage(update({}, join({reach, kOriginIgp, kPath64512}), {}));
  EXPECT_EQ(std::get<VpnNlri>(decoded.updates[0].announced[0]).label.value(), 101U);
}

TEST(Update, NextHopForms) {
  const auto nextHop = [](std::string_view family, std::string_view field) {
    const auto reach = attribute(0x80, 14, join({hex(family), hex(field), {0}, kVpnNlri}));
    return decodeUpdateMessage(update({}, join({reach, kOriginIgp, kPath64512}), {}))
        .updates[0]
        .attributes->nextHop.text();
  };
  EXPECT_EQ(nextHop("0001 80", "0c 0000000000000000 0a01000b"), "10.1.0.11");
  EXPECT_EQ(nextHop("0001 80", "18 0000000000000000 20010db8000000000000000000000001"),
            "2001:db8::1");
  EXPECT_EQ(nextHop("0001 80",
                    "30 0000000000000000 20010db8000000000000000000000001 "
                    "0000000000000000 fe800000000000000000000000000001"),
            "2001:db8::1");
  EXPECT_FALSE(
      decode(update({},
                    join({attribute(0x80, 14, join({hex("0001 80 05 0000000000 00"), kVpnNlri})),
                          kOriginIgp, kPath64512}),
                    {}),
             {}));
}

TEST(Update, ClassicIpv4BesideMpGivesTwo) {
  const auto decoded = decodeUpdateMessage(
      update({}, join({kOriginIgp, kPath64512, kNextHop1, kVpnReach}), hex("18 c00002")));
  ASSERT_EQ(decoded.updates.size(), 2U);
  EXPECT_EQ(decoded.updates[0].family, kVpnv4);
  EXPECT_EQ(decoded.updates[1].family, kIpv4Unicast);
  EXPECT_EQ(decoded.updates[1].attributes->nextHop.text(), "10.0.0.1");
  EXPECT_EQ(std::get<UnicastNlri>(decoded.updates[1].announced[0]).prefix.text(), "192.0.2.0/24");
}

TEST(Update, EndOfRib) {
  const auto classic =
      decodeUpdateMessage(hex("ffffffffffffffffffffffffffffffff 0017 02 0000 0000"));
  ASSERT_EQ(classic.updates.size(), 1U);
  EXPECT_TRUE(classic.updates[0].endOfRib());
  const auto vpnEnd = decodeUpdateMessage(update({}, attribute(0x80, 15, hex("0001 80")), {}));
  ASSERT_EQ(vpnEnd.updates.size(), 1U);
  EXPECT_TRUE(vpnEnd.updates[0].endOfRib());
  EXPECT_EQ(vpnEnd.updates[0].family, kVpnv4);
  for (const auto family : {kIpv4Unicast, kVpnv4, kRtConstraint}) {
    const auto encoded = encode(
        Update{.family = family, .announced = {}, .withdrawn = {}, .attributes = nullptr}, {});
    ASSERT_EQ(encoded.messages.size(), 1U);
    const auto decoded = decodeUpdateMessage(encoded.messages[0]);
    ASSERT_EQ(decoded.updates.size(), 1U);
    EXPECT_TRUE(decoded.updates[0].endOfRib());
    EXPECT_EQ(decoded.updates[0].family, family);
  }
}

TEST(Update, RoundTripOfEveryFamily) {
  const SessionContext context;
  expectRoundTrip({kVpnv4, {vpn(1), vpn(2)}, {}, attributes()}, context);
  expectRoundTrip({kVpnv4, {}, {vpn(1)}, nullptr}, context);
  expectRoundTrip({kIpv4Unicast,
                   {UnicastNlri{*net::IpPrefix::parse("0.0.0.0/0")},
                    UnicastNlri{*net::IpPrefix::parse("10.1.2.128/25")}},
                   {},
                   attributes()},
                  context);
  auto v6 = attributes();
  v6->nextHop = *net::IpAddress::parse("2001:db8::9");
  expectRoundTrip({kIpv6Unicast, {UnicastNlri{*net::IpPrefix::parse("2001:db8::/33")}}, {}, v6},
                  context);
  expectRoundTrip({kVpnv6,
                   {VpnNlri{*net::Label::make(7), {}, *net::IpPrefix::parse("2001:db8::1/128")}},
                   {},
                   v6},
                  context);
  expectRoundTrip({kVpnv4, {vpn(3)}, {}, v6}, context);
  expectRoundTrip(
      {kRtConstraint,
       {RtMembership::of(net::Asn(64512), target("64512:100")), RtMembership::defaultRoute()},
       {RtMembership::of(net::Asn(1), target("10.0.0.1:2"))},
       attributes()},
      context);
}

TEST(Update, RtMembershipLengths) {
  const auto reach = [](std::string_view nlri) {
    return update({},
                  join({attribute(0x80, 14, join({hex("0001 84 04 0a01000b 00"), hex(nlri)})),
                        kOriginIgp, kPath64512}),
                  {});
  };
  const auto one = [&](std::string_view nlri) {
    return std::get<RtMembership>(decodeUpdateMessage(reach(nlri)).updates[0].announced[0]);
  };
  EXPECT_TRUE(one("00").matches(target("1:1")));
  EXPECT_TRUE(one("20 0000fc00").matches(target("1:1")));
  const auto sixteen = one("30 0000fc00 0002");
  EXPECT_TRUE(sixteen.matches(target("64512:100")));
  EXPECT_FALSE(sixteen.matches(target("10.0.0.1:7")));
  EXPECT_TRUE(one("60 0000fc00 0002fc0000000064").matches(target("64512:100")));
  EXPECT_FALSE(one("60 0000fc00 0002fc0000000064").matches(target("64512:101")));
  EXPECT_FALSE(one("5f 0000fc00 0002fc0000000064").matches(target("64512:102")));
  EXPECT_TRUE(one("5f 0000fc00 0002fc0000000064").matches(target("64512:101")));
  for (const auto* bad : {"1f 0000fc00", "61 0000fc00 0002fc000000006400", "60 0000fc00 0002"})
    EXPECT_FALSE(decode(reach(bad), {})) << bad;
}

TEST(Update, PacksUpToTheLimit) {
  for (const std::size_t limit : {kMaxMessage, kMaxExtendedMessage}) {
    SessionContext context;
    context.maxMessage = limit;
    Update many{kVpnv4, {}, {}, attributes()};
    for (std::uint32_t i = 0; i < 10000; ++i) many.announced.emplace_back(vpn(i));
    expectRoundTrip(many, context);
    const auto messages = encode(many, context).messages;
    for (std::size_t i = 0; i + 1 < messages.size(); ++i)
      EXPECT_GT(messages[i].size() + 16, limit) << "room for another route";
    many.withdrawn = std::move(many.announced);
    many.announced.clear();
    many.attributes.reset();
    expectRoundTrip(many, context);
  }
}

TEST(Update, AttributesTooLargeWithdraw) {
  auto big = attributes();
  big->communities.assign(1200, 1);
  const auto encoded = encode(Update{kVpnv4, {vpn(1)}, {}, big}, {});
  EXPECT_TRUE(encoded.tooLarge);
  ASSERT_EQ(encoded.messages.size(), 1U);
  EXPECT_EQ(decodeUpdateMessage(encoded.messages[0]).updates[0].withdrawn.size(), 1U);
}

TEST(Update, TwoByteSessionKeepsWidePaths) {
  SessionContext old;
  old.fourByteAs = false;
  expectRoundTrip({kVpnv4, {vpn(1)}, {}, attributes()}, old);  // AS_TRANS and AS4_PATH merge back
}

TEST(Update, UnknownAttributes) {
  const auto base = join({kVpnReach, kOriginIgp, kPath64512});
  const auto transitive =
      decodeUpdateMessage(update({}, join({base, attribute(0xc0, 200, {1, 2})}), {}));
  ASSERT_EQ(transitive.updates[0].attributes->other.size(), 1U);
  EXPECT_EQ(transitive.updates[0].attributes->other[0], (RawAttribute{0xe0, 200, {1, 2}}))
      << "marked partial";
  EXPECT_TRUE(decodeUpdateMessage(update({}, join({base, attribute(0x80, 200, {1})}), {}))
                  .updates[0]
                  .attributes->other.empty());
  const auto wellKnown = decode(update({}, join({base, attribute(0x40, 200, {1})}), {}), {});
  ASSERT_FALSE(wellKnown);
  EXPECT_EQ(wellKnown.error().notification.subcode, 2);
}

TEST(Update, ExtendedLengthFlagAndOrderDoNotMatter) {
  const auto wide = join({{0x50, 1, 0, 1}, {0}});
  const auto decoded = decodeUpdateMessage(update({}, join({kPath64512, wide, kVpnReach}), {}));
  EXPECT_EQ(decoded.updates[0].announced.size(), 1U);
  EXPECT_TRUE(decoded.problems.empty());
}

TEST(Update, RandomBytesAndTruncationNeverCrash) {
  std::mt19937 random(3);
  const auto whole = update(hex("18 c00002"),
                            join({kVpnReach, kOriginIgp, kPath64512, kNextHop1,
                                  attribute(0xc0, 16, hex("0002fc0000000064"))}),
                            hex("18 c00002"));
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    Bytes part(whole.begin(), whole.begin() + static_cast<long>(size));
    (void)decode(part, {});
    if (part.size() >= 19) {
      part[16] = static_cast<std::uint8_t>(size >> 8U);
      part[17] = static_cast<std::uint8_t>(size);
      const auto decoded = decode(part, {});
      if (!decoded) {
        EXPECT_LE(decoded.error().offset, size);
      }
    }
  }
  for (int round = 0; round < 20000; ++round) {
    auto mutated = whole;
    for (int i = 0; i < 3; ++i)
      mutated[19 + random() % (mutated.size() - 19)] = static_cast<std::uint8_t>(random());
    SessionContext context;
    context.external = random() % 2 == 0;
    context.fourByteAs = random() % 2 == 0;
    (void)decode(mutated, context);
  }
}

}  // namespace
}  // namespace hawser::wire
