#include "machine/machine.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace hawser::lab {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

class MachineTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("hawser-machine-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override {
    for (const auto& process : started_) endProcess(process, milliseconds(0));
    fs::remove_all(folder_);
  }
  ProcessId start(const std::string& script) {
    const auto process = launch({{"sh", "-c", script}, {{"WORD", "w"}}, {}, log()});
    EXPECT_TRUE(process);
    started_.push_back(process.value_or(ProcessId{}));
    return started_.back();
  }
  std::string log() { return (folder_ / "log").string(); }
  bool logged(const std::string& text) {
    return waitUntil([&] { return lastLines(log(), 100).find(text) != std::string::npos; },
                     milliseconds(5000));
  }
  fs::path folder_;
  std::vector<ProcessId> started_;
};

TEST_F(MachineTest, RunFeedsAndCollects) {
  const std::string big(300000, 'x');
  const auto echoed = run({"cat"}, big);
  ASSERT_TRUE(echoed);
  EXPECT_EQ(echoed->status, 0);
  EXPECT_EQ(echoed->output, big);
  EXPECT_EQ(run({"sh", "-c", "exit 7"})->status, 7);
  EXPECT_EQ(run({"sh", "-c", "kill -9 $$"})->status, 128 + SIGKILL);
  EXPECT_EQ(run({"/no/such/program"})->status, 127);
  const auto failed = runOrFail({"sh", "-c", "echo first; echo last >&2; exit 1"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().text(), "sh: last");
}

// Also what the command started ends, and waits end; afterwards nothing is left of it.
TEST_F(MachineTest, AnInterruptEndsCommandsAndWaits) {
  catchInterrupts();
  EXPECT_FALSE(interrupted());
  std::thread person([] { ::kill(::getpid(), SIGTERM); });
  const auto done = run({"sh", "-c", "sleep 1000 & echo $!; wait"});
  EXPECT_TRUE(interrupted());
  EXPECT_FALSE(waitUntil([] { return false; }, milliseconds(3600000)));
  person.join();
  ignoreInterrupts();
  ::kill(::getpid(), SIGTERM);  // does nothing
  EXPECT_FALSE(interrupted());
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, SIG_DFL);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, 128 + SIGTERM);
  const auto child = std::atoi(done->output.c_str());
  EXPECT_TRUE(child <= 0 || waitUntil([&] { return ::kill(child, 0) != 0; }, milliseconds(5000)));
}

// Ctrl-C at a terminal reaches the whole group: what is being run goes on, and the person is told.
TEST_F(MachineTest, TheFirstInterruptIsAnsweredWhenHeld) {
  EXPECT_EXIT(
      {
        ::setpgid(0, 0);
        holdInterrupts();
        std::thread person([] { ::kill(-::getpid(), SIGINT); });
        const auto done = run({"sh", "-c", "sleep 0.2; echo whole"});
        person.join();
        ::_exit(done && done->output == "whole\n" && !interrupted() ? 0 : 1);
      },
      testing::ExitedWithCode(0), "being taken down, to the end");
  EXPECT_EXIT(
      {
        holdInterrupts();
        ::raise(SIGINT);
        ::raise(SIGINT);
      },
      testing::ExitedWithCode(130), "");
}

TEST_F(MachineTest, LaunchedProcessesHaveInitAsParentAndALog) {
  const auto process = start("echo \"parent $PPID; $WORD\"; exec sleep 1000");
  EXPECT_TRUE(alive(process));
  EXPECT_TRUE(logged("; w"));
  EXPECT_EQ(lastLines(log(), 1).find(fmt::format("parent {};", ::getpid())), std::string::npos);
  endProcess(process, milliseconds(5000));
  EXPECT_FALSE(alive(process));
}

TEST_F(MachineTest, WhatIgnoresTermIsKilled) {
  const auto process = start("trap '' TERM; echo ready; while :; do sleep 0.1; done");
  ASSERT_TRUE(logged("ready"));
  endProcess(process, milliseconds(50));
  EXPECT_FALSE(alive(process));
}

TEST_F(MachineTest, AnotherProcessWithThePidIsNotOurs) {
  const auto process = start("exec sleep 1000");
  const ProcessId other{process.pid, process.started + 1};
  EXPECT_FALSE(alive(other));
  signalProcess(other, SIGKILL);
  endProcess(other, milliseconds(0));
  EXPECT_TRUE(alive(process));
}

TEST_F(MachineTest, NamespacesHoldProcesses) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto name = "m" + std::to_string(::getpid());
  ASSERT_TRUE(addNetns(name));
  const auto process = launch({{"sleep", "1000"}, {}, name, log()});
  ASSERT_TRUE(process);
  started_.push_back(*process);
  EXPECT_TRUE(waitUntil([&] { return processesIn({name}) == std::vector<pid_t>{process->pid}; },
                        milliseconds(5000)));
  const auto failed = inNetns(name, [] { return Result<void>(invalid("inside")); });
  EXPECT_EQ(failed.error().message, "inside");
  removeNetns(name);
  EXPECT_FALSE(netnsExists(name));
  EXPECT_FALSE(inNetns(name, [] { return Result<void>(); }));
}

}  // namespace
}  // namespace hawser::lab
