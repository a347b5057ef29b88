#include "hawser/model/specs.h"

#include <array>

#include "hawser/base/check.h"

namespace hawser::model {
namespace {

// The spec passed validation, so what is there has the right type and parses.
std::string text(const Json& json, const char* name, const std::string& otherwise = {}) {
  const auto found = json.find(name);
  return found == json.end() || !found->is_string() ? otherwise : found->get<std::string>();
}
template <class T>
T readNumber(const Json& json, const char* name, T otherwise) {
  const auto found = json.find(name);
  return found == json.end() || !found->is_number() ? otherwise : found->get<T>();
}
bool flag(const Json& json, const char* name, bool otherwise) {
  const auto found = json.find(name);
  return found == json.end() || !found->is_boolean() ? otherwise : found->get<bool>();
}
const Json& part(const Json& json, const char* name) {
  static const Json kEmpty = Json::object();
  const auto found = json.find(name);
  return found == json.end() || !found->is_object() ? kEmpty : *found;
}
const Json& list(const Json& json, const char* name) {
  static const Json kEmpty = Json::array();
  const auto found = json.find(name);
  return found == json.end() || !found->is_array() ? kEmpty : *found;
}

template <class T>
T must(Result<T> parsed) {
  HAWSER_CHECK(parsed.has_value(), parsed ? "" : parsed.error().message);
  return *parsed;
}
net::IpAddress toAddress(const std::string& value) { return must(net::IpAddress::parse(value)); }
net::IpPrefix prefix(const std::string& value) { return must(net::IpPrefix::parse(value)); }
net::RouteTarget target(const std::string& value) { return must(net::RouteTarget::parse(value)); }

std::optional<net::IpAddress> optionalAddress(const Json& json, const char* name) {
  const auto value = text(json, name);
  return value.empty() ? std::nullopt : std::optional(toAddress(value));
}
std::optional<net::IpPrefix> optionalPrefix(const Json& json, const char* name) {
  const auto value = text(json, name);
  return value.empty() ? std::nullopt : std::optional(prefix(value));
}
std::optional<Ref> optionalRef(const Json& json, const char* name, const std::string& project) {
  const auto value = text(json, name);
  return value.empty() ? std::nullopt : std::optional(Ref::parse(value, project));
}

std::vector<net::IpAddress> readAddresses(const Json& json, const char* name) {
  std::vector<net::IpAddress> out;
  for (const auto& item : list(json, name)) out.push_back(toAddress(item.get<std::string>()));
  return out;
}
std::vector<net::IpPrefix> readPrefixes(const Json& json, const char* name) {
  std::vector<net::IpPrefix> out;
  for (const auto& item : list(json, name)) out.push_back(prefix(item.get<std::string>()));
  return out;
}
std::set<net::RouteTarget> targets(const Json& json, const char* name) {
  std::set<net::RouteTarget> out;
  for (const auto& item : list(json, name)) out.insert(target(item.get<std::string>()));
  return out;
}
std::vector<Ref> refs(const Json& json, const char* name, const std::string& project) {
  std::vector<Ref> out;
  for (const auto& item : list(json, name))
    out.push_back(Ref::parse(item.get<std::string>(), project));
  return out;
}

Protocol protocol(const Json& json, Protocol otherwise) {
  return parseProtocol(text(json, "protocol")).value_or(otherwise);
}

PortRange range(const std::string& value) {
  if (value.empty()) return {};
  const auto dash = value.find('-');
  const auto first = static_cast<std::uint16_t>(std::stoi(value.substr(0, dash)));
  return {first, dash == std::string::npos
                     ? first
                     : static_cast<std::uint16_t>(std::stoi(value.substr(dash + 1)))};
}

std::string asText(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

PeerFilterSpec filter(const Json& json) {
  PeerFilterSpec out;
  if (json.contains("routeTargets")) out.routeTargets = targets(json, "routeTargets");
  if (json.contains("prefixes")) out.prefixes = readPrefixes(json, "prefixes");
  return out;
}

struct ProtocolName {
  Protocol protocol;
  std::string_view name;
};
constexpr std::array kProtocolNames{
    ProtocolName{Protocol::kAny, "any"}, ProtocolName{Protocol::kIcmp, "icmp"},
    ProtocolName{Protocol::kTcp, "tcp"}, ProtocolName{Protocol::kUdp, "udp"},
    ProtocolName{Protocol::kSctp, "sctp"}};

}  // namespace

std::string_view protocolName(Protocol protocol) {
  for (const auto& row : kProtocolNames)
    if (row.protocol == protocol) return row.name;
  return "?";
}
std::optional<Protocol> parseProtocol(std::string_view name) {
  for (const auto& row : kProtocolNames)
    if (row.name == name) return row.protocol;
  return std::nullopt;
}

Ref Ref::parse(std::string_view value, std::string_view project) {
  const auto slash = value.find('/');
  if (slash == std::string_view::npos) return {std::string(project), std::string(value)};
  return {std::string(value.substr(0, slash)), std::string(value.substr(slash + 1))};
}

SiteSpec SiteSpec::from(const Object& object) {
  SiteSpec spec;
  spec.asn = net::Asn(readNumber<std::uint32_t>(object.spec, "asn", 0));
  spec.underlayMtu = readNumber<std::uint16_t>(object.spec, "underlayMtu", 1500);
  for (const auto& item : list(object.spec, "encapsulations"))
    for (const auto candidate :
         {net::Encapsulation::kMplsInUdp, net::Encapsulation::kGre, net::Encapsulation::kVxlan})
      if (item.get<std::string>() == net::encapsulationName(candidate))
        spec.encapsulations.push_back(candidate);
  return spec;
}

HostSpec HostSpec::from(const Object& object) { return {toAddress(text(object.spec, "address"))}; }

NetworkSpec NetworkSpec::from(const Object& object) {
  NetworkSpec spec;
  for (const auto& item : list(object.spec, "subnets"))
    spec.subnets.push_back({prefix(text(item, "prefix")), optionalAddress(item, "gateway")});
  const auto& routeTargets = part(object.spec, "routeTargets");
  spec.importTargets = targets(routeTargets, "import");
  spec.exportTargets = targets(routeTargets, "export");
  for (const auto& both : targets(routeTargets, "both")) {
    spec.importTargets.insert(both);
    spec.exportTargets.insert(both);
  }
  spec.external = flag(object.spec, "external", false);
  spec.addressPool = text(object.spec, "addressPool");
  spec.description = text(object.spec, "description");
  return spec;
}

NetworkStatus NetworkStatus::from(const Object& object) {
  NetworkStatus status;
  status.id = readNumber<std::uint32_t>(object.status, "id", 0);
  const auto automatic = net::RouteTarget::parse(text(object.status, "autoRouteTarget"));
  if (automatic) status.autoTarget = *automatic;
  return status;
}

PortSpec PortSpec::from(const Object& object) {
  const auto& project = object.metadata.project;
  PortSpec spec;
  spec.network = Ref::parse(text(object.spec, "network"), project);
  spec.host = text(object.spec, "host");
  spec.addresses = readAddresses(object.spec, "addresses");
  if (const auto mac = text(object.spec, "mac"); !mac.empty())
    spec.mac = must(net::MacAddress::parse(mac));
  spec.securityGroups = refs(object.spec, "securityGroups", project);
  spec.portSecurity = flag(object.spec, "portSecurity", true);
  spec.hostname = text(object.spec, "hostname");
  if (const auto& workload = part(object.spec, "workload"); !workload.empty())
    spec.workload =
        WorkloadRef{text(workload, "kind"), text(workload, "namespace"), text(workload, "name")};
  return spec;
}

PortStatus PortStatus::from(const Object& object) {
  PortStatus status;
  for (const auto& item : list(object.status, "addresses"))
    if (const auto address = net::IpAddress::parse(item.is_string() ? item.get<std::string>() : ""))
      status.addresses.push_back(*address);
  if (const auto mac = net::MacAddress::parse(text(object.status, "mac"))) status.mac = *mac;
  status.phase = text(object.status, "phase", "pending");
  status.host = text(object.status, "host");
  return status;
}

AddressPoolSpec AddressPoolSpec::from(const Object& object) {
  return {readPrefixes(object.spec, "prefixes")};
}

FloatingIpSpec FloatingIpSpec::from(const Object& object) {
  return {Ref::parse(text(object.spec, "network"), object.metadata.project),
          optionalAddress(object.spec, "address"),
          optionalRef(object.spec, "port", object.metadata.project)};
}

ServiceSpec ServiceSpec::from(const Object& object) {
  ServiceSpec spec;
  spec.network = Ref::parse(text(object.spec, "network"), object.metadata.project);
  spec.addresses = readAddresses(object.spec, "addresses");
  for (const auto& item : list(object.spec, "ports")) {
    ServicePort port;
    port.name = text(item, "name");
    port.protocol = protocol(item, Protocol::kTcp);
    port.port = readNumber<std::uint16_t>(item, "port", 0);
    port.targetPort = readNumber<std::uint16_t>(item, "targetPort", port.port);
    spec.ports.push_back(std::move(port));
  }
  for (const auto& item : list(object.spec, "backends")) {
    Backend backend;
    backend.port = Ref::parse(text(item, "port"), object.metadata.project);
    backend.ready = flag(item, "ready", true);
    backend.weight = readNumber<std::uint16_t>(item, "weight", 1);
    for (const auto& [name, value] : part(item, "targetPorts").items())
      backend.targetPorts[name] = value.get<std::uint16_t>();
    spec.backends.push_back(std::move(backend));
  }
  return spec;
}

RouterSpec RouterSpec::from(const Object& object) {
  return {refs(object.spec, "networks", object.metadata.project)};
}

PolicySpec PolicySpec::from(const Object& object) {
  PolicySpec spec;
  for (const auto& item : list(object.spec, "rules")) {
    PolicyRule rule;
    rule.fromNetwork = optionalRef(part(item, "from"), "network", object.metadata.project);
    rule.toNetwork = optionalRef(part(item, "to"), "network", object.metadata.project);
    rule.protocol = protocol(item, Protocol::kAny);
    for (const auto& ports : list(item, "ports")) rule.ports.push_back(range(asText(ports)));
    rule.allow = text(item, "action", "allow") == "allow";
    spec.rules.push_back(std::move(rule));
  }
  return spec;
}

SecurityGroupSpec SecurityGroupSpec::from(const Object& object) {
  const auto& project = object.metadata.project;
  SecurityGroupSpec spec;
  for (const auto& item : list(object.spec, "rules")) {
    SecurityGroupRule rule;
    rule.ingress = text(item, "direction") == "ingress";
    rule.protocol = protocol(item, Protocol::kAny);
    if (item.contains("ports")) rule.ports = range(asText(item["ports"]));
    rule.remotePrefix = optionalPrefix(item, "remotePrefix");
    rule.remoteGroup = optionalRef(item, "remoteGroup", project);
    rule.remoteNetwork = optionalRef(item, "remoteNetwork", project);
    spec.rules.push_back(std::move(rule));
  }
  return spec;
}

PeerSpec PeerSpec::from(const Object& object) {
  const auto& json = object.spec;
  PeerSpec spec;
  spec.role = text(json, "role");
  spec.site = text(json, "site");
  spec.address = toAddress(text(json, "address"));
  spec.asn = net::Asn(readNumber<std::uint32_t>(json, "asn", 0));
  spec.port = readNumber<std::uint16_t>(json, "port", 179);
  spec.passive = flag(json, "passive", false);
  spec.md5Key = text(json, "md5Key");
  spec.holdTime = readNumber<std::uint16_t>(json, "holdTime", 90);
  spec.enforceFirstAs = flag(json, "enforceFirstAs", true);
  spec.maxRoutes =
      readNumber<std::uint32_t>(json, "maxRoutes", spec.role == "site" ? 100000 : 10000);
  for (const auto& item : list(json, "families")) spec.families.push_back(item.get<std::string>());
  if (spec.families.empty())
    spec.families = spec.role == "site" ? std::vector<std::string>{"vpnv4", "rtc"}
                                        : std::vector<std::string>{"vpnv4"};
  spec.import = filter(part(json, "import"));
  spec.exportTo = filter(part(json, "export"));
  spec.apiUrl = text(part(json, "api"), "url");
  spec.apiFingerprint = text(part(json, "api"), "fingerprint");
  return spec;
}

LinkSpec LinkSpec::from(const Object& object) {
  const auto& json = object.spec;
  LinkSpec spec;
  spec.peer = text(json, "peer");
  spec.network = Ref::parse(text(json, "network"), object.metadata.project);
  spec.remoteNetwork = text(json, "remoteNetwork");
  if (const auto value = text(json, "routeTarget"); !value.empty())
    spec.routeTarget = target(value);
  spec.localPrefixes = readPrefixes(json, "localPrefixes");
  spec.remotePrefixes = readPrefixes(json, "remotePrefixes");
  spec.accepted = flag(json, "accepted", false);
  spec.proposedByUs = flag(json, "proposedByUs", false);
  return spec;
}

IdentitySpec IdentitySpec::from(const Object& object) {
  IdentitySpec spec;
  spec.number = readNumber<std::uint32_t>(object.spec, "number", 0);
  for (const auto& [key, value] : part(object.spec, "labels").items())
    spec.labels[key] = asText(value);
  return spec;
}

TokenSpec TokenSpec::from(const Object& object) {
  TokenSpec spec;
  const auto role = text(object.spec, "role");
  spec.role = role == "admin"    ? Role::kAdmin
              : role == "member" ? Role::kMember
              : role == "host"   ? Role::kHost
                                 : Role::kReader;
  spec.project = text(object.spec, "project");
  spec.hash = text(object.spec, "hash");
  spec.host = text(object.spec, "host");
  spec.hostAddress = text(object.spec, "hostAddress");
  spec.expires = text(object.spec, "expires");
  return spec;
}

}  // namespace hawser::model
