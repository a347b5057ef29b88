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

TEST(Rfc7606, NumbersAndAddressesThatNobodyHas) {
  using R = Case::Result;
  const auto reach = [](std::string_view nextHop) {
    return join({attribute(0x80, 14, join({hex("0001 80"), hex(nextHop), {0}, kVpnNlri})),
                 kOriginIgp, kPath64512});
  };
  const std::vector<Case> cases{
      {"AS 0 in AS_PATH (RFC 7607)", path(attribute(0x40, 2, hex("02 02 0000fc00 00000000"))),
       R::kWithdraw},
      {"AS 0 in a set", path(attribute(0x40, 2, hex("02 01 0000fc00 01 01 00000000"))),
       R::kWithdraw},
      {"AS 0 in AGGREGATOR", with(attribute(0xc0, 7, hex("00000000 0a000001"))), R::kDiscard},
      {"AS_CONFED_SEQUENCE (RFC 5065)", path(attribute(0x40, 2, hex("03 01 0000fc01"))),
       R::kWithdraw},
      {"AS_CONFED_SET", path(attribute(0x40, 2, hex("02 01 0000fc00 04 01 0000fc01"))),
       R::kWithdraw},
      {"next hop 0.0.0.0", reach("0c 0000000000000000 00000000"), R::kWithdraw},
      {"next hop 224.0.0.1", reach("0c 0000000000000000 e0000001"), R::kWithdraw},
      {"next hop 255.255.255.255", reach("0c 0000000000000000 ffffffff"), R::kWithdraw},
      {"next hop ::", reach("18 0000000000000000 00000000000000000000000000000000"), R::kWithdraw},
      {"next hop ff02::1", reach("18 0000000000000000 ff020000000000000000000000000001"),
       R::kWithdraw},
      {"next hop 223.255.255.254", reach("0c 0000000000000000 dffffffe"), R::kGood},
  };
  for (const auto& test : cases) expectCase(test);
}

// RFC 7606, 3 c: for each attribute every wrong pair of the Optional and Transitive bits, and that
// Partial and Extended Length are no part of it.
TEST(Rfc7606, FlagsOfEveryAttribute) {
  struct Known {
    std::uint8_t type, flags;
    Bytes value;
  };
  const std::vector<Known> known{
      {4, 0x80, hex("00000001")},
      {5, 0x40, hex("00000064")},
      {6, 0x40, {}},
      {7, 0xc0, hex("0000fc000a000001")},
      {8, 0xc0, hex("fc000001")},
      {9, 0x80, hex("0a000001")},
      {10, 0x80, hex("0a000001")},
      {16, 0xc0, hex("0002fc0000000064")},
      {3, 0x40, hex("0a000001")},
  };
  for (const auto& row : known) {
    for (const auto flags : std::initializer_list<std::uint8_t>{0x00, 0x40, 0x80, 0xc0}) {
      const auto name = "attribute " + std::to_string(row.type) + " flags " + std::to_string(flags);
      const auto expected = flags == row.flags ? Case::Result::kGood : Case::Result::kWithdraw;
      expectCase({name.c_str(), with(attribute(flags, row.type, row.value)), expected});
    }
    const auto partial = static_cast<std::uint8_t>(row.flags | 0x20);
    expectCase({"partial", with(attribute(partial, row.type, row.value)), Case::Result::kGood});
    const auto wide = join({{static_cast<std::uint8_t>(row.flags | 0x10), row.type, 0,
                             static_cast<std::uint8_t>(row.value.size())},
                            row.value});
    expectCase({"extended length", with(wide), Case::Result::kGood});
  }
}

// Every length from none to twice the right one, for the attributes whose length is fixed.
TEST(Rfc7606, LengthsOfEveryAttribute) {
  struct Known {
    std::uint8_t type, flags;
    std::size_t unit;
    bool several;   // any multiple but none
    bool discards;  // else treat-as-withdraw
  };
  for (const auto& row : std::initializer_list<Known>{{3, 0x40, 4, false, false},
                                                      {4, 0x80, 4, false, false},
                                                      {5, 0x40, 4, false, false},
                                                      {7, 0xc0, 8, false, true},
                                                      {8, 0xc0, 4, true, false},
                                                      {9, 0x80, 4, false, false},
                                                      {10, 0x80, 4, true, false},
                                                      {16, 0xc0, 8, true, false}}) {
    for (std::size_t size = 0; size <= 2 * row.unit; ++size) {
      const bool fits = row.several ? size != 0 && size % row.unit == 0 : size == row.unit;
      const auto name = "attribute " + std::to_string(row.type) + " of " + std::to_string(size);
      expectCase({name.c_str(), with(attribute(row.flags, row.type, Bytes(size, 1))),
                  fits           ? Case::Result::kGood
                  : row.discards ? Case::Result::kDiscard
                                 : Case::Result::kWithdraw});
    }
  }
}

