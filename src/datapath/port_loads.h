// How many connections a port may still open. The table of connections is shared and evicts what
// was not used for long: without a limit, one port that opens many would end those of others.
//
// Two numbers a port, each with one writer, compared modulo 2^32: the programs count what was ever
// opened (port_opened), we say up to which number they may (port_allowed). A connection carries its
// number, so a pass over the table tells exactly how many of those that were opened before it are
// left, however they went: aged out, forgotten, or evicted by the table. The limit lapses when
// nobody sweeps (`upkeep`): without an agent nothing would make room.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "abi/abi.h"
#include "hawser/datapath/datapath.h"
#include "programs.h"

namespace hawser::datapath {

class PortLoads {
 public:
  PortLoads(const Programs& programs, std::uint32_t limit);

  [[nodiscard]] Result<void> add(PortId port);
  void remove(PortId port);

  // A pass over the whole table, which may take several sweeps.
  void startPass();
  void seen(const hw_conn_key& key, const hw_conn& conn);
  void erased(const hw_conn_key& key, const hw_conn& conn);
  void endPass();
  // Writes what changed, and that somebody is here.
  void flush(std::uint64_t nowNs);

  // More than half of what it may have: its connections age faster.
  [[nodiscard]] bool pressed(std::uint32_t port) const;
  // Connections that the table threw out for want of room, of all ports since the start.
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }

 private:
  struct Load {
    std::uint32_t allowed = 0;
    std::uint32_t start = 0;  // opened when the pass began
    std::uint32_t left = 0;   // of those
    std::uint32_t late = 0;   // opened since, and erased
    bool inPass = false;
    bool pressed = false;
  };
  [[nodiscard]] std::uint32_t opened(std::uint32_t port) const;

  int opened_, allowed_, upkeep_;
  std::uint32_t limit_;
  std::map<std::uint32_t, Load> loads_;
  std::set<std::uint32_t> dirty_;
  std::uint64_t evicted_ = 0;
};

}  // namespace hawser::datapath
