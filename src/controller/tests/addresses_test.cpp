// Admission of addresses: what subnets there may be, who gets which address, and what is refused.
#include <gmock/gmock.h>

#include "world.h"

namespace hawser::controller::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Admission, SubnetsThatNoWorkloadCanHaveAreRefused) {
  World world;
  for (const auto& [prefix, special] :
       std::map<std::string, std::string>{{"127.0.0.0/8", "127.0.0.0/8, the loopback"},
                                          {"127.1.0.0/24", "127.0.0.0/8"},
                                          {"224.0.0.0/4", "224.0.0.0/4, multicast"},
                                          {"239.1.0.0/16", "224.0.0.0/4"},
                                          {"240.0.0.0/4", "240.0.0.0/4, kept for later use"},
                                          {"255.255.255.0/24", "240.0.0.0/4"},
                                          {"0.0.0.0/0", "0.0.0.0/8, which is no address"},
                                          {"0.1.0.0/16", "0.0.0.0/8"},
                                          {"169.254.7.0/24", "169.254.0.0/16, link-local"},
                                          {"169.0.0.0/8", "169.254.0.0/16"},
                                          {"128.0.0.0/1", "169.254.0.0/16"}}) {
    const auto start = prefix + " overlaps " + special;
    EXPECT_THAT(world.refusal("{kind: Network, metadata: {name: n}, spec: {subnets: [{prefix: " +
                              prefix + "}]}}"),
                ::testing::StartsWith("spec.subnets[0].prefix: " + start));
    EXPECT_THAT(world.refusal("{kind: AddressPool, metadata: {name: n}, spec: {prefixes: [" +
                              prefix + "]}}"),
                ::testing::StartsWith("spec.prefixes[0]: " + start));
  }
  world.add(
      "{kind: Network, metadata: {name: n}, spec: {subnets: [{prefix: 169.253.0.0/16}, "
      "{prefix: 223.255.255.0/24}, {prefix: 126.0.0.0/8}]}}");
}

TEST(Admission, AddressesAreAllocatedAroundWhatIsTaken) {
  World world;
  world.add(
      "{kind: Network, metadata: {name: a}, spec: {subnets: [{prefix: 10.0.0.0/29, gateway: "
      "10.0.0.3}]}}");
  world.add("{kind: Port, metadata: {name: fixed}, spec: {network: a, addresses: [10.0.0.2]}}");
  world.add(
      "{kind: Service, metadata: {name: vip}, spec: {network: a, addresses: [10.0.0.4], ports: "
      "[{port: 80}]}}");
  // .0 network, .2 a port, .3 the gateway, .4 a service, .7 broadcast
  for (const auto* expected : {"10.0.0.1", "10.0.0.5", "10.0.0.6"}) {
    const auto name = "x" + std::string(expected).substr(7);
    world.add("{kind: Port, metadata: {name: " + name + "}, spec: {network: a}}");
    EXPECT_EQ(world.address(name), expected);
  }
  EXPECT_THAT(world.refusal("{kind: Port, metadata: {name: full}, spec: {network: a}}"),
              StartsWith("spec.addresses: no free address in the subnets of networks/p/a"));
  // Kept over changes, given back with the port.
  world.add("{kind: Port, metadata: {name: x5}, spec: {network: a, hostname: h}}");
  EXPECT_EQ(world.address("x5"), "10.0.0.5");
  ASSERT_TRUE(world.remove(Kind::kPort, "p", "x5"));
  world.add("{kind: Port, metadata: {name: again}, spec: {network: a}}");
  EXPECT_EQ(world.address("again"), "10.0.0.5");
}

TEST(Admission, APoolIsUniqueOverItsNetworks) {
  World world;
  world.add(
      "{kind: AddressPool, metadata: {name: pods}, spec: {prefixes: [10.9.0.0/30, 10.9.0.4/31]}}");
  for (const auto* name : {"a", "b"})
    world.add(std::string("{kind: Network, metadata: {name: ") + name +
              "}, spec: {addressPool: pods, subnets: [{prefix: 10.9.0.0/24}]}}");
  world.add("{kind: Port, metadata: {name: a1}, spec: {network: a}}");
  world.add("{kind: Port, metadata: {name: b1}, spec: {network: b}}");
  EXPECT_EQ(world.address("a1"), "10.9.0.2");
  EXPECT_EQ(world.address("b1"), "10.9.0.3");
  EXPECT_THAT(world.refusal(
                  "{kind: Port, metadata: {name: b2}, spec: {network: b, addresses: [10.9.0.2]}}"),
              StartsWith("spec.addresses[0]: 10.9.0.2 is in use by ports/p/a1"));
  world.add("{kind: Port, metadata: {name: b3}, spec: {network: b}}");
  world.add("{kind: Port, metadata: {name: b4}, spec: {network: b}}");
  EXPECT_EQ(world.address("b4"), "10.9.0.5");
  EXPECT_THAT(world.refusal("{kind: Port, metadata: {name: b5}, spec: {network: b}}"),
              StartsWith("spec.addresses: no free address"));
  EXPECT_THAT(world.refusal("{kind: Network, metadata: {name: c}, spec: {addressPool: pots}}"),
              StartsWith("spec.addressPool: address pool \"pots\" does not exist"));
}

