#include "hawser/trace/trace.h"

#include <gtest/gtest.h>

namespace hawser::trace {
namespace {

net::IpAddress ip(const std::string& text) { return net::IpAddress::parse(text).value(); }
net::IpPrefix prefix(const std::string& text) { return net::IpPrefix::parse(text).value(); }

// node1 has web 10.1.0.2 in VRF 1; node2 has app 10.2.0.2 in VRF 2 behind the service address
// 10.254.0.5 port 80 -> 8000 in VRF 1, which VRF 2 knows a way back to.
class TraceTest : public ::testing::Test {
 protected:
  TraceTest() {
    model::Slice one, two;
    one.host = "node1";
    two.host = "node2";
    one.encapsulations = two.encapsulations = {net::Encapsulation::kMplsInUdp};
    one.vrfs.push_back(vrf(1, "default/web"));
    two.vrfs.push_back(vrf(1, "default/web"));
    two.vrfs.push_back(vrf(2, "default/app"));
    one.ports.push_back(port("default/web-1", 1, "10.1.0.2", 11));
    one.ports[0].workload = model::WorkloadRef{"pod", "default", "web-1"};
    two.ports.push_back(port("default/app-1", 2, "10.2.0.2", 12));
    two.ports[0].translations.push_back(
        {net::VrfId(1), ip("10.254.0.5"), model::Protocol::kTcp, 80, 8000, "services/default/app"});
    slices["node1"] = one;
    slices["node2"] = two;
    route(1, "10.254.0.5/32", "10.9.0.2", 2000, 12);
    route(1, "10.1.0.2/32", "10.9.0.1", 1000, 11);
    route(2, "10.2.0.2/32", "10.9.0.2", 2000, 12);
    world.site = "here";
    world.slices = &slices;
    world.hostAddresses = {{"node1", ip("10.9.0.1")}, {"node2", ip("10.9.0.2")}};
    world.lookup = [this](const model::SliceVrf& in,
                          const net::IpAddress& address) -> std::optional<rib::VrfChange> {
      for (const auto& change : routes)
        if (change.vrf == in.id && change.prefix.contains(address)) return change;
      return std::nullopt;
    };
  }
  static model::SliceVrf vrf(std::uint32_t id, const std::string& name) {
    model::SliceVrf made;
    made.id = net::VrfId(id);
    made.name = name;
    return made;
  }
  static model::SlicePort port(const std::string& name, std::uint32_t vrfId,
                               const std::string& address, std::uint32_t identity) {
    model::SlicePort made;
    made.name = name;
    made.vrf = net::VrfId(vrfId);
    made.addresses = {ip(address)};
    made.gateways = {ip("10.1.0.1")};
    made.identity = {64512, identity};
    return made;
  }
  void route(std::uint32_t vrfId, const std::string& to, const std::string& nextHop,
             std::uint32_t label, std::uint32_t identity) {
    wire::PathAttributes attributes;
    attributes.extendedCommunities = {net::identityCommunity({64512, identity}),
                                      net::encapsulationCommunity(net::Encapsulation::kMplsInUdp)};
    rib::VrfPath path;
    path.nextHop = ip(nextHop);
    path.label = net::Label::make(label).value();
    path.attributes = std::make_shared<const wire::PathAttributes>(attributes);
    routes.push_back({net::VrfId(vrfId), prefix(to), {path}});
  }
  model::SliceRule& rule(const std::string& host, bool ingress, bool allow) {
    auto& rules = slices[host].ports[0].rules;
    rules.emplace_back();
    rules.back().source = "policies/default/p rule 0";
    rules.back().ingress = ingress;
    rules.back().allow = allow;
    return rules.back();
  }
  [[nodiscard]] Answer ask(const std::string& from, const std::string& to,
                           std::uint16_t toPort = 80) const {
    const auto answer = trace(world, {from, to, model::Protocol::kTcp, toPort});
    EXPECT_TRUE(answer) << answer.error().text();
    return answer.value();
  }
  static std::string told(const std::vector<Step>& steps) {
    std::string text;
    for (const auto& step : steps) text += step.where + ": " + step.what + "\n";
    return text;
  }
  std::map<std::string, model::Slice> slices;
  std::vector<rib::VrfChange> routes;
  World world;
};

TEST_F(TraceTest, ServiceIsReachedAndTranslated) {
  for (const auto* from : {"default/web-1", "pods/default/web-1", "10.1.0.2"}) {
    const auto answer = ask(from, "10.254.0.5");
    EXPECT_TRUE(answer.reaches()) << answer.reason;
    EXPECT_EQ(answer.blockedBy, "");
    EXPECT_EQ(told(answer.back),
              "host node2: leaves port default/app-1 (10.2.0.2)\n"
              "policy: an answer: it passes with the connection that it belongs to\n"
              "service: services/default/app: 10.2.0.2 port 8000 becomes 10.254.0.5 again\n"
              "route: 10.1.0.2/32 in default/web: 1 path, imported by route target 0:0\n"
              "tunnel: MPLSoUDP to 10.9.0.1, label 1000\n"
              "host node1: delivers to port default/web-1 (10.1.0.2)\n");
  }
  EXPECT_TRUE(ask("default/web-1", "services/default/app").reaches());
}

TEST_F(TraceTest, PortThatTheServiceLacks) {
  const auto answer = ask("default/web-1", "10.254.0.5", 81);
  EXPECT_FALSE(answer.reaches());
  EXPECT_EQ(answer.blockedBy, "service");
  EXPECT_NE(answer.reason.find("tcp/81"), std::string::npos);
}

TEST_F(TraceTest, NoRoute) {
  const auto answer = ask("default/web-1", "10.2.0.2");
  EXPECT_FALSE(answer.reaches());
  EXPECT_EQ(answer.blockedBy, "route");
  EXPECT_NE(answer.reason.find("default/web"), std::string::npos);
}

void put(model::ObjectMap& objects, const char* json) {
  auto text = model::Json::parse(json);
  auto object = model::parseObject(text);
  ASSERT_TRUE(object) << object.error().text();
  const auto key = object->key();
  objects[key] = std::make_shared<const model::Object>(std::move(*object));
}

// A network that is joined and covers the address is not to blame for a workload that is not there.
TEST_F(TraceTest, NoRouteNamesTheNetworkThatLacksTheWorkload) {
  auto& web = slices["node1"].vrfs[0];
  const auto why = [&](const std::string& to) { return ask("default/web-1", to).reason; };
  const std::string nothing = ": no network with that address shares a route target with it";
  EXPECT_EQ(why("10.1.0.99"), "default/web has no route to 10.1.0.99" + nothing);
  model::ObjectMap objects;
  world.objects = &objects;
  put(objects,
      R"({"kind": "Network", "metadata": {"name": "web", "project": "default"}, "spec": {"subnets": [{"prefix":
      "10.1.0.0/24"}]}, "status": {"id": 1, "autoRouteTarget": "64512:8000001"}})");
  EXPECT_EQ(why("10.1.0.99"),
            "default/web has no route to 10.1.0.99: no workload has the address 10.1.0.99 in "
            "default/web");
  EXPECT_EQ(why("192.168.2.99"), "default/web has no route to 192.168.2.99" + nothing);
  put(objects,
      R"({"kind": "Peer", "metadata": {"name": "p"}, "spec": {"role": "site", "site": "east", "asn": 65001,
      "address": "10.2.0.10"}})");
  put(objects,
      R"({"kind": "Link", "metadata": {"name": "l", "project": "default"}, "spec": {"peer": "p", "network": "web",
      "remoteNetwork": "shop/net", "remotePrefixes": ["192.168.2.0/24", "0.0.0.0/0"], "accepted": true},
      "status": {"phase": "established"}})");
  EXPECT_EQ(why("192.168.2.99"),
            "default/web has no route to 192.168.2.99: no workload has the address 192.168.2.99 in "
            "shop/net of site east");
  put(objects,
      R"({"kind": "Peer", "metadata": {"name": "q"}, "spec": {"role": "site", "site": "west", "asn": 65002,
      "address": "10.2.0.11", "import": {"routeTargets": ["65002:5"]}}})");
  EXPECT_EQ(why("172.16.0.1"), "default/web has no route to 172.16.0.1" + nothing);
  web.importTargets.insert(net::RouteTarget::parse("65002:5").value());
  EXPECT_EQ(why("172.16.0.1"),
            "default/web has no route to 172.16.0.1: no network of here with that address shares a "
            "route target with it, and west, which does, announces no such workload");
  web.importTargets.clear();
  put(objects,
      R"({"kind": "Network", "metadata": {"name": "db", "project": "default"}, "spec": {"subnets": [{"prefix":
      "10.7.0.0/24"}]}, "status": {"id": 9, "autoRouteTarget": "64512:8000009"}})");
  EXPECT_EQ(why("10.7.0.5"), "default/web has no route to 10.7.0.5" + nothing);
  web.importTargets.insert(net::RouteTarget::parse("64512:8000009").value());
  EXPECT_EQ(why("10.7.0.5"),
            "default/web has no route to 10.7.0.5: no workload has the address 10.7.0.5 in "
            "default/db");
  put(objects,
      R"({"kind": "Port", "metadata": {"name": "pg", "project": "default"}, "spec": {"network": "db"},
      "status": {"addresses": ["10.7.0.5"], "mac": "02:00:00:00:00:01"}})");
  EXPECT_EQ(why("10.7.0.5"),
            "default/web has no route to 10.7.0.5: ports/default/pg has it in default/db, but no "
            "host announces it (phase pending)");
}

