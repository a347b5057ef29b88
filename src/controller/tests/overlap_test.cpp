// What is joined must not overlap: by a Router, a Policy, a Link; at once and by a later change.
#include <gmock/gmock.h>

#include "world.h"

namespace hawser::controller::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string net(const std::string& name, const std::string& prefix, const std::string& more = {}) {
  return "{kind: Network, metadata: {name: " + name + "}, spec: {subnets: [{prefix: " + prefix +
         "}]" + more + "}}";
}
constexpr const char* kRouter = "{kind: Router, metadata: {name: r}, spec: {networks: [c, a, b]}}";
constexpr const char* kPolicy =
    "{kind: Policy, metadata: {name: q}, spec: {rules: [{from: {network: c}, to: {network: a}}, "
    "{from: {network: a}, to: {network: b}}]}}";

class Overlap : public ::testing::Test {
 protected:
  Overlap() { world.add(net("c", "10.3.0.0/24")); }
  void peer() {
    world.add(
        "{kind: Peer, metadata: {name: two}, spec: {role: site, site: two, asn: 64513, address: "
        "10.2.0.10, api: {url: \"https://10.2.0.10:8443\", fingerprint: \"sha256:" +
        std::string(64, 'a') + "\"}}}");
  }
  static std::string link(const std::string& remote, const std::string& network = "a",
                          const std::string& accepted = "true") {
    return "{kind: Link, metadata: {name: l}, spec: {peer: two, network: " + network +
           ", remoteNetwork: x/y, remotePrefixes: [\"" + remote + "\"], accepted: " + accepted +
           "}}";
  }
  World world;
};

TEST_F(Overlap, ARouterNamesBothNetworksAndPrefixes) {
  world.add(net("a", "10.0.0.0/16"));
  world.add(net("b", "10.0.7.0/24"));
  const auto refused = world.refusal(kRouter);
  EXPECT_THAT(refused, StartsWith("spec.networks[2]: "));
  EXPECT_THAT(refused, AllOf(HasSubstr("networks/p/a (10.0.0.0/16)"),
                             HasSubstr("networks/p/b (10.0.7.0/24)")));
  world.add(net("b", "10.1.0.0/24"));
  world.add(kRouter);
  EXPECT_THAT(
      world.refusal(net("b", "10.0.8.0/24")),
      AllOf(StartsWith("spec.subnets: "), HasSubstr("10.0.0.0/16"), HasSubstr("routers/p/r")));
  world.add(net("b", "10.2.0.0/24"));
}

TEST_F(Overlap, APolicyJoinsByItsAllowRulesOnly) {
  world.add(net("a", "10.0.0.0/24"));
  world.add(net("b", "10.0.0.0/24"));
  EXPECT_THAT(world.refusal(kPolicy), StartsWith("spec.rules[1].to.network: networks/p/a"));
  world.add(
      "{kind: Policy, metadata: {name: q}, spec: {rules: [{from: {network: a}, to: {network: b}, "
      "action: deny}]}}");
  world.add(net("b", "10.1.0.0/24"));
  world.add(kPolicy);
  EXPECT_THAT(world.refusal(net("a", "10.1.0.0/16")), HasSubstr("policies/p/q"));
}

TEST_F(Overlap, APoolKeepsAddressesApart) {
  world.add("{kind: AddressPool, metadata: {name: pods}, spec: {prefixes: [10.9.0.0/16]}}");
  world.add(net("a", "10.9.0.0/16", ", addressPool: pods"));
  world.add(net("b", "10.9.0.0/16", ", addressPool: pods"));
  world.add(kRouter);
  world.add(kPolicy);
  EXPECT_THAT(world.refusal(net("b", "10.9.0.0/16")), HasSubstr("overlap"));
}

TEST_F(Overlap, ALinkBringsNothingThatIsHereAlready) {
  peer();
  world.add(net("a", "10.0.0.0/24"));
  world.add(net("b", "10.1.0.0/24"));
  EXPECT_THAT(world.refusal(link("10.0.0.128/25")),
              AllOf(StartsWith("spec.remotePrefixes: links/p/l brings 10.0.0.128/25 from x/y"),
                    HasSubstr("networks/p/a (10.0.0.0/24)")));
  world.add(kRouter);
  EXPECT_THAT(world.refusal(link("10.1.0.0/16")), AllOf(HasSubstr("networks/p/b (10.1.0.0/24)"),
                                                        HasSubstr("joined with networks/p/a")));
  world.add(link("0.0.0.0/0"));
  world.add(link("10.100.0.0/24"));
  EXPECT_THAT(world.refusal(net("a", "10.100.0.0/16")), StartsWith("spec.subnets: links/p/l"));
  EXPECT_THAT(world.refusal(net("b", "10.100.0.0/16")), StartsWith("spec.subnets: links/p/l"));
}

