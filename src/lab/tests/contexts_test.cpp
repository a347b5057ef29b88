#include "contexts.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "hawser/base/file.h"

namespace hawser::lab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

class ContextsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("hawser-contexts-" + std::to_string(::getpid()));
    run_ = (folder_ / "lab" / "two").string();
    file_ = (folder_ / "config.yaml").string();
    fs::create_directories(run_);
    ::setenv("HAWSER_CONFIG", file_.c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("HAWSER_CONFIG");
    fs::remove_all(folder_);
  }
  Lab lab() const {
    auto topology = parseTopology(Json::parse(R"({"name": "two", "sites": [
        {"name": "a", "asn": 1, "underlay": "10.1.0.0/24", "controller": {"name": "ctl", "address": "10.1.0.10"},
         "hosts": []}]})"),
                                  "/");
    EXPECT_TRUE(topology) << topology.error().text();
    State state;
    state.paths.run = run_;
    return {*topology, state};
  }
  Json config() const { return model::parseDocuments(*readFile(file_))->at(0); }

  fs::path folder_;
  std::string run_, file_;
};

TEST_F(ContextsTest, WhatDownRemovesIsWhatWasInstalled) {
  ASSERT_TRUE(writeFile(file_,
                        "current: mine\ncontexts:\n"
                        "  mine: {server: \"https://x:1\", ca: /etc/ca.pem}\n"
                        "  like: {server: \"https://y:1\", ca: " +
                            run_ + "-2/ca.pem}\n"));
  ASSERT_TRUE(installContexts(lab()));
  EXPECT_TRUE(config()["contexts"].contains("two-a"));
  EXPECT_EQ(config()["current"], "mine");
  // From another shell, where HAWSER_CONFIG says something else.
  ::setenv("HAWSER_CONFIG", (run_ + "/config.yaml").c_str(), 1);
  EXPECT_THAT(removeContexts(run_), ElementsAre("context two-a removed from " + file_));
  EXPECT_EQ(config()["contexts"].size(), 2U);
  EXPECT_EQ(config()["current"], "mine");
  EXPECT_THAT(removeContexts(run_), IsEmpty());
}

TEST_F(ContextsTest, ACurrentOneIsToldAndAnEmptyFileGoes) {
  ASSERT_TRUE(installContexts(lab()));
  EXPECT_EQ(config()["current"], "two-a");
  auto more = config();
  more["contexts"]["mine"] = {{"server", "https://x:1"}};
  ASSERT_TRUE(writeFile(file_, model::toYaml(more)));
  EXPECT_THAT(removeContexts(run_), ElementsAre(HasSubstr("; there is no current context now")));
  EXPECT_FALSE(config().contains("current"));
  fs::remove(file_);
  ASSERT_TRUE(installContexts(lab()));
  EXPECT_THAT(removeContexts(run_), ElementsAre(HasSubstr("; there is none any more")));
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(ContextsTest, AFileThatCannotBeReadIsLeftAndTold) {
  ASSERT_TRUE(installContexts(lab()));
  ASSERT_TRUE(writeFile(file_, "contexts: ["));
  EXPECT_THAT(removeContexts(run_),
              ElementsAre(HasSubstr("the lab's contexts may be left: " + file_)));
  EXPECT_EQ(*readFile(file_), "contexts: [");
}

}  // namespace
}  // namespace hawser::lab
