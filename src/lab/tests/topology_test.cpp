#include "topology/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "topology/images.h"

namespace hawser::lab {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

Json valid() {
  return Json::parse(R"({
    "name": "two", "transit": {"mtu": 1600},
    "sites": [
      {"name": "a", "asn": 64512, "underlay": "10.1.0.0/24",
       "controller": {"name": "ctl-a", "address": "10.1.0.10"},
       "hosts": [{"name": "a1", "address": "10.1.0.11"}, {"name": "a2", "address": "10.1.0.12"}],
       "objects": ["objects/a.yaml"]},
      {"name": "b", "asn": 64513, "underlay": "10.2.0.0/24",
       "controller": {"name": "ctl-b", "address": "10.2.0.10"},
       "hosts": [{"name": "b1", "address": "10.2.0.11"}],
       "kube": {"manifests": ["."], "images": "images.yaml", "publicNetwork": "default/Public"}}],
    "gateways": [{"name": "mx1", "asn": 64999, "address": "10.3.0.1/24", "outside": "203.0.113.1/24",
                  "peers": ["b"], "routeTargets": ["64513:100"]}],
    "outside": {"network": "203.0.113.0/24", "router": "203.0.113.254",
                "hosts": [{"name": "client", "address": "203.0.113.100",
                           "routes": [{"to": "185.22.97.188/32", "via": ["203.0.113.1"]}]}]},
    "workloads": [{"name": "w1", "site": "a", "host": "a1", "port": "demo/w1",
                   "env": {"PORT": 80, "NAME": "x"}}],
    "expose": [{"name": "web", "from": "client", "address": "185.22.97.188", "port": 80}]
  })");
}

Result<Topology> read(const Json& json) {
  auto topology = parseTopology(json, "/base");
  if (!topology) return topology;
  if (auto good = checkTopology(*topology); !good) return std::unexpected(good.error());
  return topology;
}

TEST(Topology, ReadsAllFields) {
  const auto topology = read(valid());
  ASSERT_TRUE(topology) << topology.error().text();
  EXPECT_EQ(topology->name, "two");
  EXPECT_EQ(topology->mtu, 1600U);
  ASSERT_EQ(topology->sites.size(), 2U);
  EXPECT_EQ(topology->sites[0].objects, std::vector<std::string>{"/base/objects/a.yaml"});
  EXPECT_EQ(topology->sites[0].hosts[1].address.text(), "10.1.0.12");
  ASSERT_TRUE(topology->sites[1].kube);
  EXPECT_EQ(topology->sites[1].kube->images, "/base/images.yaml");
  EXPECT_EQ(topology->sites[1].kube->podCidr.text(), "10.10.0.0/16");
  EXPECT_EQ(topology->gateways[0].tunnels, std::vector<std::string>{"b"});
  EXPECT_EQ(topology->gateways[0].rd, "64999:1");
  EXPECT_EQ(topology->workloads[0].environment.at("PORT"), "80");
  EXPECT_EQ(topology->workloads[0].hostname, "w1");
  EXPECT_EQ(topology->exposes[0].port, 80);
  EXPECT_EQ(transitAddress(topology->sites[0].underlay).text(), "10.1.0.254");
}

struct Wrong {
  std::string change;  // a JSON patch (RFC 6902) operation
  std::string field, message;
};

class TopologyWrong : public testing::TestWithParam<Wrong> {};

