// VPN routes by memberships (RFC 4684).
#include "fixture.h"

namespace hawser::rib {
namespace {

using namespace test;

const PeerId kA{1}, kB{2}, kC{3}, kSite{9};

class ConstraintTest : public RibTest {
 protected:
  ConstraintTest() {
    for (const auto& [id, address] : {std::pair{kA, "10.1.0.11"}, std::pair{kB, "10.1.0.12"}}) {
      rib_.peerUp(id, peer(64512, address, true, true));
      rib_.receive(id, endOfRib(wire::kRtConstraint));
    }
  }
  Keys vpnRoutesOf(PeerId id) {
    auto keys = routesOf(id);
    std::erase_if(keys, [](const std::string& key) { return !key.ends_with("/32"); });
    return keys;
  }
};

// A route costs work for those who want it, had it, or must look at every one.
TEST_F(ConstraintTest, OthersAreNotEvenAsked) {
  const PeerId kGateway{7}, kAll{8};
  rib_.peerUp(kC, peer(64512, "10.1.0.13", true, true));
  rib_.receive(kC, endOfRib(wire::kRtConstraint));
  rib_.peerUp(kGateway, peer(64999, "10.3.0.1"));
  rib_.peerUp(kAll, peer(64512, "10.1.0.18", true, true));
  rib_.receive(kAll,
               {wire::kRtConstraint, {wire::RtMembership::defaultRoute()}, {}, attributes({})});
  rib_.receive(kAll, endOfRib(wire::kRtConstraint));
  rib_.receive(kB, member(64512, "64512:1"));
  rib_.receive(kC, member(64512, "64512:2"));
  using Flags = std::vector<bool>;
  const auto asked = [&] {
    Flags flags;
    for (const auto id : {kA, kB, kC, kGateway, kAll}) {
      flags.push_back(rib_.hasOutput(id));
      drain(id);
    }
    return flags;
  };
  asked();
  const auto say = [&](std::initializer_list<std::string_view> targets) {
    rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes(targets)));
    return asked();
  };
  EXPECT_EQ(say({"64512:1"}), (Flags{false, true, false, true, true}));
  EXPECT_EQ(vpnRoutesOf(kB).size(), 1U);
  EXPECT_EQ(say({"64512:2"}), (Flags{false, true, true, true, true})) << "who had it too";
  EXPECT_TRUE(vpnRoutesOf(kB).empty());
  EXPECT_EQ(vpnRoutesOf(kC).size(), 1U);
  EXPECT_EQ(say({"64512:3"}), (Flags{false, false, true, true, true}));
  EXPECT_TRUE(vpnRoutesOf(kC).empty());
  rib_.receive(kAll, {wire::kRtConstraint, {}, {wire::RtMembership::defaultRoute()}, nullptr});
  asked();
  EXPECT_EQ(say({"64512:1"}), (Flags{false, true, false, true, false}));
  rib_.receive(kB, leave(64512, "64512:1"));
  rib_.peerDown(kGateway, false);
  asked();
  rib_.receive(kA, withdraw("1:1", "10.0.0.1/32"));
  EXPECT_EQ(asked(), Flags(5, false));
}

// Looks are counted: a peer costs those at what it wants, whatever else there is, however it comes.
TEST_F(ConstraintTest, APeerIsAskedOfWhatItWants) {
  for (unsigned i = 0; i < 500; ++i)
    rib_.receive(
        kA,
        announce("1:1", "10.0." + std::to_string(i % 250) + "." + std::to_string(i / 250) + "/32",
                 attributes({"64512:1"})));
  for (const auto* route : {"10.2.0.1/32", "10.2.0.2/32"})
    rib_.receive(kA, announce("1:2", route, attributes({"64512:2", "64512:3"})));
  auto site = peer(64513, "10.2.0.10", false, true);
  rib_.peerUp(kSite, site);
  EXPECT_EQ(rib_.counters(kSite).queued, 0U);
  rib_.receive(kSite, member(64513, "64512:2"));
  rib_.receive(kSite, member(64513, "64512:3"));
  rib_.receive(kSite, endOfRib(wire::kRtConstraint));
  EXPECT_EQ(vpnRoutesOf(kSite).size(), 2U);
  EXPECT_EQ(rib_.counters(kSite).examined, 4U) << "its memberships and two routes";

  rib_.peerDown(kSite, true);
  tables_.erase(kSite);
  rib_.peerUp(kSite, site);
  rib_.openRtConstraintGate(kSite);
  EXPECT_EQ(rib_.counters(kSite).queued, 4U);
  EXPECT_EQ(vpnRoutesOf(kSite).size(), 2U);
  rib_.refresh(kSite, wire::kVpnv4);
  EXPECT_EQ(rib_.counters(kSite).queued, 2U);
  EXPECT_EQ(vpnRoutesOf(kSite).size(), 2U);
  site.exportTo.prefixes = std::vector{prefix("10.2.0.2/32")};
  rib_.setFilters(kSite, {}, site.exportTo);
  EXPECT_EQ(vpnRoutesOf(kSite), Keys{"1:2:10.2.0.2/32"});
  EXPECT_EQ(rib_.counters(kSite).examined, 4U + 4U + 2U + 4U);

  // Who wants all, or might, is asked of all.
  rib_.receive(kSite,
               {wire::kRtConstraint, {wire::RtMembership::defaultRoute()}, {}, attributes({})});
  rib_.setFilters(kSite, {}, {});
  EXPECT_EQ(vpnRoutesOf(kSite).size(), 502U);
  rib_.refresh(kSite, wire::kVpnv4);
  EXPECT_EQ(rib_.counters(kSite).queued, 502U);
}

