// VRFs against a model that looks at everything: after any history each VRF holds, for every
// prefix, the best of the routes that carry one of its targets, and whoever follows the changes
// alone has the same.
#include <algorithm>
#include <random>

#include "fixture.h"
#include "hawser/rib/vrf.h"

namespace hawser::rib {
namespace {

using namespace test;

// What of a path a VRF's user sees.
using Seen = std::tuple<net::IpAddress, net::RouteDistinguisher, std::uint32_t, net::RouteTarget,
                        bool, bool, PeerId>;
using Table = std::map<net::IpPrefix, std::vector<Seen>>;

Seen seen(const VrfPath& path) {
  return {path.nextHop, path.rd,    path.label.value(), path.importedBy,
          path.local,   path.stale, path.peer};
}
std::vector<Seen> seen(const std::vector<VrfPath>& paths) {
  std::vector<Seen> out;
  for (const auto& path : paths) out.push_back(seen(path));
  return out;
}

class VrfModelTest : public testing::Test {
 protected:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_()) % n; }
  net::RouteTarget anyTarget() { return target("64512:" + std::to_string(below(5))); }

  net::IpPrefix anyPrefix() {
    if (below(5) == 0)
      return net::IpPrefix::truncated(ip("2001:db8::" + std::to_string(below(3))),
                                      static_cast<int>(below(2) == 0 ? 128 : 32));
    // They nest: hosts, networks around them, and the default.
    static constexpr int kLengths[] = {0, 8, 23, 24, 32, 32, 32};
    return net::IpPrefix::truncated(net::Ipv4Address(0x0a000000U | below(3) << 8U | below(3)),
                                    kLengths[below(7)]);
  }
  RouteKey anyKey() {
    auto key = vpnKey("10.1.0." + std::to_string(below(4)) + ":1", "0.0.0.0/0");
    key.prefix = anyPrefix();
    key.family = key.prefix.address().isV4() ? wire::kVpnv4 : wire::kVpnv6;
    return key;
  }
  Path anyPath() {
    Path path;
    path.peer = PeerId(below(3));
    path.label = *net::Label::make(16 + below(4));
    path.stale = below(5) == 0;
    path.suspect = path.stale && below(2) == 0;
    auto with = attributes({}, "10.1.0." + std::to_string(below(3)));
    for (auto n = below(4); n > 0; --n)
      with->extendedCommunities.push_back(anyTarget().community());
    if (below(3) == 0) with->localPref = 99 + below(3);
    if (below(3) == 0) with->med = below(2);
    with->origin = static_cast<wire::Origin>(below(4) == 0 ? 1 : 0);
    if (below(3) == 0)
      with->asPath = {{wire::AsPathSegment::Type::kSequence, {net::Asn(7 + below(2))}}};
    path.attributes = with;
    return path;
  }

  void step() {
    const VrfId vrf(1 + below(4));
    switch (below(10)) {
      case 0: {
        std::set<net::RouteTarget> import;
        for (auto n = below(4); n > 0; --n) import.insert(anyTarget());
        imports_[vrf] = import;
        return table_.setVrf(vrf, import);
      }
      case 1:
        if (below(3) != 0) return follow();
        imports_.erase(vrf);
        return table_.removeVrf(vrf);
      case 2: {
        // Other families are nobody's business here.
        RouteKey key;
        key.family = below(2) == 0 ? wire::kRtConstraint : wire::kIpv4Unicast;
        const auto path = anyPath();
        return table_.update({key, &path});
      }
      default:
        break;
    }
    // Mostly one that is there.
    auto key = anyKey();
    if (!routes_.empty() && below(2) == 0) {
      auto at = routes_.begin();
      std::advance(at, below(static_cast<std::uint32_t>(routes_.size())));
      key = at->first;
    }
    if (below(3) == 0) {
      routes_.erase(key);
      return table_.update({key, nullptr});
    }
    routes_[key] = anyPath();
    table_.update({key, &routes_[key]});
  }

  // Somebody who takes the changes only.
  void follow() {
    std::set<std::pair<VrfId, net::IpPrefix>> once;
    for (const auto& change : table_.takeChanges()) {
      EXPECT_TRUE(once.insert({change.vrf, change.prefix}).second) << "each once";
      if (change.paths.empty())
        followed_[change.vrf].erase(change.prefix);
      else
        followed_[change.vrf][change.prefix] = seen(change.paths);
    }
    EXPECT_TRUE(table_.takeChanges().empty());
  }

  // ---- what must be ----

