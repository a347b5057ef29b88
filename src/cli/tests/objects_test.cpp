// apply, get, delete, describe, watch, explain against a real API.
#include <signal.h>

#include "fixture.h"

namespace hawser::cli {
namespace {

using model::Json;
using model::Kind;

constexpr const char* kTwoNetworks =
    "kind: Network\nmetadata: {name: a}\nspec: {subnets: [{prefix: 10.0.0.0/24}]}\n"
    "---\n"
    "kind: Network\nmetadata: {name: b, project: demo, labels: {tier: db}}\n"
    "spec: {subnets: [{prefix: 10.1.0.0/24}]}\n";

TEST_F(CliTest, ApplyTellsALineAnObject) {
  const auto file = write("nets.yaml", kTwoNetworks);
  auto done = hawser({"apply", "-f", file, "--dry-run"});
  EXPECT_EQ(done.out, "networks/default/a created (dry run)\nnetworks/demo/b created (dry run)\n")
      << done.err;
  EXPECT_EQ(done.status, kGood);
  EXPECT_EQ(hawser({"get", "networks", "-A"}).out, "no networks in any project\n");

  EXPECT_EQ(hawser({"apply", "-f", file}).out,
            "networks/default/a created\nnetworks/demo/b created\n");
  EXPECT_EQ(hawser({"apply", "-f", "-"}, kTwoNetworks).out,
            "networks/default/a unchanged\nnetworks/demo/b unchanged\n");
  EXPECT_EQ(hawser({"apply", "-f", file, "-o", "name"}).out,
            "networks/default/a\nnetworks/demo/b\n");
  const auto json = Json::parse(hawser({"apply", "-f", file, "-o", "json"}).out);
  EXPECT_EQ(json["results"][1]["object"], "networks/demo/b");
  EXPECT_EQ(json["results"][1]["result"], "unchanged");
}

TEST_F(CliTest, ApplyReadsFoldersInOrderAndProjectFromTheFlag) {
  std::filesystem::create_directory(folder / "objects");
  write("objects/2.json", R"({"kind": "Network", "metadata": {"name": "two"}, "spec": {}})");
  write("objects/1.yml", "kind: Network\nmetadata: {name: one}\nspec: {}\n");
  write("objects/readme.txt", "not for us");
  EXPECT_EQ(hawser({"apply", "-f", (folder / "objects").string(), "--project", "demo"}).out,
            "networks/demo/one created\nnetworks/demo/two created\n");
}

TEST_F(CliTest, WhatGetPrintsApplyTakes) {
  ASSERT_EQ(hawser({"apply", "-f", "-"}, kTwoNetworks).status, kGood);
  for (const auto* format : {"yaml", "json"}) {
    EXPECT_EQ(hawser({"apply", "-f", "-"}, hawser({"get", "network", "a", "-o", format}).out).out,
              "networks/default/a unchanged\n");
    EXPECT_EQ(hawser({"apply", "-f", "-"}, hawser({"get", "networks", "-A", "-o", format}).out).out,
              "networks/default/a unchanged\nnetworks/demo/b unchanged\n");
  }
}

TEST_F(CliTest, ApplyIsAllOrNothingAndNamesThePlace) {
  const auto fails = [&](const std::string& text, const std::string& expected) {
    const auto file = write("bad.yaml", text);
    const auto done = hawser({"apply", "-f", file});
    EXPECT_EQ(done.status, kBad);
    EXPECT_EQ(done.out, "");
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
    EXPECT_TRUE(done.err.starts_with("hawser: " + file + expected)) << done.err;
    EXPECT_TRUE(objects->find({Kind::kNetwork, "default", "a"}) == nullptr);
  };
  fails("kind: Network\nmetadata: {name: a\n", ": line ");
  fails("kind: Network\nmetadata: {name: a}\nspec:\n  subnet: []\n",
        ":4 (Network a): spec.subnet: ");
  fails("# x\n\nkind: Netwrk\nmetadata: {name: a}\n", ":3 (Netwrk a): kind");
  fails("kind: NetworkList\nitems:\n  - kind: Network\n    metadata: {name: a}\n    spec: {x: 1}\n",
        ":5 (Network a): spec.x: ");
  fails("", ": holds no objects");
  // Good for us, not for the site: the second document is named.
  fails(
      "kind: Network\nmetadata: {name: a}\nspec: {}\n---\nkind: Network\nmetadata: {name: "
      "forbidden}\nspec: {}\n",
      ":6: networks/default/forbidden metadata.name: not this one");
  fails(
      "kind: Network\nmetadata: {name: a}\nspec: {}\n---\nkind: Network\nmetadata: {name: "
      "a}\nspec: {}\n",
      ":5: networks/default/a: ");
  const auto missing = hawser({"apply", "-f", "/nowhere/x.yaml"});
  EXPECT_EQ(missing.status, kBad);
  EXPECT_EQ(missing.err, "hawser: open /nowhere/x.yaml: No such file or directory\n");
}

TEST_F(CliTest, GetTablesNamesAndSelections) {
  EXPECT_EQ(hawser({"get", "networks"}).out, "no networks in project default\n");
  ASSERT_EQ(hawser({"apply", "-f", "-"}, kTwoNetworks).status, kGood);
  EXPECT_EQ(hawser({"get", "net"}).out,
            "NAME  SUBNETS      KIND    ROUTE TARGETS\na     10.0.0.0/24  tenant  -\n");
  EXPECT_EQ(
      hawser({"get", "networks", "-A", "-l", "tier=db"}).out,
      "PROJECT  NAME  SUBNETS      KIND    ROUTE TARGETS\ndemo     b     10.1.0.0/24  tenant  -\n");
  EXPECT_EQ(hawser({"get", "networks", "-l", "tier=web"}).out,
            "no networks in project default with tier=web\n");
  EXPECT_EQ(hawser({"get", "networks", "-A", "-o", "name"}).out,
            "networks/default/a\nnetworks/demo/b\n");
  EXPECT_EQ(hawser({"--project", "demo", "get", "networks/b", "-o", "name"}).out,
            "networks/demo/b\n");
  EXPECT_EQ(hawser({"get", "network", "demo/b", "-o", "name"}).out, "networks/demo/b\n");
  const auto json = Json::parse(hawser({"get", "networks", "-o", "json"}).out);
  EXPECT_EQ(json["kind"], "NetworkList");
  EXPECT_EQ(json["items"].size(), 1U);
  EXPECT_EQ(Json::parse(hawser({"get", "network", "a", "-o", "json"}).out)["metadata"]["name"],
            "a");
}

TEST_F(CliTest, NothingThereSaysWhereThereIsSome) {
  put("Network", "demo", "b", Json::object());
  EXPECT_EQ(hawser({"get", "networks"}).out,
            "no networks in project default; 1 in other projects: -A shows all\n");
  EXPECT_EQ(hawser({"get", "networks", "-l", "a=b"}).out,
            "no networks in project default with a=b\n");
  for (const auto* kind : {"ports", "networks"}) {
    const auto done = hawser({"get", kind, "--project", "nope"});
    EXPECT_EQ(done.status, kBad);
    EXPECT_EQ(done.err, "hawser: project \"nope\" does not exist\n");
    EXPECT_EQ(done.out, "");
  }
  EXPECT_EQ(hawser({"get", "ports", "--project", "dmo", "-o", "json"}).err,
            "hawser: project \"dmo\" does not exist; is it \"demo\"?\n");
  EXPECT_EQ(hawser({"watch", "ports", "--project", "nope"}).status, kBad);
  EXPECT_EQ(hawser({"routes", "--project", "nope"}).status, kBad);
}

TEST_F(CliTest, GetErrorsAreOneLine) {
  EXPECT_EQ(hawser({"explain", "nett"}).err,
            "hawser: \"nett\" is not a kind; did you mean \"Network\"?\n");
  EXPECT_EQ(hawser({"get", "secur"}).err,
            "hawser: \"secur\" is not a kind; did you mean \"SecurityGroup\"?\n");
  for (const auto* none : {"nope", "all"})
    EXPECT_NE(hawser({"get", none}).err.find(" is not a kind; there are Site, Host, "),
              std::string::npos);

  EXPECT_EQ(hawser({"get", "network", "zz"}).err, "hawser: networks/default/zz does not exist\n");
  const auto kind = hawser({"get", "netwoks"});
  EXPECT_EQ(kind.status, kBad);
  EXPECT_NE(kind.err.find("Network"), std::string::npos) << kind.err;
  EXPECT_EQ(hawser({"get", "networks", "-o", "xml"}).err,
            "hawser: -o: \"xml\" is not table, wide, json, yaml or name\n");
  EXPECT_EQ(hawser({"get", "networks", "a", "-A"}).status, kBad);
}

// Names of commands are good names for networks and kinds.
TEST_F(CliTest, ArgumentsThatLookLikeCommands) {
  put("Network", "default", "status", Json::object());
  EXPECT_EQ(hawser({"get", "network", "status", "-o", "name"}).out, "networks/default/status\n");
  EXPECT_EQ(hawser({"get", "link"}).out, "no links in project default\n");
  EXPECT_EQ(hawser({"get", "token", "-o", "name"}).out, "tokens/admin\ntokens/reader\n");
}

TEST_F(CliTest, DeleteByNameAndByFile) {
  const auto file =
      write("nets.yaml", std::string(kTwoNetworks) +
                             "---\nkind: Port\nmetadata: {name: p}\nspec: {network: a}\n");
  ASSERT_EQ(hawser({"apply", "-f", file}).status, kGood);
  EXPECT_EQ(hawser({"delete", "network", "a"}).err,
            "hawser: networks/default/a: port p still uses it\n");
  // Users go before what they use.
  EXPECT_EQ(hawser({"delete", "-f", file}).out,
            "ports/default/p deleted\nnetworks/default/a deleted\nnetworks/demo/b deleted\n");
  EXPECT_EQ(hawser({"delete", "network", "a"}).status, kBad);
  EXPECT_EQ(hawser({"delete", "network", "a", "--ignore-missing"}).status, kGood);
  EXPECT_EQ(hawser({"delete", "network"}).status, kBad);
  EXPECT_EQ(hawser({"delete"}).status, kBad);

  // All or none, and the place in the file of what is in the way.
  ASSERT_EQ(hawser({"apply", "-f", file}).status, kGood);
  const auto some = hawser({"delete", "network", "nope", "demo/b"});
  EXPECT_EQ(some.status, kBad);
  EXPECT_EQ(some.out, "");
  EXPECT_EQ(some.err, "hawser: networks/default/nope does not exist; nothing is deleted\n");
  EXPECT_EQ(hawser({"delete", "network", "nope", "demo/b", "--ignore-missing"}).out,
            "networks/demo/b deleted\n");
  const auto gone = hawser({"delete", "-f", file});
  EXPECT_EQ(gone.err,
            "hawser: " + file + ":5: networks/demo/b does not exist; nothing is deleted\n");
  EXPECT_TRUE(objects->find({Kind::kPort, "default", "p"})) << "none";
  const auto networks = write("only.yaml", kTwoNetworks);
  put("Network", "demo", "b", Json::object());
  EXPECT_EQ(
      hawser({"delete", "-f", networks}).err,
      "hawser: " + networks + ":1: networks/default/a: port p still uses it; nothing is deleted\n");
  EXPECT_TRUE(objects->find({Kind::kNetwork, "demo", "b"})) << "none";
  const auto json = Json::parse(hawser({"delete", "-f", file, "-o", "json"}).out);
  EXPECT_EQ(json["results"].size(), 3U);
  EXPECT_EQ(json["results"][0], (Json{{"object", "ports/default/p"}, {"result", "deleted"}}));
}

TEST_F(CliTest, DescribeShowsWhatBelongsTogether) {
  put("Network", "default", "app", {{"subnets", {{{"prefix", "10.1.0.0/24"}}}}});
  put("Network", "demo", "app", {{"subnets", {{{"prefix", "10.9.0.0/24"}}}}});
  put("Host", "", "node1", {{"address", "10.2.0.11"}});
  put("SecurityGroup", "default", "web", {{"rules", {{{"direction", "ingress"}}}}});
  put("Port", "default", "p1", {{"network", "app"}, {"host", "node1"}, {"securityGroups", {"web"}}},
      {{"addresses", {"10.1.0.5"}}, {"phase", "up"}});
  put("Port", "demo", "other", {{"network", "app"}});
  put("Service", "default", "vip",
      {{"network", "app"},
       {"addresses", {"10.1.0.100"}},
       {"ports", {{{"port", 80}}}},
       {"backends", {{{"port", "p1"}}}}});
  const auto port = hawser({"describe", "port", "p1"}).out;
  for (const auto* part :
       {"Name:     p1\n", "Spec:\n", "Status:\n", "Network:\n", "10.1.0.0/24", "Host:\n",
        "10.2.0.11", "Backend of services:\n", "vip", "Rules by security groups:\n"})
    EXPECT_NE(port.find(part), std::string::npos) << part << "\n" << port;
  EXPECT_EQ(port.find("10.9.0.0"), std::string::npos) << "another tenant's network\n" << port;

  const auto network = hawser({"describe", "network/app"}).out;
  EXPECT_NE(network.find("p1"), std::string::npos);
  EXPECT_NE(network.find("vip"), std::string::npos);
  EXPECT_EQ(network.find("other"), std::string::npos) << network;
  EXPECT_NE(hawser({"describe", "service", "vip"})
                .out.find("default/p1  yes    1       10.1.0.5   node1  up"),
            std::string::npos);
  const auto json = Json::parse(hawser({"describe", "port", "p1", "-o", "json"}).out);
  EXPECT_EQ(json["object"]["metadata"]["name"], "p1");
  EXPECT_EQ(json["around"]["hosts"].size(), 1U);
  EXPECT_EQ(hawser({"describe", "port"}).status, kBad);
  EXPECT_EQ(hawser({"describe", "port", "zz"}).err, "hawser: ports/default/zz does not exist\n");
}

TEST_F(CliTest, DescribeAPeerWithItsSession) {
  put("Peer", "", "mx1", {{"role", "gateway"}, {"address", "10.3.0.1"}, {"asn", 64999U}});
  answers["GET /api/v1/bgp/peers"] = Json::parse(
      R"({"peers": [{"name": "mx1", "state": "Established", "since": 61, "lastError": "hold timer expired",
                     "routes": {"accepted": 1, "advertised": 3, "droppedTarget": 5}}]})");
  const auto out = hawser({"describe", "peer", "mx1"}).out;
  EXPECT_NE(out.find("State:          Established for 1m01s\n"), std::string::npos) << out;
  EXPECT_NE(out.find("5 by route target"), std::string::npos) << out;
  EXPECT_NE(out.find("Last error:     hold timer expired\n"), std::string::npos) << out;
}

