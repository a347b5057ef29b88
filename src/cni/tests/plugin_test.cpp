// The real executable, as a runtime calls it, against a fake agent and in real network namespaces.
// The test's main thread moves into a namespace of its own, which is "the host"; both namespaces
// have no name and vanish with the process.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <map>

#include "fake_agent.h"

namespace hawser::cni {
namespace {

namespace fs = std::filesystem;

struct Answer {
  int status = -1;
  std::string text;
  [[nodiscard]] Json json() const { return Json::parse(text, nullptr, false); }
  [[nodiscard]] int code() const {
    const auto parsed = json();
    return parsed.is_object() ? parsed.value("code", 0) : -1;
  }
  [[nodiscard]] std::string message() const {
    const auto parsed = json();
    return parsed.is_object() ? parsed.value("msg", "") : text;
  }
};

// Runs argv with exactly this environment and input; output is what it printed to standard output.
Answer runProgram(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                  const std::string& input) {
  std::array<int, 2> in{}, out{};
  EXPECT_EQ(::pipe2(in.data(), O_CLOEXEC), 0);
  EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
  std::vector<char*> words, variables;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  for (const auto& variable : environment) variables.push_back(const_cast<char*>(variable.c_str()));
  words.push_back(nullptr);
  variables.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::execvpe(words[0], words.data(), variables.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  (void)!::write(in[1], input.data(), input.size());
  ::close(in[1]);
  Answer answer;
  std::array<char, 4096> buffer;
  for (ssize_t n = 0; (n = ::read(out[0], buffer.data(), buffer.size())) > 0;)
    answer.text.append(buffer.data(), static_cast<std::size_t>(n));
  ::close(out[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  answer.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return answer;
}

class Plugin : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ::signal(SIGPIPE, SIG_IGN);
    if (::geteuid() != 0) return;
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    podNetns_ = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
  }
  static void TearDownTestSuite() {
    if (podNetns_ >= 0) ::close(podNetns_);
  }
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    std::string pattern = (fs::temp_directory_path() / "hawser-cni-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    environment_ = {
        {"CNI_CONTAINERID", "c0ffee"},
        {"CNI_NETNS", "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(podNetns_)},
        {"CNI_IFNAME", "eth0"},
        {"CNI_PATH", "/opt/cni/bin"},
        {"CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-1"}};
    config_ = {{"cniVersion", "1.1.0"},
               {"name", "hawser"},
               {"type", "hawser-cni"},
               {"agentSocket", socket()}};
  }
  void TearDown() override {
    if (folder_.empty()) return;
    agent_.reset();
    inPod({"ip", "link", "del", "eth0"});
    fs::remove_all(folder_);
  }
  std::string socket() const { return folder_ / "agent.sock"; }
  void startAgent() { agent_ = std::make_unique<FakeAgent>(socket()); }

  Answer call(const std::string& command) const { return callText(command, config_.dump()); }
  Answer callText(const std::string& command, const std::string& text) const {
    std::vector<std::string> variables{"PATH=/usr/sbin:/usr/bin"};
    if (!command.empty()) variables.push_back("CNI_COMMAND=" + command);
    for (const auto& [name, value] : environment_) variables.push_back(name + "=" + value);
    return runProgram({HAWSER_CNI}, variables, text);
  }
  static Answer inPod(std::vector<std::string> argv) {
    argv.insert(argv.begin(), {"nsenter", "--net=/proc/" + std::to_string(::getpid()) + "/fd/" +
                                              std::to_string(podNetns_)});
    return runProgram(argv, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, "");
  }
  static std::string hostDevice(const Answer& added) {
    return added.json()["interfaces"][0]["name"].get<std::string>();
  }
  static bool exists(const std::string& device) { return ::if_nametoindex(device.c_str()) != 0; }

  static inline int podNetns_ = -1;
  fs::path folder_;
  std::map<std::string, std::string> environment_;
  Json config_;
  std::unique_ptr<FakeAgent> agent_;
};

TEST_F(Plugin, AddGivesThePodItsDevice) {
  startAgent();
  const auto added = call("ADD");
  ASSERT_EQ(added.status, 0) << added.text;
  const auto result = added.json();
  EXPECT_EQ(result["cniVersion"], "1.1.0");
  EXPECT_EQ(result["interfaces"][1]["name"], "eth0");
  EXPECT_EQ(result["interfaces"][1]["sandbox"], environment_["CNI_NETNS"]);
  EXPECT_EQ(result["ips"][0]["address"], "10.10.0.5/32");
  EXPECT_EQ(result["ips"][0]["gateway"], "10.10.0.1");
  EXPECT_EQ(result["routes"][0]["dst"], "0.0.0.0/0");
  EXPECT_TRUE(exists(hostDevice(added)));

  const auto link = Json::parse(inPod({"ip", "-j", "addr", "show", "eth0"}).text)[0];
  EXPECT_EQ(link["address"], "02:00:0a:0a:00:05");
  EXPECT_EQ(link["mtu"], 1446);
  EXPECT_EQ(link["addr_info"][0]["local"], "10.10.0.5");
  const auto route = Json::parse(inPod({"ip", "-j", "route", "show", "default"}).text)[0];
  EXPECT_EQ(route["gateway"], "10.10.0.1");

  const auto plug = agent_->requests("plug").at(0);
  EXPECT_EQ(plug["workload"],
            Json::parse(R"({"kind":"pod","namespace":"default","name":"web-1"})"));
  EXPECT_EQ(plug["owner"], "cni/hawser");
  EXPECT_EQ(plug["containerId"], "c0ffee");
  EXPECT_EQ(plug["waitMs"], 10000);
}

TEST_F(Plugin, RepeatedAddFindsTheFirstOnes) {
  startAgent();
  const auto first = call("ADD");
  ASSERT_EQ(first.status, 0) << first.text;
  const auto index = ::if_nametoindex(hostDevice(first).c_str());
  const auto second = call("ADD");
  EXPECT_EQ(second.json(), first.json());
  EXPECT_EQ(::if_nametoindex(hostDevice(first).c_str()), index) << "the device was made anew";
  // What is not as it should be is made again.
  inPod({"ip", "addr", "flush", "dev", "eth0"});
  const auto third = call("ADD");
  EXPECT_EQ(third.json(), first.json());
  EXPECT_NE(inPod({"ip", "addr", "show", "eth0"}).text.find("10.10.0.5"), std::string::npos);
}

TEST_F(Plugin, DelRemovesAndIsIdempotent) {
  startAgent();
  const auto added = call("ADD");
  ASSERT_EQ(added.status, 0) << added.text;
  for (int i = 0; i < 2; ++i) {
    const auto removed = call("DEL");
    EXPECT_EQ(removed.status, 0) << removed.text;
    EXPECT_EQ(removed.text, "");
    EXPECT_FALSE(exists(hostDevice(added)));
    EXPECT_TRUE(agent_->plugged().empty());
  }
  // The namespace may be gone, or unknown.
  environment_["CNI_NETNS"] = "/run/netns/hawser-no-such";
  EXPECT_EQ(call("DEL").status, 0);
  environment_.erase("CNI_NETNS");
  EXPECT_EQ(call("DEL").status, 0);
}

TEST_F(Plugin, CheckPassesUntilSomethingChanges) {
  startAgent();
  const auto added = call("ADD");
  ASSERT_EQ(added.status, 0) << added.text;
  config_["prevResult"] = added.json();
  EXPECT_EQ(call("CHECK").status, 0) << call("CHECK").text;
  EXPECT_EQ(call("CHECK").text, "");
  const auto told = [&](const std::string& what) {
    const auto checked = call("CHECK");
    EXPECT_EQ(checked.status, 1);
    EXPECT_EQ(checked.code(), 100);
    EXPECT_NE(checked.message().find(what), std::string::npos) << checked.message();
  };
  inPod({"ip", "route", "del", "default"});
  told("default route");
  inPod({"ip", "addr", "flush", "dev", "eth0"});
  told("10.10.0.5");
  inPod({"ip", "link", "set", "eth0", "down"});
  told("down");
  inPod({"ip", "link", "del", "eth0"});
  told("gone");
  EXPECT_EQ(call("DEL").status, 0);
  told("nothing is plugged");
}

TEST_F(Plugin, CheckComparesWithThePreviousResult) {
  startAgent();
  const auto added = call("ADD");
  ASSERT_EQ(added.status, 0) << added.text;
  config_["prevResult"] = added.json();
  config_["prevResult"]["ips"][0]["address"] = "10.10.0.99/32";
  EXPECT_EQ(call("CHECK").code(), 100);
  config_.erase("prevResult");
  EXPECT_EQ(call("CHECK").code(), 7);
}

TEST_F(Plugin, GcTellsTheAgentWhatToKeep) {
  startAgent();
  ASSERT_EQ(call("ADD").status, 0);
  config_["cni.dev/valid-attachments"] =
      Json::parse(R"([{"containerID": "c0ffee", "ifname": "eth0"}])");
  EXPECT_EQ(call("GC").status, 0);
  EXPECT_EQ(agent_->plugged().size(), 1U);
  EXPECT_EQ(agent_->requests("gc").at(0)["owner"], "cni/hawser");
  config_["cni.dev/valid-attachments"] = Json::array();
  const auto collected = call("GC");
  EXPECT_EQ(collected.status, 0) << collected.text;
  EXPECT_EQ(collected.text, "");
  EXPECT_TRUE(agent_->plugged().empty());
}

TEST_F(Plugin, StatusSaysWhetherAddCanBeServed) {
  EXPECT_EQ(call("STATUS").code(), 50);
  startAgent();
  const auto status = call("STATUS");
  EXPECT_EQ(status.status, 0) << status.text;
  EXPECT_EQ(status.text, "");
}

TEST_F(Plugin, AgentAwayIsQuickAndToBeTriedAgain) {
  config_["prevResult"] = Json::object();
  config_["cni.dev/valid-attachments"] = Json::array();
  for (const auto* command : {"ADD", "DEL", "CHECK", "GC"}) {
    const auto start = std::chrono::steady_clock::now();
    const auto answer = call(command);
    EXPECT_EQ(answer.status, 1) << command;
    EXPECT_EQ(answer.code(), 11) << command << answer.text;
    EXPECT_NE(answer.message().find(socket()), std::string::npos) << answer.message();
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2)) << command;
  }
  EXPECT_NE(inPod({"ip", "link", "show", "eth0"}).status, 0) << "ADD left its device";
}

TEST_F(Plugin, PodWithoutPortIsToBeTriedAgainAndLeavesNothing) {
  startAgent();
  std::string device;
  agent_->onRequest([&](const Json& request) -> Json {
    if (request["op"] != "plug") return {};
    device = request["device"].get<std::string>();
    return {
        {"error", {{"code", "timeout"}, {"message", "there is no port for pod default/web-1"}}}};
  });
  config_["waitMs"] = 1;
  const auto added = call("ADD");
  EXPECT_EQ(added.code(), 11) << added.text;
  EXPECT_NE(added.message().find("no port for pod"), std::string::npos);
  EXPECT_FALSE(exists(device));
  EXPECT_NE(inPod({"ip", "link", "show", "eth0"}).status, 0);
}

TEST_F(Plugin, ForeignDeviceInThePodIsNotTouched) {
  startAgent();
  ASSERT_EQ(inPod({"ip", "link", "add", "eth0", "type", "veth", "peer", "name", "theirs"}).status,
            0);
  const auto before = inPod({"ip", "-o", "link", "show", "eth0"}).text;
  const auto added = call("ADD");
  EXPECT_EQ(added.code(), 101) << added.text;
  EXPECT_EQ(inPod({"ip", "-o", "link", "show", "eth0"}).text, before);
  EXPECT_TRUE(agent_->plugged().empty());
}

TEST_F(Plugin, NamespaceThatIsGone) {
  startAgent();
  environment_["CNI_NETNS"] = "/run/netns/hawser-no-such";
  EXPECT_EQ(call("ADD").code(), 3);
  config_["prevResult"] = Json::object();
  EXPECT_EQ(call("CHECK").code(), 3);
  environment_["CNI_NETNS"] = "/etc/hostname";
  EXPECT_NE(call("ADD").code(), 0) << "a file that is no namespace";
}

TEST_F(Plugin, WrongInputHasItsCode) {
  startAgent();
  EXPECT_EQ(callText("ADD", "{").code(), 6);
  EXPECT_EQ(callText("ADD", "").code(), 6);
  EXPECT_EQ(callText("ADD", std::string(2U << 20U, ' ')).code(), 6);
  EXPECT_EQ(callText("", config_.dump()).code(), 4);
  EXPECT_EQ(callText("HELP", config_.dump()).code(), 4);
  config_["cniVersion"] = "9.9.9";
  const auto incompatible = call("ADD");
  EXPECT_EQ(incompatible.code(), 1);
  EXPECT_EQ(incompatible.json()["cniVersion"], "1.1.0");
  EXPECT_NE(incompatible.json()["details"].get<std::string>().find("9.9.9"), std::string::npos);
  config_["cniVersion"] = "1.0.0";
  EXPECT_EQ(call("STATUS").code(), 1);
  config_["name"] = "";
  const auto invalid = call("ADD");
  EXPECT_EQ(invalid.code(), 7);
  EXPECT_EQ(invalid.json()["cniVersion"], "1.0.0");
  EXPECT_EQ(invalid.status, 1);
  config_["name"] = "hawser";
  config_["ipam"] = {{"type", "host-local"}};
  EXPECT_EQ(call("ADD").code(), 2);
  config_.erase("ipam");
  environment_.erase("CNI_IFNAME");
  EXPECT_EQ(call("DEL").code(), 4);
  EXPECT_TRUE(agent_->requests("plug").empty());
}

TEST_F(Plugin, VersionWithAndWithoutInput) {
  for (const auto& [input, version] :
       {std::pair{R"({"cniVersion":"0.4.0"})", "0.4.0"}, std::pair{"", "1.1.0"}}) {
    const auto answer = callText("VERSION", input);
    EXPECT_EQ(answer.status, 0);
    EXPECT_EQ(answer.json()["cniVersion"], version);
    EXPECT_EQ(answer.json()["supportedVersions"].size(), 4U);
  }
}

TEST_F(Plugin, AgentThatSpeaksNonsense) {
  startAgent();
  agent_->onRequest([](const Json& request) -> Json {
    return request["op"] == "plug" ? Json{{"port", 7}} : Json();
  });
  const auto added = call("ADD");
  EXPECT_EQ(added.code(), 999) << added.text;
  EXPECT_NE(inPod({"ip", "link", "show", "eth0"}).status, 0);
}

}  // namespace
}  // namespace hawser::cni