// While output is held or the gate is shut, VPN routes are not looked at; memberships go.
TEST_F(ConstraintTest, WhatMustWaitCostsNothing) {
  rib_.receive(kB, member(64512, "64512:1"));
  drain(kB);
  rib_.holdOutput(true);
  for (unsigned i = 0; i < 100; ++i)
    rib_.receive(kA,
                 announce("1:1", "10.0.0." + std::to_string(i) + "/32", attributes({"64512:1"})));
  const auto before = rib_.counters(kB).examined;
  EXPECT_FALSE(rib_.hasOutput(kB));
  EXPECT_TRUE(rib_.takeOutput(kB).empty());
  EXPECT_EQ(rib_.counters(kB).examined, before);
  rib_.receive(kA, member(64512, "64512:7"));
  EXPECT_TRUE(rib_.hasOutput(kB));
  EXPECT_EQ(rib_.takeOutput(kB, 1).size(), 1U);
  EXPECT_EQ(rib_.counters(kB).examined, before + 1);
  EXPECT_EQ(rib_.takeEndOfRib(kB), std::vector{wire::kRtConstraint});
  EXPECT_EQ(rib_.counters(kB).queued, 100U);
  rib_.holdOutput(false);
  for (std::size_t left = 100; left > 0; left -= 20) {
    EXPECT_EQ(rib_.counters(kB).queued, left);
    EXPECT_TRUE(rib_.takeEndOfRib(kB).empty());
    EXPECT_FALSE(rib_.takeOutput(kB, 20).empty());
  }
  EXPECT_FALSE(rib_.hasOutput(kB));
  EXPECT_EQ(rib_.counters(kB).examined, before + 101);
  EXPECT_EQ(rib_.takeEndOfRib(kB), std::vector{wire::kVpnv4});
}

// Memberships of a peer that is away and comes back, before it says anything.
TEST_F(ConstraintTest, MembershipsKeptThroughARestartCount) {
  rib_.receive(kB, member(64512, "64512:1"));
  rib_.peerDown(kB, true);
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"64512:1"})));
  EXPECT_FALSE(rib_.hasOutput(kB));
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true, true));
  rib_.openRtConstraintGate(kB);
  tables_.erase(kB);
  EXPECT_EQ(vpnRoutesOf(kB), Keys{"1:1:10.0.0.1/32"});
  rib_.receive(kA, announce("1:2", "10.0.0.2/32", attributes({"64512:1"})));
  EXPECT_EQ(vpnRoutesOf(kB).size(), 2U);
  rib_.receive(kB, endOfRib(wire::kRtConstraint));
  EXPECT_TRUE(vpnRoutesOf(kB).empty()) << "it no longer wants them";
}

