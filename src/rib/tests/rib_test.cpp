#include "fixture.h"

namespace hawser::rib {
namespace {

using namespace test;

const PeerId kA{1}, kB{2}, kC{3}, kSite{9};

TEST_F(RibTest, ReflectsBetweenClients) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true));
  rib_.receive(kA, announce("10.1.0.11:1", "10.0.0.1/32", attributes({"64512:1"})));
  EXPECT_EQ(routesOf(kB), Keys{"10.1.0.11:1:10.0.0.1/32"});
  EXPECT_TRUE(routesOf(kA).empty()) << "not back to where it came from";
  const auto got = routeOf(kB, "10.1.0.11:1:10.0.0.1/32");
  EXPECT_EQ(got->originatorId->text(), "10.1.0.11");
  EXPECT_EQ(got->clusterList.size(), 1U);
  EXPECT_EQ(got->localPref, 100U);
  EXPECT_EQ(got->nextHop.text(), "10.1.0.11") << "unchanged";
  rib_.receive(kA, withdraw("10.1.0.11:1", "10.0.0.1/32"));
  EXPECT_TRUE(routesOf(kB).empty());
}

// A peer that goes for good takes along its routes, its memberships and what it was sent.
TEST_F(RibTest, WhoIsForgottenLeavesNothing) {
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true));
  rib_.receive(kB, announce("10.1.0.12:1", "10.0.0.9/32", attributes({"64512:1"})));
  for (std::uint32_t number = 100; number < 200; ++number) {
    const PeerId id(number);
    rib_.peerUp(id, peer(64512, "10.1.0.11", true, true));
    rib_.receive(id, member(64512, "64512:1"));
    rib_.receive(id, endOfRib(wire::kRtConstraint));
    rib_.receive(id, announce("10.1.0.11:1", "10.0.0.1/32", attributes({"64512:1"})));
    EXPECT_EQ(rib_.counters(id).accepted, 2U);
    EXPECT_EQ(rib_.takeOutput(id).size(), 2U) << "kB's route, and its own membership back";
    EXPECT_EQ(routesOf(kB), Keys{"10.1.0.11:1:10.0.0.1/32"});
    if (number % 2 == 0) rib_.peerDown(id, true);
    rib_.forget(id);
    rib_.forget(id);
    EXPECT_TRUE(routesOf(kB).empty());
    EXPECT_EQ(rib_.held(id), 0U);
    EXPECT_FALSE(rib_.hasOutput(id));
  }
  EXPECT_EQ(rib_.peerCount(), 1U);
  EXPECT_TRUE(rib_.paths(wire::kRtConstraint).empty());
  EXPECT_EQ(rib_.paths(wire::kVpnv4).size(), 1U);
}

TEST_F(RibTest, NonClientsGetClientRoutesOnly) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.peerUp(kB, peer(64512, "10.1.0.12"));
  rib_.peerUp(kC, peer(64512, "10.1.0.13"));
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"1:1"})));
  rib_.receive(kB, announce("1:2", "10.0.0.2/32", attributes({"1:1"})));
  EXPECT_EQ(routesOf(kC), Keys{"1:1:10.0.0.1/32"});
  EXPECT_EQ(routesOf(kA), Keys{"1:2:10.0.0.2/32"});
}

TEST_F(RibTest, LoopsAreDroppedAndCounted) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  auto originator = attributes({"1:1"});
  originator->originatorId = ip("10.1.0.10").v4();
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", originator));
  auto cluster = attributes({"1:1"});
  cluster->clusterList = {ip("10.1.0.10").v4()};
  rib_.receive(kA, announce("1:2", "10.0.0.1/32", cluster));
  rib_.peerUp(kSite, peer(64513, "10.2.0.10"));
  auto path = attributes({"1:1"});
  path->asPath = {{wire::AsPathSegment::Type::kSequence, {net::Asn(64513), net::Asn(64512)}}};
  rib_.receive(kSite, announce("1:3", "10.0.0.1/32", path));
  EXPECT_EQ(rib_.counters(kA).droppedLoop, 2U);
  EXPECT_EQ(rib_.counters(kSite).droppedLoop, 1U);
  EXPECT_EQ(rib_.counters(kA).accepted, 0U);
}

