// The fields of every kind: what each takes, the form it is kept in, and what is said of anything
// else.
#include <gtest/gtest.h>

#include "build.h"

namespace hawser::model {
namespace {

using namespace test;

const std::string kHash(64, 'a');

// A spec that is as short as the kind allows.
std::string least(Kind kind) {
  switch (kind) {
    case Kind::kSite:
      return "{asn: 64512}";
    case Kind::kHost:
      return "{address: 10.2.0.11}";
    case Kind::kPort:
    case Kind::kFloatingIp:
    case Kind::kService:
      return "{network: n}";
    case Kind::kPeer:
      return "{role: gateway, address: 10.3.0.1, asn: 64999}";
    case Kind::kLink:
      return "{peer: openstack, network: n}";
    case Kind::kIdentity:
      return "{number: 7}";
    case Kind::kToken:
      return "{role: reader, hash: " + kHash + "}";
    default:
      return "{}";
  }
}

TEST(EveryKind, HasAShortestFormThatIsKept) {
  for (const auto& kind : kinds()) {
    const auto made = parsed(kind.kind, least(kind.kind));
    EXPECT_EQ(made.metadata.project, kind.projectScoped ? "default" : "") << kind.name;
    const auto again = parseObject(toJson(made));
    ASSERT_TRUE(again) << kind.name << ": " << again.error().text();
    EXPECT_EQ(again->spec, made.spec) << kind.name << ": defaults are filled in once";
    EXPECT_EQ(toJson(*again), toJson(made)) << kind.name;
  }
}

TEST(EveryKind, RefusesWhatItDoesNotKnow) {
  for (const auto& kind : kinds()) {
    auto json = object(kind.kind, least(kind.kind));
    json["spec"]["nonsense"] = 1;
    const auto made = parseObject(json, "default");
    ASSERT_FALSE(made) << kind.name;
    EXPECT_EQ(made.error().field, "spec.nonsense") << kind.name;
    EXPECT_EQ(made.error().code, ErrorCode::kInvalid) << kind.name;
  }
}

TEST(EveryKind, NeedsItsRequiredFields) {
  for (const auto& kind : kinds()) {
    const auto whole = object(kind.kind, least(kind.kind));
    for (const auto& [name, value] : whole["spec"].items()) {
      auto part = whole;
      part["spec"].erase(name);
      const auto made = parseObject(part, "default");
      ASSERT_FALSE(made) << kind.name << " without " << name;
      EXPECT_EQ(made.error().field, "spec." + name) << kind.name;
      part["spec"][name] = nullptr;
      EXPECT_FALSE(parseObject(part, "default")) << kind.name << ": null is absent";
    }
  }
}

TEST(EveryKind, IsFoundByAllItsNames) {
  for (const auto& kind : kinds()) {
    EXPECT_EQ(*parseKind(kind.name), kind.kind);
    EXPECT_EQ(*parseKind(kind.plural), kind.kind);
    if (!kind.shortName.empty()) {
      EXPECT_EQ(*parseKind(kind.shortName), kind.kind);
    }
    std::string shouted(kind.name);
    for (auto& c : shouted) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(*parseKind(shouted), kind.kind);
  }
  EXPECT_NE(parseKind("porst").error().message.find("\"Port\""), std::string::npos);
  EXPECT_NE(parseKind("xyzzy").error().message.find("there are Site, Host"), std::string::npos);
}

// ---- one type after the other ----

struct Case {
  Kind kind;
  const char* spec;
  const char* error;  // "" : good
};

void expectCases(std::initializer_list<Case> cases) {
  for (const auto& test : cases)
    EXPECT_EQ(errorOf(test.kind, test.spec), test.error) << info(test.kind).name << test.spec;
}

TEST(Fields, Addresses) {
  expectCases({
      {Kind::kHost, "{address: 10.2.0.11}", ""},
      {Kind::kHost, "{address: \"2001:db8::b\"}", ""},
      {Kind::kHost, "{address: 10.2.0.256}", "spec.address: \"10.2.0.256\" is not an IP address"},
      {Kind::kHost, "{address: 10.2.0.011}", "spec.address: \"10.2.0.011\" is not an IP address"},
      {Kind::kHost, "{address: 10.2.0.11/24}",
       "spec.address: \"10.2.0.11/24\" is not an IP address"},
      {Kind::kHost, "{address: node1}", "spec.address: \"node1\" is not an IP address"},
      {Kind::kHost, "{address: 5}", "spec.address: 5 is not text"},
      {Kind::kHost, "{address: [10.2.0.11]}", "spec.address: [\"10.2.0.11\"] is not text"},
      {Kind::kHost, "{address: 0.0.0.0}", "spec.address: 0.0.0.0 is no machine's address"},
      {Kind::kHost, "{address: 239.1.1.1}", "spec.address: 239.1.1.1 is no machine's address"},
      {Kind::kHost, "{address: \"::\"}", "spec.address: :: is no machine's address"},
      {Kind::kHost, "{address: \"ff02::1\"}", "spec.address: ff02::1 is no machine's address"},
      {Kind::kPeer, "{role: gateway, address: 224.0.0.5, asn: 1}",
       "spec.address: 224.0.0.5 is no machine's address"},
  });
  EXPECT_EQ(parsed(Kind::kHost, "{address: \"2001:DB8:0::B\"}").spec["address"], "2001:db8::b")
      << "kept in the form of RFC 5952";
}

TEST(Fields, Prefixes) {
  expectCases({
      {Kind::kAddressPool, "{prefixes: [10.0.0.0/8, \"2001:db8::/32\"]}", ""},
      {Kind::kAddressPool, "{prefixes: [10.0.0.1/8]}",
       "spec.prefixes[0]: 10.0.0.1/8 has host bits set; did you mean 10.0.0.0/8?"},
      {Kind::kAddressPool, "{prefixes: [10.0.0.0/33]}",
       "spec.prefixes[0]: 10.0.0.0/33: the length must be 0 to 32"},
      {Kind::kAddressPool, "{prefixes: [10.0.0.0/8, x]}",
       "spec.prefixes[1]: \"x\" is not a prefix (address/length)"},
      {Kind::kAddressPool, "{prefixes: 10.0.0.0/8}", "spec.prefixes: \"10.0.0.0/8\" is not a list"},
      {Kind::kAddressPool, "{prefixes: [10.0.0.0/8, 10.9.0.0/16]}",
       "spec.prefixes[1]: 10.9.0.0/16 overlaps 10.0.0.0/8"},
      {Kind::kAddressPool, "{prefixes: [10.0.0.0/9, 10.128.0.0/9]}", ""},
      {Kind::kAddressPool, "{prefixes: [10.0.0.0/9, 10.128.0.0/9, 10.0.0.0/8]}",
       "spec.prefixes[2]: 10.0.0.0/8 overlaps 10.0.0.0/9"},
  });
  EXPECT_EQ(parsed(Kind::kAddressPool, "{prefixes: [10.0.0.7]}").spec["prefixes"][0],
            "10.0.0.7/32");
}

TEST(Fields, HardwareAddresses) {
  expectCases({
      {Kind::kPort, "{network: n, mac: \"02:00:00:00:00:01\"}", ""},
      {Kind::kPort, "{network: n, mac: \"02:00:00:00:00\"}",
       "spec.mac: \"02:00:00:00:00\" is not a MAC address (aa:bb:cc:dd:ee:ff)"},
      {Kind::kPort, "{network: n, mac: \"01:00:5e:00:00:01\"}",
       "spec.mac: 01:00:5e:00:00:01 is a multicast address"},
      {Kind::kPort, "{network: n, mac: \"ff:ff:ff:ff:ff:ff\"}",
       "spec.mac: ff:ff:ff:ff:ff:ff is a multicast address"},
      {Kind::kPort, "{network: n, mac: \"00:00:00:00:00:00\"}",
       "spec.mac: 00:00:00:00:00:00 is nobody's address"},
  });
  EXPECT_EQ(parsed(Kind::kPort, "{network: n, mac: \"02:AB:00:00:00:01\"}").spec["mac"],
            "02:ab:00:00:00:01");
}

TEST(Fields, RouteTargets) {
  const auto with = [](const std::string& target) {
    return errorOf(Kind::kNetwork, "{routeTargets: {both: [\"" + target + "\"]}}");
  };
  for (const auto* good : {"64512:100", "target:64512:100", "10.0.0.1:7", "4200000000:7"})
    EXPECT_EQ(with(good), "") << good;
  for (const auto* bad : {"64512", "0:1", "64512:4294967296", "4200000000:65536", "10.0.0.1:65536",
                          "a:b", "64512:-1", "64512:1:1", ""})
    EXPECT_EQ(with(bad).find("spec.routeTargets.both[0]: "), 0U) << bad << ": " << with(bad);
  EXPECT_EQ(errorOf(Kind::kNetwork, "{routeTargets: {both: [100]}}"),
            "spec.routeTargets.both[0]: 100 is not text");
  EXPECT_EQ(errorOf(Kind::kNetwork, "{routeTargets: {exprot: []}}"),
            "spec.routeTargets.exprot: unknown field; did you mean \"export\"?");
}

TEST(Fields, AsNumbers) {
  expectCases({
      {Kind::kSite, "{asn: 1}", ""},
      {Kind::kSite, "{asn: 4294967295}", ""},
      {Kind::kSite, "{asn: \"64512\"}", ""},
      {Kind::kSite, "{asn: 0}", "spec.asn: 0 is not an AS number (1 to 4294967295)"},
      {Kind::kSite, "{asn: 4294967296}",
       "spec.asn: 4294967296 is not an AS number (1 to 4294967295)"},
      {Kind::kSite, "{asn: -1}", "spec.asn: -1 is not an AS number (1 to 4294967295)"},
      {Kind::kSite, "{asn: 1.5}", "spec.asn: 1.5 is not an AS number (1 to 4294967295)"},
      {Kind::kSite, "{asn: AS64512}",
       "spec.asn: \"AS64512\" is not an AS number (1 to 4294967295)"},
      {Kind::kSite, "{asn: 23456}",
       "spec.asn: 23456 is AS_TRANS (RFC 6793) and nobody's AS number"},
  });
  EXPECT_EQ(parsed(Kind::kSite, "{asn: \"64512\"}").spec["asn"], 64512U) << "kept as a number";
}

TEST(Fields, Integers) {
  expectCases({
      {Kind::kSite, "{asn: 1, underlayMtu: 1280}", ""},
      {Kind::kSite, "{asn: 1, underlayMtu: 1279}",
       "spec.underlayMtu: 1279 is not in 1280 to 65535"},
      {Kind::kSite, "{asn: 1, underlayMtu: 65536}",
       "spec.underlayMtu: 65536 is not in 1280 to 65535"},
      {Kind::kSite, "{asn: 1, underlayMtu: 18446744073709551615}",
       "spec.underlayMtu: 18446744073709551615 is not in 1280 to 65535"},
      {Kind::kSite, "{asn: 1, underlayMtu: 1500.0}",
       "spec.underlayMtu: 1500.0 is not a whole number"},
      {Kind::kSite, "{asn: 1, underlayMtu: \"1500\"}",
       "spec.underlayMtu: \"1500\" is not a whole number"},
      {Kind::kQuota, "{networks: 0, ports: 5}", ""},
      {Kind::kQuota, "{networks: -1}", "spec.networks: -1 is not in 0 to 1000000"},
      {Kind::kIdentity, "{number: 0}", "spec.number: 0 is not in 1 to 4294967295"},
      {Kind::kService, "{network: n, ports: [{port: 65536}]}",
       "spec.ports[0].port: 65536 is not in 1 to 65535"},
      {Kind::kService, "{network: n, backends: [{port: a, weight: 0}]}",
       "spec.backends[0].weight: 0 is not in 1 to 1000"},
  });
}

TEST(Fields, Booleans) {
  expectCases({
      {Kind::kNetwork, "{external: true}", ""},
      {Kind::kNetwork, "{external: \"true\"}", "spec.external: \"true\" is neither true nor false"},
      {Kind::kNetwork, "{external: yes}", "spec.external: \"yes\" is neither true nor false"},
      {Kind::kPort, "{network: n, portSecurity: 0}",
       "spec.portSecurity: 0 is neither true nor false"},
  });
}

TEST(Fields, Enumerations) {
  expectCases({
      {Kind::kToken, "{role: admni, hash: x}",
       "spec.role: \"admni\" is not known; did you mean \"admin\"?"},
      {Kind::kToken, "{role: 1, hash: x}",
       "spec.role: 1 is not one of reader, member, admin, host"},
      {Kind::kPeer, "{role: Gateway, address: 1.1.1.1, asn: 1}",
       "spec.role: \"Gateway\" is not known; did you mean \"gateway\"?"},
      {Kind::kPeer, "{role: router, address: 1.1.1.1, asn: 1}",
       "spec.role: \"router\" is not one of gateway, site"},
      {Kind::kSite, "{asn: 1, encapsulations: [MPLSoUDP, mplsogre]}",
       "spec.encapsulations[1]: \"mplsogre\" is not known; did you mean \"MPLSoGRE\"?"},
      {Kind::kPort, "{network: n, workload: {kind: pod, name: x}}", ""},
      {Kind::kPort, "{network: n, workload: {kind: pad, name: x}}",
       "spec.workload.kind: \"pad\" is not known; did you mean \"pod\"?"},
      {Kind::kPort, "{network: n, workload: {kind: pod}}", "spec.workload.name: is required"},
      {Kind::kPort, "{network: n, workload: {name: x}}", "spec.workload.kind: is required"},
  });
}

TEST(Fields, References) {
  expectCases({
      {Kind::kPort, "{network: db}", ""},
      {Kind::kPort, "{network: database/db}", ""},
      {Kind::kPort, "{network: database/Public_1.x}", ""},
      {Kind::kPort, "{network: /db}", "spec.network: \"/db\" is neither NAME nor PROJECT/NAME"},
      {Kind::kPort, "{network: db/}", "spec.network: \"db/\" is neither NAME nor PROJECT/NAME"},
      {Kind::kPort, "{network: \"../db\"}",
       "spec.network: \"../db\" is neither NAME nor PROJECT/NAME"},
      {Kind::kPort, "{network: 7}", "spec.network: 7 is not text"},
      {Kind::kRouter, "{networks: [a, b]}", ""},
      {Kind::kRouter, "{networks: [a, default/a]}", "spec.networks[1]: default/a is there twice"},
      {Kind::kPort, "{network: n, securityGroups: [g, g]}",
       "spec.securityGroups[1]: default/g is there twice"},
      {Kind::kPort, "{network: n, addresses: [10.0.0.1, 10.0.0.1]}",
       "spec.addresses[1]: 10.0.0.1 is there twice"},
  });
}

TEST(Fields, PortRanges) {
  const auto with = [](const std::string& ports) {
    return errorOf(Kind::kSecurityGroup,
                   "{rules: [{direction: ingress, protocol: tcp, ports: " + ports + "}]}");
  };
  for (const auto* good : {"80", "\"80\"", "80-90", "0-65535", "\"080\""})
    EXPECT_EQ(with(good), "") << good;
  for (const auto* bad : {"65536", "-1", "80-", "-80", "80-65536", "a", "1.5", "true", "\"\"",
                          "\"80 - 90\"", "80-90-100", "123456"})
    EXPECT_EQ(with(bad).find("spec.rules[0].ports: "), 0U) << bad << ": " << with(bad);
  EXPECT_EQ(with("90-80"), "spec.rules[0].ports: \"90-80\" ends before it begins");
  const auto kept =
      parsed(Kind::kSecurityGroup, "{rules: [{direction: ingress, protocol: tcp, ports: 80-80}]}");
  EXPECT_EQ(kept.spec["rules"][0]["ports"], "80") << "one form for one port";
}

TEST(Fields, Texts) {
  EXPECT_EQ(errorOf(Kind::kProject, "{description: \"two\\nlines\\tand a tab\"}"), "");
  EXPECT_EQ(errorOf(Kind::kProject, "{description: \"\\e[31m\"}"),
            "spec.description: holds control characters");
  EXPECT_EQ(errorOf(Kind::kProject, "{description: " + std::string(4097, 'x') + "}"),
            "spec.description: is longer than 4096 bytes");
  EXPECT_EQ(errorOf(Kind::kProject, "{description: " + std::string(4096, 'x') + "}"), "");
  EXPECT_EQ(errorOf(Kind::kProject, "{description: 7}"), "spec.description: 7 is not text");
}

// ---- fields that depend on each other ----

TEST(Checks, Gateways) {
  const auto with = [](const std::string& subnet) {
    return errorOf(Kind::kNetwork, "{subnets: [" + subnet + "]}");
  };
  EXPECT_EQ(with("{prefix: 10.0.0.0/24, gateway: 10.0.0.254}"), "");
  EXPECT_EQ(with("{prefix: 10.0.0.0/24, gateway: 10.0.0.0}"),
            "spec.subnets[0].gateway: 10.0.0.0 is the network or broadcast address of 10.0.0.0/24");
  EXPECT_EQ(
      with("{prefix: 10.0.0.0/24, gateway: 10.0.0.255}"),
      "spec.subnets[0].gateway: 10.0.0.255 is the network or broadcast address of 10.0.0.0/24");
  EXPECT_EQ(with("{prefix: 10.0.0.0/31, gateway: 10.0.0.0}"), "") << "RFC 3021";
  EXPECT_EQ(with("{prefix: 10.0.0.1/32, gateway: 10.0.0.1}"), "");
  EXPECT_EQ(with("{prefix: \"2001:db8::/64\", gateway: \"2001:db8::\"}"), "");
  EXPECT_EQ(with("{prefix: 10.0.0.0/24, gateway: \"2001:db8::1\"}"),
            "spec.subnets[0].gateway: 2001:db8::1 is outside 10.0.0.0/24");
  EXPECT_EQ(with("{prefix: 10.0.0.0/24}, {prefix: \"2001:db8::/64\"}"), "");
  EXPECT_EQ(with("{prefix: 10.0.0.0/24}, {prefix: 10.0.0.0/24}"),
            "spec.subnets[1].prefix: 10.0.0.0/24 overlaps 10.0.0.0/24");
}

TEST(Checks, Services) {
  expectCases({
      {Kind::kService, "{network: n, ports: [{port: 80}, {port: 81}]}",
       "spec.ports[0].name: is required when there are several ports"},
      {Kind::kService, "{network: n, ports: [{name: a, port: 80}, {name: a, port: 81}]}",
       "spec.ports[1].name: \"a\" is there twice"},
      {Kind::kService, "{network: n, ports: [{port: 80, protocol: icmp}]}",
       "spec.ports[0].protocol: \"icmp\" is not known; did you mean \"tcp\"?"},
      {Kind::kService,
       "{network: n, ports: [{name: h, port: 80}], backends: [{port: a, targetPorts: {h: 0}}]}",
       "spec.backends[0].targetPorts.h: 0 is not in 1 to 65535"},
      {Kind::kService,
       "{network: n, ports: [{name: h, port: 80}], backends: [{port: a, targetPorts: [80]}]}",
       "spec.backends[0].targetPorts: [80] is not an object"},
  });
}

TEST(Checks, SecurityGroups) {
  expectCases({
      {Kind::kSecurityGroup, "{rules: [{}]}", "spec.rules[0].direction: is required"},
      {Kind::kSecurityGroup, "{rules: [{direction: ingress, ports: 80}]}",
       "spec.rules[0].ports: ports need a protocol that has them (tcp, udp, sctp)"},
      {Kind::kSecurityGroup, "{rules: [{direction: ingress, protocol: icmp, ports: 8}]}",
       "spec.rules[0].ports: ports need a protocol that has them (tcp, udp, sctp)"},
      {Kind::kSecurityGroup,
       "{rules: [{direction: egress, remotePrefix: 10.0.0.0/8, remoteGroup: g}]}",
       "spec.rules[0]: only one of remotePrefix, remoteGroup and remoteNetwork"},
      {Kind::kSecurityGroup, "{rules: [{direction: egress, remoteNetwork: n}]}", ""},
  });
}

TEST(Checks, Policies) {
  expectCases({
      {Kind::kPolicy, "{rules: [{to: {network: b}}]}", "spec.rules[0].from.network: is required"},
      {Kind::kPolicy, "{rules: [{from: {network: a}, to: {}}]}",
       "spec.rules[0].to.network: is required"},
      {Kind::kPolicy, "{rules: [{from: {network: a}, to: {network: b}, action: drop}]}",
       "spec.rules[0].action: \"drop\" is not one of allow, deny"},
      {Kind::kPolicy, "{rules: [{from: {net: a}, to: {network: b}}]}",
       "spec.rules[0].from.net: unknown field"},
      {Kind::kPolicy, "{rules: {}}", "spec.rules: {} is not a list"},
      {Kind::kPolicy, "{rules: [{from: {network: a}, to: {network: b}}, {from: {network: a}}]}",
       "spec.rules[1].to.network: is required"},
  });
}

TEST(Checks, Peers) {
  const auto with = [](const std::string& more) {
    return errorOf(Kind::kPeer, "{role: gateway, address: 10.3.0.1, asn: 64999, " + more + "}");
  };
  EXPECT_EQ(with("holdTime: 0"), "");
  EXPECT_EQ(with("holdTime: 3"), "");
  EXPECT_EQ(with("holdTime: 65535"), "");
  EXPECT_EQ(with("holdTime: 65536"), "spec.holdTime: 65536 is not in 0 to 65535");
  EXPECT_EQ(with("holdTime: 1"), "spec.holdTime: must be 0 or at least 3 (RFC 4271, 4.2)");
  EXPECT_EQ(with("md5Key: " + std::string(80, 'k')), "");
  EXPECT_EQ(with("md5Key: " + std::string(81, 'k')), "spec.md5Key: is longer than 80 bytes");
  EXPECT_EQ(with("families: [vpnv4, evpn]"),
            "spec.families[1]: \"evpn\" is not one of vpnv4, vpnv6, rtc");
  EXPECT_EQ(with("api: {url: \"https://10.1.0.10:8443\", fingerprint: \"sha256:00\"}"), "");
  EXPECT_EQ(with("api: {url: \"http://10.1.0.10\", fingerprint: x}"),
            "spec.api.url: must begin with https://");
  EXPECT_EQ(with("api: {url: \"https://a\"}"), "spec.api.fingerprint: is required");
  EXPECT_EQ(with("import: {prefixes: [10.0.0.1/8]}"),
            "spec.import.prefixes[0]: 10.0.0.1/8 has host bits set; did you mean 10.0.0.0/8?");
}

TEST(Checks, Tokens) {
  const auto with = [](const std::string& fields) {
    return errorOf(Kind::kToken, "{hash: " + kHash + ", " + fields + "}");
  };
  EXPECT_EQ(with("role: admin"), "");
  EXPECT_EQ(with("role: member"), "spec.project: is required for role member");
  EXPECT_EQ(with("role: member, project: p"), "");
  EXPECT_EQ(with("role: host"), "spec.host: is required for role host");
  EXPECT_EQ(with("role: host, host: node1, hostAddress: 10.2.0.11"), "");
  EXPECT_EQ(with("role: reader, expires: \"2026-01-31T12:00:00Z\""), "");
  for (const auto* bad : {"tomorrow", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z",
                          "2026-01-31T12:00:00+01:00", "2026-1-31T12:00:00Z "})
    EXPECT_EQ(with(std::string("role: reader, expires: \"") + bad + "\""),
              "spec.expires: must be a time like 2026-01-31T12:00:00Z")
        << bad;
  for (const auto& hash :
       {std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'A'), std::string(64, 'g')})
    EXPECT_EQ(errorOf(Kind::kToken, "{role: reader, hash: " + hash + "}"),
              "spec.hash: must be a SHA-256 in 64 hex digits")
        << hash;
}

}  // namespace
}  // namespace hawser::model
