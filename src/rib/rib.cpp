// The RIB. For each route key an Entry holds one path a peer (Adj-RIB-In, as received and as the
// import policy left it) and which is best. Peers hold what they were sent (Adj-RIB-Out) and the
// set of keys to look at again: whatever may change what a peer should have only marks keys;
// takeOutput() compares what it should have with what it has. So churn coalesces by itself, a slow
// peer costs memory for keys and not for messages, and there is one place that decides what goes
// out.
//
// Invariants: Entry::best is the decision over its accepted paths; a key is in Peer::held exactly
// if its Entry has a path of that peer; byTarget lists exactly the VPN keys whose best path
// carries the target, wanting exactly the peers with an exact membership of it; a key that a peer
// was sent and that is not marked for it is one that it wants as things are.
#include "hawser/rib/rib.h"

#include <fmt/core.h>

#include <algorithm>

#include "decision.h"
#include "hawser/base/check.h"
#include "impl.h"

namespace hawser::rib {

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

bool suspected(const Path& path) {
  if (path.suspect) return true;
  const auto& communities = path.attributes->communities;
  return std::find(communities.begin(), communities.end(), kLlgrStale) != communities.end();
}

Rib::Rib(Config config) : impl_(std::make_unique<Impl>(config)) {
  auto& local = impl_->peerOf(kLocal);
  local.policy.localAs = local.policy.remoteAs = config.asn;
}
Rib::~Rib() = default;

void Rib::peerUp(PeerId id, PeerPolicy policy) {
  HAWSER_CHECK(id != kLocal, "peer id 0 is the speaker itself");
  auto& peer = impl_->peerOf(id);
  const bool importChanged = peer.policy.import != policy.import;
  peer.policy = std::move(policy);
  // What is stale is judged as its peer is now.
  impl_->judgeHeld(id, peer, importChanged, true);
  peer.up = true;
  impl_->noteWidth(peer);
  peer.resetOutput();
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
  if (importChanged) impl_->judgeHeld(id, peer, true, false);
  if (importChanged && peer.up && peer.policy.external() &&
      peer.policy.families.contains(wire::kRtConstraint))
    impl_->markFamily(peer, wire::kRtConstraint);
  if (exportChanged && peer.up)
    for (const auto family : peer.policy.families) impl_->markFamily(peer, family);
}

void Rib::setOwnAddresses(std::set<net::IpAddress> addresses) {
  if (impl_->ownAddresses == addresses) return;
  impl_->ownAddresses = std::move(addresses);
  for (auto& [id, peer] : impl_->peers)
    if (id != kLocal && peer.policy.external()) impl_->judgeHeld(id, peer, true, false);
}

void Rib::peerDown(PeerId id, bool keepStale, bool silent) {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end()) return;
  auto& peer = found->second;
  peer.up = false;
  impl_->noteWidth(peer);
  peer.resetOutput();
  const auto keys = std::vector(peer.held.begin(), peer.held.end());
  for (const auto& key : keys) {
    if (!keepStale) {
      impl_->remove(id, peer, key);
      continue;
    }
    auto& entry = impl_->table[key];
    auto& in = *entry.of(id);
    in.path.stale = true;
    in.path.suspect = silent && in.received->nextHop == peer.policy.remoteAddress;
    impl_->decideEntry(key, entry);
  }
}

void Rib::forget(PeerId id) {
  HAWSER_CHECK(id != kLocal, "the speaker itself is never forgotten");
  peerDown(id, false);
  impl_->peers.erase(id);
}

std::size_t Rib::peerCount() const { return impl_->peers.size() - 1; }

void Rib::dropStale(PeerId id) { impl_->dropStale(id, std::nullopt); }
void Rib::dropStale(PeerId id, wire::Family family) { impl_->dropStale(id, family); }

void Rib::Impl::dropStale(PeerId id, std::optional<wire::Family> family) {
  const auto found = peers.find(id);
  if (found == peers.end()) return;
  const auto keys = std::vector(found->second.held.begin(), found->second.held.end());
  for (const auto& key : keys)
    if ((!family || key.family == *family) && table[key].of(id)->path.stale)
      remove(id, found->second, key);
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
  impl_->noteAccepted(kLocal, local, key, in->path.attributes != nullptr, attributes != nullptr);
  in->path = {kLocal, label, attributes, false};
  in->received = std::move(attributes);
  impl_->decideEntry(key, entry);
}

void Rib::withdraw(const RouteKey& key) { impl_->remove(kLocal, impl_->peerOf(kLocal), key); }

void Rib::holdOutput(bool hold) { impl_->held = hold; }

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
  for (const auto& [key, entry] : ofFamily(impl_->table, family))
    if (entry.best >= 0) visit(key, *entry.bestPath());
}

std::vector<RouteView> Rib::paths(wire::Family family) const {
  std::vector<RouteView> views;
  for (const auto& [key, entry] : ofFamily(impl_->table, family)) {
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

std::size_t Rib::held(PeerId id) const {
  const auto found = impl_->peers.find(id);
  return found == impl_->peers.end() ? 0 : found->second.held.size();
}

PeerCounters Rib::counters(PeerId id) const {
  const auto found = impl_->peers.find(id);
  if (found == impl_->peers.end()) return {};
  const auto& peer = found->second;
  PeerCounters counters;
  counters.accepted = peer.accepted;
  counters.advertised = peer.sent.size();
  counters.membershipsIn = peer.membershipsIn;
  counters.membershipsOut = peer.membershipsOut;
  counters.queued = peer.dirty.size();
  counters.examined = peer.examined;
  counters.droppedTarget = peer.droppedTarget;
  counters.droppedPrefix = peer.droppedPrefix;
  counters.droppedLoop = peer.droppedLoop;
  counters.droppedNextHop = peer.droppedNextHop;
  counters.droppedFirstAs = peer.droppedFirstAs;
  counters.droppedIdentity = peer.droppedIdentity;
  return counters;
}

}  // namespace hawser::rib
