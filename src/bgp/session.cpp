// The session with a peer while it is established: routes in and out, and what is kept of it after.
//
// Graceful restart: when an established session ends without a word, the peer's paths stay in the
// RIB as stale (for its restart time, or for ever when config says so: a host without its
// controller goes on forwarding). They go when the peer is back and ends its dump, when it comes
// back without having preserved forwarding (no F bit), or when the time is over. A NOTIFICATION
// ends a session without grace unless both sides sent the N bit (RFC 8538), and a Hard Reset always
// does.
#include <algorithm>

#include "connection.h"
#include "hawser/base/log.h"
#include "peer.h"

namespace hawser::bgp {

namespace {

constexpr std::chrono::seconds kGateLimit{60};      // RFC 4684, 6
constexpr std::chrono::seconds kStaleAfterUp{360};  // for the dump of a peer that is back
constexpr std::size_t kUnsentLimit = 1U << 20;      // bytes; beyond, the RIB coalesces
constexpr std::size_t kRoutesAtOnce = 4000;

}  // namespace

std::set<wire::Family> Peer::negotiated(const wire::Open& open) const {
  // A peer without the multiprotocol capability speaks IPv4 unicast (RFC 4760, 8).
  auto theirs = open.capabilities.families;
  if (theirs.empty()) theirs.push_back(wire::kIpv4Unicast);
  std::set<wire::Family> both;
  for (const auto family : config_.families)
    if (std::find(theirs.begin(), theirs.end(), family) != theirs.end()) both.insert(family);
  return both;
}

rib::PeerPolicy Peer::policyFor(const Connection& connection,
                                std::set<wire::Family> families) const {
  rib::PeerPolicy policy;
  policy.localAs = host_.config().asn;
  policy.remoteAs = config_.remoteAs;
  policy.remoteId = connection.open->routerId;
  policy.remoteAddress = connection.transport->remoteAddress();
  policy.localAddress = connection.transport->localAddress();
  policy.routeReflectorClient = config_.routeReflectorClient;
  policy.nextHopSelf = config_.nextHopSelf;
  policy.enforceFirstAs = config_.enforceFirstAs;
  policy.rtConstraint = families.contains(wire::kRtConstraint) && !config_.ignoreConstraint;
  policy.families = std::move(families);
  policy.import = config_.import;
  policy.exportTo = config_.exportTo;
  return policy;
}

void Peer::establish(const ConnectionPtr& connection) {
  const auto others = connections_;
  for (const auto& other : others)
    if (other != connection)
      notifyAndClose(other, {kCease, kCollision, {}}, "connection collision");
  connector_.reset();
  retryTimer_.cancel();
  const auto& open = *connection->open;
  connection->state = State::kEstablished;
  const auto families = negotiated(open);
  awaited_.clear();
  if (const auto& restart = open.capabilities.gracefulRestart; restart && grOn()) {
    for (const auto& family : restart->families)
      if (families.contains(family.family)) awaited_.insert(family.family);
  }
  judgeStale(open);
  host_.rib().peerUp(id_, policyFor(*connection, families));
  if (families.contains(wire::kRtConstraint)) {
    gateTimer_.start(kGateLimit, [this] {
      host_.rib().openRtConstraintGate(id_);
      host_.scheduleFlush();
    });
  }
  startHoldTimer(connection);
  lastError_.clear();
  std::string names;
  for (const auto family : families) names += " " + wire::familyName(family);
  log::info("bgp", "{} ({}): session up, families{}", config_.name,
            connection->transport->remoteAddress().text(), names);
  setState();
  host_.changed(*this);
  host_.scheduleFlush();
}

// RFC 4724, 4.2: stale routes stay only in families for which the peer preserved forwarding.
void Peer::judgeStale(const wire::Open& open) {
  if (!stale_) return;
  staleTimer_.cancel();
  const auto& restart = open.capabilities.gracefulRestart;
  for (const auto family : config_.families) {
    const bool preserved =
        restart && std::any_of(restart->families.begin(), restart->families.end(),
                               [&](const wire::GracefulRestartFamily& entry) {
                                 return entry.family == family && entry.forwardingPreserved;
                               });
    // Memberships say what the peer wants; they forward nothing, so F is not asked of them.
    const bool keep = preserved || (restart && family == wire::kRtConstraint);
    if (!keep) host_.rib().dropStale(id_, family);
  }
  if (awaited_.empty()) {  // no marker would ever end it
    stale_ = false;
    host_.rib().dropStale(id_);
    return;
  }
  staleTimer_.start(kStaleAfterUp, [this] {
    stale_ = false;
    awaited_.clear();
    host_.rib().dropStale(id_);
    host_.scheduleFlush();
    host_.changed(*this);
  });
}

void Peer::handleUpdate(const ConnectionPtr& connection, const wire::DecodedUpdate& decoded) {
  if (connection->state != State::kEstablished)
    return notifyAndClose(connection, {kFsmError, 0, {}}, "UPDATE before the session is up");
  ++updatesIn_;
  for (const auto& problem : decoded.problems) {
    note(fmt::format(
        "attribute {} at byte {}: {} ({})", problem.attribute, problem.offset, problem.reason,
        problem.action == wire::AttributeProblem::Action::kDiscard ? "attribute discarded"
                                                                   : "treated as withdrawn"));
  }
  bool endOfRib = false;
  const auto families = negotiated(*connection->open);
  for (const auto& update : decoded.updates) {
    if (!families.contains(update.family)) continue;
    host_.rib().receive(id_, update);
    if (overflows(connection, update.family)) return;
    if (!update.endOfRib()) continue;
    endOfRib = awaited_.erase(update.family) > 0 || endOfRib;
    if (update.family == wire::kRtConstraint) gateTimer_.cancel();
  }
  if (endOfRib && awaited_.empty()) {
    stale_ = false;
    staleTimer_.cancel();
    host_.changed(*this);
  }
  host_.scheduleFlush();
}

bool Peer::overflows(const ConnectionPtr& connection, wire::Family family) {
  if (config_.maxRoutes == 0 || host_.rib().held(id_) <= config_.maxRoutes) return false;
  paused_ = true;
  pauseTimer_.start(config_.overflowPause, [this] {
    paused_ = false;
    setState();
    if (!config_.passive) connectNow();
  });
  const auto limit =
      static_cast<std::uint32_t>(std::min<std::size_t>(config_.maxRoutes, UINT32_MAX));
  wire::Notification cease{kCease, kMaxPrefixes, {}};
  for (const unsigned byte :
       {unsigned{family.afi} >> 8U, unsigned{family.afi}, unsigned{family.safi}, limit >> 24U,
        limit >> 16U, limit >> 8U, limit})
    cease.data.push_back(static_cast<std::uint8_t>(byte));
  send(connection, wire::encode(cease));
  const auto all = connections_;
  for (const auto& other : all)
    if (other != connection) ended(other, "the peer gave too many routes", true);
  // Whatever grace was agreed on: these routes are what there is too much of.
  ended(connection,
        fmt::format("it gave more than {} routes (maxRoutes); the session may come back {} s later",
                    config_.maxRoutes, config_.overflowPause.count()),
        true);
  return true;
}

void Peer::sessionDown(const wire::Open& open, bool byNotification, bool silent) {
  ++flaps_;
  gateTimer_.cancel();
  staleTimer_.cancel();
  awaited_.clear();
  const auto& restart = open.capabilities.gracefulRestart;
  const bool keep = !stopped_ && grOn() && restart && !byNotification;
  host_.rib().peerDown(id_, keep, silent);
  stale_ = keep;
  log::info("bgp", "{}: session down: {}{}", config_.name, lastError_,
            !keep    ? ""
            : silent ? "; its routes stay for now, those to itself behind all others"
                     : "; its routes stay for now");
  if (!keep || config_.keepStaleForever) return;
  staleTimer_.start(std::chrono::seconds(restart->restartTime), [this] {
    log::info("bgp", "{}: not back in time, its routes go", config_.name);
    stale_ = false;
    host_.rib().dropStale(id_);
    host_.scheduleFlush();
    host_.changed(*this);
  });
}

void Peer::setFilters(rib::RouteFilter import, rib::RouteFilter exportTo) {
  config_.import = import;
  config_.exportTo = exportTo;
  if (established() || stale_) host_.rib().setFilters(id_, std::move(import), std::move(exportTo));
  host_.scheduleFlush();
}

void Peer::flush(bool endOfRib) {
  const auto up = std::find_if(connections_.begin(), connections_.end(), [](const auto& candidate) {
    return candidate->state == State::kEstablished;
  });
  if (up == connections_.end()) return;
  const auto connection = *up;
  auto& rib = host_.rib();
  while (connection->transport->unsent() < kUnsentLimit && rib.hasOutput(id_)) {
    for (const auto& update : rib.takeOutput(id_, kRoutesAtOnce)) {
      auto encoded = wire::encode(update, connection->context);
      if (encoded.tooLarge)
        log::warn("bgp", "{}: a route's attributes exceed a message; it is withdrawn",
                  config_.name);
      for (auto& message : encoded.messages) {
        ++updatesOut_;
        send(connection, std::move(message));
      }
    }
  }
  if (!endOfRib) return;
  for (const auto family : rib.takeEndOfRib(id_)) {
    for (auto& message :
         wire::encode(wire::Update{family, {}, {}, {}}, connection->context).messages)
      send(connection, std::move(message));
  }
}

}  // namespace hawser::bgp
