// What peers get: which keys to look at again, and what is sent of them.
#include "impl.h"

namespace hawser::rib {

namespace {

wire::Nlri nlriOf(const RouteKey& key, net::Label label) {
  if (key.family == wire::kRtConstraint) return key.membership;
  if (isVpn(key.family)) return wire::VpnNlri{label, key.rd, key.prefix};
  return wire::UnicastNlri{key.prefix};
}

bool wanted(const Peer& peer, const std::vector<net::RouteTarget>& targets) {
  if (!peer.policy.rtConstraint) return true;
  if (std::any_of(targets.begin(), targets.end(),
                  [&](const auto& t) { return peer.exact.contains(t); }))
    return true;
  return !peer.partial.all.empty() && peer.partial.wants(targets);
}

}  // namespace

struct Rib::Impl::Packing {
  std::map<wire::Family, wire::Update> withdrawals;
  std::map<std::pair<wire::Family, AttributesPtr>, wire::Update> announcements;
  std::map<AttributesPtr, AttributesPtr> suspects;  // without kLlgrStale → with it

  AttributesPtr suspected(const AttributesPtr& attributes) {
    auto& marked = suspects[attributes];
    if (marked) return marked;
    auto with = std::make_shared<wire::PathAttributes>(*attributes);
    auto& communities = with->communities;
    if (std::find(communities.begin(), communities.end(), kLlgrStale) == communities.end())
      communities.push_back(kLlgrStale);
    return marked = std::move(with);
  }

  [[nodiscard]] std::vector<wire::Update> updates() && {
    std::vector<wire::Update> all;
    for (auto& [family, update] : withdrawals) {
      update.family = family;
      all.push_back(std::move(update));
    }
    for (auto& [group, update] : announcements) {
      update.family = group.first;
      update.attributes = group.second;
      all.push_back(std::move(update));
    }
    return all;
  }
};

void Rib::Impl::markTarget(Peer& peer, const net::RouteTarget& target,
                           std::optional<wire::Family> family) {
  if (!peer.up) return;
  const auto found = byTarget.find(target);
  if (found == byTarget.end()) return;
  const auto& keys = found->second;
  const auto all = std::ranges::subrange(keys.begin(), keys.end());
  for (const auto& key : family ? ofFamily(keys, *family) : all) mark(peer, key);
}

// Whoever was sent the route wants one of the targets that its best path had then, or is wide, or
// has the key marked already: a membership or a filter that changed since has marked it.
void Rib::Impl::markChanged(const RouteKey& key, const std::vector<net::RouteTarget>& before,
                            const std::vector<net::RouteTarget>& after) {
  const auto markWanting = [&](const net::RouteTarget& target) {
    const auto found = wanting.find(target);
    if (found == wanting.end()) return;
    for (auto* peer : found->second) mark(*peer, key);
  };
  for (const auto& target : before) markWanting(target);
  for (const auto& target : after)
    if (std::find(before.begin(), before.end(), target) == before.end()) markWanting(target);
  for (auto* peer : wide) mark(*peer, key);
}

void Rib::Impl::markVpn(Peer& peer) {
  if (!peer.up) return;
  for (const auto family : peer.policy.families)
    if (isVpn(family))
      for (const auto& [key, entry] : ofFamily(table, family)) mark(peer, key);
}

void Rib::Impl::markFamily(Peer& peer, wire::Family family) {
  if (isVpn(family) && !wide.contains(&peer)) {
    for (const auto& [target, count] : peer.exact) markTarget(peer, target, family);
    return;
  }
  for (const auto& [key, entry] : ofFamily(table, family)) mark(peer, key);
}

AttributesPtr Rib::Impl::outbound(Peer& peer, PeerId id, const RouteKey& key,
                                  const Path& path) const {
  const bool itself = path.peer == id;
  const auto* source = path.peer == kLocal ? nullptr : policyOf(path.peer);
  const auto filtered = applyFilter(peer.policy.exportTo, key, path.attributes, peer.filterCache);
  if (!filtered.attributes) return nullptr;
  // What we want of others is not a foreign peer's to know.
  if (key.family == wire::kRtConstraint && peer.policy.external() &&
      !letsPass(peer.policy.import, key.membership))
    return nullptr;
  if (isVpn(key.family) && !wanted(peer, routeTargetsOf(*filtered.attributes))) return nullptr;
  return exportAttributes({config, peer.policy, source, itself}, key, filtered.attributes,
                          peer.exportCache);
}

// Compares what the peer should have with what it has; false: they are the same.
bool Rib::Impl::takeOne(PeerId id, Peer& peer, const RouteKey& key, Packing& packing) const {
  const auto entry = table.find(key);
  const auto* best = entry == table.end() ? nullptr : entry->second.bestPath();
  auto attributes = best == nullptr ? nullptr : outbound(peer, id, key, *best);
  if (attributes && best->suspect && isVpn(key.family)) attributes = packing.suspected(attributes);
  const auto at = peer.sent.lower_bound(key);
  const bool has = at != peer.sent.end() && at->first == key;
  if (!attributes) {
    if (!has) return false;
    peer.sent.erase(at);
    if (key.family == wire::kRtConstraint) --peer.membershipsOut;
    packing.withdrawals[key.family].withdrawn.push_back(nlriOf(key, {}));
    return true;
  }
  if (has && !at->second.again && at->second.label == best->label &&
      (at->second.attributes == attributes || *at->second.attributes == *attributes))
    return false;
  if (has) {
    at->second = {best->label, attributes, false};
  } else {
    peer.sent.emplace_hint(at, key, Sent{best->label, attributes, false});
    if (key.family == wire::kRtConstraint) ++peer.membershipsOut;
  }
  packing.announcements[{key.family, attributes}].announced.push_back(nlriOf(key, best->label));
  return true;
}

std::vector<wire::Update> Rib::Impl::take(PeerId id, Peer& peer, std::size_t maxRoutes) {
  Packing packing;
  std::size_t routes = 0;
  for (const auto family : peer.policy.families) {
    if (!ready(peer, family)) continue;
    const auto keys = ofFamily(peer.dirty, family);
    auto it = keys.begin();
    for (; it != keys.end() && routes < maxRoutes; ++it) {
      ++peer.examined;
      if (takeOne(id, peer, *it, packing)) ++routes;
    }
    peer.dirty.erase(keys.begin(), it);
  }
  peer.exportCache.clear();
  peer.filterCache.clear();
  return std::move(packing).updates();
}

std::vector<wire::Update> Rib::takeOutput(PeerId id, std::size_t maxRoutes) {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end() || !found->second.up) return {};
  return impl_->take(id, found->second, maxRoutes);
}

