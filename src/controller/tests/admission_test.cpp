// Each rule of admission, by the error that it gives: field and message.
#include <gmock/gmock.h>

#include "world.h"

namespace hawser::controller::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Admission, NetworksAreNumbered) {
  World world;
  world.add(kNet);
  world.add("{kind: Network, metadata: {name: b, project: other}}");
  EXPECT_EQ(world.get(Kind::kNetwork, "p", "a").status["id"], 1);
  EXPECT_EQ(world.get(Kind::kNetwork, "p", "a").status["autoRouteTarget"], "64512:8000001");
  EXPECT_EQ(world.get(Kind::kNetwork, "other", "b").status["id"], 2);
  ASSERT_TRUE(world.remove(Kind::kNetwork, "p", "a"));
  world.add("{kind: Network, metadata: {name: c}}");
  EXPECT_EQ(world.get(Kind::kNetwork, "p", "c").status["id"], 1);
  World wide(4200000000U);
  wide.add(kNet);
  EXPECT_EQ(wide.get(Kind::kNetwork, "p", "a").status["autoRouteTarget"], "4200000000:1");
}

TEST(Admission, WhatHostsDoNotCarryIsRefused) {
  World world;
  EXPECT_EQ(
      world.refusal(
          "{kind: Network, metadata: {name: six}, spec: {subnets: [{prefix: 10.0.0.0/24}, {prefix: "
          "'2001:db8::/64'}]}}"),
      "spec.subnets[1].prefix: 2001:db8::/64 is IPv6, which hosts do not carry yet");
  EXPECT_EQ(
      world.refusal("{kind: AddressPool, metadata: {name: six}, spec: {prefixes: ['fd00::/64']}}"),
      "spec.prefixes[0]: fd00::/64 is IPv6, which hosts do not carry yet");
}

TEST(Admission, OverlappingTenantsDoNotMeet) {
  World world;
  world.add(kNet);
  world.add(
      "{kind: Network, metadata: {name: a, project: other}, spec: {subnets: [{prefix: "
      "10.0.0.0/29}]}}");
  world.add("{kind: Port, metadata: {name: x}, spec: {network: a, addresses: [10.0.0.2]}}");
  world.add(
      "{kind: Port, metadata: {name: x, project: other}, spec: {network: a, addresses: "
      "[10.0.0.2]}}");
}

TEST(Admission, PortsNameTheirMistakes) {
  World world;
  world.add(kNet);
  world.add(
      "{kind: Network, metadata: {name: ext}, spec: {external: true, subnets: [{prefix: "
      "192.0.2.0/24}]}}");
  const auto refused = [&](const std::string& spec) {
    return world.refusal("{kind: Port, metadata: {name: x}, spec: {" + spec + "}}");
  };
  EXPECT_THAT(refused("network: nope"),
              StartsWith("spec.network: network \"p/nope\" does not exist"));
  EXPECT_THAT(refused("network: a, host: node9"),
              StartsWith("spec.host: host \"node9\" does not exist"));
  EXPECT_THAT(refused("network: a, securityGroups: [web]"),
              StartsWith("spec.securityGroups[0]: security group \"p/web\""));
  EXPECT_THAT(
      refused("network: a, addresses: [10.0.9.1]"),
      StartsWith(
          "spec.addresses[0]: 10.0.9.1 is outside the subnets of networks/p/a (10.0.0.0/29)"));
  EXPECT_THAT(refused("network: a, addresses: [10.0.0.1]"), HasSubstr("the gateway's"));
  EXPECT_THAT(refused("network: a, addresses: [10.0.0.0]"), HasSubstr("the network's own"));
  EXPECT_THAT(refused("network: a, addresses: [10.0.0.7]"), HasSubstr("broadcast"));
  EXPECT_THAT(refused("network: ext"), StartsWith("spec.addresses: is required"));
  world.add(
      "{kind: Port, metadata: {name: y}, spec: {network: a, addresses: [10.0.0.2], mac: "
      "\"02:00:00:00:00:01\"}}");
  EXPECT_THAT(refused("network: a, addresses: [10.0.0.2]"),
              StartsWith("spec.addresses[0]: 10.0.0.2 is in use by ports/p/y"));
  EXPECT_THAT(refused("network: a, mac: \"02:00:00:00:00:01\""),
              StartsWith("spec.mac: 02:00:00:00:00:01 is in use by ports/p/y"));
  EXPECT_THAT(world.refusal("{kind: Port, metadata: {name: x, project: nope}, spec: {network: a}}"),
              StartsWith("metadata.project: project \"nope\" does not exist"));
  EXPECT_EQ(world.get(Kind::kPort, "p", "y").status["phase"], "pending");
}

