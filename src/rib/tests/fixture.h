// Routes, attributes and peers for the tests of this module.
#pragma once

#include <gtest/gtest.h>

#include "hawser/rib/rib.h"

namespace hawser::rib::test {

inline net::RouteTarget target(std::string_view text) { return *net::RouteTarget::parse(text); }
inline net::IpAddress ip(std::string_view text) { return *net::IpAddress::parse(text); }
inline net::IpPrefix prefix(std::string_view text) { return *net::IpPrefix::parse(text); }

inline RouteKey vpnKey(std::string_view rd, std::string_view route) {
  RouteKey key;
  key.family = wire::kVpnv4;
  key.rd = *net::RouteDistinguisher::parse(rd);
  key.prefix = prefix(route);
  return key;
}

inline std::shared_ptr<wire::PathAttributes> attributes(
    std::initializer_list<std::string_view> targets, std::string_view nextHop = "10.1.0.11") {
  auto out = std::make_shared<wire::PathAttributes>();
  out->nextHop = ip(nextHop);
  for (const auto text : targets) out->extendedCommunities.push_back(target(text).community());
  return out;
}

inline wire::VpnNlri vpnNlri(std::string_view rd, std::string_view route,
                             std::uint32_t label = 100) {
  return {*net::Label::make(label), *net::RouteDistinguisher::parse(rd), prefix(route)};
}

inline wire::Update announce(std::string_view rd, std::string_view route,
                             std::shared_ptr<const wire::PathAttributes> with,
                             std::uint32_t label = 100) {
  return {wire::kVpnv4, {vpnNlri(rd, route, label)}, {}, std::move(with)};
}
inline wire::Update withdraw(std::string_view rd, std::string_view route) {
  return {wire::kVpnv4, {}, {vpnNlri(rd, route)}, nullptr};
}
inline wire::Update member(std::uint32_t asn, std::string_view text) {
  return {wire::kRtConstraint,
          {wire::RtMembership::of(net::Asn(asn), target(text))},
          {},
          attributes({})};
}
inline wire::Update leave(std::uint32_t asn, std::string_view text) {
  return {wire::kRtConstraint, {}, {wire::RtMembership::of(net::Asn(asn), target(text))}, nullptr};
}
inline wire::Update endOfRib(wire::Family family) { return {family, {}, {}, nullptr}; }

inline PeerPolicy peer(std::uint32_t remoteAs, std::string_view address, bool client = false,
                       bool constrained = false) {
  PeerPolicy policy;
  policy.localAs = net::Asn(64512);
  policy.remoteAs = net::Asn(remoteAs);
  policy.remoteAddress = ip(address);
  policy.remoteId = ip(address).v4();
  policy.localAddress = ip("10.1.0.10");
  policy.routeReflectorClient = client;
  policy.rtConstraint = constrained;
  policy.families = {wire::kVpnv4};
  if (constrained) policy.families.insert(wire::kRtConstraint);
  return policy;
}

class RibTest : public testing::Test {
 protected:
  // What the peer has after all it was sent: key text → attributes.
  struct Table {
    std::map<std::string, std::shared_ptr<const wire::PathAttributes>> routes;
    std::size_t updates = 0;
  };
  void drain(PeerId id) {
    auto& table = tables_[id];
    for (const auto& update : rib_.takeOutput(id)) {
      ++table.updates;
      for (const auto& nlri : update.withdrawn)
        EXPECT_EQ(table.routes.erase(text(keyOf(update.family, nlri))), 1U);
      for (const auto& nlri : update.announced)
        table.routes[text(keyOf(update.family, nlri))] = update.attributes;
    }
    EXPECT_FALSE(rib_.hasOutput(id));
  }
  std::vector<std::string> routesOf(PeerId id) {
    drain(id);
    std::vector<std::string> keys;
    for (const auto& [key, value] : tables_[id].routes) keys.push_back(key);
    return keys;
  }
  std::shared_ptr<const wire::PathAttributes> routeOf(PeerId id, const std::string& key) {
    drain(id);
    const auto found = tables_[id].routes.find(key);
    return found == tables_[id].routes.end() ? nullptr : found->second;
  }

  Rib rib_{{net::Asn(64512), ip("10.1.0.10").v4(), ip("10.1.0.10").v4()}};
  std::map<PeerId, Table> tables_;
};

using Keys = std::vector<std::string>;

}  // namespace hawser::rib::test
