// Service addresses and floating IPs, both ways, with the ICMP errors and fragments of their
// connections.
#include "bench.h"

namespace hawser::datapath {
namespace {

using namespace test;  // NOLINT: the vocabulary of these tests

constexpr VrfId kOwn{7}, kPublic{8};
const TunnelSpec kGateway{.source = "172.31.0.9", .gre = true};

class Translations : public Bench {
 protected:
  void SetUp() override {
    Bench::SetUp();
    route("10.0.0.12/32", {via(2001)});
    route("0.0.0.0/0", {via(3001, "172.31.0.9", net::Encapsulation::kGre)}, {}, kPublic);
  }
  void translate(std::vector<Translation> all) {
    ASSERT_TRUE(plane_->setTranslations(PortId(1), all));
  }
  static Translation service(std::uint8_t protocol = kTcp) {
    return {kOwn, ip("10.254.98.15"), protocol, 8000, ip("10.0.0.11"), 8080};
  }
  static Translation floatingIp() {
    return {kPublic, ip("185.22.97.188"), 0, 0, ip("10.0.0.11"), 0, true};
  }
  static Spec request(std::uint8_t protocol = kTcp) {
    return {.source = "10.0.0.12",
            .destination = "10.254.98.15",
            .protocol = protocol,
            .sport = 5555,
            .dport = 8000};
  }
};

TEST_F(Translations, AServiceIsTranslatedAtTheBackendBothWays) {
  translate({service(kTcp), service(kUdp)});
  for (const auto protocol : {kTcp, kUdp}) {
    const auto in = parse(receive(request(protocol)).frame);
    EXPECT_TRUE(in.good);
    EXPECT_EQ(in.destination, "10.0.0.11");
    EXPECT_EQ(in.dport, 8080);
    EXPECT_EQ(in.source, "10.0.0.12") << "the client's address stays";
    EXPECT_EQ(in.sport, 5555);
    EXPECT_EQ(in.payload, Spec{}.payload);
    const auto out =
        inner(send({.protocol = protocol, .sport = 8080, .dport = 5555, .flags = kSyn | kAck}));
    EXPECT_TRUE(out.good);
    EXPECT_EQ(out.source, "10.254.98.15");
    EXPECT_EQ(out.sport, 8000);
    EXPECT_EQ(out.destination, "10.0.0.12");
    EXPECT_EQ(out.dport, 5555);
  }
  const auto shown = connections(PortId(1));
  ASSERT_EQ(shown.size(), 2U);
  EXPECT_EQ(shown[0].translated, ip("10.254.98.15"));
  EXPECT_EQ(shown[0].translatedPort, 8000);
  EXPECT_EQ(shown[0].localPort, 8080);
  EXPECT_EQ(shown[0].state, "established");
}

TEST_F(Translations, AUdpPacketWithoutChecksumStaysWithout) {
  translate({service(kUdp)});
  auto packet = ipv4(request(kUdp));
  set16(packet, 20 + 6, 0);
  const auto out = run("u0", tunnel({}, packet));
  EXPECT_EQ(get16(parse(out.frame).ip, 26), 0);
  EXPECT_TRUE(parse(out.frame).good);
}

TEST_F(Translations, OnlyTheServicesPortLeadsThere) {
  translate({service()});
  auto other = request();
  other.dport = 8001;
  EXPECT_EQ(receive(other).verdict, kShot);
  EXPECT_EQ(receive(request(kUdp)).verdict, kShot);
  EXPECT_EQ(dropped("not_here"), 2U);
}

TEST_F(Translations, RulesSeeThePortAfterTranslation) {
  translate({service()});
  ASSERT_TRUE(plane_->setRules(PortId(1),
                               {{{.id = 1, .protocol = kTcp, .portFirst = 8080, .portLast = 8080}},
                                Action::kDeny,
                                Action::kDeny}));
  EXPECT_EQ(receive(request()).verdict, kRedirect);
}

TEST_F(Translations, FromAPortOfTheSameHost) {
  translate({service()});
  route("10.254.98.15/32", {{LocalPort{PortId(1)}, 1}});
  route("10.0.0.12/32", {{LocalPort{PortId(2)}, 1}});
  auto spec = request();
  spec.sourceMac = "02:00:00:00:00:02";
  const auto in = parse(run("v2", frame(spec)).frame);
  EXPECT_TRUE(in.good);
  EXPECT_EQ(in.destination, "10.0.0.11");
  EXPECT_EQ(in.dport, 8080);
  const auto back = send({.protocol = kTcp, .sport = 8080, .dport = 5555, .flags = kSyn | kAck});
  const auto answer = parse(back.frame);
  EXPECT_TRUE(answer.good);
  EXPECT_EQ(answer.source, "10.254.98.15");
  EXPECT_EQ(answer.sport, 8000);
  EXPECT_EQ(answer.destinationMac, "02:00:00:00:00:02");
  EXPECT_EQ(connections(PortId(2))[0].state, "established");
}

TEST_F(Translations, ABackendThatCallsItsOwnServiceReachesAnother) {
  translate({service()});
  route("10.254.98.15/32", {{LocalPort{PortId(1)}, 1}, via(2001)});
  for (std::uint16_t i = 0; i < 50; ++i) {
    const auto out = send({.destination = "10.254.98.15",
                           .protocol = kTcp,
                           .sport = static_cast<std::uint16_t>(1000 + i),
                           .dport = 8000});
    EXPECT_EQ(labelOf(out), 2001U);
  }
}

TEST_F(Translations, EstablishedConnectionsOutliveTheService) {
  translate({service()});
  ASSERT_EQ(receive(request()).verdict, kRedirect);
  translate({});
  auto more = request();
  more.flags = kAck;
  const auto in = parse(receive(more).frame);
  EXPECT_EQ(in.destination, "10.0.0.11");
  EXPECT_EQ(in.dport, 8080);
  more.sport = 5556;
  EXPECT_EQ(receive(more).verdict, kShot) << "a new one has nowhere to go";
  // The service with another target port: the old connection keeps its own.
  auto moved = service();
  moved.targetPort = 9090;
  translate({moved});
  EXPECT_EQ(parse(receive(request()).frame).dport, 8080);
  more.sport = 5557;
  EXPECT_EQ(parse(receive(more).frame).dport, 9090);
}

TEST_F(Translations, AFloatingIpReachesTheWorkload) {
  translate({floatingIp()});
  const Spec spec{.source = "203.0.113.9",
                  .destination = "185.22.97.188",
                  .protocol = kTcp,
                  .sport = 1234,
                  .dport = 22};
  const auto in = parse(receive(spec, kGateway).frame);
  EXPECT_TRUE(in.good);
  EXPECT_EQ(in.destination, "10.0.0.11");
  EXPECT_EQ(in.dport, 22);
  const auto outcome = send({.destination = "203.0.113.9",
                             .protocol = kTcp,
                             .sport = 22,
                             .dport = 1234,
                             .flags = kSyn | kAck});
  EXPECT_EQ(labelOf(outcome), 3001U) << "routed where the floating IP lives";
  const auto out = inner(outcome);
  EXPECT_TRUE(out.good);
  EXPECT_EQ(out.source, "185.22.97.188");
  EXPECT_EQ(out.sport, 22);
}

TEST_F(Translations, TheWorkloadGoesOutWithItsFloatingIp) {
  const Spec spec{.destination = "203.0.113.9", .sport = 4000, .dport = 53};
  EXPECT_EQ(parse(send(spec).frame).icmpCode, 0) << "no route without it";
  translate({floatingIp()});
  const auto outcome = send(spec);
  EXPECT_EQ(labelOf(outcome), 3001U);
  const auto out = inner(outcome);
  EXPECT_TRUE(out.good);
  EXPECT_EQ(out.source, "185.22.97.188");
  EXPECT_EQ(out.sport, 4000);
  const Spec answer{
      .source = "203.0.113.9", .destination = "185.22.97.188", .sport = 53, .dport = 4000};
  const auto in = parse(receive(answer, kGateway).frame);
  EXPECT_TRUE(in.good);
  EXPECT_EQ(in.destination, "10.0.0.11");
  // What the own VRF can reach keeps its own address.
  EXPECT_EQ(inner(send({})).source, "10.0.0.11");
  // Taken away: neither new packets nor those of its connections use it.
  translate({});
  EXPECT_EQ(parse(send(spec).frame).icmpType, 3);
  EXPECT_EQ(receive(answer, kGateway).verdict, kShot);
}

TEST_F(Translations, PingThroughAFloatingIpBothWays) {
  translate({floatingIp()});
  const auto out = inner(send({.destination = "203.0.113.9", .protocol = kIcmp, .sport = 42}));
  EXPECT_TRUE(out.good);
  EXPECT_EQ(out.source, "185.22.97.188");
  const auto reply = parse(receive({.source = "203.0.113.9",
                                    .destination = "185.22.97.188",
                                    .protocol = kIcmp,
                                    .sport = 42,
                                    .icmpType = 0},
                                   kGateway)
                               .frame);
  EXPECT_TRUE(reply.good);
  EXPECT_EQ(reply.destination, "10.0.0.11");
  const auto ping = parse(
      receive(
          {.source = "203.0.113.8", .destination = "185.22.97.188", .protocol = kIcmp, .sport = 43},
          kGateway)
          .frame);
  EXPECT_TRUE(ping.good);
  EXPECT_EQ(ping.destination, "10.0.0.11");
  EXPECT_EQ(ping.sport, 43);
}

// A router on the way: "too big", about the translated packet.
TEST_F(Translations, IcmpErrorsAreTranslatedBack) {
  translate({service(), floatingIp()});
  ASSERT_EQ(receive(request()).verdict, kRedirect);
  const auto answered =
      inner(send({.protocol = kTcp, .sport = 8080, .dport = 5555, .flags = kSyn | kAck}));
  const auto outcome = receive({.source = "10.0.0.12",
                                .destination = "10.254.98.15",
                                .protocol = kIcmp,
                                .sport = 0,
                                .icmpType = 3,
                                .icmpCode = 4,
                                .payload = slice(answered.ip, 0, 28)});
  ASSERT_EQ(outcome.verdict, kRedirect);
  const auto in = parse(outcome.frame);
  EXPECT_TRUE(in.good);
  EXPECT_EQ(in.destination, "10.0.0.11");
  const auto quoted = parseIp(in.payload, false);
  EXPECT_EQ(sum(slice(in.payload, 0, 20)), 0xffff);
  EXPECT_EQ(quoted.source, "10.0.0.11");
  EXPECT_EQ(get16(in.payload, 20), 8080);
  EXPECT_EQ(get16(in.payload, 22), 5555);
}

TEST_F(Translations, IcmpErrorsOfTheWorkloadAreTranslatedToo) {
  translate({service(kUdp)});
  const auto received = parse(receive(request(kUdp)).frame);
  const auto outcome =
      send({.protocol = kIcmp, .sport = 0, .icmpType = 3, .icmpCode = 3, .payload = received.ip});
  const auto out = inner(outcome);
  EXPECT_TRUE(out.good);
  EXPECT_EQ(out.source, "10.254.98.15");
  EXPECT_EQ(out.destination, "10.0.0.12");
  const auto quoted = parseIp(out.payload);
  EXPECT_EQ(quoted.destination, "10.254.98.15");
  EXPECT_EQ(quoted.dport, 8000);
  EXPECT_EQ(quoted.source, "10.0.0.12");
  EXPECT_EQ(quoted.sport, 5555);
}

TEST_F(Translations, IcmpErrorsWithoutTranslationPassBothWays) {
  const auto sent = inner(send({}));
  const auto in = parse(receive({.source = "10.0.0.99",
                                 .destination = "10.0.0.11",
                                 .protocol = kIcmp,
                                 .sport = 0,
                                 .icmpType = 11,
                                 .payload = slice(sent.ip, 0, 28)})
                            .frame);
  EXPECT_TRUE(in.good) << "from a router on the way, wherever it lives";
  EXPECT_EQ(in.payload, slice(sent.ip, 0, 28));
  // An error about somebody else's connection is none of ours, though the ports fit.
  auto other = sent.ip;
  other[19] = 77;
  EXPECT_EQ(receive({.source = "10.0.0.99",
                     .destination = "10.0.0.11",
                     .protocol = kIcmp,
                     .icmpType = 11,
                     .payload = slice(other, 0, 28)})
                .verdict,
            kShot);
  EXPECT_EQ(dropped("icmp_unrelated"), 1U);
  // Nor one that is not sent to whom it quotes.
  EXPECT_EQ(receive({.source = "10.0.0.99",
                     .destination = "10.0.0.98",
                     .protocol = kIcmp,
                     .icmpType = 11,
                     .payload = slice(sent.ip, 0, 28)})
                .verdict,
            kShot);
  EXPECT_EQ(dropped("icmp_unrelated"), 2U);
}

TEST_F(Translations, FragmentsAreTranslatedLikeTheFirst) {
  translate({service(kUdp)});
  auto first = request(kUdp);
  first.moreFragments = true, first.dontFragment = false, first.payload = Bytes(800, 'x');
  ASSERT_EQ(receive(first).verdict, kRedirect);
  auto later = request(kUdp);
  later.fragmentOffset = 101, later.dontFragment = false, later.payload = Bytes(64, 'y');
  const auto outcome = receive(later);
  ASSERT_EQ(outcome.verdict, kRedirect);
  const auto in = parse(outcome.frame, false);
  EXPECT_TRUE(in.good);
  EXPECT_EQ(in.destination, "10.0.0.11");
  EXPECT_EQ(slice(in.ip, 20), later.payload) << "no port is written into a later fragment";
}

}  // namespace
}  // namespace hawser::datapath
