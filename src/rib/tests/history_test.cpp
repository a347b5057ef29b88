// Random histories against plain models: whatever came and went, what each peer has in the end is
// what the final state alone would give it, and the best path is the decision over what is there.
#include <algorithm>
#include <random>

#include "decision.h"
#include "fixture.h"
#include "policy.h"

namespace hawser::rib {
namespace {

using namespace test;

const std::vector<std::string> kTargets{"64512:1", "64512:2", "64512:3"};

class HistoryTest : public RibTest {
 protected:
  struct Neighbour {
    PeerPolicy policy;
    bool up = false;
    std::map<std::string, std::pair<RouteKey, std::size_t>> routes;  // key → target
    std::set<std::size_t> wants;
  };
  HistoryTest() {
    for (std::uint32_t i = 1; i <= 3; ++i)
      neighbours_[PeerId(i)].policy = peer(64512, "10.1.0." + std::to_string(10 + i), true, true);
    auto site = peer(64513, "10.2.0.10", false, true);
    site.import.routeTargets = site.exportTo.routeTargets =
        std::set{target(kTargets[0]), target(kTargets[1])};
    neighbours_[PeerId(9)].policy = site;
  }

  std::shared_ptr<wire::PathAttributes> routeOf(PeerId id, std::size_t with) {
    auto out = attributes({kTargets[with]}, neighbours_[id].policy.remoteAddress.text());
    if (neighbours_[id].policy.external())
      out->asPath = {{wire::AsPathSegment::Type::kSequence, {neighbours_[id].policy.remoteAs}}};
    return out;
  }
  void up(PeerId id) {
    auto& neighbour = neighbours_[id];
    neighbour.up = true;
    tables_.erase(id);
    rib_.peerUp(id, neighbour.policy);
    rib_.receive(id, endOfRib(wire::kRtConstraint));
  }
  void down(PeerId id) {
    auto& neighbour = neighbours_[id];
    neighbour.up = false;
    neighbour.routes.clear();
    neighbour.wants.clear();
    if (id.value() % 2 == 0)
      rib_.forget(id);
    else
      rib_.peerDown(id, false);
  }
  void step(std::mt19937& random) {
    auto at = neighbours_.begin();
    std::advance(at, random() % neighbours_.size());
    auto& [id, neighbour] = *at;
    if (!neighbour.up) return up(id);
    const auto which = random() % kTargets.size();
    switch (random() % 12) {
      case 0:
        return down(id);
      case 1:
      case 2:
        neighbour.wants.insert(which);
        return rib_.receive(id, member(neighbour.policy.remoteAs.value(), kTargets[which]));
      case 3:
        neighbour.wants.erase(which);
        return rib_.receive(id, leave(neighbour.policy.remoteAs.value(), kTargets[which]));
      case 4:
        return drain(id);  // some are sent early, some late
      case 5:
        return rib_.refresh(id, wire::kVpnv4);
      default:
        break;
    }
    const auto rd = "1:" + std::to_string(random() % 3);
    const auto route = "10.0.0." + std::to_string(random() % 4) + "/32";
    const auto key = vpnKey(rd, route);
    if (random() % 3 == 0) {
      neighbour.routes.erase(text(key));
      rib_.receive(id, withdraw(rd, route));
    } else {
      neighbour.routes[text(key)] = {key, which};
      rib_.receive(id, announce(rd, route, routeOf(id, which), id.value()));
    }
  }

  // What peer `to` should have, from the final state alone.
  Keys expected(PeerId to) {
    Keys out;
    const auto& peer = neighbours_[to];
    std::map<std::string, std::vector<std::pair<PeerId, std::size_t>>> paths;
    for (const auto& [id, neighbour] : neighbours_)
      for (const auto& [key, route] : neighbour.routes)
        if (!neighbour.policy.external() || route.second < 2)
          paths[key].push_back({id, route.second});
    for (const auto& [key, candidates] : paths) {
      // All else is equal: internal paths are shorter, and among them the lowest router id wins.
      const auto best = *std::min_element(
          candidates.begin(), candidates.end(), [&](const auto& a, const auto& b) {
            const auto& x = neighbours_[a.first].policy;
            const auto& y = neighbours_[b.first].policy;
            return std::pair(x.external(), x.remoteId) < std::pair(y.external(), y.remoteId);
          });
      if (best.first == to || !peer.wants.contains(best.second)) continue;
      if (peer.policy.external() && best.second >= 2) continue;
      out.push_back(key);
    }
    return out;
  }
  Keys vpnRoutesOf(PeerId id) {
    auto keys = routesOf(id);
    std::erase_if(keys, [](const std::string& key) { return !key.ends_with("/32"); });
    return keys;
  }

