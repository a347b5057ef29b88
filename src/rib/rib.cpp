// The RIB. For each route key an Entry holds one path a peer (Adj-RIB-In, as received and as the
// import policy left it) and which is best. Peers hold what they were sent (Adj-RIB-Out) and the
// set of keys to look at again: whatever may change what a peer should have only marks keys;
// takeOutput() compares what it should have with what it has. So churn coalesces by itself, a slow
// peer costs memory for keys and not for messages, and there is one place that decides what goes
// out.
//
// Invariants: Entry::best is the decision over its accepted paths; a key is in Peer::held exactly
// if its Entry has a path of that peer; byTarget_ lists exactly the VPN keys whose best path
// carries the target.
#include "hawser/rib/rib.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "decision.h"
#include "hawser/base/check.h"
#include "key_order.h"
#include "policy.h"

namespace hawser::rib {

namespace {

struct In {
  Path path;               // attributes: after import policy; null: rejected
  AttributesPtr received;  // as it came, for a later policy
};

struct Entry {
  std::vector<In> paths;
  int best = -1;
  [[nodiscard]] const Path* bestPath() const {
    return best < 0 ? nullptr : &paths[static_cast<std::size_t>(best)].path;
  }
  [[nodiscard]] In* of(PeerId peer) {
    const auto found = std::find_if(paths.begin(), paths.end(),
                                    [&](const In& in) { return in.path.peer == peer; });
    return found == paths.end() ? nullptr : &*found;
  }
  [[nodiscard]] const In* of(PeerId peer) const { return const_cast<Entry*>(this)->of(peer); }
};

struct Sent {
  net::Label label;
  AttributesPtr attributes;
  bool again = false;  // route refresh: say it once more
};

struct Memberships {
  std::set<wire::RtMembership> all;
  [[nodiscard]] bool wants(const std::vector<net::RouteTarget>& targets) const {
    return std::any_of(all.begin(), all.end(), [&](const wire::RtMembership& membership) {
      return std::any_of(targets.begin(), targets.end(),
                         [&](const auto& target) { return membership.matches(target); });
    });
  }
};

struct Peer {
  explicit Peer(std::pmr::memory_resource* pool) : held(pool), dirty(pool), sent(pool) {}
  PeerPolicy policy;
  bool up = false;
  bool gateOpen = true;  // RT-constraint: its memberships are known
  KeySet held;
  KeySet dirty;
  KeyMap<Sent> sent;
  std::set<wire::Family> endOfRibDue;
  // Its memberships: exact ones by target, so that a lookup does not grow with their number; the
  // others in a list.
  std::map<net::RouteTarget, unsigned> exact;
  Memberships partial;
  AttributeCache importCache, exportCache, filterCache;
  std::uint64_t droppedTarget = 0, droppedPrefix = 0, droppedLoop = 0;
};

wire::Nlri nlriOf(const RouteKey& key, net::Label label) {
  if (key.family == wire::kRtConstraint) return key.membership;
  if (isVpn(key.family)) return wire::VpnNlri{label, key.rd, key.prefix};
  return wire::UnicastNlri{key.prefix};
}

}  // namespace

RouteKey keyOf(wire::Family family, const wire::Nlri& nlri) {
  RouteKey key;
  key.family = family;
  if (const auto* vpn = std::get_if<wire::VpnNlri>(&nlri)) {
    key.rd = vpn->rd;
    key.prefix = vpn->prefix;
  } else if (const auto* membership = std::get_if<wire::RtMembership>(&nlri)) {
    key.membership = *membership;
  } else {
    key.prefix = std::get<wire::UnicastNlri>(nlri).prefix;
  }
  return key;
}

std::string text(const RouteKey& key) {
  if (key.family == wire::kRtConstraint) {
    if (key.membership.length == 0) return "default";
    const auto target = net::RouteTarget::from(net::ExtendedCommunity(key.membership.target));
    return fmt::format(
        "{}:{}/{}", key.membership.origin.value(),
        target ? target->text() : net::ExtendedCommunity(key.membership.target).text(),
        key.membership.length);
  }
  return isVpn(key.family) ? key.rd.text() + ":" + key.prefix.text() : key.prefix.text();
}

struct Rib::Impl {
  explicit Impl(Config c) : config(c) {}

