// One peer: its connections and their way to Established.
//
// RFC 4271's machine has one state for each connection; here each Connection carries its own
// (OpenSent, OpenConfirm, Established), and the peer's state for people is the highest of them. At
// most one connection is Established, and it is then the only one; RFC 4271, 6.8 decides between
// two at the moment an OPEN comes.
// What an established session does is in session.cpp.
#include "peer.h"

#include <algorithm>
#include <random>

#include "connection.h"
#include "hawser/base/log.h"

namespace hawser::bgp {

namespace {

constexpr std::chrono::seconds kOpenLimit{20};  // for the peer's OPEN; RFC 4271 suggests 240

// 75 to 100 percent, RFC 4271, 10.
Duration jittered(Duration whole) {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return whole * std::uniform_int_distribution<int>(75, 100)(engine) / 100;
}

}  // namespace

std::string_view stateName(State state) {
  switch (state) {
    case State::kIdle:
      return "Idle";
    case State::kConnect:
      return "Connect";
    case State::kActive:
      return "Active";
    case State::kOpenSent:
      return "OpenSent";
    case State::kOpenConfirm:
      return "OpenConfirm";
    case State::kEstablished:
      return "Established";
  }
  return "?";
}

Peer::Peer(PeerHost& host, rib::PeerId id, PeerConfig config, bool dynamic)
    : host_(host),
      id_(id),
      config_(std::move(config)),
      dynamic_(dynamic),
      pauseTimer_(host.loop()),
      retryTimer_(host.loop()),
      staleTimer_(host.loop()),
      gateTimer_(host.loop()),
      since_(host.loop().clock().now()) {}

Peer::~Peer() {
  for (const auto& connection : connections_) connection->transport->close(false);
}

void Peer::start() {
  setState();
  if (!config_.passive) connectNow();
}

void Peer::connectNow() {
  if (stopped_ || paused_ || connector_ || established()) return;
  connector_ = host_.connect(config_, [this](Result<std::shared_ptr<Transport>> result) {
    // The connector is inside this call: it goes on the next turn.
    host_.loop().post([gone = std::shared_ptr<Connector>(std::move(connector_))] {});
    if (stopped_) return;
    if (!result) {
      note(result.error().message);
      setState();
      return retryLater();
    }
    attach(std::move(*result), true);
  });
  setState();
}

void Peer::retryLater() {
  if (stopped_ || paused_ || config_.passive) return;
  retryTimer_.start(jittered(config_.connectRetry), [this] { connectNow(); });
}

void Peer::adopt(std::shared_ptr<Transport> transport) {
  if (stopped_ || paused_) return transport->close(false);
  attach(std::move(transport), false);
}

void Peer::attach(std::shared_ptr<Transport> transport, bool outgoing) {
  if (outgoing && config_.tls && !transport->certificate().commonName.starts_with("controller:")) {
    note(fmt::format("the certificate of {} is not a controller's but \"{}\"",
                     config_.address.text(), transport->certificate().commonName));
    transport->close(false);
    return retryLater();
  }
  // A second incoming connection that has not come as far as an OPEN replaces the first.
  const auto same = std::find_if(connections_.begin(), connections_.end(), [&](const auto& other) {
    return other->outgoing == outgoing && other->state == State::kOpenSent;
  });
  if (same != connections_.end()) {
    const auto old = *same;
    ended(old, "replaced by a newer connection", false);
  }
  auto connection = std::make_shared<Connection>(host_.loop(), std::move(transport), outgoing);
  connection->context.external = config_.remoteAs != host_.config().asn;
  connection->context.localAs = host_.config().asn;
  connections_.push_back(connection);
  const std::weak_ptr<Connection> weak = connection;
  connection->transport->start(
      [this, weak](wire::ByteView bytes) {
        if (const auto alive = weak.lock(); alive && !alive->over) received(alive, bytes);
      },
      [this, weak](const std::string& reason) {
        if (const auto alive = weak.lock(); alive && !alive->over) ended(alive, reason, false);
      });
  connection->transport->onDrained([this] { host_.scheduleFlush(); });
  send(connection, wire::encode(ourOpen()));
  connection->hold.start(kOpenLimit, [this, weak] {
    if (const auto alive = weak.lock())
      notifyAndClose(alive, {kHoldTimerExpired, 0, {}}, "no OPEN from the peer in time");
  });
  setState();
}

wire::Open Peer::ourOpen() const {
  wire::Open open;
  open.asn = host_.config().asn;
  open.holdTime = static_cast<std::uint16_t>(config_.holdTime.count());
  open.routerId = host_.config().routerId;
  auto& capabilities = open.capabilities;
  capabilities.families = config_.families;
  capabilities.as4 = host_.config().asn;
  capabilities.routeRefresh = true;
  capabilities.extendedMessage = true;
  if (grOn()) {
    wire::GracefulRestart restart;
    restart.restarting = host_.restarting();
    restart.notification = true;
    restart.restartTime =
        static_cast<std::uint16_t>(std::min<std::int64_t>(config_.restartTime.count(), 4095));
    // The datapath outlives the process, so forwarding is always preserved.
    for (const auto family : config_.families) restart.families.push_back({family, true});
    capabilities.gracefulRestart = std::move(restart);
  }
  return open;
}

void Peer::received(const ConnectionPtr& connection, wire::ByteView bytes) {
  auto& buffer = connection->buffer;
  buffer.insert(buffer.end(), bytes.begin(), bytes.end());
  std::size_t used = 0;
  while (!connection->over) {
    const auto rest = wire::ByteView(buffer).subspan(used);
    const auto length = wire::messageLength(rest, connection->context.maxMessage);
    if (!length) {
      return notifyAndClose(
          connection, length.error().notification,
          fmt::format("byte {}: {}", length.error().offset, length.error().reason));
    }
    if (!*length || rest.size() < **length) break;
    handle(connection, rest.subspan(0, **length));
    used += **length;
  }
  buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(used));
}

