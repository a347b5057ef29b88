// What leaves, byte by byte: encapsulation, delivery, ARP, ping, ECMP, connections.
#include <map>
#include <set>

#include "bench.h"

namespace hawser::datapath {
namespace {

using namespace test;  // NOLINT: the vocabulary of these tests

class Forward : public Bench {
 protected:
  // The label chosen for each of `count` flows by source port.
  std::map<std::uint16_t, std::uint32_t> choices(std::uint16_t count, Spec spec = {}) {
    std::map<std::uint16_t, std::uint32_t> out;
    for (std::uint16_t i = 0; i < count; ++i) {
      spec.sport = static_cast<std::uint16_t>(20000 + i);
      out[spec.sport] = labelOf(send(spec));
    }
    return out;
  }
};

TEST_F(Forward, MplsInUdpFieldByField) {
  route("10.0.0.12/32", {via(0xabcde)});
  const Spec spec{.protocol = kTcp, .ttl = 33, .tos = 0xb8};
  const auto out = send(spec);
  ASSERT_EQ(out.verdict, kRedirect);
  const auto outer = parse(out.frame, false);
  EXPECT_TRUE(outer.good);
  EXPECT_EQ(outer.source, "172.31.0.1");
  EXPECT_EQ(outer.destination, "172.31.0.2");
  EXPECT_EQ(outer.protocol, kUdp);
  EXPECT_EQ(outer.ttl, 64);
  EXPECT_EQ(outer.tos, 0xb8);
  EXPECT_TRUE(outer.dontFragment);
  const auto inside = ipv4(spec);
  EXPECT_EQ(outer.length, inside.size() + kMplsInUdpOverhead);
  EXPECT_EQ(outer.ip.size(), outer.length);
  EXPECT_GE(get16(outer.ip, 20), 0xc000) << "entropy, RFC 7510, 3";
  EXPECT_EQ(get16(outer.ip, 22), 6635);
  EXPECT_EQ(get16(outer.ip, 24), inside.size() + 12);
  EXPECT_EQ(get16(outer.ip, 26), 0) << "no checksum, RFC 7510, 3.1";
  EXPECT_EQ(get32(outer.ip, 28), 0xabcdeU << 12U | 0x100U | 32U) << "bottom of stack, TTL";
  auto expected = spec;
  expected.ttl = 32;
  EXPECT_EQ(slice(outer.ip, 32), ipv4(expected));
}

TEST_F(Forward, MplsInGreFieldByField) {
  route("10.0.0.12/32", {via(17, "172.31.0.9", net::Encapsulation::kGre)});
  const auto out = send({});
  ASSERT_EQ(out.verdict, kRedirect);
  const auto outer = parse(out.frame, false);
  EXPECT_TRUE(outer.good);
  EXPECT_EQ(outer.destination, "172.31.0.9");
  EXPECT_EQ(outer.protocol, kGre);
  EXPECT_TRUE(outer.dontFragment);
  EXPECT_EQ(outer.length, ipv4(Spec{}).size() + kMplsInGreOverhead);
  EXPECT_EQ(get32(outer.ip, 20), 0x8847U);
  EXPECT_EQ(get32(outer.ip, 24), 17U << 12U | 0x100U | 63U);
  auto expected = Spec{};
  expected.ttl = 63;
  EXPECT_EQ(slice(outer.ip, 28), ipv4(expected));
}

TEST_F(Forward, EntropyIsTheFlows) {
  route("10.0.0.0/24", {via(2000)});
  std::set<std::uint16_t> ports;
  for (std::uint16_t i = 0; i < 32; ++i) {
    const Spec spec{.sport = static_cast<std::uint16_t>(30000 + i)};
    const auto first = get16(send(spec).frame, 34);
    EXPECT_EQ(first, get16(send(spec).frame, 34));
    ports.insert(first);
  }
  EXPECT_GT(ports.size(), 28U);
}

TEST_F(Forward, FromTheTunnelIntoThePort) {
  route("10.0.0.0/24", {via(2000)});
  for (const bool gre : {false, true}) {
    const Spec spec{.source = "10.0.0.12", .destination = "10.0.0.11", .protocol = kTcp};
    const auto out = receive(spec, {.gre = gre});
    ASSERT_EQ(out.verdict, kRedirect);
    const auto in = parse(out.frame);
    EXPECT_TRUE(in.good);
    EXPECT_EQ(in.destinationMac, "02:00:00:00:00:01");
    EXPECT_EQ(in.sourceMac, "00:00:5e:00:01:00");
    EXPECT_EQ(in.ip, ipv4(spec));
  }
}

TEST_F(Forward, GreWithKeySequenceAndChecksumIsUnderstood) {
  route("10.0.0.0/24", {via(2000)});
  const Spec spec{.source = "10.0.0.12", .destination = "10.0.0.11"};
  const auto out = receive(spec, {.gre = true, .greFlags = 0xb000});
  EXPECT_EQ(parse(out.frame).ip, ipv4(spec));
}

TEST_F(Forward, WhatIsNotOursPasses) {
  Spec own{.source = "172.31.0.2", .destination = "172.31.0.1", .protocol = kTcp, .dport = 22};
  for (const auto& packet :
       {frame(own), frame({.source = "172.31.0.2", .destination = "172.31.0.1"}),
        tunnel({.destination = "172.31.0.77"}, ipv4(Spec{})), ethernet(own, Bytes(46, 0), 0x0806),
        ethernet(own, Bytes(60, 0x60), 0x86dd)}) {
    const auto out = run("u0", packet);
    EXPECT_EQ(out.verdict, kPass);
    EXPECT_EQ(out.frame, packet);
  }
  // A later fragment has no port that could say 6635.
  auto fragment = tunnel({}, ipv4(Spec{}));
  fragment[14 + 6] = 0, fragment[14 + 7] = 9;
  EXPECT_EQ(run("u0", fragment).verdict, kPass);
}

TEST_F(Forward, BetweenPortsOfOneHost) {
  route("10.0.0.12/32", {{LocalPort{PortId(2)}, 1}}, {64512, 2});
  route("10.0.0.11/32", {{LocalPort{PortId(1)}, 1}}, {64512, 1});
  const auto out = send({.protocol = kTcp});
  ASSERT_EQ(out.verdict, kRedirect);
  const auto in = parse(out.frame);
  EXPECT_TRUE(in.good);
  EXPECT_EQ(in.destinationMac, "02:00:00:00:00:02");
  EXPECT_EQ(in.ttl, 63);
  EXPECT_EQ(connections(PortId(1)).size(), 1U);
  ASSERT_EQ(connections(PortId(2)).size(), 1U);
  EXPECT_TRUE(connections(PortId(2))[0].inbound);
}

TEST_F(Forward, ArpIsAnsweredForAllButOnesOwn) {
  const auto request = [](std::string_view sender, std::string_view target) {
    Bytes arp = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1};
    put32(arp, v4(std::string(sender)));
    arp.insert(arp.end(), 6, 0);
    put32(arp, v4(std::string(target)));
    return ethernet({.destinationMac = "ff:ff:ff:ff:ff:ff"}, arp, 0x0806);
  };
  for (const auto* target : {"10.0.0.1", "10.0.0.200", "192.0.2.1"}) {
    const auto out = run("v1", request("10.0.0.11", target));
    ASSERT_EQ(out.verdict, kRedirect);
    Bytes expected = {0, 1, 8, 0, 6, 4, 0, 2, 0x00, 0x00, 0x5e, 0x00, 0x01, 0x00};
    put32(expected, v4(target));
    const Bytes mac = {2, 0, 0, 0, 0, 1};
    expected.insert(expected.end(), mac.begin(), mac.end());
    put32(expected, v4("10.0.0.11"));
    EXPECT_EQ(slice(out.frame, 14), expected);
    EXPECT_EQ(slice(out.frame, 0, 6), mac);
  }
  EXPECT_EQ(run("v1", request("10.0.0.11", "10.0.0.11")).verdict, kShot);
  EXPECT_EQ(run("v1", request("0.0.0.0", "10.0.0.11")).verdict, kShot) << "RFC 5227 probe";
  EXPECT_EQ(dropped("spoofed_source"), 0U);
  EXPECT_EQ(run("v1", request("10.0.0.12", "10.0.0.1")).verdict, kShot);
  EXPECT_EQ(dropped("spoofed_source"), 1U);
}

TEST_F(Forward, TheGatewayAnswersPing) {
  const auto out = send({.destination = "10.0.0.1", .protocol = kIcmp, .sport = 99});
  ASSERT_EQ(out.verdict, kRedirect);
  const auto answer = parse(out.frame);
  EXPECT_TRUE(answer.good);
  EXPECT_EQ(answer.icmpType, 0);
  EXPECT_EQ(answer.source, "10.0.0.1");
  EXPECT_EQ(answer.destination, "10.0.0.11");
  EXPECT_EQ(answer.sport, 99);
  EXPECT_EQ(answer.payload, Spec{}.payload);
}

TEST_F(Forward, EcmpSpreadsEvenly) {
  route("10.0.0.12/32", {via(2001), via(2002), via(2003)});
  std::map<std::uint32_t, int> shares;
  for (const auto& [port, chosen] : choices(900)) ++shares[chosen];
  ASSERT_EQ(shares.size(), 3U);
  for (const auto& [member, count] : shares) EXPECT_NEAR(count, 300, 60) << member;
}

TEST_F(Forward, ConnectionsStickWhileMembersChange) {
  route("10.0.0.12/32", {via(2001), via(2002), via(2003)});
  const auto before = choices(300);
  // One more: every connection stays, new ones reach it.
  route("10.0.0.12/32", {via(2001), via(2002), via(2003), via(2004)});
  EXPECT_EQ(choices(300), before);
  std::set<std::uint32_t> fresh;
  for (const auto& [port, chosen] : choices(300, {.dport = 81})) fresh.insert(chosen);
  EXPECT_EQ(fresh.size(), 4U);
  // One gone: its connections go elsewhere, all others stay.
  route("10.0.0.12/32", {via(2001), via(2003), via(2004)});
  const auto after = choices(300);
  for (const auto& [port, chosen] : before) {
    if (chosen == 2002)
      EXPECT_NE(after.at(port), 2002U);
    else
      EXPECT_EQ(after.at(port), chosen);
  }
  // Its return moves nobody.
  route("10.0.0.12/32", {via(2001), via(2002), via(2003), via(2004)});
  EXPECT_EQ(choices(300), after);
}

TEST_F(Forward, AWithdrawnNextHopSendsConnectionsBackThroughLookup) {
  route("10.0.0.12/32", {via(2001)});
  EXPECT_EQ(labelOf(send({})), 2001U);
  route("10.0.0.12/32", {via(2002, "172.31.0.3")});  // moved to another host
  EXPECT_EQ(labelOf(send({})), 2002U);
  plane_->removeRoute(VrfId(7), prefix("10.0.0.12/32"));
  EXPECT_EQ(parse(send({}).frame).icmpType, 3);
  route("10.0.0.0/24", {via(2003)});
  EXPECT_EQ(labelOf(send({})), 2003U);
  route("10.0.0.12/32", {{Refuse{}, 1}});
  EXPECT_EQ(labelOf(send({})), 2003U) << "the old next hop is still there: the connection stays";
  plane_->removeRoute(VrfId(7), prefix("10.0.0.0/24"));
  EXPECT_EQ(parse(send({}).frame).icmpCode, 3);
}

// A next hop is of one VRF: what one loses, another keeps.
TEST_F(Forward, VrfsDoNotShareNextHops) {
  route("10.0.0.12/32", {via(2001)});
  route("10.0.0.12/32", {via(2001)}, {}, VrfId(8));
  EXPECT_EQ(send({}).verdict, kRedirect);
  plane_->removeRoute(VrfId(7), prefix("10.0.0.12/32"));
  const auto out = send({});
  EXPECT_EQ(parse(out.frame).icmpType, 3) << "though VRF 8 still has the same tunnel and label";
}

TEST_F(Forward, TheLongestPrefixOfTheOwnVrfWins) {
  route("0.0.0.0/0", {via(2000)});
  route("10.0.0.0/24", {via(2001)});
  route("10.0.0.12/32", {via(2002)}, {}, VrfId(8));
  EXPECT_EQ(labelOf(send({})), 2001U);
  EXPECT_EQ(labelOf(send({.destination = "192.0.2.1"})), 2000U);
}

TEST_F(Forward, FragmentsFollowTheFirst) {
  route("10.0.0.0/24", {via(2001), via(2002), via(2003), via(2004)});
  for (std::uint16_t id = 1; id < 20; ++id) {
    const Spec first{.sport = static_cast<std::uint16_t>(3000 + id),
                     .payload = Bytes(800, 'x'),
                     .dontFragment = false,
                     .moreFragments = true,
                     .id = id};
    const Spec later{
        .payload = Bytes(100, 'y'), .dontFragment = false, .fragmentOffset = 101, .id = id};
    const auto chosen = labelOf(send(first));
    const auto out = send(later);
    ASSERT_EQ(out.verdict, kRedirect);
    EXPECT_EQ(labelOf(out), chosen);
    auto expected = later;
    expected.ttl = 63;
    EXPECT_EQ(inner(out, false).ip, ipv4(expected));
  }
}

TEST_F(Forward, TheConnectionIsShown) {
  route("10.0.0.12/32", {via(2001)});
  Spec spec{.protocol = kTcp, .payload = {}};
  (void)send(spec);
  auto shown = connections(PortId(1));
  ASSERT_EQ(shown.size(), 1U);
  EXPECT_EQ(shown[0].state, "new");
  EXPECT_FALSE(shown[0].inbound);
  EXPECT_EQ(shown[0].local, ip("10.0.0.11"));
  EXPECT_EQ(shown[0].remote, ip("10.0.0.12"));
  EXPECT_EQ(shown[0].localPort, 40000);
  EXPECT_EQ(shown[0].remotePort, 80);
  EXPECT_EQ(shown[0].nextHop, NextHop(via(2001).nextHop));
  EXPECT_EQ(shown[0].bytesOut, 40U);
  Spec reply{.source = "10.0.0.12",
             .destination = "10.0.0.11",
             .protocol = kTcp,
             .sport = 80,
             .dport = 40000,
             .flags = kSyn | kAck,
             .payload = {}};
  (void)receive(reply);
  EXPECT_EQ(connections(PortId(1))[0].state, "established");
  reply.flags = kRst;
  (void)receive(reply);
  shown = connections(PortId(1));
  EXPECT_EQ(shown[0].state, "closing");
  EXPECT_EQ(shown[0].packetsIn, 2U);
  // Another one with the same ports: a SYN opens it anew.
  (void)send(spec);
  EXPECT_EQ(connections(PortId(1))[0].state, "new");
  EXPECT_EQ(plane_->sweep(), 0U) << "nothing is old yet";
  plane_->removePort(PortId(1));
  EXPECT_TRUE(connections(PortId(1)).empty());
}

TEST_F(Forward, PortsAreCounted) {
  route("10.0.0.0/24", {via(2001)});
  (void)send({});
  (void)send({});
  (void)receive({.source = "10.0.0.12", .destination = "10.0.0.11"});
  for (const auto& one : plane_->portCounters()) {
    if (one.port != PortId(1)) continue;
    EXPECT_EQ(one.packetsOut, 2U);
    EXPECT_EQ(one.bytesOut, 2 * ipv4(Spec{}).size());
    EXPECT_EQ(one.packetsIn, 1U);
  }
}

}  // namespace
}  // namespace hawser::datapath
