// The routers of each VRF in the map `senders`.
#pragma once

#include <set>

#include "bpf_map.h"
#include "convert.h"
#include "programs.h"

namespace hawser::datapath {

class RouterTable {
 public:
  explicit RouterTable(const Programs& programs);  // takes over what the map holds
  [[nodiscard]] Result<void> set(VrfId vrf, const std::set<net::IpAddress>& routers);
  void prune();  // VRFs that were not set since
  [[nodiscard]] Mended reconcile() { return senders_.reconcile(); }

 private:
  BpfMap<hw_sender, std::uint32_t> senders_;
  std::set<std::uint32_t> confirmed_;
};

}  // namespace hawser::datapath
