// From whom a tunnel packet is taken: only from a next hop of its inner source's route.
#include <gtest/gtest.h>

#include "bench.h"

namespace hawser::datapath {
namespace {

using namespace test;  // NOLINT: the vocabulary of these tests

class TunnelSource : public Bench {
 protected:
  static Spec in(std::uint16_t sport = 5555, std::uint8_t flags = kSyn) {
    return {.source = "10.0.0.12",
            .destination = "10.0.0.11",
            .protocol = kTcp,
            .sport = sport,
            .dport = 80,
            .flags = flags};
  }
  static Spec out(std::uint16_t dport = 5555, std::uint8_t flags = kSyn | kAck) {
    return {.protocol = kTcp, .sport = 80, .dport = dport, .flags = flags};
  }
  [[nodiscard]] int from(std::string host, const Spec& inner, bool gre = false) const {
    return receive(inner, {.source = std::move(host), .gre = gre}).verdict;
  }
};

TEST_F(TunnelSource, ANewConnectionComesFromItsNextHopOnly) {
  route("10.0.0.12/32", {via(2001)});
  for (const bool gre : {false, true}) {
    EXPECT_EQ(from("172.31.0.66", in(1000), gre), kShot);
    EXPECT_EQ(from("172.31.0.2", in(1000), gre), kRedirect);
  }
  EXPECT_EQ(dropped("wrong_tunnel"), 2U);
}

TEST_F(TunnelSource, TheDropIsTold) {
  route("10.0.0.12/32", {via(2001)});
  ASSERT_EQ(from("172.31.0.66", in()), kShot);
  std::vector<DropEvent> events;
  plane_->drainEvents([&](const DropEvent& event) { events.push_back(event); });
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].reason, "wrong_tunnel");
  EXPECT_EQ(events[0].port, PortId(1));
  EXPECT_EQ(events[0].source, ip("10.0.0.12"));
  EXPECT_TRUE(connections().empty()) << "nothing is kept of it";
}

TEST_F(TunnelSource, AnyMemberOfAGroupWillDo) {
  route("10.0.0.0/24", {via(2001, "172.31.0.2"), via(2002, "172.31.0.3"), via(2003, "172.31.0.4")});
  for (std::uint16_t port = 1; port < 30; ++port)
    for (const auto* host : {"172.31.0.2", "172.31.0.3", "172.31.0.4"})
      EXPECT_EQ(from(host, in(port)), kRedirect) << host;
  EXPECT_EQ(from("172.31.0.5", in(99)), kShot);
  EXPECT_EQ(dropped("wrong_tunnel"), 1U);
}

TEST_F(TunnelSource, TheLongestMatchDecides) {
  route("0.0.0.0/0", {via(9, "172.31.0.9", net::Encapsulation::kGre)});  // a gateway
  route("10.0.0.12/32", {via(2001)});
  EXPECT_EQ(from("172.31.0.9", in()), kShot) << "a gateway does not speak for a workload";
  auto outside = in();
  outside.source = "203.0.113.5";
  EXPECT_EQ(from("172.31.0.9", outside, true), kRedirect);
  EXPECT_EQ(from("172.31.0.2", outside), kShot) << "nor a host for the world";
}

// Ways are often not the same in both directions: a router may send what we would answer by
// another.
TEST_F(TunnelSource, AnyRouterOfTheVrfSpeaksForTheWorld) {
  route("0.0.0.0/0", {via(9, "172.31.0.9", net::Encapsulation::kGre)}, {});
  route("10.0.0.12/32", {via(2001)});
  auto outside = in();
  outside.source = "203.0.113.5";
  EXPECT_EQ(from("172.31.0.8", outside, true), kShot);
  ASSERT_TRUE(plane_->setRouters(VrfId(7), {ip("172.31.0.8"), ip("172.31.0.9")}));
  EXPECT_EQ(from("172.31.0.8", outside, true), kRedirect);
  EXPECT_EQ(from("172.31.0.8", in(), true), kShot) << "but for no workload";
  ASSERT_TRUE(plane_->setRouters(VrfId(7), {ip("172.31.0.9")}));
  outside.sport = 6666;
  EXPECT_EQ(from("172.31.0.8", outside, true), kShot);
  // Kept over a restart until it is known better.
  ASSERT_TRUE(plane_->setRouters(VrfId(7), {ip("172.31.0.8")}));
  reopen();
  EXPECT_EQ(from("172.31.0.8", outside, true), kRedirect);
  plane_->prune();
  outside.sport = 7777;
  EXPECT_EQ(from("172.31.0.8", outside, true), kShot);
}