// RFC 7606, 5.2: routes to withdraw may be what could not be read.
TEST(Rfc7606, ErrorsWithoutRoutesEndTheSession) {
  const auto badMed = attribute(0x80, 4, hex("000000"));
  const auto withdrawn = attribute(0x80, 15, hex("0001 80 78 800000 0001 0a01000b 0007 0a00640b"));
  const auto reset = [](const Bytes& attributes) {
    const auto decoded = decode(update({}, attributes, {}), {});
    return !decoded && decoded.error().notification.code == 3 &&
           decoded.error().notification.subcode == 1;
  };
  EXPECT_TRUE(reset(join({kOriginIgp, kPath64512, badMed})));
  EXPECT_TRUE(reset(join({withdrawn, badMed}))) << "withdrawn routes are no reachable ones";
  EXPECT_TRUE(reset(join({kOriginIgp, hex("80 0e ff 0001 80")})))
      << "an MP_REACH_NLRI that runs over the end hides its routes";
  EXPECT_TRUE(reset(hex("80"))) << "nothing is left of the header";
  // What only loses itself loses nothing else.
  const auto discarded = decode(update({}, join({withdrawn, attribute(0x40, 6, {1})}), {}), {});
  ASSERT_TRUE(discarded);
  EXPECT_EQ(std::get<DecodedUpdate>(*discarded).updates[0].withdrawn.size(), 1U);
  // With routes in the classic field they are known.
  const auto classic = decode(
      update({}, join({kOriginIgp, kPath64512, kNextHop1, hex("80 04 09 00")}), hex("18 c00002")),
      {});
  ASSERT_TRUE(classic);
  EXPECT_EQ(std::get<DecodedUpdate>(*classic).updates[0].withdrawn.size(), 1U);
  // Routes of a family that we do not speak are routes too.
  EXPECT_TRUE(decode(update({},
                            join({attribute(0x80, 14, hex("0019 46 04 0a000001 00 0200")),
                                  kOriginIgp, kPath64512, badMed}),
                            {}),
                     {}));
}

TEST(Rfc7606, TreatAsWithdrawTakesBothFieldsAndKeepsWithdrawals) {
  const auto decoded = decodeUpdateMessage(
      update(hex("18 c00003"), join({kVpnReach, attribute(0x40, 1, {9}), kPath64512, kNextHop1}),
             hex("18 c00002")));
  std::size_t withdrawn = 0;
  for (const auto& part : decoded.updates) {
    EXPECT_TRUE(part.announced.empty());
    EXPECT_FALSE(part.attributes);
    withdrawn += part.withdrawn.size();
  }
  EXPECT_EQ(withdrawn, 3U);
}

// RFC 7606, 8: several errors in one message: the strongest counts, and each is told.
TEST(Rfc7606, SeveralErrors) {
  const auto decoded =
      decodeUpdateMessage(update({},
                                 join({kVpnReach, kOriginIgp, kPath64512, attribute(0x40, 6, {1}),
                                       attribute(0x80, 4, {1}), attribute(0xc0, 7, {1})}),
                                 {}));
  ASSERT_EQ(decoded.problems.size(), 3U);
  EXPECT_EQ(decoded.problems[0].attribute, 6);
  EXPECT_EQ(decoded.problems[1].attribute, 4);
  EXPECT_EQ(decoded.problems[1].action, Action::kTreatAsWithdraw);
  EXPECT_LT(decoded.problems[0].offset, decoded.problems[1].offset);
  EXPECT_TRUE(decoded.updates[0].announced.empty());
}

TEST(Rfc7606, ResetCarriesTheAttribute) {
  const auto bad = attribute(0x80, 15, hex("0001"));
  const auto decoded = decode(update({}, join({kVpnReach, kOriginIgp, kPath64512, bad}), {}), {});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().notification.data, bad) << "RFC 4271, 6.3: type, length and value";
}

}  // namespace
}  // namespace hawser::wire
