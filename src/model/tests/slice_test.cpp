#include "hawser/model/slice.h"

#include <gtest/gtest.h>

namespace hawser::model {
namespace {

Slice full() {
  Slice slice;
  slice.site = "kubernetes";
  slice.host = "node1";
  slice.asn = net::Asn(64513);
  slice.revision = 7;
  slice.encapsulations = {net::Encapsulation::kMplsInUdp, net::Encapsulation::kGre};
  slice.vrfs.push_back({rib::VrfId(3),
                        "default/leonardo",
                        {*net::RouteTarget::parse("64512:100")},
                        {*net::RouteTarget::parse("64513:8000003")},
                        {*net::IpPrefix::parse("10.10.0.0/16")},
                        {*net::IpAddress::parse("10.254.0.9")}});
  SlicePort port;
  port.uid = "u1";
  port.name = "default/leonardo-abc";
  port.vrf = rib::VrfId(3);
  port.mac = *net::MacAddress::parse("02:00:00:00:00:01");
  port.addresses = {*net::IpAddress::parse("10.10.0.5")};
  port.gateways = {*net::IpAddress::parse("10.10.0.1")};
  port.workload = WorkloadRef{"pod", "default", "leonardo-abc"};
  port.identity = {64513, 12};
  port.translations.push_back({rib::VrfId(4), *net::IpAddress::parse("10.254.98.15"),
                               Protocol::kTcp, 80, 8000, "services/default/leonardo", 2});
  SliceRule rule;
  rule.id = 99;
  rule.source = "policies/default/x rule 0";
  rule.anyPeer = false;
  rule.identities = {{64513, 9}};
  rule.prefixes = {*net::IpPrefix::parse("10.0.0.0/8")};
  rule.protocol = Protocol::kTcp;
  rule.ports = {80, 90};
  rule.allow = false;
  port.rules.push_back(rule);
  slice.ports.push_back(port);
  return slice;
}

TEST(Slice, RoundTrip) {
  const auto slice = full();
  const auto again = parseSlice(toJson(slice));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(*again, slice);
  EXPECT_EQ(toJson(*again), toJson(slice));
}

TEST(Slice, EqualityLooksAtEverythingButTheRevision) {
  auto other = full();
  other.revision = 8;
  EXPECT_EQ(other, full());
  other.ports[0].rules[0].ports.last = 91;
  EXPECT_FALSE(other == full());
}

TEST(Slice, EveryMissingFieldIsAnError) {
  const auto whole = toJson(full());
  for (const auto& [name, value] : whole.items()) {
    auto part = whole;
    part.erase(name);
    EXPECT_FALSE(parseSlice(part)) << name;
  }
  auto wrong = whole;
  wrong["ports"][0]["addresses"][0] = "10.10.0.300";
  EXPECT_FALSE(parseSlice(wrong));
  EXPECT_FALSE(parseSlice(Json(7)));
}

}  // namespace
}  // namespace hawser::model
