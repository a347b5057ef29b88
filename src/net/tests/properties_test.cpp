// What holds for every value, against models written another way: addresses as whole numbers, IPv6
// text by the words of RFC 5952, communities by each of their types. Texts that were damaged are
// refused, or mean what they are then printed as.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <span>

#include "hawser/net/address.h"
#include "hawser/net/lpm.h"
#include "hawser/net/vpn.h"

namespace hawser::net {
namespace {

__extension__ using Number = unsigned __int128;

Number numberOf(const IpAddress& address) {
  Number number = 0;
  for (const auto byte : address.bytes()) number = number << 8U | byte;
  return number;
}
IpAddress ofNumber(Number number, bool v4) {
  std::array<std::uint8_t, 16> bytes{};
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, number >>= 8U)
    *byte = static_cast<std::uint8_t>(number & 0xffU);
  return *IpAddress::fromBytes(std::span(bytes).subspan(v4 ? 12 : 0));
}

class Values {
 public:
  explicit Values(unsigned seed) : random_(seed) {}
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_()) % n; }
  // Half of the 16-bit groups are zero, and half of the others short.
  IpAddress v6() {
    Number number = 0;
    for (int i = 0; i < 8; ++i) {
      const auto group = below(2) == 0 ? 0U : below(below(2) == 0 ? 0x10000 : 0x100);
      number = number << 16U | group;
    }
    return ofNumber(number, false);
  }
  IpAddress v4() { return Ipv4Address(static_cast<std::uint32_t>(random_())); }
  IpAddress address() { return below(2) == 0 ? v4() : v6(); }
  IpPrefix prefix() {
    const auto at = address();
    return IpPrefix::truncated(at,
                               static_cast<int>(below(static_cast<std::uint32_t>(at.bits()) + 1)));
  }
  std::array<std::uint8_t, 8> eight() {
    std::array<std::uint8_t, 8> bytes{};
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random_());
    return bytes;
  }
  // One or two characters changed, put in, doubled or taken out.
  std::string damaged(std::string text) {
    static constexpr std::string_view kLetters("0123456789abcdefgLx:./- \0\n", 26);
    for (auto times = 1 + below(2); times > 0; --times) {
      const auto at = below(static_cast<std::uint32_t>(text.size()) + 1);
      const auto letter = kLetters[below(kLetters.size())];
      switch (below(4)) {
        case 0:
          text.insert(at, 1, letter);
          break;
        case 1:
          text.append(1, letter);
          break;
        case 2:
          if (at < text.size()) text[at] = letter;
          break;
        default:
          if (at < text.size()) text.erase(at, 1);
      }
    }
    return text;
  }

 private:
  std::mt19937 random_;
};

// ---- text ----

// RFC 5952, 4: no leading zeros, lower case, and the longest run of zeros (two at least, the first
// of equals) as "::".
std::string wordsOfRfc5952(const IpAddress& address) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i)
    groups[i] = (address.bytes()[2 * i] * 256U) + address.bytes()[2 * i + 1];
  std::size_t at = 8, longest = 1;
  for (std::size_t start = 0; start < 8; ++start) {
    std::size_t end = start;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - start > longest) {
      at = start;
      longest = end - start;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == at) {
      text += "::";
      i += longest - 1;
      continue;
    }
    std::array<char, 8> group{};
    (void)std::snprintf(group.data(), group.size(), "%x", groups[i]);
    if (!text.empty() && text.back() != ':') text += ':';
    text += group.data();
  }
  return text;
}

TEST(Properties, Ipv6TextIsThatOfRfc5952) {
  Values values(1);
  for (int i = 0; i < 5000; ++i) {
    const auto address = values.v6();
    // Addresses with an IPv4 one inside are printed with it (RFC 5952, 5).
    if (numberOf(address) >> 48U == 0) continue;
    ASSERT_EQ(address.text(), wordsOfRfc5952(address));
  }
  EXPECT_EQ(IpAddress::parse("::ffff:1.2.3.4")->text(), "::ffff:1.2.3.4");
}

