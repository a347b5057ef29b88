// Path attributes as values: what each is read to, and the bytes each is written as.
#include "attributes.h"

#include <gtest/gtest.h>

#include "build.h"
#include "codes.h"

namespace hawser::wire {
namespace {

using namespace test;

AttributeBlock read(const Bytes& bytes, const SessionContext& context = {}) {
  auto block = decodeAttributes(Cursor(bytes), context);
  if (!block) throw std::runtime_error(block.error().reason);
  return std::move(*block);
}

SessionContext twoByte() {
  SessionContext context;
  context.fourByteAs = false;
  return context;
}

std::vector<std::uint32_t> numbers(const AsPath& path) {
  std::vector<std::uint32_t> out;
  for (const auto& segment : path)
    for (const auto asn : segment.asns) out.push_back(asn.value());
  return out;
}
using Numbers = std::vector<std::uint32_t>;

TEST(ReadAttributes, EachByItsValue) {
  const auto block = read(join({
      attribute(0x40, kOrigin, {2}),
      attribute(0x40, kAsPath, hex("02 02 0000fc00 fa56ea00")),
      attribute(0x40, kNextHop, {10, 0, 0, 1}),
      attribute(0x80, kMed, hex("00000007")),
      attribute(0x40, kLocalPref, hex("000000c8")),
      attribute(0x40, kAtomicAggregate, {}),
      attribute(0xc0, kCommunity, hex("ffffff01 fc000001")),
      attribute(0x80, kOriginatorId, hex("0a01000b")),
      attribute(0x80, kClusterList, hex("0a01000a 0a02000a")),
      attribute(0xc0, kExtendedCommunity, hex("0002fc0000000064 030c00000000000d")),
  }));
  const auto& got = block.attributes;
  EXPECT_TRUE(block.problems.empty());
  EXPECT_EQ(got.origin, Origin::kIncomplete);
  EXPECT_EQ(numbers(got.asPath), (Numbers{64512, 4200000000U}));
  EXPECT_EQ(got.nextHop.text(), "10.0.0.1");
  EXPECT_EQ(got.med, 7U);
  EXPECT_EQ(got.localPref, 200U);
  EXPECT_TRUE(got.atomicAggregate);
  EXPECT_EQ(got.communities, (std::vector<std::uint32_t>{0xffffff01, 0xfc000001}));
  EXPECT_EQ(got.originatorId->text(), "10.1.0.11");
  ASSERT_EQ(got.clusterList.size(), 2U);
  EXPECT_EQ(got.clusterList[1].text(), "10.2.0.10");
  EXPECT_EQ(got.extendedCommunities[1].text(), "encapsulation:MPLSoUDP");
}

TEST(ReadAttributes, AbsentIsNotZero) {
  const auto block = read({});
  EXPECT_FALSE(block.hasOrigin || block.hasAsPath || block.hasNextHop);
  EXPECT_FALSE(block.attributes.med || block.attributes.localPref || block.attributes.originatorId);
  EXPECT_EQ(read(attribute(0x80, kMed, hex("00000000"))).attributes.med, 0U);
}

TEST(ReadAttributes, PathsOfSeveralSegments) {
  const auto block = read(attribute(0x40, kAsPath, hex("02 01 00000001 01 02 00000002 00000003")));
  const auto& path = block.attributes.asPath;
  ASSERT_EQ(path.size(), 2U);
  EXPECT_EQ(path[0].type, AsPathSegment::Type::kSequence);
  EXPECT_EQ(path[1].type, AsPathSegment::Type::kSet);
  EXPECT_EQ(path[1].asns.size(), 2U);
  EXPECT_TRUE(read(attribute(0x40, kAsPath, {})).hasAsPath) << "an empty path is one";
}

TEST(ReadAttributes, ExtendedLengthForShortAndLong) {
  EXPECT_EQ(read(join({{0x50, kOrigin, 0, 1, 1}})).attributes.origin, Origin::kEgp);
  Bytes communities;
  for (std::uint32_t i = 0; i < 100; ++i) put32(communities, i);
  const auto block = read(join({{0xd0, kCommunity, 1, 0x90}, communities}));
  EXPECT_EQ(block.attributes.communities.size(), 100U);
  EXPECT_EQ(block.attributes.communities[99], 99U);
}

// ---- four-byte AS numbers over a two-byte session (RFC 6793) ----

TEST(As4Path, PutsTheWideNumbersBack) {
  const auto path = attribute(0x40, kAsPath, hex("02 03 fc00 5ba0 5ba0"));
  const auto as4 = attribute(0xc0, kAs4Path, hex("02 02 fa56ea00 fa56ea01"));
  EXPECT_EQ(numbers(read(join({path, as4}), twoByte()).attributes.asPath),
            (Numbers{64512, 4200000000U, 4200000001U}));
}

TEST(As4Path, LongerThanThePathIsIgnored) {
  const auto path = attribute(0x40, kAsPath, hex("02 01 5ba0"));
  const auto as4 = attribute(0xc0, kAs4Path, hex("02 02 fa56ea00 fa56ea01"));
  EXPECT_EQ(numbers(read(join({path, as4}), twoByte()).attributes.asPath), Numbers{23456});
}

TEST(As4Path, ASetCountsAsOne) {
  const auto path = attribute(0x40, kAsPath, hex("02 01 fc00 01 02 0001 0002 02 01 5ba0"));
  const auto as4 = attribute(0xc0, kAs4Path, hex("02 01 fa56ea00"));
  const auto merged = read(join({path, as4}), twoByte()).attributes.asPath;
  EXPECT_EQ(numbers(merged), (Numbers{64512, 1, 2, 4200000000U}));
  EXPECT_EQ(merged[1].type, AsPathSegment::Type::kSet);
}

TEST(As4Path, ConfederationSegmentsGo) {
  const auto path = attribute(0x40, kAsPath, hex("02 02 fc00 5ba0"));
  const auto as4 = attribute(0xc0, kAs4Path, hex("03 01 00000009 02 01 fa56ea00"));
  const auto block = read(join({path, as4}), twoByte());
  EXPECT_EQ(numbers(block.attributes.asPath), (Numbers{64512, 4200000000U})) << "RFC 6793, 6";
  EXPECT_TRUE(block.problems.empty());
  const auto set = attribute(0xc0, kAs4Path, hex("04 01 00000009 02 01 fa56ea00"));
  EXPECT_EQ(numbers(read(join({path, set}), twoByte()).attributes.asPath),
            (Numbers{64512, 4200000000U}));
}

TEST(As4Path, AMalformedOneIsDiscardedAlone) {
  const auto path = attribute(0x40, kAsPath, hex("02 01 5ba0"));
  for (const auto* value : {"02", "02 00", "02 02 fa56ea00", "09 01 fa56ea00", "02 01 00000000"}) {
    const auto block = read(join({path, attribute(0xc0, kAs4Path, hex(value))}), twoByte());
    EXPECT_EQ(numbers(block.attributes.asPath), Numbers{23456}) << value;
    ASSERT_EQ(block.problems.size(), 1U) << value;
    EXPECT_FALSE(block.withdraw) << value;
    EXPECT_GT(block.problems[0].reason.size(), std::string("AS4_PATH: ").size()) << value;
  }
}

TEST(Aggregator, IsKeptInItsWideForm) {
  const auto narrow = read(attribute(0xc0, kAggregator, hex("fc00 0a000001")), twoByte());
  ASSERT_EQ(narrow.attributes.other.size(), 1U);
  EXPECT_EQ(narrow.attributes.other[0].value, hex("0000fc00 0a000001"));
  EXPECT_EQ(narrow.attributes.other[0].flags, 0xc0);
  EXPECT_EQ(
      read(attribute(0xe0, kAggregator, hex("fc00 0a000001")), twoByte()).attributes.other[0].flags,
      0xe0)
      << "partial stays, and is not added";
  const auto wide = read(attribute(0xc0, kAggregator, hex("fa56ea00 0a000001")));
  EXPECT_EQ(wide.attributes.other[0].value, hex("fa56ea00 0a000001"));
  const auto sent = encodeAttributes(wide.attributes, twoByte());
  const auto expected = attribute(0xc0, kAggregator, hex("5ba0 0a000001"));
  EXPECT_NE(std::search(sent.begin(), sent.end(), expected.begin(), expected.end()), sent.end())
      << "AS_TRANS to a speaker with two bytes";
}

TEST(Aggregator, AnyNumberBeyondTwoBytesBecomesAsTrans) {
  for (const std::uint32_t asn : {1U, 65535U, 65536U, 0x01000000U, 0x01000001U, 4294967295U}) {
    PathAttributes attributes;
    Bytes value;
    put32(value, asn);
    put32(value, 0x0a000001);
    attributes.other.push_back({0xc0, kAggregator, value});
    const auto block = read(encodeAttributes(attributes, twoByte()), twoByte());
    Bytes expected;
    put32(expected, asn > 65535 ? kAsTrans : asn);
    put32(expected, 0x0a000001);
    ASSERT_EQ(block.attributes.other.size(), 1U);
    EXPECT_EQ(block.attributes.other[0].value, expected) << asn;
  }
}

// AS4_AGGREGATOR is not used, and costs no routes as long as it looks like one.
TEST(Aggregator, TheWideOneIsDiscardedAlone) {
  const auto good = read(attribute(0xc0, kAs4Aggregator, hex("fa56ea00 0a000001")), twoByte());
  ASSERT_EQ(good.problems.size(), 1U);
  EXPECT_EQ(good.problems[0].action, AttributeProblem::Action::kDiscard);
  EXPECT_FALSE(good.withdraw);
  EXPECT_TRUE(good.attributes.other.empty());
  EXPECT_TRUE(read(attribute(0x80, kAs4Aggregator, hex("fa56ea00 0a000001")), twoByte()).withdraw)
      << "wrong flags (RFC 7606, 3 c)";
}

// ---- unknown ones ----

TEST(UnknownAttribute, TravelsWithCleanFlags) {
  const auto block = read(attribute(0xcf, 200, {1, 2}));
  ASSERT_EQ(block.attributes.other.size(), 1U);
  EXPECT_EQ(block.attributes.other[0], (RawAttribute{0xe0, 200, {1, 2}}))
      << "partial is set, the four spare bits are not passed on (RFC 4271, 4.3)";
  const auto again = read(encodeAttributes(block.attributes, {}));
  EXPECT_EQ(again.attributes.other, block.attributes.other);
}

TEST(UnknownAttribute, OfMoreThan255BytesTakesTheLongForm) {
  PathAttributes attributes;
  attributes.other.push_back({0xe0, 201, Bytes(300, 7)});
  const auto again = read(encodeAttributes(attributes, {}));
  EXPECT_EQ(again.attributes.other, attributes.other);
}

// ---- written ----

TEST(WriteAttributes, TheBytesOnTheWire) {
  PathAttributes attributes;
  attributes.asPath = {{AsPathSegment::Type::kSequence, {net::Asn(64512)}}};
  EXPECT_EQ(encodeAttributes(attributes, {}), hex("40 01 01 00  40 02 06 02 01 0000fc00"));
  attributes.asPath.clear();
  attributes.localPref = 100;
  attributes.med = 1;
  EXPECT_EQ(encodeAttributes(attributes, {}),
            hex("40 01 01 00  40 02 00  80 04 04 00000001  40 05 04 00000064"));
}

TEST(WriteAttributes, ASequenceOfMoreThan255IsCut) {
  PathAttributes attributes;
  attributes.asPath = {{AsPathSegment::Type::kSequence, {}}};
  for (std::uint32_t i = 1; i <= 600; ++i) attributes.asPath[0].asns.emplace_back(i);
  const auto again = read(encodeAttributes(attributes, {})).attributes.asPath;
  ASSERT_EQ(again.size(), 3U);
  EXPECT_EQ(again[0].asns.size(), 255U);
  EXPECT_EQ(again[2].asns.size(), 90U);
  EXPECT_EQ(numbers(again), numbers(attributes.asPath));
}

TEST(WriteAttributes, SegmentsAreFullOrTheLast) {
  for (const std::size_t size : {1U, 254U, 255U, 256U, 509U, 510U, 511U}) {
    PathAttributes attributes;
    attributes.asPath = {{AsPathSegment::Type::kSequence, std::vector(size, net::Asn(7))}};
    const auto block = read(encodeAttributes(attributes, {}));
    EXPECT_TRUE(block.problems.empty()) << size << ": no segment is empty";
    ASSERT_EQ(block.attributes.asPath.size(), (size + 254) / 255) << size;
    EXPECT_EQ(numbers(block.attributes.asPath).size(), size);
  }
}

TEST(WriteAttributes, NarrowNumbersNeedNoAs4Path) {
  PathAttributes attributes;
  attributes.asPath = {{AsPathSegment::Type::kSequence, {net::Asn(64512)}}};
  EXPECT_EQ(encodeAttributes(attributes, twoByte()), hex("40 01 01 00  40 02 04 02 01 fc00"));
  attributes.asPath[0].asns.emplace_back(4200000000U);
  EXPECT_EQ(encodeAttributes(attributes, twoByte()),
            hex("40 01 01 00  40 02 06 02 02 fc00 5ba0  c0 11 0a 02 02 0000fc00 fa56ea00"));
}

TEST(WriteAttributes, HeaderFormFollowsTheSize) {
  for (const std::size_t size : {0U, 1U, 255U, 256U, 4000U}) {
    Bytes out;
    putAttributeHeader(out, 0xd0, 8, size);
    EXPECT_EQ(out.size(), size > 255 ? 4U : 3U) << size;
    EXPECT_EQ((out[0] & kFlagExtended) != 0, size > 255) << size;
  }
}

}  // namespace
}  // namespace hawser::wire
