// What asks the controller and the agent, and the contexts.
#include <sys/stat.h>

#include "context.h"
#include "fixture.h"

namespace hawser::cli {
namespace {

using model::Json;
using model::Kind;

TEST_F(CliTest, RoutesOfOneAndOfAllNetworks) {
  EXPECT_EQ(hawser({"routes"}).out, "no networks in project default\n");
  put("Network", "demo", "db", Json::object());
  answers["GET /api/v1/projects/demo/networks/db/routes"] = Json::parse(
      R"({"network": "demo/db", "routes": [{"prefix": "10.0.100.11/32", "paths": [{"nextHop": "10.1.0.11", "host": "compute1",
          "label": 1000, "encapsulation": "MPLSoUDP", "routeTarget": "64512:8000001", "stale": false}]}]})");
  const std::string table =
      "PREFIX          NEXT HOP   HOST OR SITE  LABEL  ENCAPSULATION  IMPORTED BY    STATE\n"
      "10.0.100.11/32  10.1.0.11  compute1      1000   MPLSoUDP       64512:8000001  fresh\n";
  EXPECT_EQ(hawser({"routes", "db", "--project", "demo"}).out, table);
  EXPECT_EQ(hawser({"routes", "demo/db"}).out, table);
  EXPECT_EQ(hawser({"routes", "--project", "demo"}).out, "demo/db\n" + table);
  EXPECT_EQ(Json::parse(hawser({"routes", "demo/db", "-o", "json"}).out)["routes"].size(), 1U);
  EXPECT_EQ(
      Json::parse(hawser({"routes", "--project", "demo", "-o", "json"}).out)["networks"].size(),
      1U);
  EXPECT_EQ(hawser({"routes", "nope"}).status, kBad);
}

TEST_F(CliTest, BgpAsksWithFilters) {
  answers["GET /api/v1/bgp/peers"] = Json::parse(R"({"peers": []})");
  answers["GET /api/v1/bgp/routes"] = Json::parse(R"({"routes": []})");
  EXPECT_EQ(hawser({"bgp", "peers"}).out, "no BGP peers\n");
  EXPECT_EQ(hawser({"bgp", "routes", "--prefix", "10.0.0.0/8", "--route-target", "64512:1"}).out,
            "no BGP routes\n");
  EXPECT_EQ(lastQuery.at("prefix"), "10.0.0.0/8");
  EXPECT_EQ(lastQuery.at("rt"), "64512:1");
  EXPECT_FALSE(lastQuery.contains("family"));
  EXPECT_EQ(hawser({"bgp"}).err, "hawser: say what: see \"hawser bgp --help\"\n");
  EXPECT_EQ(hawser({"bgp", "pears"}).err,
            "hawser: no command \"hawser bgp pears\"; is it \"hawser bgp peers\"?\n");
}

TEST_F(CliTest, TraceExitStatusTellsTheOutcome) {
  answers["POST /api/v1/trace"] = {
      {"outcome", "reaches"}, {"steps", Json::array()}, {"back", Json::array()}};
  auto done = hawser({"trace", "web", "10.0.0.1", "--port", "80"});
  EXPECT_EQ(done.status, kGood) << done.err;
  EXPECT_EQ(lastBody,
            (Json{{"from", "default/web"}, {"to", "10.0.0.1"}, {"protocol", "tcp"}, {"port", 80}}));
  answers["POST /api/v1/trace"] = {
      {"outcome", "blocked"}, {"blockedBy", "route"}, {"reason", "no route"}};
  done = hawser({"trace", "web", "demo/db", "--protocol", "icmp", "-o", "json"});
  EXPECT_EQ(done.status, kBlocked);
  answers["POST /api/v1/trace"]["outcome"] = "unknown";
  EXPECT_EQ(hawser({"trace", "web", "demo/db", "--protocol", "icmp"}).status, kBad);
  EXPECT_EQ(Json::parse(done.out)["blockedBy"], "route");
  EXPECT_EQ(lastBody["to"], "demo/db");
  EXPECT_EQ(hawser({"trace", "web", "db"}).err, "hawser: --port: is required for tcp\n");
  EXPECT_EQ(hawser({"trace", "web", "db", "--protocol", "quic"}).status, kBad);
  EXPECT_EQ(hawser({"trace", "web", "db", "--port", "70000"}).status, kBad);
  EXPECT_EQ(hawser({"trace", "web"}).status, kBad);
  EXPECT_EQ(hawser({"trace", "web", "192.168.2.300", "--port", "80"}).err,
            "hawser: TO: \"192.168.2.300\" is not an IP address\n");
  EXPECT_EQ(hawser({"trace", "10.0.0.0/24", "web", "--port", "80"}).err,
            "hawser: FROM: \"10.0.0.0/24\" is a prefix; give one address of it\n");
  EXPECT_EQ(hawser({"trace", "web", "db", "--port", "99999"}).err,
            "hawser: --port: \"99999\" is not a number from 0 to 65535\n");
}

