// The routing information base of one speaker: Adj-RIB-In for each peer, Loc-RIB with the decision
// process (RFC 4271, 9.1; RFC 4456, 9), Adj-RIB-Out by policy and RT-constraint (RFC 4684), stale
// marking for graceful restart (RFC 4724). Pure: no sockets, threads or clocks. Used from one
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "hawser/net/address.h"
#include "hawser/net/vpn.h"
#include "hawser/wire/message.h"

namespace hawser::rib {

using PeerId = Strong<struct PeerIdTag, std::uint32_t>;
inline constexpr PeerId kLocal{0};  // routes that this speaker originates

// A route's key: NLRI without its label.
struct RouteKey {
  wire::Family family;
  net::RouteDistinguisher rd;       // VPN only
  net::IpPrefix prefix;             // VPN and unicast
  wire::RtMembership membership{};  // RT-constraint only
  friend auto operator<=>(const RouteKey&, const RouteKey&) = default;
};
[[nodiscard]] RouteKey keyOf(wire::Family family, const wire::Nlri& nlri);
[[nodiscard]] std::string text(const RouteKey& key);

// Why a route lost, in the order of the decision process. kBest won; kRejected was never in it
// (filter, loop).
enum class Rule : std::uint8_t {
  kBest,
  kStale,
  kLocalPref,
  kLocalOverPeer,
  kAsPathLength,
  kOrigin,
  kMed,
  kExternalOverInternal,
  kRouterId,
  kClusterListLength,
  kPeerAddress,
  kRejected,
};
[[nodiscard]] std::string_view ruleText(Rule rule);

// Which routes a peer may give us, or gets from us (docs/architecture.md, section 6).
struct RouteFilter {
  // nullopt: any. Otherwise a VPN route needs at least one of these; on import, targets outside the
  // set are stripped from it.
  std::optional<std::set<net::RouteTarget>> routeTargets;
  // nullopt: any. Otherwise the prefix must lie inside one of these.
  std::optional<std::vector<net::IpPrefix>> prefixes;
  // Prefixes for single targets (from Links): a route with this target must lie inside one of them.
  std::map<net::RouteTarget, std::vector<net::IpPrefix>> prefixesByTarget;
  friend bool operator==(const RouteFilter&, const RouteFilter&) = default;
};

struct PeerPolicy {
  net::Asn localAs;
  net::Asn remoteAs;
  net::RouterId remoteId;
  net::IpAddress remoteAddress;
  net::IpAddress localAddress;  // next hop when nextHopSelf
  bool routeReflectorClient = false;
  bool nextHopSelf = false;  // otherwise unchanged, to eBGP peers too
  bool rtConstraint =
      false;  // the peer negotiated SAFI 132: VPN routes go out by its memberships only
  // Of an external peer: the AS path must begin with its AS (RFC 4271, 6.3); not with a route
  // server.
  bool enforceFirstAs = false;
  std::set<wire::Family> families;
  // An external peer is told those memberships only that its import filter would let pass.
  RouteFilter import;
  RouteFilter exportTo;
  [[nodiscard]] bool external() const { return localAs != remoteAs; }
};

struct Path {
  PeerId peer;
  net::Label label;  // VPN
  std::shared_ptr<const wire::PathAttributes> attributes;
  bool stale = false;
  // Stale, and its next hop is the peer that fell silent: maybe nothing forwards there any more.
  bool suspect = false;
};

// LLGR_STALE (RFC 9494, 4.2): least preferred. It goes out with suspect paths, and whoever receives
// it prefers any path without it.
inline constexpr std::uint32_t kLlgrStale = 0xffff0006;
// Suspect here, or marked by another speaker.
[[nodiscard]] bool suspected(const Path& path);

// A change of the best path of a key: `path` is null when there is none any more.
struct BestChange {
  RouteKey key;
  const Path* path = nullptr;
};

struct RouteView {  // for people: one path of a key
  RouteKey key;
  Path path;
  Rule rule = Rule::kBest;  // why it is best, or why not
};

// Of one peer. What it has now is counted as it comes and goes: asking costs nothing.
struct PeerCounters {
  std::uint64_t accepted = 0;    // paths held now, but for rejected ones
  std::uint64_t advertised = 0;  // in Adj-RIB-Out now
  // Output: keys that wait to be looked at for it, and looks at keys so far, whether something was
  // sent or not.
  std::uint64_t queued = 0, examined = 0;
  std::uint64_t droppedTarget = 0;
  std::uint64_t droppedPrefix = 0;
  std::uint64_t droppedLoop = 0;  // AS path, ORIGINATOR_ID, CLUSTER_LIST
  // Of external peers: a next hop that is ours or nobody's, an AS path that begins elsewhere.
  std::uint64_t droppedNextHop = 0, droppedFirstAs = 0;
  // Routes of an external peer that came with an identity of another AS and go on without it.
  std::uint64_t droppedIdentity = 0;
  // RT-constraint memberships (RFC 4684) among the accepted and the advertised.
  std::uint64_t membershipsIn = 0, membershipsOut = 0;
};

class Rib {
 public:
  struct Config {
    net::Asn asn;
    net::RouterId routerId;
    net::Ipv4Address clusterId;  // RFC 4456; for reflecting speakers
  };
  explicit Rib(Config config);
  ~Rib();
  Rib(const Rib&) = delete;
  Rib& operator=(const Rib&) = delete;

