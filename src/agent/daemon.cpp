// Start order matters: what was kept is restored before the first session opens, so that the first
// thing a peer hears after a restart is what it knew (RFC 4724, 4.1), and before the socket opens,
// so that a "check" finds its port.
#include "daemon.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "hawser/base/log.h"
#include "kernel.h"

namespace hawser::agent {
namespace {

constexpr std::chrono::seconds kHoldTime{15};
constexpr std::chrono::milliseconds kReportDelay{50};  // what comes together is told together
// In sync for this long in a row, then the datapath may forget.
constexpr std::chrono::seconds kPruneDelay{3};

bgp::SpeakerConfig speakerConfig(const Daemon::Parts& parts) {
  bgp::SpeakerConfig config;
  config.asn = parts.enrolment.asn;
  config.routerId = parts.underlay;
  config.clusterId = parts.underlay;
  config.tls =
      bgp::TlsCredentials{parts.enrolment.ca, parts.enrolment.certificate, parts.enrolment.key};
  // A restarting speaker defers its routes until its peers have sent theirs, because they may
  // change what it selects (RFC 4724, 4.1). A host announces its own workloads only, from what it
  // kept: nothing that a peer says changes them, and a controller that is away must not delay them.
  // So only what may be forgotten waits (bgpIsWhole).
  config.restarting = false;
  config.selectionDeferral = parts.restartDeferral;
  return config;
}

}  // namespace

class Daemon::Sink final : public RouteSink {
 public:
  explicit Sink(bgp::Speaker& speaker) : speaker_(speaker) {}
  void originate(const Origination& route) override {
    speaker_.originate(route.key, route.label, route.attributes);
  }
  void withdraw(const rib::RouteKey& key) override { speaker_.withdraw(key); }
  void setMemberships(const std::set<net::RouteTarget>& targets) override {
    speaker_.setMemberships(targets);
  }