TEST_F(TraceTest, EndsThatAreNotFoundSayWhatIsWrong) {
  const auto why = [&](const std::string& to) {
    return trace(world, {"default/web-1", to, model::Protocol::kTcp, 80}).error().message;
  };
  EXPECT_EQ(why("192.168.2.300"), "\"192.168.2.300\" is not an IP address");
  EXPECT_TRUE(why("shop/b").starts_with(
      "no placed port of here is \"shop/b\"; ports are looked for in this site only"))
      << why("shop/b");
  EXPECT_EQ(trace(world, {"10.1.0.77", "10.1.0.2"}).error().message,
            "no placed port of here has the address 10.1.0.77");
  model::ObjectMap objects;
  world.objects = &objects;
  put(objects,
      R"({"kind": "Port", "metadata": {"name": "b", "project": "shop"}, "spec": {"network": "db"}})");
  EXPECT_EQ(why("shop/b"), "port \"shop/b\" is not placed: no host serves it yet");
}

TEST_F(TraceTest, NoReadyBackendIsTheServicesFault) {
  routes.erase(routes.begin());
  slices["node1"].vrfs[0].refused = {ip("10.254.0.5")};
  EXPECT_EQ(ask("default/web-1", "10.254.0.5").blockedBy, "service");
}

TEST_F(TraceTest, NoRouteBack) {
  routes.erase(routes.begin() + 1);
  const auto answer = ask("default/web-1", "10.254.0.5");
  EXPECT_EQ(answer.blockedBy, "route");
  EXPECT_NE(answer.reason.find("back"), std::string::npos);
}

