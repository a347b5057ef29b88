// The connection table as people see it, and its ageing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "abi/abi.h"
#include "hawser/datapath/datapath.h"
#include "port_loads.h"
#include "programs.h"

namespace hawser::datapath {

// How long a connection may be idle, by protocol and state (RFC 5382, REQ-5; RFC 4787, REQ-5).
// pressed: of a port that has many; all but established TCP goes after ten seconds.
[[nodiscard]] std::chrono::seconds idleLimit(std::uint8_t protocol, std::uint8_t flags,
                                             bool pressed = false);
// "new", "established", "closing".
[[nodiscard]] std::string stateName(std::uint8_t flags);

class Connections {
 public:
  using NextHopById = std::function<std::optional<NextHop>(std::uint32_t)>;
  Connections(const Programs& programs, std::uint32_t limitPerPort);

  // Before a port opens its first.
  [[nodiscard]] Result<void> expect(PortId port) { return loads_.add(port); }

  [[nodiscard]] Result<ConnectionList> view(std::optional<PortId> port, std::size_t limit,
                                            const NextHopById& nextHop) const;
  // Deletes what was idle too long; looks at a bounded part of the table each time. When the table
  // cannot be read the pass is lost, so nobody's load is reckoned by a part of it.
  [[nodiscard]] Result<std::size_t> sweep();
  [[nodiscard]] std::uint64_t evicted() const { return loads_.evicted(); }
  // Those of a port that is gone.
  void forget(PortId port);

 private:
  void erase(const hw_conn_key& key, const hw_conn& conn);

  int conns_;
  int outside_;
  PortLoads loads_;
  std::optional<std::uint32_t> cursor_;
};

}  // namespace hawser::datapath
