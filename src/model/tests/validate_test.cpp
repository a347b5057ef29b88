#include <gtest/gtest.h>

#include "hawser/model/object.h"
#include "hawser/model/specs.h"

namespace hawser::model {
namespace {

Json yaml(const std::string& text) { return parseDocuments(text)->at(0); }

std::string errorOf(const std::string& text) {
  const auto object = parseObject(yaml(text), "default");
  return object ? std::string() : object.error().text();
}
Object parsed(const std::string& text) {
  auto object = parseObject(yaml(text), "default");
  if (!object) throw std::runtime_error(object.error().text());
  return *object;
}

constexpr const char* kNetwork = R"(
kind: Network
metadata: {name: db, project: database, labels: {tier: data}}
spec:
  subnets: [{prefix: 10.0.100.0/24, gateway: 10.0.100.1}]
  routeTargets: {import: ["64512:1"], export: ["target:64512:2"], both: ["64512:100"]}
)";

TEST(ParseObject, ANetwork) {
  const auto object = parsed(kNetwork);
  EXPECT_EQ(object.key().text(), "networks/database/db");
  const auto spec = NetworkSpec::from(object);
  EXPECT_EQ(spec.subnets[0].gateway->text(), "10.0.100.1");
  EXPECT_EQ(spec.importTargets.size(), 2U);
  EXPECT_EQ(spec.exportTargets.size(), 2U);
  EXPECT_FALSE(spec.external);
  EXPECT_EQ(object.spec["routeTargets"]["export"][0], "64512:2") << "in the canonical form";
  EXPECT_EQ(parseObject(toJson(object))->spec, object.spec);
}

TEST(ParseObject, MistakesNameTheFieldAndTheRemedy) {
  const auto with = [](const std::string& spec) {
    return errorOf("{kind: Network, metadata: {name: a}, spec: " + spec + "}");
  };
  EXPECT_EQ(with("{subnet: []}"), "spec.subnet: unknown field; did you mean \"subnets\"?");
  EXPECT_EQ(with("{subnets: [{prefx: 10.0.0.0/24}]}"),
            "spec.subnets[0].prefx: unknown field; did you mean \"prefix\"?");
  EXPECT_EQ(with("{subnets: [{}]}"), "spec.subnets[0].prefix: is required");
  EXPECT_EQ(with("{subnets: [{prefix: 10.0.0.1/24}]}"),
            "spec.subnets[0].prefix: 10.0.0.1/24 has host bits set; did you mean 10.0.0.0/24?");
  EXPECT_EQ(with("{subnets: [{prefix: 10.0.0.0/24, gateway: 10.0.1.1}]}"),
            "spec.subnets[0].gateway: 10.0.1.1 is outside 10.0.0.0/24");
  EXPECT_EQ(with("{subnets: [{prefix: 10.0.0.0/16}, {prefix: 10.0.9.0/24}]}"),
            "spec.subnets[1].prefix: 10.0.9.0/24 overlaps 10.0.0.0/16");
  EXPECT_NE(with("{routeTargets: {import: [\"64512\"]}}").find("spec.routeTargets.import[0]"),
            std::string::npos);
  EXPECT_EQ(with("{external: 1}"), "spec.external: 1 is neither true nor false");
  EXPECT_EQ(with("[]"), "spec: [] is not an object");
}

TEST(ParseObject, KindsAndNames) {
  EXPECT_NE(errorOf("{kind: Netwrk, metadata: {name: a}}").find("did you mean \"Network\""),
            std::string::npos);
  EXPECT_EQ(errorOf("{metadata: {name: a}}"), "kind: is required");
  EXPECT_EQ(errorOf("{kind: Network}"), "metadata: is required");
  EXPECT_EQ(errorOf("{kind: Network, metadata: {}}"), "metadata.name: is required");
  for (const auto* name : {"../x", "a/b", "\"\"", "-a", "a-", "\"a b\"", "a..b", "\"a\\nb\""})
    EXPECT_NE(errorOf(std::string("{kind: Network, metadata: {name: ") + name + "}}")
                  .find("metadata.name"),
              std::string::npos)
        << name;
  EXPECT_EQ(errorOf("{kind: Network, metadata: {name: Public}}"), "");
  EXPECT_NE(errorOf("{kind: Host, metadata: {name: a, project: b}, spec: {address: 1.1.1.1}}")
                .find("no project"),
            std::string::npos);
  EXPECT_NE(
      errorOf("{kind: Network, metadata: {name: a}, specc: {}}").find("did you mean \"spec\""),
      std::string::npos);
  const auto none = parseObject(yaml("{kind: Network, metadata: {name: a}}"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().field, "metadata.project");
}

TEST(ParseObject, DefaultsAreFilledIn) {
  const auto object = parsed(
      "{kind: Service, metadata: {name: s}, spec: {network: n, ports: [{port: 80}], backends: "
      "[{port: a}]}}");
  const auto spec = ServiceSpec::from(object);
  EXPECT_EQ(spec.ports[0].protocol, Protocol::kTcp);
  EXPECT_EQ(spec.ports[0].targetPort, 80);
  EXPECT_TRUE(spec.backends[0].ready);
  EXPECT_EQ(spec.backends[0].port.text(), "default/a");
  EXPECT_EQ(spec.network.text(), "default/n");
}

TEST(ParseObject, Services) {
  const auto with = [](const std::string& spec) {
    return errorOf("{kind: Service, metadata: {name: a}, spec: " + spec + "}");
  };
  EXPECT_EQ(with("{network: n, ports: [{port: 80, name: a}, {port: 80, name: b}]}"),
            "spec.ports[1].port: tcp/80 is there twice");
  EXPECT_EQ(with("{network: n, ports: [{port: 80, name: a}, {port: 80, name: b, protocol: udp}]}"),
            "");
  EXPECT_EQ(with("{network: n, ports: [{port: 0}]}"), "spec.ports[0].port: 0 is not in 1 to 65535");
  EXPECT_EQ(with("{network: n, ports: [{port: 80, protocol: tpc}]}"),
            "spec.ports[0].protocol: \"tpc\" is not known; did you mean \"tcp\"?");
  EXPECT_EQ(with("{network: n, backends: [{port: a}, {port: default/a}]}"),
            "spec.backends[1].port: default/a is there twice");
  EXPECT_EQ(
      with(
          "{network: n, ports: [{port: 80, name: h}], backends: [{port: a, targetPorts: {x: 1}}]}"),
      "spec.backends[0].targetPorts.x: the service has no port of that name");
  EXPECT_EQ(with("{network: n, addresses: [1.1.1.1, 1.1.1.1]}"),
            "spec.addresses[1]: 1.1.1.1 is there twice");
  EXPECT_EQ(with("{network: a/b/c}"), "spec.network: \"a/b/c\" is neither NAME nor PROJECT/NAME");
}

TEST(ParseObject, PortsRulesAndPeers) {
  const auto policy = parsed(
      "{kind: Policy, metadata: {name: p}, spec: {rules: [{from: {network: a}, to: {network: x/b}, "
      "protocol: tcp, ports: [22, \"80-90\"]}]}}");
  const auto spec = PolicySpec::from(policy);
  EXPECT_EQ(spec.rules[0].toNetwork->text(), "x/b");
  EXPECT_EQ(spec.rules[0].ports[0].first, 22);
  EXPECT_EQ(spec.rules[0].ports[1].last, 90);
  const auto rule = [](const std::string& text) {
    return errorOf("{kind: Policy, metadata: {name: p}, spec: {rules: [" + text + "]}}");
  };
  EXPECT_EQ(rule("{from: {network: a}}"), "spec.rules[0].to.network: is required");
  EXPECT_EQ(rule("{from: {network: a}, to: {network: b}, protocol: tcp, ports: [\"90-80\"]}"),
            "spec.rules[0].ports[0]: \"90-80\" ends before it begins");
  EXPECT_EQ(
      rule("{from: {network: a}, to: {network: b}, protocol: tcp, ports: [70000]}").substr(0, 22),
      "spec.rules[0].ports[0]");
  EXPECT_NE(rule("{from: {network: a}, to: {network: b}, ports: [80]}").find("need a protocol"),
            std::string::npos);

  const auto peer = [](const std::string& text) {
    return errorOf("{kind: Peer, metadata: {name: p}, spec: " + text + "}");
  };
  EXPECT_EQ(peer("{role: gateway, address: 10.3.0.1, asn: 64999}"), "");
  EXPECT_EQ(peer("{role: site, address: 10.3.0.1, asn: 64999}"),
            "spec.site: is required for role site");
  EXPECT_NE(peer("{role: gateway, address: 10.3.0.1, asn: 0}").find("spec.asn"), std::string::npos);
  EXPECT_NE(peer("{role: gateway, address: 10.3.0.1, asn: 23456}").find("AS_TRANS"),
            std::string::npos);
  EXPECT_NE(peer("{role: gateway, address: 10.3.0.1, asn: 1, holdTime: 2}").find("spec.holdTime"),
            std::string::npos);
  const auto absent =
      PeerSpec::from(parsed("{kind: Peer, metadata: {name: p}, spec: {role: gateway, address: "
                            "10.3.0.1, asn: 64999, import: {prefixes: []}}}"));
  EXPECT_FALSE(absent.import.routeTargets) << "absent is not the same as empty";
  EXPECT_TRUE(absent.import.prefixes);
}

TEST(ParseObject, EveryKindParsesAndExplainsItself) {
  EXPECT_EQ(kinds().size(), 16U);
  for (const auto& kind : kinds()) {
    EXPECT_EQ(info(kind.kind).name, kind.name);
    EXPECT_EQ(*parseKind(kind.plural), kind.kind);
    EXPECT_NE(explain(kind.kind).find(kind.name), std::string::npos);
    EXPECT_TRUE(openApi()["components"]["schemas"].contains(std::string(kind.name)));
  }
}

TEST(Nearest, FindsWhatWasMeant) {
  const std::vector<std::string> known{"subnets", "routeTargets", "external"};
  EXPECT_EQ(nearest("subnet", known), "subnets");
  EXPECT_EQ(nearest("routetargets", known), "routeTargets");
  EXPECT_EQ(nearest("colour", known), "");
  EXPECT_EQ(nearest(std::string(1000, 'x'), known), "");
}

}  // namespace
}  // namespace hawser::model
