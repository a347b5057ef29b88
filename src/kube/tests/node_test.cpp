// `hawser kube node` as a process of its own, with a CNI plugin and a container tool that only note
// what they are asked; namespaces and processes are real.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <optional>
#include <ranges>
#include <utility>

#include "hawser/base/time.h"
#include "hawser/kube/main.h"
#include "hawser/kube/state_dir.h"

namespace hawser::kube {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Fails as an agent that is away does, while the file "away" is there.
constexpr const char* kCni = R"(#!/bin/bash
cat >/dev/null
if [ -e FOLDER/away ]; then
  echo '{"cniVersion":"1.0.0","code":11,"msg":"no agent answers"}'
  exit 1
fi
echo "$CNI_COMMAND $CNI_CONTAINERID" >>FOLDER/events
[ "$CNI_COMMAND" = ADD ] || exit 0
[ -e "$CNI_NETNS" ] || exit 1
echo '{"cniVersion":"1.0.0","ips":[{"address":"127.0.0.1/32","interface":1}]}'
)";
constexpr const char* kTool = R"(#!/bin/bash
while [ "$1" != -- ]; do
  [ "$1" != --exec ] || exec="$2"
  shift
done
shift
if [ -n "$exec" ]; then exec "$@"; fi
trap 'echo TERM >>FOLDER/events; kill $child; exit 0' TERM
"$@" &
child=$!
echo start >>FOLDER/events
wait
)";

class NodeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    std::string pattern = (fs::temp_directory_path() / "hawser-node-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    prefix_ = "hwt" + std::to_string(::getpid()) + "-";
    script("cni", kCni);
    script("tool", kTool);
    std::ofstream(folder_ / "images.yaml") << "images: {app: {command: [sleep, '1000']}}\n";
    dir_ = StateDir::open(folder_ / "state").value();
  }
  void TearDown() override {
    if (folder_.empty()) return;
    end(SIGTERM);
    for (const auto& name : namespaces()) (void)!::system(("ip netns del " + name).c_str());
    fs::remove_all(folder_);
  }
  void script(const std::string& name, std::string text) const {
    for (auto at = text.find("FOLDER"); at != std::string::npos; at = text.find("FOLDER"))
      text.replace(at, 6, folder_.string());
    std::ofstream(folder_ / name) << text;
    fs::permissions(folder_ / name, fs::perms::owner_all);
  }
  void startNode() {
    std::vector<std::string> words{"hawser kube",
                                   "node",
                                   "--node",
                                   "n1",
                                   "--state",
                                   folder_ / "state",
                                   "--cni",
                                   folder_ / "cni",
                                   "--agent-socket",
                                   folder_ / "agent.sock",
                                   "--images",
                                   folder_ / "images.yaml",
                                   "--rootfs",
                                   "/",
                                   "--container-tool",
                                   folder_ / "tool",
                                   "--netns-prefix",
                                   prefix_,
                                   "--logs",
                                   folder_ / "logs",
                                   "--drain-ms",
                                   "50"};
    node_ = ::fork();
    if (node_ == 0) {
      const int log = ::open((folder_ / "node.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(log, 1);
      ::dup2(log, 2);
      std::vector<char*> argv;
      for (auto& word : words) argv.push_back(word.data());
      ::_exit(kubeMain(static_cast<int>(argv.size()), argv.data()));
    }
  }
  int end(int signal) {
    if (node_ <= 0) return -1;
    int status = 0;
    ::kill(node_, signal);
    ::waitpid(node_, &status, 0);
    node_ = -1;
    return status;
  }
  void addPod(const std::string& name, const std::string& uid, Json probe = nullptr) const {
    Json container{{"name", "c"}, {"image", "app"}};
    if (!probe.is_null()) container["readinessProbe"] = std::move(probe);
    ASSERT_TRUE(dir_->writePod({"default", name},
                               {{"metadata", {{"name", name}, {"uid", uid}}},
                                {"spec", {{"nodeName", "n1"}, {"containers", {container}}}}}));
  }
  void deletePod(const std::string& name) const {
    auto pod = dir_->pods().at({"default", name});
    pod["metadata"]["deletionTimestamp"] = timeText();
    ASSERT_TRUE(dir_->writePod({"default", name}, pod));
  }
  Json statusOf(const std::string& name) const {
    const auto all = dir_->statuses();
    const auto found = all.find({"default", name});
    return found == all.end() ? Json() : found->second;
  }
  bool ready(const std::string& name) const {
    const auto status = statusOf(name);
    return status.is_object() && status["conditions"][0]["status"] == "True";
  }
  std::vector<std::string> events() const {
    std::vector<std::string> out;
    std::ifstream in(folder_ / "events");
    for (std::string line; std::getline(in, line);) out.push_back(line.substr(0, line.find(' ')));
    return out;
  }
  std::vector<std::string> namespaces() const {
    std::vector<std::string> out;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator("/run/netns", none))
      if (entry.path().filename().string().starts_with(prefix_))
        out.push_back(entry.path().filename());
    return out;
  }
  // Looks until it is so.
  testing::AssertionResult eventually(const std::function<bool()>& so) const {
    for (const auto end = std::chrono::steady_clock::now() + 10s;
         std::chrono::steady_clock::now() < end; ::usleep(2000))
      if (so()) return testing::AssertionSuccess();
    std::ifstream log(folder_ / "node.log");
    return testing::AssertionFailure() << std::string(std::istreambuf_iterator<char>(log), {});
  }

  fs::path folder_;
  std::string prefix_;
  std::optional<StateDir> dir_;
  pid_t node_ = -1;
};

