// The RIB against a model that knows no increments: it keeps what every neighbour said last, and
// works out from that alone, by rules written once more and plainly, what each must have been sent.
#include <algorithm>
#include <random>

#include "fixture.h"

namespace hawser::rib {
namespace {

using namespace test;
using Type = wire::AsPathSegment::Type;
using Ptr = std::shared_ptr<const wire::PathAttributes>;

const net::Asn kOurs(64512);
const auto kSelfId = ip("10.1.0.10").v4();
const PeerId kClientA{1}, kClientB{2}, kMesh{3}, kSiteX{4}, kRouter{5};

struct Said {
  net::Label label;
  Ptr attributes;
  bool stale = false;
};
struct Neighbour {
  PeerPolicy policy;
  bool up = false, gate = true;
  std::map<RouteKey, Said> said;
  Ptr last;  // attributes
};
using Table = std::map<RouteKey, std::pair<net::Label, wire::PathAttributes>>;

// ---- the rules, plainly ----

bool isTarget(const net::ExtendedCommunity& community) {
  return net::RouteTarget::from(community).has_value();
}
bool vpn(const RouteKey& key) { return key.family == wire::kVpnv4 || key.family == wire::kVpnv6; }

bool anyHolds(const std::vector<net::IpPrefix>& list, const net::IpPrefix& route) {
  for (const auto& outer : list)
    if (outer.contains(route)) return true;
  return false;
}

std::optional<wire::PathAttributes> filtered(const RouteFilter& filter, const RouteKey& key,
                                             const wire::PathAttributes& attributes) {
  auto out = attributes;
  if (!vpn(key)) return out;
  if (filter.prefixes && !anyHolds(*filter.prefixes, key.prefix)) return std::nullopt;
  if (!filter.routeTargets && filter.prefixesByTarget.empty()) return out;
  std::erase_if(out.extendedCommunities, [&](const net::ExtendedCommunity& community) {
    if (!isTarget(community)) return false;
    const auto target = *net::RouteTarget::from(community);
    if (filter.routeTargets && !filter.routeTargets->contains(target)) return true;
    const auto limits = filter.prefixesByTarget.find(target);
    return limits != filter.prefixesByTarget.end() && !anyHolds(limits->second, key.prefix);
  });
  const auto& left = out.extendedCommunities;
  if (std::none_of(left.begin(), left.end(), isTarget)) return std::nullopt;
  return out;
}

bool passes(const wire::AsPath& path, net::Asn asn) {
  for (const auto& segment : path)
    for (const auto member : segment.asns)
      if (member == asn) return true;
  return false;
}

std::optional<wire::PathAttributes> accepted(const Neighbour& from, bool own, const RouteKey& key,
                                             const wire::PathAttributes& attributes) {
  if (own) return attributes;
  const auto& clusters = attributes.clusterList;
  if (passes(attributes.asPath, kOurs) || attributes.originatorId == kSelfId ||
      std::find(clusters.begin(), clusters.end(), kSelfId) != clusters.end())
    return std::nullopt;
  if (from.policy.external() && vpn(key) && attributes.nextHop == from.policy.localAddress)
    return std::nullopt;
  auto kept = attributes;
  if (from.policy.external())
    std::erase_if(kept.extendedCommunities, [&](const auto& community) {
      const auto identity = net::identityOf(community);
      return identity && net::Asn(identity->asn) != from.policy.remoteAs;
    });
  return filtered(from.policy.import, key, kept);
}

// Less is better. There is no MED in these histories: its own tests are in decision_test.cpp.
auto rank(const Neighbour& from, bool own, const Said& said, const wire::PathAttributes& a) {
  std::size_t length = 0;
  for (const auto& segment : a.asPath)
    length += segment.type == Type::kSequence ? segment.asns.size() : 1;
  const auto id = own ? net::RouterId() : a.originatorId.value_or(from.policy.remoteId);
  return std::tuple(said.stale, -static_cast<std::int64_t>(a.localPref.value_or(100)), !own, length,
                    a.origin, own || !from.policy.external(), id, a.clusterList.size(),
                    from.policy.remoteAddress);
}

std::optional<wire::PathAttributes> exported(const Neighbour& to, const Neighbour& from, bool own,
                                             const RouteKey& key, wire::PathAttributes out) {
  const auto& policy = to.policy;
  const bool membership = key.family == wire::kRtConstraint;
  const auto said = [&](std::uint32_t community) {
    return std::find(out.communities.begin(), out.communities.end(), community) !=
           out.communities.end();
  };
  if (&to == &from && !(membership && policy.routeReflectorClient)) return std::nullopt;
  if (said(0xffffff02)) return std::nullopt;
  if (policy.external()) {
    const auto& wants = policy.import.routeTargets;
    if (membership && wants && std::none_of(wants->begin(), wants->end(), [&](const auto& target) {
          return key.membership.matches(target);
        }))
      return std::nullopt;
    if (said(0xffffff01) || said(0xffffff03) || passes(out.asPath, policy.remoteAs))
      return std::nullopt;
    if (out.asPath.empty()) out.asPath = {{Type::kSequence, {}}};
    out.asPath[0].asns.insert(out.asPath[0].asns.begin(), kOurs);
    out.localPref.reset();
    out.originatorId.reset();
    out.clusterList.clear();
    std::erase_if(out.extendedCommunities, [](const auto& c) {
      return !c.transitive() || (net::identityOf(c) && net::identityOf(c)->asn == 0);
    });
    if (membership || policy.nextHopSelf) out.nextHop = policy.localAddress;
    return out;
  }
  const bool inside = !own && !from.policy.external();
  if (inside && !policy.routeReflectorClient && !from.policy.routeReflectorClient)
    return std::nullopt;
  out.localPref = out.localPref.value_or(100);
  if (policy.nextHopSelf) out.nextHop = policy.localAddress;
  if (!inside) return out;
  out.originatorId = out.originatorId.value_or(from.policy.remoteId);
  out.clusterList.insert(out.clusterList.begin(), kSelfId);
  if (membership && policy.routeReflectorClient) {
    out.originatorId = kSelfId;
    out.nextHop = policy.localAddress;
  }
  return out;
}

// ---- the history ----

class ModelTest : public testing::Test {
 protected:
  ModelTest() {
    add(kLocal, peer(64512, "0.0.0.0"));
    all_[kLocal].policy.remoteId = {};
    add(kClientA, peer(64512, "10.1.0.11", true, true));
    add(kClientB, peer(64512, "10.1.0.12", true, true));
    add(kMesh, peer(64512, "10.1.0.13", false, true));
    add(kSiteX, peer(64513, "10.2.0.10", false, true));
    add(kRouter, peer(64999, "10.3.0.1"));
    all_[kRouter].policy.nextHopSelf = true;
    for (const auto id : {kClientA, kClientB, kSiteX})
      all_[id].policy.families.insert(wire::kVpnv6);
  }
  void add(PeerId id, PeerPolicy policy) { all_[id].policy = std::move(policy); }

  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_()) % n; }
  bool coin() { return below(2) == 0; }
  net::RouteTarget anyTarget() { return target("64512:" + std::to_string(below(4))); }

