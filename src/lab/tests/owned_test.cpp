// What is a lab's own, and that `down` takes all of that and nothing else. Namespaces of this test,
// removed whatever happens.
#include "machine/owned.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "hawser/base/file.h"
#include "runner.h"

namespace hawser::lab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

class OwnedTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    folder_ = fs::temp_directory_path() / ("hawser-owned-" + std::to_string(::getpid()));
    ::setenv("HAWSER_RUN", folder_.c_str(), 1);
    name_ = "o" + std::to_string(::getpid());
    run_ = runFolder(name_);
    fs::create_directories(run_ + "/logs");
  }
  void TearDown() override {
    for (const auto& process : started_) endProcess(process, std::chrono::milliseconds(0));
    for (const auto& one : netnsWithPrefix(name_ + "-")) removeNetns(one);
    ::unsetenv("HAWSER_RUN");
    fs::remove_all(folder_);
  }
  std::string netns(const std::string& node) const { return name_ + "-" + node; }
  ProcessId sleepIn(const std::string& space, const std::string& mark = {}) {
    Launch what{{"sleep", "1000"}, {}, space, (folder_ / "log").string()};
    if (!mark.empty()) what.environment[kLabMark] = mark;
    const auto process = launch(what);
    EXPECT_TRUE(process);
    started_.push_back(process.value_or(ProcessId{}));
    // In its namespace and under its own name, so that it is where it will be.
    EXPECT_TRUE(waitUntil(
        [&] {
          const auto text = readFile(fmt::format("/proc/{}/comm", started_.back().pid));
          return text && *text == "sleep\n";
        },
        std::chrono::seconds(10)));
    return started_.back();
  }
  void record(const ProcessId& process) {
    State state;
    state.paths.run = run_;
    state.processes["h1"] = {{"h1", ProcessKind::kKube, "h1", "", {"sleep"}, {}}, process, true};
    ASSERT_TRUE(writeFile(run_ + "/lab.json", toJson(state).dump()));
  }
  void pod(const std::string& run, const std::string& space) {
    fs::create_directories(run + "/data/kube-k/status");
    ASSERT_TRUE(writeFile(run + "/data/kube-k/status/default_web.json",
                          Json{{"netns", space}, {"node", "h1"}}.dump()));
  }

  fs::path folder_;
  std::string name_, run_;
  std::vector<ProcessId> started_;
};