// The controller names a host's session "host:NAME"; a Peer may have the host's name.
TEST_F(CliTest, DescribeAHostWithItsSession) {
  put("Host", "", "node1", {{"address", "10.2.0.11"}});
  answers["GET /api/v1/bgp/peers"] = Json::parse(
      R"({"peers": [{"name": "node1", "state": "Idle"},
                    {"name": "host:node1", "role": "host", "state": "Established", "since": 61}]})");
  const auto out = hawser({"describe", "host", "node1"}).out;
  EXPECT_NE(out.find("Established for 1m01s\n"), std::string::npos) << out;
}

TEST_F(CliTest, WatchTellsWhatIsThereAndWhatChanges) {
  put("Network", "default", "a", Json::object());
  put("Network", "demo", "b", Json::object());
  EXPECT_EQ(hawser({"watch", "networks", "--count", "1", "-o", "name"}).out,
            "ADDED networks/default/a\n");
  const auto lines = hawser({"watch", "networks", "-A", "--count", "2", "-o", "json"}).out;
  const auto first = Json::parse(lines.substr(0, lines.find('\n')));
  EXPECT_EQ(first["type"], "ADDED");
  EXPECT_EQ(hawser({"watch", "networks", "--count", "1"}).out,
            "EVENT     NAME  SUBNETS  KIND    ROUTE TARGETS\nADDED     a     -        tenant  -\n");
  EXPECT_EQ(hawser({"watch", "netwoks"}).status, kBad);
}