TEST_F(CliTest, LinksAreProposedAcceptedWithdrawn) {
  put("Network", "demo", "db", Json::object());
  put("Peer", "", "kubernetes",
      {{"role", "site"}, {"site", "kubernetes"}, {"address", "10.2.0.10"}, {"asn", 64513U}});
  auto done =
      hawser({"link", "propose", "db", "--project", "demo", "--peer", "kubernetes",
              "--remote-network", "default/leonardo", "--name", "db-leonardo", "--wait", "0"});
  EXPECT_EQ(done.status, kGood) << done.err;
  EXPECT_EQ(done.out,
            "links/demo/db-leonardo proposed to kubernetes, which has not answered yet; there: "
            "hawser link accept --network default/leonardo\n");
  const auto proposed = objects->find({Kind::kLink, "demo", "db-leonardo"});
  ASSERT_TRUE(proposed);
  EXPECT_EQ(proposed->spec["network"], "demo/db");
  EXPECT_EQ(proposed->spec["remoteNetwork"], "default/leonardo");
  EXPECT_EQ(proposed->spec["accepted"], true);
  EXPECT_EQ(hawser({"link", "propose", "db", "--peer", "kubernetes", "--project", "demo",
                    "--remote-network", "default/leonardo", "--name", "db-leonardo"})
                .status,
            kBad);
  EXPECT_NE(hawser({"link", "list"}).out.find("db-leonardo"), std::string::npos);
  EXPECT_EQ(hawser({"link", "list", "--project", "default"}).out,
            "no links in project default; 1 in other projects: without --project, all are shown\n");
  EXPECT_EQ(hawser({"link", "withdraw", "db-leonardo"}).out, "links/demo/db-leonardo withdrawn\n");
  EXPECT_FALSE(objects->find({Kind::kLink, "demo", "db-leonardo"}));
  EXPECT_EQ(hawser({"link", "withdraw", "db-leonardo"}).err,
            "hawser: no such Link \"db-leonardo\": there is none\n");

  const Json pending{{"peer", "kubernetes"},
                     {"network", "db"},
                     {"remoteNetwork", "default/a"},
                     {"accepted", false}};
  put("Link", "demo", "kubernetes-a-db", pending, {{"phase", "pending"}});
  auto other = pending;
  other["network"] = "demo/web";
  put("Link", "demo", "kubernetes-a-web", other, {{"phase", "pending"}});
  EXPECT_NE(hawser({"link", "accept"}).err.find("which? there is demo/kubernetes-a-db (pending), "),
            std::string::npos);
  EXPECT_EQ(hawser({"link", "accept", "--network", "demo/db"}).out,
            "links/demo/kubernetes-a-db accepted\n");
  EXPECT_EQ(objects->find({Kind::kLink, "demo", "kubernetes-a-db"})->spec["accepted"], true);
  EXPECT_EQ(hawser({"link", "accept", "kubernetes-a-db"}).out,
            "links/demo/kubernetes-a-db accepted already\n");
  EXPECT_EQ(hawser({"link", "accept", "demo/kubernetes-a-web"}).status, kGood);
  done = hawser({"link", "accept", "--network", "demo/db"});
  EXPECT_EQ(done.out, "links/demo/kubernetes-a-db accepted already\n");
  EXPECT_EQ(done.status, kGood);
  EXPECT_EQ(hawser({"link", "accept", "--network", "demo/other"}).err,
            "hawser: no Link waits for you: there is demo/kubernetes-a-db (pending), "
            "demo/kubernetes-a-web (pending)\n");
}

