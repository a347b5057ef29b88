// Speakers against speakers.
#include "speakers.h"

namespace hawser::bgp::test {
namespace {

// a is 127.0.1.1, AS 64512; b is 127.0.1.2, AS 64513, and connects.
class PairTest : public SpeakerTest {
 protected:
  PairTest() {
    EXPECT_TRUE(a->start());
    EXPECT_TRUE(b->start());
    EXPECT_TRUE(a->setPeer(toB()));
    EXPECT_TRUE(b->setPeer(toA()));
  }
  [[nodiscard]] PeerConfig toB() const {
    auto config = peerConfig("b", "127.0.1.1", "127.0.1.2", b->listenPort(), 64513);
    config.passive = true;
    return config;
  }
  [[nodiscard]] PeerConfig toA() const {
    return peerConfig("a", "127.0.1.2", "127.0.1.1", a->listenPort(), 64512);
  }
  // b has the route, and a asks for it.
  void give(const std::string& prefix) {
    a->setMemberships({rt("64513:1")});
    b->originate(vpnKey(prefix), net::Label::make(1000).value(),
                 attributes("127.0.1.2", "64513:1"));
  }
  [[nodiscard]] const rib::Path* learned(const std::string& prefix) const {
    return a->rib().best(vpnKey(prefix));
  }
  [[nodiscard]] bool learns(const std::string& prefix) {
    give(prefix);
    return eventually(loop, [&] { return learned(prefix); });
  }
  // b is gone without a word.
  [[nodiscard]] bool vanishes() {
    b->stop(true);
    return eventually(loop, [&] { return statusOf(*a, "b").stale; });
  }
  std::unique_ptr<Speaker> a =
      std::make_unique<Speaker>(loop, speakerConfig(64512, "127.0.1.1"), metrics);
  std::unique_ptr<Speaker> b =
      std::make_unique<Speaker>(loop, speakerConfig(64513, "127.0.1.2"), metrics);
};

TEST_F(PairTest, EbgpSessionAnnouncesByMembershipAndWithdraws) {
  a->originate(vpnKey("10.0.100.11/32"), net::Label::make(1000).value(),
               attributes("127.0.1.1", "64512:100"));
  a->originate(vpnKey("10.0.100.12/32"), net::Label::make(1001).value(),
               attributes("127.0.1.1", "64512:999"));
  b->setMemberships({rt("64512:100")});
  ASSERT_TRUE(eventually(loop, [&] { return b->rib().best(vpnKey("10.0.100.11/32")); }));
  const auto* path = b->rib().best(vpnKey("10.0.100.11/32"));
  EXPECT_EQ(path->label, net::Label::make(1000).value());
  EXPECT_EQ(path->attributes->nextHop, ip("127.0.1.1"));
  ASSERT_EQ(path->attributes->asPath.size(), 1U);
  EXPECT_EQ(path->attributes->asPath[0].asns, (std::vector{net::Asn{64512}}));
  EXPECT_FALSE(b->rib().best(vpnKey("10.0.100.12/32")));

  b->setMemberships({rt("64512:999")});
  ASSERT_TRUE(eventually(loop, [&] {
    return b->rib().best(vpnKey("10.0.100.12/32")) && !b->rib().best(vpnKey("10.0.100.11/32"));
  }));
  a->withdraw(vpnKey("10.0.100.12/32"));
  ASSERT_TRUE(eventually(loop, [&] { return !b->rib().best(vpnKey("10.0.100.12/32")); }));
  EXPECT_TRUE(b->synchronised());
}

TEST_F(PairTest, BestChangesComeAsABatch) {
  std::size_t calls = 0, changes = 0;
  b->onBestChanges([&](const std::vector<rib::BestChange>& batch) {
    ++calls;
    for (const auto& change : batch) changes += change.key.family == wire::kVpnv4 ? 1 : 0;
  });
  b->setMemberships({rt("64512:100")});
  for (int i = 1; i <= 200; ++i) {
    a->originate(vpnKey("10.0.100." + std::to_string(i) + "/32"), net::Label::make(1000).value(),
                 attributes("127.0.1.1", "64512:100"));
  }
  ASSERT_TRUE(eventually(loop, [&] { return changes >= 200; }));
  EXPECT_LT(calls, 20U);
}

TEST_F(SpeakerTest, BothSidesConnectingEndInOneSession) {
  Speaker a(loop, speakerConfig(64512, "127.0.1.1"), metrics);
  Speaker b(loop, speakerConfig(64513, "127.0.1.2"), metrics);
  ASSERT_TRUE(a.start());
  ASSERT_TRUE(b.start());
  ASSERT_TRUE(a.setPeer(peerConfig("b", "127.0.1.1", "127.0.1.2", b.listenPort(), 64513)));
  ASSERT_TRUE(b.setPeer(peerConfig("a", "127.0.1.2", "127.0.1.1", a.listenPort(), 64512)));
  ASSERT_TRUE(eventually(loop, [&] { return up(a, "b") && up(b, "a"); }));
  settle(loop, 1500ms);
  EXPECT_TRUE(up(a, "b"));
  EXPECT_TRUE(up(b, "a"));
  EXPECT_EQ(statusOf(a, "b").flaps, 0U);
  EXPECT_EQ(statusOf(b, "a").flaps, 0U);
}

TEST_F(PairTest, WrongAsIsSaidOnBothSides) {
  auto wrong = toA();
  wrong.remoteAs = net::Asn{65000};
  ASSERT_TRUE(b->setPeer(wrong));
  ASSERT_TRUE(eventually(
      loop, [&] { return statusOf(*b, "a").lastError.find("AS 64512") != std::string::npos; }));
  ASSERT_TRUE(eventually(loop, [&] {
    return statusOf(*a, "b").lastError.find("Bad Peer AS") != std::string::npos;
  })) << statusOf(*a, "b").lastError;
}

TEST_F(PairTest, FiltersChangeInPlace) {
  b->setMemberships({rt("64512:100")});
  a->originate(vpnKey("10.0.100.11/32"), net::Label::make(1000).value(),
               attributes("127.0.1.1", "64512:100"));
  ASSERT_TRUE(eventually(loop, [&] { return b->rib().best(vpnKey("10.0.100.11/32")); }));
  auto filtered = toA();
  filtered.import.routeTargets = std::set{rt("64512:7")};
  ASSERT_TRUE(b->setPeer(filtered));
  EXPECT_FALSE(b->rib().best(vpnKey("10.0.100.11/32")));
  ASSERT_TRUE(b->setPeer(toA()));
  EXPECT_TRUE(b->rib().best(vpnKey("10.0.100.11/32")));
  EXPECT_EQ(statusOf(*b, "a").flaps, 0U);
}

TEST_F(PairTest, HelperKeepsRoutesOfASpeakerThatVanished) {
  give("10.1.0.1/32");
  ASSERT_TRUE(learns("10.1.0.2/32"));
  ASSERT_TRUE(vanishes());
  ASSERT_TRUE(learned("10.1.0.1/32"));
  EXPECT_TRUE(learned("10.1.0.1/32")->stale);

  // It comes back with one of the two: the other goes at its end-of-RIB.
  const auto again = toA();
  auto config = speakerConfig(64513, "127.0.1.2");
  config.restarting = true;
  b = std::make_unique<Speaker>(loop, config, metrics);
  give("10.1.0.1/32");
  ASSERT_TRUE(b->setPeer(again));
  ASSERT_TRUE(b->start());
  ASSERT_TRUE(eventually(loop, [&] { return !learned("10.1.0.2/32"); }));
  ASSERT_TRUE(learned("10.1.0.1/32"));
  EXPECT_FALSE(learned("10.1.0.1/32")->stale);
  EXPECT_FALSE(statusOf(*a, "b").stale);
}

TEST_F(PairTest, StaleRoutesGoWhenTheRestartTimeIsOver) {
  auto brief = toA();
  brief.restartTime = 1s;
  ASSERT_TRUE(b->setPeer(brief));
  ASSERT_TRUE(learns("10.1.0.1/32"));
  ASSERT_TRUE(vanishes());
  ASSERT_TRUE(eventually(loop, [&] { return !learned("10.1.0.1/32"); }));
}

// A host without its controller goes on with what it knows.
TEST_F(PairTest, StaleRoutesStayWhereTheyAreToStay) {
  auto brief = toA();
  brief.restartTime = 1s;
  ASSERT_TRUE(b->setPeer(brief));
  auto patient = toB();
  patient.keepStaleForever = true;
  ASSERT_TRUE(a->setPeer(patient));
  ASSERT_TRUE(learns("10.1.0.1/32"));
  ASSERT_TRUE(vanishes());
  const auto until = std::chrono::steady_clock::now() + 2s;  // twice the restart time
  ASSERT_TRUE(eventually(loop, [&] { return std::chrono::steady_clock::now() >= until; }));
  EXPECT_TRUE(learned("10.1.0.1/32"));
}

TEST_F(PairTest, RoutesThatShareGoInOneExtendedMessage) {
  a->setMemberships({rt("64513:1")});
  const auto shared = attributes("127.0.1.2", "64513:1");
  for (unsigned i = 0; i < 1000; ++i)  // 16 kB
    b->originate(vpnKey("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250) + "/32"),
                 net::Label::make(1000).value(), shared);
  ASSERT_TRUE(eventually(loop, [&] { return learned("10.1.3.249/32"); }));
  EXPECT_LE(statusOf(*a, "b").updatesIn, 4U) << "RFC 8654; memberships and markers among them";
}

TEST_F(PairTest, RemovedPeerLeavesNothing) {
  ASSERT_TRUE(learns("10.1.0.1/32"));
  a->removePeer("b");
  EXPECT_FALSE(learned("10.1.0.1/32"));
  EXPECT_TRUE(a->peers().empty());
  EXPECT_EQ(a->rib().peerCount(), 0U);
  // The other side was told, with grace (N bit): it keeps what it had.
  ASSERT_TRUE(eventually(
      loop, [&] { return statusOf(*b, "a").lastError.find("Cease") != std::string::npos; }));
}

TEST_F(PairTest, APathNamesItsPeer) {
  ASSERT_TRUE(learns("10.1.0.1/32"));
  const auto id = learned("10.1.0.1/32")->peer;
  EXPECT_EQ(a->peerName(id), "b");
  EXPECT_EQ(b->peerName(rib::kLocal), "");
  auto changed = toB();
  changed.holdTime = 30s;
  ASSERT_TRUE(a->setPeer(changed));
  EXPECT_EQ(a->peerName(id), "") << "a changed peer is a new one";
  ASSERT_TRUE(eventually(loop, [&] { return learned("10.1.0.1/32"); }));
  EXPECT_EQ(a->peerName(learned("10.1.0.1/32")->peer), "b");
}

TEST_F(PairTest, AChangedPeerIsOnePeer) {
  for (int hold = 30; hold <= 36; hold += 3) {
    auto changed = toA();
    changed.holdTime = std::chrono::seconds(hold);
    ASSERT_TRUE(b->setPeer(changed));
    ASSERT_TRUE(eventually(loop, [&] { return up(*b, "a"); }));
    EXPECT_EQ(b->rib().peerCount(), 1U);
  }
}

TEST_F(SpeakerTest, ReflectorPassesRoutesBetweenClients) {
  Speaker reflector(loop, speakerConfig(64512, "127.0.1.1"), metrics);
  ASSERT_TRUE(reflector.start());
  std::vector<std::unique_ptr<Speaker>> clients;
  for (const auto* id : {"127.0.1.11", "127.0.1.12"}) {
    auto toClient = peerConfig(id, "127.0.1.1", id, 179, 64512);
    toClient.passive = true;
    toClient.routeReflectorClient = true;
    ASSERT_TRUE(reflector.setPeer(toClient));
    auto config = speakerConfig(64512, id);
    config.listenAddress.reset();
    clients.push_back(std::make_unique<Speaker>(loop, config, metrics));
    ASSERT_TRUE(
        clients.back()->setPeer(peerConfig("rr", id, "127.0.1.1", reflector.listenPort(), 64512)));
    ASSERT_TRUE(clients.back()->start());
    clients.back()->setMemberships({rt("64512:5")});
  }
  clients[0]->originate(vpnKey("10.0.0.1/32"), net::Label::make(77).value(),
                        attributes("127.0.1.11", "64512:5"));
  ASSERT_TRUE(eventually(loop, [&] { return clients[1]->rib().best(vpnKey("10.0.0.1/32")); }));
  const auto& seen = *clients[1]->rib().best(vpnKey("10.0.0.1/32"))->attributes;
  EXPECT_EQ(seen.nextHop, ip("127.0.1.11"));
  EXPECT_EQ(seen.originatorId, v4("127.0.1.11"));
  EXPECT_EQ(seen.clusterList, (std::vector{v4("127.0.1.1")}));
}

}  // namespace
}  // namespace hawser::bgp::test