// The text of a value is that value again, and whatever else is read as a value is printed as a
// text that means the same.
template <class Value>
void expectStable(Values& values, const std::string& text, int times, std::size_t& refused) {
  const auto whole = Value::parse(text);
  ASSERT_TRUE(whole) << text << ": " << whole.error().message;
  EXPECT_EQ(whole->text(), text);
  for (int i = 0; i < times; ++i) {
    const auto damaged = values.damaged(text);
    const auto value = Value::parse(damaged);
    if (!value) {
      ++refused;
      EXPECT_EQ(value.error().code, ErrorCode::kInvalid);
      continue;
    }
    const auto again = Value::parse(value->text());
    ASSERT_TRUE(again) << value->text() << " from \"" << damaged << '"';
    EXPECT_EQ(*again, *value) << damaged;
    EXPECT_EQ(damaged.find_first_of(std::string_view(" \0\ngx", 5)), std::string::npos)
        << '"' << damaged << "\" was read as " << value->text();
  }
}

TEST(Properties, DamagedTextsAreRefusedOrMeanSomething) {
  Values values(2);
  std::size_t refused = 0;
  for (int i = 0; i < 400; ++i) {
    expectStable<IpAddress>(values, values.address().text(), 20, refused);
    expectStable<IpPrefix>(values, values.prefix().text(), 20, refused);
    const auto bytes = values.eight();
    expectStable<MacAddress>(
        values, MacAddress({bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]}).text(), 20,
        refused);
    auto rd = bytes;
    rd[0] = 0;
    rd[1] = static_cast<std::uint8_t>(i % 3);
    expectStable<RouteDistinguisher>(values, RouteDistinguisher(rd).text(), 20, refused);
    rd[0] = rd[1];
    rd[1] = 2;
    rd[2] |= 1U;  // no administrator of zero
    expectStable<RouteTarget>(values, RouteTarget::from(ExtendedCommunity(rd))->text(), 20,
                              refused);
  }
  EXPECT_GT(refused, 10000U);
}

// The text is looked at to its end, whatever is in it.
TEST(Properties, AZeroByteEndsNothing) {
  for (const auto text : {std::string_view("::1\0", 4), std::string_view("2001:db8::\0001", 12),
                          std::string_view("10.0.0.1\0", 9), std::string_view("\0::", 3)}) {
    EXPECT_FALSE(IpAddress::parse(text));
    EXPECT_FALSE(Ipv6Address::parse(text));
    EXPECT_FALSE(IpPrefix::parse(text));
    EXPECT_FALSE(IpPrefix::parse(std::string(text) + "/128"));
  }
}

// ---- numbers ----

TEST(Properties, AddressesAreNumbers) {
  Values values(3);
  for (int i = 0; i < 3000; ++i) {
    const auto a = values.v6(), b = values.below(4) == 0 ? a : values.v6();
    EXPECT_EQ(a < b, numberOf(a) < numberOf(b));
    EXPECT_EQ(a == b, numberOf(a) == numberOf(b));
    EXPECT_EQ(a.isUnspecified(), numberOf(a) == 0);
    const auto more = static_cast<std::uint64_t>(numberOf(values.v6()));
    EXPECT_EQ(a.plus(more), ofNumber(numberOf(a) + more, false)) << a.text() << " + " << more;
    const auto v4 = values.v4();
    EXPECT_EQ(v4.plus(more), ofNumber(numberOf(v4) + more, true)) << v4.text() << " + " << more;
    EXPECT_LT(v4, a) << "all of IPv4 stands before IPv6";
  }
}

TEST(Properties, PrefixesAreRangesOfNumbers) {
  Values values(4);
  const auto last = [](const IpPrefix& p) {
    const auto spare = static_cast<unsigned>(p.address().bits() - p.length());
    const auto size = spare == 128 ? ~Number{0} : (Number{1} << spare) - 1;
    return numberOf(p.address()) + size;
  };
  std::size_t nested = 0;
  for (int i = 0; i < 20000; ++i) {
    const auto a = values.prefix();
    // Mostly near the first, so that they touch.
    const auto near = values.below(3) == 0
                          ? values.address()
                          : ofNumber(last(a) + values.below(3) - 1, a.address().isV4());
    const auto b =
        IpPrefix::truncated(near, std::min(near.bits(), static_cast<int>(values.below(129))));
    const bool family = a.address().isV4() == near.isV4();
    const auto inside = [&](Number n) {
      return family && numberOf(a.address()) <= n && n <= last(a);
    };
    EXPECT_EQ(a.contains(near), inside(numberOf(near))) << a.text() << " " << near.text();
    const bool contains = inside(numberOf(b.address())) && inside(last(b));
    EXPECT_EQ(a.contains(b), contains) << a.text() << " " << b.text();
    const bool overlap =
        family && numberOf(a.address()) <= last(b) && numberOf(b.address()) <= last(a);
    EXPECT_EQ(a.overlaps(b), overlap) << a.text() << " " << b.text();
    EXPECT_EQ(IpPrefix::make(near, b.length()).has_value(), b.address() == near);
    nested += contains ? 1 : 0;
  }
  EXPECT_GT(nested, 1000U);
}