TEST_F(CliTest, AProposalAwaitsTheOtherSitesWord) {
  put("Network", "demo", "db", Json::object());
  Json status;
  objects->onChange([&](const std::vector<api::Change>& changes) {  // as the exchange would
    const auto& change = changes.front();
    if (change.before || !change.now || change.now->kind != Kind::kLink) return;
    auto object = *change.now;
    object.status = status;
    object.metadata.resourceVersion = 0;
    loop.post([this, object] {
      EXPECT_TRUE(objects->commit({{api::Write::Op::kStatus, object}}, api::Caller::system()));
    });
  });
  const auto propose = [&](const std::string& name, const std::string& peer = "k") {
    return hawser({"link", "propose", "demo/db", "--peer", peer, "--remote-network", "default/x",
                   "--name", name, "--wait", "20"});
  };
  status = {{"phase", "proposed"}, {"answer", "waits"}};
  EXPECT_EQ(propose("a").out,
            "links/demo/a proposed to k; there: hawser link accept --network default/x\n");
  const std::string why = "site k: spec.network: network \"default/x\" does not exist";
  status = {{"phase", "proposed"}, {"answer", "refused"}, {"message", why}};
  const auto refused = propose("b", "l");
  EXPECT_EQ(refused.status, kBad);
  EXPECT_EQ(refused.err, "hawser: links/demo/b: " + why +
                             "; it stays proposed until \"hawser link withdraw b\"\n");
  EXPECT_NE(hawser({"link", "list"}).out.find("site k: spec.network"), std::string::npos);
}

TEST_F(CliTest, AWithdrawnLinkCannotBeAccepted) {
  put("Link", "demo", "l",
      {{"peer", "k"}, {"network", "db"}, {"remoteNetwork", "a/b"}, {"accepted", false}},
      {{"phase", "withdrawn"}});
  const std::string again =
      "hawser: links/demo/l was withdrawn by the other side; to propose it again: hawser link "
      "propose demo/db --peer k --remote-network a/b\n";
  EXPECT_EQ(hawser({"link", "accept", "l"}).err, again);
  EXPECT_EQ(hawser({"link", "accept"}).err, again);
  EXPECT_EQ(objects->find({Kind::kLink, "demo", "l"})->spec["accepted"], false);
}

// What was withdrawn makes room, whoever had proposed it, under whatever name.
TEST_F(CliTest, ToProposeAgainMakesANewLink) {
  put("Network", "demo", "db", Json::object());
  put("Link", "demo", "old",
      {{"peer", "k"},
       {"network", "db"},
       {"remoteNetwork", "a/b"},
       {"accepted", false},
       {"proposedByUs", true},
       {"remotePrefixes", {"10.9.0.0/24"}}},
      {{"phase", "withdrawn"}, {"answer", "refused"}});
  EXPECT_EQ(hawser({"link", "accept", "old"}).status, kBad) << "ours is proposed, not accepted";
  const auto propose = [&](const std::string& more = "--wait") {
    return hawser({"link", "propose", "demo/db", "--peer", "k", "--remote-network", "a/b", more,
                   more == "--wait" ? "0" : "new"});
  };
  const auto done = propose();
  EXPECT_EQ(done.status, kGood) << done.err;
  EXPECT_TRUE(done.out.starts_with("links/demo/old proposed again to k")) << done.out;
  const auto now = objects->find({Kind::kLink, "demo", "old"});
  ASSERT_TRUE(now);
  EXPECT_EQ(now->spec["accepted"], true);
  EXPECT_FALSE(now->spec.contains("remotePrefixes")) << "what they offer now is new";
  EXPECT_FALSE(now->status.contains("answer"));
  // What stands is named, with the way to end it.
  EXPECT_EQ(propose().err,
            "hawser: links/demo/old joins these networks already; to begin anew: hawser link "
            "withdraw demo/old\n");
}

TEST_F(CliTest, TokensPrintTheSecretAlone) {
  answers["POST /api/v1/tokens/issue"] = {
      {"name", "ci"}, {"token", "s3cret"}, {"expires", "2027-01-01T00:00:00Z"}};
  const auto done =
      hawser({"token", "issue", "ci", "--role", "member", "--project", "demo", "--ttl", "24h"});
  EXPECT_EQ(done.out, "s3cret\n");
  EXPECT_EQ(
      done.err,
      "token ci (member of project demo), expires 2027-01-01T00:00:00Z; it is shown this once:\n");
  EXPECT_EQ(lastBody,
            (Json{{"name", "ci"}, {"role", "member"}, {"project", "demo"}, {"ttlSeconds", 86400}}));
  EXPECT_EQ(hawser({"token", "issue", "j", "--host", "n4", "--host-address", "10.2.0.14"}).status,
            kGood);
  EXPECT_EQ(lastBody,
            (Json{{"name", "j"}, {"role", "host"}, {"host", "n4"}, {"hostAddress", "10.2.0.14"}}));
  // A role that is not of a project must not look as if it were.
  lastBody = nullptr;
  EXPECT_EQ(hawser({"token", "issue", "y", "--role", "admin", "--project", "shop"}).err,
            "hawser: --project: a token of role admin is not of one project; member is\n");
  EXPECT_EQ(hawser({"token", "issue", "y", "--project", "shop"}).err,
            "hawser: --project: a token of role reader is not of one project; member is\n");
  EXPECT_EQ(hawser({"token", "issue", "y", "--role", "member"}).err,
            "hawser: --project: is required: whose member?\n");
  EXPECT_TRUE(lastBody.is_null()) << lastBody.dump();
  for (const auto* wrong : {"0h", "x", "5y", "-1h", "99999999d", "1.5h"})
    EXPECT_TRUE(hawser({"token", "issue", "ci", std::string("--ttl=") + wrong})
                    .err.starts_with("hawser: --ttl: "))
        << wrong;
}