 private:
  bgp::Speaker& speaker_;
};

Daemon::Daemon(io::Loop& loop, Parts parts)
    : loop_(loop),
      parts_(std::move(parts)),
      speaker_(loop, speakerConfig(parts_), metrics_),
      sink_(std::make_unique<Sink>(speaker_)),
      agent_(loop, {.host = parts_.options.host, .underlay = parts_.underlay}, *parts_.plane,
             *sink_, *parts_.devices, parts_.state, metrics_),
      drops_(loop.clock()),
      operations_({.loop = loop,
                   .agent = agent_,
                   .plane = *parts_.plane,
                   .drops = drops_,
                   .metrics = metrics_,
                   .surroundings = [this] { return surroundings(); },
                   .removeDevice = &KernelDevices::remove}),
      second_(loop),
      tenSeconds_(loop),
      reportTimer_(loop) {}

Daemon::~Daemon() = default;

Result<void> Daemon::start() {
  speaker_.onBestChanges(
      [this](const std::vector<rib::BestChange>& changes) { agent_.bestChanges(changes); });
  speaker_.onPeerChange([this](const bgp::PeerStatus& peer) { sayState(peer); });
  agent_.restore();
  agent_.onReport([this] {
    if (!reportTimer_.pending()) reportTimer_.start(kReportDelay, [this] { report(); });
  });
  auto server =
      LocalServer::open(loop_, parts_.options.socket, [this](const Json& request, Answer answer) {
        return operations_.handle(request, std::move(answer));
      });
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  if (auto started = speaker_.start(); !started) return started;
  if (auto added = addPeers(); !added) return added;
  if (const int fd = parts_.plane->eventFd(); fd >= 0)
    events_.emplace(loop_, fd, [this] { drops(); });
  if (const int fd = parts_.plane->filterFd(); fd >= 0)
    filters_.emplace(loop_, fd, [this] { mended(parts_.plane->mendFilters(), "filters", false); });
  reporter_ = std::make_unique<Reporter>(clients(), parts_.options.host);
  feed_ = std::make_unique<SliceFeed>(
      loop_, clients(), parts_.options.host,
      [this](model::Slice slice) { agent_.applySlice(std::move(slice), true); },
      [this](bool connected) {
        reported_ = Json();  // whoever answers now may know less
        if (connected && agent_.fresh()) report();
      });
  everySecond();
  everyTenSeconds();
  return {};
}

void Daemon::stop() {
  second_.cancel();
  tenSeconds_.cancel();
  reportTimer_.cancel();
  server_.reset();
  speaker_.stop(true);
  feed_.reset();
  reporter_.reset();
}

Result<void> Daemon::addPeers() {
  for (const auto& controller : parts_.enrolment.controllers) {
    bgp::PeerConfig peer;
    peer.name = "controller-" + controller.bgp.address.text();
    peer.address = controller.bgp.address;
    peer.port = controller.bgp.port;
    peer.localAddress = net::IpAddress(parts_.underlay);
    peer.remoteAs = parts_.enrolment.asn;
    peer.tls = true;
    peer.ignoreConstraint = true;
    peer.keepStaleForever = true;
    peer.holdTime = kHoldTime;
    peer.connectRetry = std::chrono::seconds(1);
    if (auto added = speaker_.setPeer(std::move(peer)); !added) return added;
  }
  return {};
}

// Those of the command line first: they are what somebody wrote last.
std::vector<api::ClientConfig> Daemon::clients() const {
  auto urls = parts_.options.controllers;
  for (const auto& controller : parts_.enrolment.controllers)
    if (std::find(urls.begin(), urls.end(), controller.api) == urls.end())
      urls.push_back(controller.api);
  std::vector<api::ClientConfig> out;
  for (const auto& url : urls)
    out.push_back({.url = url,
                   .caPem = parts_.enrolment.ca,
                   .token = {},
                   .certificatePem = parts_.enrolment.certificate,
                   .keyPem = parts_.enrolment.key});
  return out;
}

// Told for more than the state; said once for each.
void Daemon::sayState(const bgp::PeerStatus& peer) {
  auto& known = said_[peer.name];
  if (known == peer.state) return;
  known = peer.state;
  log::info("agent", "BGP to {}: {}{}{}", peer.name, bgp::stateName(peer.state),
            peer.lastError.empty() ? "" : ", ", peer.lastError);
}

void Daemon::everySecond() {
  second_.start(std::chrono::seconds(1), [this] { everySecond(); });
  sweep();
  const auto evicted = parts_.plane->evicted();
  metrics_.counter("agent.connection.evict").add(evicted - std::exchange(evicted_, evicted));
  agent_.checkDevices();
  const auto now = loop_.clock().now();
  if (!agent_.fresh() || !bgpIsWhole())
    wholeSince_.reset();
  else if (!wholeSince_)
    wholeSince_ = now;
  agent_.pruneWhenSafe(wholeSince_ && now - *wholeSince_ >= kPruneDelay);
}

void Daemon::everyTenSeconds() {
  tenSeconds_.start(std::chrono::seconds(10), [this] { everyTenSeconds(); });
  mended(parts_.plane->reconcile(), "entries", true);
  agent_.reconcile();
}

void Daemon::sweep() {
  const auto gone = parts_.plane->sweep();
  const auto problem = gone ? std::string() : gone.error().text();
  metrics_.counter("agent.connection.expire").add(gone.value_or(0));
  if (!gone) metrics_.counter("agent.connection.fail").add();
  if (std::exchange(sweepProblem_, problem) == problem) return;
  if (gone)
    log::info("agent", "connections age again");
  else
    log::error("agent", "connections do not age: {}; tried again", problem);
}

// all: the whole datapath was looked at, so what failed before and is not told now is mended.
void Daemon::mended(const datapath::Mended& found, const char* what, bool all) {
  if (found.mended > 0) {
    metrics_.counter("agent.datapath.mend").add(found.mended);
    log::warn("agent", "the datapath had drifted: {} {} mended", found.mended, what);
  }
  metrics_.counter("agent.datapath.fail").add(found.failed);
  if (found.failed == notMended_ || (!all && found.failed < notMended_)) return;
  notMended_ = found.failed;
  if (found.failed > 0)
    log::error("agent", "the datapath has drifted, {} {} cannot be mended: {}; tried again",
               found.failed, what, found.error.text());
  else
    log::info("agent", "the datapath is as wanted again");
}

// "synchronised" alone also means "waited long enough"; nothing may be forgotten for that.
bool Daemon::bgpIsWhole() const {
  if (!speaker_.synchronised()) return false;
  const auto peers = speaker_.peers();
  const auto whole = [](const bgp::PeerStatus& peer) {
    return peer.state == bgp::State::kEstablished && !peer.stale;
  };
  const bool noStale =
      std::none_of(peers.begin(), peers.end(), [](const auto& peer) { return peer.stale; });
  return noStale && std::any_of(peers.begin(), peers.end(), whole);
}

void Daemon::drops() {
  parts_.plane->drainEvents([this](const datapath::DropEvent& event) {
    metrics_.counter("agent.drop.log").add();
    drops_.add(event, agent_);
  });
}

void Daemon::report() {
  auto now = agent_.report();
  if (now == reported_ || !reporter_) return;
  reported_ = now;
  reporter_->send(std::move(now));
}

Surroundings Daemon::surroundings() const {
  Surroundings out;
  out.site = parts_.enrolment.site;
  out.asn = parts_.enrolment.asn;
  if (feed_) {
    out.controller = feed_->controller();
    out.connected = feed_->connected();
    out.error = feed_->lastError();
  }
  out.peers = speaker_.peers();
  out.synchronised = speaker_.synchronised();
  return out;
}

}  // namespace hawser::agent