  Config config;
  std::pmr::unsynchronized_pool_resource pool;  // before all that allocates from it
  KeyMap<Entry> table{&pool};
  std::map<PeerId, Peer> peers;
  std::map<net::RouteTarget, KeySet> byTarget;
  KeySet changed{&pool};
  bool held = false;

  Peer& peerOf(PeerId id) { return peers.try_emplace(id, &pool).first->second; }
  const PeerPolicy* policyOf(PeerId id) const {
    const auto found = peers.find(id);
    return found == peers.end() ? nullptr : &found->second.policy;
  }

  // ---- in ----
  void judge(Peer& peer, const RouteKey& key, In& in) {
    in.path.attributes = nullptr;
    if (loops(*in.received, config)) {
      ++peer.droppedLoop;
      return;
    }
    const auto filtered = applyFilter(peer.policy.import, key, in.received, peer.importCache);
    if (filtered.drop == Drop::kTarget) ++peer.droppedTarget;
    if (filtered.drop == Drop::kPrefix) ++peer.droppedPrefix;
    in.path.attributes = filtered.attributes;
  }

  void announce(PeerId id, Peer& peer, const RouteKey& key, net::Label label,
                const AttributesPtr& attributes) {
    auto& entry = table[key];
    auto* in = entry.of(id);
    if (in == nullptr) {
      entry.paths.push_back({});
      in = &entry.paths.back();
      in->path.peer = id;
      peer.held.insert(key);
    }
    const bool wasMember = in->path.attributes != nullptr;
    in->path.label = label;
    in->path.stale = false;
    in->received = attributes;
    judge(peer, key, *in);
    noteMembership(peer, key, wasMember, in->path.attributes != nullptr);
    decideEntry(key, entry);
  }

  void remove(PeerId id, Peer& peer, const RouteKey& key) {
    const auto found = table.find(key);
    if (found == table.end()) return;
    auto& entry = found->second;
    const auto in = std::find_if(entry.paths.begin(), entry.paths.end(),
                                 [&](const In& i) { return i.path.peer == id; });
    if (in == entry.paths.end()) return;
    noteMembership(peer, key, in->path.attributes != nullptr, false);
    peer.held.erase(key);
    entry.best = -1;
    entry.paths.erase(in);
    decideEntry(key, entry);
    if (entry.paths.empty()) table.erase(found);
  }

  // ---- decision ----
  void decideEntry(const RouteKey& key, Entry& entry) {
    unindex(key);
    std::vector<Candidate> candidates;
    std::vector<int> index;
    for (std::size_t i = 0; i < entry.paths.size(); ++i) {
      const auto& path = entry.paths[i].path;
      if (!path.attributes) continue;
      candidates.push_back(candidateOf(path, policyOf(path.peer)));
      index.push_back(static_cast<int>(i));
    }
    entry.best = candidates.empty() ? -1 : index[decide(candidates).best];
    if (isVpn(key.family) && entry.best >= 0)
      for (const auto& target : indexed[key] = routeTargetsOf(*entry.bestPath()->attributes))
        byTarget.try_emplace(target, &pool).first->second.insert(key);
    changed.insert(key);
    for (auto& [id, peer] : peers)
      if (peer.up && peer.policy.families.contains(key.family)) mark(peer, key);
  }

  // Routes mostly come in order: the hint makes that an append.
  static void mark(Peer& peer, const RouteKey& key) {
    peer.dirty.emplace_hint(peer.dirty.end(), key);
  }

  // The targets under which a key stands in byTarget.
  KeyMap<std::vector<net::RouteTarget>> indexed{&pool};
  void unindex(const RouteKey& key) {
    const auto found = indexed.find(key);
    if (found == indexed.end()) return;
    for (const auto& target : found->second) {
      const auto keys = byTarget.find(target);
      if (keys == byTarget.end()) continue;
      keys->second.erase(key);
      if (keys->second.empty()) byTarget.erase(keys);
    }
    indexed.erase(found);
  }