bool Rib::hasOutput(PeerId id) const {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end() || !found->second.up) return false;
  const auto& peer = found->second;
  return std::any_of(peer.policy.families.begin(), peer.policy.families.end(),
                     [&](wire::Family family) {
                       return impl_->ready(peer, family) && !ofFamily(peer.dirty, family).empty();
                     });
}

void Rib::refresh(PeerId id, wire::Family family) {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end() || !found->second.up ||
      !found->second.policy.families.contains(family))
    return;
  for (auto& [key, sent] : ofFamily(found->second.sent, family)) sent.again = true;
  impl_->markFamily(found->second, family);
}

std::vector<wire::Family> Rib::takeEndOfRib(PeerId id) {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end() || !found->second.up) return {};
  auto& peer = found->second;
  std::vector<wire::Family> due;
  // RT-constraint first: the other side waits for it with its VPN routes.
  for (const auto family : peer.endOfRibDue) {
    if (!ofFamily(peer.dirty, family).empty() || !impl_->ready(peer, family)) continue;
    if (family == wire::kRtConstraint)
      due.insert(due.begin(), family);
    else
      due.push_back(family);
  }
  for (const auto family : due) peer.endOfRibDue.erase(family);
  return due;
}

std::vector<RouteView> Rib::advertised(PeerId id) const {
  std::vector<RouteView> views;
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end()) return views;
  for (const auto& [key, sent] : found->second.sent)
    views.push_back({key, {kLocal, sent.label, sent.attributes, false}, Rule::kBest});
  return views;
}

}  // namespace hawser::rib
