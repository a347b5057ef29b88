// The underlay for real: namespaces of this test, removed whatever happens.
#include "machine/underlay.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "machine/owned.h"

namespace hawser::lab {
namespace {

class UnderlayTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    name_ = "t" + std::to_string(::getpid());
    const auto json = Json::parse(R"({
      "sites": [
        {"name": "a", "asn": 1, "underlay": "10.1.0.0/24", "controller": {"name": "ca", "address": "10.1.0.10"},
         "hosts": [{"name": "a1", "address": "10.1.0.11"}]},
        {"name": "b", "asn": 2, "underlay": "10.2.0.0/24", "controller": {"name": "cb", "address": "10.2.0.10"},
         "hosts": [{"name": "b1", "address": "10.2.0.11"}]}],
      "outside": {"network": "203.0.113.0/24", "router": "203.0.113.254",
        "hosts": [{"name": "client", "address": "203.0.113.100",
                   "routes": [{"to": "185.22.97.0/24", "via": ["203.0.113.1", "203.0.113.2"]}]}]}})");
    auto named = json;
    named["name"] = name_;
    auto topology = parseTopology(named, "/");
    ASSERT_TRUE(topology) << topology.error().text();
    topology_ = *topology;
    run_ = std::filesystem::temp_directory_path() / ("hawser-underlay-" + name_) / name_;
  }
  void TearDown() override {
    if (!run_.empty()) std::filesystem::remove_all(std::filesystem::path(run_).parent_path());
    for (const auto& name : netnsWithPrefix(name_ + "-")) removeNetns(name);
  }
  bool reaches(const std::string& from, const std::string& address) {
    const auto done = run({"ip", "netns", "exec", name_ + "-" + from, "ping", "-c", "1", "-W", "2",
                           "-M", "do", "-s", "1472", address});
    return done && done->status == 0;
  }
  std::string name_, run_;
  Topology topology_;
};

TEST_F(UnderlayTest, SitesReachEachOtherAtFullSize) {
  const auto made = makeUnderlay(run_, planUnderlay(topology_));
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_TRUE(reaches("a1", "10.1.0.10"));
  EXPECT_TRUE(reaches("a1", "10.2.0.11"));
  EXPECT_TRUE(reaches("cb", "10.1.0.10"));
  EXPECT_TRUE(reaches("client", "203.0.113.254"));
  EXPECT_FALSE(reaches("client", "10.1.0.11"));
}

TEST_F(UnderlayTest, AFailureLeavesNothing) {
  auto underlay = planUnderlay(topology_);
  underlay.namespaces.back().commands += "addr add nonsense dev eth0\n";
  const auto made = makeUnderlay(run_, underlay);
  ASSERT_FALSE(made);
  EXPECT_TRUE(netnsWithPrefix(name_ + "-").empty());
  EXPECT_TRUE(ownNetns(run_).empty());
}

TEST_F(UnderlayTest, ExistingNamespacesAreNotTouched) {
  ASSERT_TRUE(addNetns(name_ + "-a1"));
  const auto made = makeUnderlay(run_, planUnderlay(topology_));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kExists);
  EXPECT_NE(made.error().message.find("of no lab"), std::string::npos) << made.error().message;
  EXPECT_EQ(netnsWithPrefix(name_ + "-"), std::vector<std::string>{name_ + "-a1"});
}

}  // namespace
}  // namespace hawser::lab