TEST_F(TraceTest, RulesOnBothSides) {
  rule("node1", false, false).identities = {{64512, 12}};
  slices["node1"].ports[0].rules[0].anyPeer = false;
  auto answer = ask("default/web-1", "10.254.0.5");
  EXPECT_EQ(answer.blockedBy, "policy");
  EXPECT_NE(answer.reason.find("policies/default/p rule 0"), std::string::npos);

  slices["node1"].ports[0].rules.clear();
  auto& denied = rule("node2", true, false);
  denied.protocol = model::Protocol::kTcp;
  denied.ports = {8000, 8000};  // after translation
  EXPECT_EQ(ask("default/web-1", "10.254.0.5").blockedBy, "policy");
  slices["node2"].ports[0].rules[0].ports = {80, 80};
  EXPECT_TRUE(ask("default/web-1", "10.254.0.5").reaches());
}

// Ports count for every protocol that has rules with ports, as in the datapath.
TEST_F(TraceTest, PortsOfSctp) {
  slices["node2"].ports[0].translations[0].protocol = model::Protocol::kSctp;
  slices["node2"].ports[0].translations[0].targetPort = 80;
  auto& allowed = rule("node2", true, true);
  allowed.protocol = model::Protocol::kSctp;
  allowed.ports = {80, 80};
  rule("node2", true, false);
  const Question question{"default/web-1", "10.254.0.5", model::Protocol::kSctp, 80};
  EXPECT_TRUE(trace(world, question)->reaches());
  slices["node2"].ports[0].rules[0].ports = {81, 81};
  EXPECT_EQ(trace(world, question)->blockedBy, "policy");
}