TEST_P(TopologyWrong, NamesThePlace) {
  const auto json = valid().patch(Json::parse("[" + GetParam().change + "]"));
  const auto topology = read(json);
  ASSERT_FALSE(topology) << GetParam().change;
  EXPECT_EQ(topology.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(topology.error().field, GetParam().field);
  EXPECT_THAT(topology.error().message, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, TopologyWrong,
    testing::Values(
        Wrong{R"({"op":"add","path":"/sites/0/hots","value":[]})", "sites[0].hots",
              "is it \"hosts\"?"},
        Wrong{R"({"op":"add","path":"/zzzzzz","value":1})", "zzzzzz", "unknown field"},
        Wrong{R"({"op":"remove","path":"/name"})", "name", "is required"},
        Wrong{R"({"op":"replace","path":"/name","value":"Two_"})", "name", "is not a name"},
        Wrong{R"({"op":"replace","path":"/sites","value":[]})", "sites", "no site"},
        Wrong{R"({"op":"replace","path":"/sites","value":{}})", "sites", "is not a list"},
        Wrong{R"({"op":"replace","path":"/sites/0","value":7})", "sites[0]", "not a map"},
        Wrong{R"({"op":"remove","path":"/sites/0/controller"})", "sites[0].controller",
              "is required"},
        Wrong{R"({"op":"replace","path":"/sites/0/asn","value":0})", "sites[0].asn", "1 to"},
        Wrong{R"({"op":"replace","path":"/sites/1/asn","value":64512})", "sites[1].asn",
              "also that of sites[0].asn"},
        Wrong{R"({"op":"replace","path":"/sites/1/name","value":"a"})", "sites[1].name",
              "also that of sites[0].name"},
        Wrong{R"({"op":"replace","path":"/sites/1/underlay","value":"10.1.0.0/16"})",
              "sites[1].underlay", "overlaps 10.1.0.0/24 of sites[0].underlay"},
        Wrong{R"({"op":"replace","path":"/sites/1/underlay","value":"10.2.0.1/24"})",
              "sites[1].underlay", ""},
        Wrong{R"({"op":"replace","path":"/sites/0/underlay","value":"10.1.0.0"})",
              "sites[0].underlay", "has no length"},
        Wrong{R"({"op":"replace","path":"/sites/0/hosts/0/address","value":"10.2.0.11"})",
              "sites[0].hosts[0].address", "is not inside 10.1.0.0/24"},
        Wrong{R"({"op":"replace","path":"/sites/0/hosts/0/address","value":"10.1.0.254"})",
              "sites[0].hosts[0].address", "router's"},
        Wrong{R"({"op":"replace","path":"/sites/0/hosts/0/address","value":"10.1.0.255"})",
              "sites[0].hosts[0].address", "broadcast"},
        Wrong{R"({"op":"replace","path":"/sites/0/hosts/0/address","value":"10.1.0.10"})",
              "sites[0].hosts[0].address", "also that of sites[0].controller.address"},
        Wrong{R"({"op":"replace","path":"/sites/0/hosts/0/address","value":"10.1.0.010"})",
              "sites[0].hosts[0].address", ""},
        Wrong{R"({"op":"replace","path":"/sites/0/hosts/0/name","value":"b1"})",
              "sites[1].hosts[0].name", "also that of sites[0].hosts[0].name"},
        Wrong{R"({"op":"replace","path":"/sites/0/hosts/0/name","value":"transit"})",
              "sites[0].hosts[0].name", "the lab itself"},
        Wrong{R"({"op":"replace","path":"/sites/1/hosts","value":[]})", "sites[1].kube",
              "no hosts"},
        Wrong{R"({"op":"add","path":"/sites/1/kube/podCidr","value":"10.254.0.0/17"})",
              "sites[1].kube.serviceCidr", "overlaps"},
        Wrong{R"({"op":"replace","path":"/gateways/0/peers/0","value":"c"})",
              "gateways[0].peers[0]", "no site \"c\""},
        Wrong{R"({"op":"replace","path":"/gateways/0/routeTargets/0","value":"x"})",
              "gateways[0].routeTargets[0]", ""},
        Wrong{R"({"op":"replace","path":"/gateways/0/asn","value":64512})", "gateways[0].asn",
              "also that of sites[0].asn"},
        Wrong{R"({"op":"replace","path":"/gateways/0/outside","value":"198.51.100.1/24"})",
              "gateways[0].outside", "is not an address of 203.0.113.0/24"},
        Wrong{R"({"op":"replace","path":"/gateways/0/address","value":"10.2.0.1/24"})",
              "gateways[0].address", "overlaps"},
        Wrong{R"({"op":"remove","path":"/outside"})", "gateways[0].outside", "no outside"},
        Wrong{R"({"op":"replace","path":"/outside/hosts/0/routes/0/via/0","value":"10.0.0.1"})",
              "outside.hosts[0].routes[0].via[0]", "is not inside"},
        Wrong{R"({"op":"replace","path":"/workloads/0/host","value":"a9"})", "workloads[0].host",
              "no host \"a9\" in site a"},
        Wrong{R"({"op":"replace","path":"/workloads/0/site","value":"c"})", "workloads[0].site",
              "no site \"c\""},
        Wrong{R"({"op":"replace","path":"/workloads/0/port","value":"w1"})", "workloads[0].port",
              "is not PROJECT/NAME"},
        Wrong{R"({"op":"replace","path":"/workloads/0/env","value":{"A":[1]}})",
              "workloads[0].env.A", "neither text"},
        Wrong{R"({"op":"add","path":"/workloads/0/image","value":"nginx"})", "workloads[0].images",
              "is required"},
        Wrong{R"({"op":"replace","path":"/expose/0/from","value":"clinet"})", "expose[0].from",
              "is it \"client\"?"}));

TEST(Overlay, MergesByNameAndReplacesTheRest) {
  const auto base = Json::parse(
      R"({"a": {"x": 1, "y": 2}, "l": [{"name": "p", "v": [1], "k": 1}, {"name": "q"}], "s": [1, 2]})");
  const auto over =
      Json::parse(R"({"a": {"y": 3}, "l": [{"name": "p", "v": [2]}, {"name": "r"}], "s": [9]})");
  EXPECT_EQ(
      overlay(base, over),
      Json::parse(
          R"({"a": {"x": 1, "y": 3}, "l": [{"name": "p", "v": [2], "k": 1}, {"name": "q"}, {"name": "r"}], "s": [9]})"));
}

class LabFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("hawser-lab-file-" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "objects");
    write("objects/a.yaml", "");
    write("images.yaml", "images:\n  nginx:\n    bind: {web: /web}\n    command: [/web/run]\n");
    write("lab.yaml", model::toYaml(valid()));
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  std::string mistake(const std::string& name) {
    const auto read = readLabFile(folder_ / name);
    return read ? "none" : read.error().text();
  }
  fs::path folder_;
};

TEST_F(LabFileTest, ReadsAndExtends) {
  write("more.yaml",
        "extends: lab.yaml\nname: more\nsites:\n  - name: a\n    hosts:\n      - {name: a3, "
        "address: 10.1.0.13}\n");
  const auto file = readLabFile(folder_ / "more.yaml");
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->topology.name, "more");
  EXPECT_EQ(file->topology.sites[0].hosts.size(), 3U);
  EXPECT_FALSE(file->json.contains("extends"));
}

