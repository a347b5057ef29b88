#include "views/columns.h"

#include <gtest/gtest.h>

namespace hawser::cli {
namespace {

using model::Json;
using model::Kind;

Json parse(const char* text) { return Json::parse(text); }

TEST(Columns, PathsLeadToValuesOrNothing) {
  const auto json = parse(R"({"spec": {"a": {"b": 7}, "list": ["x"]}, "flag": false})");
  EXPECT_EQ(textAt(json, "spec.a.b"), "7");
  EXPECT_EQ(textAt(json, "spec.a.c"), "");
  EXPECT_EQ(textAt(json, "spec.list.x"), "");
  EXPECT_EQ(textAt(json, "flag"), "no");
  EXPECT_EQ(textAt(json, "spec.list"), "x");
  EXPECT_TRUE(at(Json(), "a.b").is_null());
}

TEST(Columns, LongListsAreShortened) {
  EXPECT_EQ(joined(parse(R"(["a","b","c"])")), "a, b, c");
  EXPECT_EQ(joined(parse(R"(["a","b","c","d","e"])")), "a, b, c, +2");
  EXPECT_EQ(joinedFields(parse(R"([{"p":"1"},{"p":"2"}])"), "p"), "1, 2");
  EXPECT_EQ(joined(Json()), "");
}

TEST(Columns, EveryKindHasColumns) {
  for (const auto& info : model::kinds()) {
    EXPECT_FALSE(columnsOf(info.kind).empty()) << info.name;
    const auto titles = titlesOf(info.kind, {true, true});
    EXPECT_EQ(titles.size(), rowOf(info.kind, Json::object(), {true, true}).size()) << info.name;
    EXPECT_EQ(titles.front(), info.projectScoped ? "PROJECT" : "NAME");
  }
}

TEST(Columns, Networks) {
  const auto items = parse(R"([
    {"metadata": {"name": "db", "project": "demo"}, "status": {"id": 3, "autoRouteTarget": "64512:8000003"},
     "spec": {"subnets": [{"prefix": "10.0.100.0/24"}], "routeTargets": {"both": ["64512:500"], "import": ["64512:7"]}}},
    {"metadata": {"name": "Public", "project": "default"},
     "spec": {"subnets": [{"prefix": "185.22.97.0/24"}], "external": true}}])");
  EXPECT_EQ(render(objectTable(Kind::kNetwork, items, {false, true})),
            "PROJECT  NAME    SUBNETS         KIND      ROUTE TARGETS\n"
            "default  Public  185.22.97.0/24  external  -\n"
            "demo     db      10.0.100.0/24   tenant    64512:8000003, 64512:500, ←64512:7\n");
}

TEST(Columns, Ports) {
  const auto items = parse(R"([
    {"metadata": {"name": "web-2", "project": "default", "labels": {"tier": "front"}},
     "spec": {"network": "nginx", "addresses": ["10.1.0.9"]}},
    {"metadata": {"name": "web-1", "project": "default", "owner": "kube/k"},
     "spec": {"network": "nginx", "host": "node1", "workload": {"kind": "pod", "namespace": "default", "name": "web-1"}},
     "status": {"addresses": ["10.1.0.5"], "mac": "02:00:00:00:00:01", "phase": "up"}}])");
  EXPECT_EQ(render(objectTable(Kind::kPort, items, {})),
            "NAME   NETWORK  ADDRESSES  HOST   PHASE    WORKLOAD\n"
            "web-1  nginx    10.1.0.5   node1  up       pod default/web-1\n"
            "web-2  nginx    10.1.0.9   -      pending  -\n");
  const auto wide = render(objectTable(Kind::kPort, items, {true, false}), kNoLimit);
  EXPECT_NE(wide.find("02:00:00:00:00:01"), std::string::npos);
  EXPECT_NE(wide.find("tier=front"), std::string::npos);
  EXPECT_NE(wide.find("kube/k"), std::string::npos);
}

TEST(Columns, Services) {
  const auto items = parse(R"([{"metadata": {"name": "app", "project": "default"},
    "spec": {"network": "app", "addresses": ["10.254.98.15"],
             "ports": [{"port": 80, "targetPort": 8000, "protocol": "tcp"}, {"port": 53, "protocol": "udp"}],
             "backends": [{"port": "a", "ready": true}, {"port": "b", "ready": false}]}}])");
  EXPECT_EQ(render(objectTable(Kind::kService, items, {})),
            "NAME  NETWORK  ADDRESSES     PORTS                READY\n"
            "app   app      10.254.98.15  80→8000/tcp, 53/udp  1/2\n");
}

TEST(Columns, PoliciesLinksTokensHosts) {
  EXPECT_EQ(rowOf(Kind::kPolicy, parse(R"({"metadata": {"name": "p"}, "spec": {"rules": [
              {"from": {"network": "a"}, "to": {"network": "b"}}, {"from": {"network": "b"}, "to": {"network": "a"}}]}})"),
                  {}),
            (std::vector<std::string>{"p", "a, b", "2"}));
  EXPECT_EQ(rowOf(Kind::kLink,
                  parse(R"({"metadata": {"name": "l"}, "spec": {"peer": "os", "network": "demo/db",
              "remoteNetwork": "default/x", "routeTarget": "64512:1", "accepted": true}, "status": {"phase": "established", "message": "why"}})"),
                  {}),
            (std::vector<std::string>{"l", "os", "demo/db", "default/x", "established", "why"}));
  EXPECT_EQ(
      rowOf(Kind::kToken,
            parse(R"({"metadata": {"name": "t"}, "spec": {"role": "host", "host": "node1"}})"), {}),
      (std::vector<std::string>{"t", "host", "host node1", ""}));
  EXPECT_EQ(
      rowOf(Kind::kHost, parse(R"({"metadata": {"name": "h"}, "spec": {"address": "10.2.0.11"},
              "status": {"connected": false, "ports": 2}})"),
            {}),
      (std::vector<std::string>{"h", "10.2.0.11", "away", "2"}));
}

TEST(Columns, NothingIsSaid) {
  EXPECT_EQ(nothing(Kind::kNetwork, "default"), "no networks in project default");
  EXPECT_EQ(nothing(Kind::kNetwork, ""), "no networks in any project");
  EXPECT_EQ(nothing(Kind::kHost, "default"), "no hosts");
}

}  // namespace
}  // namespace hawser::cli
