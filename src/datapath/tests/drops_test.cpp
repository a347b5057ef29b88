// Every drop reason is reached, counted under its name, and answered as it should be.
#include <bpf/libbpf.h>

#include <map>
#include <numeric>

#include "bench.h"
#include "port_table.h"
#include "programs.h"
#include "route_table.h"

namespace hawser::datapath {
namespace {

using namespace test;  // NOLINT: the vocabulary of these tests

class Drops : public Bench {
 protected:
  // Exactly this reason counts one more.
  void expect(const std::string& reason, const std::function<Outcome()>& act, int verdict = kShot) {
    const auto count = [this] {
      std::map<std::string, std::uint64_t> out;
      for (const auto& one : plane_->drops()) out[one.reason] = one.packets;
      return out;
    };
    auto before = count();
    EXPECT_EQ(act().verdict, verdict) << reason;
    ++before[reason];
    EXPECT_EQ(count(), before) << reason;
  }
};

TEST_F(Drops, NamesAreThoseOfTheList) {
  std::vector<std::string> names;
  for (const auto& one : plane_->drops()) names.push_back(one.reason);
  const std::vector<std::string> list = {
#define HAWSER_NAME(number, name) #name,
      HW_DROP_REASONS(HAWSER_NAME)
#undef HAWSER_NAME
  };
  EXPECT_EQ(names, list);
}

TEST_F(Drops, UnknownPort) {
  expect("unknown_port", [&] { return run("v1", frame({}), "u0"); });
  // A route that leads to a port that is not here.
  route("10.0.0.77/32", {{LocalPort{PortId(77)}, 1}});
  expect("unknown_port", [&] { return send({.destination = "10.0.0.77"}); });
}

TEST_F(Drops, Malformed) {
  route("10.0.0.0/24", {via(2000)});
  auto packet = frame({});
  packet[14] = 0x43;  // a header of 12 bytes
  expect("malformed", [&] { return run("v1", packet); });
  packet = frame({});
  set16(packet, 16, 1400);  // longer than the frame
  expect("malformed", [&] { return run("v1", packet); });
  packet = frame({});
  packet[14] = 0x55;  // IP version 5
  expect("malformed", [&] { return run("v1", packet); });
  Spec cut{.protocol = kTcp};
  expect("malformed", [&] { return run("v1", ethernet(cut, ipv4(cut, {0x9c, 0x40}))); });
  expect("malformed", [&] { return run("v1", ethernet({}, {0, 1, 8, 0}, 0x0806)); });
}

TEST_F(Drops, NotIpv4) {
  expect("not_ipv4", [&] { return run("v1", ethernet({}, Bytes(48, 0x60), 0x86dd)); });
  expect("not_ipv4", [&] { return run("u0", tunnel({}, Bytes(48, 0x60))); });
}

TEST_F(Drops, SpoofedSource) {
  route("10.0.0.0/24", {via(2000)});
  expect("spoofed_source", [&] { return send({.sourceMac = "02:00:00:00:00:02"}); });
  expect("spoofed_source", [&] { return send({.source = "10.0.0.13"}); });
  // Into the workload, from its own address.
  expect("spoofed_source",
         [&] { return receive({.source = "10.0.0.11", .destination = "10.0.0.11"}); });
  auto open = portOf(1);
  open.antiSpoof = false;
  ASSERT_TRUE(plug(open));
  EXPECT_EQ(send({.source = "10.0.0.13", .sourceMac = "02:00:00:00:00:02"}).verdict, kRedirect);
}

TEST_F(Drops, Multicast) {
  expect("multicast", [&] { return send({.destination = "224.0.0.251"}); });
  expect("multicast", [&] { return send({.destination = "255.255.255.255"}); });
}

TEST_F(Drops, ToGateway) {
  expect("to_gateway", [&] { return send({.destination = "10.0.0.1"}); });
  expect("to_gateway",
         [&] { return send({.destination = "10.0.0.1", .protocol = kIcmp, .icmpType = 13}); });
}

TEST_F(Drops, NoRouteIsNetUnreachable) {
  Outcome out;
  expect("no_route", [&] { return out = send({.destination = "203.0.113.5"}); }, kRedirect);
  const auto answer = parse(out.frame);
  EXPECT_TRUE(answer.good);
  EXPECT_EQ(answer.icmpType, 3);
  EXPECT_EQ(answer.icmpCode, 0);
  EXPECT_EQ(answer.source, "10.0.0.1");
  EXPECT_EQ(answer.destination, "10.0.0.11");
  EXPECT_EQ(answer.destinationMac, "02:00:00:00:00:01");
  EXPECT_EQ(answer.sourceMac, "00:00:5e:00:01:00");
  const auto quoted = ipv4({.destination = "203.0.113.5"});
  EXPECT_EQ(answer.payload, quoted);
}

TEST_F(Drops, RefusedTcpIsReset) {
  route("10.254.0.1/32", {{Refuse{}, 1}});
  Spec syn{.destination = "10.254.0.1", .protocol = kTcp, .seq = 77, .payload = {}};
  Outcome out;
  expect("refused", [&] { return out = send(syn); }, kRedirect);
  const auto answer = parse(out.frame);
  EXPECT_TRUE(answer.good);
  EXPECT_EQ(answer.protocol, kTcp);
  EXPECT_EQ(answer.flags, kRst | kAck);
  EXPECT_EQ(answer.ack, 78U);
  EXPECT_EQ(answer.source, "10.254.0.1");
  EXPECT_EQ(answer.sport, 80);
  EXPECT_EQ(answer.dport, 40000);
  // In the middle of a connection the reset takes its number from the acknowledgement.
  syn.flags = kAck, syn.ack = 4711, syn.payload = Bytes(100, 'x');
  const auto middle = parse(send(syn).frame);
  EXPECT_TRUE(middle.good);
  EXPECT_EQ(middle.flags, kRst);
  EXPECT_EQ(middle.seq, 4711U);
  syn.flags = kRst;  // a reset is never answered
  EXPECT_EQ(send(syn).verdict, kShot);
  EXPECT_TRUE(connections().empty());
}

TEST_F(Drops, RefusedUdpIsPortUnreachable) {
  route("10.254.0.1/32", {{Refuse{}, 1}});
  Outcome out;
  expect("refused", [&] { return out = send({.destination = "10.254.0.1"}); }, kRedirect);
  const auto answer = parse(out.frame);
  EXPECT_TRUE(answer.good);
  EXPECT_EQ(answer.icmpType, 3);
  EXPECT_EQ(answer.icmpCode, 3);
  EXPECT_EQ(answer.source, "10.254.0.1");
}

TEST_F(Drops, Policy) {
  route("10.0.0.0/24", {via(2000)});
  RuleSet deny;
  deny.defaultEgress = deny.defaultIngress = Action::kDeny;
  ASSERT_TRUE(plane_->setRules(PortId(1), deny));
  expect("policy", [&] { return send({}); });
  expect("policy", [&] { return receive({.source = "10.0.0.99", .destination = "10.0.0.11"}); });
}

TEST_F(Drops, APortWithoutRulesPassesNothing) {
  plane_->removePort(PortId(1));
  route("10.0.0.0/24", {via(2000)});
  ASSERT_TRUE(net_.in([&] { return plane_->setPort(portOf(1)); }));
  expect("policy", [&] { return send({}); });
}

TEST_F(Drops, TtlExceeded) {
  route("10.0.0.0/24", {via(2000)});
  Outcome out;
  expect("ttl_exceeded", [&] { return out = send({.ttl = 1}); }, kRedirect);
  const auto answer = parse(out.frame);
  EXPECT_TRUE(answer.good);
  EXPECT_EQ(answer.icmpType, 11);
  EXPECT_EQ(answer.source, "10.0.0.1");
  EXPECT_EQ(inner(send({.ttl = 2})).ttl, 1);
}

TEST_F(Drops, TooBigIsFragmentationNeeded) {
  route("10.0.0.0/24", {via(2000)});
  Spec big{.payload = Bytes(1468 - 28 + 1, 'x')};
  Outcome out;
  expect("too_big", [&] { return out = send(big); }, kRedirect);
  const auto answer = parse(out.frame);
  EXPECT_TRUE(answer.good);
  EXPECT_EQ(answer.icmpType, 3);
  EXPECT_EQ(answer.icmpCode, 4);
  EXPECT_EQ(answer.mtu, 1468);
  big.dontFragment = false;
  expect("too_big", [&] { return send(big); });
  big.payload.pop_back();  // exactly the MTU
  EXPECT_EQ(send(big).frame.size(), 14U + 1500U);
}

TEST_F(Drops, TooBigByTheUnderlay) {
  auto wide = portOf(1);
  wide.mtu = 9000;
  ASSERT_TRUE(plug(wide));
  route("10.0.0.12/32", {via(2000)});
  route("10.0.0.13/32", {via(2000, "172.31.0.9", net::Encapsulation::kGre)});
  Spec big{.payload = Bytes(1500, 'x')};
  EXPECT_EQ(parse(send(big).frame).mtu, 1500 - kMplsInUdpOverhead);
  big.destination = "10.0.0.13";
  EXPECT_EQ(parse(send(big).frame).mtu, 1500 - kMplsInGreOverhead);
}

// A test run cannot make a GSO packet that the kernel would encapsulate; real ones are in
// hosts_test.cpp.
TEST_F(Drops, GsoIsJudgedBySegment) {
  route("10.0.0.0/24", {via(2000)});
  Spec bulk{.protocol = kTcp, .flags = kAck, .payload = Bytes(2800, 'x')};
  (void)run("v1", frame(bulk), "", 1428);
  EXPECT_EQ(dropped("too_big"), 0U);
  expect("too_big", [&] { return run("v1", frame(bulk), "", 1429); }, kRedirect);
}

TEST_F(Drops, UnknownLabel) {
  expect("unknown_label", [&] { return receive({}, {.label = 999}); });
}

TEST_F(Drops, BadTunnel) {
  expect("bad_tunnel", [&] { return receive({}, {.bottom = false}); });
  expect("bad_tunnel", [&] { return receive({}, {.moreFragments = true}); });
  expect("bad_tunnel", [&] { return receive({}, {.gre = true, .greFlags = 0x4000}); });
}

TEST_F(Drops, NotHere) {
  route("10.0.0.0/24", {via(2000)});
  expect("not_here", [&] { return receive({.source = "10.0.0.12", .destination = "10.0.0.99"}); });
}

TEST_F(Drops, NoReturnRoute) {
  expect("no_return_route",
         [&] { return receive({.source = "192.0.2.1", .destination = "10.0.0.11"}); });
}

TEST_F(Drops, IcmpUnrelated) {
  route("10.0.0.0/24", {via(2000)});
  const auto about = ipv4({});
  expect("icmp_unrelated", [&] {
    return receive({.source = "10.0.0.12",
                    .destination = "10.0.0.11",
                    .protocol = kIcmp,
                    .icmpType = 3,
                    .payload = about});
  });
  expect("icmp_unrelated", [&] {
    return send({.protocol = kIcmp,
                 .icmpType = 3,
                 .payload = ipv4({.source = "10.0.0.12", .destination = "10.0.0.11"})});
  });
}

TEST_F(Drops, FragmentUnknown) {
  route("10.0.0.0/24", {via(2000)});
  expect("fragment_unknown", [&] { return send({.dontFragment = false, .fragmentOffset = 100}); });
  expect("fragment_unknown", [&] {
    return receive({.source = "10.0.0.12", .destination = "10.0.0.11", .fragmentOffset = 100});
  });
}

TEST_F(Drops, Hairpin) {
  route("10.254.0.1/32", {{LocalPort{PortId(1)}, 1}});
  ASSERT_TRUE(plane_->setTranslations(
      PortId(1), {{VrfId(7), ip("10.254.0.1"), kUdp, 80, ip("10.0.0.11"), 8080}}));
  expect("hairpin", [&] { return send({.destination = "10.254.0.1"}); });
}

// A table of connections with room for one.
TEST_F(Drops, MapFull) {
  Config config = config_;
  config.pinDirectory += "-small";
  net_.in([&] {
    auto programs = Programs::load(config, [](bpf_object* object) {
      auto* conns = bpf_object__find_map_by_name(object, "conns");
      ASSERT_EQ(bpf_map__set_type(conns, BPF_MAP_TYPE_HASH), 0);
      ASSERT_EQ(bpf_map__set_max_entries(conns, 1), 0);
    });
    ASSERT_TRUE(programs) << programs.error().text();
    PortTable ports(*programs);
    RouteTable routes(*programs, 0);
    ASSERT_TRUE(ports.set(portOf(1)));
    ASSERT_TRUE(ports.setRules(PortId(1), allowAll()));
    ASSERT_TRUE(routes.set({VrfId(7), prefix("10.0.0.0/24"), {via(2000)}, {}}));
    const auto index = findDevice("v1")->index;
    EXPECT_EQ(runProgram(programs->fromPort(), frame({}), index).verdict, kRedirect);
    EXPECT_EQ(runProgram(programs->fromPort(), frame({.sport = 1}), index).verdict, kShot);
    std::vector<std::uint64_t> each(64);
    const std::uint32_t reason = HW_DROP_map_full;
    ASSERT_EQ(bpf_map_lookup_elem(programs->map("drops"), &reason, each.data()), 0);
    EXPECT_EQ(std::accumulate(each.begin(), each.end(), std::uint64_t{0}), 1U);
  });
  net_.in([&] { Datapath::teardown(config); });
}

}  // namespace
}  // namespace hawser::datapath