TEST(Admission, RouteTargetsOfOthersNeedAPeer) {
  World world;
  const auto net = [](const std::string& name, const std::string& targets,
                      const std::string& project = "p") {
    return "{kind: Network, metadata: {name: " + name + ", project: " + project +
           "}, spec: {routeTargets: {" + targets + "}}}";
  };
  world.add(net("own", "both: [\"64512:500\"]"));
  EXPECT_THAT(world.refusal(net("x", "export: [\"64512:1\"], import: [\"64513:500\"]")),
              StartsWith("spec.routeTargets.import[0]: 64513:500 is in AS 64513"));
  // The Peer may come in the same batch, in any order.
  ASSERT_TRUE(world.apply({net("x", "both: [\"64513:500\"]"),
                           "{kind: Peer, metadata: {name: k}, spec: {role: site, site: two, asn: "
                           "64513, address: 10.2.0.10}}"}));
  EXPECT_THAT(world.refusal(net("y", "both: [\"65000:7\"]")), HasSubstr("create the Peer first"));
  world.add(
      "{kind: Peer, metadata: {name: mx}, spec: {role: gateway, asn: 64999, address: 10.3.0.1, "
      "import: {routeTargets: [\"65000:7\"]}}}");
  world.add(net("y", "both: [\"65000:7\"]"));
  world.add(net("z", "both: [\"10.0.0.1:7\"]"));
  // Tenants: their own numbers, not their neighbours'.
  world.add(net("theirs", "both: [\"64512:600\"]", "other"));
  const auto automatic =
      world.get(Kind::kNetwork, "other", "theirs").status["autoRouteTarget"].get<std::string>();
  for (const auto& target :
       {automatic, std::string("64512:600"), std::string("64513:500"), std::string("65000:7")})
    EXPECT_THAT(world.refusal(net("t", "import: [\"" + target + "\"]"), World::member()),
                StartsWith("spec.routeTargets.import[0]: " + target))
        << target;
  EXPECT_TRUE(world.apply({net("t", "import: [\"64512:700\"]")}, World::member()));
}

TEST(Admission, TargetsThatTheApiGivesOutAreNotForTenantsToType) {
  const auto net = [](const std::string& name, const std::string& target) {
    return "{kind: Network, metadata: {name: " + name + "}, spec: {routeTargets: {import: [\"" +
           target + "\"]}}}";
  };
  World world;
  // The next network's, a far one's, the next Link's, whatever is in the ranges' ends.
  for (const auto* target : {"64512:8000000", "64512:8000001", "64512:8000002", "64512:8999999",
                             "64512:9000000", "64512:9000001", "64512:4294967295"})
    EXPECT_THAT(world.refusal(net("t", target), World::member()),
                StartsWith(std::string("spec.routeTargets.import[0]: ") + target +
                           " is among the numbers that the API gives out; type one below 8000000"));
  EXPECT_TRUE(world.apply({net("t", "64512:7999999")}, World::member()));
  World wide(4200000000U);
  for (const auto* target :
       {"4200000000:1", "4200000000:32767", "4200000000:49152", "4200000000:65535"})
    EXPECT_THAT(wide.refusal(net("t", target), World::member()),
                HasSubstr("gives out; type one 32768 to 49151"));
  EXPECT_TRUE(wide.apply({net("t", "4200000000:32768")}, World::member()));
  EXPECT_TRUE(wide.apply({net("u", "4200000000:49151")}, World::member()));
}

