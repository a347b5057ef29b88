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
  LabFile lab;
  lab.topology.sites.resize(1);
  auto& site = lab.topology.sites[0];
  site.name = "a";
  site.asn = 64512;
  site.controller = {"ctl", *net::IpAddress::parse("10.1.0.10")};
  site.hosts = {{"h1", *net::IpAddress::parse("10.1.0.11")}};
  site.objects = {file_};
  const auto check = [&](const std::string& text) {
    std::ofstream(file_) << text;
    const auto good = checkObjects(lab);
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

// What the lab file says of objects: a real `up` would find out only when all is started.
class ReferencesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("hawser-references-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  // Of the lab with this text in the objects file of site a; the first line of the error.
  std::string check(const std::string& objects, const std::string& port = "default/vm") {
    std::ofstream(folder_ / "a.yaml") << objects;
    std::ofstream(folder_ / "b.yaml") << kNetwork << "kind: Port\nmetadata: {name: other}\n"
                                      << "spec: {network: db, host: h2}\n";
    std::ofstream(folder_ / "lab.yaml") << R"(name: two
sites:
  - {name: a, asn: 1, underlay: 10.1.0.0/24, controller: {name: ca, address: 10.1.0.10},
     hosts: [{name: h1, address: 10.1.0.11}, {name: h3, address: 10.1.0.13}], objects: [a.yaml]}
  - {name: b, asn: 2, underlay: 10.2.0.0/24, controller: {name: cb, address: 10.2.0.10},
     hosts: [{name: h2, address: 10.2.0.11}], objects: [b.yaml]}
gateways:
  - {name: mx, asn: 9, address: 10.3.0.1/24, outside: 203.0.113.1/24, routeTargets: ["1:1"],
     peers: [a]}
outside: {network: 203.0.113.0/24}
workloads:
  - name: vm
    site: a
    host: h1
    port: )" << port << "\n";
    const auto file = readLabFile(folder_ / "lab.yaml");
    EXPECT_TRUE(file) << file.error().text();
    if (!file) return {};
    const auto good = checkObjects(*file);
    return good ? std::string() : good.error().text();
  }
  std::string at(const std::string& place) const { return (folder_ / "lab.yaml").string() + place; }

  static constexpr const char* kNetwork =
      "kind: Network\nmetadata: {name: db}\nspec: {subnets: [{prefix: 10.0.100.0/24}]}\n---\n";
  static constexpr const char* kPeer =
      "kind: Peer\nmetadata: {name: mx}\nspec: {role: gateway, address: 10.3.0.1, asn: 9}\n---\n";
  static std::string port(const std::string& host) {
    return "kind: Port\nmetadata: {name: vm}\nspec: {network: db" + host + "}\n";
  }
  fs::path folder_;
};

TEST_F(ReferencesTest, AWorkloadsPortIsThereAndOnItsHost) {
  const auto all = std::string(kPeer) + kNetwork;
  EXPECT_EQ(check(all + port(", host: h1")), "");
  EXPECT_EQ(check(all + port(", host: h1"), "default/vn"),
            at(":15: workloads[0].port: no Port \"default/vn\" in the objects of site a; is it "
               "\"default/vm\"?"));
  EXPECT_EQ(check(all + port(", host: h1"), "default/other"),
            at(":15: workloads[0].port: no Port \"default/other\" in the objects of site a"));
  EXPECT_EQ(check(all + port("")), at(":15: workloads[0].port: the Port \"default/vm\" (") +
                                       (folder_ / "a.yaml").string() +
                                       ":11) has no spec.host; the workload is on \"h1\"");
  EXPECT_THAT(check(all + port(", host: h3")),
              HasSubstr("is placed on \"h3\"; the workload is on"));
  EXPECT_THAT(check(kPeer), HasSubstr(":15: workloads[0].port: no Port"));
  EXPECT_THAT(check(""), HasSubstr(":15: workloads[0].port: no Port"));
}

TEST_F(ReferencesTest, AGatewayHasAPeer) {
  EXPECT_EQ(
      check(kNetwork + port(", host: h1")),
      at(":9: gateways[0].peers[0]: site a has no Peer object of role gateway with the address "
         "10.3.0.1"));
}

// The files of the main scenario, as they stand in the tree.
class ExampleTest : public testing::TestWithParam<const char*> {};

TEST_P(ExampleTest, IsGoodAsAWhole) {
  const auto file = readLabFile(fs::path(HAWSER_EXAMPLES) / "leonardo" / GetParam());
  ASSERT_TRUE(file) << file.error().text();
  const auto good = checkObjects(*file);
  EXPECT_TRUE(good) << good.error().text();
}

INSTANTIATE_TEST_SUITE_P(Leonardo, ExampleTest, testing::Values("lab.yaml", "lab-link.yaml"));

}  // namespace
}  // namespace hawser::lab