TEST_F(ConstraintTest, RoutesFollowMemberships) {
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"64512:1"})));
  rib_.receive(kA, announce("1:2", "10.0.0.2/32", attributes({"64512:2", "64512:3"})));
  EXPECT_TRUE(vpnRoutesOf(kB).empty());
  rib_.receive(kB, member(64512, "64512:1"));
  EXPECT_EQ(vpnRoutesOf(kB), Keys{"1:1:10.0.0.1/32"});
  rib_.receive(kB, member(64512, "64512:3"));
  EXPECT_EQ(vpnRoutesOf(kB).size(), 2U);
  rib_.receive(kB, member(64512, "64512:2"));
  rib_.receive(kB, leave(64512, "64512:3"));
  EXPECT_EQ(vpnRoutesOf(kB).size(), 2U) << "one matching target is enough";
  rib_.receive(kB, leave(64512, "64512:2"));
  rib_.receive(kB, leave(64512, "64512:1"));
  EXPECT_TRUE(vpnRoutesOf(kB).empty());
}

TEST_F(ConstraintTest, OneTargetOfTwoOriginsCountsTwice) {
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"64512:1"})));
  rib_.receive(kB, member(64512, "64512:1"));
  rib_.receive(kB, member(64513, "64512:1"));
  rib_.receive(kB, leave(64512, "64512:1"));
  EXPECT_EQ(vpnRoutesOf(kB).size(), 1U);
  rib_.receive(kB, leave(64513, "64512:1"));
  EXPECT_TRUE(vpnRoutesOf(kB).empty());
}

TEST_F(ConstraintTest, DefaultAndPartialMemberships) {
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"64512:1"})));
  rib_.receive(kB, {wire::kRtConstraint, {wire::RtMembership::defaultRoute()}, {}, attributes({})});
  EXPECT_EQ(vpnRoutesOf(kB).size(), 1U);
  rib_.receive(kB, {wire::kRtConstraint, {}, {wire::RtMembership::defaultRoute()}, nullptr});
  EXPECT_TRUE(vpnRoutesOf(kB).empty());
  wire::RtMembership half = wire::RtMembership::of(net::Asn(64512), target("64512:0"));
  half.length = 64;
  half.target[4] = half.target[5] = half.target[6] = half.target[7] = 0;
  rib_.receive(kB, {wire::kRtConstraint, {half}, {}, attributes({})});
  EXPECT_EQ(vpnRoutesOf(kB).size(), 1U);
}

TEST_F(ConstraintTest, MembershipsTravelEvenBackToTheirClient) {
  rib_.receive(kA, member(64512, "64512:1"));
  EXPECT_EQ(routesOf(kB), Keys{"64512:64512:1/96"});
  EXPECT_EQ(routesOf(kA), Keys{"64512:64512:1/96"}) << "RFC 4684, 3.2";
  EXPECT_EQ(routeOf(kA, "64512:64512:1/96")->originatorId->text(), "10.1.0.10")
      << "so that it is no loop";
  rib_.peerUp(kSite, [] {
    auto site = peer(64513, "10.2.0.10", false, true);
    return site;
  }());
  EXPECT_EQ(routeOf(kSite, "64512:64512:1/96")->asPath[0].asns, std::vector{net::Asn(64512)});
}

TEST_F(ConstraintTest, VpnRoutesWaitForTheEndOfRib) {
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"64512:1"})));
  rib_.peerUp(kC, peer(64512, "10.1.0.13", true, true));
  rib_.receive(kC, member(64512, "64512:1"));
  EXPECT_TRUE(vpnRoutesOf(kC).empty());
  EXPECT_EQ(rib_.takeEndOfRib(kC), std::vector{wire::kRtConstraint});
  rib_.receive(kC, endOfRib(wire::kRtConstraint));
  EXPECT_EQ(vpnRoutesOf(kC).size(), 1U);
  EXPECT_EQ(rib_.takeEndOfRib(kC), std::vector{wire::kVpnv4});
}

TEST_F(ConstraintTest, TheGateOpensAfterAWait) {
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"64512:1"})));
  rib_.peerUp(kC, peer(64512, "10.1.0.13", true, true));
  rib_.receive(kC, member(64512, "64512:1"));
  rib_.openRtConstraintGate(kC);
  EXPECT_EQ(vpnRoutesOf(kC).size(), 1U);
}

TEST_F(ConstraintTest, MembershipsOfADeadPeerGo) {
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", attributes({"64512:1"})));
  rib_.receive(kB, member(64512, "64512:1"));
  rib_.peerDown(kB, false);
  tables_.erase(kB);
  rib_.peerUp(kB, peer(64512, "10.1.0.12", true, true));
  rib_.receive(kB, endOfRib(wire::kRtConstraint));
  EXPECT_TRUE(vpnRoutesOf(kB).empty());
}

}  // namespace
}  // namespace hawser::rib
