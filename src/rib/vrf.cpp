// Routes by route target into VRFs. A route stands in an index by target, a VRF in another, so that
// a route finds its VRFs and a VRF its routes without a look at the rest.
#include "hawser/rib/vrf.h"

#include <algorithm>
#include <tuple>

#include "decision.h"
#include "hawser/net/communities.h"
#include "hawser/net/lpm.h"
#include "policy.h"

namespace hawser::rib {
namespace {

struct Imported {
  Path path;
  net::RouteTarget importedBy;
};
// Of one prefix in one VRF, by route distinguisher.
using Candidates = std::map<net::RouteDistinguisher, Imported>;

// What the decision process finds equal up to MED (RFC 4364 leaves multipath to the implementation;
// this is what routers do).
std::vector<VrfPath> multipath(const Candidates& imports) {
  std::vector<Candidate> candidates;
  std::vector<Candidates::const_iterator> at;
  for (auto it = imports.begin(); it != imports.end(); ++it) {
    // A stale path forwards like any other (RFC 4724, 4.2): when the session with the controller is
    // lost, connections by other hosts go on beside those to this host's own ports, and when it
    // is back, groups do not shrink while it tells its routes. Only who fell silent is behind.
    candidates.push_back(candidateOf(it->second.path, nullptr));
    candidates.back().stale = suspected(it->second.path);
    at.push_back(it);
  }
  std::vector<VrfPath> paths;
  for (const auto i : equalUpToMed(candidates)) {
    const auto& [rd, imported] = *at[i];
    paths.push_back({rd, imported.path.attributes->nextHop, imported.path.label,
                     imported.path.attributes, imported.importedBy, imported.path.peer == kLocal,
                     imported.path.stale || suspected(imported.path), imported.path.peer});
  }
  std::sort(paths.begin(), paths.end(), [](const VrfPath& a, const VrfPath& b) {
    return std::tie(a.nextHop, a.rd) < std::tie(b.nextHop, b.rd);
  });
  return paths;
}

bool hasIdentity(const wire::PathAttributes& attributes) {
  return net::identityIn(attributes.extendedCommunities).number != 0;
}

}  // namespace

struct VrfTable::Impl {
  struct Vrf {
    std::set<net::RouteTarget> import;
    net::PrefixMap<Candidates> table;
    std::map<net::IpAddress, std::size_t> routers;  // next hop → how many of its paths are nobody's
  };
  struct Route {
    Path path;
    std::vector<net::RouteTarget> targets;
  };
  std::map<VrfId, Vrf> vrfs;
  std::map<net::RouteTarget, std::set<VrfId>> importers;
  std::map<RouteKey, Route> routes;
  std::map<net::RouteTarget, std::set<RouteKey>> carriers;
  std::set<std::pair<VrfId, net::IpPrefix>> changed;

  static void count(Vrf& vrf, const Path& path, bool more) {
    if (path.peer == kLocal || hasIdentity(*path.attributes)) return;
    auto& paths = vrf.routers[path.attributes->nextHop];
    more ? ++paths : --paths;
    if (paths == 0) vrf.routers.erase(path.attributes->nextHop);
  }

  void place(VrfId id, Vrf& vrf, const RouteKey& key, const Route& route) {
    const auto by =
        std::find_if(route.targets.begin(), route.targets.end(),
                     [&](const net::RouteTarget& target) { return vrf.import.contains(target); });
    if (by == route.targets.end()) return displace(id, vrf, key);
    auto& candidates = vrf.table[key.prefix];
    const auto [at, fresh] = candidates.try_emplace(key.rd);
    if (!fresh) count(vrf, at->second.path, false);
    at->second = {route.path, *by};
    count(vrf, route.path, true);
    changed.insert({id, key.prefix});
  }

  void displace(VrfId id, Vrf& vrf, const RouteKey& key) {
    auto* candidates = vrf.table.find(key.prefix);
    if (candidates == nullptr) return;
    const auto at = candidates->find(key.rd);
    if (at == candidates->end()) return;
    count(vrf, at->second.path, false);
    candidates->erase(at);
    if (candidates->empty()) vrf.table.erase(key.prefix);
    changed.insert({id, key.prefix});
  }

