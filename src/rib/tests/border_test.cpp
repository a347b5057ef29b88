// What a peer of another AS may give.
#include "fixture.h"

namespace hawser::rib {
namespace {

using namespace test;

const PeerId kA{1}, kB{2}, kSite{9};

// "identity:64512:7" from outside would pass every rule that names our own identity 7.
TEST_F(RibTest, AForeignPeerSaysWhoIsBehindItsOwnRoutesOnly) {
  auto site = peer(64513, "10.2.0.10");
  site.import.routeTargets = {target("1:1")};
  rib_.peerUp(kSite, site);
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  const auto heard = [&](std::vector<net::Identity> said, const std::string& rd = "2:1",
                         PeerId from = kSite) {
    auto with = attributes({"1:1", "1:2"}, "10.2.0.11");
    for (const auto& one : said) with->extendedCommunities.push_back(identityCommunity(one));
    rib_.receive(from, announce(rd, "10.9.0.1/32", with));
    std::vector<std::string> got;
    for (const auto& community : routeOf(kA, rd + ":10.9.0.1/32")->extendedCommunities)
      if (const auto identity = net::identityOf(community)) got.push_back(identity->text());
    return got;
  };
  EXPECT_EQ(heard({{64513, 9}}), Keys{"64513:9"});
  EXPECT_EQ(rib_.counters(kSite).droppedIdentity, 0U);
  EXPECT_EQ(heard({{64512, 7}}), Keys{}) << "ours";
  EXPECT_EQ(heard({{64514, 7}}), Keys{}) << "of a third";
  EXPECT_EQ(heard({{0, 7}}), Keys{}) << "of nobody in particular";
  EXPECT_EQ(heard({{64512, 7}, {64513, 9}, {0, 1}}), Keys{"64513:9"});
  EXPECT_EQ(rib_.counters(kSite).droppedIdentity, 4U);
  EXPECT_EQ(rib_.counters(kSite).accepted, 1U) << "the route itself stays";

  // Another reflector of ours passes on what it has judged.
  rib_.peerUp(kB, peer(64512, "10.1.0.12"));
  EXPECT_EQ(heard({{64513, 9}}, "1:2", kB), Keys{"64513:9"});
  EXPECT_EQ(heard({{0, 9}}, "1:3", kB), Keys{"0:9"}) << "inside one site AS 0 is the site itself";
  EXPECT_EQ(rib_.counters(kB).droppedIdentity, 0U);
}

// The AS of an identity has two bytes: who is in a bigger AS has no identity outside.
TEST_F(RibTest, SitesOfLongAsNumbersAreUnknownToEachOther) {
  auto policy = peer(4200000001, "10.2.0.10");
  const PeerId kTwin{10};
  rib_.peerUp(kSite, policy);
  rib_.peerUp(kTwin, peer(64513, "10.3.0.10"));
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  auto with = attributes({"1:1"}, "10.2.0.11");
  // 4200000001 & 0xffff is 0xea01: no identity of that AS either.
  with->extendedCommunities.push_back(net::identityCommunity({0xea01, 7}));
  with->extendedCommunities.push_back(net::identityCommunity({0, 7}));
  rib_.receive(kSite, announce("2:1", "10.9.0.1/32", with));
  EXPECT_EQ(routeOf(kA, "2:1:10.9.0.1/32")->extendedCommunities,
            std::vector{target("1:1").community()});

  auto own = attributes({"1:1"}, "10.1.0.11");
  own->extendedCommunities.push_back(net::identityCommunity({0, 7}));
  rib_.receive(kA, announce("1:1", "10.0.0.1/32", own));
  EXPECT_EQ(routeOf(kTwin, "1:1:10.0.0.1/32")->extendedCommunities,
            std::vector{target("1:1").community()})
      << "nor do ours go out";
}

TEST_F(RibTest, AForeignPeerDeliversOnlyWhatItMay) {
  auto site = peer(64513, "10.2.0.10");
  site.import.routeTargets = std::set{target("64512:100")};
  site.import.prefixes = std::vector{prefix("10.10.0.0/16")};
  rib_.peerUp(kSite, site);
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.receive(kSite, announce("2:1", "10.10.0.1/32", attributes({"64512:100", "64512:8000001"})));
  rib_.receive(kSite, announce("2:2", "10.10.0.2/32", attributes({"64512:8000001"})));
  rib_.receive(kSite, announce("2:3", "10.0.100.11/32", attributes({"64512:100"})));
  EXPECT_EQ(routesOf(kA), Keys{"2:1:10.10.0.1/32"});
  EXPECT_EQ(routeOf(kA, "2:1:10.10.0.1/32")->extendedCommunities,
            std::vector{target("64512:100").community()})
      << "a target that was not given is stripped";
  EXPECT_EQ(rib_.counters(kSite).droppedTarget, 1U);
  EXPECT_EQ(rib_.counters(kSite).droppedPrefix, 1U);
  EXPECT_EQ(rib_.counters(kSite).accepted, 1U);
}

TEST_F(RibTest, TargetsOfLinksAreBoundToTheirPrefixes) {
  auto site = peer(64513, "10.2.0.10");
  site.import.routeTargets = std::set{target("64512:1"), target("64512:2")};
  site.import.prefixesByTarget[target("64512:1")] = {prefix("10.1.0.0/16")};
  site.import.prefixesByTarget[target("64512:2")] = {prefix("10.2.0.0/16")};
  rib_.peerUp(kSite, site);
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.receive(kSite, announce("2:1", "10.1.0.1/32", attributes({"64512:1", "64512:2"})));
  rib_.receive(kSite, announce("2:2", "10.3.0.1/32", attributes({"64512:1", "64512:2"})));
  EXPECT_EQ(routesOf(kA), Keys{"2:1:10.1.0.1/32"});
  EXPECT_EQ(routeOf(kA, "2:1:10.1.0.1/32")->extendedCommunities.size(), 1U);
  EXPECT_EQ(rib_.counters(kSite).droppedPrefix, 1U);
}

TEST_F(RibTest, FiltersMayChangeWhileThePeerIsUp) {
  auto site = peer(64513, "10.2.0.10");
  site.import.routeTargets = std::set<net::RouteTarget>{};
  site.exportTo.routeTargets = std::set<net::RouteTarget>{};
  rib_.peerUp(kSite, site);
  rib_.peerUp(kA, peer(64512, "10.1.0.11", true));
  rib_.receive(kSite, announce("2:1", "10.10.0.1/32", attributes({"64512:100"})));
  rib_.receive(kA, announce("1:1", "10.0.100.1/32", attributes({"64512:100"})));
  EXPECT_TRUE(routesOf(kA).empty());
  EXPECT_TRUE(routesOf(kSite).empty());
  RouteFilter open;
  open.routeTargets = std::set{target("64512:100")};
  rib_.setFilters(kSite, open, open);
  EXPECT_EQ(routesOf(kA).size(), 1U) << "no route refresh is needed";
  EXPECT_EQ(routesOf(kSite).size(), 1U);
  RouteFilter closed;
  closed.routeTargets = std::set<net::RouteTarget>{};
  rib_.setFilters(kSite, closed, closed);
  EXPECT_TRUE(routesOf(kA).empty());
  EXPECT_TRUE(routesOf(kSite).empty());
}

}  // namespace
}  // namespace hawser::rib
