#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "speakers.h"

namespace hawser::bgp::test {
namespace {

class SpeakerTest : public ::testing::Test {
 protected:
  io::Loop loop;
  Metrics metrics;
};

// 127.0.1.1 is AS 64512, 127.0.1.2 is AS 64513; the second connects.
struct Pair {
  Pair(io::Loop& loop, Metrics& metrics, bool restarting = false)
      : a(std::make_unique<Speaker>(loop, speakerConfig(64512, "127.0.1.1"), metrics)) {
    EXPECT_TRUE(a->start());
    auto config = speakerConfig(64513, "127.0.1.2");
    config.restarting = restarting;
    b = std::make_unique<Speaker>(loop, config, metrics);
    EXPECT_TRUE(b->start());
    EXPECT_TRUE(a->setPeer(toB()));
    EXPECT_TRUE(b->setPeer(toA()));
  }
  [[nodiscard]] PeerConfig toB() const {
    auto config = peerConfig("b", "127.0.1.1", "127.0.1.2", b->listenPort(), 64513);
    config.passive = true;
    return config;
  }
  [[nodiscard]] PeerConfig toA() const {
    return peerConfig("a", "127.0.1.2", "127.0.1.1", a->listenPort(), 64512);
  }
  std::unique_ptr<Speaker> a, b;
};

TEST_F(SpeakerTest, EbgpSessionAnnouncesByMembershipAndWithdraws) {
  Pair pair(loop, metrics);
  pair.a->originate(vpnKey("10.0.100.11/32"), net::Label::make(1000).value(),
                    attributes("127.0.1.1", "64512:100"));
  pair.a->originate(vpnKey("10.0.100.12/32"), net::Label::make(1001).value(),
                    attributes("127.0.1.1", "64512:999"));
  pair.b->setMemberships({rt("64512:100")});
  ASSERT_TRUE(eventually(loop, [&] { return pair.b->rib().best(vpnKey("10.0.100.11/32")); }));
  const auto* path = pair.b->rib().best(vpnKey("10.0.100.11/32"));
  EXPECT_EQ(path->label, net::Label::make(1000).value());
  EXPECT_EQ(path->attributes->nextHop, ip("127.0.1.1"));
  ASSERT_EQ(path->attributes->asPath.size(), 1U);
  EXPECT_EQ(path->attributes->asPath[0].asns, (std::vector{net::Asn{64512}}));
  EXPECT_FALSE(pair.b->rib().best(vpnKey("10.0.100.12/32")));

  pair.b->setMemberships({rt("64512:999")});
  ASSERT_TRUE(eventually(loop, [&] {
    return pair.b->rib().best(vpnKey("10.0.100.12/32")) &&
           !pair.b->rib().best(vpnKey("10.0.100.11/32"));
  }));
  pair.a->withdraw(vpnKey("10.0.100.12/32"));
  ASSERT_TRUE(eventually(loop, [&] { return !pair.b->rib().best(vpnKey("10.0.100.12/32")); }));
  EXPECT_TRUE(pair.b->synchronised());
}

TEST_F(SpeakerTest, BestChangesComeAsABatch) {
  Pair pair(loop, metrics);
  std::size_t calls = 0, changes = 0;
  pair.b->onBestChanges([&](const std::vector<rib::BestChange>& batch) {
    ++calls;
    for (const auto& change : batch) changes += change.key.family == wire::kVpnv4 ? 1 : 0;
  });
  pair.b->setMemberships({rt("64512:100")});
  for (int i = 1; i <= 200; ++i) {
    pair.a->originate(vpnKey("10.0.100." + std::to_string(i) + "/32"),
                      net::Label::make(1000).value(), attributes("127.0.1.1", "64512:100"));
  }
  ASSERT_TRUE(eventually(loop, [&] { return changes >= 200; }));
  EXPECT_LT(calls, 20U);
}

TEST_F(SpeakerTest, BothSidesConnectingEndInOneSession) {
  Speaker a(loop, speakerConfig(64512, "127.0.1.1"), metrics);
  Speaker b(loop, speakerConfig(64513, "127.0.1.2"), metrics);
  ASSERT_TRUE(a.start());
  ASSERT_TRUE(b.start());
  ASSERT_TRUE(a.setPeer(peerConfig("b", "127.0.1.1", "127.0.1.2", b.listenPort(), 64513)));
  ASSERT_TRUE(b.setPeer(peerConfig("a", "127.0.1.2", "127.0.1.1", a.listenPort(), 64512)));
  ASSERT_TRUE(eventually(loop, [&] { return up(a, "b") && up(b, "a"); }));
  settle(loop, 1500ms);
  EXPECT_TRUE(up(a, "b"));
  EXPECT_TRUE(up(b, "a"));
  EXPECT_EQ(statusOf(a, "b").flaps, 0U);
  EXPECT_EQ(statusOf(b, "a").flaps, 0U);
}

TEST_F(SpeakerTest, WrongAsIsSaidOnBothSides) {
  Pair pair(loop, metrics);
  auto wrong = pair.toA();
  wrong.remoteAs = net::Asn{65000};
  ASSERT_TRUE(pair.b->setPeer(wrong));
  ASSERT_TRUE(eventually(loop, [&] {
    return statusOf(*pair.b, "a").lastError.find("AS 64512") != std::string::npos;
  }));
  ASSERT_TRUE(eventually(loop, [&] {
    return statusOf(*pair.a, "b").lastError.find("Bad Peer AS") != std::string::npos;
  })) << statusOf(*pair.a, "b").lastError;
}

TEST_F(SpeakerTest, FiltersChangeInPlace) {
  Pair pair(loop, metrics);
  pair.b->setMemberships({rt("64512:100")});
  pair.a->originate(vpnKey("10.0.100.11/32"), net::Label::make(1000).value(),
                    attributes("127.0.1.1", "64512:100"));
  ASSERT_TRUE(eventually(loop, [&] { return pair.b->rib().best(vpnKey("10.0.100.11/32")); }));
  auto filtered = pair.toA();
  filtered.import.routeTargets = std::set{rt("64512:7")};
  ASSERT_TRUE(pair.b->setPeer(filtered));
  EXPECT_FALSE(pair.b->rib().best(vpnKey("10.0.100.11/32")));
  ASSERT_TRUE(pair.b->setPeer(pair.toA()));
  EXPECT_TRUE(pair.b->rib().best(vpnKey("10.0.100.11/32")));
  EXPECT_EQ(statusOf(*pair.b, "a").flaps, 0U);
}

TEST_F(SpeakerTest, HelperKeepsRoutesOfASpeakerThatVanished) {
  Pair pair(loop, metrics);
  pair.a->setMemberships({rt("64513:1")});
  pair.b->originate(vpnKey("10.1.0.1/32"), net::Label::make(1000).value(),
                    attributes("127.0.1.2", "64513:1"));
  pair.b->originate(vpnKey("10.1.0.2/32"), net::Label::make(1001).value(),
                    attributes("127.0.1.2", "64513:1"));
  ASSERT_TRUE(eventually(loop, [&] { return pair.a->rib().best(vpnKey("10.1.0.2/32")); }));
  pair.b->stop(true);
  ASSERT_TRUE(eventually(loop, [&] { return statusOf(*pair.a, "b").stale; }));
  ASSERT_TRUE(pair.a->rib().best(vpnKey("10.1.0.1/32")));
  EXPECT_TRUE(pair.a->rib().best(vpnKey("10.1.0.1/32"))->stale);

  // It comes back with one of the two: the other goes at its end-of-RIB.
  const auto toA = pair.toA();
  auto config = speakerConfig(64513, "127.0.1.2");
  config.restarting = true;
  pair.b = std::make_unique<Speaker>(loop, config, metrics);
  pair.b->originate(vpnKey("10.1.0.1/32"), net::Label::make(1000).value(),
                    attributes("127.0.1.2", "64513:1"));
  ASSERT_TRUE(pair.b->setPeer(toA));
  ASSERT_TRUE(pair.b->start());
  ASSERT_TRUE(eventually(loop, [&] { return !pair.a->rib().best(vpnKey("10.1.0.2/32")); }));
  ASSERT_TRUE(pair.a->rib().best(vpnKey("10.1.0.1/32")));
  EXPECT_FALSE(pair.a->rib().best(vpnKey("10.1.0.1/32"))->stale);
  EXPECT_FALSE(statusOf(*pair.a, "b").stale);
}

TEST_F(SpeakerTest, StaleRoutesGoWhenTheRestartTimeIsOver) {
  Pair pair(loop, metrics);
  auto brief = pair.toA();
  brief.restartTime = 1s;
  ASSERT_TRUE(pair.b->setPeer(brief));
  pair.a->setMemberships({rt("64513:1")});
  pair.b->originate(vpnKey("10.1.0.1/32"), net::Label::make(1000).value(),
                    attributes("127.0.1.2", "64513:1"));
  ASSERT_TRUE(eventually(loop, [&] { return pair.a->rib().best(vpnKey("10.1.0.1/32")); }));
  pair.b->stop(true);
  ASSERT_TRUE(eventually(loop, [&] { return statusOf(*pair.a, "b").stale; }));
  ASSERT_TRUE(eventually(loop, [&] { return !pair.a->rib().best(vpnKey("10.1.0.1/32")); }));
}

// A host without its controller goes on with what it knows.
TEST_F(SpeakerTest, StaleRoutesStayWhereTheyAreToStay) {
  Pair pair(loop, metrics);
  auto brief = pair.toA();
  brief.restartTime = 1s;
  ASSERT_TRUE(pair.b->setPeer(brief));
  auto patient = pair.toB();
  patient.keepStaleForever = true;
  ASSERT_TRUE(pair.a->setPeer(patient));
  pair.a->setMemberships({rt("64513:1")});
  pair.b->originate(vpnKey("10.1.0.1/32"), net::Label::make(1000).value(),
                    attributes("127.0.1.2", "64513:1"));
  ASSERT_TRUE(eventually(loop, [&] { return pair.a->rib().best(vpnKey("10.1.0.1/32")); }));
  pair.b->stop(true);
  ASSERT_TRUE(eventually(loop, [&] { return statusOf(*pair.a, "b").stale; }));
  const auto until = std::chrono::steady_clock::now() + 2s;  // twice the restart time
  ASSERT_TRUE(eventually(loop, [&] { return std::chrono::steady_clock::now() >= until; }));
  EXPECT_TRUE(pair.a->rib().best(vpnKey("10.1.0.1/32")));
}

TEST_F(SpeakerTest, RoutesThatShareGoInOneExtendedMessage) {
  Pair pair(loop, metrics);
  pair.a->setMemberships({rt("64513:1")});
  const auto shared = attributes("127.0.1.2", "64513:1");
  for (unsigned i = 0; i < 1000; ++i)  // 16 kB
    pair.b->originate(
        vpnKey("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250) + "/32"),
        net::Label::make(1000).value(), shared);
  ASSERT_TRUE(eventually(loop, [&] { return pair.a->rib().best(vpnKey("10.1.3.249/32")); }));
  EXPECT_LE(statusOf(*pair.a, "b").updatesIn, 4U) << "RFC 8654; memberships and markers among them";
}

TEST_F(SpeakerTest, RemovedPeerLeavesNothing) {
  Pair pair(loop, metrics);
  pair.a->setMemberships({rt("64513:1")});
  pair.b->originate(vpnKey("10.1.0.1/32"), net::Label::make(1000).value(),
                    attributes("127.0.1.2", "64513:1"));
  ASSERT_TRUE(eventually(loop, [&] { return pair.a->rib().best(vpnKey("10.1.0.1/32")); }));
  pair.a->removePeer("b");
  EXPECT_FALSE(pair.a->rib().best(vpnKey("10.1.0.1/32")));
  EXPECT_TRUE(pair.a->peers().empty());
  EXPECT_EQ(pair.a->rib().peerCount(), 0U);
  // The other side was told, with grace (N bit): it keeps what it had.
  ASSERT_TRUE(eventually(
      loop, [&] { return statusOf(*pair.b, "a").lastError.find("Cease") != std::string::npos; }));
}

TEST_F(SpeakerTest, AChangedPeerIsOnePeer) {
  Pair pair(loop, metrics);
  for (int hold = 30; hold <= 36; hold += 3) {
    auto changed = pair.toA();
    changed.holdTime = std::chrono::seconds(hold);
    ASSERT_TRUE(pair.b->setPeer(changed));
    ASSERT_TRUE(eventually(loop, [&] { return up(*pair.b, "a"); }));
    EXPECT_EQ(pair.b->rib().peerCount(), 1U);
  }
}

TEST_F(SpeakerTest, ReflectorPassesRoutesBetweenClients) {
  Speaker reflector(loop, speakerConfig(64512, "127.0.1.1"), metrics);
  ASSERT_TRUE(reflector.start());
  std::vector<std::unique_ptr<Speaker>> clients;
  for (const auto* id : {"127.0.1.11", "127.0.1.12"}) {
    auto toClient = peerConfig(id, "127.0.1.1", id, 179, 64512);
    toClient.passive = true;
    toClient.routeReflectorClient = true;
    ASSERT_TRUE(reflector.setPeer(toClient));
    auto config = speakerConfig(64512, id);
    config.listenAddress.reset();
    clients.push_back(std::make_unique<Speaker>(loop, config, metrics));
    ASSERT_TRUE(
        clients.back()->setPeer(peerConfig("rr", id, "127.0.1.1", reflector.listenPort(), 64512)));
    ASSERT_TRUE(clients.back()->start());
    clients.back()->setMemberships({rt("64512:5")});
  }
  clients[0]->originate(vpnKey("10.0.0.1/32"), net::Label::make(77).value(),
                        attributes("127.0.1.11", "64512:5"));
  ASSERT_TRUE(eventually(loop, [&] { return clients[1]->rib().best(vpnKey("10.0.0.1/32")); }));
  const auto& seen = *clients[1]->rib().best(vpnKey("10.0.0.1/32"))->attributes;
  EXPECT_EQ(seen.nextHop, ip("127.0.1.11"));
  EXPECT_EQ(seen.originatorId, v4("127.0.1.11"));
  EXPECT_EQ(seen.clusterList, (std::vector{v4("127.0.1.1")}));
}

// ---- a raw peer, for what no well-behaved one sends ----
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
  auto with = std::make_shared<wire::PathAttributes>(*attributes("127.0.1.9", "64512:5"));
  with->asPath = {{wire::AsPathSegment::Type::kSequence, {net::Asn{64999}}}};
  wire::Update update{wire::kVpnv4, {}, {}, with};
  update.announced.push_back(wire::VpnNlri{net::Label::make(16).value(), vpnKey("10.0.0.1/32").rd,
                                           vpnKey("10.0.0.1/32").prefix});
  for (auto& message : wire::encode(update, wire::SessionContext{}).messages) peer.send(message);
  ASSERT_TRUE(eventually(loop, [&] { return speaker->rib().best(vpnKey("10.0.0.1/32")); }));
  EXPECT_FALSE(speaker->rib().best(vpnKey("10.0.0.1/32"))->stale);
  ASSERT_TRUE(eventually(loop, [&] { return !up(*speaker, "raw"); }));
  const auto* path = speaker->rib().best(vpnKey("10.0.0.1/32"));
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
  wire::Update update;
  update.family = wire::kVpnv4;
  update.announced.push_back(wire::VpnNlri{net::Label::make(100).value(),
                                           net::RouteDistinguisher::parse("1:1").value(),
                                           net::IpPrefix::parse("10.9.0.1/32").value()});
  auto attributesOf = *attributes("127.0.1.9", "64512:100");
  attributesOf.localPref.reset();
  attributesOf.asPath = {{wire::AsPathSegment::Type::kSequence, {net::Asn{64999}}}};
  update.attributes = std::make_shared<const wire::PathAttributes>(attributesOf);
  wire::SessionContext context;
  context.external = true;
  auto message = wire::encode(update, context).messages.at(0);
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