TEST_F(LabFileTest, MistakesHaveFileAndLine) {
  auto json = valid();
  json["workloads"][0]["host"] = "a9";
  write("bad.yaml", model::toYaml(json));
  EXPECT_THAT(mistake("bad.yaml"),
              testing::MatchesRegex(".*bad\\.yaml:[0-9]+: workloads\\[0\\]\\.host: no host.*"));
  write("text.yaml", "name: [");
  EXPECT_THAT(mistake("text.yaml"), HasSubstr("text.yaml: line"));
  EXPECT_THAT(mistake("absent.yaml"), HasSubstr("absent.yaml"));
  write("circle.yaml", "extends: circle.yaml\n");
  EXPECT_THAT(mistake("circle.yaml"), HasSubstr("circle"));
  write("far.yaml", "extends: ../lab.yaml\n");
  EXPECT_THAT(mistake("far.yaml"), HasSubstr("same folder"));
  write("two.yaml", "a: 1\n---\nb: 2\n");
  EXPECT_THAT(mistake("two.yaml"), HasSubstr("one document"));
}

TEST_F(LabFileTest, FilesItNamesMustExist) {
  fs::remove(folder_ / "objects" / "a.yaml");
  EXPECT_THAT(mistake("lab.yaml"), HasSubstr("sites[0].objects[0]: there is no file"));
  write("objects/a.yaml", "");
  auto json = valid();
  json["workloads"][0]["image"] = "ngins";
  json["workloads"][0]["images"] = "images.yaml";
  write("image.yaml", model::toYaml(json));
  EXPECT_THAT(mistake("image.yaml"), HasSubstr("is it \"nginx\"?"));
  write("images.yaml", "images:\n  nginx:\n    comand: [x]\n");
  EXPECT_THAT(mistake("lab.yaml"), HasSubstr("images.nginx"));
}

TEST_F(LabFileTest, ImagesBindRelativeToTheirFile) {
  const auto images = readImages(folder_ / "images.yaml");
  ASSERT_TRUE(images) << images.error().text();
  EXPECT_EQ(images->at("nginx").bind.at((folder_ / "web").string()), "/web");
}

}  // namespace
}  // namespace hawser::lab