TEST_F(RibTest, NextHopsOfOursAndOfNobodyAreNotAForeignPeersToGive) {
  rib_.setOwnAddresses({ip("10.1.0.11")});
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.peerUp(kSite, peer(64513, "10.2.0.10"));
  for (const auto* nextHop : {"10.1.0.11", "10.1.0.10", "127.0.0.1", "127.9.9.9", "::1"})
    rib_.receive(kSite, announce("2:1", "10.9.0.1/32", attributes({"1:1"}, nextHop)));
  EXPECT_TRUE(routesOf(kA).empty());
  EXPECT_EQ(rib_.counters(kSite).droppedNextHop, 5U);
  EXPECT_EQ(rib_.counters(kSite).accepted, 0U);
  rib_.receive(kSite, announce("2:1", "10.9.0.1/32", attributes({"1:1"}, "10.2.0.11")));
  rib_.receive(kSite, announce("2:2", "10.9.0.2/32", attributes({"1:1"}, "10.2.0.12")));
  EXPECT_EQ(routesOf(kA).size(), 2U);
  // A host of ours takes an address that was theirs; then it goes.
  rib_.setOwnAddresses({ip("10.1.0.11"), ip("10.2.0.12")});
  EXPECT_EQ(routesOf(kA), Keys{"2:1:10.9.0.1/32"});
  rib_.setOwnAddresses({ip("10.1.0.11")});
  EXPECT_EQ(routesOf(kA).size(), 2U);
  // Our own hosts say what they are.
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"1:1"}, "10.1.0.11")));
  EXPECT_TRUE(routeOf(kSite, "1:1:10.0.0.1/32"));
}

TEST_F(RibTest, APeerOverLoopbackSpeaksForLoopback) {
  auto near = peer(64513, "127.0.0.2");
  near.localAddress = ip("127.0.0.1");
  rib_.peerUp(kSite, near);
  rib_.receive(kSite, announce("2:1", "10.9.0.1/32", attributes({"1:1"}, "127.0.0.2")));
  EXPECT_EQ(rib_.counters(kSite).accepted, 1U);
  rib_.receive(kSite, announce("2:1", "10.9.0.1/32", attributes({"1:1"}, "127.0.0.1")));
  EXPECT_EQ(rib_.counters(kSite).accepted, 0U) << "its next hop is ours";
}

TEST_F(RibTest, AnAsPathBeginsWithThePeersAs) {
  using Type = wire::AsPathSegment::Type;
  auto strict = peer(64513, "10.2.0.10");
  strict.enforceFirstAs = true;
  rib_.peerUp(kSite, strict);
  const auto judged = [&](PeerId from, const wire::AsPath& path) {
    auto with = attributes({"1:1"}, "10.2.0.11");
    with->asPath = path;
    rib_.receive(from, announce("2:1", "10.9.0.1/32", with));
    return rib_.counters(from).accepted == 1;
  };
  EXPECT_TRUE(judged(kSite, {{Type::kSequence, {net::Asn(64513), net::Asn(7)}}}));
  EXPECT_FALSE(judged(kSite, {{Type::kSequence, {net::Asn(7), net::Asn(64513)}}}));
  EXPECT_FALSE(judged(kSite, {{Type::kSet, {net::Asn(64513)}}}));
  EXPECT_FALSE(judged(kSite, {}));
  EXPECT_EQ(rib_.counters(kSite).droppedFirstAs, 3U);
  rib_.peerUp(kC, peer(64514, "10.3.0.10"));
  EXPECT_TRUE(judged(kC, {{Type::kSequence, {net::Asn(7)}}})) << "a route server";
  auto own = peer(64512, "10.1.0.11", true);
  own.enforceFirstAs = true;
  rib_.peerUp(kA, own);
  EXPECT_TRUE(judged(kA, {})) << "inside an AS there is nothing to begin with";
}

