// The speaker: peers, listeners, and the turn-by-turn flow through the RIB.
//
// Received updates, own routes and changed filters only mark work; once in a loop turn flush()
// reports best-path changes, then gives every session its output. So a burst that arrives in one
// turn leaves as one set of updates.
//
// Coming back after a crash (RFC 4724, 4.1) has an order of its own here, since a controller
// reflects and its hosts' memberships decide what other controllers send:
//   1. Hosts connect and send their routes and memberships. Memberships go on to everyone at once,
//      VPN routes to nobody. Other speakers do not get our RT-constraint end-of-RIB yet: they would
//      drop the memberships of hosts that are not back.
//   2. All awaited hosts have ended their dumps: the others get the marker, and send what we asked
//      for, with end-of-RIB.
//   3. All have: VPN routes go out, with the markers at which our peers drop what is stale.
// Each phase is bounded by a share of selectionDeferral.
#include "hawser/bgp/speaker.h"

#include <algorithm>
#include <map>

#include "hawser/base/log.h"
#include "peer.h"

namespace hawser::bgp {

namespace {
constexpr std::uint8_t kAdminShutdown = 2, kPeerDeconfigured = 3, kConfigChange = 6;  // RFC 4486
}

struct Speaker::Impl final : PeerHost {
  Impl(io::Loop& loop, SpeakerConfig config, Metrics& metrics)
      : loop_(loop),
        config_(std::move(config)),
        metrics_(metrics),
        rib_({config_.asn, config_.routerId, config_.clusterId}),
        phaseTimer_(loop) {}

  // ---- PeerHost ----
  io::Loop& loop() override { return loop_; }
  rib::Rib& rib() override { return rib_; }
  [[nodiscard]] const SpeakerConfig& config() const override { return config_; }
  [[nodiscard]] bool restarting() const override { return phase_ != Phase::kRunning; }

  std::unique_ptr<Connector> connect(const PeerConfig& peer, Connector::Done done) override {
    ConnectOptions options;
    options.address = peer.address;
    options.port = peer.port;
    options.local = peer.localAddress;
    options.md5Key = peer.md5Key;
    if (peer.tls) options.tls = tls_;
    return Connector::start(loop_, std::move(options), std::move(done));
  }

  void scheduleFlush() override {
    if (flushScheduled_) return;
    flushScheduled_ = true;
    loop_.post([this, alive = std::weak_ptr(alive_)] {
      if (alive.expired()) return;
      flushScheduled_ = false;
      flush();
    });
  }

  void changed(Peer& peer) override {
    if (peerChange_) peerChange_(peer.status());
    if (peer.expired()) {
      // The peer may be on the stack: it goes on the next turn.
      const auto found = peers_.find(peer.config().name);
      if (found != peers_.end() && found->second.get() == &peer) {
        loop_.post([gone = found->second] {});
        remove(peer);
        rib_.forget(peer.id());
      }
    }
    stepPhase();
  }

  // ---- the flow ----
  void flush() {
    if (const auto changes = rib_.takeBestChanges(); bestChanges_ && !changes.empty())
      bestChanges_(changes);
    for (const auto& [name, peer] : peers_) peer->flush(mayEndRib(*peer));
  }

  [[nodiscard]] bool mayEndRib(const Peer& peer) const {
    return phase_ != Phase::kHosts || peer.config().routeReflectorClient;
  }

  // ---- restart ----
  enum class Phase : std::uint8_t { kHosts, kOthers, kRunning };

  void startPhases() {
    if (!config_.restarting) return;
    phase_ = Phase::kHosts;
    rib_.holdOutput(true);
    phaseTimer_.start(config_.selectionDeferral / 2, [this] {
      log::warn("bgp", "restart: not all hosts are back in time");
      enterOthers();
    });
    stepPhase();
  }

  void stepPhase() {
    if (phase_ == Phase::kHosts && hostsAreBack()) enterOthers();
    if (phase_ == Phase::kOthers && configuredAreBack()) enterRunning();
  }

  [[nodiscard]] bool hostsAreBack() const {
    const bool awaited =
        std::all_of(config_.awaited.begin(), config_.awaited.end(), [&](const std::string& name) {
          const auto found = peers_.find(name);
          return found != peers_.end() && found->second->synchronised();
        });
    return awaited && std::all_of(peers_.begin(), peers_.end(), [](const auto& entry) {
             return !entry.second->config().routeReflectorClient || entry.second->synchronised();
           });
  }

  [[nodiscard]] bool configuredAreBack() const {
    return std::all_of(peers_.begin(), peers_.end(), [](const auto& entry) {
      return entry.second->dynamic() || entry.second->synchronised();
    });
  }

  void enterOthers() {
    phase_ = Phase::kOthers;
    phaseTimer_.start(config_.selectionDeferral / 2, [this] {
      log::warn("bgp", "restart: not all peers are back in time");
      enterRunning();
    });
    scheduleFlush();
    stepPhase();
  }

