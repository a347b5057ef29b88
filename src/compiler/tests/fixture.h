// A site in a few lines of YAML.
#pragma once

#include <gtest/gtest.h>

#include <stdexcept>

#include "hawser/compiler/compiler.h"

namespace hawser::compiler::test {

inline net::RouteTarget target(std::string_view text) { return *net::RouteTarget::parse(text); }
inline net::IpAddress ip(std::string_view text) { return *net::IpAddress::parse(text); }

class World {
 public:
  // Networks get ids in the order in which they are added.
  void add(const std::string& yaml) {
    const auto documents = model::parseDocuments(yaml);
    if (!documents) throw std::runtime_error(documents.error().text());
    for (const auto& document : *documents) {
      auto object = model::parseObject(document, "default");
      if (!object) throw std::runtime_error(object.error().text());
      object->metadata.uid = object->key().text();
      if (object->kind == model::Kind::kNetwork && object->status.empty()) {
        const auto id = ++networks_;
        object->status = {{"id", id}, {"autoRouteTarget", "64513:" + std::to_string(8000000 + id)}};
      }
      const auto key = object->key();
      objects[key] = std::make_shared<model::Object>(std::move(*object));
    }
  }
  void remove(model::Kind kind, const std::string& name, const std::string& project = "default") {
    objects.erase({kind, model::info(kind).projectScoped ? project : "", name});
  }
  // Compiles, numbers the identities that are missing, and compiles again, as the controller does.
  Compiled compile() {
    auto compiled = compiler::compile(objects);
    for (const auto& labels : compiled.missingIdentities) {
      const auto number = ++identities_;
      model::Object identity;
      identity.kind = model::Kind::kIdentity;
      identity.metadata.name = "i" + std::to_string(number);
      identity.spec = {{"number", number}, {"labels", labels}};
      objects[identity.key()] = std::make_shared<model::Object>(identity);
    }
    if (compiled.missingIdentities.empty()) return compiled;
    return compiler::compile(objects);
  }
  model::ObjectMap objects;

 private:
  std::uint32_t networks_ = 0, identities_ = 0;
};

inline const model::SlicePort* port(const Compiled& compiled, const std::string& name) {
  for (const auto& [host, slice] : compiled.slices)
    for (const auto& item : slice.ports)
      if (item.name == name) return &item;
  return nullptr;
}
inline const model::SliceVrf* vrf(const Compiled& compiled, const std::string& host,
                                  const std::string& name) {
  for (const auto& item : compiled.slices.at(host).vrfs)
    if (item.name == name) return &item;
  return nullptr;
}

// What the datapath makes of the rules for the first packet of a connection.
inline std::pair<bool, std::string> judge(const model::SlicePort& at, bool ingress,
                                          net::Identity peer, std::string_view peerAddress,
                                          model::Protocol protocol, std::uint16_t destinationPort) {
  int passed = -1;
  for (const auto& rule : at.rules) {
    if (rule.ingress != ingress || rule.tier <= passed) continue;
    const bool who =
        rule.anyPeer ||
        std::find(rule.identities.begin(), rule.identities.end(), peer) != rule.identities.end() ||
        std::any_of(rule.prefixes.begin(), rule.prefixes.end(),
                    [&](const auto& p) { return p.contains(ip(peerAddress)); });
    if (!who || (rule.protocol != model::Protocol::kAny && rule.protocol != protocol)) continue;
    if (destinationPort < rule.ports.first || destinationPort > rule.ports.last) continue;
    if (rule.allow && rule.pass) {
      passed = rule.tier;
      continue;
    }
    return {rule.allow, rule.source};
  }
  return {true, ""};
}

inline constexpr const char* kLeonardo = R"(
kind: Site
metadata: {name: kubernetes}
spec: {asn: 64513}
---
kind: Host
metadata: {name: node1}
spec: {address: 10.2.0.11}
---
kind: Host
metadata: {name: node2}
spec: {address: 10.2.0.12}
---
kind: Network
metadata: {name: leonardo}
spec: {subnets: [{prefix: 10.10.0.0/16}], routeTargets: {both: ["64512:100"]}}
---
kind: Network
metadata: {name: nginx}
spec: {subnets: [{prefix: 10.10.0.0/16}]}
---
kind: Network
metadata: {name: service-leonardo}
spec: {subnets: [{prefix: 10.254.0.0/16}]}
---
kind: Network
metadata: {name: Public}
spec: {external: true, routeTargets: {both: ["64513:100"]}}
---
kind: Port
metadata: {name: leonardo-a}
spec: {network: leonardo, host: node1, addresses: [10.10.0.2]}
---
kind: Port
metadata: {name: leonardo-b}
spec: {network: leonardo, host: node2, addresses: [10.10.0.3]}
---
kind: Port
metadata: {name: nginx-a}
spec: {network: nginx, host: node1, addresses: [10.10.0.4]}
---
kind: Service
metadata: {name: leonardo}
spec: {network: service-leonardo, addresses: [10.254.98.15], ports: [{name: http, port: 80, targetPort: 8000}], backends: [{port: leonardo-a}, {port: leonardo-b, ready: false}]}
---
kind: Service
metadata: {name: nginx.public}
spec: {network: Public, addresses: [185.22.97.188], ports: [{port: 80}], backends: [{port: nginx-a}]}
---
kind: Policy
metadata: {name: uses-service-leonardo}
spec: {rules: [{from: {network: nginx}, to: {network: service-leonardo}}]}
)";

}  // namespace hawser::compiler::test
