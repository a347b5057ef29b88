// The values of this module over their whole range: text and bytes come back, order is total, and
// arithmetic agrees with a plain model.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <unordered_set>

#include "hawser/net/address.h"
#include "hawser/net/lpm.h"
#include "hawser/net/vpn.h"
#include "text.h"

namespace hawser::net {
namespace {

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }
IpPrefix prefix(std::string_view text) { return *IpPrefix::parse(text); }

TEST(ParseDecimal, IsStrict) {
  EXPECT_EQ(parseDecimal("0", 10), 0U);
  EXPECT_EQ(parseDecimal("10", 10), 10U);
  EXPECT_EQ(parseDecimal("18446744073709551615", UINT64_MAX), UINT64_MAX);
  for (const auto* bad : {"", "11", "00", "01", "+1", "-1", " 1", "1 ", "0x1", "1.", "1e0",
                          "18446744073709551616", "99999999999999999999"})
    EXPECT_FALSE(parseDecimal(bad, 10)) << bad;
}

// ---- addresses ----

std::array<std::uint8_t, 16> randomBytes(std::mt19937& random) {
  std::array<std::uint8_t, 16> bytes{};
  // Runs of zeros, so that every kind of abbreviation comes up.
  for (auto& byte : bytes)
    byte = random() % 2 == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(random());
  return bytes;
}

TEST(Addresses, TextComesBack) {
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) {
    const auto bytes = randomBytes(random);
    const auto v6 = *IpAddress::fromBytes(bytes);
    EXPECT_EQ(ip(v6.text()), v6) << v6.text();
    const auto v4 = *IpAddress::fromBytes(std::span(bytes).first(4));
    EXPECT_EQ(ip(v4.text()), v4) << v4.text();
    const MacAddress mac({bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]});
    EXPECT_EQ(*MacAddress::parse(mac.text()), mac) << mac.text();
  }
}