TEST_F(Overlap, AJointMeetsWhatAnAcceptedLinkBrings) {
  peer();
  world.add(net("a", "10.0.0.0/24"));
  world.add(net("b", "10.100.0.0/24"));
  world.add(link("10.100.0.0/24", "a"));
  EXPECT_THAT(world.refusal(kRouter),
              AllOf(StartsWith("spec.networks[2]: links/p/l brings 10.100.0.0/24"),
                    HasSubstr("networks/p/b")));
  world.add(link("10.100.0.0/24", "a", "false"));
  world.add(kRouter);
  EXPECT_THAT(world.refusal(link("10.100.0.0/24", "a")), StartsWith("spec.remotePrefixes: "));
}

// Otherwise connections would be split between workloads that have nothing to do with each other.
TEST_F(Overlap, TwoLinksBringNothingTwiceToOneNetwork) {
  peer();
  world.add(net("a", "10.0.0.0/24"));
  world.add(net("b", "10.1.0.0/24"));
  world.add(link("10.100.0.0/24"));
  const auto second = [](const std::string& prefix, const std::string& network,
                         const std::string& accepted = "true") {
    return "{kind: Link, metadata: {name: l2}, spec: {peer: two, network: " + network +
           ", remoteNetwork: x/z, remotePrefixes: [\"" + prefix + "\"], accepted: " + accepted +
           "}}";
  };
  EXPECT_THAT(world.refusal(second("10.100.0.128/25", "a")),
              AllOf(StartsWith("spec.remotePrefixes: links/p/l2 brings 10.100.0.128/25 from x/z"),
                    HasSubstr("what links/p/l brings: 10.100.0.0/24 from x/y")));
  world.add(second("10.100.0.0/24", "b"));
  ASSERT_TRUE(world.remove(Kind::kLink, "p", "l2"));
  world.add(second("10.101.0.0/24", "a"));
  EXPECT_THAT(world.refusal(second("10.100.0.0/16", "a")), HasSubstr("what links/p/l brings"));
  // Waiting for an answer does no harm; agreeing would.
  world.add(second("10.100.0.0/24", "a", "false"));
  EXPECT_THAT(world.refusal(second("10.100.0.0/24", "a")), HasSubstr("what links/p/l brings"));
  world.add(link("10.100.0.0/24", "a", "false"));
  world.add(second("10.100.0.0/24", "a"));
  EXPECT_THAT(world.refusal(link("10.100.0.0/24", "a")), HasSubstr("what links/p/l2 brings"));
  // Another way to the same network brings nothing else.
  world.add(
      "{kind: Peer, metadata: {name: again}, spec: {role: site, site: two, asn: 64513, address: "
      "10.2.0.12, api: {url: \"https://10.2.0.12:8443\", fingerprint: \"sha256:" +
      std::string(64, 'a') + "\"}}}");
  world.add(
      "{kind: Link, metadata: {name: l3}, spec: {peer: again, network: a, remoteNetwork: x/z, "
      "remotePrefixes: [10.100.0.0/24]}}");
  ASSERT_TRUE(world.remove(Kind::kLink, "p", "l3"));
  // A way out is no range of workloads.
  world.add(second("0.0.0.0/0", "a"));
  world.add(link("10.100.0.0/24", "a"));
}

TEST_F(Overlap, TenantsThatAreNotJoinedMayHaveTheSameAddresses) {
  world.add(net("a", "10.0.0.0/24"));
  world.add(net("b", "10.0.0.0/24"));
  world.add("{kind: Router, metadata: {name: r}, spec: {networks: [a, c]}}");
  world.add(
      "{kind: Network, metadata: {name: a, project: other}, spec: {subnets: [{prefix: "
      "10.0.0.0/24}]}}");
}

}  // namespace
}  // namespace hawser::controller::test
