// Golden texts of what people see.
#include "views/views.h"

#include <gtest/gtest.h>

#include <sstream>

#include "views/related.h"

namespace hawser::cli {
namespace {

using model::Json;

Json parse(const char* text) { return Json::parse(text); }

void expectFits(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(displayWidth(line), kPageWidth) << line;
}

TEST(Views, RoutesWithEcmpAndStale) {
  const auto answer = parse(R"({"network": "default/nginx", "routes": [
    {"prefix": "10.254.98.15/32", "paths": [
      {"nextHop": "10.2.0.11", "host": "node1", "label": 17, "encapsulation": "MPLSoUDP,MPLSoGRE",
       "routeTarget": "64513:8000001", "origin": "kubernetes", "stale": false},
      {"nextHop": "10.2.0.12", "host": "node2", "label": 21, "encapsulation": "MPLSoUDP,MPLSoGRE",
       "routeTarget": "64513:8000001", "origin": "kubernetes", "stale": false}]},
    {"prefix": "10.0.100.11/32", "paths": [
      {"nextHop": "10.1.0.11", "label": 1004, "encapsulation": "MPLSoUDP", "routeTarget": "64512:500",
       "origin": "openstack", "stale": true, "rd": "64512:7"}]}]})");
  const auto text = routesText(answer, "network default/nginx", false);
  EXPECT_EQ(
      text,
      "PREFIX           NEXT HOP   HOST OR SITE  LABEL  ENCAPSULATION      IMPORTED BY    STATE\n"
      "10.254.98.15/32  10.2.0.11  node1         17     MPLSoUDP,MPLSoGRE  64513:8000001  fresh\n"
      "                 10.2.0.12  node2         21     MPLSoUDP,MPLSoGRE  64513:8000001  fresh\n"
      "10.0.100.11/32   10.1.0.11  openstack     1004   MPLSoUDP           64512:500      stale\n");
  expectFits(text);
  EXPECT_NE(routesText(answer, "x", true).find("64512:7"), std::string::npos);
  EXPECT_EQ(routesText(parse(R"({"routes": []})"), "network default/nginx", false),
            "no routes in network default/nginx\n");
}

TEST(Views, Peers) {
  const auto answer = parse(R"({"peers": [
    {"name": "openstack", "role": "site", "address": "10.1.0.10", "asn": 64512, "state": "Established", "since": 125,
     "stale": false, "lastError": "", "families": ["vpnv4", "rtc"], "flaps": 1, "routerId": "10.1.0.10",
     "messagesIn": 5, "messagesOut": 6, "updatesIn": 2, "updatesOut": 3,
     "routes": {"accepted": 4, "advertised": 7, "membershipsIn": 5, "membershipsOut": 6, "droppedTarget": 2, "droppedPrefix": 1, "droppedLoop": 4, "droppedIdentity": 9}},
    {"name": "mx1", "state": "Idle", "lastError": "no route to host"}]})");
  const auto text = peersText(answer, false);
  EXPECT_EQ(text,
            "NAME       ROLE  ADDRESS    ASN    STATE        SINCE  IN  OUT  DROPPED  LAST ERROR\n"
            "openstack  site  10.1.0.10  64512  Established  2m05s  4   7    3        -\n"
            "mx1        -     -          -      Idle         0s     -   -    0        no route to "
            "host\n");
  expectFits(text);
  EXPECT_EQ(peersText(parse(R"({"peers": []})"), false), "no BGP peers\n");
  EXPECT_EQ(peerDetails(answer["peers"][0], 0),
            "State:             Established for 2m05s\n"
            "Router id:         10.1.0.10\n"
            "Families:          vpnv4, rtc\n"
            "Left Established:  1\n"
            "Messages:          5 in, 6 out\n"
            "Updates:           2 in, 3 out\n"
            "Routes:            4 held of theirs, 7 announced to them\n"
            "Route targets:     5 that they want, 6 that we want of them\n"
            "Dropped:           2 by route target, 1 by prefix, 0 by next hop, 0 by first AS\n"
            "Came back:         4 that have been here already\n"
            "Identities:        9 removed: not of the peer's AS\n"
            "Last error:        none\n");
}

