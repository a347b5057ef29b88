#include "hawser/model/slice.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <tuple>

namespace hawser::model {
namespace {

Slice full() {
  Slice slice;
  slice.site = "kubernetes";
  slice.host = "node1";
  slice.revision = 7;
  slice.encapsulations = {net::Encapsulation::kMplsInUdp, net::Encapsulation::kGre};
  slice.vrfs.push_back({net::VrfId(3),
                        "default/leonardo",
                        {*net::RouteTarget::parse("64512:100")},
                        {*net::RouteTarget::parse("64513:8000003")},
                        {*net::IpAddress::parse("10.254.0.9")}});
  SlicePort port;
  port.uid = "u1";
  port.name = "default/leonardo-abc";
  port.vrf = net::VrfId(3);
  port.mac = *net::MacAddress::parse("02:00:00:00:00:01");
  port.addresses = {*net::IpAddress::parse("10.10.0.5")};
  port.gateways = {*net::IpAddress::parse("10.10.0.1")};
  port.workload = WorkloadRef{"pod", "default", "leonardo-abc"};
  port.identity = {64513, 12};
  port.translations.push_back({net::VrfId(4), *net::IpAddress::parse("10.254.98.15"),
                               Protocol::kTcp, 80, 8000, "services/default/leonardo"});
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
  EXPECT_GT(fields, 40U);
}

TEST(Slice, EqualityLooksAtEveryFieldInside) {
  const auto whole = toJson(full());
  eachField(whole, Json::json_pointer(), [&](const Json::json_pointer& field) {
    auto part = whole;
    auto& value = part.at(field);
    if (field.back() == "revision" || field.back() == "vrfs" || field.back() == "ports") return;
    if (value.is_boolean())
      value = !value.get<bool>();
    else if (value.is_number())
      value = value.get<unsigned>() + 1;
    else if (value.is_array() && value.size() == 2 && value[1].is_number())
      value[1] = value[1].get<unsigned>() + 1;
    else if (value.is_array())
      value = Json::array();
    else if (field.back() == "workload")
      part.at(field.parent_pointer()).erase("workload");
    else if (field.back() == "protocol")
      value = value == "tcp" ? "udp" : "tcp";
    else if (field.back() == "mac")
      value = "02:00:00:00:00:02";
    else if (field.back() == "address")
      value = "10.254.98.16";
    else
      value = value.get<std::string>() + "x";
    const auto other = parseSlice(part);
    ASSERT_TRUE(other) << field << ": " << other.error().text();
    EXPECT_FALSE(*other == full()) << field;
  });
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
  EXPECT_TRUE(differs([](Slice& s) { s.encapsulations.pop_back(); }));
  EXPECT_TRUE(differs([](Slice& s) { s.vrfs[0].refused.clear(); }));
  EXPECT_TRUE(differs([](Slice& s) { s.vrfs[0].importTargets.clear(); }));
  EXPECT_TRUE(differs([](Slice& s) { s.ports[0].translations[0].targetPort = 9; }));
  EXPECT_TRUE(differs([](Slice& s) { s.ports[0].workload.reset(); }));
  EXPECT_TRUE(differs([](Slice& s) { s.ports[0].identity.number = 1; }));
  EXPECT_TRUE(differs([](Slice& s) { s.ports[0].rules[0].pass = true; }));
  EXPECT_TRUE(differs([](Slice& s) { s.ports.clear(); }));
}

// ---- slices of every shape ----

class Random {
 public:
  explicit Random(unsigned seed) : random_(seed) {}
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_()) % n; }
  bool coin() { return below(2) == 0; }
  std::uint16_t u16() { return static_cast<std::uint16_t>(below(65536)); }
  std::string text() {
    return coin() ? "" : "name \"" + std::to_string(below(100)) + "\"\n\xc3\xa9";
  }
  net::IpAddress address() {
    if (coin()) return net::Ipv4Address(static_cast<std::uint32_t>(random_()));
    std::array<std::uint8_t, 16> bytes{0x20, 0x01};
    bytes[15] = static_cast<std::uint8_t>(below(256));
    return net::Ipv6Address(bytes);
  }
  net::IpPrefix prefix() {
    return net::IpPrefix::truncated(address(), static_cast<int>(below(129)));
  }
  net::RouteTarget target() { return *net::RouteTarget::make(net::Asn(1 + below(99999)), u16()); }
  net::Identity identity() { return {u16(), static_cast<std::uint32_t>(random_())}; }
  Protocol protocol() {
    constexpr std::array kAll{Protocol::kAny, Protocol::kIcmp, Protocol::kTcp, Protocol::kUdp,
                              Protocol::kSctp};
    return kAll[below(kAll.size())];
  }
  template <class Make>
  auto several(const Make& make) {
    std::vector<decltype(make())> out;
    for (auto n = below(4); n > 0; --n) out.push_back(make());
    return out;
  }
  std::set<net::RouteTarget> targets() {
    const auto list = several([this] { return target(); });
    return {list.begin(), list.end()};
  }
  std::vector<net::IpAddress> addresses() {
    return several([this] { return address(); });
  }

