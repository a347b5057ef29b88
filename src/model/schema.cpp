#include "schema.h"

#include <array>

namespace hawser::model {
namespace {

Field listOf(std::string_view name, Type item, std::string_view description) {
  return {.name = name,
          .type = Type::kList,
          .description = description,
          .fields = {{.name = "", .type = item}}};
}
Field listOfObjects(std::string_view name, std::string_view description,
                    std::vector<Field> fields) {
  return {.name = name,
          .type = Type::kList,
          .description = description,
          .fields = {{.name = "", .type = Type::kObject, .fields = std::move(fields)}}};
}
Field object(std::string_view name, std::string_view description, std::vector<Field> fields,
             bool required = false) {
  return {.name = name,
          .type = Type::kObject,
          .description = description,
          .required = required,
          .fields = std::move(fields)};
}
Field integer(std::string_view name, std::string_view description, std::int64_t least,
              std::int64_t most, std::string_view fallback = {}, bool required = false) {
  return {.name = name,
          .type = Type::kInteger,
          .description = description,
          .required = required,
          .fallback = fallback,
          .least = least,
          .most = most};
}
Field port(std::string_view name, std::string_view description, bool required = false,
           std::string_view fallback = {}) {
  return integer(name, description, 1, 65535, fallback, required);
}
Field flag(std::string_view name, std::string_view description, std::string_view fallback) {
  return {.name = name, .type = Type::kBool, .description = description, .fallback = fallback};
}
Field choice(std::string_view name, std::string_view description,
             std::vector<std::string_view> values, std::string_view fallback = {},
             bool required = false) {
  return {.name = name,
          .type = Type::kEnum,
          .description = description,
          .required = required,
          .fallback = fallback,
          .values = std::move(values)};
}
Field field(std::string_view name, Type type, std::string_view description, bool required = false) {
  return {.name = name, .type = type, .description = description, .required = required};
}

const std::vector<std::string_view> kProtocols{"any", "icmp", "tcp", "udp", "sctp"};

std::vector<Field> filterFields() {
  return {listOf("routeTargets", Type::kRouteTarget,
                 "route targets that may pass; absent: none but those of accepted Links"),
          listOf("prefixes", Type::kPrefix, "prefixes inside which routes must lie; absent: any")};
}

std::vector<Field> siteFields() {
  return {field("asn", Type::kAsn, "AS number of the site; no other site may have it", true),
          {.name = "encapsulations",
           .type = Type::kList,
           .description = "encapsulations between hosts, preferred first",
           .fallback = R"(["MPLSoUDP","MPLSoGRE"])",
           .fields = {choice("", "", {"MPLSoUDP", "MPLSoGRE", "VXLAN"})}},
          integer("underlayMtu", "bytes of an IP packet that the underlay carries", 1280, 65535,
                  "1500")};
}

std::vector<Field> networkFields() {
  return {
      listOfObjects("subnets", "address ranges of the network",
                    {field("prefix", Type::kPrefix, "the range", true),
                     field("gateway", Type::kAddress,
                           "address of the router; default: the first of the range")}),
      object("routeTargets", "targets beside the automatic one",
             {listOf("import", Type::kRouteTarget, "routes with one of these are imported"),
              listOf("export", Type::kRouteTarget, "added to the network's routes"),
              listOf("both", Type::kRouteTarget, "imported and exported")}),
      flag("external", "holds addresses of the outside; workloads get none by themselves", "false"),
      field("addressPool", Type::kName,
            "pool the addresses come from, unique over all networks that use it"),
      field("description", Type::kText, "for people")};
}

std::vector<Field> portFields() {
  return {
      field("network", Type::kRef, "network that the port is in", true),
      field("host", Type::kName, "host that the workload runs on"),
      listOf("addresses", Type::kAddress, "fixed addresses; one is allocated when there is none"),
      field("mac", Type::kMac, "hardware address; one is made when it is absent"),
      listOf("securityGroups", Type::kRef, "groups whose rules protect the port"),
      flag("portSecurity", "drop what the workload sends with other addresses than its own",
           "true"),
      field("hostname", Type::kText, "name of the workload"),
      object("workload", "who plugs the port",
             {choice("kind", "what it is", {"pod", "vm", "container"}, {}, true),
              field("namespace", Type::kText, "of a pod"),
              field("name", Type::kText, "its name", true)})};
}

std::vector<Field> serviceFields() {
  return {field("network", Type::kRef, "network that the addresses are in", true),
          listOf("addresses", Type::kAddress, "virtual addresses"),
          listOfObjects("ports", "what is served",
                        {field("name", Type::kText, "unique in the service"),
                         choice("protocol", "transport", {"tcp", "udp", "sctp"}, R"("tcp")"),
                         port("port", "at the virtual address", true),
                         port("targetPort", "at the backend; default: the same")}),
          listOfObjects(
              "backends", "ports of the workloads behind it",
              {field("port", Type::kRef, "a Port", true),
               flag("ready", "gets new connections", "true"),
               integer("weight", "share of the connections", 1, 1000, "1"),
               {.name = "targetPorts",
                .type = Type::kMap,
                .description = "target ports of this backend, by the name of the service's port",
                .fields = {port("", "")}}})};
}

std::vector<Field> policyFields() {
  const auto end = [](std::string_view name, std::string_view description) {
    return object(name, description, {field("network", Type::kRef, "a Network")});
  };
  return {listOfObjects("rules",
                        "the first that matches decides; the rest between these networks is denied",
                        {end("from", "who opens the connection"), end("to", "who is called"),
                         choice("protocol", "transport", kProtocols, R"("any")"),
                         listOf("ports", Type::kPorts, "destination ports; absent: all"),
                         choice("action", "what happens", {"allow", "deny"}, R"("allow")")})};
}

std::vector<Field> securityGroupFields() {
  return {
      listOfObjects("rules", "what is allowed; the rest is denied",
                    {choice("direction", "seen from the workload", {"ingress", "egress"}, {}, true),
                     choice("protocol", "transport", kProtocols, R"("any")"),
                     field("ports", Type::kPorts, "destination ports; absent: all"),
                     field("remotePrefix", Type::kPrefix, "the other side's addresses"),
                     field("remoteGroup", Type::kRef, "the other side is in this security group"),
                     field("remoteNetwork", Type::kRef, "the other side is in this network")})};
}

std::vector<Field> peerFields() {
  return {
      choice("role", "a hardware router, or another Hawser site", {"gateway", "site"}, {}, true),
      field("site", Type::kName, "name of the other site"),
      field("address", Type::kAddress, "of its BGP speaker", true),
      field("asn", Type::kAsn, "its AS number", true),
      port("port", "of its BGP speaker", false, "179"),
      flag("passive", "wait for it to connect", "false"),
      field("md5Key", Type::kText, "TCP-MD5 (RFC 2385) key"),
      integer("holdTime", "seconds; 0 switches keepalives off", 0, 65535, "90"),
      integer(
          "maxRoutes",
          "routes and memberships that it may give us; with more the session ends for 5 min; 0: "
          "no limit; default: 100000 for a site, 10000 for a gateway",
          0, 10000000),
      flag("enforceFirstAs",
           "refuse routes whose AS path does not begin with its AS; false for a route server",
           "true"),
      {.name = "families",
       .type = Type::kList,
       .description = "address families; default: vpnv4, and rtc for a site",
       .fields = {choice("", "", {"vpnv4", "vpnv6", "rtc"})}},
      object("import", "what it may give us", filterFields()),
      object("export", "what it may get", filterFields()),
      object("api", "the other site's API, for Links",
             {field("url", Type::kText, "https://address:port", true),
              field("fingerprint", Type::kText, "sha256:… of its CA certificate", true)})};
}

std::vector<Field> linkFields() {
  return {field("peer", Type::kName, "Peer of role site", true),
          field("network", Type::kRef, "our network", true),
          field("remoteNetwork", Type::kText, "the other site's network, project/name"),
          field("routeTarget", Type::kRouteTarget,
                "that both import and export; allocated when absent"),
          listOf("localPrefixes", Type::kPrefix, "what we may send; default: our subnets"),
          listOf("remotePrefixes", Type::kPrefix, "what they may send; default: what they offer"),
          flag("accepted", "we agree", "false"),
          flag("proposedByUs", "set by the API", "false")};
}

struct KindTable {
  Kind kind;
  std::string_view description;
  std::vector<Field> fields;
};

const std::vector<KindTable>& tables() {
  static const std::vector<KindTable> kTables{
      {Kind::kSite, "This site. There is one; other sites are Peers.", siteFields()},
      {Kind::kHost,
       "A compute host with an agent.",
       {field("address", Type::kAddress, "on the underlay; next hop of its workloads", true)}},
      {Kind::kProject, "A tenant.", {field("description", Type::kText, "for people")}},
      {Kind::kNetwork, "A tenant network: a VRF with route targets.", networkFields()},
      {Kind::kPort, "A workload's interface in a network.", portFields()},
      {Kind::kAddressPool,
       "Addresses that are unique over several networks.",
       {listOf("prefixes", Type::kPrefix, "the ranges")}},
      {Kind::kFloatingIp,
       "An address of an external network, translated to a port.",
       {field("network", Type::kRef, "external network", true),
        field("address", Type::kAddress, "allocated when absent"),
        field("port", Type::kRef, "port that it leads to")}},
      {Kind::kService, "Virtual addresses with ports, spread over backends.", serviceFields()},
      {Kind::kRouter,
       "Networks that reach each other.",
       {listOf("networks", Type::kRef, "the networks")}},
      {Kind::kPolicy, "Joins networks and says what may pass between them.", policyFields()},
      {Kind::kSecurityGroup, "Rules for the ports that name it.", securityGroupFields()},
      {Kind::kPeer, "A BGP peer outside this site.", peerFields()},
      {Kind::kLink, "A network of ours and one of another site, stitched by agreement.",
       linkFields()},
      {Kind::kQuota,
       "Limits of a project.",
       {integer("networks", "how many", 0, 1000000), integer("ports", "how many", 0, 1000000),
        integer("services", "how many", 0, 1000000), integer("floatingIps", "how many", 0, 1000000),
        integer("externalAddresses",
                "addresses of external networks, of floating IPs, services and ports", 0,
                1000000)}},
      {Kind::kIdentity,
       "The number of a set of labels; made by the API.",
       {integer("number", "unique in the site", 1, 0xffffffffLL, {}, true),
        {.name = "labels", .type = Type::kMap, .description = "what rules see"}}},
      {Kind::kToken,
       "A secret that opens the API; only its hash is kept.",
       {choice("role", "what it allows", {"reader", "member", "admin", "host"}, {}, true),
        field("project", Type::kName, "of a member"),
        field("hash", Type::kText, "SHA-256 of the secret, in hex", true),
        field("host", Type::kName, "host that may join with it, once"),
        field("hostAddress", Type::kAddress, "underlay address of that host"),
        field("expires", Type::kText, "RFC 3339 time; absent: never")}},
  };
  return kTables;
}

const KindTable& tableOf(Kind kind) { return tables()[static_cast<std::size_t>(kind)]; }

}  // namespace

const std::vector<Field>& fieldsOf(Kind kind) { return tableOf(kind).fields; }
std::string_view describe(Kind kind) { return tableOf(kind).description; }

std::span<const KindInfo> kinds() {
  static constexpr std::array kKinds{
      KindInfo{Kind::kSite, "Site", "sites", "", false},
      KindInfo{Kind::kHost, "Host", "hosts", "", false},
      KindInfo{Kind::kProject, "Project", "projects", "", false},
      KindInfo{Kind::kNetwork, "Network", "networks", "net", true},
      KindInfo{Kind::kPort, "Port", "ports", "", true},
      KindInfo{Kind::kAddressPool, "AddressPool", "addresspools", "pool", false},
      KindInfo{Kind::kFloatingIp, "FloatingIP", "floatingips", "fip", true},
      KindInfo{Kind::kService, "Service", "services", "svc", true},
      KindInfo{Kind::kRouter, "Router", "routers", "", true},
      KindInfo{Kind::kPolicy, "Policy", "policies", "pol", true},
      KindInfo{Kind::kSecurityGroup, "SecurityGroup", "securitygroups", "sg", true},
      KindInfo{Kind::kPeer, "Peer", "peers", "", false},
      KindInfo{Kind::kLink, "Link", "links", "", true},
      KindInfo{Kind::kQuota, "Quota", "quotas", "", true},
      KindInfo{Kind::kIdentity, "Identity", "identities", "id", false},
      KindInfo{Kind::kToken, "Token", "tokens", "", false},
  };
  return kKinds;
}

const KindInfo& info(Kind kind) { return kinds()[static_cast<std::size_t>(kind)]; }

}  // namespace hawser::model