TEST(Views, BgpRoutes) {
  const auto text = bgpRoutesText(parse(R"({"routes": [
    {"route": "vpnv4 64512:1 10.0.100.11/32", "nextHop": "10.1.0.11", "label": 1004, "peer": "openstack",
     "routeTargets": ["64512:500"], "best": true, "rule": "best", "stale": false},
    {"route": "vpnv4 64512:1 10.0.100.11/32", "nextHop": "10.1.0.12", "label": 1005, "peer": "mx1",
     "routeTargets": [], "best": false, "rule": "AS path length", "stale": true}]})"),
                                  false);
  EXPECT_EQ(
      text,
      "   ROUTE                         NEXT HOP   LABEL  PEER       ROUTE TARGETS  DECIDED BY\n"
      ">  vpnv4 64512:1 10.0.100.11/32  10.1.0.11  1004   openstack  64512:500      best\n"
      "   vpnv4 64512:1 10.0.100.11/32  10.1.0.12  1005   mx1        -              AS path "
      "length, stale\n");
}

TEST(Views, Trace) {
  const auto reaches =
      parse(R"({"reaches": true, "outcome": "reaches", "blockedBy": "", "reason": "",
    "steps": [{"where": "host node1", "what": "port default/a"}, {"where": "route", "what": "10.0.0.2/32 via node2"}],
    "back": [{"where": "route", "what": "back"}]})");
  EXPECT_EQ(traceText(reaches, "default/a", "10.0.0.2", "tcp/80"),
            "default/a → 10.0.0.2 tcp/80: reaches\n"
            "there\n"
            "   1  host node1  port default/a\n"
            "   2  route       10.0.0.2/32 via node2\n"
            "and back\n"
            "   1  route  back\n");
  const auto blocked = parse(
      R"({"reaches": false, "outcome": "blocked", "blockedBy": "policy",
          "reason": "policies/default/x rule 0 denies it", "steps": [], "back": []})");
  EXPECT_EQ(
      traceText(blocked, "default/a", "10.0.0.2", "tcp/80"),
      "default/a → 10.0.0.2 tcp/80: BLOCKED\nby policy: policies/default/x rule 0 denies it\n");
  const auto unknown = parse(R"({"reaches": false, "outcome": "unknown", "blockedBy": "",
      "reason": "the other half is not known: https://10.1.0.10:8443: Connection refused",
      "steps": [], "back": []})");
  EXPECT_EQ(traceText(unknown, "default/a", "10.0.0.2", "tcp/80"),
            "default/a → 10.0.0.2 tcp/80: not known\n"
            "the other half is not known: https://10.1.0.10:8443: Connection refused\n");
}

TEST(Views, LongStepsAndLongListsAreWrapped) {
  auto answer = parse(R"({"outcome": "reaches", "reason": "", "back": []})");
  const std::string route =
      "10.0.100.11/32 in default/leonardo: 1 path, imported by route target 64512:500 (set on "
      "networks/default/leonardo, networks/default/another)";
  answer["steps"] = {{{"where", "host node1"}, {"what", "leaves"}},
                     {{"where", "route"}, {"what", route}}};
  const auto text = traceText(answer, "default/a", "10.0.0.2", "tcp/80");
  expectFits(text);
  EXPECT_NE(text.find("64512:500\n                  (set on networks/default/leonardo,"),
            std::string::npos)
      << text;
  Json status{{"site", "s"}, {"objects", Json::object()}};
  for (const auto& kind : model::kinds()) status["objects"][std::string(kind.plural)] = 1000;
  expectFits(statusText(status, Json::object(), "c", "s"));
}