  void enterRunning() {
    phase_ = Phase::kRunning;
    phaseTimer_.cancel();
    rib_.holdOutput(false);
    log::info("bgp", "restart: routes go out");
    scheduleFlush();
  }

  // ---- listeners ----
  Result<void> listen() {
    if (config_.tls) {
      auto made = makeTlsContext(*config_.tls);
      if (!made) return std::unexpected(made.error());
      tls_ = std::move(*made);
    }
    if (config_.listenAddress) {
      auto opened = Listener::open(
          loop_,
          {.address = *config_.listenAddress,
           .port = config_.listenPort,
           .tls = nullptr,
           .welcome = [this](const net::IpAddress& from) { return plainWelcome(from); },
           .accepted = [this](std::shared_ptr<Transport> t) { plainAccepted(std::move(t)); }});
      if (!opened) return std::unexpected(opened.error());
      plain_ = std::move(*opened);
    }
    if (config_.tlsListenAddress) {
      if (!tls_ || !config_.authorize)
        return invalid("BGP over TLS needs credentials and an authorisation");
      auto opened = Listener::open(
          loop_, {.address = *config_.tlsListenAddress,
                  .port = config_.tlsListenPort,
                  .tls = tls_,
                  .welcome = nullptr,
                  .accepted = [this](std::shared_ptr<Transport> t) { tlsAccepted(std::move(t)); }});
      if (!opened) return std::unexpected(opened.error());
      secure_ = std::move(*opened);
    }
    return {};
  }

  [[nodiscard]] Peer* plainPeer(const net::IpAddress& from) {
    for (const auto& [name, peer] : peers_)
      if (!peer->config().tls && !peer->dynamic() && peer->config().address == from)
        return peer.get();
    return nullptr;
  }

  bool plainWelcome(const net::IpAddress& from) {
    if (plainPeer(from) != nullptr) return true;
    auto& counter = metrics_.counter("bgp.connection.refuse");
    counter.add();
    if (counter.value() <= 3 || counter.value() % 1000 == 0)
      log::info("bgp", "connection from {}, which is no peer, refused", from.text());
    return false;
  }

  void plainAccepted(std::shared_ptr<Transport> transport) {
    if (auto* peer = plainPeer(transport->remoteAddress()))
      return peer->adopt(std::move(transport));
    transport->close(false);
  }

  void tlsAccepted(std::shared_ptr<Transport> transport) {
    const auto& certificate = transport->certificate();
    auto config = config_.authorize(certificate, transport->remoteAddress());
    if (!config) {
      metrics_.counter("bgp.connection.refuse").add();
      log::warn("bgp", "connection from {} with the certificate of \"{}\" refused",
                transport->remoteAddress().text(), certificate.commonName);
      return transport->close(false);
    }
    const auto known = peers_.find(config->name);
    auto* peer = known == peers_.end() ? nullptr : known->second.get();
    if (peer == nullptr) {
      config->passive = true;
      peer = &add(std::move(*config), true);
      peer->start();
    }
    peer->adopt(std::move(transport));
  }

  // ---- peers ----
  using PeerMap = std::map<std::string, std::shared_ptr<Peer>>;

  Peer& add(PeerConfig config, bool dynamic) {
    const auto name = config.name;
    const rib::PeerId id{++lastId_};
    names_[id] = name;
    return *(peers_[name] = std::make_shared<Peer>(*this, id, std::move(config), dynamic));
  }

  // The caller keeps it alive. A peer that expires while it is stopped is gone already.
  void remove(const Peer& peer) {
    names_.erase(peer.id());
    const auto found = peers_.find(peer.config().name);
    if (found != peers_.end() && found->second.get() == &peer) peers_.erase(found);
  }

  Result<void> setPeer(PeerConfig config) {
    const auto found = peers_.find(config.name);
    if (found != peers_.end()) {
      auto same = found->second->config();
      same.import = config.import;
      same.exportTo = config.exportTo;
      if (same == config) {
        if (found->second->config() != config)
          found->second->setFilters(std::move(config.import), std::move(config.exportTo));
        return {};
      }
      drop(found, kConfigChange);
    }
    if (config.holdTime.count() != 0 && config.holdTime.count() < 3)
      return invalid("the hold time must be 0 or at least 3 s", "holdTime");
    if (config.holdTime.count() > 65535) return invalid("the hold time is too long", "holdTime");
    if (config.tls && !tls_) return invalid("TLS without credentials", "tls");
    if (!config.md5Key.empty() && plain_) {
      if (auto set = plain_->setMd5Key(config.address, config.md5Key); !set) return set;
    }
    auto& peer = add(std::move(config), false);
    if (started_) peer.start();
    return {};
  }

  void drop(PeerMap::iterator found, std::uint8_t subcode) {
    const auto peer = found->second;
    if (!peer->config().md5Key.empty() && plain_)
      (void)plain_->setMd5Key(peer->config().address, {});
    peer->stop(subcode, false);
    rib_.forget(peer->id());
    remove(*peer);
    loop_.post([peer] {});
    scheduleFlush();
  }

