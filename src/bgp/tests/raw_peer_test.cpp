// A speaker against a peer that says, byte by byte, what no well-behaved one sends.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "speakers.h"

namespace hawser::bgp::test {
namespace {

class RawPeer {
 public:
  RawPeer(const std::string& from, const std::string& to, std::uint16_t port)
      : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, from.c_str(), &address.sin_addr);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::inet_pton(AF_INET, to.c_str(), &address.sin_addr);
    address.sin_port = htons(port);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawPeer() { ::close(fd_); }
  void send(const wire::Bytes& bytes) const {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // What has come so far; empty flag `over` when the other side closed.
  void poll() {
    std::array<std::uint8_t, 4096> chunk{};
    for (;;) {
      const auto size = ::recv(fd_, chunk.data(), chunk.size(), MSG_DONTWAIT);
      if (size == 0) over = true;
      if (size <= 0) return;
      received.insert(received.end(), chunk.begin(), chunk.begin() + size);
    }
  }
  // Code and subcode of a NOTIFICATION among what came.
  [[nodiscard]] std::pair<int, int> notification() const {
    std::size_t at = 0;
    while (at + 19 <= received.size()) {
      const auto length = static_cast<std::size_t>(received[at + 16] << 8 | received[at + 17]);
      if (received[at + 18] == 3 && at + 21 <= received.size())
        return {received[at + 19], received[at + 20]};
      at += length;
    }
    return {0, 0};
  }
  wire::Bytes received;
  bool over = false;

 private:
  int fd_;
};

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

class RawPeerTest : public SpeakerTest {
 protected:
  void SetUp() override {
    speaker = std::make_unique<Speaker>(loop, speakerConfig(64512, "127.0.1.1"), metrics);
    ASSERT_TRUE(speaker->start());
    auto config = peerConfig("raw", "127.0.1.1", "127.0.1.9", 179, 64999);
    config.passive = true;
    config.holdTime = 3s;
    ASSERT_TRUE(speaker->setPeer(config));
  }
  [[nodiscard]] RawPeer connect() const {
    return {"127.0.1.9", "127.0.1.1", speaker->listenPort()};
  }
  static wire::Open open() {
    wire::Open made;
    made.asn = net::Asn{64999};
    made.holdTime = 90;
    made.routerId = v4("127.0.1.9");
    made.capabilities.families = {wire::kVpnv4};
    made.capabilities.as4 = net::Asn{64999};
    return made;
  }
  void establish(const RawPeer& peer) {
    peer.send(wire::encode(open()));
    peer.send(wire::encode(wire::Keepalive{}));
    ASSERT_TRUE(eventually(loop, [&] { return up(*speaker, "raw"); }));
  }
  std::unique_ptr<Speaker> speaker;
};

TEST_F(RawPeerTest, HoldTimerExpires) {
  auto peer = connect();
  establish(peer);
  ASSERT_TRUE(eventually(loop, [&] {
    peer.poll();
    return peer.notification().first == 4;
  }));
  EXPECT_FALSE(up(*speaker, "raw"));
}

TEST_F(RawPeerTest, WhateverComesRestartsTheHoldTimer) {
  auto peer = connect();
  establish(peer);
  const auto until = std::chrono::steady_clock::now() + 5s;  // the hold time is 3 s
  auto next = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually(loop, [&] {
    if (std::chrono::steady_clock::now() >= next) {
      peer.send(wire::encode(wire::Keepalive{}));
      next += 1s;
    }
    return !up(*speaker, "raw") || std::chrono::steady_clock::now() >= until;
  }));
  EXPECT_TRUE(up(*speaker, "raw"));
}

// With graceful restart and its N bit the routes stay, but behind all others, here and elsewhere.
TEST_F(RawPeerTest, RoutesOfASilentPeerAreSuspect) {
  auto peer = connect();
  auto restarting = open();
  restarting.capabilities.gracefulRestart = wire::GracefulRestart{
      .notification = true, .restartTime = 120, .families = {{wire::kVpnv4, true}}};
  peer.send(wire::encode(restarting));
  peer.send(wire::encode(wire::Keepalive{}));
  ASSERT_TRUE(eventually(loop, [&] { return up(*speaker, "raw"); }));
  const auto key = vpnKey("10.0.0.1/32", "1:1");
  peer.send(announcement({"10.0.0.1/32"}));
  ASSERT_TRUE(eventually(loop, [&] { return speaker->rib().best(key); }));
  EXPECT_FALSE(speaker->rib().best(key)->stale);
  ASSERT_TRUE(eventually(loop, [&] { return !up(*speaker, "raw"); }));
  const auto* path = speaker->rib().best(key);
  ASSERT_TRUE(path);
  EXPECT_TRUE(path->stale && path->suspect);
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