TEST(Views, Status) {
  const auto text = statusText(
      parse(
          R"({"site": "kubernetes", "asn": 64513, "version": "0.1.0", "hosts": {"total": 3, "connected": 2},
                "peers": {"total": 3, "established": 3}, "bgpSynchronised": true, "objects": {"hosts": 3, "ports": 9},
                "warnings": ["services/default/x: backend y does not exist"]})"),
      parse(R"({"name": "admin", "role": "admin"})"), "kubernetes", "https://10.2.0.10:8443");
  EXPECT_EQ(text,
            "Context:  kubernetes\n"
            "Server:   https://10.2.0.10:8443\n"
            "You are:  admin (admin)\n"
            "Site:     kubernetes, AS 64513\n"
            "Version:  0.1.0\n"
            "Hosts:    2 of 3 connected\n"
            "Peers:    3 of 3 established\n"
            "BGP:      has heard all of its peers\n"
            "Objects:  hosts 3, ports 9\n"
            "Warnings:\n"
            "  services/default/x: backend y does not exist\n");
  // What the caller may not see is left out.
  EXPECT_EQ(
      statusText(Json(), parse(R"({"name": "ci", "role": "member", "project": "demo"})"), "",
                 "https://x"),
      "Context:  none (--server)\nServer:   https://x\nYou are:  ci (member), project demo\n");
}

TEST(Views, DatapathPorts) {
  const auto text = datapathText("ports", parse(R"({"ports": [
      {"name": "default/web-1", "phase": "up", "device": "hw1", "addresses": ["10.1.0.5"], "label": 1000,
       "counters": {"packetsIn": 4, "packetsOut": 9}}],
    "unmatched": [{"device": "hw2", "containerId": "c1"}]})"),
                                 false);
  EXPECT_EQ(text,
            "PORT           PHASE  DEVICE  ADDRESSES  LABEL  IN  OUT  PROBLEM\n"
            "default/web-1  up     hw1     10.1.0.5   1000   4   9    -\n"
            "device hw2 waits for a port (c1)\n");
  EXPECT_EQ(datapathText("ports", parse(R"({"ports": []})"), false), "no ports on this host\n");
}

TEST(Views, DatapathRoutes) {
  EXPECT_EQ(datapathText("routes", parse(R"({"vrfs": [{"id": 1, "name": "default/app", "routes": [
      {"prefix": "10.1.0.5/32", "paths": [{"routeTarget": "64513:1", "identity": "64513:2", "stale": false}],
       "forwarding": [{"type": "port", "port": "default/web-1", "weight": 1}]},
      {"prefix": "10.1.0.9/32", "paths": [{"routeTarget": "64513:1", "stale": true}, {"routeTarget": "64513:1"}],
       "forwarding": [{"type": "tunnel", "encapsulation": "MPLSoUDP", "remote": "10.2.0.12", "label": 1000, "weight": 1},
                      {"type": "tunnel", "encapsulation": "MPLSoGRE", "remote": "10.2.0.13", "label": 1001, "weight": 2}]},
      {"prefix": "10.1.0.10/32", "paths": [], "forwarding": []}]}]})"),
                         false),
            "default/app (VRF 1)\n"
            "PREFIX        GOES TO                        WEIGHT  IDENTITY  IMPORTED BY  STATE\n"
            "10.1.0.5/32   port default/web-1             1       64513:2   64513:1      fresh\n"
            "10.1.0.9/32   MPLSoUDP 10.2.0.12 label 1000  1       -         64513:1      stale\n"
            "              MPLSoGRE 10.2.0.13 label 1001  2       -         64513:1      fresh\n"
            "10.1.0.10/32  not programmed                 -       -         -            -\n");
}

