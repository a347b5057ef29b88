// Each attribute that can be wrong, and what RFC 7606 makes of it.
#include <gtest/gtest.h>

#include <stdexcept>

#include "build.h"

namespace hawser::wire {
namespace {

using namespace test;
using Action = AttributeProblem::Action;

struct Case {
  const char* name;
  Bytes attributes;  // beside a good VPN route, ORIGIN and AS_PATH where the case does not replace
                     // them
  enum class Result { kGood, kDiscard, kWithdraw, kReset } result;
  std::uint8_t subcode = 9;
};

void expectCase(const Case& test, const SessionContext& context = {}) {
  const auto decoded = decode(update({}, test.attributes, {}), context);
  if (test.result == Case::Result::kReset) {
    ASSERT_FALSE(decoded) << test.name;
    EXPECT_EQ(decoded.error().notification.code, 3) << test.name;
    EXPECT_EQ(decoded.error().notification.subcode, test.subcode)
        << test.name << ": " << decoded.error().reason;
    return;
  }
  ASSERT_TRUE(decoded) << test.name << ": " << decoded.error().reason;
  const auto& got = std::get<DecodedUpdate>(*decoded);
  ASSERT_EQ(got.updates.size(), 1U) << test.name;
  const bool withdrawn = test.result == Case::Result::kWithdraw;
  EXPECT_EQ(got.updates[0].announced.size(), withdrawn ? 0U : 1U) << test.name;
  EXPECT_EQ(got.updates[0].withdrawn.size(), withdrawn ? 1U : 0U) << test.name;
  if (test.result == Case::Result::kGood) {
    EXPECT_TRUE(got.problems.empty()) << test.name;
    return;
  }
  ASSERT_FALSE(got.problems.empty()) << test.name;
  EXPECT_EQ(got.problems[0].action, withdrawn ? Action::kTreatAsWithdraw : Action::kDiscard)
      << test.name;
  EXPECT_FALSE(got.problems[0].reason.empty()) << test.name;
  EXPECT_GE(got.problems[0].offset, 23U) << test.name;
}

Bytes with(const Bytes& more) { return join({kVpnReach, kOriginIgp, kPath64512, more}); }
Bytes origin(const Bytes& it) { return join({kVpnReach, it, kPath64512}); }
Bytes path(const Bytes& it) { return join({kVpnReach, kOriginIgp, it}); }

TEST(Rfc7606, EveryAttribute) {
  using R = Case::Result;
  const std::vector<Case> cases{
      {"plain", with({}), R::kGood},
      {"ORIGIN of 2 bytes", origin(attribute(0x40, 1, {0, 0})), R::kWithdraw},
      {"ORIGIN empty", origin(attribute(0x40, 1, {})), R::kWithdraw},
      {"ORIGIN 3", origin(attribute(0x40, 1, {3})), R::kWithdraw},
      {"ORIGIN optional", origin(attribute(0xc0, 1, {0})), R::kWithdraw},
      {"ORIGIN missing", join({kVpnReach, kPath64512}), R::kWithdraw},
      {"AS_PATH missing", join({kVpnReach, kOriginIgp}), R::kWithdraw},
      {"AS_PATH segment type 5", path(attribute(0x40, 2, hex("05 01 0000fc00"))), R::kWithdraw},
      {"AS_PATH empty segment", path(attribute(0x40, 2, hex("02 00"))), R::kWithdraw},
      {"AS_PATH over the end", path(attribute(0x40, 2, hex("02 02 0000fc00"))), R::kWithdraw},
      {"AS_PATH one byte", path(attribute(0x40, 2, hex("02"))), R::kWithdraw},
      {"NEXT_HOP of 5 bytes", with(attribute(0x40, 3, hex("0a00000100"))), R::kWithdraw},
      {"MED of 3 bytes", with(attribute(0x80, 4, hex("000000"))), R::kWithdraw},
      {"MED transitive", with(attribute(0xc0, 4, hex("00000001"))), R::kWithdraw},
      {"LOCAL_PREF of 3 bytes", with(attribute(0x40, 5, hex("000000"))), R::kWithdraw},
      {"ATOMIC_AGGREGATE of 1 byte", with(attribute(0x40, 6, {0})), R::kDiscard},
      {"AGGREGATOR of 6 bytes", with(attribute(0xc0, 7, hex("fc000a000001"))), R::kDiscard},
      {"AGGREGATOR", with(attribute(0xc0, 7, hex("0000fc000a000001"))), R::kGood},
      {"COMMUNITY of 3 bytes", with(attribute(0xc0, 8, hex("000000"))), R::kWithdraw},
      {"COMMUNITY empty", with(attribute(0xc0, 8, {})), R::kWithdraw},
      {"ORIGINATOR_ID of 3 bytes", with(attribute(0x80, 9, hex("000000"))), R::kWithdraw},
      {"CLUSTER_LIST of 5 bytes", with(attribute(0x80, 10, hex("0000000000"))), R::kWithdraw},
      {"EXTENDED_COMMUNITIES of 7 bytes", with(attribute(0xc0, 16, hex("0002fc00000000"))),
       R::kWithdraw},
      {"EXTENDED_COMMUNITIES empty", with(attribute(0xc0, 16, {})), R::kWithdraw},
      {"AS4_PATH on a four-byte session", with(attribute(0xc0, 17, hex("02 01 0000fc00"))),
       R::kDiscard},
      {"ORIGIN twice", with(attribute(0x40, 1, {1})), R::kDiscard},
      {"MP_REACH twice", with(kVpnReach), R::kReset, 1},
      {"MP_REACH not optional",
       join({attribute(0x40, 14, hex("0001 80 00 00")), kOriginIgp, kPath64512}), R::kReset, 9},
      {"MP_REACH of 4 bytes", join({attribute(0x80, 14, hex("00018000")), kOriginIgp, kPath64512}),
       R::kReset, 9},
      {"MP_REACH next hop over the end",
       join({attribute(0x80, 14, hex("0001 80 20 00")), kOriginIgp, kPath64512}), R::kReset, 9},
      {"MP_REACH prefix too long",
       join({attribute(0x80, 14,
                       join({hex("0001 80 0c 0000000000000000 0a01000b 00"),
                             hex("79 000651 0001 0a01000b 0007 0a00640b00")})),
             kOriginIgp, kPath64512}),
       R::kReset, 9},
      {"MP_UNREACH of 2 bytes", with(attribute(0x80, 15, hex("0001"))), R::kReset, 9},
      {"attribute over the end",
       join({kVpnReach, kOriginIgp, kPath64512, hex("80 04 09 00000001")}), R::kWithdraw},
      {"attribute header over the end", join({kVpnReach, kOriginIgp, kPath64512, hex("80 04")}),
       R::kWithdraw},
  };
  for (const auto& test : cases) expectCase(test);
}

TEST(Rfc7606, FromAnExternalPeer) {
  SessionContext external;
  external.external = true;
  using R = Case::Result;
  expectCase({"LOCAL_PREF", with(attribute(0x40, 5, hex("00000064"))), R::kDiscard}, external);
  expectCase({"ORIGINATOR_ID", with(attribute(0x80, 9, hex("0a000001"))), R::kDiscard}, external);
  expectCase({"CLUSTER_LIST", with(attribute(0x80, 10, hex("0a000001"))), R::kDiscard}, external);
}

TEST(Rfc7606, FamiliesThatWeDoNotSpeakAreSkipped) {
  const auto decoded = decodeUpdateMessage(update(
      {}, join({attribute(0x80, 14, hex("0019 46 04 0a000001 00 0200")), kOriginIgp, kPath64512}),
      {}));
  EXPECT_TRUE(decoded.updates.empty());
  EXPECT_EQ(decoded.problems.size(), 1U);
}

TEST(Rfc7606, LengthsThatHideTheNlriReset) {
  for (const auto* body : {"0005 0000", "0000 0005 00", "00"}) {
    auto bytes = message(2, hex(body));
    const auto decoded = decode(bytes, {});
    ASSERT_FALSE(decoded) << body;
  }
  const auto badPrefix =
      decode(update({}, join({kOriginIgp, kPath64512, kNextHop1}), hex("21 0a00000000")), {});
  ASSERT_FALSE(badPrefix);
  EXPECT_EQ(badPrefix.error().notification.subcode, 10);
}

TEST(Rfc7606, ClassicNlriNeedsNextHop) {
  const auto decoded =
      decodeUpdateMessage(update({}, join({kOriginIgp, kPath64512}), hex("18 c00002")));
  EXPECT_EQ(decoded.updates[0].withdrawn.size(), 1U);
}

}  // namespace
}  // namespace hawser::wire
