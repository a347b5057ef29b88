#include <fmt/core.h>

#include <random>

#include "fixture.h"

namespace hawser::compiler {
namespace {

using namespace test;
using model::Kind;
using model::Protocol;

TEST(Compile, TheScenario) {
  World world;
  world.add(kLeonardo);
  const auto compiled = world.compile();
  EXPECT_TRUE(compiled.warnings.empty());
  EXPECT_EQ(compiled.slices.size(), 2U);

  const auto* app = port(compiled, "default/leonardo-a");
  ASSERT_TRUE(app);
  ASSERT_EQ(app->translations.size(), 1U);
  EXPECT_EQ(app->translations[0].address, ip("10.254.98.15"));
  EXPECT_EQ(app->translations[0].port, 80);
  EXPECT_EQ(app->translations[0].targetPort, 8000);
  EXPECT_TRUE(port(compiled, "default/leonardo-b")->translations.empty()) << "not ready";
  EXPECT_EQ(app->gateways, std::vector{ip("10.10.0.1")});
  EXPECT_EQ(app->mtu, 1468);

  const auto* leonardo = vrf(compiled, "node1", "default/leonardo");
  EXPECT_EQ(leonardo->exportTargets, (std::set{target("64513:8000001"), target("64512:100")}));
  EXPECT_EQ(leonardo->importTargets, leonardo->exportTargets) << "nginx is not imported";
  const auto* service = vrf(compiled, "node1", "default/service-leonardo");
  EXPECT_EQ(service->importTargets, (std::set{target("64513:8000003"), target("64513:8000002")}));
  EXPECT_EQ(vrf(compiled, "node1", "default/nginx")->importTargets,
            (std::set{target("64513:8000002"), target("64513:8000003")}));
  EXPECT_TRUE(vrf(compiled, "node1", "default/Public"));
  EXPECT_FALSE(vrf(compiled, "node2", "default/service-leonardo")) << "no ready backend there";
  EXPECT_FALSE(vrf(compiled, "node2", "default/nginx")) << "a host holds what its ports need";
}

TEST(Compile, AServiceWithoutReadyBackendsIsRefusedWhereItIsSeen) {
  World world;
  world.add(kLeonardo);
  world.add(
      "kind: Service\nmetadata: {name: leonardo}\nspec: {network: service-leonardo, addresses: "
      "[10.254.98.15], ports: [{port: 80}], backends: [{port: leonardo-b, ready: false}]}");
  const auto compiled = world.compile();
  EXPECT_EQ(vrf(compiled, "node1", "default/nginx")->refused, std::vector{ip("10.254.98.15")});
  EXPECT_TRUE(vrf(compiled, "node1", "default/leonardo")->refused.empty())
      << "it does not import the service";
}

TEST(PeerIntent, EqualityLooksAtEveryMember) {
  PeerIntent one{"p", {}, {}, {}};
  const auto differs = [&](const auto& change) {
    auto other = one;
    change(other);
    return !(other == one) && other == other;
  };
  EXPECT_TRUE(differs([](PeerIntent& p) { p.name = "q"; }));
  EXPECT_TRUE(differs([](PeerIntent& p) { p.import.prefixes.emplace(); }));
  EXPECT_TRUE(differs([](PeerIntent& p) { p.exportTo.routeTargets.emplace(); }));
  EXPECT_TRUE(differs([](PeerIntent& p) { p.spec.import.prefixes.emplace(); }));
  EXPECT_TRUE(differs([](PeerIntent& p) { p.spec.exportTo.routeTargets.emplace(); }));
  EXPECT_TRUE(differs([](PeerIntent& p) { p.spec.maxRoutes = 5; }));
  EXPECT_TRUE(differs([](PeerIntent& p) { p.spec.apiFingerprint = "sha256:"; }));
}

TEST(Compile, TargetPortsOfABackendWin) {
  World world;
  world.add(kLeonardo);
  world.add(
      "kind: Service\nmetadata: {name: leonardo}\nspec: {network: service-leonardo, addresses: "
      "[10.254.98.15, 10.254.98.17], ports: [{name: http, port: 80}, {name: dns, protocol: udp, "
      "port: 53}], backends: [{port: leonardo-a, weight: 3, targetPorts: {http: 9000}}]}");
  const auto compiled = world.compile();
  const auto& translations = port(compiled, "default/leonardo-a")->translations;
  ASSERT_EQ(translations.size(), 4U);
  EXPECT_EQ(translations[0].targetPort, 9000);
  EXPECT_EQ(translations[1].targetPort, 53);
  EXPECT_EQ(translations[1].protocol, Protocol::kUdp);
}

// What no host acts on is in no slice, so that it sends none again.
TEST(Compile, WeightsOfBackendsChangeNoSlice) {
  World world;
  world.add(kLeonardo);
  const auto service = [](int weight) {
    return fmt::format(
        "kind: Service\nmetadata: {{name: leonardo}}\nspec: {{network: service-leonardo, "
        "addresses: [10.254.98.15], ports: [{{port: 80}}], backends: [{{port: leonardo-a, weight: "
        "{}}}]}}",
        weight);
  };
  world.add(service(1));
  const auto before = world.compile();
  world.add(service(3));
  EXPECT_EQ(world.compile().slices, before.slices);
}

TEST(Compile, FloatingIps) {
  World world;
  world.add(kLeonardo);
  world.add(
      "kind: FloatingIP\nmetadata: {name: f}\nspec: {network: Public, address: 185.22.97.10, port: "
      "nginx-a}");
  const auto compiled = world.compile();
  const auto& translation = port(compiled, "default/nginx-a")->translations.back();
  EXPECT_EQ(translation.protocol, Protocol::kAny);
  EXPECT_EQ(translation.address, ip("185.22.97.10"));
}

TEST(Compile, PoliciesAllowTheirRulesAndNothingElse) {
  World world;
  world.add(kLeonardo);
  world.add(
      "kind: Policy\nmetadata: {name: uses-service-leonardo}\nspec: {rules: [{from: {network: "
      "nginx}, to: {network: service-leonardo}, protocol: tcp, ports: [80]}]}");
  const auto compiled = world.compile();
  const auto& app = *port(compiled, "default/leonardo-a");
  const auto& nginx = *port(compiled, "default/nginx-a");
  EXPECT_TRUE(judge(app, true, nginx.identity, "10.10.0.4", Protocol::kTcp, 8000).first)
      << "the target port of port 80";
  EXPECT_FALSE(judge(app, true, nginx.identity, "10.10.0.4", Protocol::kTcp, 80).first);
  EXPECT_EQ(judge(app, true, nginx.identity, "10.10.0.4", Protocol::kUdp, 8000).second,
            "policies default/uses-service-leonardo: nothing allows it");
  EXPECT_TRUE(judge(nginx, false, app.identity, "10.254.98.15", Protocol::kTcp, 80).first);
  EXPECT_FALSE(judge(nginx, false, app.identity, "10.254.98.15", Protocol::kTcp, 22).first);
  EXPECT_FALSE(judge(nginx, true, app.identity, "10.10.0.2", Protocol::kTcp, 80).first)
      << "not the other way round";
  EXPECT_TRUE(judge(app, true, app.identity, "10.10.0.3", Protocol::kTcp, 22).first)
      << "one network is open to itself";
  EXPECT_TRUE(judge(app, true, {64512, 9}, "10.0.100.11", Protocol::kTcp, 22).first)
      << "another site's part of the network";
}

TEST(Compile, DenyRulesComeInOrder) {
  World world;
  world.add(kLeonardo);
  world.add(
      "kind: Policy\nmetadata: {name: p}\nspec: {rules: [{from: {network: nginx}, to: {network: "
      "leonardo}, protocol: tcp, ports: [\"20-30\"], action: deny}, {from: {network: nginx}, to: "
      "{network: leonardo}, protocol: tcp}]}");
  const auto compiled = world.compile();
  const auto& app = *port(compiled, "default/leonardo-a");
  const auto who = port(compiled, "default/nginx-a")->identity;
  EXPECT_EQ(judge(app, true, who, "10.10.0.4", Protocol::kTcp, 22),
            (std::pair{false, std::string("policies/default/p rule 0")}));
  EXPECT_EQ(judge(app, true, who, "10.10.0.4", Protocol::kTcp, 31).second,
            "policies/default/p rule 1");
}

TEST(Compile, SecurityGroups) {
  World world;
  world.add(kLeonardo);
  world.add(R"(
kind: SecurityGroup
metadata: {name: db}
spec:
  rules:
    - {direction: ingress, protocol: tcp, ports: 5432, remotePrefix: 10.10.0.0/16}
    - {direction: ingress, remoteGroup: db}
---
kind: Port
metadata: {name: db1}
spec: {network: leonardo, host: node1, addresses: [10.10.1.1], securityGroups: [db]}
---
kind: Port
metadata: {name: db2}
spec: {network: leonardo, host: node2, addresses: [10.10.1.2], securityGroups: [db]}
)");
  const auto compiled = world.compile();
  const auto& db = *port(compiled, "default/db1");
  const auto app = port(compiled, "default/leonardo-a")->identity;
  EXPECT_NE(db.identity, app) << "groups are part of the identity";
  EXPECT_TRUE(judge(db, true, app, "10.10.0.2", Protocol::kTcp, 5432).first);
  EXPECT_EQ(judge(db, true, app, "10.10.0.2", Protocol::kTcp, 22),
            (std::pair{false, std::string("securitygroups default/db: nothing allows it")}));
  EXPECT_FALSE(judge(db, true, app, "10.11.0.2", Protocol::kTcp, 5432).first);
  EXPECT_TRUE(judge(db, true, db.identity, "10.10.1.2", Protocol::kTcp, 22).first);
  EXPECT_TRUE(judge(db, false, app, "10.10.0.2", Protocol::kTcp, 8000).first)
      << "no egress rule, no egress limit";
}

TEST(Compile, GroupsAndPoliciesMustBothAllow) {
  World world;
  world.add(kLeonardo);
  world.add(R"(
kind: SecurityGroup
metadata: {name: web}
spec: {rules: [{direction: ingress, protocol: tcp}]}
---
kind: Port
metadata: {name: leonardo-a}
spec: {network: leonardo, host: node1, addresses: [10.10.0.2], securityGroups: [web]}
---
kind: Policy
metadata: {name: p}
spec: {rules: [{from: {network: nginx}, to: {network: leonardo}, protocol: tcp, ports: [8000]}]}
)");
  const auto compiled = world.compile();
  const auto& app = *port(compiled, "default/leonardo-a");
  const auto who = port(compiled, "default/nginx-a")->identity;
  EXPECT_TRUE(judge(app, true, who, "10.10.0.4", Protocol::kTcp, 8000).first);
  EXPECT_EQ(judge(app, true, who, "10.10.0.4", Protocol::kTcp, 22).second,
            "policies default/p, default/uses-service-leonardo: nothing allows it");
  EXPECT_EQ(judge(app, true, who, "10.10.0.4", Protocol::kUdp, 8000).second,
            "securitygroups default/web: nothing allows it");
}

TEST(Compile, AGroupThatDoesNotExistAllowsNothing) {
  World world;
  world.add(kLeonardo);
  world.add(
      "kind: Port\nmetadata: {name: x}\nspec: {network: leonardo, host: node1, addresses: "
      "[10.10.1.9], securityGroups: [nope]}");
  const auto compiled = world.compile();
  EXPECT_FALSE(judge(*port(compiled, "default/x"), true, {}, "10.10.0.2", Protocol::kTcp, 1).first);
  ASSERT_EQ(compiled.warnings.size(), 1U);
  EXPECT_EQ(compiled.warnings[0], "ports/default/x: security group default/nope does not exist");
}

TEST(Compile, DanglingReferencesAreToldAndHurtNobodyElse) {
  World world;
  world.add(kLeonardo);
  world.add(R"(
kind: Port
metadata: {name: lost}
spec: {network: nowhere, host: node1, addresses: [10.9.9.9]}
---
kind: Port
metadata: {name: homeless}
spec: {network: leonardo, host: node9, addresses: [10.10.9.9]}
---
kind: Service
metadata: {name: leonardo}
spec: {network: service-leonardo, addresses: [10.254.98.15], ports: [{port: 80}], backends: [{port: leonardo-a}, {port: gone}]}
---
kind: Router
metadata: {name: r}
spec: {networks: [leonardo, missing]}
)");
  const auto compiled = world.compile();
  EXPECT_EQ(
      compiled.warnings,
      (std::vector<std::string>{"ports/default/homeless: host node9 does not exist",
                                "ports/default/lost: network default/nowhere does not exist",
                                "routers/default/r: network default/missing does not exist",
                                "services/default/leonardo: backend default/gone does not exist"}));
  EXPECT_EQ(port(compiled, "default/leonardo-a")->translations.size(), 1U);
}

TEST(Compile, TargetsTypedAcrossProjectsAreTold) {
  World world;
  world.add(kLeonardo);
  world.add(R"(
kind: Project
metadata: {name: other}
---
kind: Network
metadata: {name: taker, project: other}
spec: {routeTargets: {import: ["64512:100", "64512:77"]}}
---
kind: Network
metadata: {name: same, project: other}
spec: {routeTargets: {both: ["64512:77"]}}
)");
  EXPECT_EQ(world.compile().warnings,
            std::vector<std::string>{"networks/other/taker: takes the routes of "
                                     "networks/default/leonardo, of another project, by route "
                                     "target 64512:100"});
}

// One warning a network, however many share the target: a thousand would make a million.
TEST(Compile, ATargetOfManyNetworksIsToldOnceForEach) {
  World world;
  world.add("kind: Site\nmetadata: {name: s}\nspec: {asn: 64513}");
  for (int i = 0; i < 300; ++i)
    world.add("kind: Network\nmetadata: {name: n" + std::to_string(100 + i) + ", project: p" +
              std::to_string(i % 2) + "}\nspec: {routeTargets: {both: [\"64513:7\"]}}");
  const auto warnings = world.compile().warnings;
  ASSERT_EQ(warnings.size(), 300U);
  EXPECT_EQ(warnings.front(),
            "networks/p0/n100: takes the routes of networks/p1/n101, networks/p1/n103, "
            "networks/p1/n105 and 147 more, of other projects, by route target 64513:7");
  EXPECT_NE(warnings.back().find("networks/p0/n100, networks/p0/n102, networks/p0/n104 and 147"),
            std::string::npos)
      << warnings.back();
}

TEST(Compile, TargetsThatNoPeerLetsPassAreTold) {
  World world;
  world.add(kLeonardo);
  world.add(R"(
kind: Peer
metadata: {name: openstack}
spec: {role: site, site: openstack, address: 10.1.0.10, asn: 64512, import: {routeTargets: ["64512:8", "64512:100"]},
  export: {routeTargets: ["64512:100"]}}
---
kind: Network
metadata: {name: both}
spec: {routeTargets: {both: ["64512:8"]}}
---
kind: Network
metadata: {name: taker}
spec: {routeTargets: {import: ["64512:8", "64512:7", "64777:1"]}}
)");
  EXPECT_EQ(world.compile().warnings,
            (std::vector<std::string>{
                "networks/default/both: it exports route target 64512:8, which no Peer lets pass "
                "(peers/openstack is of AS 64512)",
                "networks/default/taker: it imports route target 64512:7, which no Peer lets pass "
                "(peers/openstack is of AS 64512)"}));
}

TEST(Compile, RoutersJoinWithoutRules) {
  World world;
  world.add(kLeonardo);
  world.add("kind: Router\nmetadata: {name: r}\nspec: {networks: [leonardo, nginx]}");
  const auto compiled = world.compile();
  EXPECT_TRUE(
      vrf(compiled, "node1", "default/leonardo")->importTargets.contains(target("64513:8000002")));
  const auto& app = *port(compiled, "default/leonardo-a");
  EXPECT_TRUE(
      judge(app, true, port(compiled, "default/nginx-a")->identity, "10.10.0.4", Protocol::kTcp, 22)
          .first == false)
      << "the policy on the service network covers the pair";
}

TEST(Compile, PeersGetWhatTheirListsAndLinksAllow) {
  World world;
  world.add(kLeonardo);
  world.add(R"(
kind: Peer
metadata: {name: openstack}
spec: {role: site, site: openstack, address: 10.1.0.10, asn: 64512, import: {routeTargets: ["64512:100"], prefixes: [10.0.100.0/24]}}
---
kind: Peer
metadata: {name: gw1}
spec: {role: gateway, address: 10.3.0.1, asn: 64999, export: {routeTargets: ["64513:100"]}}
)");
  auto compiled = world.compile();
  EXPECT_EQ(*compiled.peers.at("openstack").import.routeTargets, std::set{target("64512:100")});
  EXPECT_EQ(compiled.peers.at("openstack").import.prefixes->size(), 1U);
  EXPECT_TRUE(compiled.peers.at("openstack").exportTo.routeTargets->empty()) << "absent: nothing";
  EXPECT_EQ(*compiled.peers.at("gw1").exportTo.routeTargets, std::set{target("64513:100")});

  const auto link = [](const std::string& accepted, const std::string& phase) {
    return "kind: Link\nmetadata: {name: db}\nspec: {peer: openstack, network: nginx, routeTarget: "
           "\"64512:7\", remotePrefixes: [10.5.0.0/24], accepted: " +
           accepted + "}\nstatus: {phase: " + phase + "}";
  };
  for (const auto& [accepted, phase] :
       {std::pair{"false", "established"}, std::pair{"true", "pending"}}) {
    world.add(link(accepted, phase));
    EXPECT_FALSE(
        vrf(world.compile(), "node1", "default/nginx")->importTargets.contains(target("64512:7")));
  }
  world.add(link("true", "established"));
  compiled = world.compile();
  EXPECT_TRUE(vrf(compiled, "node1", "default/nginx")->importTargets.contains(target("64512:7")));
  EXPECT_TRUE(vrf(compiled, "node1", "default/nginx")->exportTargets.contains(target("64512:7")));
  const auto& import = compiled.peers.at("openstack").import;
  EXPECT_EQ(import.routeTargets->size(), 2U);
  EXPECT_FALSE(import.prefixes);
  EXPECT_EQ(import.prefixesByTarget.at(target("64512:7"))[0].text(), "10.5.0.0/24");
  EXPECT_EQ(import.prefixesByTarget.at(target("64512:100"))[0].text(), "10.0.100.0/24")
      << "the peer's list stays for its targets";
  EXPECT_EQ(
      compiled.peers.at("openstack").exportTo.prefixesByTarget.at(target("64512:7"))[0].text(),
      "10.10.0.0/16");
}

TEST(Compile, RuleIdsAreStableAndUnique) {
  World world;
  world.add(kLeonardo);
  const auto before = world.compile();
  world.add(
      "kind: Port\nmetadata: {name: another}\nspec: {network: nginx, host: node2, addresses: "
      "[10.10.0.9]}");
  const auto after = world.compile();
  const auto ids = [](const Compiled& compiled) {
    std::map<std::string, std::uint32_t> out;
    for (const auto& rule : port(compiled, "default/leonardo-a")->rules)
      out[rule.source + (rule.ingress ? "<" : ">")] = rule.id;
    return out;
  };
  EXPECT_EQ(ids(before), ids(after));
  std::set<std::uint32_t> all;
  std::size_t count = 0;
  for (const auto& [host, slice] : after.slices)
    for (const auto& item : slice.ports)
      for (const auto& rule : item.rules) {
        all.insert(rule.id);
        ++count;
      }
  EXPECT_EQ(all.size(), count);
}

// Objects come and go in any order: what counts is what is there.
TEST(Compile, OrderNeverMatters) {
  World complete;
  complete.add(kLeonardo);
  (void)complete.compile();
  const auto wanted = compile(complete.objects);
  std::vector<model::ObjectPtr> objects;
  for (const auto& [key, object] : complete.objects) objects.push_back(object);
  std::mt19937 random(1);
  for (int round = 0; round < 30; ++round) {
    std::shuffle(objects.begin(), objects.end(), random);
    model::ObjectMap map;
    for (const auto& object : objects) {
      map[object->key()] = object;
      (void)compile(map);  // every state on the way compiles
    }
    EXPECT_EQ(compile(map).slices, wanted.slices);
    for (const auto& object : objects) {
      map.erase(object->key());
      (void)compile(map);
    }
    EXPECT_TRUE(compile(map).slices.empty());
  }
}

}  // namespace
}  // namespace hawser::compiler
