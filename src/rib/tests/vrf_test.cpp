#include "hawser/rib/vrf.h"

#include <random>

#include "fixture.h"

namespace hawser::rib {
namespace {

using namespace test;

const VrfId kRed{1}, kBlue{2};

class VrfTest : public testing::Test {
 protected:
  void set(std::string_view rd, std::string_view route, std::shared_ptr<wire::PathAttributes> with,
           std::uint32_t label = 100, PeerId from = PeerId(1), bool stale = false) {
    const Path path{from, *net::Label::make(label), std::move(with), stale};
    table_.update({vpnKey(rd, route), &path});
  }
  void gone(std::string_view rd, std::string_view route) {
    table_.update({vpnKey(rd, route), nullptr});
  }
  std::size_t paths(VrfId vrf, std::string_view address) {
    const auto found = table_.lookup(vrf, ip(address));
    return found ? found->paths.size() : 0;
  }
  VrfTable table_;
};

TEST_F(VrfTest, ImportsByTarget) {
  table_.setVrf(kRed, {target("1:1")});
  table_.setVrf(kBlue, {target("1:2"), target("1:3")});
  set("1:1", "10.0.0.1/32", attributes({"1:1", "1:3"}));
  set("1:2", "10.0.0.2/32", attributes({"1:2"}));
  set("1:3", "10.0.0.3/32", attributes({"9:9"}));
  EXPECT_EQ(table_.routes(kRed).size(), 1U);
  EXPECT_EQ(table_.routes(kBlue).size(), 2U);
  EXPECT_EQ(table_.lookup(kBlue, ip("10.0.0.1"))->paths[0].importedBy, target("1:3"));
  EXPECT_EQ(table_.takeChanges().size(), 3U);
  EXPECT_TRUE(table_.takeChanges().empty());
}

TEST_F(VrfTest, PathsOfSeveralDistinguishersAreOneRoute) {
  table_.setVrf(kRed, {target("1:1")});
  set("1:1", "185.22.97.188/32", attributes({"1:1"}, "10.2.0.12"), 101);
  set("1:2", "185.22.97.188/32", attributes({"1:1"}, "10.2.0.11"), 102);
  set("1:3", "185.22.97.188/32", attributes({"1:1"}, "10.2.0.11"), 103);
  const auto route = table_.lookup(kRed, ip("185.22.97.188"));
  ASSERT_EQ(route->paths.size(), 3U);
  EXPECT_EQ(route->paths[0].nextHop.text(), "10.2.0.11");
  EXPECT_EQ(route->paths[2].label.value(), 101U);
  gone("1:2", "185.22.97.188/32");
  EXPECT_EQ(paths(kRed, "185.22.97.188"), 2U);
  gone("1:1", "185.22.97.188/32");
  gone("1:3", "185.22.97.188/32");
  EXPECT_FALSE(table_.lookup(kRed, ip("185.22.97.188")));
  EXPECT_TRUE(table_.takeChanges().front().paths.empty());
}

TEST_F(VrfTest, OnlyEqualPathsShareTheLoad) {
  table_.setVrf(kRed, {target("1:1")});
  auto preferred = attributes({"1:1"}, "10.0.0.1");
  preferred->localPref = 200;
  set("1:1", "10.9.0.0/16", preferred);
  set("1:2", "10.9.0.0/16", attributes({"1:1"}, "10.0.0.2"));
  EXPECT_EQ(paths(kRed, "10.9.1.1"), 1U);
  set("1:1", "10.9.0.0/16", attributes({"1:1"}, "10.0.0.1"));
  EXPECT_EQ(paths(kRed, "10.9.1.1"), 2U);
  auto longer = attributes({"1:1"}, "10.0.0.1");
  longer->asPath = {{wire::AsPathSegment::Type::kSequence, {net::Asn(1)}}};
  set("1:1", "10.9.0.0/16", longer);
  EXPECT_EQ(table_.lookup(kRed, ip("10.9.1.1"))->paths[0].nextHop.text(), "10.0.0.2");
}

// The MED of one neighbour says nothing about another (RFC 4271, 9.1.2.2 c), here as in best path.
TEST_F(VrfTest, MedIsComparedWithinOneNeighbour) {
  table_.setVrf(kRed, {target("1:1")});
  const auto by = [&](std::string_view rd, std::uint32_t asn, std::optional<std::uint32_t> med,
                      std::string_view nextHop) {
    auto with = attributes({"1:1"}, nextHop);
    with->asPath = {{wire::AsPathSegment::Type::kSequence, {net::Asn(asn)}}};
    with->med = med;
    set(rd, "0.0.0.0/0", with);
  };
  const auto nextHops = [&] {
    Keys all;
    const auto route = table_.lookup(kRed, ip("8.8.8.8")).value();
    for (const auto& path : route.paths) all.push_back(path.nextHop.text());
    return all;
  };
  by("1:1", 65001, 0, "10.3.0.1");
  by("1:2", 65002, 50, "10.3.0.2");
  EXPECT_EQ(nextHops(), (Keys{"10.3.0.1", "10.3.0.2"})) << "two gateways of two ASes";
  by("1:3", 65002, 20, "10.3.0.3");
  EXPECT_EQ(nextHops(), (Keys{"10.3.0.1", "10.3.0.3"})) << "65002 prefers its second";
  by("1:4", 65002, 20, "10.3.0.4");
  EXPECT_EQ(nextHops(), (Keys{"10.3.0.1", "10.3.0.3", "10.3.0.4"}));
  by("1:4", 65001, std::nullopt, "10.3.0.4");
  EXPECT_EQ(nextHops(), (Keys{"10.3.0.1", "10.3.0.3", "10.3.0.4"})) << "none is 0 (9.1.2.2 c)";
  by("1:4", 65001, 1, "10.3.0.4");
  EXPECT_EQ(nextHops(), (Keys{"10.3.0.1", "10.3.0.3"}));
}

// What another speaker holds as stale (RFC 9494) is behind what it holds as fresh.
TEST_F(VrfTest, MarkedOnesServeWhenNothingElseDoes) {
  table_.setVrf(kRed, {target("1:1")});
  auto marked = attributes({"1:1"}, "10.3.0.1");
  marked->communities = {kLlgrStale};
  set("1:1", "0.0.0.0/0", marked);
  ASSERT_EQ(paths(kRed, "8.8.8.8"), 1U);
  EXPECT_TRUE(table_.lookup(kRed, ip("8.8.8.8"))->paths[0].stale);
  set("1:2", "0.0.0.0/0", attributes({"1:1"}, "10.3.0.2"));
  const auto route = table_.lookup(kRed, ip("8.8.8.8"));
  ASSERT_EQ(route->paths.size(), 1U);
  EXPECT_EQ(route->paths[0].nextHop.text(), "10.3.0.2");
  gone("1:2", "0.0.0.0/0");
  EXPECT_EQ(table_.lookup(kRed, ip("8.8.8.8"))->paths[0].nextHop.text(), "10.3.0.1");
}

// The session with who told them is lost, and then it is back and tells them again one by one.
TEST_F(VrfTest, StaleOnesServeLikeOthers) {
  table_.setVrf(kRed, {target("1:1")});
  set("1:1", "10.0.0.1/32", attributes({"1:1"}, "10.0.0.1"), 100, PeerId(1), true);
  set("1:2", "10.0.0.1/32", attributes({"1:1"}, "10.0.0.2"), 100, PeerId(1), true);
  set("1:3", "10.0.0.1/32", attributes({"1:1"}), 100, kLocal);
  EXPECT_EQ(paths(kRed, "10.0.0.1"), 3U);
  set("1:1", "10.0.0.1/32", attributes({"1:1"}, "10.0.0.1"));
  EXPECT_EQ(paths(kRed, "10.0.0.1"), 3U);
  const auto route = table_.lookup(kRed, ip("10.0.0.1"));
  EXPECT_EQ(std::count_if(route->paths.begin(), route->paths.end(),
                          [](const auto& path) { return path.stale; }),
            1);
}

TEST_F(VrfTest, SuspectOnesServeWhenNothingElseDoes) {
  table_.setVrf(kRed, {target("1:1")});
  const Path silent{PeerId(1), *net::Label::make(100), attributes({"1:1"}, "10.0.0.1"), true, true};
  table_.update({vpnKey("1:1", "10.0.0.1/32"), &silent});
  EXPECT_EQ(paths(kRed, "10.0.0.1"), 1U);
  set("1:2", "10.0.0.1/32", attributes({"1:1"}, "10.0.0.2"));
  ASSERT_EQ(paths(kRed, "10.0.0.1"), 1U);
  EXPECT_EQ(table_.lookup(kRed, ip("10.0.0.1"))->paths[0].nextHop.text(), "10.0.0.2");
}

TEST_F(VrfTest, RoutersAreWhoSpeaksForNobodysWorkloads) {
  table_.setVrf(kRed, {target("1:1")});
  auto workload = attributes({"1:1"}, "10.2.0.11");
  workload->extendedCommunities.push_back(net::identityCommunity({64512, 7}));
  set("1:1", "10.0.0.1/32", workload);
  EXPECT_TRUE(table_.routers(kRed).empty());
  auto backup = attributes({"1:1"}, "10.3.0.2");
  backup->localPref = 50;
  set("1:2", "0.0.0.0/0", attributes({"1:1"}, "10.3.0.1"));
  set("1:3", "0.0.0.0/0", backup);
  set("1:2", "9.0.0.0/8", attributes({"1:1"}, "10.3.0.1"));
  EXPECT_EQ(paths(kRed, "8.8.8.8"), 1U) << "the backup is not used";
  EXPECT_EQ(table_.routers(kRed), (std::set{ip("10.3.0.1"), ip("10.3.0.2")}));
  gone("1:2", "0.0.0.0/0");
  EXPECT_EQ(table_.routers(kRed).size(), 2U) << "one of its paths is left";
  set("1:2", "9.0.0.0/8", attributes({"1:1"}, "10.3.0.9"));
  EXPECT_EQ(table_.routers(kRed), (std::set{ip("10.3.0.2"), ip("10.3.0.9")}));
  set("1:2", "9.0.0.0/8", attributes({"1:7"}, "10.3.0.9"));
  EXPECT_EQ(table_.routers(kRed), std::set{ip("10.3.0.2")});
  set("1:4", "7.0.0.0/8", attributes({"1:1"}, "10.2.0.1"), 100, kLocal);
  EXPECT_EQ(table_.routers(kRed).size(), 1U);
}

TEST_F(VrfTest, LocalAndRemoteAreMembersAlike) {
  table_.setVrf(kRed, {target("1:1")});
  set("1:1", "10.0.0.1/32", attributes({"1:1"}), 100, kLocal);
  set("1:2", "10.0.0.1/32", attributes({"1:1"}, "10.0.0.2"));
  const auto route = table_.lookup(kRed, ip("10.0.0.1"));
  ASSERT_EQ(route->paths.size(), 2U);
  EXPECT_EQ(route->paths[0].local + route->paths[1].local, 1);
  for (const auto& path : route->paths) EXPECT_EQ(path.local, path.peer == kLocal);
}

TEST_F(VrfTest, ChangedImportTargetsTakeEffectAtOnce) {
  set("1:1", "10.0.0.1/32", attributes({"1:1"}));
  set("1:2", "10.0.0.2/32", attributes({"1:2"}));
  table_.setVrf(kRed, {target("1:1")});
  EXPECT_EQ(table_.routes(kRed).size(), 1U) << "known routes are imported";
  table_.setVrf(kRed, {target("1:2")});
  EXPECT_EQ(paths(kRed, "10.0.0.1"), 0U);
  EXPECT_EQ(paths(kRed, "10.0.0.2"), 1U);
  table_.removeVrf(kRed);
  EXPECT_TRUE(table_.routes(kRed).empty());
}

TEST_F(VrfTest, RouteThatLosesItsTargetGoes) {
  table_.setVrf(kRed, {target("1:1")});
  set("1:1", "10.0.0.1/32", attributes({"1:1"}));
  set("1:1", "10.0.0.1/32", attributes({"1:2"}));
  EXPECT_TRUE(table_.routes(kRed).empty());
}

TEST_F(VrfTest, OverlappingAddressesStayApart) {
  table_.setVrf(kRed, {target("1:1")});
  table_.setVrf(kBlue, {target("1:2")});
  set("1:1", "10.0.0.1/32", attributes({"1:1"}, "10.1.0.1"));
  set("1:2", "10.0.0.1/32", attributes({"1:2"}, "10.1.0.2"));
  EXPECT_EQ(table_.lookup(kRed, ip("10.0.0.1"))->paths[0].nextHop.text(), "10.1.0.1");
  EXPECT_EQ(table_.lookup(kBlue, ip("10.0.0.1"))->paths[0].nextHop.text(), "10.1.0.2");
}

// Whatever the history, the table is what a fresh one makes of the final state.
TEST_F(VrfTest, HistoryDoesNotMatter) {
  std::mt19937 random(11);
  const std::vector<std::string> targets{"1:1", "1:2", "1:3"};
  std::map<std::string, std::pair<std::string, std::string>> state;  // rd → (prefix, target)
  std::map<VrfId, std::set<net::RouteTarget>> imports;
  for (int step = 0; step < 2000; ++step) {
    const auto rd = "1:" + std::to_string(random() % 6);
    const auto route = "10.0.0." + std::to_string(random() % 3) + "/32";
    if (random() % 5 == 0) {
      const VrfId vrf(1 + random() % 2);
      imports[vrf] = {target(targets[random() % 3])};
      table_.setVrf(vrf, imports[vrf]);
    } else if (random() % 2 == 0) {
      if (state.contains(rd)) gone(rd, state[rd].first);
      const auto with = targets[random() % 3];
      state[rd] = {route, with};
      set(rd, route, attributes({with}));
    } else if (state.contains(rd)) {
      gone(rd, state[rd].first);
      state.erase(rd);
    }
  }
  VrfTable fresh;
  for (const auto& [vrf, import] : imports) fresh.setVrf(vrf, import);
  for (const auto& [rd, value] : state) {
    const Path path{PeerId(1), *net::Label::make(100), attributes({value.second}), false};
    fresh.update({vpnKey(rd, value.first), &path});
  }
  for (const auto& [vrf, import] : imports) {
    const auto a = table_.routes(vrf), b = fresh.routes(vrf);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].prefix, b[i].prefix);
      EXPECT_EQ(a[i].paths.size(), b[i].paths.size());
    }
  }
}

}  // namespace
}  // namespace hawser::rib
