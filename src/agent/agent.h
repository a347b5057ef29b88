// The agent's logic without its surroundings (docs/modules/agent.md): slices and plugs in;
// forwarding entries, BGP routes, reports and answers out. Runs on one loop; knows no sockets, so
// tests drive it with a recording forwarding plane.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "forwarder.h"
#include "hawser/agent/local.h"
#include "ports.h"

namespace hawser::agent {

using Answer = std::function<void(const Result<Json>&)>;  // called once

class Agent {
 public:
  struct Config {
    std::string host;
    net::Ipv4Address underlay;
  };
  Agent(io::Loop& loop, Config config, datapath::ForwardingPlane& plane, RouteSink& routes,
        const Devices& devices, HostState& state, Metrics& metrics);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Goes on with what was kept: the last slice and the plugged devices that are still there.
  void restore();
  // fresh: from the controller, as opposed to kept from an earlier run.
  void applySlice(model::Slice slice, bool fresh);
  void bestChanges(const std::vector<rib::BestChange>& changes) { forwarder_.update(changes); }
  void checkDevices() { ports_.checkDevices(); }
  // Every ten seconds: what failed is tried again, vanished devices are noticed.
  void reconcile();
  // The datapath gives up what it adopted from an earlier run, once. Only when the slice is the
  // controller's and BGP has heard everything: a controller that is away never removes anything.
  void pruneWhenSafe(bool bgpSynchronised);

  // The answer comes when the port is in the slice and programmed, or `wait` has passed. Calling
  // the returned function before that gives up.
  std::function<void()> plug(const Plug& plug, std::chrono::milliseconds wait, Answer answer);
  std::size_t unplug(const std::function<bool(const Plug&)>& which);
  [[nodiscard]] Result<Json> check(const std::function<bool(const Plug&)>& which) const;

  // Called when a report is due.
  void onReport(std::function<void()> due) { reportDue_ = std::move(due); }
  [[nodiscard]] Json report() const;

  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] bool hasDevice(const std::string& name) const {
    return devices_.indexOf(name) != 0;
  }
  [[nodiscard]] const model::Slice* slice() const { return slice_.get(); }
  [[nodiscard]] bool fresh() const { return fresh_; }
  [[nodiscard]] bool pruned() const { return pruned_; }
  [[nodiscard]] const Ports& ports() const { return ports_; }
  [[nodiscard]] const Forwarder& forwarder() const { return forwarder_; }
  [[nodiscard]] const HostState& state() const { return state_; }
  // "up", "down" (was up on this host before), "pending".
  [[nodiscard]] std::string phaseOf(const model::SlicePort& port) const;
  // Of the slice's rule; empty: it has none of that number.
  [[nodiscard]] std::string ruleSource(std::uint32_t rule) const;
  // Why a port that is up may not reach everything; empty: it does.
  [[nodiscard]] std::string degradationOf(const model::SlicePort& port) const;

 private:
  struct Waiting {
    Plug plug;
    Answer answer;
    std::unique_ptr<io::Timer> deadline;
  };
  void answerWaiting();
  void giveUp(std::list<Waiting>::iterator waiting, const Error& error);
  [[nodiscard]] Json describe(const std::string& uid) const;
  [[nodiscard]] Error absence(const Plug& plug) const;
  void dropObsolete();
  void portsChanged(const std::set<net::Label>& labels);

  io::Loop& loop_;
  Config config_;
  datapath::ForwardingPlane& plane_;
  RouteSink& routes_;
  const Devices& devices_;
  HostState& state_;
  Forwarder forwarder_;
  Ports ports_;
  std::shared_ptr<const model::Slice> slice_;
  std::map<std::uint32_t, const std::string*> ruleSources_;  // in slice_
  std::set<net::RouteTarget> memberships_;
  io::Timer obsoleteTimer_;
  bool fresh_ = false;
  bool pruned_ = false;
  std::list<Waiting> waiting_;
  std::function<void()> reportDue_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hawser::agent