TEST_F(TunnelSource, NobodyOutsideSpeaksForAPortOfThisHost) {
  route("10.0.0.12/32", {{LocalPort{PortId(2)}, 1}});
  EXPECT_EQ(from("172.31.0.2", in()), kShot);
  EXPECT_EQ(from("172.31.0.1", in()), kShot) << "nor who claims to be this host";
  EXPECT_EQ(dropped("wrong_tunnel"), 2U);
  // The same packet by the port itself.
  route("10.0.0.11/32", {{LocalPort{PortId(1)}, 1}});
  auto spec = in();
  spec.sourceMac = "02:00:00:00:00:02";
  EXPECT_EQ(run("v2", frame(spec)).verdict, kRedirect);
}

TEST_F(TunnelSource, ARouteThatRefusesTakesFromNobody) {
  route("10.0.0.12/32", {{Refuse{}, 1}});
  EXPECT_EQ(from("172.31.0.2", in()), kShot);
  EXPECT_EQ(dropped("wrong_tunnel"), 1U);
}

TEST_F(TunnelSource, AConnectionGoesOnFromItsNextHopOnly) {
  route("10.0.0.12/32", {via(2001)});
  ASSERT_EQ(send(out(5555, kSyn)).verdict, kRedirect);
  EXPECT_EQ(from("172.31.0.66", in(5555, kRst)), kShot) << "a reset by a stranger";
  EXPECT_EQ(dropped("wrong_tunnel"), 1U);
  EXPECT_EQ(connections(PortId(1))[0].state, "new") << "it changed nothing";
  EXPECT_EQ(from("172.31.0.2", in(5555, kSyn | kAck)), kRedirect);
  EXPECT_EQ(connections(PortId(1))[0].state, "established");
}

// A workload that moves from one host to another: what the old host still has on its way is taken,
// and the new one is heard as soon as the route says so.
TEST_F(TunnelSource, AConnectionFollowsAMove) {
  route("10.0.0.12/32", {via(2001, "172.31.0.2")});
  ASSERT_EQ(from("172.31.0.2", in()), kRedirect);
  EXPECT_EQ(from("172.31.0.3", in(5555, kAck)), kShot) << "nobody said so yet";
  route("10.0.0.12/32", {via(2002, "172.31.0.3")});
  EXPECT_EQ(from("172.31.0.2", in(5555, kAck)), kRedirect) << "still on its way";
  EXPECT_EQ(from("172.31.0.3", in(5555, kAck)), kRedirect);
  EXPECT_EQ(from("172.31.0.2", in(5555, kAck)), kShot) << "the new one was heard";
  EXPECT_EQ(from("172.31.0.2", in(5556)), kShot) << "a new connection";
  // Without any route the last one is believed, no other.
  plane_->removeRoute(VrfId(7), prefix("10.0.0.12/32"));
  EXPECT_EQ(from("172.31.0.3", in(5555, kAck)), kRedirect);
  EXPECT_EQ(from("172.31.0.66", in(5555, kAck)), kShot);
}

