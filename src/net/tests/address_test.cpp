#include "hawser/net/address.h"

#include <gtest/gtest.h>

#include "hawser/net/lpm.h"

namespace hawser::net {
namespace {

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }
IpPrefix prefix(std::string_view text) { return *IpPrefix::parse(text); }

TEST(MacAddress, ParsesAndPrints) {
  EXPECT_EQ(MacAddress::parse("02:aB:00:ff:10:01")->text(), "02:ab:00:ff:10:01");
  for (const auto* bad :
       {"", "02:ab:00:ff:10", "02:ab:00:ff:10:0g", "02-ab-00-ff-10-01", "02:ab:00:ff:10:011"})
    EXPECT_FALSE(MacAddress::parse(bad)) << bad;
}

TEST(MacAddress, EveryDigitAndNoOtherLetter) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int c = 0; c < 256; ++c) {
    const auto lower = static_cast<char>(std::tolower(c));
    const auto value = kDigits.find(lower);
    for (const std::size_t place : {0U, 1U, 9U, 16U}) {
      std::string text = "00:00:00:00:00:00";
      text[place] = static_cast<char>(c);
      const auto mac = MacAddress::parse(text);
      ASSERT_EQ(mac.has_value(), value != std::string_view::npos) << text;
      if (mac) {
        EXPECT_EQ(mac->bytes()[place / 3], place % 3 == 0 ? value * 16 : value) << text;
      }
    }
  }
}

TEST(Ipv4Address, IsStrict) {
  EXPECT_EQ(Ipv4Address::parse("10.0.100.11")->value(), 0x0a00640bU);
  for (const auto* bad : {"", "10", "10.0.0", "10.0.0.256", "10.0.0.1.2", "10.0.0.01", " 10.0.0.1",
                          "10.0.0.1 ", "10..0.1", "a.b.c.d", "-1.0.0.0"})
    EXPECT_FALSE(Ipv4Address::parse(bad)) << bad;
}

TEST(Ipv6Address, PrintsAsRfc5952) {
  for (const auto& [in, out] :
       {std::pair{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"}, std::pair{"::", "::"},
        std::pair{"2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"}, std::pair{"fe80::1", "fe80::1"}})
    EXPECT_EQ(Ipv6Address::parse(in)->text(), out);
  for (const auto* bad : {"", "fe80::1%eth0", "2001:db8", ":::", "12345::", "::1/64"})
    EXPECT_FALSE(Ipv6Address::parse(bad)) << bad;
}

TEST(IpAddress, OrdersIpv4BeforeIpv6) {
  EXPECT_LT(ip("255.255.255.255"), ip("::"));
  EXPECT_LT(ip("10.0.0.1"), ip("10.0.0.2"));
}

TEST(IpAddress, PlusCarries) {
  EXPECT_EQ(ip("10.0.0.255").plus(1), ip("10.0.1.0"));
  EXPECT_EQ(ip("255.255.255.255").plus(1), ip("0.0.0.0"));
  EXPECT_EQ(ip("2001:db8::ffff:ffff:ffff:ffff").plus(2), ip("2001:db8:0:1::1"));
}

TEST(IpAddress, FromBytesWantsFourOrSixteen) {
  const std::array<std::uint8_t, 5> bytes{10, 0, 0, 1, 9};
  EXPECT_EQ(IpAddress::fromBytes(std::span(bytes).first(4))->text(), "10.0.0.1");
  EXPECT_FALSE(IpAddress::fromBytes(bytes));
}

TEST(IpPrefix, RefusesHostBitsAndSaysWhatWasMeant) {
  const auto wrong = IpPrefix::parse("10.0.0.1/24");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("10.0.0.0/24"), std::string::npos);
  for (const auto* bad :
       {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "/24", "10.0.0.0/024", "::/129", "10.0.0/8"})
    EXPECT_FALSE(IpPrefix::parse(bad)) << bad;
  EXPECT_EQ(prefix("10.0.0.7").text(), "10.0.0.7/32");
}

TEST(IpPrefix, ContainsAndOverlaps) {
  EXPECT_TRUE(prefix("10.0.0.0/8").contains(ip("10.255.0.1")));
  EXPECT_FALSE(prefix("10.0.0.0/8").contains(ip("11.0.0.0")));
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(ip("::1")));
  EXPECT_TRUE(prefix("0.0.0.0/0").contains(ip("1.2.3.4")));
  EXPECT_TRUE(prefix("10.0.0.0/8").contains(prefix("10.1.0.0/16")));
  EXPECT_FALSE(prefix("10.1.0.0/16").contains(prefix("10.0.0.0/8")));
  EXPECT_TRUE(prefix("10.1.0.0/16").overlaps(prefix("10.0.0.0/8")));
  EXPECT_FALSE(prefix("10.1.0.0/16").overlaps(prefix("10.2.0.0/16")));
  EXPECT_TRUE(prefix("2001:db8::/33").contains(ip("2001:db8:7fff::1")));
  EXPECT_FALSE(prefix("2001:db8::/33").contains(ip("2001:db8:8000::1")));
}

TEST(PrefixMap, FindsTheLongestMatch) {
  PrefixMap<int> map;
  map[prefix("0.0.0.0/0")] = 0;
  map[prefix("10.0.0.0/8")] = 8;
  map[prefix("10.1.0.0/16")] = 16;
  map[prefix("10.1.2.3/32")] = 32;
  EXPECT_EQ(map.lookup(ip("10.1.2.3"))->second, 32);
  EXPECT_EQ(map.lookup(ip("10.1.2.4"))->second, 16);
  EXPECT_EQ(map.lookup(ip("10.2.0.0"))->second, 8);
  EXPECT_EQ(map.lookup(ip("11.0.0.0"))->second, 0);
  EXPECT_EQ(map.lookup(ip("::1")), nullptr);
  EXPECT_TRUE(map.erase(prefix("10.1.0.0/16")));
  EXPECT_FALSE(map.erase(prefix("10.1.0.0/16")));
  EXPECT_EQ(map.lookup(ip("10.1.2.4"))->second, 8);
  EXPECT_EQ(map.size(), 3U);
}

}  // namespace
}  // namespace hawser::net
