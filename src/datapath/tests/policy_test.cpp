// Rules in the programs: tiers, pass, peers, ports, hits, events, and judging again after a change.
#include "bench.h"

namespace hawser::datapath {
namespace {

using namespace test;  // NOLINT: the vocabulary of these tests

constexpr net::Identity kFriend{64512, 9}, kStranger{64512, 10};

class PolicyRules : public Bench {
 protected:
  void SetUp() override {
    Bench::SetUp();
    route("10.0.0.12/32", {via(2001)}, kFriend);
    route("10.0.0.13/32", {via(2002)}, kStranger);
  }
  static RuleSet closed(std::vector<Rule> rules) {
    return {std::move(rules), Action::kDeny, Action::kDeny};
  }
  void rules(const RuleSet& set) { ASSERT_TRUE(plane_->setRules(PortId(1), set)); }
  [[nodiscard]] bool out(Spec spec) const { return send(spec).verdict == kRedirect; }
  [[nodiscard]] bool in(const std::string& from, std::uint16_t dport,
                        std::uint8_t protocol = kTcp) const {
    return receive(
               {.source = from, .destination = "10.0.0.11", .protocol = protocol, .dport = dport})
               .verdict == kRedirect;
  }
  [[nodiscard]] std::uint64_t hits(std::uint32_t rule) const {
    for (const auto& one : plane_->ruleHits())
      if (one.id == rule) return one.packets;
    return 999;
  }
};

TEST_F(PolicyRules, PeersByIdentityAndPrefix) {
  rules(closed({{.id = 1, .anyPeer = false, .identities = {kFriend}},
                {.id = 2,
                 .direction = Direction::kEgress,
                 .anyPeer = false,
                 .prefixes = {prefix("10.0.0.13/32"), prefix("198.51.100.0/24")}}}));
  EXPECT_TRUE(in("10.0.0.12", 80));
  EXPECT_FALSE(in("10.0.0.13", 80));
  EXPECT_TRUE(out({.destination = "10.0.0.13"}));
  EXPECT_FALSE(out({.destination = "10.0.0.12"}));
  EXPECT_EQ(hits(1), 1U);
  EXPECT_EQ(hits(2), 1U);
}

TEST_F(PolicyRules, ARuleWithoutPeersMatchesNobody) {
  rules(closed({{.id = 1, .anyPeer = false}}));
  EXPECT_FALSE(in("10.0.0.12", 80));
}

TEST_F(PolicyRules, ProtocolAndPorts) {
  rules(closed({{.id = 1, .protocol = kTcp, .portFirst = 80, .portLast = 90}}));
  EXPECT_FALSE(in("10.0.0.12", 79));
  EXPECT_TRUE(in("10.0.0.12", 80));
  EXPECT_TRUE(in("10.0.0.12", 90));
  EXPECT_FALSE(in("10.0.0.12", 91));
  EXPECT_FALSE(in("10.0.0.12", 80, kUdp));
}

TEST_F(PolicyRules, IcmpByType) {
  rules(closed({{.id = 1, .protocol = kIcmp, .portFirst = 8, .portLast = 8}}));
  Spec ping{.source = "10.0.0.12", .destination = "10.0.0.11", .protocol = kIcmp};
  EXPECT_EQ(receive(ping).verdict, kRedirect);
  EXPECT_TRUE(out({.protocol = kIcmp, .icmpType = 0})) << "the reply belongs to the connection";
  ping.icmpType = 13, ping.sport = 5;
  EXPECT_EQ(receive(ping).verdict, kShot);
}

TEST_F(PolicyRules, TheFirstMatchOfATierDecidesAndPassGoesOn) {
  const Rule deny{
      .id = 1, .tier = 1, .anyPeer = false, .identities = {kStranger}, .action = Action::kDeny};
  const Rule pass{.id = 2, .tier = 1, .portFirst = 80, .portLast = 80, .action = Action::kPass};
  const Rule never{.id = 3, .tier = 1, .portFirst = 80, .portLast = 80};
  const Rule deny80{.id = 4, .tier = 2, .portFirst = 80, .portLast = 80, .action = Action::kDeny};
  const Rule rest{.id = 5, .tier = 3};
  rules(closed({rest, deny80, deny, pass, never}));  // tiers in any order
  EXPECT_FALSE(in("10.0.0.13", 443));
  EXPECT_FALSE(in("10.0.0.12", 80));
  EXPECT_TRUE(in("10.0.0.12", 443));
  EXPECT_EQ(hits(1), 1U);
  EXPECT_EQ(hits(3), 0U);
  EXPECT_EQ(hits(4), 1U);
  EXPECT_EQ(hits(5), 1U);
  // Passed by the last tier: the default decides.
  RuleSet open{{pass}, Action::kAllow, Action::kAllow};
  rules(open);
  EXPECT_TRUE(in("10.0.0.12", 80));
  open.defaultIngress = Action::kDeny;
  rules(open);
  EXPECT_FALSE(in("10.0.0.12", 80));
}

TEST_F(PolicyRules, AnswersPassWhateverTheRules) {
  rules(closed({{.id = 1, .direction = Direction::kEgress}}));
  EXPECT_TRUE(out({.protocol = kTcp}));
  const Spec reply{.source = "10.0.0.12",
                   .destination = "10.0.0.11",
                   .protocol = kTcp,
                   .sport = 80,
                   .dport = 40000,
                   .flags = kSyn | kAck};
  EXPECT_EQ(receive(reply).verdict, kRedirect);
  EXPECT_FALSE(in("10.0.0.12", 40000)) << "from another port: not an answer";
}

TEST_F(PolicyRules, AChangeJudgesConnectionsAgain) {
  rules(closed({{.id = 1, .direction = Direction::kEgress}}));
  EXPECT_TRUE(out({}));
  // The order, the id, other rules: the connection passes, and knows its rule.
  rules(closed({{.id = 7, .tier = 1, .portFirst = 1, .portLast = 1, .action = Action::kDeny},
                {.id = 8, .tier = 2, .direction = Direction::kEgress}}));
  EXPECT_TRUE(out({}));
  EXPECT_EQ(connections(PortId(1))[0].ruleId, 8U);
  // Forbidden now: both directions stop, though ingress is open.
  RuleSet stopped;
  stopped.defaultEgress = Action::kDeny;
  rules(stopped);
  EXPECT_FALSE(out({}));
  const Spec reply{.source = "10.0.0.12", .destination = "10.0.0.11", .sport = 80, .dport = 40000};
  EXPECT_EQ(receive(reply).verdict, kShot);
  rules(allowAll());
  EXPECT_TRUE(out({}));
  EXPECT_EQ(receive(reply).verdict, kRedirect);
}

TEST_F(PolicyRules, TheSameRulesAgainChangeNothing) {
  const auto set = closed({{.id = 1, .direction = Direction::kEgress}});
  rules(set);
  EXPECT_TRUE(out({}));
  rules(set);
  EXPECT_TRUE(out({}));
  EXPECT_EQ(hits(1), 1U) << "not judged again";
}

TEST_F(PolicyRules, LoggedDropsAreTold) {
  rules({{{.id = 5,
           .tier = 1,
           .direction = Direction::kEgress,
           .portFirst = 80,
           .portLast = 80,
           .action = Action::kDeny,
           .log = true},
          {.id = 6,
           .tier = 1,
           .direction = Direction::kEgress,
           .portFirst = 81,
           .portLast = 81,
           .action = Action::kDeny}},
         Action::kAllow,
         Action::kAllow});
  (void)send({.protocol = kTcp});
  (void)send({.protocol = kTcp, .dport = 81});  // not logged
  (void)send({.destination = "203.0.113.1"});   // no route
  std::vector<DropEvent> events;
  plane_->drainEvents([&](const DropEvent& event) { events.push_back(event); });
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].reason, "policy");
  EXPECT_EQ(events[0].port, PortId(1));
  EXPECT_EQ(events[0].source, ip("10.0.0.11"));
  EXPECT_EQ(events[0].destination, ip("10.0.0.12"));
  EXPECT_EQ(events[0].protocol, kTcp);
  EXPECT_EQ(events[0].sourcePort, 40000);
  EXPECT_EQ(events[0].destinationPort, 80);
  EXPECT_EQ(events[0].ruleId, 5U);
  EXPECT_EQ(events[1].reason, "no_route");
  EXPECT_GE(plane_->eventFd(), 0);
}

TEST_F(PolicyRules, BothEndsOfOneHostJudge) {
  route("10.0.0.12/32", {{LocalPort{PortId(2)}, 1}}, {64512, 2});
  route("10.0.0.11/32", {{LocalPort{PortId(1)}, 1}}, {64512, 1});
  ASSERT_TRUE(plane_->setRules(PortId(2),
                               closed({{.id = 1, .anyPeer = false, .identities = {{64512, 1}}}})));
  EXPECT_TRUE(out({}));
  ASSERT_TRUE(plane_->setRules(PortId(2),
                               closed({{.id = 1, .anyPeer = false, .identities = {kStranger}}})));
  EXPECT_FALSE(out({.sport = 2}));
}

}  // namespace
}  // namespace hawser::datapath