  void forget(const RouteKey& key, std::set<VrfId>& touched) {
    const auto found = routes.find(key);
    if (found == routes.end()) return;
    for (const auto& target : found->second.targets) {
      if (const auto importing = importers.find(target); importing != importers.end())
        touched.insert(importing->second.begin(), importing->second.end());
      const auto carrying = carriers.find(target);
      carrying->second.erase(key);
      if (carrying->second.empty()) carriers.erase(carrying);
    }
    routes.erase(found);
  }

  std::set<RouteKey> carrying(const std::set<net::RouteTarget>& targets) const {
    std::set<RouteKey> keys;
    for (const auto& target : targets)
      if (const auto found = carriers.find(target); found != carriers.end())
        keys.insert(found->second.begin(), found->second.end());
    return keys;
  }
};

VrfTable::VrfTable() : impl_(std::make_unique<Impl>()) {}
VrfTable::~VrfTable() = default;

void VrfTable::setVrf(VrfId id, std::set<net::RouteTarget> import) {
  auto& vrf = impl_->vrfs[id];
  if (vrf.import == import) return;
  const auto before = vrf.import;
  for (const auto& target : before) {
    auto& users = impl_->importers[target];
    users.erase(id);
    if (users.empty()) impl_->importers.erase(target);
  }
  for (const auto& target : import) impl_->importers[target].insert(id);
  vrf.import = std::move(import);
  auto keys = impl_->carrying(before);
  keys.merge(impl_->carrying(vrf.import));
  for (const auto& key : keys) impl_->place(id, vrf, key, impl_->routes.at(key));
}

void VrfTable::removeVrf(VrfId id) {
  const auto found = impl_->vrfs.find(id);
  if (found == impl_->vrfs.end()) return;
  for (const auto& target : found->second.import) {
    auto& users = impl_->importers[target];
    users.erase(id);
    if (users.empty()) impl_->importers.erase(target);
  }
  for (const auto& [prefix, candidates] : found->second.table) impl_->changed.insert({id, prefix});
  impl_->vrfs.erase(found);
}

void VrfTable::update(const BestChange& change) {
  if (!isVpn(change.key.family)) return;
  std::set<VrfId> touched;
  impl_->forget(change.key, touched);
  if (change.path != nullptr) {
    auto& route = impl_->routes[change.key];
    route = {*change.path, routeTargetsOf(*change.path->attributes)};
    for (const auto& target : route.targets) {
      impl_->carriers[target].insert(change.key);
      if (const auto importing = impl_->importers.find(target); importing != impl_->importers.end())
        touched.insert(importing->second.begin(), importing->second.end());
    }
  }
  for (const auto id : touched) {
    auto& vrf = impl_->vrfs.at(id);
    if (change.path == nullptr)
      impl_->displace(id, vrf, change.key);
    else
      impl_->place(id, vrf, change.key, impl_->routes.at(change.key));
  }
}

std::vector<VrfChange> VrfTable::takeChanges() {
  std::vector<VrfChange> changes;
  for (const auto& [id, prefix] : impl_->changed) {
    const auto vrf = impl_->vrfs.find(id);
    const auto* candidates = vrf == impl_->vrfs.end() ? nullptr : vrf->second.table.find(prefix);
    changes.push_back(
        {id, prefix, candidates == nullptr ? std::vector<VrfPath>{} : multipath(*candidates)});
  }
  impl_->changed.clear();
  return changes;
}

std::set<net::IpAddress> VrfTable::routers(VrfId id) const {
  std::set<net::IpAddress> all;
  const auto found = impl_->vrfs.find(id);
  if (found == impl_->vrfs.end()) return all;
  for (const auto& [nextHop, paths] : found->second.routers) all.insert(nextHop);
  return all;
}

std::vector<VrfChange> VrfTable::routes(VrfId id) const {
  std::vector<VrfChange> all;
  const auto found = impl_->vrfs.find(id);
  if (found == impl_->vrfs.end()) return all;
  for (const auto& [prefix, candidates] : found->second.table)
    all.push_back({id, prefix, multipath(candidates)});
  return all;
}

std::optional<VrfChange> VrfTable::lookup(VrfId id, const net::IpAddress& address) const {
  const auto found = impl_->vrfs.find(id);
  if (found == impl_->vrfs.end()) return std::nullopt;
  const auto* match = found->second.table.lookup(address);
  if (match == nullptr) return std::nullopt;
  return VrfChange{id, match->first, multipath(match->second)};
}

}  // namespace hawser::rib