  RouteKey anyKey() {
    auto key =
        vpnKey("1:" + std::to_string(below(2)), "10.0." + std::to_string(below(4)) + ".1/32");
    if (below(4) != 0) return key;
    key.family = wire::kVpnv6;
    key.prefix = prefix("2001:db8::" + std::to_string(below(3)) + "/128");
    return key;
  }
  RouteFilter anyFilter() {
    RouteFilter filter;
    if (coin()) filter.routeTargets = std::set{anyTarget(), anyTarget()};
    if (below(3) == 0)
      filter.prefixes = std::vector{prefix("10.0.0.0/23"), prefix("2001:db8::/64")};
    if (coin()) filter.prefixesByTarget[anyTarget()] = {prefix("10.0.1.0/24"), prefix("::/0")};
    return filter;
  }
  std::shared_ptr<wire::PathAttributes> anyAttributes(const Neighbour& from) {
    auto out = attributes({}, "10.1.0." + std::to_string(100 + below(3)));
    for (auto n = below(4); n > 0; --n) out->extendedCommunities.push_back(anyTarget().community());
    if (below(4) == 0)
      out->extendedCommunities.push_back(net::ExtendedCommunity({0x40, 4, 0, 0, 0, 0, 0, 1}));
    static constexpr std::uint16_t kSites[] = {64512, 64513, 0};
    if (coin()) out->extendedCommunities.push_back(net::identityCommunity({kSites[below(3)], 7}));
    if (coin()) out->localPref = 100 + below(2);
    if (from.policy.external()) out->asPath = {{Type::kSequence, {from.policy.remoteAs}}};
    for (auto n = below(3); n > 0; --n) {
      static constexpr std::uint32_t kAs[] = {64513, 64999, 7, 8, 64512};
      if (out->asPath.empty()) out->asPath = {{Type::kSequence, {}}};
      out->asPath[0].asns.emplace_back(kAs[below(below(4) == 0 ? 5 : 4)]);
    }
    out->origin = static_cast<wire::Origin>(below(2));
    if (below(8) == 0) out->communities = {0xffffff01U + below(4)};
    if (!from.policy.external() && below(4) == 0) {
      out->originatorId = coin() ? ip("10.1.0.77").v4() : ip("10.1.0.12").v4();
      out->clusterList = {coin() ? ip("10.1.0.78").v4() : ip("10.1.0.79").v4()};
      if (below(6) == 0) out->clusterList.push_back(kSelfId);
    }
    return out;
  }
  wire::RtMembership anyMembership() {
    if (below(12) == 0) return wire::RtMembership::defaultRoute();
    auto out = wire::RtMembership::of(net::Asn(64512 + below(2)), anyTarget());
    if (below(6) == 0) {
      out.length = 95;  // two neighbouring targets
      out.target[7] = static_cast<std::uint8_t>(out.target[7] & 0xfeU);
    }
    return out;
  }

