#include "hawser/model/slice.h"

#include <tuple>

#include "hawser/base/check.h"

namespace hawser::model {
namespace {

template <class Items>
Json texts(const Items& items) {
  auto out = Json::array();
  for (const auto& item : items) out.push_back(item.text());
  return out;
}

Json toJson(const SliceVrf& vrf) {
  return {{"id", vrf.id.value()},
          {"name", vrf.name},
          {"import", texts(vrf.importTargets)},
          {"export", texts(vrf.exportTargets)},
          {"refused", texts(vrf.refused)}};
}
Json toJson(const net::Identity& identity) { return {identity.asn, identity.number}; }
Json toJson(const SliceRule& rule) {
  auto identities = Json::array();
  for (const auto& identity : rule.identities) identities.push_back(toJson(identity));
  return {{"id", rule.id},
          {"source", rule.source},
          {"tier", rule.tier},
          {"ingress", rule.ingress},
          {"anyPeer", rule.anyPeer},
          {"identities", identities},
          {"prefixes", texts(rule.prefixes)},
          {"protocol", protocolName(rule.protocol)},
          {"ports", {rule.ports.first, rule.ports.last}},
          {"allow", rule.allow},
          {"pass", rule.pass},
          {"log", rule.log}};
}
Json toJson(const SliceTranslation& translation) {
  return {{"vrf", translation.vrf.value()},
          {"address", translation.address.text()},
          {"protocol", protocolName(translation.protocol)},
          {"port", translation.port},
          {"targetPort", translation.targetPort},
          {"source", translation.source}};
}
Json toJson(const SlicePort& port) {
  Json json{{"uid", port.uid},
            {"name", port.name},
            {"vrf", port.vrf.value()},
            {"mac", port.mac.text()},
            {"addresses", texts(port.addresses)},
            {"gateways", texts(port.gateways)},
            {"mtu", port.mtu},
            {"portSecurity", port.portSecurity},
            {"hostname", port.hostname},
            {"identity", toJson(port.identity)},
            {"translations", Json::array()},
            {"rules", Json::array()}};
  if (port.workload)
    json["workload"] = {{"kind", port.workload->kind},
                        {"namespace", port.workload->space},
                        {"name", port.workload->name}};
  for (const auto& translation : port.translations)
    json["translations"].push_back(toJson(translation));
  for (const auto& rule : port.rules) json["rules"].push_back(toJson(rule));
  return json;
}

// Reading throws inside on what is missing or of a wrong type (at(), get()); parseSlice turns that
// into an error.
template <class T>
T must(Result<T> parsed) {
  if (!parsed) throw std::invalid_argument(parsed.error().message);
  return *parsed;
}
template <class T, class Parse>
std::vector<T> parsedList(const Json& json, const Parse& parse) {
  std::vector<T> out;
  for (const auto& item : json) out.push_back(must(parse(item.template get<std::string>())));
  return out;
}
std::vector<net::IpAddress> addresses(const Json& json) {
  return parsedList<net::IpAddress>(json, net::IpAddress::parse);
}
std::vector<net::IpPrefix> prefixes(const Json& json) {
  return parsedList<net::IpPrefix>(json, net::IpPrefix::parse);
}
std::set<net::RouteTarget> targets(const Json& json) {
  const auto list = parsedList<net::RouteTarget>(json, net::RouteTarget::parse);
  return {list.begin(), list.end()};
}
Protocol protocol(const Json& json) {
  const auto parsed = parseProtocol(json.get<std::string>());
  if (!parsed) throw std::invalid_argument("protocol " + json.dump());
  return *parsed;
}
net::Identity identity(const Json& json) {
  return {json.at(0).get<std::uint16_t>(), json.at(1).get<std::uint32_t>()};
}

SliceVrf readVrf(const Json& json) {
  return {net::VrfId(json.at("id").get<std::uint32_t>()), json.at("name").get<std::string>(),
          targets(json.at("import")), targets(json.at("export")), addresses(json.at("refused"))};
}
SliceRule readRule(const Json& json) {
  SliceRule rule;
  rule.id = json.at("id").get<std::uint32_t>();
  rule.source = json.at("source").get<std::string>();
  rule.tier = json.at("tier").get<std::uint8_t>();
  rule.ingress = json.at("ingress").get<bool>();
  rule.anyPeer = json.at("anyPeer").get<bool>();
  for (const auto& item : json.at("identities")) rule.identities.push_back(identity(item));
  rule.prefixes = prefixes(json.at("prefixes"));
  rule.protocol = protocol(json.at("protocol"));
  rule.ports = {json.at("ports").at(0).get<std::uint16_t>(),
                json.at("ports").at(1).get<std::uint16_t>()};
  rule.allow = json.at("allow").get<bool>();
  rule.pass = json.at("pass").get<bool>();
  rule.log = json.at("log").get<bool>();
  return rule;
}
SliceTranslation readTranslation(const Json& json) {
  SliceTranslation translation;
  translation.vrf = net::VrfId(json.at("vrf").get<std::uint32_t>());
  translation.address = must(net::IpAddress::parse(json.at("address").get<std::string>()));
  translation.protocol = protocol(json.at("protocol"));
  translation.port = json.at("port").get<std::uint16_t>();
  translation.targetPort = json.at("targetPort").get<std::uint16_t>();
  translation.source = json.at("source").get<std::string>();
  return translation;
}
SlicePort readPort(const Json& json) {
  SlicePort port;
  port.uid = json.at("uid").get<std::string>();
  port.name = json.at("name").get<std::string>();
  port.vrf = net::VrfId(json.at("vrf").get<std::uint32_t>());
  port.mac = must(net::MacAddress::parse(json.at("mac").get<std::string>()));
  port.addresses = addresses(json.at("addresses"));
  port.gateways = addresses(json.at("gateways"));
  port.mtu = json.at("mtu").get<std::uint16_t>();
  port.portSecurity = json.at("portSecurity").get<bool>();
  port.hostname = json.at("hostname").get<std::string>();
  port.identity = identity(json.at("identity"));
  if (json.contains("workload")) {
    const auto& workload = json["workload"];
    port.workload = WorkloadRef{workload.at("kind").get<std::string>(),
                                workload.at("namespace").get<std::string>(),
                                workload.at("name").get<std::string>()};
  }
  for (const auto& item : json.at("translations"))
    port.translations.push_back(readTranslation(item));
  for (const auto& item : json.at("rules")) port.rules.push_back(readRule(item));
  return port;
}

}  // namespace

// By structured bindings, so that a new member does not compile until it is named here.
bool operator==(const Slice& a, const Slice& b) {
  const auto content = [](const Slice& slice) {
    const auto& [site, host, revision, encapsulations, vrfs, ports] = slice;
    return std::tie(site, host, encapsulations, vrfs, ports);
  };
  return content(a) == content(b);
}

Json toJson(const Slice& slice) {
  Json json{{"site", slice.site},         {"host", slice.host},
            {"revision", slice.revision}, {"encapsulations", Json::array()},
            {"vrfs", Json::array()},      {"ports", Json::array()}};
  for (const auto encapsulation : slice.encapsulations)
    json["encapsulations"].push_back(static_cast<std::uint16_t>(encapsulation));
  for (const auto& vrf : slice.vrfs) json["vrfs"].push_back(toJson(vrf));
  for (const auto& port : slice.ports) json["ports"].push_back(toJson(port));
  return json;
}

Result<Slice> parseSlice(const Json& json) {
  try {
    Slice slice;
    slice.site = json.at("site").get<std::string>();
    slice.host = json.at("host").get<std::string>();
    slice.revision = json.at("revision").get<std::uint64_t>();
    for (const auto& item : json.at("encapsulations"))
      slice.encapsulations.push_back(static_cast<net::Encapsulation>(item.get<std::uint16_t>()));
    for (const auto& item : json.at("vrfs")) slice.vrfs.push_back(readVrf(item));
    for (const auto& item : json.at("ports")) slice.ports.push_back(readPort(item));
    return slice;
  } catch (const std::exception& error) {
    return invalid(error.what(), "slice");
  }
}

}  // namespace hawser::model