TEST_F(TraceTest, AHostNeedsAnEncapsulationThatThePathOffers) {
  slices["node1"].encapsulations = {net::Encapsulation::kGre};  // the route offers MPLSoUDP
  const auto answer = ask("default/web-1", "10.254.0.5");
  EXPECT_EQ(answer.blockedBy, "route");
  EXPECT_NE(answer.reason.find("offers no encapsulation that node1 knows"), std::string::npos)
      << answer.reason;
}

// Of equal paths the host uses those that it can, and judges by the first identity that they name.
TEST_F(TraceTest, APathThatTheHostCannotUseIsPassedOver) {
  auto vxlan = routes[0].paths[0];
  vxlan.nextHop = ip("10.9.0.7");
  wire::PathAttributes attributes;
  attributes.extendedCommunities = {net::identityCommunity({64512, 99}),
                                    net::encapsulationCommunity(net::Encapsulation::kVxlan)};
  vxlan.attributes = std::make_shared<const wire::PathAttributes>(attributes);
  routes[0].paths.insert(routes[0].paths.begin(), vxlan);
  rule("node1", false, false).identities = {{64512, 99}};
  slices["node1"].ports[0].rules[0].anyPeer = false;
  const auto answer = ask("default/web-1", "10.254.0.5");
  EXPECT_TRUE(answer.reaches()) << answer.reason;
  EXPECT_NE(told(answer.steps).find("MPLSoUDP to 10.9.0.2, label 2000"), std::string::npos);
}

TEST_F(TraceTest, PortsOfOneHostNeedNoTunnel) {
  auto moved = slices["node2"].ports[0];
  moved.name = "default/app-2";
  slices["node1"].ports.push_back(moved);
  slices["node1"].vrfs.push_back(vrf(2, "default/app"));
  routes[0].paths[0].nextHop = ip("10.9.0.1");
  slices["node1"].encapsulations.clear();
  const auto answer = ask("default/web-1", "10.254.0.5");
  EXPECT_TRUE(answer.reaches()) << answer.reason;
  for (const auto* way : {&answer.steps, &answer.back}) {
    EXPECT_NE(told(*way).find("tunnel: none: it stays on host node1"), std::string::npos);
  }
}

TEST_F(TraceTest, NoUsablePathBack) {
  slices["node2"].encapsulations = {net::Encapsulation::kGre};
  const auto answer = ask("default/web-1", "10.254.0.5");
  EXPECT_EQ(answer.blockedBy, "route");
  EXPECT_NE(answer.reason.find("offers no encapsulation that node2 knows"), std::string::npos)
      << answer.reason;
}

TEST_F(TraceTest, TiersWithPass) {
  auto& first = rule("node2", true, true);
  first.tier = 10;
  first.pass = true;
  auto& second = rule("node2", true, false);
  second.tier = 20;
  EXPECT_FALSE(ask("default/web-1", "10.254.0.5").reaches());
  slices["node2"].ports[0].rules[0].pass = false;
  EXPECT_TRUE(ask("default/web-1", "10.254.0.5").reaches());
}

TEST_F(TraceTest, GatewayAnswersItself) { EXPECT_TRUE(ask("default/web-1", "10.1.0.1").reaches()); }

