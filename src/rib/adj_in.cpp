// What peers say: import policy, the decision, and their memberships.
#include "decision.h"
#include "impl.h"

namespace hawser::rib {

void Rib::Impl::judge(Peer& peer, const RouteKey& key, In& in) const {
  in.path.attributes = nullptr;
  if (loops(*in.received, config)) {
    ++peer.droppedLoop;
    return;
  }
  auto attributes = in.received;
  if (peer.policy.external()) {
    if (peer.policy.enforceFirstAs && firstAs(*in.received) != peer.policy.remoteAs) {
      ++peer.droppedFirstAs;
      return;
    }
    if (isVpn(key.family) &&
        (ownAddresses.contains(in.received->nextHop) || !foreign(peer.policy, *in.received))) {
      ++peer.droppedNextHop;
      return;
    }
    attributes = withoutForeignIdentities(peer.policy.remoteAs, attributes, peer.importCache);
  }
  const auto filtered = applyFilter(peer.policy.import, key, attributes, peer.importCache);
  if (filtered.attributes && attributes != in.received) ++peer.droppedIdentity;
  if (filtered.drop == Drop::kTarget) ++peer.droppedTarget;
  if (filtered.drop == Drop::kPrefix) ++peer.droppedPrefix;
  in.path.attributes = filtered.attributes;
}

void Rib::Impl::judgeHeld(PeerId id, Peer& peer, bool importChanged, bool decide) {
  peer.importCache.clear();
  for (const auto& key : peer.held) {
    auto& entry = table[key];
    auto* in = entry.of(id);
    const auto before = in->path.attributes;
    if (importChanged) {
      judge(peer, key, *in);
      noteAccepted(id, peer, key, before != nullptr, in->path.attributes != nullptr);
    }
    if (decide || before != in->path.attributes) decideEntry(key, entry);
  }
  peer.importCache.clear();
}

void Rib::Impl::announce(PeerId id, Peer& peer, const RouteKey& key, net::Label label,
                         const AttributesPtr& attributes) {
  auto& entry = table[key];
  auto* in = entry.of(id);
  if (in == nullptr) {
    entry.paths.push_back({});
    in = &entry.paths.back();
    in->path.peer = id;
    peer.held.insert(key);
  }
  const bool before = in->path.attributes != nullptr;
  in->path.label = label;
  in->path.stale = in->path.suspect = false;
  in->received = attributes;
  judge(peer, key, *in);
  noteAccepted(id, peer, key, before, in->path.attributes != nullptr);
  decideEntry(key, entry);
}

void Rib::Impl::remove(PeerId id, Peer& peer, const RouteKey& key) {
  const auto found = table.find(key);
  if (found == table.end()) return;
  auto& entry = found->second;
  const auto in = std::find_if(entry.paths.begin(), entry.paths.end(),
                               [&](const In& i) { return i.path.peer == id; });
  if (in == entry.paths.end()) return;
  noteAccepted(id, peer, key, in->path.attributes != nullptr, false);
  peer.held.erase(key);
  entry.best = -1;
  entry.paths.erase(in);
  decideEntry(key, entry);
  if (entry.paths.empty()) table.erase(found);
}

void Rib::Impl::decideEntry(const RouteKey& key, Entry& entry) {
  const auto before = unindex(key);
  std::vector<Candidate> candidates;
  std::vector<int> index;
  for (std::size_t i = 0; i < entry.paths.size(); ++i) {
    const auto& path = entry.paths[i].path;
    if (!path.attributes) continue;
    candidates.push_back(candidateOf(path, policyOf(path.peer)));
    index.push_back(static_cast<int>(i));
  }
  entry.best = candidates.empty() ? -1 : index[decide(candidates).best];
  changed.insert(key);
  if (!isVpn(key.family)) {
    for (auto& [id, peer] : peers) mark(peer, key);
    return;
  }
  std::vector<net::RouteTarget> after;
  if (entry.best >= 0) {
    after = routeTargetsOf(*entry.bestPath()->attributes);
    for (const auto& target : after) byTarget.try_emplace(target, &pool).first->second.insert(key);
    indexed[key] = after;
  }
  markChanged(key, before, after);
}

// The targets that it stood under.
std::vector<net::RouteTarget> Rib::Impl::unindex(const RouteKey& key) {
  const auto found = indexed.find(key);
  if (found == indexed.end()) return {};
  for (const auto& target : found->second) {
    const auto keys = byTarget.find(target);
    if (keys == byTarget.end()) continue;
    keys->second.erase(key);
    if (keys->second.empty()) byTarget.erase(keys);
  }
  auto targets = std::move(found->second);
  indexed.erase(found);
  return targets;
}

void Rib::Impl::noteAccepted(PeerId id, Peer& peer, const RouteKey& key, bool before, bool after) {
  if (before == after) return;
  after ? ++peer.accepted : --peer.accepted;
  if (key.family != wire::kRtConstraint) return;
  after ? ++peer.membershipsIn : --peer.membershipsIn;
  if (id != kLocal) noteMembership(peer, key, after);
}

// It came (`after`) or went.
void Rib::Impl::noteMembership(Peer& peer, const RouteKey& key, bool after) {
  const auto& membership = key.membership;
  const auto target = net::RouteTarget::from(net::ExtendedCommunity(membership.target));
  if (membership.length == 96 && target) {
    auto& count = peer.exact[*target];  // several origin ASes may name one target
    count += after ? 1U : -1U;
    const bool flipped = after ? count == 1 : count == 0;
    if (count == 0) peer.exact.erase(*target);
    if (!flipped) return;
    auto& peersOf = wanting[*target];
    if (after)
      peersOf.insert(&peer);
    else
      peersOf.erase(&peer);
    if (peersOf.empty()) wanting.erase(*target);
    markTarget(peer, *target);
    return;
  }
  if (after)
    peer.partial.all.insert(membership);
  else
    peer.partial.all.erase(membership);
  noteWidth(peer);
  markVpn(peer);
}

void Rib::Impl::noteWidth(Peer& peer) {
  if (peer.up && (!peer.policy.rtConstraint || !peer.partial.all.empty()))
    wide.insert(&peer);
  else
    wide.erase(&peer);
}

}  // namespace hawser::rib
