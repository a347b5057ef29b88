#include "commands.h"

#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "hawser/base/file.h"
#include "hawser/lab/main.h"
#include "runner.h"
#include "topology/images.h"

namespace hawser::lab {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

Topology topology() {
  auto parsed = parseTopology(Json::parse(R"({
    "name": "two",
    "sites": [{"name": "a", "asn": 1, "underlay": "10.1.0.0/24",
               "controller": {"name": "ctl", "address": "10.1.0.10"},
               "hosts": [{"name": "h1", "address": "10.1.0.11"}]}],
    "gateways": [{"name": "mx", "asn": 9, "address": "10.3.0.1/24", "outside": "203.0.113.1/24",
                  "peers": ["a"], "routeTargets": ["1:1"]}],
    "outside": {"network": "203.0.113.0/24", "hosts": [{"name": "client", "address": "203.0.113.9"}]},
    "workloads": [{"name": "vm", "site": "a", "host": "h1", "port": "p/vm"}]})"),
                              "/");
  EXPECT_TRUE(parsed) << parsed.error().text();
  return *parsed;
}

State state() {
  State out;
  out.phase = "up";
  out.file = "/x/lab.yaml";
  out.folder = "/x";
  out.paths = {"/run/x", "/s", "/b/hawser", "/b/hawser-cni", "/tree"};
  out.processes["mx"] = {
      {"mx", ProcessKind::kGateway, "gw-mx", "", {"run"}, {{"HAWSER_RUN", "/r"}}}, {1, 2}, true};
  out.processes["ctl"] = {
      {"ctl", ProcessKind::kController, "ctl", "two-ctl", {"c"}, {}}, {}, false};
  out.workloads["vm"] = {"h1", true, "02:00:00:00:00:01", {"10.0.0.5"}};
  out.forwards = {{"a", 4000, "two-ctl", net::Ipv4Address(0x0a01000a), 8443}};
  return out;
}

std::string entry(const std::string& node, std::vector<std::string> command,
                  bool netnsOnly = false) {
  const std::map<std::string, std::string> pods{{"default/web-1", "two-default-web-1"}};
  const auto made = entryOf(topology(), state(), pods, node, netnsOnly, command);
  return made ? fmt::format("{}", fmt::join(made->command, " ")) : made.error().text();
}

TEST(EntryOf, HostsPodsAndGateways) {
  EXPECT_EQ(entry("h1", {"ip", "a"}), "nsenter --net=/run/netns/two-h1 ip a");
  EXPECT_EQ(entry("client", {"id"}), "nsenter --net=/run/netns/two-client id");
  EXPECT_EQ(entry("default/web-1", {"id"}), "nsenter --net=/run/netns/two-default-web-1 id");
  EXPECT_EQ(entry("vm", {"id"}), "nsenter --net=/run/netns/two-vm id");
  EXPECT_EQ(entry("mx", {"ip route | wc"}), "/s/gateway sh --name mx -- ip route | wc");
  EXPECT_EQ(entry("mx", {"echo", "it's"}), "/s/gateway sh --name mx -- 'echo' 'it'\\''s'");
  EXPECT_EQ(entry("mx", {"id"}, true), "nsenter --net=/run/netns/two-gw-mx id");
  EXPECT_EQ(entry("cliemt", {"id"}), "the lab has no node \"cliemt\"; is it \"client\"?");
}

TEST(EntryOf, AHostKnowsItsAgent) {
  auto with = state();
  with.processes["h1"] = {{"h1", ProcessKind::kAgent, "h1", "two-h1", {"a"}, {}}, {}, true};
  const auto made = entryOf(topology(), with, {}, "h1", false, {"hawser", "datapath", "ports"});
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->environment.at("HAWSER_AGENT_SOCKET"), with.paths.socket("h1"));
}

TEST(State, SurvivesItsFile) {
  const auto again = stateFromJson(toJson(state()));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(toJson(*again), toJson(state()));
  EXPECT_EQ(again->processes.at("mx").plan.kind, ProcessKind::kGateway);
  EXPECT_FALSE(stateFromJson(Json::parse(R"({"phase": 1})")));
}