  // ---- RT-constraint ----
  void noteMembership(Peer& peer, const RouteKey& key, bool before, bool after) {
    if (key.family != wire::kRtConstraint || before == after) return;
    const auto& membership = key.membership;
    const auto target = net::RouteTarget::from(net::ExtendedCommunity(membership.target));
    if (membership.length == 96 && target) {
      auto& count = peer.exact[*target];  // several origin ASes may name one target
      count += after ? 1U : -1U;
      const bool flipped = after ? count == 1 : count == 0;
      if (count == 0) peer.exact.erase(*target);
      if (flipped) markTarget(peer, *target);
      return;
    }
    if (after)
      peer.partial.all.insert(membership);
    else
      peer.partial.all.erase(membership);
    markVpn(peer);
  }

  void markTarget(Peer& peer, const net::RouteTarget& target) {
    if (!peer.up) return;
    const auto found = byTarget.find(target);
    if (found == byTarget.end()) return;
    for (const auto& key : found->second)
      if (peer.policy.families.contains(key.family)) mark(peer, key);
  }
  void markVpn(Peer& peer) {
    if (!peer.up) return;
    for (const auto& [key, entry] : table)
      if (isVpn(key.family) && peer.policy.families.contains(key.family)) mark(peer, key);
  }

  static bool wanted(const Peer& peer, const std::vector<net::RouteTarget>& targets) {
    if (!peer.policy.rtConstraint) return true;
    if (std::any_of(targets.begin(), targets.end(),
                    [&](const auto& t) { return peer.exact.contains(t); }))
      return true;
    return !peer.partial.all.empty() && peer.partial.wants(targets);
  }

  // ---- out ----
  AttributesPtr outbound(Peer& peer, PeerId id, const RouteKey& key, const Path& path) {
    const bool itself = path.peer == id;
    const auto* source = path.peer == kLocal ? nullptr : policyOf(path.peer);
    const auto filtered = applyFilter(peer.policy.exportTo, key, path.attributes, peer.filterCache);
    if (!filtered.attributes) return nullptr;
    if (isVpn(key.family) && !wanted(peer, routeTargetsOf(*filtered.attributes))) return nullptr;
    return exportAttributes({config, peer.policy, source, itself}, key, filtered.attributes,
                            peer.exportCache);
  }

  bool ready(const Peer& peer, wire::Family family) const {
    return !isVpn(family) || (peer.gateOpen && !held);
  }

  std::vector<wire::Update> take(PeerId id, Peer& peer, std::size_t maxRoutes) {
    std::map<wire::Family, wire::Update> withdrawals;
    std::map<std::pair<wire::Family, AttributesPtr>, wire::Update> announcements;
    std::size_t routes = 0;
    auto it = peer.dirty.begin();
    KeySet waiting(&pool);  // mostly none: then the whole set goes at once
    for (; it != peer.dirty.end() && routes < maxRoutes; ++it) {
      const auto& key = *it;
      if (!ready(peer, key.family)) {
        waiting.emplace_hint(waiting.end(), key);
        continue;
      }
      const auto entry = table.find(key);
      const auto* best = entry == table.end() ? nullptr : entry->second.bestPath();
      const auto attributes = best == nullptr ? nullptr : outbound(peer, id, key, *best);
      const auto at = peer.sent.lower_bound(key);
      const bool has = at != peer.sent.end() && at->first == key;
      if (!attributes) {
        if (!has) continue;
        peer.sent.erase(at);
        withdrawals[key.family].withdrawn.push_back(nlriOf(key, {}));
      } else {
        if (has && !at->second.again && at->second.label == best->label &&
            (at->second.attributes == attributes || *at->second.attributes == *attributes))
          continue;
        if (has)
          at->second = {best->label, attributes, false};
        else
          peer.sent.emplace_hint(at, key, Sent{best->label, attributes, false});
        announcements[{key.family, attributes}].announced.push_back(nlriOf(key, best->label));
      }
      ++routes;
    }
    if (it == peer.dirty.end())
      peer.dirty.clear();
    else
      peer.dirty.erase(peer.dirty.begin(), it);
    peer.dirty.merge(waiting);
    peer.exportCache.clear();
    peer.filterCache.clear();
    std::vector<wire::Update> updates;
    for (auto& [family, update] : withdrawals) {
      update.family = family;
      updates.push_back(std::move(update));
    }
    for (auto& [group, update] : announcements) {
      update.family = group.first;
      update.attributes = group.second;
      updates.push_back(std::move(update));
    }
    return updates;
  }

