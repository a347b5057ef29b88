#include "socket/ops.h"

#include "fake_plane.h"

namespace hawser::agent::test {
namespace {

class OpsTest : public HostTest {
 protected:
  void SetUp() override {
    auto all = slice();
    model::SliceRule rule;
    rule.id = 99;
    rule.source = "policies/default/x rule 0";
    rule.allow = false;
    all.ports[0].rules.push_back(rule);
    life->agent.applySlice(all, true);
  }
  Result<Json> call(const Json& request) {
    std::optional<Result<Json>> out;
    (void)operations.handle(request, [&](const Result<Json>& answer) { out = answer; });
    if (!out) return fail(ErrorCode::kTimeout, "no answer yet");
    return *out;
  }
  static Json plugRequest(const std::string& pod, const std::string& device) {
    return {{"op", "plug"},
            {"device", device},
            {"containerId", "c-" + pod},
            {"ifname", "eth0"},
            {"owner", "cni/hawser"},
            {"waitMs", 1000},
            {"workload", {{"kind", "pod"}, {"namespace", "default"}, {"name", pod}}}};
  }
  std::string fieldOf(const Json& request) {
    const auto answer = call(request);
    if (answer) return "accepted";
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalid) << answer.error().text();
    return answer.error().field;
  }

  FakePlane fake{plane};
  DropLog drops{life->loop.clock()};
  std::vector<std::string> removedDevices;
  Surroundings around{.site = "west",
                      .asn = net::Asn(64512),
                      .controller = "https://10.1.0.10:8443",
                      .connected = true,
                      .error = {},
                      .peers = {},
                      .synchronised = true};
  Operations operations{
      {.loop = life->loop,
       .agent = life->agent,
       .plane = fake,
       .drops = drops,
       .metrics = life->metrics,
       .surroundings = [this] { return around; },
       .removeDevice = [this](const std::string& device) { removedDevices.push_back(device); }}};
};

TEST_F(OpsTest, PlugCheckUnplug) {
  ASSERT_TRUE(call({{"op", "ping"}}));
  EXPECT_EQ(call(plugRequest("a", "hwa"))->at("port"), "default/a");
  EXPECT_EQ(call({{"op", "check"}, {"device", "hwa"}})->at("addresses")[0], "10.0.3.11");
  EXPECT_EQ(call({{"op", "check"}, {"containerId", "c-a"}, {"ifname", "eth0"}})->at("device"),
            "hwa");
  EXPECT_EQ(call({{"op", "check"}, {"device", "hwb"}}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(call({{"op", "unplug"}, {"device", "hwa"}})->at("unplugged"), 1);
  EXPECT_EQ(call({{"op", "unplug"}, {"device", "hwa"}})->at("unplugged"), 0);
}

TEST_F(OpsTest, BadRequestsNameTheField) {
  EXPECT_EQ(fieldOf(Json::object()), "op");
  EXPECT_EQ(fieldOf({{"op", 7}}), "op");
  EXPECT_EQ(fieldOf({{"op", "dance"}}), "op");
  EXPECT_EQ(fieldOf({{"op", "unplug"}}), "device");
  EXPECT_EQ(fieldOf({{"op", "check"}, {"device", true}}), "device");
  const auto with = [](const std::string& key, const Json& value) {
    auto request = plugRequest("a", "hwa");
    request[key] = value;
    return request;
  };
  EXPECT_EQ(fieldOf(with("device", "")), "device");
  EXPECT_EQ(fieldOf(with("device", "a-name-that-is-too-long")), "device");
  EXPECT_EQ(fieldOf(with("containerId", nullptr)), "containerId");
  EXPECT_EQ(fieldOf(with("containerId", std::string(1000, 'x'))), "containerId");
  EXPECT_EQ(fieldOf(with("waitMs", -1)), "waitMs");
  EXPECT_EQ(fieldOf(with("waitMs", 1e9)), "waitMs");
  EXPECT_EQ(fieldOf(with("waitMs", "soon")), "waitMs");
  EXPECT_EQ(fieldOf(with("tap", 1)), "tap");
  EXPECT_EQ(fieldOf(with("workload", "pod")), "workload");
  EXPECT_EQ(fieldOf(with("workload", {{"kind", "pod"}})), "workload.name");
  EXPECT_EQ(fieldOf(with("port", "default/a")), "port");  // and a workload: which one?
  EXPECT_EQ(fieldOf({{"op", "connections"}, {"limit", -3}}), "limit");
  EXPECT_TRUE(life->state.plugs().empty());
}

TEST_F(OpsTest, ADeviceThatIsNotThereIsNotPlugged) {
  const auto answer = call(plugRequest("a", "hwz"));
  EXPECT_EQ(answer.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(answer.error().field, "device");
  EXPECT_TRUE(life->state.plugs().empty());
}

TEST_F(OpsTest, GcRemovesWhatItsOwnerDoesNotList) {
  ASSERT_TRUE(call(plugRequest("a", "hwa")));
  ASSERT_TRUE(call(plugRequest("b", "hwb")));
  auto other = plugRequest("b", "hwc");
  other["owner"] = "lab";
  other["containerId"] = "c-other";
  (void)call(other);
  EXPECT_EQ(fieldOf({{"op", "gc"}, {"owner", "cni/hawser"}}), "keep");
  EXPECT_EQ(fieldOf({{"op", "gc"}, {"keep", Json::array()}}), "owner");
  EXPECT_EQ(fieldOf({{"op", "gc"}, {"owner", "x"}, {"keep", {{{"containerId", "c"}}}}}),
            "keep[0].ifname");
  const auto answer = call({{"op", "gc"},
                            {"owner", "cni/hawser"},
                            {"keep", {{{"containerId", "c-a"}, {"ifname", "eth0"}}}}});
  ASSERT_TRUE(answer) << answer.error().text();
  ASSERT_EQ(answer->at("removed").size(), 1U);
  EXPECT_EQ(answer->at("removed")[0]["containerId"], "c-b");
  EXPECT_TRUE(removedDevices.empty());  // its port goes first
  life->turn();
  EXPECT_EQ(removedDevices, std::vector<std::string>{"hwb"});
  EXPECT_EQ(life->state.plugs().size(), 2U);  // hwa, and hwc of another owner
}

TEST_F(OpsTest, StatusTellsTheWhole) {
  bgp::PeerStatus peer;
  peer.name = "controller-10.1.0.10";
  peer.state = bgp::State::kEstablished;
  around.peers.push_back(peer);
  ASSERT_TRUE(call(plugRequest("a", "hwa")));
  const auto status = call({{"op", "status"}}).value();
  EXPECT_EQ(status["host"], "h1");
  EXPECT_EQ(status["site"], "west");
  EXPECT_EQ(status["asn"], 64512);
  EXPECT_EQ(status["revision"], 1);
  EXPECT_EQ(status["fresh"], true);
  EXPECT_EQ(status["connected"], true);
  EXPECT_EQ(status["ports"], (Json{{"total", 2}, {"up", 1}}));
  EXPECT_EQ(status["bgp"]["peers"][0]["state"], bgp::stateName(bgp::State::kEstablished));
}

TEST_F(OpsTest, RoutesThatDoNotFitAreShown) {
  ASSERT_TRUE(call(plugRequest("a", "hwa")));
  EXPECT_EQ(call({{"op", "status"}})->at("routes"), (Json{{"wanted", 0}, {"failed", 0}}));
  EXPECT_FALSE(call({{"op", "ports"}})->at("ports")[0].contains("degraded"));
  plane.failRoutes = true;
  life->learn("10.1.0.12:1", "10.0.3.20/32", 2001, remoteAttributes("10.1.0.12", "64512:3"));
  EXPECT_EQ(call({{"op", "status"}})->at("routes"), (Json{{"wanted", 1},
                                                          {"failed", 1},
                                                          {"problem", "no room for routes"},
                                                          {"vrfs", {"default/app"}}}));
  const auto port = call({{"op", "ports"}})->at("ports")[0];
  EXPECT_EQ(port["phase"], "up");
  EXPECT_EQ(port["degraded"], "1 of 1 routes of default/app do not fit");
  const auto vrfs = call({{"op", "vrfs"}}).value();
  EXPECT_EQ(vrfs["vrfs"][0]["failed"], 1);
  EXPECT_EQ(vrfs["vrfs"][1]["failed"], 0);
}

TEST_F(OpsTest, PortsWithDevicesAndCounters) {
  ASSERT_TRUE(call(plugRequest("a", "hwa")));
  (void)call(plugRequest("nobody", "hwc"));
  const auto ports = call({{"op", "ports"}}).value();
  const auto& a = ports["ports"][0];
  EXPECT_EQ(a["phase"], "up");
  EXPECT_EQ(a["device"], "hwa");
  EXPECT_EQ(a["label"], life->state.find("uid-a")->label.value());
  EXPECT_EQ(a["counters"]["bytesOut"], 2000);
  EXPECT_EQ(ports["ports"][1]["phase"], "pending");
  EXPECT_EQ(ports["unmatched"][0]["device"], "hwc");
}

TEST_F(OpsTest, RoutesWithPathsAndWhatIsForwarded) {
  ASSERT_TRUE(call(plugRequest("a", "hwa")));
  life->loopBack();
  life->learn("10.1.0.12:1", "10.254.0.1/32", 2001, remoteAttributes("10.1.0.12", "64512:4"));
  const auto all = call({{"op", "routes"}}).value();
  ASSERT_EQ(all["vrfs"].size(), 2U);
  const auto one = call({{"op", "routes"}, {"vrf", "default/svc"}}).value();
  ASSERT_EQ(one["vrfs"].size(), 1U);
  const auto& route = one["vrfs"][0]["routes"][0];
  EXPECT_EQ(route["prefix"], "10.254.0.1/32");
  ASSERT_EQ(route["paths"].size(), 2U);
  EXPECT_EQ(route["paths"][0]["port"], "default/a");
  EXPECT_EQ(route["paths"][1]["nextHop"], "10.1.0.12");
  EXPECT_EQ(route["paths"][1]["encapsulation"], "MPLSoUDP");
  EXPECT_EQ(route["paths"][1]["routeTarget"], "64512:4");
  EXPECT_EQ(route["forwarding"][1]["label"], 2001);
  EXPECT_EQ(call({{"op", "maps"}, {"vrf", "4"}})->at("vrfs")[0]["routes"][0]["prefix"],
            "10.254.0.1/32");
  EXPECT_EQ(call({{"op", "routes"}, {"vrf", "no/such"}}).error().code, ErrorCode::kNotFound);
  const auto vrfs = call({{"op", "vrfs"}}).value();
  EXPECT_EQ(vrfs["vrfs"][0]["name"], "default/app");
  EXPECT_EQ(vrfs["vrfs"][0]["export"][0], "64512:3");
}

TEST_F(OpsTest, ConnectionsByPortAndBounded) {
  ASSERT_TRUE(call(plugRequest("a", "hwa")));
  datapath::Connection one;
  one.port = datapath::PortId(1);
  one.protocol = 6;
  one.local = ip("10.0.3.11");
  one.remote = ip("10.0.3.20");
  one.nextHop = datapath::Tunnel{net::Encapsulation::kMplsInUdp, ip("10.1.0.12"), label(2001)};
  one.ruleId = 99;
  one.state = "established";
  fake.connectionList = {one, one, one};
  fake.connectionList[2].port = datapath::PortId(2);
  const auto mine = call({{"op", "connections"}, {"port", "default/a"}, {"limit", 1}}).value();
  EXPECT_EQ(mine["total"], 2);
  ASSERT_EQ(mine["connections"].size(), 1U);
  EXPECT_EQ(mine["connections"][0]["ruleSource"], "policies/default/x rule 0");
  EXPECT_EQ(mine["connections"][0]["nextHop"]["remote"], "10.1.0.12");
  EXPECT_EQ(call({{"op", "connections"}, {"port", "default/zz"}}).error().field, "port");
}

TEST_F(OpsTest, DropsAndRulesWithTheirSource) {
  ASSERT_TRUE(call(plugRequest("a", "hwa")));
  datapath::DropEvent event;
  event.reason = "policy";
  event.port = datapath::PortId(1);
  event.ruleId = 99;
  for (int i = 0; i < 1000; ++i) drops.add(event, life->agent);
  const auto answer = call({{"op", "drops"}}).value();
  EXPECT_EQ(answer["counts"]["policy"], 3);
  EXPECT_EQ(answer["recent"].size(), 256U);  // bounded
  EXPECT_EQ(answer["recent"][0]["ruleSource"], "policies/default/x rule 0");
  EXPECT_EQ(answer["recent"][0]["port"], "default/a");
  const auto rules = call({{"op", "rules"}}).value();
  EXPECT_EQ(rules["rules"][0]["hits"], 5);
  EXPECT_EQ(rules["rules"][0]["action"], "deny");
}

// The port that has most gives way.
TEST_F(OpsTest, OnePortsDropsDoNotPushOutThoseOfOthers) {
  datapath::DropEvent event;
  event.reason = "policy";
  event.port = datapath::PortId(2);
  for (int i = 0; i < 3; ++i) drops.add(event, life->agent);
  event.port = datapath::PortId(1);
  for (int i = 0; i < 5000; ++i) {
    event.sourcePort = static_cast<std::uint16_t>(i);
    drops.add(event, life->agent);
  }
  event.port = datapath::PortId(3);
  for (int i = 0; i < 200; ++i) drops.add(event, life->agent);
  ASSERT_TRUE(call(plugRequest("a", "hwa")) && call(plugRequest("b", "hwb")));
  const auto recent = call({{"op", "drops"}})->at("recent");
  ASSERT_EQ(recent.size(), 256U);
  std::map<std::string, int> count;
  for (const auto& one : recent) ++count[one["port"].get<std::string>()];
  EXPECT_EQ(count["default/b"], 3);
  EXPECT_EQ(count["default/a"], 126);
  EXPECT_EQ(count[""], 127) << "half each of what is left";
  EXPECT_EQ(recent[127 + 0]["sourcePort"], 4999) << "of each the newest";
}

TEST_F(OpsTest, MetricsAsText) {
  EXPECT_NE(
      call({{"op", "metrics"}})->at("text").get<std::string>().find("hawser_agent_route_write"),
      std::string::npos);
}

}  // namespace
}  // namespace hawser::agent::test
