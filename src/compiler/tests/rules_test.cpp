// Rules as the datapath sees them: every pair of group and policy, services in between, and who is
// nobody.
#include "rules.h"

#include <algorithm>

#include "fixture.h"

namespace hawser::compiler {
namespace {

using namespace test;
using model::Protocol;

constexpr const char* kTwoTiers = R"(
kind: Site
metadata: {name: s}
spec: {asn: 64513}
---
kind: Host
metadata: {name: h}
spec: {address: 10.2.0.11}
---
kind: Network
metadata: {name: front}
spec: {subnets: [{prefix: 10.1.0.0/16}]}
---
kind: Network
metadata: {name: back}
spec: {subnets: [{prefix: 10.2.0.0/16}]}
---
kind: Port
metadata: {name: f}
spec: {network: front, host: h, addresses: [10.1.0.2]}
---
kind: Port
metadata: {name: b}
spec: {network: back, host: h, addresses: [10.2.0.2]}
)";

class RulesTest : public testing::Test {
 protected:
  RulesTest() { world_.add(kTwoTiers); }
  void add(const std::string& yaml) { world_.add(yaml); }
  void policy(const std::string& name, const std::string& rules) {
    add("kind: Policy\nmetadata: {name: " + name + "}\nspec: {rules: [" + rules + "]}");
  }
  void compile() { compiled_ = world_.compile(); }
  const model::SlicePort& at(const std::string& name) {
    return *port(compiled_, "default/" + name);
  }
  bool reaches(const std::string& from, const std::string& to, Protocol protocol,
               std::uint16_t port) {
    const auto& a = at(from);
    const auto& b = at(to);
    return judge(a, false, b.identity, b.addresses[0].text(), protocol, port).first &&
           judge(b, true, a.identity, a.addresses[0].text(), protocol, port).first;
  }

