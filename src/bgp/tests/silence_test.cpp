// Peers that fall silent, or that we do not hear because we were stopped; and their return.
#include <thread>

#include "raw_peer.h"

namespace hawser::bgp::test {
namespace {

TEST_F(RawPeerTest, HoldTimerExpires) {
  auto peer = connect();
  establish(peer);
  ASSERT_TRUE(eventually(loop, [&] {
    peer.poll();
    return peer.notification().first == 4;
  }));
  EXPECT_FALSE(up(*speaker, "raw"));
}

TEST_F(RawPeerTest, WhateverComesRestartsTheHoldTimer) {
  auto peer = connect();
  establish(peer);
  const auto until = std::chrono::steady_clock::now() + 5s;  // the hold time is 3 s
  auto next = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually(loop, [&] {
    if (std::chrono::steady_clock::now() >= next) {
      peer.send(wire::encode(wire::Keepalive{}));
      next += 1s;
    }
    return !up(*speaker, "raw") || std::chrono::steady_clock::now() >= until;
  }));
  EXPECT_TRUE(up(*speaker, "raw"));
}

class SilenceTest : public RawPeerTest {
 protected:
  // With graceful restart and its N bit (RFC 8538).
  static wire::Bytes graceful(bool restarting, bool preserved) {
    auto with = open();
    with.capabilities.gracefulRestart =
        wire::GracefulRestart{.restarting = restarting,
                              .notification = true,
                              .restartTime = 120,
                              .families = {{wire::kVpnv4, preserved}}};
    return wire::encode(with);
  }
  void establish(const RawPeer& peer, bool restarting, bool preserved) {
    peer.send(graceful(restarting, preserved));
    peer.send(wire::encode(wire::Keepalive{}));
    ASSERT_TRUE(eventually(loop, [&] { return up(*speaker, "raw"); }));
  }
  void announce(const RawPeer& peer) {
    auto with = std::make_shared<wire::PathAttributes>(*attributes("127.0.1.9", "64512:5"));
    with->asPath = {{wire::AsPathSegment::Type::kSequence, {net::Asn{64999}}}};
    wire::Update update{wire::kVpnv4, {}, {}, with};
    update.announced.push_back(wire::VpnNlri{net::Label::make(16).value(), kKey.rd, kKey.prefix});
    for (auto& message : wire::encode(update, wire::SessionContext{}).messages) peer.send(message);
    ASSERT_TRUE(eventually(loop, [&] { return route() && !route()->stale; }));
  }
  // It did not hear us for its hold time, and says so.
  void giveUp(RawPeer& peer) {
    peer.send(wire::encode(wire::Notification{4, 0, {}}));
    ASSERT_TRUE(eventually(loop, [&] {
      peer.poll();
      return peer.over;
    }));
  }
  [[nodiscard]] const rib::Path* route() const { return speaker->rib().best(kKey); }
  const rib::RouteKey kKey = vpnKey("10.0.0.1/32");
};

// The routes stay, but behind all others, here and elsewhere.
TEST_F(SilenceTest, RoutesOfASilentPeerAreSuspect) {
  auto peer = connect();
  establish(peer, false, true);
  announce(peer);
  ASSERT_TRUE(eventually(loop, [&] { return !up(*speaker, "raw"); }));
  ASSERT_TRUE(route());
  EXPECT_TRUE(route()->stale && route()->suspect);
}

// This process was stopped (SIGSTOP, a frozen machine): our hold timer is over, but what the peer
// said meanwhile is there to read, and comes first.
TEST_F(SilenceTest, WhoWasStoppedHasHeardNoSilence) {
  auto peer = connect();
  establish(peer, false, true);
  announce(peer);
  peer.send(wire::encode(wire::Keepalive{}));
  peer.send(wire::encode(wire::Notification{4, 0, {}}));
  std::this_thread::sleep_for(3100ms);
  ASSERT_TRUE(eventually(loop, [&] { return !up(*speaker, "raw"); }));
  ASSERT_TRUE(route());
  EXPECT_TRUE(route()->stale);
  EXPECT_FALSE(route()->suspect);
}

// RFC 4724, 4.2, also after its own "hold timer expired". What preserved it stays until end-of-RIB.
TEST_F(SilenceTest, RoutesOfAPeerThatKeptForwardingStayUntilItsEndOfRib) {
  auto peer = connect();
  establish(peer, false, true);
  announce(peer);
  giveUp(peer);
  auto again = connect();
  establish(again, true, true);
  ASSERT_TRUE(route());
  EXPECT_TRUE(route()->stale);
  for (auto& message : wire::encode(wire::Update{wire::kVpnv4, {}, {}, {}}, {}).messages)
    again.send(message);
  EXPECT_TRUE(eventually(loop, [&] { return !route(); })) << "it did not tell it again";
}

TEST_F(SilenceTest, RoutesOfAPeerThatRestartedWithoutForwardingGo) {
  auto peer = connect();
  establish(peer, false, false);
  announce(peer);
  giveUp(peer);
  ASSERT_TRUE(route());
  auto again = connect();
  establish(again, true, false);
  EXPECT_FALSE(route());
}

}  // namespace
}  // namespace hawser::bgp::test
