// Typed views of the specs and statuses. from() expects an Object that passed parseObject, so it
// cannot fail; of a status, what does not parse is absent. References are names: "name" in the same
// project, or "project/name".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hawser/model/object.h"
#include "hawser/net/address.h"
#include "hawser/net/vpn.h"

namespace hawser::model {

// "name" or "project/name" seen from `project`.
struct Ref {
  std::string project;
  std::string name;
  [[nodiscard]] static Ref parse(std::string_view text, std::string_view project);
  [[nodiscard]] std::string text() const { return project + "/" + name; }
  friend auto operator<=>(const Ref&, const Ref&) = default;
};

struct SiteSpec {  // this site, one object, made by the controller; other sites appear as Peers
  net::Asn asn;
  std::vector<net::Encapsulation> encapsulations;  // preferred first; default MPLSoUDP, MPLSoGRE
  std::uint16_t underlayMtu = 1500;
  static SiteSpec from(const Object& object);
};

struct HostSpec {
  net::IpAddress address;  // underlay; the BGP next hop of its workloads
  static HostSpec from(const Object& object);
};  // status: {connected: bool, agentVersion, ports: n, certificate: "sha256:…" of its join}

struct Subnet {
  net::IpPrefix prefix;
  std::optional<net::IpAddress> gateway;
  // The one given, or the subnet's first address.
  [[nodiscard]] net::IpAddress gatewayAddress() const {
    return gateway.value_or(prefix.address().plus(1));
  }
};
struct NetworkSpec {
  std::vector<Subnet> subnets;
  std::set<net::RouteTarget> importTargets,
      exportTargets;      // besides the automatic one; spec.routeTargets.{import,export,both}
  bool external = false;  // routes and floating IPs of the outside; no automatic workload addresses
  std::string
      addressPool;  // addresses come from this pool and are unique across all networks that use it
  std::string description;
  static NetworkSpec from(const Object& object);
};
struct NetworkStatus {
  std::uint32_t id = 0;         // unique in the site, from 1; VRF id on every host
  net::RouteTarget autoTarget;  // <asn>:8000000+id
  static NetworkStatus from(const Object& object);
};

struct WorkloadRef {  // who binds the port: what CNI or nova knows
  std::string kind;   // "pod", "vm", "container"
  std::string space;  // namespace (pods) or project
  std::string name;
  friend bool operator==(const WorkloadRef&, const WorkloadRef&) = default;
};
struct PortSpec {
  Ref network;
  std::string host;                       // empty: not placed
  std::vector<net::IpAddress> addresses;  // given; the API allocates where none is
  std::optional<net::MacAddress> mac;
  std::vector<Ref> securityGroups;
  bool portSecurity = true;  // anti-spoofing
  std::string hostname;
  std::optional<WorkloadRef> workload;
  static PortSpec from(const Object& object);
};
struct PortStatus {  // addresses and mac as allocated; phase by the agent
  std::vector<net::IpAddress> addresses;
  net::MacAddress mac;
  std::string phase;  // "pending", "up", "down"
  std::string host;   // where it is up
  static PortStatus from(const Object& object);
};

struct AddressPoolSpec {
  std::vector<net::IpPrefix> prefixes;
  static AddressPoolSpec from(const Object& object);
};
struct FloatingIpSpec {
  Ref network;  // an external network
  std::optional<net::IpAddress> address;
  std::optional<Ref> port;
  static FloatingIpSpec from(const Object& object);
};

enum class Protocol : std::uint8_t { kAny = 0, kIcmp = 1, kTcp = 6, kUdp = 17, kSctp = 132 };
struct ServicePort {
  std::string name;
  Protocol protocol = Protocol::kTcp;
  std::uint16_t port = 0;
  std::uint16_t targetPort = 0;  // default: port
};
struct Backend {
  Ref port;
  bool ready = true;
  std::uint16_t weight = 1;
  std::map<std::string, std::uint16_t>
      targetPorts;  // by ServicePort.name, where this backend differs
};
struct ServiceSpec {
  Ref network;  // where the VIPs live
  std::vector<net::IpAddress> addresses;
  std::vector<ServicePort> ports;
  std::vector<Backend> backends;
  static ServiceSpec from(const Object& object);
};

struct RouterSpec {  // its networks reach each other
  std::vector<Ref> networks;
  static RouterSpec from(const Object& object);
};

struct PortRange {
  std::uint16_t first = 0, last = 65535;
  friend bool operator==(const PortRange&, const PortRange&) = default;
};
struct PolicyRule {  // connections from a workload of `from` to one of `to`; answers follow
  std::optional<Ref> fromNetwork, toNetwork;
  Protocol protocol = Protocol::kAny;
  std::vector<PortRange> ports;  // empty: all
  bool allow = true;
};
struct PolicySpec {  // joins the networks its allow rules name (they import each other's routes),
                     // and says what may pass
  std::vector<PolicyRule>
      rules;  // first match decides; between networks of the policy the rest is denied
  static PolicySpec from(const Object& object);
};

struct SecurityGroupRule {
  bool ingress = true;
  Protocol protocol = Protocol::kAny;
  PortRange ports;
  std::optional<net::IpPrefix> remotePrefix;
  std::optional<Ref> remoteGroup;
  std::optional<Ref> remoteNetwork;
};
struct SecurityGroupSpec {  // a port with groups gets what one of them allows, and nothing else, in
                            // that direction
  std::vector<SecurityGroupRule> rules;
  static SecurityGroupSpec from(const Object& object);
};

struct PeerFilterSpec {
  std::optional<std::set<net::RouteTarget>>
      routeTargets;  // absent: none for a site (Links add theirs), none for a gateway
  std::optional<std::vector<net::IpPrefix>> prefixes;  // absent: any
  friend bool operator==(const PeerFilterSpec&, const PeerFilterSpec&) = default;
};
struct PeerSpec {
  std::string role;  // "gateway" or "site"
  std::string site;  // name of the other site, for role site
  net::IpAddress address;
  net::Asn asn;
  std::uint16_t port = 179;
  bool passive = false;
  std::string md5Key;
  std::uint16_t holdTime = 90;  // seconds
  bool enforceFirstAs = true;
  std::uint32_t maxRoutes = 0;  // that it may give us; 0: any number; default by role
  std::vector<std::string>
      families;                     // "vpnv4", "rtc"; default both for a site, vpnv4 for a gateway
  PeerFilterSpec import, exportTo;  // spec.import, spec.export
  // The other site's API, pinned by the fingerprint of its CA ("sha256:…"); for Links.
  std::string apiUrl, apiFingerprint;
  static PeerSpec from(const Object& object);
  friend bool operator==(const PeerSpec&, const PeerSpec&) = default;
};

struct LinkSpec {
  std::string peer;              // a Peer of role site
  Ref network;                   // ours
  std::string remoteNetwork;     // "project/name" over there; "" until known
  net::RouteTarget routeTarget;  // agreed
  std::vector<net::IpPrefix> localPrefixes,
      remotePrefixes;     // what we may send, what they may; default the subnets
  bool accepted = false;  // ours
  bool proposedByUs = false;
  static LinkSpec from(const Object& object);
};  // status: {phase: "proposed"|"pending"|"established"|"withdrawn", message}

struct IdentitySpec {
  std::uint32_t number = 0;
  std::map<std::string, std::string> labels;  // "network", "project", "securityGroups", …
  static IdentitySpec from(const Object& object);
};

enum class Role : std::uint8_t { kReader, kMember, kAdmin, kHost, kSite };
struct TokenSpec {
  Role role = Role::kReader;
  std::string project;  // for members
  std::string hash;     // hex SHA-256 of the secret
  std::string host;     // set: a one-time token for a host to join
  std::string hostAddress;
  std::string expires;  // RFC 3339 in UTC, or empty: never
  // By a time in the same form: such texts are ordered as their times are.
  [[nodiscard]] bool over(const std::string& now) const {
    return !expires.empty() && expires <= now;
  }
  static TokenSpec from(const Object& object);
};

[[nodiscard]] std::string_view protocolName(Protocol protocol);
[[nodiscard]] std::optional<Protocol> parseProtocol(std::string_view text);

}  // namespace hawser::model
