// The codec against plain models: paths through speakers with two-byte AS numbers, streams cut
// anywhere, attributes in any order and form, packing at every limit, memberships bit by bit.
#include <gtest/gtest.h>

#include <algorithm>

#include "codes.h"
#include "nlri.h"
#include "random.h"

namespace hawser::wire {
namespace {

using namespace test;

std::vector<std::uint32_t> numbers(const AsPath& path) {
  std::vector<std::uint32_t> out;
  for (const auto& segment : path)
    for (const auto asn : segment.asns) out.push_back(asn.value());
  return out;
}

// ---- paths (RFC 6793, 4.2.3) ----

// A path goes over an old speaker, which knows nothing of AS4_PATH but that it is transitive: it
// puts its own numbers before AS_PATH. Behind it the whole path is there again.
TEST(OldSpeakers, LoseNothingOfThePath) {
  Random random(11);
  SessionContext narrow;
  narrow.fourByteAs = false;
  std::size_t rebuilt = 0;
  for (int round = 0; round < 2000; ++round) {
    auto sent = random.attributes(false);
    sent->other.clear();
    Update update{kVpnv4, {random.nlri(kVpnv4)}, {}, sent};
    const auto first = decodeUpdateMessage(encode(update, narrow).messages.at(0), narrow);
    ASSERT_EQ(first.updates.at(0).attributes->asPath, sent->asPath);
    // What the old speaker sees: two bytes everywhere, and AS4_PATH among the unknown.
    PathAttributes seen = *sent;
    for (auto& segment : seen.asPath)
      for (auto& asn : segment.asns)
        if (asn.value() > 0xffff) asn = net::Asn(kAsTrans);
    const bool wide = seen.asPath != sent->asPath;
    if (wide) {
      Bytes value;
      for (const auto& segment : sent->asPath) {
        put8(value, static_cast<std::size_t>(segment.type));
        put8(value, segment.asns.size());
        for (const auto asn : segment.asns) put32(value, asn.value());
      }
      seen.other.push_back({0xe0, kAs4Path, value});
    }
    std::vector<std::uint32_t> expected;
    if (seen.asPath.empty() || seen.asPath[0].type != AsPathSegment::Type::kSequence)
      seen.asPath.insert(seen.asPath.begin(), {AsPathSegment::Type::kSequence, {}});
    for (auto i = 1 + random.below(3); i > 0; --i) {
      const auto own = 1 + random.below(23455);
      seen.asPath[0].asns.insert(seen.asPath[0].asns.begin(), net::Asn(own));
      expected.insert(expected.begin(), own);
    }
    const auto rest = numbers(sent->asPath);
    expected.insert(expected.end(), rest.begin(), rest.end());
    update.attributes = std::make_shared<PathAttributes>(seen);
    const auto got = decodeUpdateMessage(encode(update, narrow).messages.at(0), narrow);
    ASSERT_TRUE(got.problems.empty()) << got.problems[0].reason;
    ASSERT_EQ(numbers(got.updates.at(0).attributes->asPath), expected);
    rebuilt += wide ? 1 : 0;
  }
  EXPECT_GT(rebuilt, 500U);
}

// ---- streams ----

TEST(Streams, ComeBackHoweverTheyAreCut) {
  Random random(12);
  for (int round = 0; round < 60; ++round) {
    std::vector<Bytes> sent;
    for (int i = 0; i < 5; ++i) {
      const auto update = encode(random.update(), {});
      sent.insert(sent.end(), update.messages.begin(), update.messages.end());
      sent.push_back(encode(Keepalive{}));
      sent.push_back(encode(RouteRefresh{kVpnv4, 0}));
    }
    Bytes buffer;
    std::vector<Bytes> got;
    for (const auto& message : sent)
      for (std::size_t at = 0; at < message.size();) {
        const auto size = std::min<std::size_t>(message.size() - at, 1 + random.below(700));
        buffer.insert(buffer.end(), message.begin() + static_cast<std::ptrdiff_t>(at),
                      message.begin() + static_cast<std::ptrdiff_t>(at + size));
        at += size;
        for (;;) {
          const auto length = messageLength(buffer, kMaxMessage);
          ASSERT_TRUE(length) << length.error().reason;
          EXPECT_EQ(length->has_value(), buffer.size() >= kHeaderSize);
          if (!*length || **length > buffer.size()) break;
          const auto end = buffer.begin() + static_cast<std::ptrdiff_t>(**length);
          got.emplace_back(buffer.begin(), end);
          buffer.erase(buffer.begin(), end);
        }
      }
    EXPECT_EQ(got, sent);
    EXPECT_TRUE(buffer.empty());
  }
}

// ---- attributes ----

// The attributes of a message one by one, header included.
std::vector<Bytes> attributesOf(const Bytes& bytes) {
  std::vector<Bytes> out;
  for (Cursor block(bytes); !block.empty();) {
    const auto start = block;
    const auto flags = block.u8();
    block.u8();
    block.take((flags & kFlagExtended) != 0 ? block.u16() : block.u8());
    const auto whole = Cursor(start).take(start.remaining() - block.remaining());
    out.emplace_back(whole.begin(), whole.end());
  }
  return out;
}

// The same attribute with the other form of its length.
Bytes otherForm(const Bytes& bytes) {
  Cursor in(bytes);
  const auto flags = in.u8(), type = in.u8();
  const bool extended = (flags & kFlagExtended) != 0;
  const std::size_t size = extended ? in.u16() : in.u8();
  if (extended && size > 255) return bytes;
  Bytes out{static_cast<std::uint8_t>(flags ^ kFlagExtended), type};
  extended ? put8(out, size) : put16(out, size);
  putBytes(out, in.take(size));
  return out;
}

// RFC 4271, 5: "in any order". The second of two is ignored (RFC 7606, 3 g), and of the first
// nothing is lost by that.
TEST(Attributes, OrderFormAndRepetitionDoNotMatter) {
  Random random(13);
  for (int round = 0; round < 500; ++round) {
    const Update sent{kVpnv4, {random.nlri(kVpnv4)}, {}, random.attributes(false)};
    const auto bytes = encode(sent, {}).messages.at(0);
    auto parts = attributesOf(Bytes(bytes.begin() + 23, bytes.end()));
    std::size_t again = 0;
    for (std::size_t i = parts.size(); i > 1; --i)
      std::swap(parts[i - 1], parts[random.below(static_cast<std::uint32_t>(i))]);
    for (auto& part : parts)
      if (random.coin()) part = otherForm(part);
    if (random.coin()) {
      auto other = attribute(0x80, kMed, hex("deadbeef"));
      const bool has = sent.attributes->med.has_value();
      if (has) {
        parts.push_back(other);
        again = 1;
      }
    }
    Bytes all;
    for (const auto& part : parts) putBytes(all, part);
    const auto got = decodeUpdateMessage(update({}, all, {}));
    ASSERT_EQ(got.problems.size(), again);
    ASSERT_EQ(got.updates.size(), 1U);
    EXPECT_EQ(got.updates[0].announced, sent.announced);
    EXPECT_EQ(*got.updates[0].attributes, *sent.attributes);
  }
}

// One message may say something of three families, two of them in both directions.
TEST(Updates, OfSeveralFamiliesAreTakenApart) {
  Random random(14);
  const auto list = [&](Family family) {
    std::vector<Nlri> out;
    for (auto n = random.below(4); n > 0; --n) out.push_back(random.nlri(family));
    return out;
  };
  for (int round = 0; round < 500; ++round) {
    const Update reach{kVpnv4, {random.nlri(kVpnv4)}, {}, random.attributes(false)};
    const Update classic{kIpv4Unicast, list(kIpv4Unicast), {}, reach.attributes};
    const Update gone{kVpnv6, {}, {random.nlri(kVpnv6)}, nullptr};
    const Update classicGone{kIpv4Unicast, {}, list(kIpv4Unicast), nullptr};
    // From the messages of each: the MP attributes, the attributes, the two fields of old.
    const auto mpReach = encode(reach, {}).messages.at(0);
    const auto mpUnreach = encode(gone, {}).messages.at(0);
    Bytes attributes(mpReach.begin() + 23, mpReach.end());
    putBytes(attributes, ByteView(mpUnreach).subspan(23));
    Bytes announced, withdrawn;
    if (!classic.announced.empty()) {
      const auto whole = encode(classic, {}).messages.at(0);
      const std::size_t size = static_cast<std::size_t>(whole[21] << 8) | whole[22];
      putBytes(announced, ByteView(whole).subspan(23 + size));
      putBytes(attributes, attribute(0x40, kNextHop, {10, 9, 8, 7}));
    }
    if (!classicGone.withdrawn.empty()) {
      const auto whole = encode(classicGone, {}).messages.at(0);
      withdrawn.assign(whole.begin() + 21, whole.end() - 2);
    }
    const auto got = decodeUpdateMessage(update(withdrawn, attributes, announced));
    ASSERT_TRUE(got.problems.empty()) << got.problems[0].reason;
    const bool old = !announced.empty() || !withdrawn.empty();
    ASSERT_EQ(got.updates.size(), old ? 3U : 2U);
    for (const auto& part : got.updates) {
      const bool vpnv4 = part.family == kVpnv4;
      if (part.family == kIpv4Unicast) {
        EXPECT_EQ(part.announced, classic.announced);
        EXPECT_EQ(part.withdrawn, classicGone.withdrawn);
        if (part.attributes) {
          EXPECT_EQ(part.attributes->nextHop.text(), "10.9.8.7");
        }
        continue;
      }
      EXPECT_EQ(part.announced, vpnv4 ? reach.announced : std::vector<Nlri>{});
      EXPECT_EQ(part.withdrawn.size(), vpnv4 ? 0U : 1U);
      if (vpnv4) {
        EXPECT_EQ(part.attributes->nextHop, reach.attributes->nextHop);
      }
    }
  }
}

// ---- packing ----

// At every limit: no message beyond it, none that could have taken the first of the next, and
// nothing announced exactly when the largest NLRI would not fit beside the attributes.
std::size_t sizeOf(const Nlri& nlri) {
  Bytes out;
  encodeNlri(out, nlri, false);
  return out.size();
}

TEST(Packing, IsTightAtEveryLimit) {
  Random random(15);
  constexpr std::size_t kLargest = 1 + 3 + 8 + 16;
  std::size_t refused = 0, several = 0;
  for (const auto family : {kIpv4Unicast, kIpv6Unicast, kVpnv4, kVpnv6, kRtConstraint}) {
    Update whole{family, {}, {}, random.attributes(family.afi == 2)};
    for (int i = 0; i < 60; ++i) whole.announced.push_back(random.nlri(family));
    const Update one{family, {whole.announced[0]}, {}, whole.attributes};
    const auto overhead = encode(one, {}).messages.at(0).size() - sizeOf(one.announced[0]);
    for (std::size_t limit = 100; limit < 900; limit += 1 + random.below(3)) {
      SessionContext context;
      context.maxMessage = limit;
      const auto encoded = encode(whole, context);
      ASSERT_EQ(encoded.tooLarge, overhead + kLargest > limit) << overhead << " in " << limit;
      std::vector<Nlri> all;
      std::size_t last = 0;
      for (const auto& message : encoded.messages) {
        ASSERT_LE(message.size(), limit);
        const auto got = std::get<DecodedUpdate>(*decode(message, context)).updates.at(0);
        const auto& part = encoded.tooLarge ? got.withdrawn : got.announced;
        ASSERT_FALSE(part.empty());
        if (last != 0) {
          ASSERT_GT(last + sizeOf(part[0]), limit) << "there was room for one more";
        }
        all.insert(all.end(), part.begin(), part.end());
        last = message.size();
      }
      EXPECT_EQ(all.size(), whole.announced.size());
      if (!encoded.tooLarge) {
        EXPECT_EQ(all, whole.announced);
      }
      refused += encoded.tooLarge ? 1 : 0;
      several += encoded.messages.size() > 1 && !encoded.tooLarge ? 1 : 0;
    }
  }
  EXPECT_GT(refused, 20U);
  EXPECT_GT(several, 100U);
}

// ---- memberships (RFC 4684, 4) ----

TEST(Memberships, MatchBitByBit) {
  Random random(16);
  std::size_t matched = 0;
  for (int round = 0; round < 5000; ++round) {
    const auto membership = random.membership();
    auto bytes = membership.target;
    // A target near the membership's: some bits turned, mostly behind its length.
    const auto turn = random.below(3) == 0 ? random.below(64) : membership.length - 32U;
    for (std::size_t bit = turn; bit < 64; ++bit)
      if (random.coin())
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 0x80U >> bit % 8);
    bytes[0] &= 1U;
    bytes[1] = 2;
    const auto target = net::RouteTarget::from(net::ExtendedCommunity(bytes));
    ASSERT_TRUE(target);
    bool same = true;
    for (std::size_t bit = 0; bit + 32 < membership.length; ++bit)
      same = same && ((bytes[bit / 8] ^ membership.target[bit / 8]) & 0x80U >> bit % 8) == 0;
    EXPECT_EQ(membership.matches(*target), same) << int{membership.length};
    matched += same ? 1 : 0;
  }
  EXPECT_GT(matched, 500U);
  EXPECT_LT(matched, 4500U);
}

// ---- OPEN ----

// Capabilities of every total length around the limit of RFC 9072: the form follows the length.
TEST(Opens, LongFormBeginsWhereTheShortOneEnds) {
  for (std::size_t size = 200; size < 300; ++size) {
    Open open;
    open.asn = net::Asn(64512);
    open.routerId = net::RouterId(0x0a01000a);
    auto& other = open.capabilities.other;
    other.push_back({200, Bytes(150, 1)});
    other.push_back({201, Bytes(size - 150 - 4, 2)});
    const auto bytes = encode(open);
    EXPECT_EQ(bytes.size(), 29 + size + (size > 253 ? 6U : 2U)) << size;
    EXPECT_EQ(bytes[28], size > 253 ? 255 : size + 2);
    EXPECT_EQ(bytes[29], size > 253 ? 255 : 2) << "a short form is read by every speaker";
    const auto decoded = decode(bytes, {});
    ASSERT_TRUE(decoded) << decoded.error().reason;
    EXPECT_EQ(std::get<Open>(*decoded), open);
  }
}

}  // namespace
}  // namespace hawser::wire