TEST(Status, ShowsAll) {
  const Lab lab(topology(), state());
  const auto json = statusJson(lab);
  EXPECT_EQ(json["workloads"][0]["addresses"], Json::parse(R"(["10.0.0.5"])"));
  EXPECT_EQ(json["processes"][0]["state"], "stopped");
  EXPECT_EQ(json["processes"][1]["state"], "ended");
  const auto text = statusText(json, false);
  EXPECT_THAT(text, HasSubstr("lab two is down: none of its 1 processes runs"));
  EXPECT_THAT(text, HasSubstr("h1      host        a     10.1.0.11    two-h1\n"));
  EXPECT_THAT(statusText(json, true), HasSubstr("two-h1      /run/x/sockets/h1.sock\n"));
  EXPECT_THAT(text, HasSubstr("vm        a     h1    p/vm  10.0.0.5  attached"));
  EXPECT_THAT(text, HasSubstr("a        127.0.0.1:4000  10.1.0.10:8443"));
}

class RunFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("hawser-run-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    ::setenv("HAWSER_RUN", folder_.c_str(), 1);
    name_ = "q" + std::to_string(::getpid());
  }
  void TearDown() override {
    for (const auto& one : netnsWithPrefix(name_ + "-")) removeNetns(one);
    ::unsetenv("HAWSER_RUN");
    fs::remove_all(folder_);
  }
  fs::path folder_;
  std::string name_;
};

TEST_F(RunFolderTest, StatusSaysWhetherTheLabIsWhatItShouldBe) {
  const auto self = launch({{"sleep", "1000"}, {}, {}, (folder_ / "log").string()});
  ASSERT_TRUE(self);
  const auto process = [&](bool runs, bool wanted) {
    return ProcessRecord{
        {"x", ProcessKind::kAgent, "x", "", {"x"}, {}}, runs ? *self : ProcessId{}, wanted};
  };
  State now;
  now.phase = "up";
  now.processes = {{"a", process(true, true)}, {"b", process(true, true)}};
  EXPECT_EQ(healthOf(name_, now).summary, "is up");
  EXPECT_TRUE(healthOf(name_, now).good);
  now.processes["c"] = process(false, false);
  EXPECT_EQ(healthOf(name_, now).summary, "is up; stopped: c");
  EXPECT_TRUE(healthOf(name_, now).good);
  now.processes["b"] = process(false, true);
  EXPECT_EQ(healthOf(name_, now).summary,
            "is up in part: 1 of 2 processes run; ended: b; stopped: c");
  EXPECT_FALSE(healthOf(name_, now).good);
  now.processes["a"] = process(false, true);
  EXPECT_THAT(healthOf(name_, now).summary, HasSubstr("is down: none of its 2 processes runs"));
  for (const char* phase : {"starting", "down"}) {
    now.phase = phase;
    EXPECT_EQ(healthOf(name_, now).state, "broken") << phase;
    EXPECT_THAT(healthOf(name_, now).summary, HasSubstr("`hawser lab down " + name_ + "`"));
  }
  const auto lock = LabLock::take(name_);
  ASSERT_TRUE(lock);
  EXPECT_EQ(healthOf(name_, now).state, "ending");
  now.phase = "starting";
  EXPECT_EQ(healthOf(name_, now).state, "starting");
  EXPECT_TRUE(healthOf(name_, now).good);
  endProcess(*self, std::chrono::milliseconds(0));
}

// Wrong words, with what is meant.
TEST(LabMain, MistakesAreNamed) {
  const auto error = [](std::vector<std::string> words) {
    words.insert(words.begin(), "hawser lab");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    testing::internal::CaptureStderr();
    EXPECT_EQ(labMain(static_cast<int>(argv.size()), argv.data()), 1);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(error({"upp"}), "hawser: lab: there is no command \"upp\"; is it up?\n");
  EXPECT_EQ(error({"up", "x.yaml", "--nowait"}),
            "hawser: lab up: there is no option --nowait; is it --no-wait?\n");
  EXPECT_EQ(error({"exec", "x", "y", "ls", "-l"}),
            "hawser: lab exec: there is no option -l; what is the command's stands after \"--\"\n");
  EXPECT_EQ(error({"up", "--check", "/tmp"}),
            "hawser: /tmp: is a folder; the lab file in it is wanted\n");
}

TEST_F(RunFolderTest, OneCommandAtATime) {
  auto first = LabLock::take(name_);
  ASSERT_TRUE(first);
  const auto second = LabLock::take(name_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  {
    const auto release = std::move(*first);
  }
  EXPECT_TRUE(LabLock::take(name_));
}

TEST_F(RunFolderTest, NoLabNoCommands) {
  EXPECT_EQ(Lab::open(name_).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(control(name_, "stop", "x", false).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(moveWorkload(name_, "x", "y").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(takeDown(name_).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(takeDown("../x"));
}

}  // namespace
}  // namespace hawser::lab