TEST(Admission, AdministratorsTypeGivenTargetsOnlyOfWhatIsThere) {
  World world;
  world.add("{kind: Network, metadata: {name: theirs, project: other}}");
  const auto extranet = [](const std::string& target) {
    return "{kind: Network, metadata: {name: x}, spec: {routeTargets: {import: [\"" + target +
           "\"]}}}";
  };
  EXPECT_THAT(world.refusal(extranet("64512:8000007")),
              StartsWith("spec.routeTargets.import[0]: 64512:8000007 is kept for the API"));
  EXPECT_THAT(world.refusal(extranet("64512:9000001")), HasSubstr("is kept for the API"));
  world.add(extranet("64512:8000001"));
  // What it had it keeps, by whoever's hand; the number is not given out again while it is named.
  EXPECT_TRUE(world.apply({extranet("64512:8000001")}, World::member()));
  ASSERT_TRUE(world.remove(Kind::kNetwork, "other", "theirs"));
  world.add("{kind: Network, metadata: {name: next, project: other}}");
  EXPECT_EQ(world.get(Kind::kNetwork, "other", "next").status["autoRouteTarget"], "64512:8000003");
}

TEST(Admission, WhatIsGivenOutWasNamedByNobody) {
  World world;
  world.add(
      "{kind: Peer, metadata: {name: k}, spec: {role: site, site: two, asn: 64513, address: "
      "10.2.0.10, import: {routeTargets: [\"64512:8000001\", \"64512:9000001\"]}, export: "
      "{routeTargets: [\"64512:8000002\"]}, api: {url: \"https://x\", fingerprint: \"sha256:" +
      std::string(64, 'a') + "\"}}}");
  world.add(kNet);
  EXPECT_EQ(world.get(Kind::kNetwork, "p", "a").status["autoRouteTarget"], "64512:8000003");
  world.add(
      "{kind: Network, metadata: {name: b}, spec: {routeTargets: {both: [\"64512:9000001\"]}}}");
  EXPECT_EQ(world.get(Kind::kNetwork, "p", "b").status["id"], 4);
  world.add(
      "{kind: Link, metadata: {name: typed}, spec: {peer: k, network: a, remoteNetwork: p/b, "
      "routeTarget: \"64512:9000002\"}}");
  world.add("{kind: Link, metadata: {name: l}, spec: {peer: k, network: a, remoteNetwork: p/c}}");
  EXPECT_EQ(world.get(Kind::kLink, "p", "l").spec["routeTarget"], "64512:9000003");
}