  std::map<PeerId, Neighbour> neighbours_;
};

TEST_F(HistoryTest, OnlyTheFinalStateCounts) {
  std::mt19937 random(17);
  std::size_t seen = 0;
  for (int round = 0; round < 150; ++round) {
    for (int i = 0; i < 40; ++i) step(random);
    for (const auto& [id, neighbour] : neighbours_) {
      if (!neighbour.up) continue;
      ASSERT_EQ(vpnRoutesOf(id), expected(id)) << "peer " << id.value() << " in round " << round;
      seen += expected(id).size();
    }
  }
  EXPECT_GT(seen, 500U) << "the history was about something";
}

TEST_F(HistoryTest, BestIsTheDecisionAndChangesTellItAll) {
  std::mt19937 random(23);
  std::map<std::string, PeerId> told;
  for (int round = 0; round < 300; ++round) {
    for (int i = 0; i < 10; ++i) step(random);
    for (const auto& change : rib_.takeBestChanges()) {
      if (change.path == nullptr)
        told.erase(text(change.key));
      else
        told[text(change.key)] = change.path->peer;
    }
    std::map<std::string, PeerId> best;
    for (const auto family : {wire::kVpnv4, wire::kRtConstraint})
      rib_.forEachBest(family, [&](const RouteKey& key, const Path& path) {
        best[text(key)] = path.peer;
        EXPECT_EQ(rib_.best(key), &path);
      });
    ASSERT_EQ(told, best) << "round " << round;
    std::map<std::string, int> winners;
    for (const auto& view : rib_.paths(wire::kVpnv4))
      winners[text(view.key)] += view.rule == Rule::kBest ? 1 : 0;
    for (const auto& [key, count] : winners) EXPECT_EQ(count, best.contains(key) ? 1 : 0) << key;
  }
}

TEST_F(HistoryTest, NothingStaysOfPeersThatAreGone) {
  std::mt19937 random(29);
  for (int i = 0; i < 2000; ++i) step(random);
  for (const auto& [id, neighbour] : neighbours_) down(id);
  for (const auto family : {wire::kVpnv4, wire::kRtConstraint}) {
    EXPECT_TRUE(rib_.paths(family).empty());
    rib_.forEachBest(family, [](const RouteKey&, const Path&) { FAIL(); });
  }
  for (const auto& [id, neighbour] : neighbours_) {
    EXPECT_EQ(rib_.counters(id).accepted, 0U);
    EXPECT_EQ(rib_.counters(id).advertised, 0U);
    EXPECT_FALSE(rib_.hasOutput(id));
  }
}

TEST_F(HistoryTest, CountersAreWhatIsThere) {
  std::mt19937 random(31);
  for (int i = 0; i < 1000; ++i) step(random);
  for (const auto& [id, neighbour] : neighbours_) {
    if (!neighbour.up) continue;
    drain(id);
    EXPECT_EQ(rib_.counters(id).advertised, tables_[id].routes.size());
    EXPECT_EQ(rib_.advertised(id).size(), tables_[id].routes.size());
    std::size_t accepted = neighbour.wants.size();
    for (const auto& [key, route] : neighbour.routes)
      accepted += !neighbour.policy.external() || route.second < 2 ? 1U : 0U;
    EXPECT_EQ(rib_.counters(id).accepted, accepted);
    EXPECT_EQ(rib_.counters(id).membershipsIn, neighbour.wants.size());
    EXPECT_EQ(rib_.counters(id).membershipsOut,
              std::ranges::count_if(tables_[id].routes, [](const auto& route) {
                return route.first == "default" || route.first.ends_with("/96");
              }));
  }
}

// ---- the decision over random candidates ----

Candidate randomCandidate(std::mt19937& random, std::uint32_t index) {
  const auto pick = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random()) % n; };
  Candidate out;
  out.stale = pick(4) == 0;
  out.local = pick(6) == 0;
  out.external = pick(2) == 0;
  out.localPref = 100 + pick(2);
  out.asPathLength = pick(2);
  out.origin = static_cast<wire::Origin>(pick(2));
  out.neighbourAs = 1 + pick(3);
  out.med = pick(3);
  out.routerId = pick(3);
  out.clusterListLength = pick(2);
  out.peerAddress = net::Ipv4Address(0x0a000000 + index);
  return out;
}