// Acts when a line passes.
class Listener final : public std::stringbuf {
 public:
  explicit Listener(std::function<void(const std::string&)> onFlush)
      : onFlush_(std::move(onFlush)) {}
  int sync() override {
    onFlush_(str());
    return std::stringbuf::sync();
  }

 private:
  std::function<void(const std::string&)> onFlush_;
};

TEST_F(CliTest, WatchFollowsUntilInterrupted) {
  put("Network", "default", "a", Json::object());
  int step = 0;
  Listener buffer([&](const std::string& text) {
    if (step == 0 && text.find("ADDED networks/default/a") != std::string::npos) {
      ++step;
      loop.post([this] {
        auto changed =
            model::parseObject(
                {{"kind", "Network"},
                 {"metadata", {{"name", "a"}, {"project", "default"}, {"labels", {{"x", "y"}}}}}})
                .value();
        EXPECT_TRUE(objects->commit({{api::Write::Op::kApply, changed}}, api::Caller::system()));
        EXPECT_TRUE(objects->commit({{api::Write::Op::kDelete, changed}}, api::Caller::system()));
      });
    }
    if (step == 1 && text.find("DELETED") != std::string::npos) {
      ++step;
      ::kill(::getpid(), SIGINT);
    }
  });
  std::ostream out(&buffer);
  std::istringstream in;
  std::ostringstream err;
  Environment environment{in, out, err, [this](const std::string& name) { return variables[name]; },
                          {}, {}};
  EXPECT_EQ(run({"get", "networks", "-w", "-o", "name"}, environment), kGood);
  EXPECT_EQ(buffer.str(),
            "ADDED networks/default/a\nMODIFIED networks/default/a\nDELETED networks/default/a\n");
  EXPECT_EQ(err.str(), "");
}

