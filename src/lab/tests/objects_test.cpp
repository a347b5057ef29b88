#include "objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "topology/images.h"

namespace hawser::lab {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

const Placeholders kValues{{"site.a.apiUrl", "https://10.1.0.10:8443"},
                           {"site.a.controller", "10.1.0.10"}};

TEST(FillIn, ReplacesAll) {
  EXPECT_EQ(*fillIn("u: ${site.a.apiUrl}\nc: ${site.a.controller} $x {y}", kValues),
            "u: https://10.1.0.10:8443\nc: 10.1.0.10 $x {y}");
  EXPECT_EQ(*fillIn("", kValues), "");
}

TEST(FillIn, MistakesHaveALineAndASuggestion) {
  const auto unknown = fillIn("a\nb\n${site.a.apiURL}", kValues);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().field, "line 3");
  EXPECT_THAT(unknown.error().message, HasSubstr("is it \"site.a.apiUrl\"?"));
  const auto open = fillIn("${site.a.apiUrl", kValues);
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().field, "line 1");
}

class ObjectsTest : public testing::Test {
 protected:
  void SetUp() override {
    file_ = (fs::temp_directory_path() / ("hawser-objects-" + std::to_string(::getpid()) + ".yaml"))
                .string();
  }
  void TearDown() override { fs::remove(file_); }
  Result<std::vector<model::Read>> read(const std::string& text) {
    std::ofstream(file_) << text;
    return readObjects(file_, kValues);
  }
  std::string file_;
};

TEST_F(ObjectsTest, ReadsAllDocuments) {
  const auto objects = read(
      "kind: Project\nmetadata: {name: demo}\n---\nkind: Network\nmetadata: {name: db}\nspec:\n"
      "  subnets: [{prefix: 10.0.100.0/24}]\n");
  ASSERT_TRUE(objects) << objects.error().text();
  ASSERT_EQ(objects->size(), 2U);
  EXPECT_EQ((*objects)[1].object.key().text(), "networks/default/db");
}

TEST_F(ObjectsTest, MistakesNameFileDocumentAndField) {
  const auto wrong = read(
      "kind: Project\nmetadata: {name: demo}\n---\nkind: Host\nmetadata: {name: h}\n"
      "spec: {address: 10.0.0.300}\n");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().field, file_ + ":6 (Host h): spec.address");
  EXPECT_THAT(read("kind: [").error().field, HasSubstr(file_ + ": line 1"));
  EXPECT_THAT(read("a: ${nothing}").error().field, HasSubstr(file_ + ": line 1"));
}

// Admission speaks before anything is started: what refers to nothing, what is not unique.
TEST_F(ObjectsTest, WhatAControllerWouldRefuseIsRefused) {
  Topology topology;
  topology.sites.resize(1);
  auto& site = topology.sites[0];
  site.name = "a";
  site.asn = 64512;
  site.controller = {"ctl", *net::IpAddress::parse("10.1.0.10")};
  site.hosts = {{"h1", *net::IpAddress::parse("10.1.0.11")}};
  site.objects = {file_};
  const auto check = [&](const std::string& text) {
    std::ofstream(file_) << text;
    const auto good = checkObjects(topology);
    return good ? std::string() : good.error().text();
  };
  const std::string net =
      "kind: Network\nmetadata: {name: db}\nspec: {subnets: [{prefix: 10.0.100.0/24}]}\n---\n";
  const auto port = [](const std::string& spec) {
    return "kind: Port\nmetadata: {name: vm}\nspec: {" + spec + "}\n";
  };
  EXPECT_EQ(check(net + port("network: db, host: h1")), "");
  EXPECT_THAT(
      check(net + port("network: dc, host: h1")),
      HasSubstr(file_ + ":7: ports/default/vm spec.network: network \"default/dc\" does not "
                        "exist"));
  EXPECT_THAT(check(net + port("network: db, host: h2")), HasSubstr("spec.host"));
  EXPECT_THAT(check(net + port("network: db, addresses: [10.0.101.1]")),
              HasSubstr("spec.addresses"));
}

// The files of the main scenario, as they stand in the tree.
class ExampleTest : public testing::TestWithParam<const char*> {};

TEST_P(ExampleTest, IsGoodAsAWhole) {
  const auto file = readLabFile(fs::path(HAWSER_EXAMPLES) / "leonardo" / GetParam());
  ASSERT_TRUE(file) << file.error().text();
  const auto good = checkObjects(file->topology);
  EXPECT_TRUE(good) << good.error().text();
  // Every workload has a Port that is placed where the workload is.
  for (const auto& workload : file->topology.workloads) {
    bool found = false;
    Placeholders values;
    for (const auto& site : file->topology.sites) {
      values["site." + site.name + ".apiUrl"] = "https://x";
      values["site." + site.name + ".controller"] = site.controller.address.text();
      values["site." + site.name + ".caFingerprint"] = "sha256:" + std::string(64, '0');
    }
    for (const auto& objects : file->topology.site(workload.site)->objects) {
      const auto read = readObjects(objects, values);
      ASSERT_TRUE(read) << read.error().text();
      for (const auto& [object, place] : *read)
        found = found || (object.key().text() == "ports/" + workload.port &&
                          object.spec.value("host", "") == workload.host);
    }
    EXPECT_TRUE(found) << workload.port;
  }
}

INSTANTIATE_TEST_SUITE_P(Leonardo, ExampleTest, testing::Values("lab.yaml", "lab-link.yaml"));

}  // namespace
}  // namespace hawser::lab
