// A backend leaves a service: what its connections are at ends there. What is no backend follows at
// once.
#include <set>

#include "bench.h"

namespace hawser::datapath {
namespace {

using namespace test;  // NOLINT: the vocabulary of these tests

constexpr const char* kService = "10.0.0.100";

class Linger : public Bench {
 protected:
  void members(std::vector<Member> all, bool anycast = true) {
    ASSERT_TRUE(plane_->setRoute(
        {VrfId(7), net::IpPrefix::host(ip(kService)), std::move(all), {64512, 9}, anycast}));
  }
  static Spec to(std::uint16_t sport, std::uint8_t flags = kAck) {
    return {.destination = kService, .protocol = kTcp, .sport = sport, .flags = flags};
  }
  // A new connection that has this member.
  std::uint16_t opened(std::uint32_t member) {
    while (labelOf(send(to(++sport_, kSyn))) != member)
      if (sport_ > 2000) ADD_FAILURE() << "no connection to " << member;
    return sport_;
  }
  [[nodiscard]] std::uint32_t memberOf(std::uint16_t sport) const {
    return labelOf(send(to(sport)));
  }
  std::set<std::uint32_t> ofNewOnes() {
    std::set<std::uint32_t> out;
    for (int i = 0; i < 60; ++i) out.insert(labelOf(send(to(++sport_, kSyn))));
    return out;
  }
  void seconds(int count) {
    for (int i = 0; i < count; ++i) (void)plane_->sweep();
  }
  std::uint16_t sport_ = 1000;
};

TEST_F(Linger, WhoHasALeavingBackendKeepsItForAWhile) {
  members({via(2001), via(2002, "172.31.0.3")});
  const auto here = opened(2001), there = opened(2002);
  members({via(2001)});
  EXPECT_EQ(memberOf(there), 2002U);
  EXPECT_EQ(memberOf(here), 2001U);
  EXPECT_EQ(ofNewOnes(), std::set<std::uint32_t>{2001});
  // Its answers, the first ones even, are taken as long.
  const Spec answer{.source = kService,
                    .destination = "10.0.0.11",
                    .protocol = kTcp,
                    .sport = 80,
                    .dport = there,
                    .flags = kAck};
  EXPECT_EQ(receive(answer, {.source = "172.31.0.3"}).verdict, kRedirect);
  EXPECT_EQ(receive(answer, {.source = "172.31.0.4"}).verdict, kShot);
  seconds(2);
  EXPECT_EQ(memberOf(there), 2002U);
  seconds(1);
  EXPECT_EQ(memberOf(there), 2001U);
}

TEST_F(Linger, TheLastBackendToo) {
  members({via(2001)});
  const auto open = opened(2001);
  members({{Refuse{}, 1}}, false);
  EXPECT_EQ(memberOf(open), 2001U);
  EXPECT_EQ(dropped("refused"), 0U);
  (void)send(to(999, kSyn));
  EXPECT_EQ(dropped("refused"), 1U);
  seconds(3);
  EXPECT_EQ(memberOf(open), 0U);
  EXPECT_EQ(dropped("refused"), 2U);
}

TEST_F(Linger, AServiceThatIsRemovedToo) {
  members({via(2001), via(2002)});
  const auto open = opened(2002);
  plane_->removeRoute(VrfId(7), net::IpPrefix::host(ip(kService)));
  EXPECT_EQ(memberOf(open), 2002U);
  seconds(3);
  EXPECT_EQ(parse(send(to(open)).frame).icmpType, 3);
}

// A gateway that dies is no backend, and neither is the host that a workload has left.
TEST_F(Linger, WhatIsNotAnycastIsLeftAtOnce) {
  members({via(2001), via(2002)}, false);
  const auto open = opened(2002);
  members({via(2001)}, false);
  EXPECT_EQ(memberOf(open), 2001U);
  members({via(2003)}, false);
  EXPECT_EQ(memberOf(open), 2003U);
}

TEST_F(Linger, ABackendThatComesBackStays) {
  members({via(2001), via(2002)});
  const auto open = opened(2002);
  members({via(2001)});
  seconds(2);
  members({via(2001), via(2002)});
  seconds(3);
  EXPECT_EQ(memberOf(open), 2002U);
}

TEST_F(Linger, APortThatIsGoneHoldsNothing) {
  ASSERT_TRUE(plane_->setTranslations(PortId(2),
                                      {{VrfId(7), ip(kService), kTcp, 80, ip("10.0.0.12"), 80}}));
  route("10.0.0.11/32", {{LocalPort{PortId(1)}, 1}});
  members({{LocalPort{PortId(2)}, 1}});
  const auto delivered = [&](std::uint16_t sport) {
    return parse(send(to(sport)).frame).destinationMac == "02:00:00:00:00:02";
  };
  ASSERT_TRUE(delivered(1));
  members({via(2001)});
  EXPECT_TRUE(delivered(1));
  net_.in([&] { plane_->removePort(PortId(2)); });
  EXPECT_EQ(memberOf(1), 2001U);
}

}  // namespace
}  // namespace hawser::datapath
