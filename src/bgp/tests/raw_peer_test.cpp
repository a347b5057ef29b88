// Bytes that a peer should not send, or not so many of.
#include "raw_peer.h"

namespace hawser::bgp::test {
namespace {

// An UPDATE as AS 64999 sends it: RD 1:1.
wire::Bytes announcement(const std::vector<std::string>& prefixes) {
  wire::Update update;
  update.family = wire::kVpnv4;
  for (const auto& prefix : prefixes)
    update.announced.push_back(wire::VpnNlri{net::Label::make(100).value(),
                                             net::RouteDistinguisher::parse("1:1").value(),
                                             net::IpPrefix::parse(prefix).value()});
  auto attributesOf = *attributes("127.0.1.9", "64512:100");
  attributesOf.localPref.reset();
  attributesOf.asPath = {{wire::AsPathSegment::Type::kSequence, {net::Asn{64999}}}};
  update.attributes = std::make_shared<const wire::PathAttributes>(attributesOf);
  wire::SessionContext context;
  context.external = true;
  return wire::encode(update, context).messages.at(0);
}

TEST_F(RawPeerTest, BadMarkerEndsTheSessionWithTheRightCode) {
  auto peer = connect();
  auto bytes = wire::encode(open());
  bytes[3] = 0;
  peer.send(bytes);
  ASSERT_TRUE(eventually(loop, [&] {
    peer.poll();
    return peer.notification() == std::pair(1, 1);
  }));
}

TEST_F(RawPeerTest, UpdateBeforeTheSessionIsAnFsmError) {
  auto peer = connect();
  peer.send(wire::encode(wire::Update{wire::kIpv4Unicast, {}, {}, {}}, {}).messages[0]);
  ASSERT_TRUE(eventually(loop, [&] {
    peer.poll();
    return peer.notification().first == 5;
  }));
}

TEST_F(RawPeerTest, MalformedAttributeDoesNotEndTheSession) {
  auto peer = connect();
  establish(peer);
  auto message = announcement({"10.9.0.1/32"});
  peer.send(message);
  ASSERT_TRUE(eventually(loop, [&] { return speaker->rib().best(vpnKey("10.9.0.1/32", "1:1")); }));
  // ORIGIN 1 byte, value 9: RFC 7606, 7.1 treats the route as withdrawn.
  const wire::Bytes origin{0x40, 1, 1, 0};
  const auto at = std::search(message.begin(), message.end(), origin.begin(), origin.end());
  ASSERT_NE(at, message.end());
  *(at + 3) = 9;
  peer.send(message);
  ASSERT_TRUE(eventually(loop, [&] { return !speaker->rib().best(vpnKey("10.9.0.1/32", "1:1")); }));
  EXPECT_TRUE(up(*speaker, "raw"));
  EXPECT_NE(statusOf(*speaker, "raw").lastError.find("withdrawn"), std::string::npos);
}

TEST_F(RawPeerTest, MoreRoutesThanAllowedEndTheSessionForAWhile) {
  auto config = peerConfig("raw", "127.0.1.1", "127.0.1.9", 179, 64999);
  config.passive = true;
  config.maxRoutes = 2;
  config.overflowPause = 1s;
  config.import.routeTargets = std::set<net::RouteTarget>{};  // rejected ones count too
  ASSERT_TRUE(speaker->setPeer(config));
  auto peer = connect();
  establish(peer);
  peer.send(announcement({"10.9.0.1/32", "10.9.0.2/32"}));
  peer.send(announcement({"10.9.0.2/32"}));
  ASSERT_TRUE(eventually(loop, [&] { return statusOf(*speaker, "raw").updatesIn == 2; }));
  EXPECT_TRUE(up(*speaker, "raw")) << "as many as it may, one of them twice";
  peer.send(announcement({"10.9.0.3/32"}));
  ASSERT_TRUE(eventually(loop, [&] {
    peer.poll();
    return peer.over;
  }));
  EXPECT_EQ(peer.notification(), (std::pair{6, 1}));
  const auto status = statusOf(*speaker, "raw");
  EXPECT_EQ(status.state, State::kIdle);
  EXPECT_NE(status.lastError.find("more than 2 routes"), std::string::npos) << status.lastError;
  EXPECT_TRUE(speaker->rib().paths(wire::kVpnv4).empty()) << "nothing is left of it";
  auto early = connect();
  ASSERT_TRUE(eventually(loop, [&] {
    early.poll();
    return early.over;
  })) << "not before its time";
  EXPECT_TRUE(early.received.empty());
  ASSERT_TRUE(eventually(loop, [&] { return statusOf(*speaker, "raw").state == State::kActive; }));
  auto later = connect();
  establish(later);
}

TEST_F(RawPeerTest, AChangeEndsThePauseOfAnOverflow) {
  auto config = peerConfig("raw", "127.0.1.1", "127.0.1.9", 179, 64999);
  config.passive = true;
  config.maxRoutes = 1;
  ASSERT_TRUE(speaker->setPeer(config));
  auto peer = connect();
  establish(peer);
  peer.send(announcement({"10.9.0.1/32", "10.9.0.2/32"}));
  ASSERT_TRUE(eventually(loop, [&] { return statusOf(*speaker, "raw").state == State::kIdle; }));
  config.maxRoutes = 2;
  ASSERT_TRUE(speaker->setPeer(config));
  auto again = connect();
  establish(again);
  again.send(announcement({"10.9.0.1/32", "10.9.0.2/32"}));
  ASSERT_TRUE(eventually(loop, [&] { return statusOf(*speaker, "raw").routes.accepted == 2; }));
}

TEST_F(RawPeerTest, UnknownAddressIsRefused) {
  RawPeer stranger("127.0.1.77", "127.0.1.1", speaker->listenPort());
  ASSERT_TRUE(eventually(loop, [&] {
    stranger.poll();
    return stranger.over;
  }));
  EXPECT_TRUE(stranger.received.empty());
}

TEST_F(RawPeerTest, BytesComeOneByOne) {
  auto peer = connect();
  auto bytes = wire::encode(open());
  const auto keepalive = wire::encode(wire::Keepalive{});
  bytes.insert(bytes.end(), keepalive.begin(), keepalive.end());
  for (const auto byte : bytes) {
    peer.send({byte});
    loop.runFor(1ms);
  }
  ASSERT_TRUE(eventually(loop, [&] { return up(*speaker, "raw"); }));
}

}  // namespace
}  // namespace hawser::bgp::test