void Peer::handle(const ConnectionPtr& connection, wire::ByteView message) {
  ++messagesIn_;
  const auto decoded = wire::decode(message, connection->context);
  if (!decoded) {
    return notifyAndClose(
        connection, decoded.error().notification,
        fmt::format("byte {}: {}", decoded.error().offset, decoded.error().reason));
  }
  if (connection->state == State::kEstablished) startHoldTimer(connection);
  if (const auto* open = std::get_if<wire::Open>(&*decoded)) return handleOpen(connection, *open);
  if (const auto* update = std::get_if<wire::DecodedUpdate>(&*decoded))
    return handleUpdate(connection, *update);
  if (const auto* notification = std::get_if<wire::Notification>(&*decoded))
    return handleNotification(connection, *notification);
  if (std::holds_alternative<wire::Keepalive>(*decoded)) return handleKeepalive(connection);
  if (const auto* refresh = std::get_if<wire::RouteRefresh>(&*decoded)) {
    if (connection->state != State::kEstablished)
      return notifyAndClose(connection, {kFsmError, 0, {}},
                            "ROUTE-REFRESH before the session is up");
    if (refresh->subtype == 0) {  // others: RFC 7313, not negotiated
      host_.rib().refresh(id_, refresh->family);
      host_.scheduleFlush();
    }
  }
}

std::optional<wire::Notification> Peer::refuse(const wire::Open& open) const {
  if (open.asn != config_.remoteAs) return wire::Notification{kOpenError, kBadPeerAs, {}};
  const bool internal = config_.remoteAs == host_.config().asn;
  // RFC 6286: the identifier is unique within an AS only.
  if (open.routerId.value() == 0 || (internal && open.routerId == host_.config().routerId))
    return wire::Notification{kOpenError, kBadBgpId, {}};
  return std::nullopt;
}

void Peer::handleOpen(const ConnectionPtr& connection, const wire::Open& open) {
  if (connection->state != State::kOpenSent)
    return notifyAndClose(connection, {kFsmError, 0, {}}, "a second OPEN");
  if (const auto no = refuse(open)) {
    return notifyAndClose(
        connection, *no,
        no->subcode == kBadPeerAs
            ? fmt::format("the peer is AS {}, but AS {} is configured", open.asn.value(),
                          config_.remoteAs.value())
            : fmt::format("the peer's router id {} is not usable", open.routerId.text()));
  }
  if (!resolveCollision(connection, open)) return;
  connection->open = open;
  remoteId_ = open.routerId;
  auto& context = connection->context;
  context.fourByteAs = open.capabilities.as4.has_value();
  if (open.capabilities.extendedMessage) context.maxMessage = wire::kMaxExtendedMessage;
  connection->holdTime = std::min<Duration>(config_.holdTime, std::chrono::seconds(open.holdTime));
  connection->state = State::kOpenConfirm;
  send(connection, wire::encode(wire::Keepalive{}));
  startHoldTimer(connection);
  startKeepaliveTimer(connection);
  setState();
}

// False: this connection lost and is closed.
bool Peer::resolveCollision(const ConnectionPtr& connection, const wire::Open& open) {
  const auto others = connections_;
  for (const auto& other : others) {
    if (other == connection || other->over) continue;
    if (other->state == State::kEstablished) {
      // RFC 4724, 4.2: the peer lost the old session before we noticed.
      if (other->open->capabilities.gracefulRestart && grOn()) {
        ended(other, "the peer opened a new session", false);
        continue;
      }
      notifyAndClose(connection, {kCease, kCollision, {}}, "there is a session already");
      return false;
    }
    if (other->state != State::kOpenConfirm) continue;
    // The higher identifier's own connection stays; RFC 6286 compares the AS when they are equal.
    const auto& own = host_.config();
    const bool weAreHigher = std::pair(own.routerId, own.asn) > std::pair(open.routerId, open.asn);
    const auto loser = connection->outgoing == weAreHigher ? other : connection;
    notifyAndClose(loser, {kCease, kCollision, {}}, "connection collision");
    if (loser == connection) return false;
  }
  return true;
}

