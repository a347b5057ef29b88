#include "decision.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "fixture.h"

namespace hawser::rib {
namespace {

// Each pair: the first wins by this rule, and loses it when the order of the arguments is turned.
TEST(Compare, EveryRuleBothWays) {
  const auto with = [](auto change) {
    Candidate candidate;
    candidate.neighbourAs = 64513;
    change(candidate);
    return candidate;
  };
  struct Case {
    Rule rule;
    Candidate better, worse;
  };
  const Case cases[] = {
      {Rule::kStale, with([](auto&) {}), with([](auto& c) {
         c.stale = true;
         c.localPref = 900;
       })},
      {Rule::kLocalPref, with([](auto& c) {
         c.localPref = 200;
         c.asPathLength = 9;
       }),
       with([](auto&) {})},
      {Rule::kLocalOverPeer, with([](auto& c) {
         c.local = true;
         c.asPathLength = 9;
       }),
       with([](auto&) {})},
      {Rule::kAsPathLength, with([](auto& c) {
         c.asPathLength = 1;
         c.origin = wire::Origin::kIncomplete;
       }),
       with([](auto& c) { c.asPathLength = 2; })},
      {Rule::kOrigin, with([](auto& c) { c.med = 9; }),
       with([](auto& c) { c.origin = wire::Origin::kEgp; })},
      {Rule::kMed, with([](auto& c) { c.med = 1; }), with([](auto& c) {
         c.med = 2;
         c.external = true;
       })},
      {Rule::kExternalOverInternal, with([](auto& c) {
         c.external = true;
         c.routerId = 9;
       }),
       with([](auto&) {})},
      {Rule::kRouterId, with([](auto& c) {
         c.routerId = 1;
         c.clusterListLength = 9;
       }),
       with([](auto& c) { c.routerId = 2; })},
      {Rule::kClusterListLength, with([](auto& c) { c.clusterListLength = 1; }),
       with([](auto& c) { c.clusterListLength = 2; })},
      {Rule::kPeerAddress, with([](auto& c) { c.peerAddress = test::ip("10.0.0.1"); }),
       with([](auto& c) { c.peerAddress = test::ip("10.0.0.2"); })},
  };
  for (const auto& test : cases) {
    EXPECT_TRUE(compare(test.better, test.worse).firstWins) << ruleText(test.rule);
    EXPECT_EQ(compare(test.better, test.worse).rule, test.rule) << ruleText(test.rule);
    EXPECT_FALSE(compare(test.worse, test.better).firstWins) << ruleText(test.rule);
  }
}

TEST(Compare, MedOfDifferentNeighboursIsNotCompared) {
  Candidate a, b;
  a.neighbourAs = 1;
  a.med = 100;
  a.routerId = 1;
  b.neighbourAs = 2;
  b.routerId = 2;
  EXPECT_TRUE(compare(a, b).firstWins);
  EXPECT_EQ(compare(a, b).rule, Rule::kRouterId);
}

// The classical cycle of MED: a beats b by MED, b beats c by router id, c beats a by router id.
TEST(Decide, OrderOfArrivalNeverMatters) {
  std::vector<Candidate> candidates(3);
  candidates[0] = {.external = true,
                   .neighbourAs = 1,
                   .med = 1,
                   .routerId = 3,
                   .peerAddress = test::ip("10.0.0.1")};
  candidates[1] = {.external = true,
                   .neighbourAs = 1,
                   .med = 2,
                   .routerId = 1,
                   .peerAddress = test::ip("10.0.0.2")};
  candidates[2] = {.external = true,
                   .neighbourAs = 2,
                   .med = 0,
                   .routerId = 2,
                   .peerAddress = test::ip("10.0.0.3")};
  std::vector<std::size_t> order(3);
  std::iota(order.begin(), order.end(), 0);
  std::set<std::string> winners;
  do {
    std::vector<Candidate> shuffled;
    for (const auto i : order) shuffled.push_back(candidates[i]);
    const auto decision = decide(shuffled);
    winners.insert(shuffled[decision.best].peerAddress.text());
    EXPECT_EQ(std::count(decision.rules.begin(), decision.rules.end(), Rule::kBest), 1);
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(winners.size(), 1U);
}

// The set that shares the load holds the best path, whoever came first, and no one whom another
// beats by MED or before it.
TEST(EqualUpToMed, HoldsTheBestAndWhoeverIsAsGood) {
  std::mt19937 random(5);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random()) % n; };
  std::size_t several = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<Candidate> all(1 + below(6));
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i] = {.stale = below(4) == 0,
                .localPref = 100 + below(2),
                .asPathLength = below(2),
                .origin = static_cast<wire::Origin>(below(2)),
                .neighbourAs = below(3),
                .med = below(3),
                .routerId = static_cast<std::uint32_t>(i),
                .peerAddress = {}};
    std::shuffle(all.begin(), all.end(), random);
    const auto kept = equalUpToMed(all);
    EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
    const auto best = decide(all).best;
    EXPECT_TRUE(std::find(kept.begin(), kept.end(), best) != kept.end());
    several += kept.size() > 1 ? 1 : 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool beaten = std::any_of(all.begin(), all.end(), [&](const Candidate& other) {
        const auto verdict = compare(other, all[i]);
        return verdict.firstWins && verdict.rule <= Rule::kMed;
      });
      const bool in = std::find(kept.begin(), kept.end(), i) != kept.end();
      EXPECT_EQ(in, !beaten) << "candidate " << i << " in round " << round;
    }
  }
  EXPECT_GT(several, 300U);
  EXPECT_TRUE(equalUpToMed({}).empty());
}

TEST(EqualUpToMed, OwnPathsStandBesideLearnedOnes) {
  std::vector<Candidate> both(2);
  both[0].local = true;
  both[1].external = true;
  EXPECT_EQ(equalUpToMed(both), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(decide(both).best, 0U);
}

TEST(AsPathLength, SetsCountOnceConfederationsNot) {
  using Type = wire::AsPathSegment::Type;
  EXPECT_EQ(asPathLength({{Type::kSequence, {net::Asn(1), net::Asn(2)}},
                          {Type::kSet, {net::Asn(3), net::Asn(4)}},
                          {Type::kConfedSequence, {net::Asn(5)}}}),
            3U);
  EXPECT_EQ(asPathLength({{Type::kConfedSet, {net::Asn(1), net::Asn(2)}},
                          {Type::kConfedSequence, {net::Asn(3)}}}),
            0U);
  EXPECT_EQ(asPathLength({{Type::kSet, {net::Asn(1)}}, {Type::kSet, {net::Asn(2)}}}), 2U);
  EXPECT_EQ(asPathLength({}), 0U);
}

}  // namespace
}  // namespace hawser::rib