  void markFamily(Peer& peer, wire::Family family) {
    for (const auto& [key, entry] : table)
      if (key.family == family) mark(peer, key);
  }
};

Rib::Rib(Config config) : impl_(std::make_unique<Impl>(config)) {
  auto& local = impl_->peerOf(kLocal);
  local.policy.localAs = local.policy.remoteAs = config.asn;
}
Rib::~Rib() = default;

void Rib::peerUp(PeerId id, PeerPolicy policy) {
  HAWSER_CHECK(id != kLocal, "peer id 0 is the speaker itself");
  auto& peer = impl_->peerOf(id);
  peer.policy = std::move(policy);
  peer.up = true;
  peer.sent.clear();
  peer.dirty.clear();
  peer.gateOpen = !peer.policy.rtConstraint;
  peer.endOfRibDue = peer.policy.families;
  for (const auto family : peer.policy.families) impl_->markFamily(peer, family);
}

void Rib::setFilters(PeerId id, RouteFilter import, RouteFilter exportTo) {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end()) return;
  auto& peer = found->second;
  const bool importChanged = peer.policy.import != import;
  const bool exportChanged = peer.policy.exportTo != exportTo;
  peer.policy.import = std::move(import);
  peer.policy.exportTo = std::move(exportTo);
  if (importChanged) {
    peer.importCache.clear();
    for (const auto& key : peer.held) {
      auto& entry = impl_->table[key];
      auto* in = entry.of(id);
      const auto before = in->path.attributes;
      impl_->judge(peer, key, *in);
      if (before != in->path.attributes) impl_->decideEntry(key, entry);
    }
  }
  if (exportChanged && peer.up)
    for (const auto family : peer.policy.families) impl_->markFamily(peer, family);
}

void Rib::peerDown(PeerId id, bool keepStale) {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end()) return;
  auto& peer = found->second;
  peer.up = false;
  peer.sent.clear();
  peer.dirty.clear();
  peer.endOfRibDue.clear();
  const auto keys = std::vector(peer.held.begin(), peer.held.end());
  for (const auto& key : keys) {
    if (!keepStale) {
      impl_->remove(id, peer, key);
      continue;
    }
    auto& entry = impl_->table[key];
    entry.of(id)->path.stale = true;
    impl_->decideEntry(key, entry);
  }
}

void Rib::dropStale(PeerId id) {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end()) return;
  for (const auto family : {wire::kIpv4Unicast, wire::kIpv6Unicast, wire::kVpnv4, wire::kVpnv6,
                            wire::kEvpn, wire::kRtConstraint})
    dropStale(id, family);
}

void Rib::dropStale(PeerId id, wire::Family family) {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end()) return;
  const auto keys = std::vector(found->second.held.begin(), found->second.held.end());
  for (const auto& key : keys)
    if (key.family == family && impl_->table[key].of(id)->path.stale)
      impl_->remove(id, found->second, key);
}

void Rib::receive(PeerId id, const wire::Update& update) {
  const auto found = impl_->peers.find(id);
  HAWSER_CHECK(found != impl_->peers.end(), "update of a peer that never was up");
  auto& peer = found->second;
  if (!peer.policy.families.contains(update.family)) return;
  for (const auto& nlri : update.withdrawn) impl_->remove(id, peer, keyOf(update.family, nlri));
  for (const auto& nlri : update.announced) {
    const auto* vpn = std::get_if<wire::VpnNlri>(&nlri);
    impl_->announce(id, peer, keyOf(update.family, nlri),
                    vpn == nullptr ? net::Label() : vpn->label, update.attributes);
  }
  peer.importCache.clear();
  if (!update.endOfRib()) return;
  dropStale(id, update.family);
  if (update.family == wire::kRtConstraint) peer.gateOpen = true;
}

void Rib::openRtConstraintGate(PeerId id) {
  if (const auto found = impl_->peers.find(id); found != impl_->peers.end())
    found->second.gateOpen = true;
}

void Rib::originate(const RouteKey& key, net::Label label,
                    std::shared_ptr<const wire::PathAttributes> attributes) {
  auto& local = impl_->peerOf(kLocal);
  auto& entry = impl_->table[key];
  auto* in = entry.of(kLocal);
  if (in == nullptr) {
    entry.paths.push_back({});
    in = &entry.paths.back();
    local.held.insert(key);
  }
  in->path = {kLocal, label, attributes, false};
  in->received = std::move(attributes);
  impl_->decideEntry(key, entry);
}

