// Routes, ECMP groups and next hops in their maps. Ids of next hops are counted up for ever and
// belong to one VRF: a connection that holds the id of a next hop that is gone finds nothing, not
// another one, and goes back through lookup.
//
// A next hop that an anycast route lost lingers: it is in no group, so no new connection gets it,
// but those that hold its id go on for a while.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "bpf_map.h"
#include "buckets.h"
#include "convert.h"
#include "programs.h"

namespace hawser::datapath {

class RouteTable {
 public:
  // Takes over what the maps hold. `lastNextHop` is the highest id ever given.
  RouteTable(const Programs& programs, std::uint32_t lastNextHop);

  // The last sixteenth of each map is for routes with a port of this host among their members:
  // however many routes others announce, a workload that starts here has its own.
  [[nodiscard]] Result<void> set(const Route& route);
  void remove(VrfId vrf, const net::IpPrefix& prefix);
  void prune();
  // Every second: next hops that lingered long enough go.
  void age();
  // The port leads nowhere any more: so does what lingers towards it.
  void forgetPort(PortId port);
  [[nodiscard]] Mended reconcile();
  [[nodiscard]] std::vector<Route> routes(std::optional<VrfId> vrf) const;
  [[nodiscard]] std::optional<NextHop> nextHop(std::uint32_t id) const;
  [[nodiscard]] std::uint32_t lastNextHop() const { return lastNextHop_; }

 private:
  using Weights = std::map<std::uint32_t, std::uint32_t>;  // id of a next hop -> weight
  struct Entry {
    Weights weights;
    std::uint32_t group = 0;
    bool confirmed = false;  // set since this process began
    bool anycast = false;
  };
  [[nodiscard]] Result<std::uint32_t> acquire(VrfId vrf, const NextHop& nextHop, bool local);
  [[nodiscard]] Result<Weights> acquireAll(const Route& route);
  void release(const Weights& weights, bool linger);
  void erase(std::uint32_t id);
  void endLingering(const std::function<bool(std::uint32_t id, int age)>& which);
  [[nodiscard]] Result<void> roomForNextHop(bool local);
  void dropGroup(std::uint32_t group);
  void adopt();
  [[nodiscard]] Weights membersOf(const hw_route& route) const;
  [[nodiscard]] Result<std::uint32_t> writeGroup(const hw_route* before, const Weights& weights,
                                                 bool local);

  BpfMap<hw_route_key, hw_route> routes_;
  BpfMap<std::uint32_t, hw_group> groups_;
  BpfMap<std::uint32_t, hw_next_hop> nextHops_;
  std::map<hw_route_key, Entry, BytesLess> entries_;
  std::map<hw_next_hop, std::uint32_t, BytesLess> ids_;
  std::map<std::uint32_t, std::size_t> uses_;  // of a next hop's id
  std::map<std::uint32_t, int> lingering_;     // by id: calls of age() since its last use
  std::uint32_t lastNextHop_ = 0;
  std::uint32_t lastGroup_ = 0;
};

}  // namespace hawser::datapath