  io::Loop& loop_;
  SpeakerConfig config_;
  Metrics& metrics_;
  rib::Rib rib_;
  std::shared_ptr<TlsContext> tls_;
  PeerMap peers_;
  std::map<rib::PeerId, std::string> names_;  // of peers_: asked for each route that people see
  std::uint32_t lastId_ = 0;
  std::unique_ptr<Listener> plain_, secure_;
  std::set<net::RouteTarget> memberships_;
  std::function<void(const std::vector<rib::BestChange>&)> bestChanges_;
  std::function<void(const PeerStatus&)> peerChange_;
  Phase phase_ = Phase::kRunning;
  io::Timer phaseTimer_;
  TimePoint startedAt_{};
  bool started_ = false;
  bool flushScheduled_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Speaker::Speaker(io::Loop& loop, SpeakerConfig config, Metrics& metrics)
    : impl_(std::make_unique<Impl>(loop, std::move(config), metrics)) {}
Speaker::~Speaker() {
  impl_->bestChanges_ = nullptr;
  impl_->peerChange_ = nullptr;
}

Result<void> Speaker::start() {
  if (auto listening = impl_->listen(); !listening) return listening;
  impl_->started_ = true;
  impl_->startedAt_ = impl_->loop_.clock().now();
  impl_->startPhases();
  const auto peers = impl_->peers_;
  for (const auto& [name, peer] : peers) {
    if (!peer->config().md5Key.empty() && impl_->plain_) {
      if (auto set = impl_->plain_->setMd5Key(peer->config().address, peer->config().md5Key); !set)
        return set;
    }
    peer->start();
  }
  impl_->scheduleFlush();
  return {};
}

void Speaker::stop(bool abrupt) {
  impl_->plain_.reset();
  impl_->secure_.reset();
  impl_->phaseTimer_.cancel();
  const auto peers = impl_->peers_;
  for (const auto& [name, peer] : peers) peer->stop(kAdminShutdown, abrupt);
}

std::uint16_t Speaker::listenPort() const { return impl_->plain_ ? impl_->plain_->port() : 0; }
std::uint16_t Speaker::tlsListenPort() const { return impl_->secure_ ? impl_->secure_->port() : 0; }

Result<void> Speaker::setPeer(PeerConfig peer) { return impl_->setPeer(std::move(peer)); }

void Speaker::removePeer(const std::string& name) {
  const auto found = impl_->peers_.find(name);
  if (found != impl_->peers_.end()) impl_->drop(found, kPeerDeconfigured);
}

std::vector<PeerStatus> Speaker::peers() const {
  std::vector<PeerStatus> all;
  for (const auto& [name, peer] : impl_->peers_) all.push_back(peer->status());
  return all;
}

std::string Speaker::peerName(rib::PeerId id) const {
  const auto found = impl_->names_.find(id);
  return found == impl_->names_.end() ? std::string() : found->second;
}

void Speaker::originate(const rib::RouteKey& key, net::Label label,
                        std::shared_ptr<const wire::PathAttributes> attributes) {
  impl_->rib_.originate(key, label, std::move(attributes));
  impl_->scheduleFlush();
}

void Speaker::withdraw(const rib::RouteKey& key) {
  impl_->rib_.withdraw(key);
  impl_->scheduleFlush();
}

void Speaker::setMemberships(const std::set<net::RouteTarget>& targets) {
  const auto keyFor = [&](const net::RouteTarget& target) {
    rib::RouteKey key;
    key.family = wire::kRtConstraint;
    key.membership = wire::RtMembership::of(impl_->config_.asn, target);
    return key;
  };
  for (const auto& target : impl_->memberships_)
    if (!targets.contains(target)) impl_->rib_.withdraw(keyFor(target));
  wire::PathAttributes attributes;
  attributes.nextHop = net::Ipv4Address(impl_->config_.routerId.value());
  attributes.localPref = 100;
  const auto shared = std::make_shared<const wire::PathAttributes>(std::move(attributes));
  for (const auto& target : targets)
    if (!impl_->memberships_.contains(target)) impl_->rib_.originate(keyFor(target), {}, shared);
  impl_->memberships_ = targets;
  impl_->scheduleFlush();
}

void Speaker::setOwnAddresses(std::set<net::IpAddress> addresses) {
  impl_->rib_.setOwnAddresses(std::move(addresses));
  impl_->scheduleFlush();
}

void Speaker::onBestChanges(std::function<void(const std::vector<rib::BestChange>&)> callback) {
  impl_->bestChanges_ = std::move(callback);
}
void Speaker::onPeerChange(std::function<void(const PeerStatus&)> callback) {
  impl_->peerChange_ = std::move(callback);
}

bool Speaker::synchronised() const {
  if (!impl_->started_) return false;
  return impl_->configuredAreBack() ||
         impl_->loop_.clock().now() - impl_->startedAt_ > impl_->config_.selectionDeferral;
}

const rib::Rib& Speaker::rib() const { return impl_->rib_; }

}  // namespace hawser::bgp
