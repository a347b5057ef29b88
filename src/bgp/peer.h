// One peer: its finite state machine (RFC 4271, 8), up to two connections while they collide, and
// what graceful restart (RFC 4724) keeps of it between sessions. Private to the module.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hawser/bgp/speaker.h"
#include "transport.h"

namespace hawser::bgp {

class Peer;

// What a peer asks of its speaker.
class PeerHost {
 public:
  virtual ~PeerHost() = default;
  [[nodiscard]] virtual io::Loop& loop() = 0;
  [[nodiscard]] virtual rib::Rib& rib() = 0;
  [[nodiscard]] virtual const SpeakerConfig& config() const = 0;
  [[nodiscard]] virtual bool restarting() const = 0;  // the R bit for OPENs of now
  [[nodiscard]] virtual std::unique_ptr<Connector> connect(const PeerConfig& peer,
                                                           Connector::Done done) = 0;
  virtual void scheduleFlush() = 0;
  virtual void changed(Peer& peer) = 0;  // up, down, synchronised or expired
};

class Peer {
 public:
  Peer(PeerHost& host, rib::PeerId id, PeerConfig config, bool dynamic);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void start();
  void adopt(std::shared_ptr<Transport> transport);  // the peer connected to us
  // The end: NOTIFICATION Cease with this subcode, or nothing at all (abrupt). No reconnection.
  void stop(std::uint8_t ceaseSubcode, bool abrupt);
  void setFilters(rib::RouteFilter import, rib::RouteFilter exportTo);
  // Sends what the RIB has for this peer, as far as the other side takes it. endOfRib false: its
  // markers wait.
  void flush(bool endOfRib);

  [[nodiscard]] const PeerConfig& config() const { return config_; }
  [[nodiscard]] rib::PeerId id() const { return id_; }
  [[nodiscard]] bool dynamic() const { return dynamic_; }
  [[nodiscard]] bool established() const;
  [[nodiscard]] bool synchronised() const { return established() && awaited_.empty(); }
  // A dynamic peer with no connection and nothing kept.
  [[nodiscard]] bool expired() const;
  [[nodiscard]] PeerStatus status() const;

 private:
  struct Connection;
  using ConnectionPtr = std::shared_ptr<Connection>;

  void connectNow();
  void retryLater();
  void attach(std::shared_ptr<Transport> transport, bool outgoing);
  void received(const ConnectionPtr& connection, wire::ByteView bytes);
  void handle(const ConnectionPtr& connection, wire::ByteView message);
  void handleOpen(const ConnectionPtr& connection, const wire::Open& open);
  [[nodiscard]] std::optional<wire::Notification> refuse(const wire::Open& open) const;
  [[nodiscard]] bool resolveCollision(const ConnectionPtr& connection, const wire::Open& open);
  void handleKeepalive(const ConnectionPtr& connection);
  void handleUpdate(const ConnectionPtr& connection, const wire::DecodedUpdate& decoded);
  // The peer has given more than it may: the session has ended.
  [[nodiscard]] bool overflows(const ConnectionPtr& connection, wire::Family family);
  void handleNotification(const ConnectionPtr& connection, const wire::Notification& notification);
  void establish(const ConnectionPtr& connection);
  [[nodiscard]] rib::PeerPolicy policyFor(const Connection& connection,
                                          std::set<wire::Family> families) const;
  void judgeStale(const wire::Open& open);
  [[nodiscard]] std::set<wire::Family> negotiated(const wire::Open& open) const;
  // Ends a connection; of the established one: the session.
  void notifyAndClose(const ConnectionPtr& connection, const wire::Notification& notification,
                      const std::string& reason);
  // silent: nothing came from the peer any more.
  void ended(const ConnectionPtr& connection, const std::string& reason, bool byNotification,
             bool silent = false);
  void sessionDown(const wire::Open& open, bool byNotification, bool silent);
  void send(const ConnectionPtr& connection, wire::Bytes bytes);
  void startHoldTimer(const ConnectionPtr& connection);
  void startKeepaliveTimer(const ConnectionPtr& connection);
  [[nodiscard]] wire::Open ourOpen() const;
  void setState();
  void note(const std::string& problem);
  [[nodiscard]] bool grOn() const { return config_.restartTime.count() > 0; }

  PeerHost& host_;
  rib::PeerId id_;
  PeerConfig config_;
  bool dynamic_;
  bool stopped_ = false;
  bool paused_ = false;  // after an overflow: no connection until pauseTimer_, either way
  io::Timer pauseTimer_;
  std::vector<ConnectionPtr> connections_;
  std::unique_ptr<Connector> connector_;
  io::Timer retryTimer_;
  // Graceful restart.
  bool stale_ = false;
  io::Timer staleTimer_;
  io::Timer gateTimer_;
  std::set<wire::Family> awaited_;  // end-of-RIB markers of this session that have not come
  // For people.
  State state_ = State::kIdle;
  TimePoint since_{};
  std::uint64_t flaps_ = 0;
  std::uint64_t messagesIn_ = 0, messagesOut_ = 0, updatesIn_ = 0, updatesOut_ = 0;
  std::string lastError_;
  net::RouterId remoteId_;
};

}  // namespace hawser::bgp