TEST_F(RibTest, AForeignPeerIsToldWhatItMayGiveAndNoMore) {
  auto site = peer(64513, "10.2.0.10", false, true);
  site.import.routeTargets = {target("1:1")};
  rib_.peerUp(kSite, site);
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true, true));
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true, true));
  for (const auto* wanted : {"1:1", "1:2", "1:3"}) rib_.receive(kA, member(64512, wanted));
  EXPECT_EQ(routesOf(kSite), Keys{"64512:1:1/96"});
  EXPECT_EQ(routesOf(kB).size(), 3U) << "our hosts are told all";
  // A Link is agreed on, another ends: without a new session.
  RouteFilter other;
  other.routeTargets = {target("1:2")};
  rib_.setFilters(kSite, other, {});
  EXPECT_EQ(routesOf(kSite), Keys{"64512:1:2/96"});
  rib_.setFilters(kSite, {}, {});
  EXPECT_EQ(routesOf(kSite).size(), 3U) << "no filter, nothing to hide";
}

TEST_F(RibTest, ABorderPrependsAndKeepsTheNextHop) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.peerUp(kSite, peer(64513, "10.2.0.10"));
  auto sent = attributes({"64512:1"});
  sent->localPref = 300;
  sent->med = 5;
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", sent));
  const auto got = routeOf(kSite, "1:1:10.0.0.1/32");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->asPath[0].asns, std::vector{net::Asn(64512)});
  EXPECT_EQ(got->nextHop.text(), "10.1.0.11");
  EXPECT_FALSE(got->localPref || got->med || got->originatorId);
  EXPECT_TRUE(got->clusterList.empty());
  // And what it gives goes to the hosts, not back.
  auto theirs = attributes({"64512:1"}, "10.2.0.11");
  theirs->asPath = {{wire::AsPathSegment::Type::kSequence, {net::Asn(64513)}}};
  rib_.receive(kSite, announce("2:1", "10.9.0.1/32", theirs));
  EXPECT_EQ(routeOf(kA, "2:1:10.9.0.1/32")->nextHop.text(), "10.2.0.11");
  EXPECT_EQ(routesOf(kSite), Keys{"1:1:10.0.0.1/32"});
}

TEST_F(RibTest, WellKnownCommunitiesHoldRoutesBack) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true));
  rib_.peerUp(kSite, peer(64513, "10.2.0.10"));
  auto noExport = attributes({"1:1"});
  noExport->communities = {0xffffff01};
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", noExport));
  auto noAdvertise = attributes({"1:1"});
  noAdvertise->communities = {0xffffff02};
  rib_.receive(kA, announce("1:2", "10.0.0.2/32", noAdvertise));
  EXPECT_TRUE(routesOf(kSite).empty());
  EXPECT_EQ(routesOf(kB), Keys{"1:1:10.0.0.1/32"});
}

TEST_F(RibTest, ChurnCoalescesAndEqualIsNotSentAgain) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true));
  drain(kB);
  for (int i = 0; i < 10; ++i) {
    rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"1:1"})));
    rib_.receive(kA, withdraw("1:1", "10.0.0.1/32"));
  }
  EXPECT_TRUE(rib_.takeOutput(kB).empty());
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"1:1"})));
  EXPECT_EQ(rib_.takeOutput(kB).size(), 1U);
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"1:1"})));
  EXPECT_TRUE(rib_.takeOutput(kB).empty());
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"1:1"}), 101));
  EXPECT_EQ(rib_.takeOutput(kB).size(), 1U) << "a new label is a change";
}

TEST_F(RibTest, RoutesThatShareAttributesShareAnUpdate) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true));
  wire::Update many{wire::kVpnv4, {}, {}, attributes({"1:1"})};
  for (int i = 0; i < 50; ++i)
    many.announced.push_back(vpnNlri("1:1", "10.0.0." + std::to_string(i) + "/32"));
  rib_.receive(kA, many);
  const auto out = rib_.takeOutput(kB);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].announced.size(), 50U);
}

TEST_F(RibTest, TakesNoMoreThanAskedFor) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true));
  for (int i = 0; i < 50; ++i)
    rib_.receive(kA, announce("1:1", "10.0.0." + std::to_string(i) + "/32", attributes({"1:1"})));
  std::size_t first = 0;
  for (const auto& update : rib_.takeOutput(kB, 20)) first += update.announced.size();
  EXPECT_EQ(first, 20U);
  EXPECT_TRUE(rib_.hasOutput(kB));
}

