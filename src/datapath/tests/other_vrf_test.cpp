// A workload that is reached in two VRFs, by somebody with one address in each.
#include "bench.h"

namespace hawser::datapath {
namespace {

using namespace test;

constexpr VrfId kPublic{8};

class OtherVrf : public Bench {
 protected:
  void SetUp() override {
    Bench::SetUp();
    route("10.0.0.12/32", {via(2001)});
    route("0.0.0.0/0", {gateway_}, {}, kPublic);
    ASSERT_TRUE(plane_->setTranslations(
        PortId(1), {{kPublic, ip("185.22.97.188"), 0, 0, ip("10.0.0.11"), 0, true}}));
  }
  const Member gateway_ = via(3001, "172.31.0.9", net::Encapsulation::kGre);
  const Spec out_{.source = "10.0.0.11",
                  .destination = "10.0.0.12",
                  .protocol = kTcp,
                  .sport = 40000,
                  .dport = 80,
                  .flags = kSyn};
  // The same address, from behind the gateway.
  const Spec twin_{.source = "10.0.0.12",
                   .destination = "185.22.97.188",
                   .protocol = kTcp,
                   .sport = 80,
                   .dport = 40000,
                   .flags = kAck};
  const TunnelSpec outer_{.source = "172.31.0.9", .gre = true};
};

TEST_F(OtherVrf, TakesNoConnectionOver) {
  ASSERT_EQ(labelOf(send(out_)), 2001U);
  EXPECT_EQ(receive(twin_, outer_).verdict, kShot);
  EXPECT_EQ(dropped("other_vrf"), 1U);
  auto data = out_;
  data.flags = kAck;
  const auto sent = send(data);
  EXPECT_EQ(labelOf(sent), 2001U);
  EXPECT_EQ(inner(sent).source, "10.0.0.11") << "not translated";
  auto udp = out_;
  udp.protocol = kUdp;
  ASSERT_EQ(labelOf(send(udp)), 2001U);
  auto twin = twin_;
  twin.protocol = kUdp;
  EXPECT_EQ(receive(twin, outer_).verdict, kShot);
  EXPECT_EQ(labelOf(send(udp)), 2001U);
}

TEST_F(OtherVrf, MayHaveThePortsOfAConnectionThatIsOver) {
  ASSERT_EQ(labelOf(send(out_)), 2001U);
  auto reset = out_;
  reset.flags = kRst;
  ASSERT_EQ(send(reset).verdict, kRedirect);
  auto twin = twin_;
  twin.flags = kSyn;
  EXPECT_EQ(receive(twin, outer_).verdict, kRedirect);
}

TEST_F(OtherVrf, WhatTheWorkloadOpensComesFirst) {
  ASSERT_EQ(receive(twin_, outer_).verdict, kRedirect) << "nothing is there yet";
  EXPECT_EQ(labelOf(send(out_)), 2001U);
  EXPECT_EQ(receive(twin_, outer_).verdict, kShot);
}

// No address: here it would stand for a port of this host, whose packets were judged already.
TEST_F(OtherVrf, ATunnelHasASource) {
  const Spec in{.source = "10.0.0.12",
                .destination = "10.0.0.11",
                .protocol = kTcp,
                .sport = 5555,
                .dport = 80,
                .flags = kSyn};
  EXPECT_EQ(receive(in, {.source = "0.0.0.0"}).verdict, kShot);
  EXPECT_EQ(dropped("bad_tunnel"), 1U);
}

}  // namespace
}  // namespace hawser::datapath
