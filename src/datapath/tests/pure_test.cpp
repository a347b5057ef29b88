// The parts without a kernel: buckets, expansion of rules, keys, ageing.
#include <gtest/gtest.h>

#include <algorithm>

#include "buckets.h"
#include "connections.h"
#include "convert.h"
#include "rules.h"

namespace hawser::datapath {
namespace {

net::IpAddress ip(std::string_view text) { return *net::IpAddress::parse(text); }
net::IpPrefix prefix(std::string_view text) { return *net::IpPrefix::parse(text); }

std::map<std::uint32_t, int> shares(const Buckets& buckets) {
  std::map<std::uint32_t, int> out;
  for (const auto id : buckets) ++out[id];
  return out;
}
int changed(const Buckets& a, const Buckets& b) {
  int count = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) count += a[i] != b[i] ? 1 : 0;
  return count;
}

TEST(BucketFill, SharesAreEqualToOneBucket) {
  for (std::uint32_t members = 1; members <= 64; ++members) {
    std::map<std::uint32_t, std::uint32_t> weights;
    for (std::uint32_t id = 1; id <= members; ++id) weights[id] = 1;
    const auto filled = fillBuckets({}, weights);
    ASSERT_EQ(shares(filled).size(), members);
    for (const auto& [id, count] : shares(filled)) {
      EXPECT_GE(count, 64 / static_cast<int>(members));
      EXPECT_LE(count, (64 + static_cast<int>(members) - 1) / static_cast<int>(members));
    }
  }
}

TEST(BucketFill, WeightsCount) {
  const auto filled = shares(fillBuckets({}, {{1, 3}, {2, 1}}));
  EXPECT_EQ(filled.at(1), 48);
  EXPECT_EQ(filled.at(2), 16);
  EXPECT_EQ(shares(fillBuckets({}, {{1, 0}, {2, 1}})).at(1), 32) << "0 counts as 1";
  EXPECT_EQ(shares(fillBuckets({}, {{1, 65535}, {2, 1}})).size(), 1U);
}

TEST(BucketFill, TheFewestBucketsChange) {
  std::map<std::uint32_t, std::uint32_t> weights = {{1, 1}};
  auto now = fillBuckets({}, weights);
  for (std::uint32_t id = 2; id <= 20; ++id) {  // one more at a time
    weights[id] = 1;
    const auto next = fillBuckets(now, weights);
    EXPECT_LE(changed(now, next), 64 / static_cast<int>(id) + 1) << id;
    for (std::size_t i = 0; i < kBuckets; ++i)
      EXPECT_TRUE(next[i] == now[i] || next[i] == id) << "only to the new one";
    now = next;
  }
  for (std::uint32_t id = 1; id <= 19; ++id) {  // and away again
    const auto had = shares(now).at(id);
    weights.erase(id);
    const auto next = fillBuckets(now, weights);
    EXPECT_EQ(changed(now, next), had) << "only those of the one that went";
    now = next;
  }
  EXPECT_EQ(changed(now, fillBuckets(now, weights)), 0);
}

TEST(BucketFill, MoreMembersThanBuckets) {
  std::map<std::uint32_t, std::uint32_t> weights;
  for (std::uint32_t id = 1; id <= 100; ++id) weights[id] = 1;
  EXPECT_EQ(shares(fillBuckets({}, weights)).size(), kBuckets);
}

TEST(RuleExpansion, OneEntryAPeerInOrder) {
  RuleSet set;
  set.rules = {{.id = 1, .tier = 2},
               {.id = 2,
                .tier = 1,
                .anyPeer = false,
                .identities = {{64512, 5}, {64513, 6}},
                .prefixes = {prefix("10.1.0.0/16")},
                .protocol = 6,
                .portFirst = 80,
                .portLast = 90,
                .action = Action::kDeny,
                .log = true},
               {.id = 3, .tier = 1},
               {.id = 4, .direction = Direction::kEgress, .action = Action::kPass}};
  const auto out = expand(set);
  ASSERT_EQ(out.ingress.size(), 5U);
  const std::uint32_t order[] = {2, 2, 2, 3, 1};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(out.ingress[i].id, order[i]);
  EXPECT_EQ(out.ingress[1].identity, (net::Identity{64513, 6}.key()));
  EXPECT_EQ(out.ingress[1].flags, HW_RULE_IDENTITY | HW_RULE_LOG);
  const auto& byPrefix = out.ingress[2];
  EXPECT_EQ(byPrefix.flags, HW_RULE_PREFIX | HW_RULE_LOG);
  EXPECT_EQ(fromAddr(byPrefix.address), ip("10.1.0.0"));
  EXPECT_EQ(byPrefix.mask.word_be[2], 0xffffffffU);
  EXPECT_EQ(byPrefix.mask.word_be[3], htonl(0xffff0000U));
  EXPECT_EQ(byPrefix.protocol, 6);
  EXPECT_EQ(byPrefix.port_first, 80);
  EXPECT_EQ(byPrefix.port_last, 90);
  EXPECT_EQ(byPrefix.action, HW_DENY);
  ASSERT_EQ(out.egress.size(), 1U);
  EXPECT_EQ(out.egress[0].action, HW_PASS);
  EXPECT_EQ(out.egress[0].flags, 0);
}

TEST(RuleExpansion, PrefixesOfEitherFamily) {
  RuleSet set;
  set.rules = {{.id = 1,
                .anyPeer = false,
                .prefixes = {prefix("0.0.0.0/0"), prefix("2001:db8::/33"), prefix("::/0")}}};
  const auto out = expand(set).ingress;
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(out[0].mask.word_be[2], 0xffffffffU) << "all of IPv4, nothing of IPv6";
  EXPECT_EQ(out[0].mask.word_be[3], 0U);
  EXPECT_EQ(out[1].mask.word_be[0], 0xffffffffU);
  EXPECT_EQ(out[1].mask.word_be[1], htonl(0x80000000U));
  EXPECT_EQ(out[2].mask.word_be[0], 0U);
}

TEST(RuleExpansion, TheHashTellsSetsApart) {
  const auto hash = [](const RuleSet& set) { return hashOf(expand(set), set); };
  RuleSet set;
  EXPECT_NE(hash(set), 0U);
  std::vector<std::uint64_t> seen = {hash(set)};
  set.defaultIngress = Action::kDeny, seen.push_back(hash(set));
  set.rules = {{.id = 1}}, seen.push_back(hash(set));
  set.rules[0].direction = Direction::kEgress, seen.push_back(hash(set));
  set.rules[0].log = true, seen.push_back(hash(set));
  set.rules[0].portLast = 5, seen.push_back(hash(set));
  set.rules.push_back({.id = 2, .direction = Direction::kEgress}), seen.push_back(hash(set));
  std::swap(set.rules[0], set.rules[1]), seen.push_back(hash(set));
  EXPECT_EQ(hash(set), seen.back());
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
}

TEST(Keys, RoutesThereAndBack) {
  for (const auto* text :
       {"0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "::/0", "2001:db8::/32", "2001:db8::1/128"}) {
    const auto key = toRouteKey(VrfId(77), prefix(text));
    EXPECT_EQ(fromRouteKey(key).text(), text);
    EXPECT_EQ(ntohl(key.vrf_be), 77U);
  }
  EXPECT_EQ(toRouteKey(VrfId(1), prefix("10.0.0.0/8")).prefix_length, 32U + 96 + 8);
}

TEST(Keys, NextHopsThereAndBack) {
  for (const NextHop& hop :
       {NextHop(LocalPort{PortId(5)}), NextHop(Refuse{}),
        NextHop(Tunnel{net::Encapsulation::kGre, ip("172.31.0.9"), *net::Label::make(0xfffff)}),
        NextHop(Tunnel{net::Encapsulation::kMplsInUdp, ip("1.2.3.4"), *net::Label::make(16)})})
    EXPECT_EQ(fromNextHop(toNextHop(VrfId(3), hop)), hop);
  EXPECT_FALSE(fromNextHop({}));
}

TEST(Keys, Identities) {
  const net::Identity identity{65535, 0xfffffffe};
  EXPECT_EQ(toIdentity(identity.key()), identity);
}

TEST(Ageing, FasterUnderPressureButNotForEstablishedTcp) {
  using std::chrono::seconds;
  EXPECT_EQ(idleLimit(6, HW_CONN_REPLIED, true), idleLimit(6, HW_CONN_REPLIED));
  EXPECT_EQ(idleLimit(1, 0, true), seconds(10));
  EXPECT_EQ(idleLimit(6, 0, true), seconds(10));
  EXPECT_EQ(idleLimit(17, 0, true), seconds(10));
  EXPECT_EQ(idleLimit(17, HW_CONN_REPLIED, true), seconds(10));
  EXPECT_EQ(idleLimit(6, HW_CONN_REPLIED | HW_CONN_FIN_IN, true), seconds(10));
}

TEST(Ageing, ByProtocolAndState) {
  using std::chrono::seconds;
  EXPECT_GE(idleLimit(6, HW_CONN_REPLIED), seconds(7440)) << "RFC 5382, REQ-5";
  EXPECT_GE(idleLimit(17, HW_CONN_REPLIED), seconds(300)) << "RFC 4787, REQ-5";
  EXPECT_LE(idleLimit(6, HW_CONN_REPLIED | HW_CONN_RESET), seconds(10));
  EXPECT_LE(idleLimit(6, HW_CONN_REPLIED | HW_CONN_FIN_IN | HW_CONN_FIN_OUT), seconds(10));
  EXPECT_EQ(idleLimit(6, HW_CONN_REPLIED | HW_CONN_FIN_IN), seconds(240)) << "half closed";
  EXPECT_LT(idleLimit(6, 0), idleLimit(6, HW_CONN_REPLIED));
  EXPECT_GE(idleLimit(1, 0), seconds(30));
  EXPECT_EQ(stateName(0), "new");
  EXPECT_EQ(stateName(HW_CONN_INBOUND | HW_CONN_REPLIED), "established");
  EXPECT_EQ(stateName(HW_CONN_REPLIED | HW_CONN_FIN_OUT), "closing");
}

}  // namespace
}  // namespace hawser::datapath