TEST_F(TraceTest, AnotherSiteIsAskedWithTheTunnelsLabel) {
  slices.erase("node2");
  world.hostAddresses.erase("node2");
  const auto here = ask("default/web-1", "10.254.0.5");
  ASSERT_TRUE(here.handover);
  EXPECT_EQ(here.outcome, Outcome::kUnknown) << "nobody has asked the other half";
  EXPECT_FALSE(here.reaches());
  EXPECT_EQ(here.blockedBy, "");
  EXPECT_EQ(here.reason, "10.9.0.2 is no host of here: what happens there is not known here");
  EXPECT_EQ(told(here.back), "host node1: delivers to port default/web-1 (10.1.0.2)\n");
  const auto copy = parseAnswer(toJson(here)).value();
  ASSERT_TRUE(copy.handover);
  EXPECT_EQ(copy.outcome, Outcome::kUnknown);
  EXPECT_EQ(toJson(here)["outcome"], "unknown");
  EXPECT_EQ(toJson(here)["reaches"], false);
  EXPECT_EQ(copy.handover->label.value(), 2000U);

  World there = world;
  std::map<std::string, model::Slice> theirs;
  model::Slice two;
  two.host = "node2";
  two.encapsulations = {net::Encapsulation::kMplsInUdp};
  two.vrfs = {vrf(1, "default/web"), vrf(2, "default/app")};
  two.ports = {port("default/app-1", 2, "10.2.0.2", 12), port("other/twin", 3, "10.254.0.5", 13)};
  two.ports[0].translations.push_back(
      {net::VrfId(1), ip("10.254.0.5"), model::Protocol::kTcp, 80, 8000, "services/default/app"});
  theirs["node2"] = two;
  there.slices = &theirs;
  there.hostAddresses = {{"node2", ip("10.9.0.2")}};
  const Question question{"default/web-1", "10.254.0.5", model::Protocol::kTcp, 80};
  const auto landed = traceArrival(there, *copy.handover, question);
  ASSERT_TRUE(landed) << landed.error().text();
  EXPECT_TRUE(landed->reaches()) << landed->reason;
  auto elsewhere = *copy.handover;
  elsewhere.nextHop = ip("10.9.0.7");
  EXPECT_EQ(traceArrival(there, elsewhere, question).error().code, ErrorCode::kNotFound);
}

TEST_F(TraceTest, UnclearQuestions) {
  EXPECT_EQ(trace(world, {"default/nobody", "10.254.0.5"}).error().field, "from");
  EXPECT_EQ(trace(world, {"default/web-1", "default/nobody"}).error().field, "to");
  slices["node2"].ports[0].addresses = {ip("10.1.0.2")};
  const auto both = trace(world, {"10.1.0.2", "10.254.0.5"});
  ASSERT_FALSE(both);
  EXPECT_NE(both.error().message.find("several"), std::string::npos);
}

TEST_F(TraceTest, OutsiderReachesTheServiceOfTheNetwork) {
  route(1, "0.0.0.0/0", "10.9.9.9", 16, 0);
  const auto answer = ask("default/web@203.0.113.9", "10.254.0.5");
  EXPECT_TRUE(answer.reaches()) << answer.reason;
  EXPECT_EQ(answer.steps.front().where, "outside");
}

TEST_F(TraceTest, OutsiderHasNoRouteToAnotherNetwork) {
  route(1, "10.1.0.9/32", "10.9.9.9", 16, 0);
  const auto answer = ask("default/web@203.0.113.9", "10.2.0.2", 8000);
  EXPECT_FALSE(answer.reaches());
  EXPECT_EQ(answer.blockedBy, "route");
  EXPECT_NE(answer.reason.find("default/web has no route to 10.2.0.2"), std::string::npos);
}

TEST_F(TraceTest, OutsiderIsNotSentOutAgain) {
  route(1, "0.0.0.0/0", "10.9.9.9", 16, 0);
  const auto answer = ask("default/web@203.0.113.9", "10.2.0.2", 8000);
  EXPECT_FALSE(answer.reaches());
  EXPECT_EQ(answer.blockedBy, "route");
  EXPECT_NE(answer.reason.find("no route to 10.2.0.2"), std::string::npos) << answer.reason;
}

TEST_F(TraceTest, OutsiderWithoutAWayBackIsBlocked) {
  const auto answer = ask("default/web@203.0.113.9", "10.254.0.5");
  EXPECT_FALSE(answer.reaches());
  EXPECT_NE(answer.reason.find("no route back to 203.0.113.9"), std::string::npos);
}

TEST_F(TraceTest, OutsiderOfAnUnknownNetworkIsAnError) {
  const auto answer =
      trace(world, {"default/nowhere@203.0.113.9", "10.254.0.5", model::Protocol::kTcp, 80});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().field, "from");
}

}  // namespace
}  // namespace hawser::trace
