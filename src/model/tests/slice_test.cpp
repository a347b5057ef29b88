#include "hawser/model/slice.h"

#include <gtest/gtest.h>

#include <functional>

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

// Walks every object inside the slice: without any one of its fields it is refused (but for the
// workload, which a port may lack), and so it is with a field of another type.
void eachField(const Json& whole, const Json::json_pointer& at,
               const std::function<void(const Json::json_pointer&)>& visit) {
  const auto& here = whole.at(at);
  if (here.is_object())
    for (const auto& [name, value] : here.items()) {
      visit(at / name);
      eachField(whole, at / name, visit);
    }
  if (here.is_array())
    for (std::size_t i = 0; i < here.size(); ++i) eachField(whole, at / i, visit);
}

TEST(Slice, EveryMissingFieldInsideIsAnError) {
  const auto whole = toJson(full());
  std::size_t fields = 0;
  eachField(whole, Json::json_pointer(), [&](const Json::json_pointer& field) {
    ++fields;
    auto part = whole;
    part.at(field.parent_pointer()).erase(field.back());
    EXPECT_EQ(parseSlice(part).has_value(), field.back() == "workload") << field;
  });
  EXPECT_GT(fields, 45U);
}

TEST(Slice, EveryFieldOfAnotherTypeIsAnError) {
  const auto whole = toJson(full());
  eachField(whole, Json::json_pointer(), [&](const Json::json_pointer& field) {
    auto part = whole;
    auto& value = part.at(field);
    if (value.is_string())
      value = 7;
    else
      value = "not this";
    const auto got = parseSlice(part);
    ASSERT_FALSE(got) << field;
    EXPECT_EQ(got.error().code, ErrorCode::kInvalid);
    EXPECT_FALSE(got.error().message.empty());
  });
}

TEST(Slice, ValuesThatDoNotParseAreErrors) {
  for (const auto& [field, value] : {std::pair<const char*, Json>{"/ports/0/mac", "x"},
                                     {"/ports/0/addresses/0", "10.0.0.256"},
                                     {"/ports/0/gateways/0", ""},
                                     {"/ports/0/rules/0/protocol", "tpc"},
                                     {"/ports/0/rules/0/prefixes/0", "10.0.0.1/8"},
                                     {"/ports/0/rules/0/ports", Json::array({80})},
                                     {"/ports/0/identity", Json::array({64513})},
                                     {"/ports/0/translations/0/address", "a"},
                                     {"/vrfs/0/import/0", "64512"},
                                     {"/vrfs/0/subnets/0", "10.10.0.0/99"},
                                     {"/vrfs/0/refused/0", "nobody"}}) {
    auto part = toJson(full());
    part.at(Json::json_pointer(field)) = value;
    EXPECT_FALSE(parseSlice(part)) << field;
  }
}

TEST(Slice, EqualityOfEachPart) {
  const auto differs = [](auto change) {
    auto other = full();
    change(other);
    return !(other == full());
  };
  EXPECT_TRUE(differs([](Slice& s) { s.site = "x"; }));
  EXPECT_TRUE(differs([](Slice& s) { s.host = "x"; }));
  EXPECT_TRUE(differs([](Slice& s) { s.asn = net::Asn(1); }));
  EXPECT_TRUE(differs([](Slice& s) { s.underlayMtu = 9000; }));
  EXPECT_TRUE(differs([](Slice& s) { s.encapsulations.pop_back(); }));
  EXPECT_TRUE(differs([](Slice& s) { s.vrfs[0].refused.clear(); }));
  EXPECT_TRUE(differs([](Slice& s) { s.vrfs[0].importTargets.clear(); }));
  EXPECT_TRUE(differs([](Slice& s) { s.ports[0].translations[0].weight = 9; }));
  EXPECT_TRUE(differs([](Slice& s) { s.ports[0].workload.reset(); }));
  EXPECT_TRUE(differs([](Slice& s) { s.ports[0].identity.number = 1; }));
  EXPECT_TRUE(differs([](Slice& s) { s.ports[0].rules[0].pass = true; }));
  EXPECT_TRUE(differs([](Slice& s) { s.ports.clear(); }));
}

}  // namespace
}  // namespace hawser::model