TEST_F(CliTest, StatusToleratesWhatIsForbidden) {
  answers["GET /api/v1/whoami"] = {{"name", "admin"}, {"role", "admin"}};
  answers["GET /api/v1/status"] = {{"site", "test"}, {"asn", 64512}};
  EXPECT_NE(hawser({"status"}).out.find("Site:     test, AS 64512\n"), std::string::npos);
  EXPECT_EQ(Json::parse(hawser({"status", "-o", "json"}).out)["status"]["site"], "test");
}

TEST_F(CliTest, WhatAnswersIsNoController) {
  answers["GET /api/v1/networks"] = "hello";
  EXPECT_NE(hawser({"get", "networks", "-A"}).err.find("is it a controller?"), std::string::npos);
}

TEST_F(CliTest, DatapathAsksTheAgent) {
  EXPECT_EQ(hawser({"datapath", "ports"}).err, "hawser: this build cannot talk to an agent\n");
  std::string socket;
  Json asked;
  agent = [&](const std::string& at, const Json& request) -> Result<Json> {
    socket = at;
    asked = request;
    if (at == "/away") return fail(ErrorCode::kUnavailable, "no agent answers at /away");
    return Json{{"connections", Json::array()}, {"total", 0}};
  };
  const auto done =
      hawser({"datapath", "connections", "--port", "default/a", "--socket", "/x.sock"});
  EXPECT_EQ(done.out, "no connections\n");
  EXPECT_EQ(socket, "/x.sock");
  EXPECT_EQ(asked, (Json{{"op", "connections"}, {"port", "default/a"}, {"limit", 1000}}));
  EXPECT_EQ(hawser({"datapath", "--socket", "/y.sock", "vrfs"}).status, kGood);
  EXPECT_EQ(socket, "/y.sock");
  const auto away = hawser({"datapath", "ports", "--socket", "/away"}).err;
  EXPECT_TRUE(
      away.starts_with("hawser: no agent answers at /away; is the agent of this host running?"))
      << away;
  EXPECT_NE(away.find("HAWSER_AGENT_SOCKET"), std::string::npos);
  EXPECT_EQ(hawser({"datapath", "port"}).err,
            "hawser: no command \"hawser datapath port\"; is it \"hawser datapath ports\"?\n");
}