  SliceRule rule() {
    SliceRule out;
    out.id = static_cast<std::uint32_t>(random_());
    out.source = text();
    out.tier = static_cast<std::uint8_t>(below(256));
    out.ingress = coin();
    out.anyPeer = coin();
    out.identities = several([this] { return identity(); });
    out.prefixes = several([this] { return prefix(); });
    out.protocol = protocol();
    out.ports = {u16(), u16()};
    out.allow = coin();
    out.pass = coin();
    out.log = coin();
    return out;
  }
  SlicePort port() {
    SlicePort out;
    out.uid = text();
    out.name = text();
    out.vrf = net::VrfId(below(1000));
    out.mac = net::MacAddress({2, 0, 0, 0, static_cast<std::uint8_t>(below(256)), 1});
    out.addresses = addresses();
    out.gateways = addresses();
    out.mtu = u16();
    out.portSecurity = coin();
    out.hostname = text();
    if (coin()) out.workload = WorkloadRef{text(), text(), text()};
    out.identity = identity();
    out.translations = several([this] {
      return SliceTranslation{net::VrfId(below(1000)), address(), protocol(), u16(), u16(), text()};
    });
    out.rules = several([this] { return rule(); });
    return out;
  }
  Slice slice() {
    Slice out;
    out.site = text();
    out.host = text();
    out.revision = std::uint64_t{random_()} << below(32);
    out.encapsulations = several(
        [this] { return coin() ? net::Encapsulation::kVxlan : net::Encapsulation::kMplsInUdp; });
    out.vrfs = several([this] {
      return SliceVrf{net::VrfId(below(1000)), text(), targets(), targets(), addresses()};
    });
    out.ports = several([this] { return port(); });
    return out;
  }

 private:
  std::mt19937 random_;
};

// Through the bytes that go over the wire, and with every field as it was.
TEST(RandomSlices, ComeBack) {
  Random random(5);
  for (int round = 0; round < 500; ++round) {
    const auto slice = random.slice();
    const auto got = parseSlice(Json::parse(toJson(slice).dump()));
    ASSERT_TRUE(got) << got.error().text();
    ASSERT_TRUE(*got == slice);
    EXPECT_EQ(got->revision, slice.revision);
    for (std::size_t i = 0; i < slice.ports.size(); ++i) {
      const auto &a = got->ports[i], &b = slice.ports[i];
      EXPECT_EQ(std::tie(a.uid, a.name, a.vrf, a.mac, a.addresses, a.gateways, a.mtu),
                std::tie(b.uid, b.name, b.vrf, b.mac, b.addresses, b.gateways, b.mtu));
      EXPECT_EQ(std::tie(a.portSecurity, a.hostname, a.workload, a.identity, a.translations),
                std::tie(b.portSecurity, b.hostname, b.workload, b.identity, b.translations));
      ASSERT_EQ(a.rules.size(), b.rules.size());
      for (std::size_t j = 0; j < a.rules.size(); ++j) {
        const auto &x = a.rules[j], &y = b.rules[j];
        EXPECT_EQ(std::tie(x.id, x.source, x.tier, x.ingress, x.anyPeer, x.identities, x.prefixes),
                  std::tie(y.id, y.source, y.tier, y.ingress, y.anyPeer, y.identities, y.prefixes));
        EXPECT_EQ(std::tie(x.protocol, x.ports.first, x.ports.last, x.allow, x.pass, x.log),
                  std::tie(y.protocol, y.ports.first, y.ports.last, y.allow, y.pass, y.log));
      }
    }
  }
}

// Two slices are equal exactly if what they say is, whatever revision they are of.
TEST(RandomSlices, EqualityIsThatOfTheText) {
  Random random(6);
  for (int round = 0; round < 300; ++round) {
    const auto a = random.slice();
    auto b = random.coin() ? a : random.slice();
    b.revision = a.revision;
    EXPECT_EQ(a == b, toJson(a) == toJson(b));
    b = a;
    b.revision = a.revision + 1;
    EXPECT_TRUE(a == b);
  }
}

}  // namespace
}  // namespace hawser::model