using Words = std::vector<std::string>;

TEST_F(NodeTest, PodComesAndGoesInOrder) {
  startNode();
  addPod("web", "u1");
  ASSERT_TRUE(eventually([&] { return ready("web"); }));
  EXPECT_EQ(statusOf("web")["podIP"], "127.0.0.1");
  EXPECT_EQ(statusOf("web")["node"], "n1");
  EXPECT_EQ(namespaces(), Words{prefix_ + "default_web"});
  ASSERT_TRUE(eventually([&] { return events() == Words{"ADD", "start"}; }));
  deletePod("web");
  ASSERT_TRUE(eventually([&] { return !ready("web"); }));
  ASSERT_TRUE(eventually([&] { return statusOf("web").is_null(); }));
  EXPECT_EQ(events(), (Words{"ADD", "start", "TERM", "DEL"}));
  EXPECT_TRUE(namespaces().empty());
}

// Somebody's namespace that has the name of a pod's: it stays as it is, and the pod says why it
// does not start.
TEST_F(NodeTest, NamespacesOfOthersStay) {
  const auto name = prefix_ + "default_web";
  ASSERT_EQ(::system(("ip netns add " + name).c_str()), 0);
  const auto identity = [&] {
    struct stat status{};
    return ::stat(("/run/netns/" + name).c_str(), &status) == 0 ? status.st_ino : 0;
  };
  const auto before = identity();
  startNode();
  addPod("web", "u1");
  ASSERT_TRUE(eventually([&] {
    const auto status = statusOf("web");
    return status.is_object() &&
           status.value("message", "").find("is not this node's") != std::string::npos;
  }));
  EXPECT_EQ(statusOf("web")["netns"], "");
  EXPECT_EQ(end(SIGTERM), 0);
  EXPECT_EQ(identity(), before);
}

TEST_F(NodeTest, TermStopsPodsCleanly) {
  startNode();
  addPod("a", "u1");
  addPod("b", "u2");
  ASSERT_TRUE(eventually([&] { return ready("a") && ready("b"); }));
  EXPECT_EQ(end(SIGTERM), 0);
  EXPECT_TRUE(namespaces().empty());
  EXPECT_TRUE(dir_->statuses().empty());
  EXPECT_EQ(std::ranges::count(events(), "DEL"), 2);
}

TEST_F(NodeTest, TermEndsEvenWithoutAnAgent) {
  startNode();
  addPod("a", "u1");
  ASSERT_TRUE(eventually([&] { return ready("a"); }));
  std::ofstream(folder_ / "away") << "";
  EXPECT_EQ(end(SIGTERM), 0);
  EXPECT_TRUE(namespaces().empty());
}