TEST(Views, DatapathConnectionsDropsRules) {
  EXPECT_EQ(
      datapathText("connections", parse(R"({"total": 3, "connections": [
      {"port": "default/a", "protocol": 6, "direction": "out", "local": "10.1.0.5", "localPort": 4000,
       "remote": "10.254.98.15", "remotePort": 80, "state": "established", "packetsIn": 3, "packetsOut": 4,
       "idleSeconds": 2, "nextHop": {"type": "port", "port": "default/b"}}]})"),
                   false),
      "PORT       PROTO  DIR  LOCAL          REMOTE           TRANSLATED  STATE        IN  OUT\n"
      "default/a  tcp    out  10.1.0.5:4000  10.254.98.15:80  -           established  3   4\n"
      "1 of 3; --limit shows more\n");
  EXPECT_EQ(
      datapathText("drops", parse(R"({"counts": {"policy": 4, "no_route": 0}, "recent": [
      {"reason": "policy", "port": "default/a", "source": "10.1.0.5", "sourcePort": 4000, "destination": "10.1.0.6",
       "destinationPort": 80, "protocol": 6, "ageMs": 1500, "ruleSource": "policies/default/x rule 0"}]})"),
                   false),
      "REASON  PACKETS\n"
      "policy  4\n"
      "\n"
      "AGO   REASON  PORT       PROTO  FROM           TO           RULE\n"
      "1.5s  policy  default/a  tcp    10.1.0.5:4000  10.1.0.6:80  policies/default/x rule 0\n");
  EXPECT_EQ(datapathText("drops", parse(R"({"counts": {}, "recent": []})"), false),
            "nothing was dropped\n");
  EXPECT_EQ(
      datapathText(
          "rules",
          parse(
              R"({"rules": [{"id": 9, "port": "default/a", "source": "securitygroups/default/g rule 0",
      "tier": 1, "direction": "ingress", "action": "allow", "hits": 12}]})"),
          false),
      "PORT       DIRECTION  TIER  ACTION  HITS  SOURCE\n"
      "default/a  ingress    1     allow   12    securitygroups/default/g rule 0\n");
}

TEST(Views, DatapathStatus) {
  const auto text = datapathText(
      "status", parse(R"({"host": "node1", "site": "kubernetes", "asn": 64513, "version": "0.1.0",
    "underlay": "10.2.0.11", "controller": "https://10.2.0.10:8443", "connected": false, "error": "timed out",
    "fresh": false, "revision": 12, "vrfs": 2, "ports": {"up": 1, "total": 2},
    "bgp": {"synchronised": false, "peers": [{"name": "c", "address": "10.2.0.10", "state": "Active",
            "routesIn": 1, "routesOut": 2, "stale": true, "flaps": 3, "lastError": "hold timer"}]}})"),
      false);
  EXPECT_NE(text.find("Controller:  https://10.2.0.10:8443, away: timed out\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("Slice:       kept from an earlier run, revision 12\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("c     10.2.0.10  Active  1   2    yes    3      hold timer\n"),
            std::string::npos)
      << text;
}

TEST(Views, AnOfferIsATime) {
  const auto link = parse(R"({"metadata": {"name": "l", "project": "p"}, "spec": {"network": "a"},
      "status": {"phase": "established", "offer": 1795855047511, "theirOffer": 0}})");
  const auto text = describeText(model::Kind::kLink, link, {});
  EXPECT_NE(text.find("2026-11-28T08:37:27Z"), std::string::npos) << text;
  EXPECT_EQ(text.find("1795855047511"), std::string::npos) << text;
}

TEST(Views, Durations) {
  EXPECT_EQ(durationText(0), "0s");
  EXPECT_EQ(durationText(59), "59s");
  EXPECT_EQ(durationText(61), "1m01s");
  EXPECT_EQ(durationText(7260), "2h01m");
  EXPECT_EQ(durationText(2 * 86400 + 3 * 3600), "2d03h");
}

// Nothing that a server might answer makes a view fall over.
TEST(Views, OddAnswers) {
  for (const auto* odd :
       {"null", "[]", "{}", "7", R"("text")", R"({"routes": 1, "peers": {}, "ports": "x"})",
        R"({"routes": [null, 3], "peers": ["x"], "vrfs": [1], "steps": [2], "rules": [[]]})"}) {
    const auto json = parse(odd);
    EXPECT_FALSE(routesText(json, "n", true).empty());
    EXPECT_FALSE(peersText(json, true).empty());
    EXPECT_FALSE(bgpRoutesText(json, true).empty());
    EXPECT_FALSE(traceText(json, "a", "b", "tcp").empty());
    EXPECT_FALSE(statusText(json, json, "c", "s").empty());
    for (const auto* op :
         {"status", "ports", "vrfs", "routes", "connections", "drops", "rules", "else"})
      EXPECT_FALSE(datapathText(op, json, true).empty()) << op << " " << odd;
  }
}

}  // namespace
}  // namespace hawser::cli