TEST(Addresses, FormsOfIpv6) {
  for (const auto& [in, out] : {std::pair{"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
                                {"1:0:0:2:3:0:0:4", "1::2:3:0:0:4"},
                                {"::ffff:10.0.0.1", "::ffff:10.0.0.1"},
                                {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
                                {"0001:0::0", "1::"}})
    EXPECT_EQ(ip(in).text(), out);
  for (const auto* bad : {"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "g::", "::10.0.0.256",
                          "fe80::1%1", "[::1]", ":1", "1:"})
    EXPECT_FALSE(IpAddress::parse(bad)) << bad;
}

TEST(Addresses, ErrorsShowTheText) {
  EXPECT_EQ(IpAddress::parse("10.0.0.x").error().message, "\"10.0.0.x\" is not an IP address");
  EXPECT_EQ(MacAddress::parse("x").error().code, ErrorCode::kInvalid);
}

TEST(Addresses, FamiliesDoNotMix) {
  EXPECT_NE(ip("0.0.0.0"), ip("::"));
  EXPECT_TRUE(ip("0.0.0.0").isUnspecified());
  EXPECT_TRUE(ip("::").isUnspecified());
  EXPECT_FALSE(ip("::1").isUnspecified());
  EXPECT_EQ(ip("10.0.0.1").bits(), 32);
  EXPECT_EQ(ip("::1").bits(), 128);
  EXPECT_EQ(ip("10.0.0.1").bytes().size(), 4U);
  EXPECT_EQ(ip("::1").bytes().size(), 16U);
  EXPECT_FALSE(prefix("::/0").contains(ip("10.0.0.1")));
  EXPECT_FALSE(prefix("::/0").contains(prefix("10.0.0.0/8")));
}

TEST(AddressesDeathTest, TheWrongFamilyIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH((void)ip("::1").v4(), "v4\\(\\) of an IPv6");
  EXPECT_DEATH((void)ip("10.0.0.1").v6(), "v6\\(\\) of an IPv4");
}

TEST(Addresses, PlusIsArithmetic) {
  std::mt19937 random(2);
  for (int i = 0; i < 2000; ++i) {
    const auto start = static_cast<std::uint32_t>(random());
    const auto offset = static_cast<std::uint32_t>(random());
    EXPECT_EQ(IpAddress(Ipv4Address(start)).plus(offset), IpAddress(Ipv4Address(start + offset)));
  }
  EXPECT_EQ(ip("10.0.0.1").plus(0), ip("10.0.0.1"));
  EXPECT_EQ(ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").plus(1), ip("::"));
  EXPECT_EQ(ip("::").plus(UINT64_MAX), ip("::ffff:ffff:ffff:ffff"));
}

TEST(Addresses, HashAndOrderAgreeWithEquality) {
  std::unordered_set<IpAddress, AddressHash> set;
  std::set<IpAddress> ordered;
  std::mt19937 random(3);
  for (int i = 0; i < 2000; ++i) {
    const auto address =
        IpAddress(Ipv4Address(0x0a000000U + static_cast<std::uint32_t>(random()) % 700));
    EXPECT_EQ(set.insert(address).second, ordered.insert(address).second);
  }
  EXPECT_EQ(set.size(), ordered.size());
  EXPECT_NE(AddressHash()(prefix("10.0.0.0/8")), AddressHash()(prefix("10.0.0.0/9")));
  EXPECT_EQ(AddressHash()(prefix("10.0.0.0/8")), AddressHash()(prefix("10.0.0.0/8")));
}

// ---- prefixes ----

TEST(Prefixes, EveryLengthOfBothFamilies) {
  for (const auto* text : {"171.205.239.85", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"}) {
    const auto address = ip(text);
    for (int length = 0; length <= address.bits(); ++length) {
      const auto made = IpPrefix::truncated(address, length);
      EXPECT_EQ(made.length(), length);
      EXPECT_TRUE(made.contains(address)) << made.text();
      EXPECT_EQ(prefix(made.text()), made);
      EXPECT_EQ(*IpPrefix::make(made.address(), length), made);
      EXPECT_EQ(made.isHost(), length == address.bits());
      if (length == 0) continue;
      const auto parent = IpPrefix::truncated(address, length - 1);
      EXPECT_TRUE(parent.contains(made) && !made.contains(parent)) << made.text();
      EXPECT_TRUE(parent.overlaps(made) && made.overlaps(parent));
      // The other half of the parent is disjoint.
      auto bytes =
          std::vector<std::uint8_t>(made.address().bytes().begin(), made.address().bytes().end());
      const auto bit = static_cast<std::size_t>(length - 1);
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (0x80U >> (bit % 8)));
      const auto sibling = IpPrefix::truncated(*IpAddress::fromBytes(bytes), length);
      EXPECT_TRUE(parent.contains(sibling));
      EXPECT_FALSE(made.overlaps(sibling)) << made.text() << " " << sibling.text();
    }
  }
}

TEST(Prefixes, MakeRefuses) {
  EXPECT_FALSE(IpPrefix::make(ip("10.0.0.0"), -1));
  EXPECT_FALSE(IpPrefix::make(ip("10.0.0.0"), 33));
  EXPECT_FALSE(IpPrefix::make(ip("::"), 129));
  EXPECT_FALSE(IpPrefix::make(ip("10.0.0.1"), 31));
  EXPECT_EQ(IpPrefix::truncated(ip("10.0.0.1"), 99).length(), 32) << "clamped";
  EXPECT_EQ(IpPrefix::truncated(ip("10.0.0.1"), -5).length(), 0);
  EXPECT_EQ(IpPrefix::host(ip("::1")).text(), "::1/128");
}

TEST(Prefixes, OrderIsByAddressThenLength) {
  const std::vector<IpPrefix> ordered{
      prefix("0.0.0.0/0"),   prefix("10.0.0.0/8"), prefix("10.0.0.0/9"), prefix("10.0.0.0/32"),
      prefix("10.0.0.1/32"), prefix("::/0"),       prefix("::1/128")};
  for (std::size_t i = 0; i < ordered.size(); ++i)
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      EXPECT_EQ(ordered[i] < ordered[j], i < j);
      EXPECT_EQ(ordered[i] == ordered[j], i == j);
    }
}

// Against a search through a list.
TEST(PrefixMap, AgreesWithASearchOfAll) {
  std::mt19937 random(4);
  PrefixMap<int> map;
  std::map<IpPrefix, int> model;
  const auto address = [&] {
    // Few bits differ, so that prefixes nest.
    const auto bits = static_cast<std::uint32_t>(random());
    if (random() % 3 != 0) return IpAddress(Ipv4Address(0x0a000000U | (bits & 0x0101010fU)));
    std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
    bytes[15] = static_cast<std::uint8_t>(bits & 3U);
    bytes[6] = static_cast<std::uint8_t>(bits >> 8U & 1U);
    return IpAddress(Ipv6Address(bytes));
  };
  for (int step = 0; step < 5000; ++step) {
    const auto at = address();
    const auto key =
        IpPrefix::truncated(at, static_cast<int>(random() % static_cast<unsigned>(at.bits() + 1)));
    if (random() % 3 == 0) {
      EXPECT_EQ(map.erase(key), model.erase(key) == 1);
    } else {
      map[key] = model[key] = step;
    }
    ASSERT_EQ(map.size(), model.size());
    const auto wanted = address();
    const std::pair<const IpPrefix, int>* best = nullptr;
    for (const auto& entry : model)
      if (entry.first.contains(wanted) &&
          (best == nullptr || entry.first.length() > best->first.length()))
        best = &entry;
    const auto* found = map.lookup(wanted);
    ASSERT_EQ(found == nullptr, best == nullptr) << wanted.text();
    if (found != nullptr) {
      EXPECT_EQ(found->first, best->first);
      EXPECT_EQ(found->second, best->second);
    }
  }
  EXPECT_EQ(map.find(prefix("99.0.0.0/8")), nullptr);
}

// ---- numbers of VPNs ----

TEST(RouteDistinguisher, EveryValueOfTheThreeFormsComesBack) {
  std::mt19937 random(5);
  for (int i = 0; i < 3000; ++i) {
    std::array<std::uint8_t, 8> bytes{};
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    bytes[0] = 0;
    bytes[1] = static_cast<std::uint8_t>(i % 3);
    const RouteDistinguisher rd(bytes);
    EXPECT_EQ(rd.type(), i % 3);
    const auto again = RouteDistinguisher::parse(rd.text());
    ASSERT_TRUE(again) << rd.text();
    EXPECT_EQ(*again, rd) << rd.text();
  }
}

TEST(RouteTarget, EveryValueComesBack) {
  std::mt19937 random(6);
  for (int i = 0; i < 3000; ++i) {
    const auto as4 = random() % 2 == 0;
    const Asn asn(
        static_cast<std::uint32_t>(as4 ? 65536 + random() % 1000000 : 1 + random() % 65535));
    const auto number = static_cast<std::uint32_t>(as4 ? random() % 65536 : random());
    const auto target = *RouteTarget::make(asn, number);
    EXPECT_EQ(target.asn(), asn);
    EXPECT_EQ(target.number(), number);
    EXPECT_EQ(*RouteTarget::parse(target.text()), target) << target.text();
    EXPECT_EQ(RouteTarget::from(target.community()), target);
    EXPECT_EQ(target.community().text(), "target:" + target.text());
  }
}

TEST(RouteTarget, MakeRefuses) {
  EXPECT_FALSE(RouteTarget::make(Asn(0), 1));
  EXPECT_TRUE(RouteTarget::make(Asn(65535), 4294967295U));
  EXPECT_FALSE(RouteTarget::make(Asn(65536), 65536));
  EXPECT_TRUE(RouteTarget::make(Asn(65536), 65535));
}

TEST(ExtendedCommunity, TextOfAllThatIsKnown) {
  EXPECT_EQ(encapsulationCommunity(Encapsulation::kGre).text(), "encapsulation:MPLSoGRE");
  EXPECT_EQ(encapsulationCommunity(Encapsulation::kVxlan).text(), "encapsulation:VXLAN");
  EXPECT_EQ(ExtendedCommunity({0x40, 0x04, 0xfc, 0, 0x4c, 0xee, 0x6b, 0x28}).text(),
            "4004fc004cee6b28")
      << "what is not known is shown as it is";
  EXPECT_FALSE(ExtendedCommunity({0x40, 4, 0, 0, 0, 0, 0, 0}).transitive());
  EXPECT_TRUE(ExtendedCommunity({0x80, 4, 0, 0, 0, 0, 0, 0}).transitive());
}

TEST(Encapsulation, ComesBackAndIsNamed) {
  for (const auto& [encapsulation, name] : {std::pair{Encapsulation::kGre, "MPLSoGRE"},
                                            {Encapsulation::kVxlan, "VXLAN"},
                                            {Encapsulation::kMplsInUdp, "MPLSoUDP"}}) {
    EXPECT_EQ(encapsulationOf(encapsulationCommunity(encapsulation)), encapsulation);
    EXPECT_EQ(encapsulationName(encapsulation), name);
  }
  EXPECT_EQ(encapsulationOf(identityCommunity({1, 2})), std::nullopt);
}

TEST(Identity, LimitsComeBack) {
  for (const auto& identity : {Identity{0, 0}, Identity{65535, 4294967295U}, Identity{1, 0}})
    EXPECT_EQ(identityOf(identityCommunity(identity)), identity);
  EXPECT_NE((Identity{1, 0}).key(), (Identity{0, 1}).key());
  EXPECT_TRUE(identityCommunity({1, 2}).transitive()) << "it crosses borders";
}

TEST(Label, ReservedOnesAreLabelsToo) {
  EXPECT_EQ(Label().value(), 0U);
  EXPECT_EQ(Label::make(3)->value(), 3U);
  EXPECT_EQ(Label::make(1048575)->value(), 1048575U);
  EXPECT_EQ(Label::make(1048576).error().message, "1048576 is not an MPLS label (0 to 1048575)");
}

}  // namespace
}  // namespace hawser::net