  void up(PeerId id, Neighbour& neighbour) {
    // Configured anew in between, and with another id, as after a reinstallation.
    if (coin()) neighbour.policy.import = anyFilter();
    if (coin()) neighbour.policy.exportTo = anyFilter();
    if (below(4) == 0) neighbour.policy.remoteId = net::Ipv4Address(0x0a010000U + below(200));
    neighbour.up = true;
    neighbour.gate = !neighbour.policy.rtConstraint;
    sent_[id].clear();
    rib_.peerUp(id, neighbour.policy);
  }
  void down(PeerId id, Neighbour& neighbour) {
    const bool keep = coin();
    neighbour.up = false;
    sent_[id].clear();
    if (keep)
      for (auto& [key, said] : neighbour.said) said.stale = true;
    else
      neighbour.said.clear();
    if (!keep && coin()) return rib_.forget(id);
    rib_.peerDown(id, keep);
  }
  void finish(PeerId id, Neighbour& neighbour, wire::Family family) {
    if (!neighbour.policy.families.contains(family)) return;
    std::erase_if(neighbour.said, [&](const auto& entry) {
      return entry.first.family == family && entry.second.stale;
    });
    if (family == wire::kRtConstraint) neighbour.gate = true;
    rib_.receive(id, endOfRib(family));
  }
  void say(PeerId id, Neighbour& neighbour, const RouteKey& key, const wire::Nlri& nlri) {
    const bool own = id == kLocal;
    if (!neighbour.policy.families.contains(key.family) && !own) return;
    if (below(3) == 0) {
      neighbour.said.erase(key);
      return own ? rib_.withdraw(key) : rib_.receive(id, {key.family, {}, {nlri}, nullptr});
    }
    const auto* route = std::get_if<wire::VpnNlri>(&nlri);
    const auto label = route == nullptr ? net::Label() : route->label;
    // Routes of several families often share attributes.
    const Ptr with = neighbour.last && below(3) == 0 ? neighbour.last : anyAttributes(neighbour);
    neighbour.last = with;
    neighbour.said[key] = {label, with, false};
    if (own)
      rib_.originate(key, label, with);
    else
      rib_.receive(id, {key.family, {nlri}, {}, with});
  }

