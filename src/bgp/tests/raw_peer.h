// A peer that speaks raw bytes, for what no well-behaved one sends, and a speaker that knows it.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "speakers.h"

namespace hawser::bgp::test {

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

class RawPeerTest : public ::testing::Test {
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
  io::Loop loop;
  Metrics metrics;
  std::unique_ptr<Speaker> speaker;
};

}  // namespace hawser::bgp::test