TEST_F(CliTest, ContextsAreSetListedUsedRemoved) {
  variables["HAWSER_CONFIG"] = (folder / "new/config.yaml").string();
  EXPECT_EQ(hawser({"get", "networks"}).err,
            "hawser: " + variables["HAWSER_CONFIG"] +
                " does not exist (from HAWSER_CONFIG); did its lab end?\n");
  EXPECT_EQ(hawser({"get", "networks", "--context", "x"}).err,
            "hawser: " + variables["HAWSER_CONFIG"] +
                " does not exist (from HAWSER_CONFIG); did its lab end?\n");
  const auto given = variables["HAWSER_CONFIG"];
  variables.erase("HAWSER_CONFIG");
  variables["HOME"] = folder.string();
  EXPECT_EQ(hawser({"get", "networks"}).err,
            "hawser: no context yet: make one with \"hawser context set NAME --server "
            "https://ADDRESS:8443 --ca CA.PEM "
            "--token-file FILE\"\n");
  variables["HAWSER_CONFIG"] = given;
  const auto caFile = (folder / "ca.pem").string(), token = (folder / "token").string();
  EXPECT_EQ(
      hawser({"context", "set", "one", "--server", url, "--ca", caFile, "--token-file", token}).out,
      "context one made; it is the current one\n");
  struct stat info{};
  ASSERT_EQ(::stat(variables["HAWSER_CONFIG"].c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(hawser({"get", "networks"}).status, kGood);
  EXPECT_EQ(hawser({"context", "set", "two", "--server", url, "--ca", ca.certificate, "--token",
                    "read", "--project", "demo"})
                .out,
            "context two made\n");
  EXPECT_EQ(hawser({"--context", "two", "get", "networks"}).out, "no networks in project demo\n");
  EXPECT_EQ(hawser({"context", "use", "two"}).out, "context two is the current one\n");
  EXPECT_EQ(hawser({"context", "list"}).out.find("   one"),
            hawser({"context", "list"}).out.find("\n") + 1);
  EXPECT_NE(hawser({"context", "list"}).out.find("*  two"), std::string::npos);
  EXPECT_EQ(hawser({"context", "list", "-o", "json"}).out.find("read"), std::string::npos)
      << "secrets stay";
  variables["HAWSER_CONTEXT"] = "one";
  EXPECT_EQ(hawser({"get", "networks"}).out, "no networks in project default\n");
  variables.erase("HAWSER_CONTEXT");
  EXPECT_EQ(hawser({"context", "use", "tow"}).err, "hawser: no context \"tow\"; is it \"two\"?\n");
  EXPECT_EQ(hawser({"context", "remove", "two"}).out,
            "context two removed; it was the current one\n");
  EXPECT_EQ(hawser({"context", "set", "three", "--ca", caFile}).err,
            "hawser: --server: is required: https://ADDRESS:PORT\n");
  EXPECT_TRUE(hawser({"context", "set", "three", "--server", url, "--ca", "/nowhere"})
                  .err.starts_with("hawser: --ca: "));
}

TEST_F(CliTest, AContextWhoseFilesAreGone) {
  std::filesystem::remove(folder / "token");
  EXPECT_EQ(hawser({"get", "networks"}).err, "hawser: context here: its token " +
                                                 (folder / "token").string() +
                                                 " is gone; did its lab end?\n");
  std::filesystem::remove(folder / "ca.pem");
  EXPECT_EQ(hawser({"get", "networks"}).err, "hawser: context here: its certificate " +
                                                 (folder / "ca.pem").string() +
                                                 " is gone; did its lab end?\n");
  EXPECT_EQ(hawser({"get", "networks", "--ca", "/nowhere"}).err,
            "hawser: --ca: open /nowhere: No such file or directory\n");
}

TEST_F(CliTest, SitesThatDoNotAnswerOrKnowUs) {
  const auto away = hawser({"get", "networks", "--server", "https://127.0.0.1:1"});
  EXPECT_EQ(away.status, kBad);
  EXPECT_NE(away.err.find("https://127.0.0.1:1"), std::string::npos);
  EXPECT_NE(away.err.find("is the controller running"), std::string::npos) << away.err;
  EXPECT_NE(
      hawser({"get", "networks", "--token", "wrong"}).err.find("check the token (context here)"),
      std::string::npos);
  EXPECT_EQ(hawser({"get", "networks", "--server", "http://x"}).err,
            "hawser: --server: \"http://x\" does not begin with https://\n");
  EXPECT_NE(hawser({"--context", "hree", "get", "networks"}).err.find("is it \"here\"?"),
            std::string::npos);
}

TEST_F(CliTest, ConfigFilesThatAreWrong) {
  const auto fails = [&](const std::string& text, const std::string& expected) {
    const auto file = write("config.yaml", text);
    const auto done = hawser({"get", "networks"});
    EXPECT_EQ(done.status, kBad);
    EXPECT_TRUE(done.err.starts_with("hawser: " + file)) << done.err;
    EXPECT_NE(done.err.find(expected), std::string::npos) << done.err;
  };
  fails("contexts: {x: {serverr: a}}", "contexts.x.serverr: is not known; \"server\" is near");
  fails("contexts: {x: {server: 7}}", "contexts.x.server: must be text");
  fails("contexts: [1]", "contexts: must be a map");
  fails("curent: x", "curent: is not known");
  fails("contexts: {x: {", "line ");
  fails("- x", "must be a map");
}

TEST(Config, GoesThereAndBack) {
  const auto config = parseConfig(
      "current: a\ncontexts:\n  a: {server: 'https://x', ca: c, token: t, project: p}\n  b: {}\n");
  ASSERT_TRUE(config) << config.error().text();
  const auto again = parseConfig(model::toYaml(toJson(*config)));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->current, "a");
  EXPECT_EQ(again->contexts.at("a").project, "p");
  EXPECT_EQ(again->contexts.size(), 2U);
  EXPECT_TRUE(parseConfig("")->contexts.empty());
  EXPECT_TRUE(parseConfig("contexts:\n")->contexts.empty());
}

}  // namespace
}  // namespace hawser::cli