// Tables are keyed by neighbouring addresses: they must not fall into few buckets.
TEST(Properties, HashesOfNeighboursSpread) {
  for (const bool hosts : {true, false}) {
    std::map<std::size_t, int> buckets;
    for (std::uint32_t i = 0; i < 4096; ++i) {
      const IpAddress address = Ipv4Address(0x0a000000U + (hosts ? i : i << 8U));
      ++buckets[AddressHash()(address) % 4096];
    }
    EXPECT_GT(buckets.size(), 2000U) << "63 % of the buckets are hit by chance";
    for (const auto& [bucket, count] : buckets) EXPECT_LE(count, 12);
  }
  EXPECT_NE(AddressHash()(IpAddress()), AddressHash()(*IpAddress::parse("::")));
}

// ---- communities ----

// Every type and sub-type: each is at most one of the communities that are known.
TEST(Properties, EveryTypeOfCommunityIsOneThing) {
  Values values(5);
  std::size_t known = 0;
  for (unsigned type = 0; type < 256; ++type)
    for (unsigned subtype = 0; subtype < 256; ++subtype) {
      auto bytes = values.eight();
      bytes[0] = static_cast<std::uint8_t>(type);
      bytes[1] = static_cast<std::uint8_t>(subtype);
      bytes[6] = 0;
      bytes[7] = static_cast<std::uint8_t>(values.below(16));
      const ExtendedCommunity community(bytes);
      const auto target = RouteTarget::from(community);
      const auto encapsulation = encapsulationOf(community);
      const auto identity = identityOf(community);
      EXPECT_EQ(target.has_value(), type <= 2 && subtype == 2);
      EXPECT_EQ(encapsulation.has_value(),
                type == 3 && subtype == 12 && (bytes[7] == 2 || bytes[7] == 8 || bytes[7] == 13));
      EXPECT_EQ(identity.has_value(), type == 0x80 && subtype == 0x71);
      EXPECT_EQ(community.transitive(), (type / 64) % 2 == 0);
      if (target) {
        EXPECT_EQ(target->community(), community);
        EXPECT_EQ(target->asn().has_value(), type != 1);
      }
      if (identity) {
        EXPECT_EQ(identityCommunity(*identity), community);
      }
      known += target || encapsulation || identity ? 1 : 0;
      EXPECT_EQ(community.text().find(':') != std::string::npos,
                target || encapsulation || identity)
          << community.text();
    }
  EXPECT_LE(known, 5U);
  EXPECT_GE(known, 4U);
}

// make() gives the form that parse() reads from the same numbers.
TEST(Properties, TargetsThatAreMadeAreThoseThatAreRead) {
  Values values(6);
  for (int i = 0; i < 3000; ++i) {
    const Asn asn(values.below(3) == 0 ? 65530 + values.below(12) : values.below(0xffffffffU));
    const auto number = values.below(3) == 0 ? 65530 + values.below(12) : values.below(0xffffffffU);
    const auto made = RouteTarget::make(asn, number);
    const auto read =
        RouteTarget::parse(std::to_string(asn.value()) + ":" + std::to_string(number));
    ASSERT_EQ(made.has_value(), read.has_value()) << asn.value() << ":" << number;
    EXPECT_EQ(made.has_value(), asn.value() != 0 && (asn.value() < 65536 || number < 65536));
    if (made) {
      EXPECT_EQ(*made, *read);
    }
  }
}

}  // namespace
}  // namespace hawser::net