  World world_;
  Compiled compiled_;
};

TEST_F(RulesTest, NothingSaidNothingDenied) {
  compile();
  EXPECT_TRUE(at("f").rules.empty());
  EXPECT_TRUE(reaches("f", "b", Protocol::kTcp, 22)) << "without a policy routes decide";
}

TEST_F(RulesTest, APolicyIsOneWay) {
  policy("p",
         "{from: {network: front}, to: {network: back}, protocol: tcp, ports: [80, 8000-8080]}");
  compile();
  for (const std::uint16_t good : {std::uint16_t{80}, std::uint16_t{8000}, std::uint16_t{8080}})
    EXPECT_TRUE(reaches("f", "b", Protocol::kTcp, good)) << good;
  for (const std::uint16_t bad :
       {std::uint16_t{79}, std::uint16_t{81}, std::uint16_t{7999}, std::uint16_t{8081}})
    EXPECT_FALSE(reaches("f", "b", Protocol::kTcp, bad)) << bad;
  EXPECT_FALSE(reaches("f", "b", Protocol::kUdp, 80));
  EXPECT_FALSE(reaches("b", "f", Protocol::kTcp, 80));
}

TEST_F(RulesTest, PoliciesOfBothDirectionsAddUp) {
  policy("there", "{from: {network: front}, to: {network: back}, protocol: tcp, ports: [80]}");
  policy("back", "{from: {network: back}, to: {network: front}, protocol: udp, ports: [53]}");
  compile();
  EXPECT_TRUE(reaches("f", "b", Protocol::kTcp, 80));
  EXPECT_TRUE(reaches("b", "f", Protocol::kUdp, 53));
  EXPECT_FALSE(reaches("b", "f", Protocol::kTcp, 80));
  EXPECT_FALSE(reaches("f", "b", Protocol::kUdp, 53));
}

TEST_F(RulesTest, APolicyThatOnlyDeniesJoinsNothing) {
  policy("p", "{from: {network: front}, to: {network: back}, action: deny}");
  compile();
  EXPECT_FALSE(reaches("f", "b", Protocol::kTcp, 80));
  const auto* front = vrf(compiled_, "h", "default/front");
  EXPECT_EQ(front->importTargets, std::set{target("64513:8000001")});
}

TEST_F(RulesTest, NetworksOutsideThePolicyAreNotTouched) {
  policy("p", "{from: {network: front}, to: {network: back}, protocol: tcp, ports: [80]}");
  add("kind: Network\nmetadata: {name: third}\nspec: {subnets: [{prefix: 10.3.0.0/16}]}");
  add("kind: Port\nmetadata: {name: t}\nspec: {network: third, host: h, addresses: [10.3.0.2]}");
  compile();
  EXPECT_TRUE(reaches("t", "b", Protocol::kTcp, 22));
  EXPECT_TRUE(at("t").rules.empty());
}

// A member that joins later is in the rules of the others.
TEST_F(RulesTest, MembersFollowTheirNetwork) {
  policy("p", "{from: {network: front}, to: {network: back}, protocol: tcp, ports: [80]}");
  add("kind: SecurityGroup\nmetadata: {name: g}\nspec: {rules: [{direction: ingress}]}");
  compile();
  const auto rulesBefore = at("b").rules.size();
  add("kind: Port\nmetadata: {name: f2}\nspec: {network: front, host: h, addresses: [10.1.0.3], "
      "securityGroups: [g]}");
  compile();
  EXPECT_NE(at("f2").identity, at("f").identity) << "groups make it another";
  EXPECT_EQ(at("b").rules.size(), rulesBefore) << "an identity in a rule, not a rule more";
  EXPECT_TRUE(reaches("f2", "b", Protocol::kTcp, 80));
  EXPECT_FALSE(reaches("f2", "b", Protocol::kTcp, 81));
}

// ---- security groups ----

TEST_F(RulesTest, GroupsAddUp) {
  add("kind: SecurityGroup\nmetadata: {name: web}\nspec: {rules: [{direction: ingress, protocol: "
      "tcp, ports: 80}]}");
  add("kind: SecurityGroup\nmetadata: {name: ssh}\nspec: {rules: [{direction: ingress, protocol: "
      "tcp, ports: 22, remotePrefix: 10.1.0.0/16}]}");
  add("kind: Port\nmetadata: {name: b}\nspec: {network: back, host: h, addresses: [10.2.0.2], "
      "securityGroups: [web, ssh]}");
  compile();
  EXPECT_TRUE(reaches("f", "b", Protocol::kTcp, 80));
  EXPECT_TRUE(reaches("f", "b", Protocol::kTcp, 22));
  EXPECT_FALSE(reaches("f", "b", Protocol::kTcp, 443));
  EXPECT_FALSE(judge(at("b"), true, {}, "10.9.0.1", Protocol::kTcp, 22).first);
}

TEST_F(RulesTest, EgressIsLimitedByTheFirstEgressRule) {
  add("kind: SecurityGroup\nmetadata: {name: out}\nspec: {rules: [{direction: egress, protocol: "
      "udp, "
      "ports: 53}, {direction: egress, remoteNetwork: back}]}");
  add("kind: Port\nmetadata: {name: f}\nspec: {network: front, host: h, addresses: [10.1.0.2], "
      "securityGroups: [out]}");
  compile();
  EXPECT_TRUE(judge(at("f"), false, {}, "8.8.8.8", Protocol::kUdp, 53).first);
  EXPECT_FALSE(judge(at("f"), false, {}, "8.8.8.8", Protocol::kTcp, 53).first);
  EXPECT_TRUE(judge(at("f"), false, at("b").identity, "10.2.0.2", Protocol::kTcp, 22).first);
  EXPECT_FALSE(judge(at("f"), true, at("b").identity, "10.2.0.2", Protocol::kTcp, 22).first)
      << "a port with groups is closed inwards, unless one opens it";
}

TEST_F(RulesTest, AnEmptyGroupClosesInwards) {
  add("kind: SecurityGroup\nmetadata: {name: none}\nspec: {rules: []}");
  add("kind: Port\nmetadata: {name: b}\nspec: {network: back, host: h, addresses: [10.2.0.2], "
      "securityGroups: [none]}");
  compile();
  EXPECT_FALSE(reaches("f", "b", Protocol::kIcmp, 0));
  EXPECT_TRUE(reaches("b", "f", Protocol::kTcp, 80));
}

TEST_F(RulesTest, ARemoteGroupWithoutMembersAllowsNobody) {
  add("kind: SecurityGroup\nmetadata: {name: empty}\nspec: {rules: []}");
  add("kind: SecurityGroup\nmetadata: {name: g}\nspec: {rules: [{direction: ingress, remoteGroup: "
      "empty}, {direction: ingress, remoteNetwork: nowhere}]}");
  add("kind: Port\nmetadata: {name: b}\nspec: {network: back, host: h, addresses: [10.2.0.2], "
      "securityGroups: [g]}");
  compile();
  EXPECT_FALSE(reaches("f", "b", Protocol::kTcp, 80));
  ASSERT_EQ(at("b").rules.size(), 1U) << "no rule that would match anybody";
  EXPECT_EQ(at("b").rules[0].source, "securitygroups default/g: nothing allows it");
}

TEST_F(RulesTest, ADenialNamesItsObjectsAndIsLogged) {
  std::string groups;
  for (const auto* name : {"d", "c", "b", "a"}) {
    add(std::string("kind: SecurityGroup\nmetadata: {name: ") + name +
        "}\nspec: {rules: [{direction: ingress, protocol: tcp, ports: \"22\"}]}");
    groups += (groups.empty() ? "" : ", ") + std::string(name);
    add("kind: Port\nmetadata: {name: b}\nspec: {network: back, host: h, addresses: [10.2.0.2], "
        "securityGroups: [" +
        groups + "]}");
  }
  compile();
  const auto& last = at("b").rules.back();
  EXPECT_EQ(last.source,
            "securitygroups default/a, default/b, default/c and 1 more: nothing "
            "allows it");
  for (const auto& rule : at("b").rules) EXPECT_EQ(rule.log, !rule.allow) << rule.source;
}

// ---- services ----

TEST_F(RulesTest, APolicyOnAServicesNetworkHoldsForItsBackends) {
  add("kind: Network\nmetadata: {name: vip}\nspec: {subnets: [{prefix: 10.254.0.0/16}]}");
  add("kind: Service\nmetadata: {name: s}\nspec: {network: vip, addresses: [10.254.0.1], ports: "
      "[{name: http, port: 80, targetPort: 8000}, {name: admin, port: 81, targetPort: 9000}], "
      "backends: [{port: b}]}");
  policy("p", "{from: {network: front}, to: {network: vip}, protocol: tcp, ports: [80]}");
  compile();
  const auto& front = at("f");
  EXPECT_TRUE(judge(front, false, at("b").identity, "10.254.0.1", Protocol::kTcp, 80).first);
  EXPECT_FALSE(judge(front, false, at("b").identity, "10.254.0.1", Protocol::kTcp, 81).first);
  EXPECT_TRUE(judge(at("b"), true, front.identity, "10.1.0.2", Protocol::kTcp, 8000).first);
  EXPECT_FALSE(judge(at("b"), true, front.identity, "10.1.0.2", Protocol::kTcp, 9000).first)
      << "the target of a port that the policy does not name";
  EXPECT_FALSE(judge(at("b"), true, front.identity, "10.1.0.2", Protocol::kTcp, 22).first);
}

TEST_F(RulesTest, UnreadyBackendsKeepTheirOwnRules) {
  add("kind: Network\nmetadata: {name: vip}\nspec: {subnets: [{prefix: 10.254.0.0/16}]}");
  add("kind: Service\nmetadata: {name: s}\nspec: {network: vip, addresses: [10.254.0.1], ports: "
      "[{port: 80}], backends: [{port: b, ready: false}]}");
  policy("p", "{from: {network: front}, to: {network: vip}}");
  compile();
  EXPECT_TRUE(at("b").translations.empty());
  EXPECT_EQ(vrf(compiled_, "h", "default/front")->refused, std::vector{ip("10.254.0.1")});
}

// ---- order, and what the agent counts by ----

TEST_F(RulesTest, TiersComeInOrder) {
  add("kind: SecurityGroup\nmetadata: {name: g}\nspec: {rules: [{direction: ingress, protocol: "
      "tcp}]}");
  add("kind: Port\nmetadata: {name: b}\nspec: {network: back, host: h, addresses: [10.2.0.2], "
      "securityGroups: [g]}");
  policy("p", "{from: {network: front}, to: {network: back}, protocol: tcp, ports: [80]}");
  compile();
  const auto& rules = at("b").rules;
  EXPECT_TRUE(std::is_sorted(rules.begin(), rules.end(),
                             [](const auto& a, const auto& b) { return a.tier < b.tier; }));
  for (const auto& rule : rules) {
    EXPECT_TRUE(rule.tier == kGroupTier || rule.tier == kPolicyTier);
    EXPECT_NE(rule.id, 0U);
    EXPECT_FALSE(rule.source.empty());
    EXPECT_EQ(rule.pass, rule.tier == kGroupTier && rule.allow) << "a group's allow passes on";
    EXPECT_FALSE(!rule.anyPeer && rule.identities.empty() && rule.prefixes.empty())
        << "a rule that names nobody";
  }
}

// ---- what is not allocated yet ----

TEST_F(RulesTest, NetworksWithoutANumberWait) {
  model::Object vip;
  vip.kind = model::Kind::kNetwork;
  vip.metadata = {.name = "vip",
                  .project = "default",
                  .labels = {},
                  .annotations = {},
                  .owner = {},
                  .uid = "v",
                  .resourceVersion = 0,
                  .created = {}};
  world_.objects[vip.key()] = std::make_shared<model::Object>(vip);
  add("kind: Service\nmetadata: {name: s}\nspec: {network: vip, addresses: [10.254.0.1], ports: "
      "[{port: 80}], backends: [{port: b}]}");
  add("kind: FloatingIP\nmetadata: {name: f}\nspec: {network: vip, address: 185.22.97.10, port: "
      "b}");
  compile();
  EXPECT_TRUE(at("b").translations.empty());
  EXPECT_FALSE(vrf(compiled_, "h", "default/vip"));
  for (const auto& item : compiled_.slices.at("h").vrfs) EXPECT_NE(item.id.value(), 0U);
}

TEST_F(RulesTest, PortsWithoutAnAddressWait) {
  add("kind: Port\nmetadata: {name: later}\nspec: {network: back, host: h}");
  compile();
  EXPECT_FALSE(port(compiled_, "default/later"));
  add("kind: Port\nmetadata: {name: later}\nspec: {network: back, host: h}\nstatus: {addresses: "
      "[10.2.0.9], mac: \"02:00:00:00:00:09\"}");
  compile();
  ASSERT_TRUE(port(compiled_, "default/later"));
  EXPECT_EQ(at("later").addresses, std::vector{ip("10.2.0.9")});
  EXPECT_EQ(at("later").mac.text(), "02:00:00:00:00:09");
}

// A denial names identities, so 0 is in none: what has no number must not run.
TEST_F(RulesTest, PortsWithoutAnIdentityWait) {
  policy("p", "{from: {network: front}, to: {network: back}, protocol: tcp, ports: [80]}");
  const auto first = compiler::compile(world_.objects);
  EXPECT_FALSE(port(first, "default/f"));
  EXPECT_FALSE(port(first, "default/b"));
  EXPECT_TRUE(first.slices.at("h").vrfs.empty()) << "nor does anything announce for them";
  compile();
  EXPECT_TRUE(port(compiled_, "default/f"));
  // One more, of labels that nobody had.
  add("kind: SecurityGroup\nmetadata: {name: g}\nspec: {}");
  add("kind: Port\nmetadata: {name: g}\nspec: {network: back, host: h, addresses: [10.2.0.9], "
      "securityGroups: [g]}");
  const auto then = compiler::compile(world_.objects);
  EXPECT_FALSE(port(then, "default/g"));
  for (const auto& item : then.slices.at("h").ports) EXPECT_NE(item.identity.number, 0U);
  EXPECT_EQ(then.slices.at("h").ports.size(), 2U) << "the others stay";
}

TEST_F(RulesTest, PortsWithoutAHostAreNowhere) {
  add("kind: Port\nmetadata: {name: idle}\nspec: {network: back, addresses: [10.2.0.9]}");
  compile();
  EXPECT_FALSE(port(compiled_, "default/idle"));
  EXPECT_TRUE(compiled_.warnings.empty());
}

TEST_F(RulesTest, AnEstablishedLinkWithoutATargetStitchesNothing) {
  add("kind: Peer\nmetadata: {name: o}\nspec: {role: site, site: o, address: 10.1.0.10, asn: "
      "64512}");
  add("kind: Link\nmetadata: {name: l}\nspec: {peer: o, network: back, accepted: true}\nstatus: "
      "{phase: established}");
  compile();
  EXPECT_EQ(vrf(compiled_, "h", "default/back")->importTargets.size(), 1U);
  EXPECT_TRUE(compiled_.peers.at("o").import.routeTargets->empty());
}

TEST_F(RulesTest, IdentitiesAreAskedForOnce) {
  const auto first = compiler::compile(world_.objects);
  EXPECT_EQ(first.missingIdentities.size(), 2U);
  for (const auto& labels : first.missingIdentities) {
    EXPECT_EQ(labels.at("project"), "default");
    EXPECT_TRUE(labels.contains("network"));
  }
  compile();
  EXPECT_TRUE(compiled_.missingIdentities.empty());
  EXPECT_EQ(at("f").identity.asn, 64513);
}

TEST_F(RulesTest, IdentitiesThatNobodyHasAreTold) {
  compile();
  EXPECT_TRUE(compiled_.idleIdentities.empty());
  const auto name = "i" + std::to_string(at("f").identity.number);
  world_.remove(model::Kind::kPort, "f");
  compile();
  EXPECT_EQ(compiled_.idleIdentities, std::set{name});
}

TEST_F(RulesTest, ASiteWithAWideAsNumberHasIdentitiesOfZero) {
  add("kind: Site\nmetadata: {name: s}\nspec: {asn: 4200000000}");
  compile();
  EXPECT_EQ(at("f").identity.asn, 0) << "the community has two bytes";
  EXPECT_NE(at("f").identity.number, 0U);
}

TEST_F(RulesTest, TargetsOfOneNetworkAreThoseOfItsSlice) {
  policy("p", "{from: {network: front}, to: {network: back}}");
  compile();
  for (const auto* name : {"front", "back"}) {
    const auto targets = targetsOf(world_.objects, {"default", name});
    const auto* slice = vrf(compiled_, "h", std::string("default/") + name);
    EXPECT_EQ(targets.importTargets, slice->importTargets);
    EXPECT_EQ(targets.exportTargets, slice->exportTargets);
    EXPECT_EQ(targets.importTargets.size(), 2U);
  }
  EXPECT_TRUE(targetsOf(world_.objects, {"default", "none"}).importTargets.empty());
}

TEST_F(RulesTest, MtuLeavesRoomForTheTunnel) {
  add("kind: Site\nmetadata: {name: s}\nspec: {asn: 64513, underlayMtu: 9000}");
  compile();
  EXPECT_EQ(at("f").mtu, 9000 - 32);
}

}  // namespace
}  // namespace hawser::compiler