TEST_F(NodeTest, AfterAKillTheNextRunCleansUpAndStartsAnew) {
  startNode();
  addPod("stays", "u1");
  addPod("goes", "u2");
  ASSERT_TRUE(eventually([&] { return ready("stays") && ready("goes"); }));
  end(SIGKILL);
  EXPECT_EQ(namespaces().size(), 2U);
  EXPECT_TRUE(eventually([&] { return FileLock::held(dir_->nodeLock("n1")) == false; }));
  dir_->removePod({"default", "goes"});
  startNode();
  ASSERT_TRUE(eventually([&] {
    return statusOf("goes").is_null() && ready("stays") && std::ranges::count(events(), "ADD") == 3;
  }));
  EXPECT_EQ(namespaces(), Words{prefix_ + "default_stays"});
  EXPECT_EQ(std::ranges::count(events(), "DEL"), 2);
}

TEST_F(NodeTest, SecondRunnerOfANodeIsRefused) {
  startNode();
  ASSERT_TRUE(eventually([&] { return FileLock::held(dir_->nodeLock("n1")) == true; }));
  const auto first = std::exchange(node_, -1);
  startNode();
  int status = 0;
  ::waitpid(std::exchange(node_, first), &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST_F(NodeTest, AgentThatIsAwayIsWaitedFor) {
  std::ofstream(folder_ / "away") << "";
  startNode();
  addPod("web", "u1");
  ASSERT_TRUE(eventually([&] {
    const auto status = statusOf("web");
    return status.is_object() && status.value("message", "") == "CNI ADD: no agent answers";
  }));
  EXPECT_EQ(statusOf("web")["phase"], "Pending");
  fs::remove(folder_ / "away");
  ASSERT_TRUE(eventually([&] { return ready("web"); }));
}

TEST_F(NodeTest, SuccessorOfTheSameNameWaitsForTheEnd) {
  startNode();
  addPod("web", "u1");
  ASSERT_TRUE(eventually([&] { return ready("web"); }));
  ASSERT_TRUE(eventually([&] { return events() == Words{"ADD", "start"}; }));
  const auto first = statusOf("web")["containerId"];
  addPod("web", "u2");
  ASSERT_TRUE(eventually([&] { return ready("web") && statusOf("web")["containerId"] != first; }));
  EXPECT_TRUE(
      eventually([&] { return events() == Words{"ADD", "start", "TERM", "DEL", "ADD", "start"}; }));
}

TEST_F(NodeTest, ReadinessFollowsTheProbe) {
  const auto flag = (folder_ / "good").string();
  startNode();
  addPod("web", "u1",
         {{"exec", {{"command", {"test", "-e", flag}}}},
          {"periodSeconds", 1},
          {"failureThreshold", 1}});
  ASSERT_TRUE(eventually([&] { return events() == Words{"ADD", "start"}; }));
  EXPECT_FALSE(ready("web"));
  std::ofstream(flag) << "";
  ASSERT_TRUE(eventually([&] { return ready("web"); }));
  fs::remove(flag);
  ASSERT_TRUE(eventually([&] { return !ready("web"); }));
}

TEST_F(NodeTest, TcpProbeIsMadeInsideThePodsNamespace) {
  startNode();
  addPod("web", "u1", {{"tcpSocket", {{"port", 8080}}}});
  ASSERT_TRUE(eventually([&] { return events() == Words{"ADD", "start"}; }));
  EXPECT_FALSE(ready("web"));
  const auto command = "exec nsenter --net=/run/netns/" + prefix_ +
                       "default_web python3 -m http.server 8080 --bind 127.0.0.1 "
                       ">/dev/null 2>&1";
  const pid_t server = ::fork();
  if (server == 0) {
    ::execlp("sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  EXPECT_TRUE(eventually([&] { return ready("web"); }));
  ::kill(server, SIGKILL);
  ::waitpid(server, nullptr, 0);
}

TEST_F(NodeTest, UnknownImageIsTold) {
  startNode();
  ASSERT_TRUE(dir_->writePod(
      {"default", "web"},
      {{"metadata", {{"name", "web"}}},
       {"spec", {{"nodeName", "n1"}, {"containers", {{{"name", "c"}, {"image", "apache"}}}}}}}));
  ASSERT_TRUE(eventually([&] {
    const auto status = statusOf("web");
    return status.is_object() && status.value("message", "") == "image \"apache\" is not known";
  }));
  EXPECT_FALSE(ready("web"));
}

}  // namespace
}  // namespace hawser::kube