TEST(Admission, TenantsStayWithinTheirProject) {
  World world;
  world.add(kNet);
  world.add(
      "{kind: Network, metadata: {name: n, project: other}, spec: {subnets: [{prefix: "
      "10.5.0.0/24}]}}");
  world.add(
      "{kind: Network, metadata: {name: ext, project: other}, spec: {external: true, subnets: "
      "[{prefix: 192.0.2.0/29}]}}");
  world.add("{kind: Port, metadata: {name: theirs, project: other}, spec: {network: n}}");
  const auto refused = [&](const std::string& yaml) {
    return world.refusal(yaml, World::member());
  };
  EXPECT_THAT(refused("{kind: Port, metadata: {name: x}, spec: {network: other/n}}"),
              StartsWith("spec.network: other/n belongs"));
  EXPECT_THAT(refused("{kind: Router, metadata: {name: r}, spec: {networks: [a, other/n]}}"),
              StartsWith("spec.networks[1]"));
  EXPECT_THAT(refused("{kind: Policy, metadata: {name: q}, spec: {rules: [{from: {network: a}, to: "
                      "{network: other/n}}]}}"),
              StartsWith("spec.rules[0].to.network"));
  EXPECT_THAT(refused("{kind: FloatingIP, metadata: {name: f}, spec: {network: other/ext, port: "
                      "other/theirs}}"),
              StartsWith("spec.port: other/theirs belongs"));
  EXPECT_THAT(refused("{kind: Service, metadata: {name: s}, spec: {network: a, ports: [{port: 1}], "
                      "backends: [{port: other/theirs}]}}"),
              StartsWith("spec.backends[0].port"));
  EXPECT_THAT(refused("{kind: Network, metadata: {name: e}, spec: {external: true}}"),
              StartsWith("spec.external"));
  EXPECT_THAT(refused("{kind: Port, metadata: {name: x}, spec: {network: a, host: node1}}"),
              StartsWith("spec.host"));
  EXPECT_THAT(refused("{kind: Port, metadata: {name: x}, spec: {network: a, workload: {kind: pod, "
                      "namespace: kube-system, name: dns}}}"),
              StartsWith("spec.workload"));
  EXPECT_THAT(refused("{kind: Port, metadata: {name: x}, spec: {network: a, portSecurity: false}}"),
              StartsWith("spec.portSecurity"));
  EXPECT_TRUE(world.apply({"{kind: FloatingIP, metadata: {name: f}, spec: {network: other/ext}}"},
                          World::member()));
}

TEST(Admission, PeersAreTold) {
  World world;
  const auto peer = [](const std::string& name, const std::string& spec) {
    return "{kind: Peer, metadata: {name: " + name + "}, spec: {" + spec + "}}";
  };
  EXPECT_THAT(world.refusal(peer("x", "role: site, site: two, asn: 64512, address: 10.2.0.10")),
              StartsWith("spec.asn: AS 64512 is this site's own"));
  EXPECT_THAT(world.refusal(peer("x", "role: site, site: one, asn: 64513, address: 10.2.0.10")),
              StartsWith("spec.site"));
  EXPECT_THAT(world.refusal(peer("x", "role: gateway, asn: 64513, address: 10.1.0.10")),
              StartsWith("spec.address"));
  EXPECT_THAT(world.refusal(peer("x",
                                 "role: site, site: two, asn: 64513, address: 10.2.0.10, api: "
                                 "{url: \"https://10.2.0.10\", fingerprint: \"sha256:12\"}")),
              StartsWith("spec.api.fingerprint"));
  world.add(peer("a", "role: site, site: two, asn: 64513, address: 10.2.0.10"));
  EXPECT_THAT(world.refusal(peer("b", "role: gateway, asn: 64999, address: 10.2.0.10")),
              HasSubstr("is the address of peers/a"));
  EXPECT_THAT(world.refusal(peer("b", "role: site, site: three, asn: 64513, address: 10.3.0.10")),
              HasSubstr("is that of site \"two\""));
  EXPECT_THAT(world.refusal(peer("b", "role: site, site: two, asn: 64514, address: 10.3.0.10")),
              HasSubstr("has AS 64513 in peers/a"));
  world.add(peer("second-controller", "role: site, site: two, asn: 64513, address: 10.2.0.11"));
}

