// Two or more speakers in one process on addresses of 127/8, waited on by state.
#pragma once

#include <gtest/gtest.h>

#include "hawser/bgp/speaker.h"

namespace hawser::bgp::test {

using namespace std::chrono_literals;

inline net::IpAddress ip(const std::string& text) { return net::IpAddress::parse(text).value(); }
inline net::Ipv4Address v4(const std::string& text) {
  return net::Ipv4Address::parse(text).value();
}
inline net::RouteTarget rt(const std::string& text) {
  return net::RouteTarget::parse(text).value();
}

inline rib::RouteKey vpnKey(const std::string& prefix, const std::string& rd = "64512:1") {
  rib::RouteKey key;
  key.family = wire::kVpnv4;
  key.rd = net::RouteDistinguisher::parse(rd).value();
  key.prefix = net::IpPrefix::parse(prefix).value();
  return key;
}

inline std::shared_ptr<const wire::PathAttributes> attributes(const std::string& nextHop,
                                                              const std::string& target) {
  auto made = std::make_shared<wire::PathAttributes>();
  made->nextHop = ip(nextHop);
  made->localPref = 100;
  made->extendedCommunities.push_back(rt(target).community());
  return made;
}

// Runs the loop until the condition holds; false after 15 s.
template <class Condition>
bool eventually(io::Loop& loop, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 15s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    loop.runFor(20ms);
  }
  return true;
}

// Whatever would happen has had its chance.
inline void settle(io::Loop& loop, std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < deadline) loop.runFor(10ms);
}

inline SpeakerConfig speakerConfig(std::uint32_t asn, const std::string& id) {
  SpeakerConfig config;
  config.asn = net::Asn{asn};
  config.routerId = v4(id);
  config.clusterId = v4(id);
  config.listenAddress = ip(id);
  config.listenPort = 0;
  return config;
}

inline PeerConfig peerConfig(const std::string& name, const std::string& local,
                             const std::string& remote, std::uint16_t port,
                             std::uint32_t remoteAs) {
  PeerConfig config;
  config.name = name;
  config.address = ip(remote);
  config.localAddress = ip(local);
  config.port = port;
  config.remoteAs = net::Asn{remoteAs};
  config.connectRetry = 1s;
  return config;
}

inline PeerStatus statusOf(const Speaker& speaker, const std::string& name) {
  for (auto& status : speaker.peers())
    if (status.name == name) return status;
  return {};
}
inline bool up(const Speaker& speaker, const std::string& name) {
  return statusOf(speaker, name).state == State::kEstablished;
}

class SpeakerTest : public ::testing::Test {
 protected:
  io::Loop loop;
  Metrics metrics;
};

}  // namespace hawser::bgp::test
