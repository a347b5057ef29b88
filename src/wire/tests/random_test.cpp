// Random messages of every shape: what is written is read back the same, in every kind of session;
// and whatever a message with wrong bytes decodes to is stable.
#include "random.h"

#include <gtest/gtest.h>

#include <set>

namespace hawser::wire {
namespace {

using namespace test;

// Labels mean nothing in withdrawals.
Nlri withoutLabel(Nlri nlri) {
  if (auto* vpn = std::get_if<VpnNlri>(&nlri)) vpn->label = net::Label();
  return nlri;
}

void expectSame(const Update& update, const SessionContext& context) {
  std::vector<Nlri> announced, withdrawn, gone;
  for (const auto& nlri : update.withdrawn) gone.push_back(withoutLabel(nlri));
  const auto encoded = encode(update, context);
  ASSERT_FALSE(encoded.tooLarge);
  for (const auto& message : encoded.messages) {
    ASSERT_LE(message.size(), context.maxMessage);
    const auto decoded = decode(message, context);
    ASSERT_TRUE(decoded) << decoded.error().reason;
    const auto& got = std::get<DecodedUpdate>(*decoded);
    ASSERT_TRUE(got.problems.empty()) << got.problems[0].reason;
    for (const auto& part : got.updates) {
      ASSERT_EQ(part.family, update.family);
      announced.insert(announced.end(), part.announced.begin(), part.announced.end());
      withdrawn.insert(withdrawn.end(), part.withdrawn.begin(), part.withdrawn.end());
      if (part.attributes) {
        ASSERT_EQ(*part.attributes, *update.attributes);
      }
    }
  }
  EXPECT_EQ(announced, update.announced);
  EXPECT_EQ(withdrawn, gone);
}

TEST(RandomUpdates, ComeBackInEverySession) {
  Random random(1);
  for (int round = 0; round < 1500; ++round) {
    const auto update = random.update();
    for (const bool fourByteAs : {true, false})
      for (const std::size_t limit : {kMaxMessage, kMaxExtendedMessage}) {
        SessionContext context;
        context.fourByteAs = fourByteAs;
        context.maxMessage = limit;
        expectSame(update, context);
        if (HasFatalFailure()) return;
      }
  }
}

TEST(RandomUpdates, ExternalPeersGetWhatMayCross) {
  Random random(2);
  for (int round = 0; round < 500; ++round) {
    auto update = random.update();
    if (update.attributes) {
      auto outside = std::make_shared<PathAttributes>(*update.attributes);
      outside->localPref.reset();
      outside->originatorId.reset();
      outside->clusterList.clear();
      update.attributes = outside;
    }
    SessionContext context;
    context.external = true;
    expectSame(update, context);
    if (HasFatalFailure()) return;
  }
}

// A message with wrong bytes: an error within it, or updates that are written and read again as
// they are, and never a route that is announced and withdrawn by RFC 7606 at once.
TEST(RandomUpdates, WrongBytesGiveSomethingStable) {
  Random random(3);
  std::size_t errors = 0, problems = 0, clean = 0;
  const SessionContext context;
  for (int round = 0; round < 4000; ++round) {
    const auto messages = encode(random.update(), context).messages;
    auto message = messages[random.below(static_cast<std::uint32_t>(messages.size()))];
    for (std::uint32_t i = 1 + random.below(2); i > 0; --i)
      message[19 + random.below(static_cast<std::uint32_t>(message.size() - 19))] =
          static_cast<std::uint8_t>(random.u32());
    const auto decoded = decode(message, context);
    if (!decoded) {
      ++errors;
      EXPECT_LE(decoded.error().offset, message.size());
      EXPECT_EQ(decoded.error().notification.code, 3);
      EXPECT_FALSE(decoded.error().reason.empty());
      continue;
    }
    const auto& got = std::get<DecodedUpdate>(*decoded);
    bool withdraws = false;
    for (const auto& problem : got.problems) {
      withdraws = withdraws || problem.action == AttributeProblem::Action::kTreatAsWithdraw;
      EXPECT_GE(problem.offset, 23U);
      EXPECT_LE(problem.offset, message.size());
    }
    ++(got.problems.empty() ? clean : problems);
    std::set<Family> families;
    for (const auto& part : got.updates) {
      EXPECT_TRUE(families.insert(part.family).second) << "one value for each family";
      EXPECT_EQ(part.attributes != nullptr, !part.announced.empty());
      if (withdraws) {
        EXPECT_TRUE(part.announced.empty());
      }
      expectSame(part, context);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(errors, 100U);
  EXPECT_GT(problems, 100U);
  EXPECT_GT(clean, 100U);
}

TEST(RandomOpens, ComeBack) {
  Random random(4);
  for (int round = 0; round < 2000; ++round) {
    Open open;
    open.asn = random.asn();
    open.holdTime = static_cast<std::uint16_t>(random.coin() ? 0 : 3 + random.below(65533));
    open.routerId = random.v4();
    if (open.routerId.value() == 0) continue;
    auto& capabilities = open.capabilities;
    for (std::uint32_t i = random.below(6); i > 0; --i)
      capabilities.families.push_back({static_cast<std::uint16_t>(random.below(30)),
                                       static_cast<std::uint8_t>(random.below(200))});
    if (open.asn.value() > 0xffff || random.coin()) capabilities.as4 = open.asn;
    capabilities.routeRefresh = random.coin();
    capabilities.extendedMessage = random.coin();
    if (random.coin()) {
      GracefulRestart restart{
          random.coin(), random.coin(), static_cast<std::uint16_t>(random.below(4096)), {}};
      for (std::uint32_t i = random.below(4); i > 0; --i)
        restart.families.push_back(
            {{1, static_cast<std::uint8_t>(random.below(200))}, random.coin()});
      capabilities.gracefulRestart = restart;
    }
    for (std::uint32_t i = random.below(4); i > 0; --i)
      capabilities.other.push_back(
          {static_cast<std::uint8_t>(128 + random.below(100)), random.bytes(random.below(120))});
    const auto decoded = decode(encode(open), {});
    ASSERT_TRUE(decoded) << decoded.error().reason;
    ASSERT_EQ(std::get<Open>(*decoded), open);
  }
}

TEST(RandomNotifications, ComeBackAndHaveAText) {
  Random random(5);
  for (int round = 0; round < 1000; ++round) {
    const Notification notification{static_cast<std::uint8_t>(random.below(8)),
                                    static_cast<std::uint8_t>(random.below(14)),
                                    random.bytes(random.below(200))};
    EXPECT_EQ(std::get<Notification>(*decode(encode(notification), {})), notification);
    const auto text = notification.text();
    EXPECT_FALSE(text.empty());
    for (const char c : text)
      EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) << "for a terminal";
    const RouteRefresh refresh{{static_cast<std::uint16_t>(random.below(65536)),
                                static_cast<std::uint8_t>(random.below(256))},
                               static_cast<std::uint8_t>(random.below(3))};
    EXPECT_EQ(std::get<RouteRefresh>(*decode(encode(refresh), {})), refresh);
  }
}

}  // namespace
}  // namespace hawser::wire
