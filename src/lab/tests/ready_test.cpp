#include "ready.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hawser::lab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Topology topology() {
  Topology out;
  for (const char* address : {"10.3.0.1", "10.3.0.2"}) {
    Gateway gateway;
    gateway.address = {*net::IpAddress::parse(address), 24};
    gateway.routeTargets = {"64513:100"};
    out.gateways.push_back(std::move(gateway));
  }
  return out;
}

Json route(const std::string& prefix, const std::string& target, const std::string& hop,
           bool best = true) {
  return {{"prefix", prefix},
          {"best", best},
          {"nextHop", hop},
          {"routeTargets", Json::array({target})}};
}

Offer offer() {
  Offer out;
  out.peer = Json::parse(R"({"spec": {"role": "gateway", "export":
      {"routeTargets": ["64513:100", "64513:7"], "prefixes": ["185.22.97.0/24"]}}})");
  out.routes = {{"routes", Json::array()}};
  out.targetsOf = {{"default/Public", {"64513:100"}}, {"default/inside", {"64513:8"}}};
  return out;
}

Json service(const std::string& network, const std::string& address, bool ready) {
  return {{"metadata", {{"name", "s"}, {"project", "default"}}},
          {"spec",
           {{"network", network},
            {"addresses", Json::array({address})},
            {"backends", Json::array({{{"port", "p"}, {"ready", ready}}})}}}};
}

TEST(WantedPrefixes, AreThoseThatThePeerLetsOutAndTheGatewayImports) {
  const auto all = topology();
  auto given = offer();
  EXPECT_THAT(wantedPrefixes(all, all.gateways[0], given), IsEmpty());
  given.routes["routes"] = {route("185.22.97.5/32", "64513:100", "10.2.0.11"),
                            route("185.22.97.6/32", "64513:7", "10.2.0.11"),
                            route("10.10.0.5/32", "64513:100", "10.2.0.11"),
                            route("185.22.97.7/32", "64513:100", "10.2.0.11", false),
                            route("185.22.97.8/32", "64513:100", "10.3.0.2")};
  EXPECT_THAT(wantedPrefixes(all, all.gateways[0], given), ElementsAre("185.22.97.5/32"));
  given.peer["spec"]["export"].erase("prefixes");
  EXPECT_THAT(wantedPrefixes(all, all.gateways[0], given),
              ElementsAre("10.10.0.5/32", "185.22.97.5/32"));
  given.peer["spec"].erase("export");
  EXPECT_THAT(wantedPrefixes(all, all.gateways[0], given), IsEmpty());
}

// A service is waited for before its route is there at all.
TEST(WantedPrefixes, ServicesCountOnceABackendIsReady) {
  const auto all = topology();
  auto given = offer();
  given.services = {
      service("Public", "185.22.97.188", true), service("Public", "185.22.97.189", false),
      service("inside", "185.22.97.190", true), service("default/Public", "198.51.100.1", true),
      service("unknown", "185.22.97.191", true)};
  EXPECT_THAT(wantedPrefixes(all, all.gateways[0], given), ElementsAre("185.22.97.188/32"));
}

TEST(PrefixesIn, ReadsWhatIpPrints) {
  EXPECT_THAT(prefixesIn("default via 203.0.113.254 dev eth1 proto static metric 20 \n"
                         "185.22.97.188 proto bgp metric 20 \n"
                         "\tnexthop  encap mpls  17 via 10.2.0.11 dev gre1 weight 1 \n"
                         "\tnexthop  encap mpls  18 via 10.2.0.12 dev gre2 weight 1 \n"
                         "unreachable default metric 4278198272 \n"
                         "203.0.113.0/24 dev eth1 proto kernel scope link src 203.0.113.1 \n"),
              ElementsAre("0.0.0.0/0", "185.22.97.188/32", "203.0.113.0/24"));
  EXPECT_THAT(prefixesIn(""), IsEmpty());
}

}  // namespace
}  // namespace hawser::lab