TEST(RandomDecisions, NeitherOrderNorLosersMatter) {
  std::mt19937 random(37);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Candidate> candidates;
    for (std::uint32_t i = 0; i < 2 + random() % 5; ++i)
      candidates.push_back(randomCandidate(random, i));
    const auto winner = candidates[decide(candidates).best].peerAddress;
    for (int turn = 0; turn < 4; ++turn) {
      std::shuffle(candidates.begin(), candidates.end(), random);
      ASSERT_EQ(candidates[decide(candidates).best].peerAddress, winner);
    }
    const auto decision = decide(candidates);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      EXPECT_EQ(decision.rules[i] == Rule::kBest, i == decision.best);
      EXPECT_NE(decision.rules[i], Rule::kRejected);
    }
  }
}

TEST(RandomDecisions, WithinOneNeighbourTheOrderIsTotal) {
  std::mt19937 random(41);
  std::vector<Candidate> candidates;
  for (std::uint32_t i = 0; i < 40; ++i) {
    candidates.push_back(randomCandidate(random, i));
    candidates.back().neighbourAs = 1;
  }
  for (const auto& a : candidates)
    for (const auto& b : candidates) {
      if (a.peerAddress == b.peerAddress) continue;
      EXPECT_NE(compare(a, b).firstWins, compare(b, a).firstWins);
      EXPECT_EQ(compare(a, b).rule, compare(b, a).rule);
      for (const auto& c : candidates)
        if (compare(a, b).firstWins && compare(b, c).firstWins) {
          EXPECT_TRUE(compare(a, c).firstWins);
        }
    }
}

TEST(Decide, OneAndNone) {
  EXPECT_TRUE(decide({}).rules.empty());
  const std::vector<Candidate> one(1);
  EXPECT_EQ(decide(one).best, 0U);
  EXPECT_EQ(decide(one).rules, std::vector{Rule::kBest});
}

TEST(CandidateOf, TakesWhatTheComparisonNeeds) {
  auto with = attributes({"1:1"});
  with->localPref = 200;
  with->med = 5;
  with->origin = wire::Origin::kIncomplete;
  with->asPath = {{wire::AsPathSegment::Type::kSequence, {net::Asn(64999), net::Asn(1)}}};
  with->clusterList = {ip("10.1.0.1").v4()};
  const auto policy = peer(64513, "10.2.0.10");
  const auto candidate = candidateOf({PeerId(1), {}, with, true}, &policy);
  EXPECT_TRUE(candidate.stale && candidate.external && !candidate.local);
  EXPECT_EQ(candidate.localPref, 200U);
  EXPECT_EQ(candidate.med, 5U);
  EXPECT_EQ(candidate.origin, wire::Origin::kIncomplete);
  EXPECT_EQ(candidate.asPathLength, 2U);
  EXPECT_EQ(candidate.neighbourAs, 64999U);
  EXPECT_EQ(candidate.clusterListLength, 1U);
  EXPECT_EQ(candidate.routerId, ip("10.2.0.10").v4().value());
  with->originatorId = ip("10.1.0.77").v4();
  EXPECT_EQ(candidateOf({PeerId(1), {}, with, false}, &policy).routerId,
            ip("10.1.0.77").v4().value())
      << "RFC 4456, 9";
  const auto plain = candidateOf({kLocal, {}, attributes({}), false}, nullptr);
  EXPECT_TRUE(plain.local);
  EXPECT_EQ(plain.localPref, 100U);
  EXPECT_EQ(plain.med, 0U) << "no MED is the lowest";
}

}  // namespace
}  // namespace hawser::rib
