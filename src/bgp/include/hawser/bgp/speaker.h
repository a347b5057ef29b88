// A BGP speaker: sessions (RFC 4271 FSM, RFC 4724 graceful restart in both roles, RFC 8654 extended
// messages, RFC 2918 route refresh, RFC 4684 RT-constraint, RFC 2385 TCP-MD5, TLS between Hawser
// processes) around one rib::Rib. Runs on one loop; all calls on its thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hawser/base/metrics.h"
#include "hawser/io/certificate.h"
#include "hawser/io/loop.h"
#include "hawser/rib/rib.h"

namespace hawser::bgp {

// PEM texts. A TLS session is accepted only from a certificate that `ca` signed and whose common
// name `authorize` (of the SpeakerConfig) admits.
struct TlsCredentials {
  std::string ca;
  std::string certificate;
  std::string key;
};

using PeerCertificate = io::Certificate;  // of a peer over TLS

struct SpeakerConfig {
  net::Asn asn;
  net::RouterId routerId;
  net::Ipv4Address clusterId;
  // Plain TCP for foreign peers; none: no listener. Port 0 picks one (see listenPort()).
  std::optional<net::IpAddress> listenAddress;
  std::uint16_t listenPort = 179;
  // BGP over TLS for our own hosts.
  std::optional<net::IpAddress> tlsListenAddress;
  std::uint16_t tlsListenPort = 1790;
  std::optional<TlsCredentials> tls;
  // Is the peer with this certificate welcome from this address? nullopt: no. Otherwise the
  // peer's config (a host that connects to its controller needs no Peer object).
  std::function<std::optional<struct PeerConfig>(const PeerCertificate& certificate,
                                                 const net::IpAddress& from)>
      authorize;
  // A speaker that comes back after a crash: sets the restarting bit, and holds output until every
  // configured peer sent end-of-RIB or this time has passed (RFC 4724, 4.1).
  bool restarting = false;
  std::chrono::seconds selectionDeferral{30};
  // Names of peers that `authorize` will admit and that are expected back after a restart.
  std::set<std::string> awaited;
};

struct PeerConfig {
  std::string name;
  net::IpAddress address;
  std::uint16_t port = 179;
  std::optional<net::IpAddress> localAddress;  // bind to it
  net::Asn remoteAs;
  bool passive = false;  // never connects
  bool tls = false;
  std::string md5Key;  // RFC 2385, empty: none
  bool routeReflectorClient = false;
  bool nextHopSelf = false;
  bool enforceFirstAs = true;  // of an external peer, RFC 4271, 6.3; not with a route server
  // Gives this peer every VPN route, whatever its memberships: a host gives its controller all.
  bool ignoreConstraint = false;
  std::chrono::seconds holdTime{90};
  std::chrono::seconds connectRetry{5};
  // More routes than this, whether the import filter lets them pass or not, end the session with
  // Cease (RFC 4486, 4), and it may come back after `overflowPause`. 0: no limit.
  std::size_t maxRoutes = 0;
  std::chrono::seconds overflowPause{300};
  std::vector<wire::Family> families{wire::kVpnv4, wire::kRtConstraint};
  std::chrono::seconds restartTime{300};  // graceful restart, 0: off
  bool keepStaleForever = false;  // as helper: keep routes of a dead peer until it comes back (a
                                  // host without its controller)
  rib::RouteFilter import;
  rib::RouteFilter exportTo;
  friend bool operator==(const PeerConfig&, const PeerConfig&) = default;
};

enum class State : std::uint8_t { kIdle, kConnect, kActive, kOpenSent, kOpenConfirm, kEstablished };
[[nodiscard]] std::string_view stateName(State state);

struct PeerStatus {
  std::string name;
  net::IpAddress address;
  net::Asn remoteAs;
  net::RouterId remoteId;
  State state = State::kIdle;
  std::chrono::seconds since{0};  // in this state
  std::uint64_t flaps = 0;        // times it left Established
  std::uint64_t messagesIn = 0, messagesOut = 0, updatesIn = 0, updatesOut = 0;
  std::string lastError;  // why it last went down, or RFC 7606 problems; with byte offset
  std::vector<wire::Family> families;  // negotiated
  bool stale = false;                  // its routes are kept as graceful restart says
  rib::PeerCounters routes;
};

class Speaker {
 public:
  Speaker(io::Loop& loop, SpeakerConfig config, Metrics& metrics);
  ~Speaker();
  Speaker(const Speaker&) = delete;
  Speaker& operator=(const Speaker&) = delete;

  [[nodiscard]] Result<void> start();  // opens the listeners
  // Graceful: NOTIFICATION Cease to all. abrupt: just closes, so that helpers keep our routes
  // (restart).
  void stop(bool abrupt);
  [[nodiscard]] std::uint16_t listenPort() const;
  [[nodiscard]] std::uint16_t tlsListenPort() const;

  // Adds a peer, or changes it: filters change in place, anything else restarts the session. A
  // session to a peer with our own AS that is not a client and not declared (PeerConfig.remoteAs ==
  // asn) is iBGP.
  [[nodiscard]] Result<void> setPeer(PeerConfig peer);
  void removePeer(const std::string& name);
  [[nodiscard]] std::vector<PeerStatus> peers() const;
  // The peer a path came from; empty for own routes.
  [[nodiscard]] std::string peerName(rib::PeerId id) const;

  // Own routes; the RIB keeps them whether sessions are up or not.
  void originate(const rib::RouteKey& key, net::Label label,
                 std::shared_ptr<const wire::PathAttributes> attributes);
  void withdraw(const rib::RouteKey& key);
  // The route targets that this speaker wants: originated as RT-constraint routes (origin AS:
  // ours).
  void setMemberships(const std::set<net::RouteTarget>& targets);

  // Addresses of this site, which no external peer may give as a next hop.
  void setOwnAddresses(std::set<net::IpAddress> addresses);

  // Called after a batch of best-path changes; key's path null: gone. Includes our own routes.
  void onBestChanges(std::function<void(const std::vector<rib::BestChange>&)> callback);
  // A session came up or went down.
  void onPeerChange(std::function<void(const PeerStatus&)> callback);
  // True once every configured peer is established and has sent end-of-RIB for each family (or
  // timed out since start()).
  [[nodiscard]] bool synchronised() const;
  [[nodiscard]] const rib::Rib& rib() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hawser::bgp
