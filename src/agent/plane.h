// The forwarding plane as the running agent sees it: what Ports and Forwarder set, upkeep, and what
// can be read back. DatapathPlane is the eBPF one; tests bring a recording one, so that the whole
// agent runs without BPF. One thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "hawser/datapath/datapath.h"

namespace hawser::agent {

class Plane {
 public:
  virtual ~Plane() = default;
  [[nodiscard]] virtual datapath::ForwardingPlane& forwarding() = 0;

  virtual std::size_t sweep() = 0;  // every second: ages connections out
  // Connections that the table threw out for want of room, so far.
  [[nodiscard]] virtual std::uint64_t evicted() const = 0;
  virtual std::size_t reconcile() = 0;  // every ten seconds: entries that it had to mend
  // Readable when somebody changed filters of devices; -1: never. Ours that it had to mend.
  [[nodiscard]] virtual int filterFd() const = 0;
  virtual std::size_t mendFilters() = 0;
  [[nodiscard]] virtual int eventFd() const = 0;  // -1: no events
  virtual void drainEvents(const std::function<void(const datapath::DropEvent&)>& visit) = 0;

  [[nodiscard]] virtual std::vector<datapath::Connection> connections(
      std::optional<datapath::PortId> port) const = 0;
  [[nodiscard]] virtual std::vector<datapath::DropCount> drops() const = 0;
  [[nodiscard]] virtual std::vector<datapath::RuleHit> ruleHits() const = 0;
  [[nodiscard]] virtual std::vector<datapath::PortCounters> portCounters() const = 0;
  [[nodiscard]] virtual std::vector<datapath::Route> routes(
      std::optional<datapath::VrfId> vrf) const = 0;
};

// Loads the eBPF datapath and adopts what an earlier run left in force.
[[nodiscard]] Result<std::unique_ptr<Plane>> openDatapath(const datapath::Config& config);

}  // namespace hawser::agent
