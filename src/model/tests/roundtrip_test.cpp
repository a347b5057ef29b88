// The typed views hold all that a spec says: a spec written again from its view alone is, after
// validation, the spec that it came from.
#include <gtest/gtest.h>

#include "generate.h"

namespace hawser::model {
namespace {

using namespace test;

// ---- views to JSON ----

template <class Items>
Json texts(const Items& items) {
  auto out = Json::array();
  for (const auto& item : items) out.push_back(item.text());
  return out;
}
template <class Value>
void put(Json& json, const char* name, const std::optional<Value>& value) {
  if (value) json[name] = value->text();
}
void put(Json& json, const char* name, const std::string& value) {
  if (!value.empty()) json[name] = value;
}
std::string text(const PortRange& range) {
  return range.first == range.last ? std::to_string(range.first)
                                   : std::to_string(range.first) + "-" + std::to_string(range.last);
}

Json write(const SiteSpec& spec) {
  auto encapsulations = Json::array();
  for (const auto one : spec.encapsulations) encapsulations.push_back(net::encapsulationName(one));
  return {{"asn", spec.asn.value()},
          {"underlayMtu", spec.underlayMtu},
          {"encapsulations", encapsulations}};
}
Json write(const HostSpec& spec) { return {{"address", spec.address.text()}}; }
Json write(const NetworkSpec& spec) {
  Json out{{"external", spec.external}, {"subnets", Json::array()}};
  for (const auto& subnet : spec.subnets) {
    Json one{{"prefix", subnet.prefix.text()}};
    put(one, "gateway", subnet.gateway);
    out["subnets"].push_back(one);
  }
  out["routeTargets"] = {{"import", texts(spec.importTargets)},
                         {"export", texts(spec.exportTargets)}};
  put(out, "addressPool", spec.addressPool);
  put(out, "description", spec.description);
  return out;
}
Json write(const PortSpec& spec) {
  Json out{{"network", spec.network.text()},
           {"addresses", texts(spec.addresses)},
           {"securityGroups", texts(spec.securityGroups)},
           {"portSecurity", spec.portSecurity}};
  put(out, "host", spec.host);
  put(out, "hostname", spec.hostname);
  put(out, "mac", spec.mac);
  if (spec.workload) {
    out["workload"] = {{"kind", spec.workload->kind}, {"name", spec.workload->name}};
    put(out["workload"], "namespace", spec.workload->space);
  }
  return out;
}
Json write(const AddressPoolSpec& spec) { return {{"prefixes", texts(spec.prefixes)}}; }
Json write(const FloatingIpSpec& spec) {
  Json out{{"network", spec.network.text()}};
  put(out, "address", spec.address);
  put(out, "port", spec.port);
  return out;
}
Json write(const ServiceSpec& spec) {
  Json out{{"network", spec.network.text()},
           {"addresses", texts(spec.addresses)},
           {"ports", Json::array()},
           {"backends", Json::array()}};
  for (const auto& port : spec.ports) {
    Json one{{"protocol", protocolName(port.protocol)},
             {"port", port.port},
             {"targetPort", port.targetPort}};
    put(one, "name", port.name);
    out["ports"].push_back(one);
  }
  for (const auto& backend : spec.backends)
    out["backends"].push_back({{"port", backend.port.text()},
                               {"ready", backend.ready},
                               {"weight", backend.weight},
                               {"targetPorts", backend.targetPorts}});
  return out;
}
Json write(const RouterSpec& spec) { return {{"networks", texts(spec.networks)}}; }
Json write(const PolicySpec& spec) {
  auto rules = Json::array();
  for (const auto& rule : spec.rules) {
    auto ports = Json::array();
    for (const auto& range : rule.ports) ports.push_back(text(range));
    rules.push_back({{"from", {{"network", rule.fromNetwork->text()}}},
                     {"to", {{"network", rule.toNetwork->text()}}},
                     {"protocol", protocolName(rule.protocol)},
                     {"ports", ports},
                     {"action", rule.allow ? "allow" : "deny"}});
  }
  return {{"rules", rules}};
}
Json write(const SecurityGroupSpec& spec) {
  auto rules = Json::array();
  for (const auto& rule : spec.rules) {
    Json one{{"direction", rule.ingress ? "ingress" : "egress"},
             {"protocol", protocolName(rule.protocol)},
             {"ports", text(rule.ports)}};
    put(one, "remotePrefix", rule.remotePrefix);
    put(one, "remoteGroup", rule.remoteGroup);
    put(one, "remoteNetwork", rule.remoteNetwork);
    rules.push_back(one);
  }
  return {{"rules", rules}};
}
Json write(const PeerFilterSpec& filter) {
  auto out = Json::object();
  if (filter.routeTargets) out["routeTargets"] = texts(*filter.routeTargets);
  if (filter.prefixes) out["prefixes"] = texts(*filter.prefixes);
  return out;
}
Json write(const PeerSpec& spec) {
  Json out{{"role", spec.role},
           {"address", spec.address.text()},
           {"asn", spec.asn.value()},
           {"port", spec.port},
           {"passive", spec.passive},
           {"holdTime", spec.holdTime},
           {"maxRoutes", spec.maxRoutes},
           {"enforceFirstAs", spec.enforceFirstAs},
           {"families", spec.families},
           {"import", write(spec.import)},
           {"export", write(spec.exportTo)}};
  put(out, "site", spec.site);
  put(out, "md5Key", spec.md5Key);
  if (!spec.apiUrl.empty())
    out["api"] = {{"url", spec.apiUrl}, {"fingerprint", spec.apiFingerprint}};
  return out;
}
Json write(const LinkSpec& spec) {
  Json out{{"peer", spec.peer},
           {"network", spec.network.text()},
           {"localPrefixes", texts(spec.localPrefixes)},
           {"remotePrefixes", texts(spec.remotePrefixes)},
           {"accepted", spec.accepted},
           {"proposedByUs", spec.proposedByUs}};
  put(out, "remoteNetwork", spec.remoteNetwork);
  if (spec.routeTarget != net::RouteTarget()) out["routeTarget"] = spec.routeTarget.text();
  return out;
}
Json write(const IdentitySpec& spec) { return {{"number", spec.number}, {"labels", spec.labels}}; }
Json write(const TokenSpec& spec) {
  static constexpr const char* kRoles[] = {"reader", "member", "admin", "host", "site"};
  Json out{{"role", kRoles[static_cast<std::size_t>(spec.role)]}, {"hash", spec.hash}};
  put(out, "project", spec.project);
  put(out, "host", spec.host);
  put(out, "hostAddress", spec.hostAddress);
  put(out, "expires", spec.expires);
  return out;
}

// ---- both ways ----

// Lists and objects that are empty say what absent ones say (but for the filters of a peer).
Json withoutEmpty(const Json& json) {
  if (!json.is_object()) return json;
  auto out = Json::object();
  for (const auto& [name, value] : json.items()) {
    auto inner = withoutEmpty(value);
    if (inner.is_array())
      for (auto& item : inner) item = withoutEmpty(item);
    if (!inner.is_structured() || !inner.empty()) out[name] = std::move(inner);
  }
  return out;
}

// References in full, sets in order, each target where it acts: the form that views have.
Json normal(Kind kind, Json spec) {
  const auto full = [](Json& ref) { ref = Ref::parse(ref.get<std::string>(), "default").text(); };
  const auto each = [](Json& json, const char* name, const auto& visit) {
    if (json.contains(name))
      for (auto& item : json[name]) visit(item);
  };
  if (kind != Kind::kHost && spec.contains("network")) full(spec["network"]);
  if (kind == Kind::kFloatingIp && spec.contains("port")) full(spec["port"]);
  each(spec, "securityGroups", full);
  each(spec, "networks", full);
  each(spec, "backends", [&](Json& backend) { full(backend["port"]); });
  each(spec, "ports", [](Json& port) {
    if (!port.contains("targetPort")) port["targetPort"] = port["port"];
  });
  each(spec, "rules", [&](Json& rule) {
    for (const auto* end : {"from", "to"})
      if (rule.contains(end)) full(rule[end]["network"]);
    for (const auto* name : {"remoteGroup", "remoteNetwork"})
      if (rule.contains(name)) full(rule[name]);
    if (kind == Kind::kSecurityGroup && !rule.contains("ports")) rule["ports"] = "0-65535";
  });
  const auto set = [](const Json& a, const Json& b) {
    std::set<net::RouteTarget> all;
    for (const auto* list : {&a, &b})
      for (const auto& item : *list) all.insert(*net::RouteTarget::parse(item.get<std::string>()));
    return texts(all);
  };
  if (kind == Kind::kNetwork && spec.contains("routeTargets")) {
    auto& targets = spec["routeTargets"];
    const auto both = targets.value("both", Json::array());
    targets = {{"import", set(targets.value("import", Json::array()), both)},
               {"export", set(targets.value("export", Json::array()), both)}};
  }
  if (kind == Kind::kPeer) {
    for (const auto* side : {"import", "export"})
      if (spec.contains(side) && spec[side].contains("routeTargets"))
        spec[side]["routeTargets"] = set(spec[side]["routeTargets"], Json::array());
    if (spec.value("families", Json::array()).empty())
      spec["families"] = spec["role"] == "site" ? Json{"vpnv4", "rtc"} : Json{"vpnv4"};
    if (!spec.contains("maxRoutes")) spec["maxRoutes"] = spec["role"] == "site" ? 100000 : 10000;
  }
  return withoutEmpty(spec);
}

template <class Spec>
void expectWhole(Kind kind, unsigned seed) {
  Generator generator(seed);
  for (int round = 0; round < 150; ++round) {
    auto spec = generator.object(specSchema(kind));
    satisfy(kind, spec);
    const auto object = parseObject(made(kind, spec), "default");
    ASSERT_TRUE(object) << object.error().text();
    const auto view = Spec::from(*object);
    const auto again = parseObject(made(kind, write(view)), "default");
    ASSERT_TRUE(again) << again.error().text() << "\n" << write(view).dump(1);
    EXPECT_EQ(normal(kind, again->spec), normal(kind, object->spec));
    EXPECT_EQ(write(Spec::from(*again)), write(view));
  }
}

TEST(RoundTrip, Site) { expectWhole<SiteSpec>(Kind::kSite, 1); }
TEST(RoundTrip, Host) { expectWhole<HostSpec>(Kind::kHost, 2); }
TEST(RoundTrip, Network) { expectWhole<NetworkSpec>(Kind::kNetwork, 3); }
TEST(RoundTrip, Port) { expectWhole<PortSpec>(Kind::kPort, 4); }
TEST(RoundTrip, AddressPool) { expectWhole<AddressPoolSpec>(Kind::kAddressPool, 5); }
TEST(RoundTrip, FloatingIp) { expectWhole<FloatingIpSpec>(Kind::kFloatingIp, 6); }
TEST(RoundTrip, Service) { expectWhole<ServiceSpec>(Kind::kService, 7); }
TEST(RoundTrip, Router) { expectWhole<RouterSpec>(Kind::kRouter, 8); }
TEST(RoundTrip, Policy) { expectWhole<PolicySpec>(Kind::kPolicy, 9); }
TEST(RoundTrip, SecurityGroup) { expectWhole<SecurityGroupSpec>(Kind::kSecurityGroup, 10); }
TEST(RoundTrip, Peer) { expectWhole<PeerSpec>(Kind::kPeer, 11); }
TEST(RoundTrip, Link) { expectWhole<LinkSpec>(Kind::kLink, 12); }
TEST(RoundTrip, Identity) { expectWhole<IdentitySpec>(Kind::kIdentity, 13); }
TEST(RoundTrip, Token) { expectWhole<TokenSpec>(Kind::kToken, 14); }

}  // namespace
}  // namespace hawser::model