void Rib::withdraw(const RouteKey& key) { impl_->remove(kLocal, impl_->peerOf(kLocal), key); }

void Rib::holdOutput(bool hold) { impl_->held = hold; }

std::vector<wire::Update> Rib::takeOutput(PeerId id, std::size_t maxRoutes) {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end() || !found->second.up) return {};
  return impl_->take(id, found->second, maxRoutes);
}

bool Rib::hasOutput(PeerId id) const {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end() || !found->second.up) return false;
  const auto& peer = found->second;
  return std::any_of(peer.dirty.begin(), peer.dirty.end(),
                     [&](const RouteKey& key) { return impl_->ready(peer, key.family); });
}

void Rib::refresh(PeerId id, wire::Family family) {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end() || !found->second.up ||
      !found->second.policy.families.contains(family))
    return;
  for (auto& [key, sent] : found->second.sent)
    if (key.family == family) sent.again = true;
  impl_->markFamily(found->second, family);
}

std::vector<wire::Family> Rib::takeEndOfRib(PeerId id) {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end() || !found->second.up) return {};
  auto& peer = found->second;
  std::vector<wire::Family> due;
  // RT-constraint first: the other side waits for it with its VPN routes.
  for (const auto family : peer.endOfRibDue) {
    const bool pending = std::any_of(peer.dirty.begin(), peer.dirty.end(),
                                     [&](const RouteKey& key) { return key.family == family; });
    if (pending || !impl_->ready(peer, family)) continue;
    if (family == wire::kRtConstraint)
      due.insert(due.begin(), family);
    else
      due.push_back(family);
  }
  for (const auto family : due) peer.endOfRibDue.erase(family);
  return due;
}

std::vector<BestChange> Rib::takeBestChanges() {
  std::vector<BestChange> changes;
  changes.reserve(impl_->changed.size());
  for (const auto& key : impl_->changed) changes.push_back({key, best(key)});
  impl_->changed.clear();
  return changes;
}

const Path* Rib::best(const RouteKey& key) const {
  const auto found = impl_->table.find(key);
  return found == impl_->table.end() ? nullptr : found->second.bestPath();
}

void Rib::forEachBest(wire::Family family,
                      const std::function<void(const RouteKey&, const Path&)>& visit) const {
  for (const auto& [key, entry] : impl_->table)
    if (key.family == family && entry.best >= 0) visit(key, *entry.bestPath());
}

std::vector<RouteView> Rib::paths(wire::Family family) const {
  std::vector<RouteView> views;
  for (const auto& [key, entry] : impl_->table) {
    if (key.family != family) continue;
    std::vector<Candidate> candidates;
    for (const auto& in : entry.paths)
      if (in.path.attributes)
        candidates.push_back(candidateOf(in.path, impl_->policyOf(in.path.peer)));
    const auto decision = decide(candidates);
    std::size_t next = 0;
    for (const auto& in : entry.paths) {
      RouteView view{key, in.path, Rule::kRejected};
      if (in.path.attributes)
        view.rule = decision.rules[next++];
      else
        view.path.attributes = in.received;
      views.push_back(std::move(view));
    }
  }
  return views;
}

std::vector<RouteView> Rib::advertised(PeerId id) const {
  std::vector<RouteView> views;
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end()) return views;
  for (const auto& [key, sent] : found->second.sent)
    views.push_back({key, {kLocal, sent.label, sent.attributes, false}, Rule::kBest});
  return views;
}

PeerCounters Rib::counters(PeerId id) const {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end()) return {};
  const auto& peer = found->second;
  PeerCounters counters{0, peer.sent.size(), peer.droppedTarget, peer.droppedPrefix,
                        peer.droppedLoop};
  for (const auto& key : peer.held) {
    const auto entry = impl_->table.find(key);
    if (entry == impl_->table.end()) continue;
    const auto* in = entry->second.of(id);
    if (in != nullptr && in->path.attributes) ++counters.accepted;
  }
  return counters;
}

}  // namespace hawser::rib
