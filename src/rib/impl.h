// The state of a RIB and what changes it; rib.cpp says how it hangs together. Private to the
// module.
#pragma once

#include <algorithm>
#include <set>

#include "hawser/rib/rib.h"
#include "key_order.h"
#include "policy.h"

namespace hawser::rib {

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
  // Those that are exact also lead from the target to the peer: Impl::wanting.
  std::map<net::RouteTarget, unsigned> exact;
  Memberships partial;
  // Of `held` those that were not rejected, and the memberships among them and in `sent`: counted
  // as they come and go, since they are asked for all the time.
  std::uint64_t accepted = 0, membershipsIn = 0, membershipsOut = 0;
  AttributeCache importCache, exportCache, filterCache;
  std::uint64_t droppedTarget = 0, droppedPrefix = 0, droppedLoop = 0;
  std::uint64_t droppedNextHop = 0, droppedFirstAs = 0, droppedIdentity = 0;
  std::uint64_t examined = 0;
  // Nothing was sent and nothing is to be: the session is new, or over.
  void resetOutput() {
    sent.clear();
    membershipsOut = 0;
    dirty.clear();
    endOfRibDue.clear();
  }
};

struct Rib::Impl {
  explicit Impl(Config c) : config(c) {}

  Config config;
  std::pmr::unsynchronized_pool_resource pool;  // before all that allocates from it
  KeyMap<Entry> table{&pool};
  std::map<PeerId, Peer> peers;
  std::map<net::RouteTarget, KeySet> byTarget;
  // The targets under which a key stands in byTarget.
  KeyMap<std::vector<net::RouteTarget>> indexed{&pool};
  // The mirror: who wants a target by an exact membership, and who must look at every VPN route (no
  // RT-constraint, or a membership that is not exact). A changed route costs work for these only.
  std::map<net::RouteTarget, std::set<Peer*>> wanting;
  std::set<Peer*> wide;
  KeySet changed{&pool};
  bool held = false;
  std::set<net::IpAddress> ownAddresses;

  Peer& peerOf(PeerId id) { return peers.try_emplace(id, &pool).first->second; }
  [[nodiscard]] const PeerPolicy* policyOf(PeerId id) const {
    const auto found = peers.find(id);
    return found == peers.end() ? nullptr : &found->second.policy;
  }

  // In, and the decision: adj_in.cpp.
  void judge(Peer& peer, const RouteKey& key, In& in) const;
  // All that the peer said: by its import policy if that changed, and by the decision where
  // something came of it, or if `decide`.
  void judgeHeld(PeerId id, Peer& peer, bool importChanged, bool decide);
  void announce(PeerId id, Peer& peer, const RouteKey& key, net::Label label,
                const AttributesPtr& attributes);
  void remove(PeerId id, Peer& peer, const RouteKey& key);
  void dropStale(PeerId id, std::optional<wire::Family> family);  // none: all
  void decideEntry(const RouteKey& key, Entry& entry);
  std::vector<net::RouteTarget> unindex(const RouteKey& key);
  // Whether a path of the peer was accepted, and whether it is.
  void noteAccepted(PeerId id, Peer& peer, const RouteKey& key, bool before, bool after);
  void noteMembership(Peer& peer, const RouteKey& key, bool after);
  void noteWidth(Peer& peer);

  // Out: adj_out.cpp.
  // Routes mostly come in order: the hint makes that an append.
  static void mark(Peer& peer, const RouteKey& key) {
    if (peer.up && peer.policy.families.contains(key.family))
      peer.dirty.emplace_hint(peer.dirty.end(), key);
  }
  void markTarget(Peer& peer, const net::RouteTarget& target,
                  std::optional<wire::Family> family = std::nullopt);
  // For whoever may have, or should have, a route whose best path carried one set of targets and
  // now carries another.
  void markChanged(const RouteKey& key, const std::vector<net::RouteTarget>& before,
                   const std::vector<net::RouteTarget>& after);
  void markVpn(Peer& peer);
  // All of the family that the peer has or should have: of VPN routes, those that it wants.
  void markFamily(Peer& peer, wire::Family family);
  AttributesPtr outbound(Peer& peer, PeerId id, const RouteKey& key, const Path& path) const;
  [[nodiscard]] bool ready(const Peer& peer, wire::Family family) const {
    return !isVpn(family) || (peer.gateOpen && !held);
  }
  struct Packing;  // updates in the making, by shared attributes
  bool takeOne(PeerId id, Peer& peer, const RouteKey& key, Packing& packing) const;
  std::vector<wire::Update> take(PeerId id, Peer& peer, std::size_t maxRoutes);
};

}  // namespace hawser::rib