  static auto rank(const Path& path) {
    const auto& a = *path.attributes;
    return std::tuple(path.suspect, -static_cast<int>(a.localPref.value_or(100)), a.asPath.size(),
                      a.origin);
  }
  static std::uint32_t neighbour(const Path& path) {
    const auto& as = path.attributes->asPath;
    return as.empty() ? 0 : as[0].asns[0].value();
  }
  // Another of the same neighbour AS that has a lower MED.
  static bool medBeats(const Path& a, const Path& b) {
    return neighbour(a) == neighbour(b) && rank(a) == rank(b) &&
           a.attributes->med.value_or(0) < b.attributes->med.value_or(0);
  }
  Table expected(const std::set<net::RouteTarget>& import) {
    std::map<net::IpPrefix, std::vector<std::pair<const Path*, Seen>>> candidates;
    for (const auto& [key, path] : routes_)
      for (const auto& community : path.attributes->extendedCommunities) {
        const auto by = *net::RouteTarget::from(community);
        if (!import.contains(by)) continue;
        candidates[key.prefix].push_back({&path,
                                          {path.attributes->nextHop, key.rd, path.label.value(), by,
                                           path.peer == kLocal, path.stale, path.peer}});
        break;  // by the first that fits
      }
    Table out;
    for (auto& [at, list] : candidates) {
      const auto& best = *std::min_element(list.begin(), list.end(), [](auto& a, auto& b) {
        return rank(*a.first) < rank(*b.first);
      });
      for (const auto& [path, view] : list)
        if (rank(*path) == rank(*best.first) &&
            std::none_of(list.begin(), list.end(),
                         [one = path](const auto& other) { return medBeats(*other.first, *one); }))
          out[at].push_back(view);
      std::sort(out[at].begin(), out[at].end());
    }
    return out;
  }

  std::mt19937 random_;
  VrfTable table_;
  std::map<RouteKey, Path> routes_;
  std::map<VrfId, std::set<net::RouteTarget>> imports_;
  std::map<VrfId, Table> followed_;
};

TEST_F(VrfModelTest, EveryVrfHoldsWhatItsTargetsCall) {
  random_.seed(3);
  std::size_t multipath = 0, found = 0;
  for (int round = 0; round < 400; ++round) {
    for (int i = 0; i < 15; ++i) step();
    follow();
    for (std::uint32_t number = 1; number <= 4; ++number) {
      const VrfId vrf(number);
      const auto import = imports_.find(vrf);
      const auto want = import == imports_.end() ? Table{} : expected(import->second);
      Table has;
      for (const auto& route : table_.routes(vrf)) {
        EXPECT_EQ(route.vrf, vrf);
        EXPECT_FALSE(route.paths.empty()) << route.prefix.text();
        has[route.prefix] = seen(route.paths);
      }
      ASSERT_TRUE(has == want) << "vrf " << number << " in round " << round;
      ASSERT_TRUE(followed_[vrf] == want) << "the changes of vrf " << number << " did not tell";
      for (const auto& [at, paths] : want) multipath += paths.size() > 1 ? 1 : 0;
      for (int i = 0; i < 6; ++i) {
        const auto address = anyPrefix().address().plus(below(3));
        const std::pair<const net::IpPrefix, std::vector<Seen>>* longest = nullptr;
        for (const auto& entry : want)
          if (entry.first.contains(address) &&
              (longest == nullptr || entry.first.length() > longest->first.length()))
            longest = &entry;
        const auto got = table_.lookup(vrf, address);
        ASSERT_EQ(got.has_value(), longest != nullptr) << address.text();
        if (!got) continue;
        ++found;
        EXPECT_EQ(got->prefix, longest->first);
        EXPECT_TRUE(seen(got->paths) == longest->second);
      }
    }
  }
  EXPECT_GT(multipath, 100U);
  EXPECT_GT(found, 1000U);
}

// An import that does not change changes nothing, and a VRF that is made again begins anew.
TEST_F(VrfModelTest, OnlyWhatDiffersIsTold) {
  const VrfId vrf(1);
  const auto path = anyPath();
  auto with = std::make_shared<wire::PathAttributes>(*path.attributes);
  with->extendedCommunities = {target("64512:1").community()};
  const Path route{path.peer, path.label, with, false};
  table_.setVrf(vrf, {target("64512:1")});
  EXPECT_TRUE(table_.takeChanges().empty());
  table_.update({vpnKey("1:1", "10.0.0.1/32"), &route});
  EXPECT_EQ(table_.takeChanges().size(), 1U);
  table_.setVrf(vrf, {target("64512:1")});
  EXPECT_TRUE(table_.takeChanges().empty());
  table_.update({vpnKey("1:9", "10.0.0.9/32"), nullptr});
  EXPECT_TRUE(table_.takeChanges().empty()) << "nothing was there";
  table_.removeVrf(vrf);
  auto changes = table_.takeChanges();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_TRUE(changes[0].paths.empty());
  table_.removeVrf(vrf);
  EXPECT_TRUE(table_.takeChanges().empty());
  EXPECT_FALSE(table_.lookup(vrf, ip("10.0.0.1")));
  table_.setVrf(vrf, {target("64512:1"), target("64512:2")});
  changes = table_.takeChanges();
  ASSERT_EQ(changes.size(), 1U) << "what is known is imported at once";
  EXPECT_EQ(changes[0].paths.at(0).importedBy, target("64512:1"));
}

}  // namespace
}  // namespace hawser::rib
