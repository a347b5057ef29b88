// The running agent: the pure Agent and everything around it, on one loop.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "agent.h"
#include "enrol.h"
#include "feed.h"
#include "hawser/bgp/speaker.h"
#include "socket/ops.h"

namespace hawser::agent {

class Daemon {
 public:
  struct Parts {
    Options options;
    net::Ipv4Address underlay;
    Enrolment enrolment;
    HostState state;
    std::unique_ptr<datapath::Plane> plane;
    std::unique_ptr<Devices> devices;
    std::chrono::seconds restartDeferral{30};  // how long a restart waits for its controllers
  };
  Daemon(io::Loop& loop, Parts parts);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Goes on with what was kept, then opens sessions, socket and feeds.
  [[nodiscard]] Result<void> start();
  // Abrupt: peers keep our routes as stale (RFC 4724), and the datapath stays in force.
  void stop();
  [[nodiscard]] const Agent& agent() const { return agent_; }
  [[nodiscard]] Surroundings surroundings() const;

 private:
  class Sink;
  [[nodiscard]] Result<void> addPeers();
  [[nodiscard]] std::vector<api::ClientConfig> clients() const;
  void sayState(const bgp::PeerStatus& peer);
  void everySecond();
  void everyTenSeconds();
  void drops();
  void sweep();
  void mended(const datapath::Mended& found, const char* what, bool all);
  void report();
  [[nodiscard]] bool bgpIsWhole() const;

  io::Loop& loop_;
  Parts parts_;
  Metrics metrics_;
  bgp::Speaker speaker_;
  std::unique_ptr<Sink> sink_;
  Agent agent_;
  DropLog drops_;
  Operations operations_;
  std::unique_ptr<LocalServer> server_;
  std::unique_ptr<SliceFeed> feed_;
  std::unique_ptr<Reporter> reporter_;
  std::optional<io::FdWatcher> events_, filters_;
  io::Timer second_, tenSeconds_, reportTimer_;
  Json reported_;
  std::uint64_t evicted_ = 0;  // as counted so far
  std::string sweepProblem_;   // as the log was told
  std::size_t notMended_ = 0;  // as the log was told
  std::optional<TimePoint> wholeSince_;
  std::map<std::string, std::optional<bgp::State>> said_;
};

}  // namespace hawser::agent
