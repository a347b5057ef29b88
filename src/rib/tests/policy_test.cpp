// Loops, filters and what a border changes, without a RIB around them.
#include "policy.h"

#include "fixture.h"

namespace hawser::rib {
namespace {

using namespace test;
using Type = wire::AsPathSegment::Type;

wire::AsPath path(std::initializer_list<std::uint32_t> asns) {
  wire::AsPath out{{Type::kSequence, {}}};
  for (const auto asn : asns) out[0].asns.emplace_back(asn);
  return out;
}

const Rib::Config kSelf{net::Asn(64512), ip("10.1.0.10").v4(), ip("10.1.0.10").v4()};

// ---- loops ----

TEST(Loops, OurAsAnywhereInThePath) {
  auto attributes = *test::attributes({"1:1"});
  EXPECT_FALSE(loops(attributes, kSelf));
  attributes.asPath = path({64513, 64999});
  EXPECT_FALSE(loops(attributes, kSelf));
  attributes.asPath = path({64513, 64512});
  EXPECT_TRUE(loops(attributes, kSelf));
  attributes.asPath = {{Type::kSequence, {net::Asn(64513)}}, {Type::kSet, {net::Asn(64512)}}};
  EXPECT_TRUE(loops(attributes, kSelf)) << "in a set too";
}

TEST(Loops, OurselvesAmongReflectors) {
  auto attributes = *test::attributes({"1:1"});
  attributes.originatorId = ip("10.1.0.11").v4();
  attributes.clusterList = {ip("10.9.0.1").v4(), ip("10.9.0.2").v4()};
  EXPECT_FALSE(loops(attributes, kSelf));
  attributes.clusterList.push_back(kSelf.clusterId);
  EXPECT_TRUE(loops(attributes, kSelf));
  attributes.clusterList.clear();
  attributes.originatorId = kSelf.routerId;
  EXPECT_TRUE(loops(attributes, kSelf));
}

// ---- filters ----

class FilterTest : public testing::Test {
 protected:
  Filtered apply(std::initializer_list<std::string_view> targets, std::string_view route) {
    held_ = attributes(targets);
    return applyFilter(filter_, vpnKey("1:1", route), held_, cache_);
  }
  std::vector<std::string> kept(const Filtered& filtered) {
    std::vector<std::string> out;
    for (const auto& t : routeTargetsOf(*filtered.attributes)) out.push_back(t.text());
    return out;
  }
  RouteFilter filter_;
  AttributeCache cache_;
  AttributesPtr held_;
};

TEST_F(FilterTest, NoListLetsEverythingPassUntouched) {
  const auto got = apply({"1:1", "1:2"}, "10.0.0.1/32");
  EXPECT_EQ(got.attributes, held_) << "the very same attributes";
  EXPECT_EQ(apply({}, "10.0.0.1/32").drop, Drop::kNone) << "even a route without a target";
}

TEST_F(FilterTest, AnEmptyListLetsNothingPass) {
  filter_.routeTargets = std::set<net::RouteTarget>{};
  EXPECT_EQ(apply({"1:1"}, "10.0.0.1/32").drop, Drop::kTarget);
  EXPECT_EQ(apply({}, "10.0.0.1/32").drop, Drop::kTarget);
  filter_.routeTargets.reset();
  filter_.prefixes = std::vector<net::IpPrefix>{};
  EXPECT_EQ(apply({"1:1"}, "10.0.0.1/32").drop, Drop::kPrefix);
}

TEST_F(FilterTest, StripsWhatWasNotGivenAndKeepsTheRest) {
  filter_.routeTargets = std::set{target("1:2")};
  held_ = nullptr;
  auto with = attributes({"1:1", "1:2", "1:3"});
  with->extendedCommunities.insert(with->extendedCommunities.begin() + 1,
                                   net::encapsulationCommunity(net::Encapsulation::kGre));
  with->extendedCommunities.push_back(net::identityCommunity({64512, 9}));
  const auto got = applyFilter(filter_, vpnKey("1:1", "10.0.0.1/32"), with, cache_);
  ASSERT_TRUE(got.attributes);
  EXPECT_EQ(kept(got), std::vector<std::string>{"1:2"});
  EXPECT_EQ(got.attributes->extendedCommunities.size(), 3U)
      << "only route targets are stripped, the encapsulation and identity stay";
  EXPECT_EQ(with->extendedCommunities.size(), 5U) << "what was received is not changed";
  EXPECT_EQ(got.attributes->nextHop, with->nextHop);
}

TEST_F(FilterTest, EqualStrippingIsShared) {
  filter_.routeTargets = std::set{target("1:2")};
  const auto with = attributes({"1:1", "1:2"});
  const auto a = applyFilter(filter_, vpnKey("1:1", "10.0.0.1/32"), with, cache_);
  const auto b = applyFilter(filter_, vpnKey("1:1", "10.0.0.2/32"), with, cache_);
  EXPECT_EQ(a.attributes, b.attributes) << "routes that share attributes go on sharing them";
}

TEST_F(FilterTest, PrefixesHoldMoreSpecifics) {
  filter_.prefixes = std::vector{prefix("10.10.0.0/16"), prefix("192.0.2.0/24")};
  EXPECT_EQ(apply({"1:1"}, "10.10.0.0/16").drop, Drop::kNone);
  EXPECT_EQ(apply({"1:1"}, "10.10.3.0/24").drop, Drop::kNone);
  EXPECT_EQ(apply({"1:1"}, "192.0.2.9/32").drop, Drop::kNone);
  EXPECT_EQ(apply({"1:1"}, "10.0.0.0/8").drop, Drop::kPrefix) << "less specific is outside";
  EXPECT_EQ(apply({"1:1"}, "10.11.0.0/16").drop, Drop::kPrefix);
  EXPECT_EQ(apply({"1:1"}, "0.0.0.0/0").drop, Drop::kPrefix);
}

TEST_F(FilterTest, PrefixesOfOneTargetBindOnlyIt) {
  filter_.routeTargets = std::set{target("1:1"), target("1:2")};
  filter_.prefixesByTarget[target("1:1")] = {prefix("10.1.0.0/16")};
  EXPECT_EQ(kept(apply({"1:1", "1:2"}, "10.1.0.1/32")), (std::vector<std::string>{"1:1", "1:2"}));
  EXPECT_EQ(kept(apply({"1:1", "1:2"}, "10.2.0.1/32")), std::vector<std::string>{"1:2"});
  EXPECT_EQ(apply({"1:1"}, "10.2.0.1/32").drop, Drop::kPrefix);
  EXPECT_EQ(apply({"1:9"}, "10.1.0.1/32").drop, Drop::kTarget);
}

TEST_F(FilterTest, TooManyTargetsToTellApartAreStripped) {
  filter_.routeTargets = std::set{target("1:1"), target("1:99")};
  auto with = attributes({"1:1"});
  for (int i = 2; i <= 99; ++i)
    with->extendedCommunities.push_back(target("1:" + std::to_string(i)).community());
  const auto got = applyFilter(filter_, vpnKey("1:1", "10.0.0.1/32"), with, cache_);
  EXPECT_EQ(kept(got), std::vector<std::string>{"1:1"}) << "what is beyond the 63rd goes";
}

TEST_F(FilterTest, MembershipsAreNotFiltered) {
  filter_.routeTargets = std::set<net::RouteTarget>{};
  filter_.prefixes = std::vector<net::IpPrefix>{};
  RouteKey key;
  key.family = wire::kRtConstraint;
  key.membership = wire::RtMembership::defaultRoute();
  EXPECT_TRUE(applyFilter(filter_, key, attributes({}), cache_).attributes);
}

TEST_F(FilterTest, UnicastKnowsPrefixesOnly) {
  filter_.routeTargets = std::set<net::RouteTarget>{};
  filter_.prefixes = std::vector{prefix("10.0.0.0/8")};
  RouteKey key;
  key.family = wire::kIpv4Unicast;
  key.prefix = prefix("10.1.0.0/16");
  EXPECT_TRUE(applyFilter(filter_, key, attributes({}), cache_).attributes);
  key.prefix = prefix("11.0.0.0/8");
  EXPECT_EQ(applyFilter(filter_, key, attributes({}), cache_).drop, Drop::kPrefix);
}

// ---- out ----

class ExportTest : public testing::Test {
 protected:
  AttributesPtr send(const AttributesPtr& attributes, const PeerPolicy& to,
                     const PeerPolicy* source = nullptr, bool itself = false,
                     wire::Family family = wire::kVpnv4) {
    RouteKey key = vpnKey("1:1", "10.0.0.1/32");
    key.family = family;
    AttributeCache cache;
    return exportAttributes({kSelf, to, source, itself}, key, attributes, cache);
  }
  PeerPolicy client_ = peer(64512, "10.1.0.11", true);
  PeerPolicy otherClient_ = peer(64512, "10.1.0.12", true);
  PeerPolicy mesh_ = peer(64512, "10.1.0.13");
  PeerPolicy otherMesh_ = peer(64512, "10.1.0.14");
  PeerPolicy site_ = peer(64513, "10.2.0.10");
  PeerPolicy gateway_ = peer(64999, "10.3.0.1");
};

// RFC 4456, 6: who hears of a route from whom.
TEST_F(ExportTest, WhoHearsFromWhom) {
  struct Row {
    const PeerPolicy *from, *to;
    bool hears;
  };
  for (const auto& row :
       {Row{&client_, &otherClient_, true}, Row{&client_, &mesh_, true},
        Row{&mesh_, &client_, true}, Row{&mesh_, &otherMesh_, false}, Row{&site_, &client_, true},
        Row{&site_, &mesh_, true}, Row{&client_, &site_, true}, Row{&mesh_, &site_, true},
        Row{&site_, &gateway_, true}, Row{nullptr, &client_, true}, Row{nullptr, &mesh_, true},
        Row{nullptr, &site_, true}})
    EXPECT_EQ(send(attributes({"1:1"}), *row.to, row.from) != nullptr, row.hears)
        << (row.from ? row.from->remoteAddress.text() : "own") << " to "
        << row.to->remoteAddress.text();
  for (const auto* to : {&client_, &mesh_, &site_})
    EXPECT_FALSE(send(attributes({"1:1"}), *to, to, true)) << "nobody hears his own";
}

TEST_F(ExportTest, ReflectionIsMarkedOnce) {
  const auto once = send(attributes({"1:1"}), otherClient_, &client_);
  EXPECT_EQ(once->originatorId, client_.remoteId);
  EXPECT_EQ(once->clusterList, std::vector{kSelf.clusterId});
  auto before = attributes({"1:1"});
  before->originatorId = ip("10.1.0.99").v4();
  before->clusterList = {ip("10.1.0.98").v4()};
  const auto again = send(before, otherClient_, &client_);
  EXPECT_EQ(again->originatorId->text(), "10.1.0.99") << "the first one stays";
  EXPECT_EQ(again->clusterList, (std::vector{kSelf.clusterId, ip("10.1.0.98").v4()}));
  const auto own = send(attributes({"1:1"}), client_);
  EXPECT_FALSE(own->originatorId);
  EXPECT_TRUE(own->clusterList.empty()) << "own and external routes are not reflected";
  EXPECT_FALSE(send(attributes({"1:1"}), client_, &site_)->originatorId);
}

TEST_F(ExportTest, LocalPreferenceIsInternal) {
  EXPECT_EQ(send(attributes({"1:1"}), client_)->localPref, 100U);
  auto preferred = attributes({"1:1"});
  preferred->localPref = 300;
  EXPECT_EQ(send(preferred, client_, &mesh_)->localPref, 300U);
  EXPECT_FALSE(send(preferred, site_, &client_)->localPref);
}

TEST_F(ExportTest, MedDoesNotCrossTwoBorders) {
  auto with = attributes({"1:1"});
  with->med = 7;
  EXPECT_EQ(send(with, site_)->med, 7U) << "our own, to a neighbour";
  EXPECT_FALSE(send(with, gateway_, &site_)->med) << "RFC 4271, 5.1.4";
  EXPECT_EQ(send(with, client_, &site_)->med, 7U) << "inside it is kept";
}

TEST_F(ExportTest, TheBorderPrepends) {
  EXPECT_EQ(send(attributes({"1:1"}), site_)->asPath, path({64512}));
  auto far = attributes({"1:1"});
  far->asPath = path({64999});
  EXPECT_EQ(send(far, site_, &gateway_)->asPath, path({64512, 64999}));
  EXPECT_EQ(send(far, client_, &gateway_)->asPath, path({64999})) << "not inside";
  far->asPath = {{Type::kSet, {net::Asn(1), net::Asn(2)}}};
  const auto set = send(far, site_, &gateway_)->asPath;
  ASSERT_EQ(set.size(), 2U) << "a sequence before the set (RFC 4271, 5.1.2)";
  EXPECT_EQ(set[0].type, Type::kSequence);
  far->asPath = {{Type::kSequence, std::vector<net::Asn>(255, net::Asn(7))}};
  const auto full = send(far, site_, &gateway_)->asPath;
  ASSERT_EQ(full.size(), 2U) << "a segment holds 255";
  EXPECT_EQ(full[0].asns, std::vector{net::Asn(64512)});
}

TEST_F(ExportTest, NotToAnAsThatIsInThePath) {
  auto far = attributes({"1:1"});
  far->asPath = path({64999, 64513});
  EXPECT_FALSE(send(far, site_, &gateway_));
  EXPECT_TRUE(send(far, client_, &gateway_));
}

TEST_F(ExportTest, NextHops) {
  const auto nextHop = [&](const PeerPolicy& to, const PeerPolicy* from,
                           wire::Family family = wire::kVpnv4) {
    return send(attributes({"1:1"}), to, from, false, family)->nextHop.text();
  };
  EXPECT_EQ(nextHop(client_, &otherClient_), "10.1.0.11");
  EXPECT_EQ(nextHop(site_, &client_), "10.1.0.11") << "traffic goes host to host";
  EXPECT_EQ(nextHop(site_, &client_, wire::kIpv4Unicast), "10.1.0.10") << "RFC 4271, 5.1.3";
  auto self = site_;
  self.nextHopSelf = true;
  EXPECT_EQ(nextHop(self, &client_), "10.1.0.10");
  auto inner = client_;
  inner.nextHopSelf = true;
  EXPECT_EQ(nextHop(inner, &site_), "10.1.0.10");
  auto none = attributes({"1:1"});
  none->nextHop = net::IpAddress();
  EXPECT_EQ(send(none, client_)->nextHop.text(), "10.1.0.10") << "0.0.0.0 means ourselves";
}

// RFC 1997.
TEST_F(ExportTest, WellKnownCommunities) {
  struct Row {
    std::uint32_t community;
    bool inside, outside;
  };
  for (const auto& row : {Row{0xffffff01, true, false},   // NO_EXPORT
                          Row{0xffffff02, false, false},  // NO_ADVERTISE
                          Row{0xffffff03, true, false},   // NO_EXPORT_SUBCONFED
                          Row{0xffffff04, true, true},    // not one of RFC 1997's
                          Row{0xfc000001, true, true}}) {
    auto with = attributes({"1:1"});
    with->communities = {0x00010001, row.community};
    EXPECT_EQ(send(with, client_, &mesh_) != nullptr, row.inside) << row.community;
    EXPECT_EQ(send(with, site_, &client_) != nullptr, row.outside) << row.community;
  }
}

// RFC 4360, 6: what is not transitive stays inside.
TEST_F(ExportTest, NonTransitiveCommunitiesStayInside) {
  auto with = attributes({"1:1"});
  const net::ExtendedCommunity inner({0x40, 0x04, 0, 0, 0, 0, 0, 1});
  with->extendedCommunities.push_back(inner);
  EXPECT_EQ(send(with, client_, &mesh_)->extendedCommunities.size(), 2U);
  EXPECT_EQ(send(with, site_, &client_)->extendedCommunities,
            std::vector{target("1:1").community()});
}

TEST_F(ExportTest, TheUnknownTravelsOn) {
  auto with = attributes({"1:1"});
  with->other = {{0xe0, 200, {1, 2}}};
  EXPECT_EQ(send(with, site_, &client_)->other, with->other);
  EXPECT_EQ(send(with, otherClient_, &client_)->other, with->other);
}

TEST(AttributeCache, MakesEachOnce) {
  AttributeCache cache;
  const AttributesPtr from = attributes({"1:1"}), other = attributes({"1:1"});
  int made = 0;
  const auto make = [&]() -> AttributesPtr {
    ++made;
    return attributes({});
  };
  const auto a = cache.get(from, 1, make);
  EXPECT_EQ(cache.get(from, 1, make), a);
  EXPECT_NE(cache.get(from, 2, make), a);
  EXPECT_NE(cache.get(other, 1, make), a);
  EXPECT_EQ(made, 3);
  cache.clear();
  cache.get(from, 1, make);
  EXPECT_EQ(made, 4);
}

}  // namespace
}  // namespace hawser::rib