TEST_F(RibTest, WhatNeedNotBeSaidTakesNoPlace) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  const auto same = attributes({"1:1"});
  rib_.originate(vpnKey("1:1", "10.0.0.1/32"), {}, same);
  drain(kA);
  rib_.originate(vpnKey("1:1", "10.0.0.1/32"), {}, same);
  rib_.originate(vpnKey("1:2", "10.0.0.2/32"), {}, same);
  const auto updates = rib_.takeOutput(kA, 1);
  ASSERT_EQ(updates.size(), 1U) << "the one route is the new one";
  EXPECT_EQ(text(keyOf(wire::kVpnv4, updates[0].announced.at(0))), "1:2:10.0.0.2/32");
  EXPECT_FALSE(rib_.hasOutput(kA));
}

TEST_F(RibTest, RefreshSaysItAllAgain) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true));
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"1:1"})));
  drain(kB);
  rib_.refresh(kB, wire::kVpnv4);
  EXPECT_EQ(rib_.takeOutput(kB).size(), 1U);
  EXPECT_TRUE(rib_.takeOutput(kB).empty());
}

TEST_F(RibTest, NothingIsSaidToWhoIsNotThere) {
  const PeerId nobody(77);
  rib_.originate(vpnKey("1:1", "10.0.0.1/32"), {}, attributes({"1:1"}));
  for (const bool wasUp : {false, true}) {
    if (wasUp) {
      rib_.peerUp(nobody, peer(64512, "10.1.0.77", true));
      EXPECT_TRUE(rib_.hasOutput(nobody));
      rib_.peerDown(nobody, false);
    }
    rib_.refresh(nobody, wire::kVpnv4);
    rib_.setFilters(nobody, {}, {});
    rib_.dropStale(nobody);
    rib_.openRtConstraintGate(nobody);
    EXPECT_FALSE(rib_.hasOutput(nobody));
    EXPECT_TRUE(rib_.takeOutput(nobody).empty());
    EXPECT_TRUE(rib_.takeEndOfRib(nobody).empty());
    EXPECT_TRUE(rib_.advertised(nobody).empty());
    EXPECT_EQ(rib_.counters(nobody).accepted, 0U);
  }
}

TEST_F(RibTest, RefreshOfAFamilyThatWasNotNegotiatedIsNone) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.originate(vpnKey("1:1", "10.0.0.1/32"), {}, attributes({"1:1"}));
  drain(kA);
  const auto views = rib_.advertised(kA);
  ASSERT_EQ(views.size(), 1U);
  EXPECT_EQ(text(views[0].key), "1:1:10.0.0.1/32");
  EXPECT_FALSE(views[0].path.stale);
  EXPECT_EQ(views[0].rule, Rule::kBest);
  for (const auto family : {wire::kVpnv6, wire::kRtConstraint, wire::kEvpn}) {
    rib_.refresh(kA, family);
    EXPECT_FALSE(rib_.hasOutput(kA));
  }
  rib_.refresh(kA, wire::kVpnv4);
  EXPECT_EQ(rib_.takeOutput(kA).size(), 1U);
}

// The peer was configured anew, or is another machine, while its routes were kept as stale.
TEST_F(RibTest, WhatIsStaleIsJudgedAsThePeerIsNow) {
  rib_.peerUp(kSite, peer(64513, "10.2.0.10"));
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.receive(kSite, announce("2:1", "10.0.0.1/32", attributes({"1:1"})));
  rib_.receive(kSite, announce("2:2", "10.0.0.2/32", attributes({"1:2"})));
  EXPECT_EQ(routesOf(kA).size(), 2U);
  rib_.peerDown(kSite, true);
  auto narrow = peer(64513, "10.2.0.10");
  narrow.import.routeTargets = std::set{target("1:2")};
  rib_.peerUp(kSite, narrow);
  EXPECT_EQ(routesOf(kA), Keys{"2:2:10.0.0.2/32"});
  rib_.peerDown(kSite, true);
  rib_.peerUp(kSite, peer(64513, "10.2.0.10"));
  EXPECT_EQ(routesOf(kA).size(), 2U) << "and what was refused is there again";
}

