#include "hawser/net/endpoint.h"

#include <gtest/gtest.h>

namespace hawser::net {
namespace {

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

TEST(Endpoint, TextOfBothFamilies) {
  for (const auto& [text, address, port] :
       {std::tuple<const char*, const char*, std::uint16_t>{"10.1.0.10:8443", "10.1.0.10", 8443},
        {"[2001:db8::1]:1790", "2001:db8::1", 1790},
        {"[::]:0", "::", 0},
        {"0.0.0.0:65535", "0.0.0.0", 65535}}) {
    const auto parsed = Endpoint::parse(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().text();
    EXPECT_EQ(*parsed, (Endpoint{ip(address), port}));
    EXPECT_EQ(parsed->text(), text);
  }
}

TEST(Endpoint, ThePortMayBeLeftOutWhereThereIsAnother) {
  for (const auto* text : {"10.1.0.10", "2001:db8::1", "[2001:db8::1]"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
    const auto parsed = Endpoint::parse(text, 179);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().text();
    EXPECT_EQ(parsed->port, 179);
  }
  EXPECT_EQ(Endpoint::parse("10.1.0.10:5", 179)->port, 5);
}

TEST(Endpoint, NonsenseIsRefused) {
  for (const auto* bad : {"",
                          ":",
                          ":179",
                          "10.1.0.10:",
                          "10.1.0.10:65536",
                          "10.1.0.10:-1",
                          "10.1.0.10:17x",
                          "10.1.0.10:0179",
                          "10.1.0.10: 179",
                          "10.1.0:179",
                          "host:179",
                          "[",
                          "[]",
                          "[]:179",
                          "[::1",
                          "[::1]:",
                          "[::1]179",
                          "[::1]x:179",
                          "[10.1.0.10]:179",
                          "[::1%eth0]:179",
                          "::1:x"}) {
    EXPECT_FALSE(Endpoint::parse(bad)) << bad;
    EXPECT_FALSE(Endpoint::parse(bad, 179)) << bad;
  }
}

}  // namespace
}  // namespace hawser::net
