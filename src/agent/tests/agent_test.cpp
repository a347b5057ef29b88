// Callers that wait, restarts, and when the datapath may forget.
#include "agent.h"

#include "fixture.h"

namespace hawser::agent::test {
namespace {

class AgentTest : public HostTest {
 protected:
  // The outcome of a plug, once there is one.
  std::shared_ptr<std::optional<Result<Json>>> plug(const Plug& what,
                                                    std::chrono::milliseconds wait = 10s) {
    auto outcome = std::make_shared<std::optional<Result<Json>>>();
    giveUp = life->agent.plug(what, wait, [outcome](const Result<Json>& answer) {
      EXPECT_FALSE(*outcome) << "answered twice";
      *outcome = answer;
    });
    return outcome;
  }
  std::function<void()> giveUp;
};

TEST_F(AgentTest, PlugAnswersWithWhatTheWorkloadNeeds) {
  life->agent.applySlice(slice(), true);
  const auto answer = plug(podPlug("a", "hwa"));
  ASSERT_TRUE(*answer);
  const auto& json = (*answer)->value();
  EXPECT_EQ(json["port"], "default/a");
  EXPECT_EQ(json["uid"], "uid-a");
  EXPECT_EQ(json["addresses"], Json::array({"10.0.3.11"}));
  EXPECT_EQ(json["gateway"], "10.0.3.1");
  EXPECT_EQ(json["mac"], "02:00:00:00:00:01");
  EXPECT_EQ(json["mtu"], 1468);
  EXPECT_EQ(json["device"], "hwa");
  EXPECT_EQ(json["host"], "h1");
}

TEST_F(AgentTest, PlugWaitsForThePort) {
  life->agent.applySlice(slice(), true);
  const auto answer = plug(podPlug("late", "hwa"));
  EXPECT_FALSE(*answer);
  auto more = slice();
  more.ports.push_back(slicePort("late", "10.0.3.13"));
  life->agent.applySlice(more, true);
  ASSERT_TRUE(*answer);
  EXPECT_EQ((*answer)->value()["port"], "default/late");
}

TEST_F(AgentTest, PlugByPortName) {
  life->agent.applySlice(slice(), true);
  auto named = podPlug("a", "hwa");
  named.workload.reset();
  named.port = "default/b";
  EXPECT_EQ((*plug(named))->value()["port"], "default/b");
}

TEST_F(AgentTest, APlugInVainLeavesNothing) {
  life->agent.applySlice(slice(), true);
  const auto answer = plug(podPlug("nobody", "hwa"), 20ms);
  ASSERT_TRUE(eventually(life->loop, [&] { return answer->has_value(); }));
  EXPECT_EQ((*answer)->error().code, ErrorCode::kTimeout);
  EXPECT_EQ((*answer)->error().message, "there is no port for pod default/nobody on host h1");
  EXPECT_TRUE(life->state.plugs().empty());
}

TEST_F(AgentTest, TheReasonTellsWhetherAControllerAnswers) {
  const auto none = plug(podPlug("a", "hwa"), 1ms);
  ASSERT_TRUE(eventually(life->loop, [&] { return none->has_value(); }));
  EXPECT_EQ((*none)->error().code, ErrorCode::kUnavailable);
  life->agent.applySlice(slice(), false);
  const auto stale = plug(podPlug("nobody", "hwa"), 1ms);
  ASSERT_TRUE(eventually(life->loop, [&] { return stale->has_value(); }));
  EXPECT_EQ((*stale)->error().code, ErrorCode::kUnavailable);
  EXPECT_NE((*stale)->error().message.find("no controller answers"), std::string::npos);
}

TEST_F(AgentTest, ACallerThatGoesIsForgottenWithItsPlug) {
  life->agent.applySlice(slice(), true);
  const auto answer = plug(podPlug("nobody", "hwa"));
  giveUp();
  ASSERT_TRUE(*answer);
  EXPECT_EQ((*answer)->error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(life->state.plugs().empty());
  giveUp();  // once more is harmless
}

TEST_F(AgentTest, AnImpatientCallerThatTriesAgainKeepsItsPlug) {
  life->agent.applySlice(slice(), true);
  const auto first = plug(podPlug("late", "hwa"));
  const auto giveUpFirst = giveUp;
  const auto second = plug(podPlug("late", "hwa"));
  giveUpFirst();
  EXPECT_TRUE(*first);
  EXPECT_FALSE(*second);
  auto more = slice();
  more.ports.push_back(slicePort("late", "10.0.3.13"));
  life->agent.applySlice(more, true);
  ASSERT_TRUE(*second);
  EXPECT_TRUE(second->value());
}

TEST_F(AgentTest, UnplugAnswersAWaitingCaller) {
  life->agent.applySlice(slice(), true);
  const auto answer = plug(podPlug("nobody", "hwa"));
  life->agent.unplug([](const Plug& one) { return one.device == "hwa"; });
  ASSERT_TRUE(*answer);
  EXPECT_FALSE(answer->value());
}

TEST_F(AgentTest, CheckTellsWhatIsPlugged) {
  life->agent.applySlice(slice(), true);
  plug(podPlug("a", "hwa"));
  const auto all = [](const Plug&) { return true; };
  EXPECT_EQ(life->agent.check(all)->at("port"), "default/a");
  EXPECT_EQ(life->agent.check([](const Plug&) { return false; }).error().code,
            ErrorCode::kNotFound);
  auto less = slice();
  less.ports.clear();
  life->agent.applySlice(less, true);
  EXPECT_FALSE(life->agent.check(all));
}

TEST_F(AgentTest, ARestartSaysTheSameAndRemovesNothing) {
  life->agent.applySlice(slice(), true);
  plug(podPlug("a", "hwa"));
  plug(podPlug("b", "hwb"));
  const auto before = life->sink.routes;
  const auto ports = plane.ports;
  restart();
  life->agent.restore();  // no controller, no BGP
  EXPECT_FALSE(life->agent.fresh());
  ASSERT_EQ(life->sink.routes.size(), before.size());
  for (const auto& [key, route] : before) {
    ASSERT_TRUE(life->sink.routes.contains(key)) << rib::text(key);
    EXPECT_EQ(life->sink.routes.at(key).label, route.label);
    EXPECT_EQ(*life->sink.routes.at(key).attributes, *route.attributes);
  }
  EXPECT_EQ(plane.ports, ports);
  EXPECT_EQ(life->sink.memberships.size(), 2U);
  life->turn();
  EXPECT_FALSE(happened("remove"));
  EXPECT_FALSE(happened("withdraw"));
  EXPECT_FALSE(happened("prune"));
}

TEST_F(AgentTest, AStaleSliceFreesNoNumbers) {
  life->agent.applySlice(slice(), true);
  plug(podPlug("a", "hwa"));
  auto less = slice();
  less.ports.clear();
  life->agent.applySlice(less, false);
  EXPECT_NE(life->state.find("uid-a"), nullptr);
  life->agent.applySlice(less, true);
  EXPECT_EQ(life->state.find("uid-a"), nullptr);
}

TEST_F(AgentTest, ADeviceThatWentMeanwhileIsNotRestored) {
  life->agent.applySlice(slice(), true);
  plug(podPlug("a", "hwa"));
  plug(podPlug("b", "hwb"));
  devices.names.erase("hwa");
  restart();
  life->agent.restore();
  EXPECT_EQ(life->agent.ports().up(), std::set<std::string>{"uid-b"});
}

TEST_F(AgentTest, PrunesOnceWhenSliceAndBgpAreWhole) {
  life->agent.restore();
  life->agent.pruneWhenSafe(true);
  life->agent.applySlice(slice(), false);
  life->agent.pruneWhenSafe(true);  // the slice is an old one
  life->agent.applySlice(slice(), true);
  life->agent.pruneWhenSafe(false);  // BGP has not heard everything
  EXPECT_FALSE(happened("prune"));
  life->agent.pruneWhenSafe(true);
  life->agent.pruneWhenSafe(true);
  EXPECT_EQ(std::count(events.begin(), events.end(), "prune"), 1);
}

TEST_F(AgentTest, ASliceOfAnotherHostIsIgnored) {
  auto other = slice();
  other.host = "h2";
  life->agent.applySlice(other, true);
  EXPECT_EQ(life->agent.slice(), nullptr);
  EXPECT_TRUE(events.empty());
}

TEST_F(AgentTest, ReportsTellPhasesAndLabels) {
  int due = 0;
  life->agent.onReport([&] { ++due; });
  life->agent.applySlice(slice(), true);
  EXPECT_GT(due, 0);
  EXPECT_EQ(life->agent.report()["ports"][0]["phase"], "pending");
  plug(podPlug("a", "hwa"));
  auto report = life->agent.report();
  EXPECT_EQ(report["ports"][0]["name"], "default/a");
  EXPECT_EQ(report["ports"][0]["phase"], "up");
  EXPECT_EQ(report["ports"][0]["label"], life->state.find("uid-a")->label.value());
  EXPECT_EQ(report["ports"][1]["phase"], "pending");
  due = 0;
  life->agent.unplug([](const Plug&) { return true; });
  EXPECT_GT(due, 0);
  EXPECT_EQ(life->agent.report()["ports"][0]["phase"], "down");
}

TEST_F(AgentTest, ReportsTellThatRoutesDoNotFit) {
  life->agent.applySlice(slice(), true);
  plug(podPlug("a", "hwa"));
  EXPECT_FALSE(life->agent.report().contains("message"));
  int due = 0;
  life->agent.onReport([&] { ++due; });
  plane.failRoutes = true;
  for (int i = 0; i < 20; ++i)
    life->learn("10.1.0.12:1", "10.0.3.1" + std::to_string(i + 20) + "/32", 2001,
                remoteAttributes("10.1.0.12", "64512:3"));
  EXPECT_EQ(due, 1) << "a report a VRF, not one a route";
  auto report = life->agent.report();
  EXPECT_EQ(report["message"], "20 of 20 routes do not fit: no room for routes");
  EXPECT_EQ(report["ports"][0]["phase"], "up") << "what it has works";
  EXPECT_EQ(report["ports"][0]["message"], "20 of 20 routes of default/app do not fit");
  EXPECT_FALSE(report["ports"][1].contains("message")) << "not plugged";
  plane.failRoutes = false;
  due = 0;
  life->agent.reconcile();
  EXPECT_GT(due, 0);
  report = life->agent.report();
  EXPECT_FALSE(report.contains("message"));
  EXPECT_FALSE(report["ports"][0].contains("message"));
}

// The service's VRF is the port's too: answers are routed there.
TEST_F(AgentTest, AVrfOfATranslationThatLacksRoutesDegradesThePort) {
  life->agent.applySlice(slice(), true);
  plug(podPlug("a", "hwa"));
  plug(podPlug("b", "hwb"));
  plane.failRoutes = true;
  life->learn("10.1.0.12:1", "10.9.0.1/32", 2001, remoteAttributes("10.1.0.12", "64512:4"));
  const auto report = life->agent.report();
  EXPECT_EQ(report["ports"][0]["message"], "1 of 1 routes of default/svc do not fit");
  EXPECT_FALSE(report["ports"][1].contains("message"));
}

// Whatever the order in which slices and plugs come and go, the end is the same.
TEST_F(AgentTest, EveryOrderOfEventsEndsTheSame) {
  const std::vector<std::function<void()>> steps{
      [this] { life->agent.applySlice(slice(), true); }, [this] { plug(podPlug("a", "hwa")); },
      [this] { plug(podPlug("b", "hwb")); },
      [this] {
        life->learn("10.1.0.12:1", "10.0.3.20/32", 2001, remoteAttributes("10.1.0.12", "64512:3"));
      }};
  std::vector<std::size_t> order{0, 1, 2, 3};
  do {
    restart();
    plane.ports.clear();
    plane.routes.clear();
    for (const auto step : order) steps[step]();
    life->loopBack();
    life->turn();
    EXPECT_EQ(plane.ports.size(), 2U);
    EXPECT_EQ(plane.routes.size(), 4U);  // a, b, the service, the neighbour
    EXPECT_EQ(life->sink.routes.size(), 3U);
    life->agent.unplug([](const Plug&) { return true; });
    life->turn();
    EXPECT_TRUE(plane.ports.empty());
  } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace
}  // namespace hawser::agent::test