TEST_F(OwnedTest, OnlyWhatWasMadeIsOwn) {
  ASSERT_TRUE(makeNetns(run_, netns("h1")));
  ASSERT_TRUE(addNetns(netns("cc")));
  EXPECT_THAT(ownNetns(run_), ElementsAre(netns("h1")));
  EXPECT_EQ(ownerText(run_, netns("h1")), fmt::format("of the lab \"{}\"", name_));
  EXPECT_EQ(ownerText(run_, netns("cc")), "of no lab");
  const auto again = makeNetns(run_, netns("cc"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kExists);
  EXPECT_THAT(again.error().message, HasSubstr("of no lab"));
  EXPECT_THAT(ownNetns(run_), ElementsAre(netns("h1")));
  dropNetns(run_, netns("h1"));
  EXPECT_THAT(ownNetns(run_), IsEmpty());
}

TEST_F(OwnedTest, AnotherOneThatGotTheNameIsNot) {
  ASSERT_TRUE(makeNetns(run_, netns("h1")));
  ASSERT_TRUE(addNetns(netns("keep")));  // so that the kernel gives the next one another number
  removeNetns(netns("h1"));
  ASSERT_TRUE(addNetns(netns("new")));
  ASSERT_TRUE(addNetns(netns("h1")));
  const auto made = ownNetns(run_);
  // The kernel may give a number again; then nobody can tell.
  EXPECT_LE(made.size(), 1U);
  ASSERT_TRUE(writeFile(run_ + "/netns/" + netns("h1"), "4:1"));
  EXPECT_THAT(ownNetns(run_), IsEmpty());
}

// Killed between writing the name down and writing down which one it is.
TEST_F(OwnedTest, WhatAKilledUpWasMakingIsOwn) {
  fs::create_directories(run_ + "/netns");
  ASSERT_TRUE(writeFile(run_ + "/netns/" + netns("h1"), ""));
  ASSERT_TRUE(writeFile(run_ + "/netns/" + netns("h2"), ""));
  ASSERT_TRUE(addNetns(netns("h1")));
  EXPECT_THAT(ownNetns(run_), ElementsAre(netns("h1")));
}

TEST_F(OwnedTest, TheMachinesOwnNamespaceNeverIs) {
  fs::create_directories(run_ + "/netns");
  ASSERT_TRUE(writeFile(run_ + "/netns/" + netns("h1"), ""));
  ASSERT_TRUE(runOrFail({"ip", "netns", "attach", netns("h1"), std::to_string(::getpid())}));
  pod(run_, netns("h1"));
  EXPECT_THAT(ownNetns(run_), IsEmpty());
}

TEST_F(OwnedTest, PodsAreByTheirStatusUnlessAnotherLabMadeThem) {
  ASSERT_TRUE(addNetns(netns("default_web")));
  pod(run_, netns("default_web"));
  EXPECT_THAT(ownNetns(run_), ElementsAre(netns("default_web")));
  const auto other = runFolder(name_ + "-2");
  fs::create_directories(other + "/netns");
  ASSERT_TRUE(writeFile(other + "/netns/" + netns("default_web"), ""));
  EXPECT_THAT(ownNetns(run_), IsEmpty());
  EXPECT_EQ(netnsOwner(run_, netns("default_web")), name_ + "-2");
}

// After a crash: processes, namespaces, a mount and files are there.
TEST_F(OwnedTest, DownRemovesWhatACrashLeft) {
  ASSERT_TRUE(makeNetns(run_, netns("h1")));
  ASSERT_TRUE(addNetns(netns("default_web")));
  pod(run_, netns("default_web"));
  ASSERT_TRUE(mountBpf(run_ + "/bpf"));
  const auto recorded = sleepIn(netns("h1")), stray = sleepIn(netns("h1")),
             inPod = sleepIn(netns("default_web")), marked = sleepIn({}, run_);
  record(recorded);

  const auto down = takeDown(name_);
  ASSERT_TRUE(down) << down.error().text();
  EXPECT_THAT(*down, IsEmpty());
  for (const auto& process : {recorded, stray, inPod, marked}) EXPECT_FALSE(alive(process));
  EXPECT_THAT(netnsWithPrefix(name_ + "-"), IsEmpty());
  EXPECT_FALSE(isMountPoint(run_ + "/bpf"));
  EXPECT_FALSE(fs::exists(run_));
  EXPECT_EQ(takeDown(name_).error().code, ErrorCode::kNotFound);
}

// Another lab whose name begins alike, and a namespace of somebody's: they stay, with what runs in
// them, and are named.
TEST_F(OwnedTest, DownLeavesOthersAlone) {
  const auto other = runFolder(name_ + "-2");
  ASSERT_TRUE(makeNetns(run_, netns("h1")));
  ASSERT_TRUE(makeNetns(other, netns("2-h1")));
  ASSERT_TRUE(addNetns(netns("cc")));
  const auto own = sleepIn(netns("h1")), others = sleepIn(netns("2-h1"), other),
             foreign = sleepIn(netns("cc"));
  record(own);

  const auto down = takeDown(name_);
  ASSERT_TRUE(down) << down.error().text();
  EXPECT_FALSE(alive(own));
  EXPECT_TRUE(alive(others));
  EXPECT_TRUE(alive(foreign));
  EXPECT_TRUE(netnsExists(netns("2-h1")));
  EXPECT_TRUE(netnsExists(netns("cc")));
  EXPECT_TRUE(fs::exists(other));
  EXPECT_THAT(*down,
              ElementsAre(fmt::format("network namespaces left alone: {}, of no lab", netns("cc")),
                          fmt::format("network namespaces left alone: {}, of the lab \"{}-2\"",
                                      netns("2-h1"), name_)));
  const auto nothing = takeDown(name_);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(nothing.error().message, HasSubstr(netns("cc") + ", of no lab"));
  EXPECT_TRUE(alive(foreign));
  EXPECT_TRUE(netnsExists(netns("cc")));
}

}  // namespace
}  // namespace hawser::lab