void Peer::handleKeepalive(const ConnectionPtr& connection) {
  if (connection->state == State::kEstablished) return;
  if (connection->state != State::kOpenConfirm)
    return notifyAndClose(connection, {kFsmError, 0, {}}, "KEEPALIVE before OPEN");
  establish(connection);
}

void Peer::handleNotification(const ConnectionPtr& connection,
                              const wire::Notification& notification) {
  const bool hard = notification.code == kCease && notification.subcode == kHardReset;
  const auto& open = connection->open;
  const bool grace = open && open->capabilities.gracefulRestart &&
                     open->capabilities.gracefulRestart->notification && grOn();
  ended(connection, "the peer sent " + notification.text(), hard || !grace);
}

void Peer::notifyAndClose(const ConnectionPtr& connection, const wire::Notification& notification,
                          const std::string& reason) {
  if (connection->over) return;
  send(connection, wire::encode(notification));
  const auto& open = connection->open;
  const bool grace = open && open->capabilities.gracefulRestart &&
                     open->capabilities.gracefulRestart->notification && grOn();
  ended(connection, reason, !grace, notification.code == kHoldTimerExpired);
}

void Peer::ended(const ConnectionPtr& connection, const std::string& reason, bool byNotification,
                 bool silent) {
  if (connection->over) return;
  connection->over = true;
  connection->hold.cancel();
  connection->keepalive.cancel();
  connection->transport->close(true);
  std::erase(connections_, connection);
  const bool wasUp = connection->state == State::kEstablished;
  note(reason);
  if (wasUp) sessionDown(*connection->open, byNotification, silent);
  setState();
  if (wasUp) {
    host_.changed(*this);
    host_.scheduleFlush();
  }
  if (connections_.empty() && !connector_) retryLater();
  // What this connection's handlers hold goes when they are done.
  host_.loop().post([connection] {});
  if (expired()) host_.changed(*this);
}

void Peer::stop(std::uint8_t ceaseSubcode, bool abrupt) {
  stopped_ = true;
  connector_.reset();
  retryTimer_.cancel();
  pauseTimer_.cancel();
  staleTimer_.cancel();
  const auto all = connections_;
  for (const auto& connection : all) {
    if (!abrupt) send(connection, wire::encode(wire::Notification{kCease, ceaseSubcode, {}}));
    ended(connection, abrupt ? "stopped" : "stopped by us", true);
  }
  if (stale_) host_.rib().dropStale(id_);
  stale_ = false;
}

void Peer::send(const ConnectionPtr& connection, wire::Bytes bytes) {
  ++messagesOut_;
  connection->transport->send(std::move(bytes));
}

void Peer::startHoldTimer(const ConnectionPtr& connection) {
  if (connection->holdTime == Duration::zero()) return connection->hold.cancel();
  connection->hold.start(connection->holdTime, [this, weak = std::weak_ptr(connection)] {
    if (const auto alive = weak.lock())
      notifyAndClose(alive, {kHoldTimerExpired, 0, {}}, "hold timer expired");
  });
}

void Peer::startKeepaliveTimer(const ConnectionPtr& connection) {
  if (connection->holdTime == Duration::zero()) return;
  connection->keepalive.start(jittered(connection->holdTime / 3),
                              [this, weak = std::weak_ptr(connection)] {
                                const auto alive = weak.lock();
                                if (!alive || alive->over) return;
                                send(alive, wire::encode(wire::Keepalive{}));
                                startKeepaliveTimer(alive);
                              });
}

bool Peer::established() const {
  return std::any_of(connections_.begin(), connections_.end(), [](const auto& connection) {
    return connection->state == State::kEstablished;
  });
}

bool Peer::expired() const { return dynamic_ && connections_.empty() && !stale_; }

void Peer::setState() {
  auto state = State::kIdle;
  if (!stopped_ && !paused_) state = connector_ ? State::kConnect : State::kActive;
  for (const auto& connection : connections_) state = std::max(state, connection->state);
  if (state == state_) return;
  state_ = state;
  since_ = host_.loop().clock().now();
}

void Peer::note(const std::string& problem) {
  // Said once, not at each attempt.
  if (problem == lastError_) return;
  lastError_ = problem;
  log::info("bgp", "{} ({}): {}", config_.name, config_.address.text(), problem);
}

PeerStatus Peer::status() const {
  PeerStatus status;
  status.name = config_.name;
  status.address = config_.address;
  status.remoteAs = config_.remoteAs;
  status.remoteId = remoteId_;
  status.state = state_;
  status.since =
      std::chrono::duration_cast<std::chrono::seconds>(host_.loop().clock().now() - since_);
  status.flaps = flaps_;
  status.messagesIn = messagesIn_;
  status.messagesOut = messagesOut_;
  status.updatesIn = updatesIn_;
  status.updatesOut = updatesOut_;
  status.lastError = lastError_;
  for (const auto& connection : connections_) {
    if (connection->state != State::kEstablished) continue;
    const auto families = negotiated(*connection->open);
    status.families.assign(families.begin(), families.end());
  }
  status.stale = stale_;
  status.routes = host_.rib().counters(id_);
  return status;
}

}  // namespace hawser::bgp
