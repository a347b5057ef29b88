// The typed views: every field of every spec, and what stands where a field is absent.
#include "hawser/model/specs.h"

#include <gtest/gtest.h>

#include "build.h"

namespace hawser::model {
namespace {

using namespace test;

std::vector<std::string> texts(const auto& items) {
  std::vector<std::string> out;
  for (const auto& item : items) out.push_back(item.text());
  return out;
}
using Texts = std::vector<std::string>;

TEST(Ref, IsSeenFromAProject) {
  EXPECT_EQ(Ref::parse("db", "default"), (Ref{"default", "db"}));
  EXPECT_EQ(Ref::parse("database/db", "default"), (Ref{"database", "db"}));
  EXPECT_EQ(Ref::parse("database/db", "default").text(), "database/db");
  EXPECT_LT((Ref{"a", "z"}), (Ref{"b", "a"}));
}

TEST(SiteSpec, FullAndShort) {
  const auto full = SiteSpec::from(parsed(
      Kind::kSite, "{asn: 4200000000, underlayMtu: 9000, encapsulations: [VXLAN, MPLSoGRE]}"));
  EXPECT_EQ(full.asn, net::Asn(4200000000U));
  EXPECT_EQ(full.underlayMtu, 9000);
  EXPECT_EQ(full.encapsulations,
            (std::vector{net::Encapsulation::kVxlan, net::Encapsulation::kGre}))
      << "in the order of preference";
  const auto brief = SiteSpec::from(parsed(Kind::kSite, "{asn: 64512}"));
  EXPECT_EQ(brief.underlayMtu, 1500);
  EXPECT_EQ(brief.encapsulations,
            (std::vector{net::Encapsulation::kMplsInUdp, net::Encapsulation::kGre}));
}

TEST(NetworkSpec, FullAndShort) {
  const auto full = NetworkSpec::from(
      parsed(Kind::kNetwork,
             "{subnets: [{prefix: 10.0.100.0/24, gateway: 10.0.100.254}, {prefix: "
             "\"2001:db8::/64\"}], routeTargets: {import: [\"1:1\"], export: [\"1:2\"], both: "
             "[\"1:3\", \"1:1\"]}, external: true, addressPool: pool, description: d}"));
  ASSERT_EQ(full.subnets.size(), 2U);
  EXPECT_EQ(full.subnets[0].gateway->text(), "10.0.100.254");
  EXPECT_FALSE(full.subnets[1].gateway);
  EXPECT_EQ(texts(full.importTargets), (Texts{"1:1", "1:3"}));
  EXPECT_EQ(texts(full.exportTargets), (Texts{"1:1", "1:2", "1:3"}));
  EXPECT_TRUE(full.external);
  EXPECT_EQ(full.addressPool, "pool");
  EXPECT_EQ(full.description, "d");
  const auto brief = NetworkSpec::from(parsed(Kind::kNetwork, "{}"));
  EXPECT_TRUE(brief.subnets.empty() && brief.importTargets.empty() && brief.exportTargets.empty());
  EXPECT_FALSE(brief.external);
}

TEST(NetworkStatus, BeforeAndAfterAllocation) {
  auto network = parsed(Kind::kNetwork, "{}");
  EXPECT_EQ(NetworkStatus::from(network).id, 0U);
  network.status = {{"id", 7}, {"autoRouteTarget", "64512:8000007"}};
  EXPECT_EQ(NetworkStatus::from(network).id, 7U);
  EXPECT_EQ(NetworkStatus::from(network).autoTarget.text(), "64512:8000007");
}

TEST(PortSpec, FullAndShort) {
  const auto full = PortSpec::from(parsed(
      Kind::kPort,
      "{network: other/db, host: node1, addresses: [10.0.0.5, \"2001:db8::5\"], mac: "
      "\"02:00:00:00:00:05\", securityGroups: [web, other/db], portSecurity: false, hostname: h, "
      "workload: {kind: pod, namespace: ns, name: p}}"));
  EXPECT_EQ(full.network.text(), "other/db");
  EXPECT_EQ(full.host, "node1");
  EXPECT_EQ(texts(full.addresses), (Texts{"10.0.0.5", "2001:db8::5"}));
  EXPECT_EQ(full.mac->text(), "02:00:00:00:00:05");
  EXPECT_EQ(texts(full.securityGroups), (Texts{"default/web", "other/db"}));
  EXPECT_FALSE(full.portSecurity);
  EXPECT_EQ(full.hostname, "h");
  EXPECT_EQ(full.workload, (WorkloadRef{"pod", "ns", "p"}));
  const auto brief = PortSpec::from(parsed(Kind::kPort, "{network: n}"));
  EXPECT_EQ(brief.network.text(), "default/n");
  EXPECT_TRUE(brief.host.empty() && brief.addresses.empty() && brief.securityGroups.empty());
  EXPECT_FALSE(brief.mac || brief.workload);
  EXPECT_TRUE(brief.portSecurity) << "protected unless somebody says otherwise";
}

TEST(PortStatus, BeforeAndAfterAllocation) {
  auto port = parsed(Kind::kPort, "{network: n}");
  EXPECT_EQ(PortStatus::from(port).phase, "pending");
  EXPECT_TRUE(PortStatus::from(port).addresses.empty());
  port.status = {{"addresses", {"10.0.0.5"}},
                 {"mac", "02:00:00:00:00:05"},
                 {"phase", "up"},
                 {"host", "node1"}};
  const auto status = PortStatus::from(port);
  EXPECT_EQ(texts(status.addresses), Texts{"10.0.0.5"});
  EXPECT_EQ(status.mac.text(), "02:00:00:00:00:05");
  EXPECT_EQ(status.phase, "up");
  EXPECT_EQ(status.host, "node1");
}

// A status is not validated as a spec is: what is of another type is as if it were not there.
TEST(Statuses, OfAnotherTypeAreAbsent) {
  for (const auto& odd : {Json(nullptr), Json("x"), Json(true), Json::array({1}), Json::object()}) {
    auto network = parsed(Kind::kNetwork, "{}");
    network.status = {{"id", odd}, {"autoRouteTarget", odd}};
    EXPECT_EQ(NetworkStatus::from(network).id, 0U) << odd;
    EXPECT_EQ(NetworkStatus::from(network).autoTarget, net::RouteTarget()) << odd;
    auto port = parsed(Kind::kPort, "{network: n}");
    port.status = {
        {"addresses", {odd, "10.0.0.300"}}, {"mac", odd}, {"phase", 7}, {"host", Json::array()}};
    const auto status = PortStatus::from(port);
    EXPECT_TRUE(status.addresses.empty());
    EXPECT_EQ(status.mac, net::MacAddress());
    EXPECT_EQ(status.phase, "pending");
    EXPECT_EQ(status.host, "");
  }
}

TEST(AddressPoolSpec, Prefixes) {
  EXPECT_EQ(texts(AddressPoolSpec::from(
                      parsed(Kind::kAddressPool, "{prefixes: [10.1.0.0/16, 10.3.0.0/16]}"))
                      .prefixes),
            (Texts{"10.1.0.0/16", "10.3.0.0/16"}));
}

TEST(FloatingIpSpec, FullAndShort) {
  const auto full = FloatingIpSpec::from(
      parsed(Kind::kFloatingIp, "{network: Public, address: 185.22.97.10, port: other/vm}"));
  EXPECT_EQ(full.network.text(), "default/Public");
  EXPECT_EQ(full.address->text(), "185.22.97.10");
  EXPECT_EQ(full.port->text(), "other/vm");
  const auto brief = FloatingIpSpec::from(parsed(Kind::kFloatingIp, "{network: Public}"));
  EXPECT_FALSE(brief.address || brief.port);
}

TEST(ServiceSpec, Full) {
  const auto spec = ServiceSpec::from(parsed(
      Kind::kService,
      "{network: s, addresses: [10.254.0.1], ports: [{name: http, port: 80, targetPort: 8000}, "
      "{name: dns, protocol: udp, port: 53}], backends: [{port: a, ready: false, weight: 5, "
      "targetPorts: {http: 9000}}, {port: other/b}]}"));
  ASSERT_EQ(spec.ports.size(), 2U);
  EXPECT_EQ(spec.ports[0].name, "http");
  EXPECT_EQ(spec.ports[0].targetPort, 8000);
  EXPECT_EQ(spec.ports[1].protocol, Protocol::kUdp);
  EXPECT_EQ(spec.ports[1].targetPort, 53) << "the same unless another is named";
  ASSERT_EQ(spec.backends.size(), 2U);
  EXPECT_FALSE(spec.backends[0].ready);
  EXPECT_EQ(spec.backends[0].weight, 5);
  EXPECT_EQ(spec.backends[0].targetPorts.at("http"), 9000);
  EXPECT_TRUE(spec.backends[1].ready);
  EXPECT_EQ(spec.backends[1].weight, 1);
  EXPECT_EQ(spec.backends[1].port.text(), "other/b");
}

TEST(RouterSpec, Networks) {
  EXPECT_EQ(texts(RouterSpec::from(parsed(Kind::kRouter, "{networks: [a, p/b]}")).networks),
            (Texts{"default/a", "p/b"}));
}

TEST(PolicySpec, Full) {
  const auto spec = PolicySpec::from(parsed(
      Kind::kPolicy,
      "{rules: [{from: {network: a}, to: {network: p/b}, protocol: udp, ports: [53, \"100-200\"], "
      "action: deny}, {from: {network: a}, to: {network: b}}]}"));
  EXPECT_EQ(spec.rules[0].fromNetwork->text(), "default/a");
  EXPECT_EQ(spec.rules[0].toNetwork->text(), "p/b");
  EXPECT_EQ(spec.rules[0].protocol, Protocol::kUdp);
  ASSERT_EQ(spec.rules[0].ports.size(), 2U);
  EXPECT_EQ(spec.rules[0].ports[0].last, 53);
  EXPECT_EQ(spec.rules[0].ports[1].first, 100);
  EXPECT_EQ(spec.rules[0].ports[1].last, 200);
  EXPECT_FALSE(spec.rules[0].allow);
  EXPECT_TRUE(spec.rules[1].allow);
  EXPECT_EQ(spec.rules[1].protocol, Protocol::kAny);
  EXPECT_TRUE(spec.rules[1].ports.empty());
}

TEST(SecurityGroupSpec, Full) {
  const auto spec = SecurityGroupSpec::from(
      parsed(Kind::kSecurityGroup,
             "{rules: [{direction: ingress, protocol: tcp, ports: 5432, remotePrefix: "
             "10.0.0.0/8}, {direction: egress, remoteGroup: g}, {direction: egress, "
             "remoteNetwork: p/n}]}"));
  EXPECT_TRUE(spec.rules[0].ingress);
  EXPECT_EQ(spec.rules[0].ports.first, 5432);
  EXPECT_EQ(spec.rules[0].ports.last, 5432);
  EXPECT_EQ(spec.rules[0].remotePrefix->text(), "10.0.0.0/8");
  EXPECT_FALSE(spec.rules[1].ingress);
  EXPECT_EQ(spec.rules[1].ports.first, 0);
  EXPECT_EQ(spec.rules[1].ports.last, 65535) << "no ports: all";
  EXPECT_EQ(spec.rules[1].remoteGroup->text(), "default/g");
  EXPECT_EQ(spec.rules[2].remoteNetwork->text(), "p/n");
}

TEST(PeerSpec, FullAndByRole) {
  const auto full = PeerSpec::from(parsed(
      Kind::kPeer,
      "{role: site, site: openstack, address: 10.1.0.10, asn: 64512, port: 1179, passive: true, "
      "md5Key: k, holdTime: 30, maxRoutes: 7, enforceFirstAs: false, families: [vpnv4], import: "
      "{routeTargets: [\"1:1\"], prefixes: "
      "[10.0.0.0/8]}, export: {routeTargets: []}, api: {url: \"https://10.1.0.10:8443\", "
      "fingerprint: \"sha256:ab\"}}"));
  EXPECT_EQ(full.role, "site");
  EXPECT_EQ(full.site, "openstack");
  EXPECT_EQ(full.address.text(), "10.1.0.10");
  EXPECT_EQ(full.asn, net::Asn(64512));
  EXPECT_EQ(full.port, 1179);
  EXPECT_TRUE(full.passive);
  EXPECT_EQ(full.md5Key, "k");
  EXPECT_EQ(full.holdTime, 30);
  EXPECT_EQ(full.maxRoutes, 7U);
  EXPECT_FALSE(full.enforceFirstAs);
  EXPECT_EQ(full.families, Texts{"vpnv4"});
  EXPECT_EQ(texts(*full.import.routeTargets), Texts{"1:1"});
  EXPECT_EQ(texts(*full.import.prefixes), Texts{"10.0.0.0/8"});
  EXPECT_TRUE(full.exportTo.routeTargets && full.exportTo.routeTargets->empty());
  EXPECT_FALSE(full.exportTo.prefixes);
  EXPECT_EQ(full.apiUrl, "https://10.1.0.10:8443");
  EXPECT_EQ(full.apiFingerprint, "sha256:ab");
  const auto site =
      PeerSpec::from(parsed(Kind::kPeer, "{role: site, site: s, address: 10.1.0.10, asn: 64512}"));
  EXPECT_EQ(site.families, (Texts{"vpnv4", "rtc"}));
  EXPECT_EQ(site.port, 179);
  EXPECT_EQ(site.holdTime, 90);
  EXPECT_EQ(site.maxRoutes, 100000U);
  EXPECT_TRUE(site.enforceFirstAs);
  const auto gateway =
      PeerSpec::from(parsed(Kind::kPeer, "{role: gateway, address: 10.3.0.1, asn: 64999}"));
  EXPECT_EQ(gateway.families, Texts{"vpnv4"});
  EXPECT_EQ(gateway.maxRoutes, 10000U);
  EXPECT_EQ(PeerSpec::from(parsed(Kind::kPeer,
                                  "{role: gateway, address: 10.3.0.1, asn: 64999, "
                                  "maxRoutes: 0}"))
                .maxRoutes,
            0U);
}

TEST(LinkSpec, FullAndShort) {
  const auto full = LinkSpec::from(
      parsed(Kind::kLink,
             "{peer: openstack, network: leonardo, remoteNetwork: database/db, routeTarget: "
             "\"64512:7\", localPrefixes: [10.10.0.0/16], remotePrefixes: [10.0.100.0/24], "
             "accepted: true, proposedByUs: true}"));
  EXPECT_EQ(full.peer, "openstack");
  EXPECT_EQ(full.network.text(), "default/leonardo");
  EXPECT_EQ(full.remoteNetwork, "database/db");
  EXPECT_EQ(full.routeTarget.text(), "64512:7");
  EXPECT_EQ(texts(full.localPrefixes), Texts{"10.10.0.0/16"});
  EXPECT_EQ(texts(full.remotePrefixes), Texts{"10.0.100.0/24"});
  EXPECT_TRUE(full.accepted && full.proposedByUs);
  const auto brief = LinkSpec::from(parsed(Kind::kLink, "{peer: o, network: n}"));
  EXPECT_FALSE(brief.accepted || brief.proposedByUs) << "nobody agrees by silence";
  EXPECT_EQ(brief.routeTarget, net::RouteTarget());
}

TEST(IdentitySpec, NumberAndLabels) {
  const auto spec = IdentitySpec::from(
      parsed(Kind::kIdentity, "{number: 4294967295, labels: {network: default/db}}"));
  EXPECT_EQ(spec.number, 4294967295U);
  EXPECT_EQ(spec.labels.at("network"), "default/db");
}

TEST(TokenSpec, Roles) {
  const auto hash = std::string(64, '0');
  for (const auto& [text, role] : {std::pair{"reader", Role::kReader},
                                   {"admin", Role::kAdmin},
                                   {"member", Role::kMember},
                                   {"host", Role::kHost}}) {
    const auto spec = TokenSpec::from(
        parsed(Kind::kToken, "{role: " + std::string(text) + ", project: p, host: h, hash: \"" +
                                 hash + "\", expires: \"2026-01-31T12:00:00Z\"}"));
    EXPECT_EQ(spec.role, role) << text;
    EXPECT_EQ(spec.project, "p");
    EXPECT_EQ(spec.host, "h");
    EXPECT_EQ(spec.hash, hash);
    EXPECT_EQ(spec.expires, "2026-01-31T12:00:00Z");
  }
}

TEST(Protocol, NamesComeBack) {
  for (const auto protocol :
       {Protocol::kAny, Protocol::kIcmp, Protocol::kTcp, Protocol::kUdp, Protocol::kSctp})
    EXPECT_EQ(parseProtocol(protocolName(protocol)), protocol);
  EXPECT_EQ(parseProtocol("TCP"), std::nullopt);
  EXPECT_EQ(parseProtocol(""), std::nullopt);
}

}  // namespace
}  // namespace hawser::model
