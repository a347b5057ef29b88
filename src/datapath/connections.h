// The connection table as people see it, and its ageing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "abi/abi.h"
#include "hawser/datapath/datapath.h"
#include "programs.h"

namespace hawser::datapath {

// How long a connection may be idle, by protocol and state (RFC 5382, REQ-5; RFC 4787, REQ-5).
[[nodiscard]] std::chrono::seconds idleLimit(std::uint8_t protocol, std::uint8_t flags);
// "new", "established", "closing".
[[nodiscard]] std::string stateName(std::uint8_t flags);

class Connections {
 public:
  using NextHopById = std::function<std::optional<NextHop>(std::uint32_t)>;
  explicit Connections(const Programs& programs);

  [[nodiscard]] std::vector<Connection> view(std::optional<PortId> port,
                                             const NextHopById& nextHop) const;
  // Deletes what was idle too long; looks at a bounded part of the table each time.
  std::size_t sweep();
  // Those of a port that is gone.
  void forget(PortId port);

 private:
  void erase(const hw_conn_key& key, const hw_conn& conn);

  int conns_;
  int outside_;
  std::optional<std::uint32_t> cursor_;
};

}  // namespace hawser::datapath