TEST_F(RibTest, PeerThatComesLaterGetsEverythingThenEndOfRib) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"1:1"})));
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true));
  EXPECT_TRUE(rib_.takeEndOfRib(kB).empty());
  EXPECT_EQ(routesOf(kB).size(), 1U);
  EXPECT_EQ(rib_.takeEndOfRib(kB), std::vector{wire::kVpnv4});
  EXPECT_TRUE(rib_.takeEndOfRib(kB).empty());
}

TEST_F(RibTest, GracefulRestartKeepsStaleRoutesUntilEndOfRib) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true));
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"1:1"})));
  rib_.receive(kA, announce("1:1", "10.0.0.2/32", attributes({"1:1"})));
  EXPECT_EQ(routesOf(kB).size(), 2U);
  rib_.peerDown(kA, true);
  EXPECT_EQ(routesOf(kB).size(), 2U);
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.receive(kA, announce("1:1", "10.0.0.2/32", attributes({"1:1"})));
  EXPECT_EQ(routesOf(kB).size(), 2U);
  rib_.receive(kA, endOfRib(wire::kVpnv4));
  EXPECT_EQ(routesOf(kB), Keys{"1:1:10.0.0.2/32"});
  rib_.peerDown(kA, false);
  EXPECT_TRUE(routesOf(kB).empty());
}

// A controller that falls silent says nothing of the hosts whose routes it reflects.
TEST_F(RibTest, WhoReflectsIsNotWhoForwards) {
  rib_.peerUp(kA, peer(64512, "10.1.0.10", true));
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"1:1"}, "10.1.0.12")));
  rib_.receive(kA, announce("1:2", "10.0.0.1/32", attributes({"1:1"}, "10.1.0.10")));
  rib_.peerDown(kA, true, true);
  ASSERT_TRUE(rib_.best(vpnKey("1:1", "10.0.0.1/32")));
  EXPECT_TRUE(rib_.best(vpnKey("1:1", "10.0.0.1/32"))->stale);
  EXPECT_FALSE(rib_.best(vpnKey("1:1", "10.0.0.1/32"))->suspect);
  EXPECT_TRUE(rib_.best(vpnKey("1:2", "10.0.0.1/32"))->suspect);
}

// Nothing may forward behind a peer that fell silent, so others are told; back with the same route,
// it is as before.
TEST_F(RibTest, RoutesOfASilentPeerGoOutAsLeastPreferred) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true));
  const auto communities = [&] {
    std::vector<std::vector<std::uint32_t>> out;
    for (const auto& update : rib_.takeOutput(kB))
      if (!update.announced.empty()) out.push_back(update.attributes->communities);
    return out;
  };
  using All = std::vector<std::vector<std::uint32_t>>;
  const auto shared = attributes({"1:1"});
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", shared));
  rib_.receive(kA, announce("1:1", "10.0.0.2/32", shared));
  EXPECT_EQ(communities(), All{{}});
  rib_.peerDown(kA, true, true);
  EXPECT_EQ(communities(), All{{kLlgrStale}}) << "both in one update";
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  EXPECT_EQ(communities(), All{});
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"1:1"})));
  EXPECT_EQ(communities(), All{{}});
  rib_.peerDown(kA, true, false);
  EXPECT_EQ(communities(), All{{}}) << "a restart says nothing of forwarding";
}

TEST_F(RibTest, StaleRoutesOfEveryFamilyAreDroppedAndFreshOnesStay) {
  auto both = peer(64512, "10.1.0.11", true, true);
  both.families.insert(wire::kVpnv6);
  rib_.peerUp(kA, both);
  const auto six = announce("1:1", "2001:db8::1/128", attributes({"1:1"}));
  rib_.receive(kA, {wire::kVpnv6, six.announced, {}, six.attributes});
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"1:1"})));
  rib_.receive(kA, announce("1:1", "10.0.0.2/32", attributes({"1:1"})));
  rib_.receive(kA, member(64512, "1:1"));
  rib_.peerDown(kA, true);
  EXPECT_EQ(rib_.counters(kA).accepted, 4U);
  rib_.peerUp(kA, both);
  rib_.receive(kA, announce("1:1", "10.0.0.2/32", attributes({"1:1"})));
  rib_.dropStale(kA);
  EXPECT_EQ(rib_.counters(kA).accepted, 1U);
  EXPECT_TRUE(rib_.best(vpnKey("1:1", "10.0.0.2/32")));
  EXPECT_FALSE(rib_.best(vpnKey("1:1", "10.0.0.1/32")));
}