// Routers outside have the gateway's address, and nobody the subnet's own.
TEST(Admission, ServicesOfAnExternalNetworkTakeNoReservedAddress) {
  World world;
  world.add(
      "{kind: Network, metadata: {name: ext}, spec: {external: true, subnets: [{prefix: "
      "192.0.2.0/24}]}}");
  const auto service = [](const std::string& address) {
    return "{kind: Service, metadata: {name: s}, spec: {network: ext, addresses: [" + address +
           "], ports: [{name: web, port: 80}]}}";
  };
  for (const auto* address : {"192.0.2.0", "192.0.2.1", "192.0.2.255"})
    EXPECT_THAT(world.refusal(service(address)), StartsWith("spec.addresses[0]: 192.0.2."))
        << address;
  world.add(service("192.0.2.2"));
}

TEST(Admission, MacsComeFromTheUid) {
  World world;
  world.add(kNet);
  world.add("{kind: Port, metadata: {name: x}, spec: {network: a}}");
  const auto mac = world.get(Kind::kPort, "p", "x").status["mac"].get<std::string>();
  EXPECT_THAT(mac, StartsWith("02:"));
  world.add("{kind: Port, metadata: {name: x}, spec: {network: a, hostname: other}}");
  EXPECT_EQ(world.get(Kind::kPort, "p", "x").status["mac"], mac);
}

TEST(Admission, ServicesAndFloatingIps) {
  World world;
  world.add(kNet);
  world.add(
      "{kind: Network, metadata: {name: ext}, spec: {external: true, subnets: [{prefix: "
      "192.0.2.0/29}]}}");
  world.add("{kind: Port, metadata: {name: x}, spec: {network: a, addresses: [10.0.0.2]}}");
  const auto service = [](const std::string& name, const std::string& spec) {
    return "{kind: Service, metadata: {name: " + name + "}, spec: {ports: [{port: 80}], " + spec +
           "}}";
  };
  world.add(service("s", "network: a, addresses: [10.0.0.5], backends: [{port: x}]"));
  EXPECT_THAT(world.refusal(service("t", "network: a, addresses: [10.0.0.5]")),
              StartsWith("spec.addresses[0]: 10.0.0.5 is in use by services/p/s"));
  EXPECT_THAT(world.refusal(service("t", "network: a, addresses: [10.0.0.2]")),
              HasSubstr("ports/p/x"));
  EXPECT_THAT(world.refusal(service("t", "network: a, addresses: [10.1.0.2]")),
              HasSubstr("outside the subnets"));
  EXPECT_THAT(world.refusal(service("t", "network: a, backends: [{port: x}, {port: y}]")),
              StartsWith("spec.backends[1].port: port \"p/y\" does not exist"));
  EXPECT_THAT(
      world.refusal("{kind: Port, metadata: {name: z}, spec: {network: a, addresses: [10.0.0.5]}}"),
      HasSubstr("services/p/s"));
  EXPECT_THAT(world.refusal("{kind: FloatingIP, metadata: {name: f}, spec: {network: a}}"),
              StartsWith("spec.network: networks/p/a is not external"));
  EXPECT_THAT(
      world.refusal("{kind: FloatingIP, metadata: {name: f}, spec: {network: ext, port: nope}}"),
      StartsWith("spec.port: port \"p/nope\" does not exist"));
  world.add("{kind: FloatingIP, metadata: {name: f}, spec: {network: ext, port: x}}");
  EXPECT_EQ(world.get(Kind::kFloatingIp, "p", "f").spec["address"], "192.0.2.2");
  world.add("{kind: FloatingIP, metadata: {name: f}, spec: {network: ext}}");
  EXPECT_EQ(world.get(Kind::kFloatingIp, "p", "f").spec["address"], "192.0.2.2");
  EXPECT_THAT(
      world.refusal(
          "{kind: FloatingIP, metadata: {name: g}, spec: {network: ext, address: 192.0.2.2}}"),
      StartsWith("spec.address: 192.0.2.2 is in use by floatingips/p/f"));
}

TEST(Admission, SubnetsCannotLeaveTheirPortsBehind) {
  World world;
  world.add(kNet);
  world.add("{kind: Port, metadata: {name: x}, spec: {network: a, addresses: [10.0.0.5]}}");
  EXPECT_THAT(world.refusal(
                  "{kind: Network, metadata: {name: a}, spec: {subnets: [{prefix: 10.0.0.0/30}]}}"),
              StartsWith("spec.subnets: ports/p/x has 10.0.0.5"));
  EXPECT_THAT(world.refusal("{kind: Network, metadata: {name: a}, spec: {subnets: [{prefix: "
                            "10.0.0.0/29, gateway: 10.0.0.5}]}}"),
              StartsWith("spec.subnets"));
  world.add("{kind: Network, metadata: {name: a}, spec: {subnets: [{prefix: 10.0.0.0/28}]}}");
}

}  // namespace
}  // namespace hawser::controller::test
