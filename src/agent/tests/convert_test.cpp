#include "convert.h"

#include "fixture.h"
#include "hawser/net/communities.h"

namespace hawser::agent::test {
namespace {

using net::Encapsulation;

TEST(Convert, PortCarriesNumbersOfTheHostAndWordsOfTheSlice) {
  PortNumbers numbers;
  numbers.id = datapath::PortId(5);
  numbers.label = label(1005);
  auto from = slicePort("a", "10.0.3.11");
  from.portSecurity = false;
  from.mtu = 1400;
  auto plug = podPlug("a", "hwa");
  plug.tap = true;
  const auto port = toPort(from, numbers, plug);
  EXPECT_EQ(port.id.value(), 5U);
  EXPECT_EQ(port.label.value(), 1005U);
  EXPECT_EQ(port.device, "hwa");
  EXPECT_EQ(port.name, "default/a");
  EXPECT_EQ(port.vrf.value(), 3U);
  EXPECT_EQ(port.mtu, 1400);
  EXPECT_FALSE(port.antiSpoof);
  EXPECT_TRUE(port.tap);
  EXPECT_EQ(port.addresses, from.addresses);
  EXPECT_EQ(port.gateways, from.gateways);
  EXPECT_EQ(port.identity, from.identity);
}

TEST(Convert, RulesKeepOrderWithinTiers) {
  auto port = slicePort("a", "10.0.3.11");
  for (const auto& [id, tier] :
       std::vector<std::pair<std::uint32_t, std::uint8_t>>{{1, 2}, {2, 1}, {3, 2}, {4, 1}}) {
    model::SliceRule rule;
    rule.id = id;
    rule.tier = tier;
    port.rules.push_back(rule);
  }
  std::vector<std::uint32_t> order;
  for (const auto& rule : toRules(port).rules) order.push_back(rule.id);
  EXPECT_EQ(order, (std::vector<std::uint32_t>{2, 4, 1, 3}));
}

TEST(Convert, RuleActions) {
  auto port = slicePort("a", "10.0.3.11");
  model::SliceRule rule;
  rule.ingress = false;
  rule.ports = {80, 90};
  rule.protocol = model::Protocol::kTcp;
  port.rules = {rule, rule, rule};
  port.rules[1].allow = false;
  port.rules[1].pass = true;  // a deny is final whatever else is said
  port.rules[2].pass = true;
  const auto rules = toRules(port).rules;
  EXPECT_EQ(rules[0].action, datapath::Action::kAllow);
  EXPECT_EQ(rules[1].action, datapath::Action::kDeny);
  EXPECT_EQ(rules[2].action, datapath::Action::kPass);
  EXPECT_EQ(rules[0].direction, datapath::Direction::kEgress);
  EXPECT_EQ(rules[0].portFirst, 80);
  EXPECT_EQ(rules[0].portLast, 90);
  EXPECT_EQ(rules[0].protocol, 6);
}

TEST(Convert, TranslationsLeadToTheAddressOfTheirFamily) {
  auto port = slicePort("a", "10.0.3.11");
  port.addresses.push_back(ip("fd00::11"));
  port.translations = {
      {net::VrfId(4), ip("10.254.0.1"), model::Protocol::kTcp, 80, 8000, "services/x/y"},
      {net::VrfId(4), ip("fd00:254::1"), model::Protocol::kTcp, 80, 8000, "services/x/y"},
      {net::VrfId(9), ip("185.22.97.188"), model::Protocol::kAny, 0, 0, "floatingips/x/f"}};
  const auto all = toTranslations(port);
  ASSERT_EQ(all.size(), 3U);
  for (const auto& one : all) {
    EXPECT_EQ(one.targetAddress, one.address.isV4() ? ip("10.0.3.11") : ip("fd00::11"));
    EXPECT_EQ(one.outbound, one.vrf == net::VrfId(9));
  }
  port.addresses = {ip("fd00::11")};
  EXPECT_EQ(toTranslations(port).size(), 1U);  // no IPv4 address to lead to
}

TEST(Convert, AttributesAreSharedAndForgotten) {
  AttributeSets cache(ip("10.1.0.11"));
  const std::vector<Encapsulation> encapsulations{Encapsulation::kMplsInUdp, Encapsulation::kVxlan};
  auto one = cache.get({target("64512:3")}, encapsulations, {64512, 7}, false);
  EXPECT_EQ(one, cache.get({target("64512:3")}, encapsulations, {64512, 7}, false));
  EXPECT_NE(one, cache.get({target("64512:3")}, encapsulations, {64512, 8}, false));
  EXPECT_NE(one, cache.get({target("64512:3")}, encapsulations, {64512, 7}, true));
  EXPECT_EQ(one->nextHop, ip("10.1.0.11"));
  EXPECT_EQ(one->localPref, 100U);
  EXPECT_EQ(net::identityIn(one->extendedCommunities), (net::Identity{64512, 7}));
  EXPECT_EQ(one->extendedCommunities.size(), 3U);  // target, MPLSoUDP, identity; no VXLAN
  const std::weak_ptr<const wire::PathAttributes> watch = one;
  cache.dropUnused();
  EXPECT_FALSE(watch.expired());
  one.reset();
  cache.dropUnused();
  EXPECT_TRUE(watch.expired());
}

TEST(Convert, OneRouteForEachAddressInEachVrf) {
  TempFolder folder;
  auto state = HostState::load(folder.path()).value();
  AttributeSets cache(ip("10.1.0.11"));
  auto all = slice();
  auto& port = all.ports[0];
  // A second port of the same service, a floating IP, and one in a network that is gone.
  port.translations.push_back(port.translations[0]);
  port.translations.back().port = 443;
  port.translations.push_back(
      {net::VrfId(99), ip("185.22.97.188"), model::Protocol::kAny, 0, 0, "floatingips/x/f"});
  port.addresses.push_back(ip("fd00::11"));  // the sessions carry IPv4
  (void)state.numbers(port.uid, port.name);
  const auto routes = originations(all, port, state, ip("10.1.0.11").v4(), cache);
  ASSERT_EQ(routes.size(), 2U);
  EXPECT_EQ(routes[0].key.prefix, prefix("10.0.3.11/32"));
  EXPECT_EQ(routes[1].key.prefix, prefix("10.254.0.1/32"));
  EXPECT_NE(routes[0].key.rd, routes[1].key.rd);
  EXPECT_EQ(routes[0].key.rd.text().substr(0, 10), "10.1.0.11:");
  EXPECT_EQ(routes[0].label, routes[1].label);
  EXPECT_EQ(routes[1].attributes->extendedCommunities[0], target("64512:4").community());
  EXPECT_FALSE(net::anycastIn(routes[0].attributes->extendedCommunities)) << "its own address";
  EXPECT_TRUE(net::anycastIn(routes[1].attributes->extendedCommunities));
  port.translations = {
      {net::VrfId(4), ip("185.22.97.188"), model::Protocol::kAny, 0, 0, "floatingips/x/f"}};
  const auto floating = originations(all, port, state, ip("10.1.0.11").v4(), cache);
  ASSERT_EQ(floating.size(), 2U);
  EXPECT_FALSE(net::anycastIn(floating[1].attributes->extendedCommunities))
      << "a floating IP is one port's";
}

}  // namespace
}  // namespace hawser::agent::test