TEST_F(RibTest, EachChangeIsToldOnce) {
  rib_.originate(vpnKey("1:1", "10.0.0.1/32"), {}, attributes({"1:1"}));
  EXPECT_EQ(rib_.takeBestChanges().size(), 1U);
  EXPECT_TRUE(rib_.takeBestChanges().empty());
  rib_.originate(vpnKey("1:2", "10.0.0.2/32"), {}, attributes({"1:1"}));
  const auto changes = rib_.takeBestChanges();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(text(changes[0].key), "1:2:10.0.0.2/32");
}

// The other side waits with its VPN routes for the memberships' marker (RFC 4684, 6).
TEST_F(RibTest, TheMarkerOfMembershipsGoesFirst) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true, true));
  rib_.openRtConstraintGate(kA);
  EXPECT_EQ(rib_.takeEndOfRib(kA), (std::vector{wire::kRtConstraint, wire::kVpnv4}));
  EXPECT_TRUE(rib_.takeEndOfRib(kA).empty()) << "each once";
}

TEST_F(RibTest, ARefreshIsOver) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  const auto same = attributes({"1:1"});
  rib_.originate(vpnKey("1:1", "10.0.0.1/32"), {}, same);
  drain(kA);
  rib_.refresh(kA, wire::kVpnv4);
  EXPECT_EQ(rib_.takeOutput(kA).size(), 1U);
  rib_.originate(vpnKey("1:1", "10.0.0.1/32"), {}, same);
  EXPECT_TRUE(rib_.takeOutput(kA).empty()) << "when it has been answered";
}

TEST(KeyText, OfMemberships) {
  const auto shown = [](const wire::RtMembership& membership) {
    return text(keyOf(wire::kRtConstraint, membership));
  };
  EXPECT_EQ(shown(wire::RtMembership::defaultRoute()), "default");
  auto membership = wire::RtMembership::of(net::Asn(64512), target("64513:7"));
  EXPECT_EQ(shown(membership), "64512:64513:7/96");
  membership.length = 32;
  membership.target = {};
  EXPECT_EQ(shown(membership), "64512:0000000000000000/32") << "any target of the AS";
}

TEST_F(RibTest, AFreshRouteBeatsAStaleOne) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true));
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"1:1"}), 1));
  rib_.receive(kB, announce("1:1", "10.0.0.1/32", attributes({"1:1"}), 2));
  EXPECT_EQ(rib_.best(vpnKey("1:1", "10.0.0.1/32"))->peer, kA);
  rib_.peerDown(kA, true);
  EXPECT_EQ(rib_.best(vpnKey("1:1", "10.0.0.1/32"))->peer, kB);
  const auto views = rib_.paths(wire::kVpnv4);
  ASSERT_EQ(views.size(), 2U);
  EXPECT_EQ(views[0].rule, Rule::kStale);
  EXPECT_EQ(views[1].rule, Rule::kBest);
}

TEST_F(RibTest, OwnRoutesGoOutAndCountAsLocal) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.originate(vpnKey("1:1", "10.0.0.1/32"), *net::Label::make(7), attributes({"1:1"}));
  EXPECT_EQ(routesOf(kA).size(), 1U);
  auto changes = rib_.takeBestChanges();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].path->peer, kLocal);
  rib_.withdraw(vpnKey("1:1", "10.0.0.1/32"));
  changes = rib_.takeBestChanges();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].path, nullptr);
  EXPECT_TRUE(routesOf(kA).empty());
}

TEST_F(RibTest, HeldOutputWaits) {
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.holdOutput(true);
  rib_.originate(vpnKey("1:1", "10.0.0.1/32"), {}, attributes({"1:1"}));
  EXPECT_FALSE(rib_.hasOutput(kA));
  EXPECT_TRUE(rib_.takeOutput(kA).empty());
  EXPECT_TRUE(rib_.takeEndOfRib(kA).empty());
  rib_.holdOutput(false);
  EXPECT_EQ(routesOf(kA).size(), 1U);
}

}  // namespace
}  // namespace hawser::rib
