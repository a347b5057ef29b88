#include "sessions.h"

#include <utility>

#include "hawser/base/log.h"

namespace hawser::controller {
namespace {

constexpr std::chrono::seconds kHostHold{30};
constexpr std::chrono::seconds kRetry{2};
// The view holds one VRF, the one that was asked for; routes are indexed by target, so a question
// costs what its routes cost.
constexpr net::VrfId kAsked{1};

}  // namespace

Sessions::Sessions(io::Loop& loop, bgp::SpeakerConfig config, Metrics& metrics)
    : config_(config), speaker_(loop, std::move(config), metrics) {
  speaker_.onBestChanges([this](const std::vector<rib::BestChange>& changes) {
    for (const auto& change : changes) view_.update(change);
    (void)view_.takeChanges();
  });
}

bgp::PeerConfig Sessions::hostConfig(const std::string& host, net::Asn asn,
                                     const net::IpAddress& from) {
  bgp::PeerConfig peer;
  peer.name = hostPeer(host);
  peer.address = from;
  peer.remoteAs = asn;
  peer.passive = true;
  peer.tls = true;
  peer.routeReflectorClient = true;
  peer.holdTime = kHostHold;
  return peer;
}

bgp::PeerConfig Sessions::configOf(const compiler::PeerIntent& intent) const {
  const auto& spec = intent.spec;
  bgp::PeerConfig peer;
  peer.name = intent.name;
  peer.address = spec.address;
  peer.port = spec.port;
  if (config_.listenAddress && !config_.listenAddress->isUnspecified() &&
      config_.listenAddress->isV4() == spec.address.isV4())
    peer.localAddress = config_.listenAddress;  // the peer knows us by it
  peer.remoteAs = spec.asn;
  peer.passive = spec.passive;
  peer.md5Key = spec.md5Key;
  peer.holdTime = std::chrono::seconds(spec.holdTime);
  peer.maxRoutes = spec.maxRoutes;
  peer.enforceFirstAs = spec.enforceFirstAs;
  peer.connectRetry = kRetry;
  peer.families.clear();
  for (const auto& name : spec.families)
    if (const auto family = wire::parseFamily(name)) peer.families.push_back(*family);
  // Next hops stay as they are, to sites and gateways alike: packets go straight to the host.
  peer.import = intent.import;
  peer.exportTo = intent.exportTo;
  return peer;
}

void Sessions::setPeers(const std::map<std::string, compiler::PeerIntent>& peers) {
  for (auto it = set_.begin(); it != set_.end();) {
    if (peers.contains(*it)) {
      ++it;
      continue;
    }
    speaker_.removePeer(*it);
    failures_.erase(*it);
    it = set_.erase(it);
  }
  for (const auto& [name, intent] : peers) {
    const auto done = speaker_.setPeer(configOf(intent));
    if (done) {
      failures_.erase(name);
    } else if (failures_[name] != done.error().text()) {
      failures_[name] = done.error().text();
      log::error("controller", "peers/{}: {}", name, failures_[name]);
    }
    set_.insert(name);
  }
}

void Sessions::dropHost(const std::string& name) { speaker_.removePeer(hostPeer(name)); }

std::vector<rib::VrfChange> Sessions::routes(const std::set<net::RouteTarget>& import) {
  view_.setVrf(kAsked, import);
  auto all = view_.routes(kAsked);
  (void)view_.takeChanges();
  return all;
}

std::optional<rib::VrfChange> Sessions::lookup(const std::set<net::RouteTarget>& import,
                                               const net::IpAddress& address) {
  view_.setVrf(kAsked, import);
  auto found = view_.lookup(kAsked, address);
  (void)view_.takeChanges();
  return found;
}

}  // namespace hawser::controller