  void step() {
    auto at = all_.begin();
    std::advance(at, below(static_cast<std::uint32_t>(all_.size())));
    auto& [id, neighbour] = *at;
    if (id != kLocal) {
      if (!neighbour.up) return below(3) == 0 ? up(id, neighbour) : filters(id, neighbour);
      switch (below(24)) {
        case 0:
          return down(id, neighbour);
        case 1:
          return filters(id, neighbour);
        case 2:
        case 3:
          return finish(id, neighbour, wire::kRtConstraint);
        case 4:
          return finish(id, neighbour, wire::kVpnv4);
        case 5:
          return rib_.refresh(id, coin() ? wire::kVpnv4 : wire::kRtConstraint);
        case 6:
        case 7:
          return drain(id, 1 + below(5));
        case 8:
          held_ = coin();
          return rib_.holdOutput(held_);
        default:
          break;
      }
    }
    if (below(3) == 0) {
      RouteKey key;
      key.family = wire::kRtConstraint;
      key.membership = anyMembership();
      return say(id, neighbour, key, key.membership);
    }
    const auto key = anyKey();
    say(id, neighbour, key, wire::VpnNlri{*net::Label::make(16 + below(3)), key.rd, key.prefix});
  }
  void filters(PeerId id, Neighbour& neighbour) {
    if (coin()) neighbour.policy.import = anyFilter();
    if (coin()) neighbour.policy.exportTo = anyFilter();
    rib_.setFilters(id, neighbour.policy.import, neighbour.policy.exportTo);
  }

  void drain(PeerId id, std::size_t most = SIZE_MAX) {
    auto& table = sent_[id];
    std::size_t routes = 0;
    for (const auto& update : rib_.takeOutput(id, most)) {
      routes += update.withdrawn.size() + update.announced.size();
      if (held_ || !all_[id].gate) {
        EXPECT_EQ(update.family, wire::kRtConstraint) << "held back";
      }
      for (const auto& nlri : update.withdrawn)
        EXPECT_EQ(table.erase(keyOf(update.family, nlri)), 1U) << "withdrawn, never announced";
      for (const auto& nlri : update.announced) {
        const auto* route = std::get_if<wire::VpnNlri>(&nlri);
        table[keyOf(update.family, nlri)] = {route == nullptr ? net::Label() : route->label,
                                             *update.attributes};
      }
    }
    EXPECT_LE(routes, most);
  }

  // ---- what must be ----

  struct Best {
    PeerId from;
    net::Label label;
    wire::PathAttributes attributes;
  };
  std::map<RouteKey, Best> bests() {
    std::map<RouteKey, Best> out;
    for (auto& [id, neighbour] : all_)
      for (const auto& [key, said] : neighbour.said) {
        const bool own = id == kLocal;
        const auto mine = accepted(neighbour, own, key, *said.attributes);
        if (!mine) continue;
        const auto found = out.find(key);
        if (found != out.end()) {
          auto& other = all_[found->second.from];
          const bool otherOwn = found->second.from == kLocal;
          if (rank(other, otherOwn, other.said[key], found->second.attributes) <=
              rank(neighbour, own, said, *mine))
            continue;
        }
        out.insert_or_assign(key, Best{id, said.label, *mine});
      }
    return out;
  }
  bool wants(const Neighbour& neighbour, const wire::PathAttributes& attributes) {
    if (!neighbour.policy.rtConstraint) return true;
    for (const auto& [key, said] : neighbour.said) {
      if (key.family != wire::kRtConstraint || !accepted(neighbour, false, key, *said.attributes))
        continue;
      for (const auto& community : attributes.extendedCommunities)
        if (isTarget(community) && key.membership.matches(*net::RouteTarget::from(community)))
          return true;
    }
    return false;
  }
  Table expected(const Neighbour& to, const std::map<RouteKey, Best>& bests) {
    Table out;
    for (const auto& [key, best] : bests) {
      if (!to.policy.families.contains(key.family) || (vpn(key) && !to.gate)) continue;
      const auto may = filtered(to.policy.exportTo, key, best.attributes);
      if (!may || (vpn(key) && !wants(to, *may))) continue;
      const auto gets = exported(to, all_[best.from], best.from == kLocal, key, *may);
      if (gets) out[key] = {best.label, *gets};
    }
    return out;
  }