TEST(Admission, LinksAreProposals) {
  World world;
  world.add(kNet);
  world.add(
      "{kind: Peer, metadata: {name: k}, spec: {role: site, site: two, asn: 64513, address: "
      "10.2.0.10, api: {url: \"https://x\", fingerprint: \"sha256:" +
      std::string(64, 'a') + "\"}}}");
  world.add(
      "{kind: Peer, metadata: {name: mx}, spec: {role: gateway, asn: 64999, address: 10.3.0.1}}");
  world.add(
      "{kind: Peer, metadata: {name: mute}, spec: {role: site, site: three, asn: 64514, address: "
      "10.4.0.1}}");
  const auto link = [](const std::string& name, const std::string& spec) {
    return "{kind: Link, metadata: {name: " + name + "}, spec: {" + spec + "}}";
  };
  EXPECT_THAT(world.refusal(link("l", "peer: nope, network: a, remoteNetwork: p/b")),
              StartsWith("spec.peer: peer \"nope\""));
  EXPECT_THAT(world.refusal(link("l", "peer: mx, network: a, remoteNetwork: p/b")),
              HasSubstr("is a gateway"));
  EXPECT_THAT(world.refusal(link("l", "peer: mute, network: a, remoteNetwork: p/b")),
              HasSubstr("has no spec.api"));
  EXPECT_THAT(world.refusal(link("l", "peer: k, network: nope, remoteNetwork: p/b")),
              StartsWith("spec.network"));
  EXPECT_THAT(world.refusal(link("l", "peer: k, network: a, remoteNetwork: b")),
              StartsWith("spec.remoteNetwork"));
  EXPECT_THAT(world.refusal(link(
                  "l", "peer: k, network: a, remoteNetwork: p/b, localPrefixes: [10.7.0.0/24]")),
              StartsWith("spec.localPrefixes[0]"));
  EXPECT_THAT(world.refusal(link(
                  "l", "peer: k, network: a, remoteNetwork: p/b, routeTarget: \"64512:8000001\"")),
              StartsWith("spec.routeTarget"));
  world.add(link("l", "peer: k, network: a, remoteNetwork: p/b"));
  const auto made = world.get(Kind::kLink, "p", "l");
  EXPECT_EQ(made.spec["routeTarget"], "64512:9000001");
  EXPECT_EQ(made.spec["proposedByUs"], true);
  EXPECT_EQ(made.spec["accepted"], true);
  EXPECT_EQ(made.status["phase"], "proposed");
  EXPECT_THAT(world.refusal(link("m", "peer: k, network: a, remoteNetwork: p/b")),
              HasSubstr("links/p/l joins these networks already"));
  world.add(link("m", "peer: k, network: a, remoteNetwork: p/c"));
  EXPECT_EQ(world.get(Kind::kLink, "p", "m").spec["routeTarget"], "64512:9000002");
}

TEST(Admission, QuotasCount) {
  World world;
  world.add(kNet);
  world.add("{kind: Quota, metadata: {name: q}, spec: {ports: 1, networks: 1}}");
  world.add("{kind: Port, metadata: {name: x}, spec: {network: a}}");
  world.add("{kind: Port, metadata: {name: x}, spec: {network: a, hostname: h}}");
  EXPECT_THAT(world.refusal("{kind: Port, metadata: {name: y}, spec: {network: a}}"),
              StartsWith("metadata.project: quotas/p/q allows 1 ports"));
  EXPECT_THAT(world.refusal("{kind: Network, metadata: {name: b}}"),
              HasSubstr("allows 1 networks"));
  world.add("{kind: Network, metadata: {name: b, project: other}}");
}

TEST(Admission, QuotasCountWhatIsOfTheOutside) {
  World world;
  world.add(kNet);
  world.add(
      "{kind: Network, metadata: {name: ext, project: other}, spec: {external: true, subnets: "
      "[{prefix: 192.0.2.0/24}]}}");
  const auto floating = [](const std::string& name) {
    return "{kind: FloatingIP, metadata: {name: " + name + "}, spec: {network: other/ext}}";
  };
  const auto service = [](const std::string& network, const std::string& addresses) {
    return "{kind: Service, metadata: {name: s}, spec: {network: " + network + ", addresses: [" +
           addresses + "], ports: [{port: 80}]}}";
  };
  for (const auto* name : {"f1", "f2", "f3"}) world.add(floating(name));
  world.add("{kind: Quota, metadata: {name: q}, spec: {floatingIps: 3}}");
  EXPECT_THAT(world.refusal(floating("f4"), World::member()),
              StartsWith("metadata.project: quotas/p/q allows 3 floatingIps in project p"));
  world.add("{kind: Quota, metadata: {name: q}, spec: {floatingIps: 9, externalAddresses: 4}}");
  EXPECT_THAT(world.refusal(service("other/ext", "192.0.2.50, 192.0.2.51")),
              StartsWith("metadata.project: quotas/p/q allows 4 externalAddresses in project p, "
                         "and this would make 5"));
  world.add(service("a", "10.0.0.5, 10.0.0.6"));  // of the inside: not counted
  EXPECT_TRUE(world.refusal(service("other/ext", "192.0.2.50, 192.0.2.51")).size() > 0)
      << "nor may it move out";
  world.add(service("other/ext", "192.0.2.50"));
  EXPECT_THAT(world.refusal(floating("f4")), HasSubstr("would make 5"));
  // Less than it has may be allowed later; it keeps that.
  world.add("{kind: Quota, metadata: {name: q}, spec: {externalAddresses: 1}}");
  world.add(floating("f3"));
  world.add(service("other/ext", "192.0.2.51"));
  EXPECT_THAT(world.refusal(service("other/ext", "192.0.2.50, 192.0.2.51")),
              HasSubstr("allows 1 externalAddresses"));
}