TEST_F(CliTest, ExplainNeedsNoSite) {
  variables["HAWSER_CONFIG"] = (folder / "none.yaml").string();
  EXPECT_NE(hawser({"explain", "network"}).out.find("subnets"), std::string::npos);
  EXPECT_NE(hawser({"explain"}).out.find("securitygroups"), std::string::npos);
  EXPECT_EQ(hawser({"explain", "banana"}).status, kBad);
  const auto subnets = hawser({"explain", "network.spec.subnets"}).out;
  EXPECT_NE(subnets.find("gateway"), std::string::npos) << subnets;
  EXPECT_EQ(subnets.find("routeTargets"), std::string::npos) << subnets;
  EXPECT_NE(hawser({"explain", "networks.subnets.prefix"}).out.find("prefix  <"),
            std::string::npos);
  EXPECT_EQ(hawser({"explain", "network.spec.subnet"}).err,
            "hawser: Network has no field spec.subnet; is it \"subnets\"?\n");
  EXPECT_EQ(hawser({"explain", "network.status"}).status, kBad);
  const auto json = Json::parse(hawser({"explain", "network", "-o", "json"}).out);
  EXPECT_TRUE(json["properties"].contains("spec")) << json.dump(1);
  EXPECT_GT(Json::parse(hawser({"explain", "-o", "json"}).out)["kinds"].size(), 10U);
}

}  // namespace
}  // namespace hawser::cli