  // Peers. A peer that is up gets output through takeOutput(). peerUp with a known id keeps its
  // stale paths.
  void peerUp(PeerId peer, PeerPolicy policy);
  // New filters for a live peer: in- and outbound routes are judged again.
  void setFilters(PeerId peer, RouteFilter import, RouteFilter exportTo);
  // Addresses of this site, which no external peer may give as the next hop of a VPN route; its
  // routes are judged again.
  void setOwnAddresses(std::set<net::IpAddress> addresses);
  // The session ended. keepStale: paths stay, marked stale (graceful restart), until endOfRib() or
  // dropStale(). silent: nothing was heard of the peer any more, so those whose next hop it is are
  // suspect (what it reflects is not).
  void peerDown(PeerId peer, bool keepStale, bool silent = false);
  // The peer never comes back: its paths go, and all that is kept of it. Its id may be used anew.
  void forget(PeerId peer);
  // Peers that something is kept of, without the speaker itself.
  [[nodiscard]] std::size_t peerCount() const;
  void dropStale(PeerId peer);
  void dropStale(PeerId peer, wire::Family family);

  // One received UPDATE of a peer. End-of-RIB drops what stayed stale in its family.
  void receive(PeerId peer, const wire::Update& update);

  // Own routes.
  void originate(const RouteKey& key, net::Label label,
                 std::shared_ptr<const wire::PathAttributes> attributes);
  void withdraw(const RouteKey& key);

  // While held (a restarting speaker that waits for its peers' end-of-RIB, RFC 4724 4.1), no VPN
  // route goes out; memberships do, since the others' routes come by them.
  void holdOutput(bool hold);
  // What to send to the peer since the last call, packed by shared attributes: withdrawals first.
  // With `maxRoutes` the rest waits for the next call.
  [[nodiscard]] std::vector<wire::Update> takeOutput(PeerId peer, std::size_t maxRoutes = SIZE_MAX);
  [[nodiscard]] bool hasOutput(PeerId peer) const;
  // Says all of the family once more (RFC 2918).
  void refresh(PeerId peer, wire::Family family);
  // Families whose first whole dump to the peer has been taken and whose end-of-RIB marker is now
  // due; each once.
  [[nodiscard]] std::vector<wire::Family> takeEndOfRib(PeerId peer);
  // VPN routes wait for the end-of-RIB of the peer's RT-constraint family (RFC 4684, 6); the
  // session calls this when it has waited long enough.
  void openRtConstraintGate(PeerId peer);

  // Best-path changes since the last call, each key once with its newest state.
  [[nodiscard]] std::vector<BestChange> takeBestChanges();

  [[nodiscard]] const Path* best(const RouteKey& key) const;
  void forEachBest(wire::Family family,
                   const std::function<void(const RouteKey&, const Path&)>& visit) const;
  [[nodiscard]] std::vector<RouteView> paths(
      wire::Family family) const;  // all, with the deciding rule
  [[nodiscard]] std::vector<RouteView> advertised(PeerId peer) const;  // Adj-RIB-Out as sent
  [[nodiscard]] PeerCounters counters(PeerId peer) const;
  // Paths of the peer that are kept, rejected ones too: what it costs.
  [[nodiscard]] std::size_t held(PeerId peer) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hawser::rib