TEST(Admission, WhatIsNeededStays) {
  World world;
  world.add(kNet);
  world.add(
      "{kind: SecurityGroup, metadata: {name: g}, spec: {rules: [{direction: ingress, "
      "remoteNetwork: a}]}}");
  world.add(
      "{kind: Port, metadata: {name: x}, spec: {network: a, host: node1, securityGroups: [g]}}");
  world.add(
      "{kind: Service, metadata: {name: s}, spec: {network: a, ports: [{port: 1}], backends: "
      "[{port: x}]}}");
  const auto kept = [&](Kind kind, const std::string& project, const std::string& name) {
    const auto removed = world.remove(kind, project, name);
    EXPECT_FALSE(removed);
    EXPECT_EQ(removed.error().code, ErrorCode::kConflict);
    return removed.error().message;
  };
  EXPECT_THAT(kept(Kind::kNetwork, "p", "a"), StartsWith("ports/p/x still needs networks/p/a"));
  EXPECT_THAT(kept(Kind::kPort, "p", "x"), StartsWith("services/p/s still needs"));
  EXPECT_THAT(kept(Kind::kHost, "", "node1"), StartsWith("ports/p/x still needs"));
  EXPECT_THAT(kept(Kind::kSecurityGroup, "p", "g"), StartsWith("ports/p/x still needs"));
  EXPECT_THAT(kept(Kind::kProject, "", "p"), HasSubstr("still needs projects/p"));
  ASSERT_TRUE(world.remove(Kind::kService, "p", "s"));
  ASSERT_TRUE(world.remove(Kind::kPort, "p", "x"));
  EXPECT_THAT(kept(Kind::kNetwork, "p", "a"), StartsWith("securitygroups/p/g still needs"));
  ASSERT_TRUE(world.remove(Kind::kSecurityGroup, "p", "g"));
  ASSERT_TRUE(world.remove(Kind::kNetwork, "p", "a"));
  ASSERT_TRUE(world.remove(Kind::kHost, "", "node1"));
}

TEST(Admission, TheSiteItselfAndWhatTheApiMakes) {
  World world;
  EXPECT_THAT(world.refusal("{kind: Site, metadata: {name: two}, spec: {asn: 64513}}"),
              StartsWith("kind: there is one Site"));
  EXPECT_THAT(world.refusal("{kind: Identity, metadata: {name: i1}, spec: {number: 1}}"),
              StartsWith("kind: "));
  EXPECT_THAT(world.refusal("{kind: Host, metadata: {name: twin}, spec: {address: 10.1.0.11}}"),
              StartsWith("spec.address: 10.1.0.11 is the address of hosts/node1"));
  EXPECT_THAT(world.refusal("{kind: Host, metadata: {name: " + std::string(60, 'h') +
                            "}, spec: {address: 10.1.0.12}}"),
              StartsWith("metadata.name"));
}

}  // namespace
}  // namespace hawser::controller::test