  // The counters are kept as things come and go: a count of what is there finds the same.
  void checkCounters() {
    std::map<PeerId, std::pair<std::uint64_t, std::uint64_t>> in;  // all, memberships
    for (const auto family : {wire::kVpnv4, wire::kVpnv6, wire::kRtConstraint})
      for (const auto& view : rib_.paths(family)) {
        if (view.rule == Rule::kRejected) continue;
        ++in[view.path.peer].first;
        if (family == wire::kRtConstraint) ++in[view.path.peer].second;
      }
    for (const auto& [id, neighbour] : all_) {
      const auto counters = rib_.counters(id);
      const auto out = rib_.advertised(id);
      EXPECT_EQ(counters.accepted, in[id].first) << id.value();
      EXPECT_EQ(counters.membershipsIn, in[id].second) << id.value();
      EXPECT_EQ(counters.advertised, out.size()) << id.value();
      EXPECT_EQ(
          counters.membershipsOut,
          std::ranges::count_if(
              out, [](const RouteView& view) { return view.key.family == wire::kRtConstraint; }))
          << id.value();
    }
  }

  std::mt19937 random_;
  Rib rib_{{kOurs, kSelfId, kSelfId}};
  std::map<PeerId, Neighbour> all_;
  std::map<PeerId, Table> sent_;
  bool held_ = false;
};

std::string shown(const Table& table) {
  std::string out;
  for (const auto& [key, value] : table)
    out += text(key) + " label " + std::to_string(value.first.value()) + "\n";
  return out;
}

TEST_F(ModelTest, EveryPeerHasExactlyWhatTheRulesGiveIt) {
  std::size_t seen = 0, bestSeen = 0;
  for (unsigned seed = 1; seed <= 6; ++seed) {
    random_.seed(seed);
    for (int round = 0; round < 80; ++round) {
      for (int i = 0; i < 25; ++i) step();
      checkCounters();
      held_ = false;
      rib_.holdOutput(false);
      const auto best = bests();
      for (auto& [id, neighbour] : all_) {
        if (!neighbour.up) continue;
        drain(id);
        ASSERT_FALSE(rib_.hasOutput(id) && neighbour.gate);
        const auto want = expected(neighbour, best);
        ASSERT_EQ(sent_[id] == want, true)
            << "peer " << id.value() << ", seed " << seed << ", round " << round << "\nhas\n"
            << shown(sent_[id]) << "should have\n"
            << shown(want);
        EXPECT_EQ(rib_.counters(id).advertised, want.size());
        seen += want.size();
      }
      for (const auto& [key, one] : best) {
        const auto* path = rib_.best(key);
        ASSERT_TRUE(path) << text(key);
        EXPECT_EQ(path->peer, one.from) << text(key);
        EXPECT_EQ(path->label, one.label) << text(key);
        EXPECT_EQ(path->stale, all_[one.from].said[key].stale) << text(key);
        EXPECT_EQ(*path->attributes, one.attributes) << text(key);
        ++bestSeen;
      }
      std::size_t visited = 0;
      for (const auto family : {wire::kVpnv4, wire::kVpnv6, wire::kRtConstraint})
        rib_.forEachBest(family, [&](const RouteKey& key, const Path&) {
          EXPECT_EQ(key.family, family) << text(key);
          ++visited;
          EXPECT_TRUE(best.contains(key)) << text(key);
        });
      EXPECT_EQ(visited, best.size());
    }
  }
  EXPECT_GT(seen, 2000U) << "the histories were about something";
  EXPECT_GT(bestSeen, 2000U);
}

}  // namespace
}  // namespace hawser::rib