// Answers may come by another gateway than the one that the connection leaves by.
TEST_F(TunnelSource, AnswersMayComeByAnotherMember) {
  route("0.0.0.0/0", {via(1, "172.31.0.8"), via(2, "172.31.0.9")});
  for (std::uint16_t port = 1; port < 20; ++port) {
    auto opening = out(port, kSyn);
    opening.destination = "203.0.113.5";
    ASSERT_EQ(send(opening).verdict, kRedirect);
    auto answer = in(port, kSyn | kAck);
    answer.source = "203.0.113.5";
    for (const auto* host : {"172.31.0.9", "172.31.0.8", "172.31.0.9"})
      EXPECT_EQ(from(host, answer), kRedirect);
    EXPECT_EQ(from("172.31.0.2", answer), kShot);
  }
}

TEST_F(TunnelSource, IcmpErrorsComeTheWayOfTheirConnection) {
  route("10.0.0.12/32", {via(2001)});
  route("192.0.2.0/24", {via(9, "172.31.0.9")});
  const auto sent = inner(send({}));
  const auto error = [&](const std::string& source) {
    return Spec{.source = source,
                .destination = "10.0.0.11",
                .protocol = kIcmp,
                .sport = 0,
                .icmpType = 3,
                .icmpCode = 4,
                .payload = slice(sent.ip, 0, 28)};
  };
  EXPECT_EQ(from("172.31.0.66", error("10.0.0.12")), kShot);
  EXPECT_EQ(dropped("wrong_tunnel"), 1U);
  EXPECT_EQ(from("172.31.0.2", error("10.0.0.12")), kRedirect);
  EXPECT_EQ(from("172.31.0.2", error("198.51.100.1")), kRedirect) << "a router behind that host";
  EXPECT_EQ(from("172.31.0.9", error("192.0.2.7")), kShot) << "no part of this connection's way";
}

// Fragments after the first are judged by the ports of the first: a stranger's first says nothing.
TEST_F(TunnelSource, AStrangersFirstFragmentIsForgotten) {
  route("10.0.0.12/32", {via(2001)});
  const Spec first{.source = "10.0.0.12",
                   .destination = "10.0.0.11",
                   .payload = Bytes(800, 'x'),
                   .dontFragment = false,
                   .moreFragments = true};
  auto later = first;
  later.moreFragments = false, later.fragmentOffset = 101;
  ASSERT_EQ(from("172.31.0.66", first), kShot);
  EXPECT_EQ(dropped("wrong_tunnel"), 1U);
  EXPECT_EQ(from("172.31.0.2", later), kShot);
  EXPECT_EQ(dropped("fragment_unknown"), 1U) << "of a packet whose first part was not taken";
  EXPECT_TRUE(connections().empty());
  // Nor does it speak over the first part of who may send.
  ASSERT_EQ(from("172.31.0.2", first), kRedirect);
  auto other = first;
  other.sport = 999, other.dport = 22;
  ASSERT_EQ(from("172.31.0.66", other), kShot);
  EXPECT_EQ(from("172.31.0.2", later), kRedirect);
  EXPECT_EQ(connections().size(), 1U);
}

TEST_F(TunnelSource, AStrangersFirstFragmentOfAConnectionIsForgotten) {
  route("10.0.0.12/32", {via(2001)});
  ASSERT_EQ(send({}).verdict, kRedirect);
  const Spec first{.source = "10.0.0.12",
                   .destination = "10.0.0.11",
                   .sport = 80,
                   .dport = 40000,
                   .payload = Bytes(800, 'x'),
                   .dontFragment = false,
                   .moreFragments = true};
  auto later = first;
  later.moreFragments = false, later.fragmentOffset = 101;
  ASSERT_EQ(from("172.31.0.66", first), kShot);
  EXPECT_EQ(from("172.31.0.2", later), kShot);
  EXPECT_EQ(dropped("fragment_unknown"), 1U);
  ASSERT_EQ(from("172.31.0.2", first), kRedirect);
  EXPECT_EQ(from("172.31.0.2", later), kRedirect);
}

}  // namespace
}  // namespace hawser::datapath
