// Import of VPN routes into VRFs by route target (RFC 4364, 4.3.1), with multipath across route
// distinguishers: all paths of one prefix that are equal up to MED form the ECMP set. Pure; one
// thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hawser/net/vrf.h"
#include "hawser/rib/rib.h"

namespace hawser::rib {

using net::VrfId;

struct VrfPath {
  net::RouteDistinguisher rd;
  net::IpAddress nextHop;
  net::Label label;
  std::shared_ptr<const wire::PathAttributes> attributes;
  net::RouteTarget importedBy;  // the first of the VRF's import targets that the route carries
  bool local = false;           // originated by this speaker
  bool stale = false;
  PeerId peer = kLocal;  // that it came from
};

struct VrfChange {
  VrfId vrf;
  net::IpPrefix prefix;
  std::vector<VrfPath> paths;  // the multipath set, ordered by (nextHop, rd); empty: gone
};

class VrfTable {
 public:
  VrfTable();
  ~VrfTable();
  VrfTable(const VrfTable&) = delete;
  VrfTable& operator=(const VrfTable&) = delete;

  // Adds a VRF or changes its import targets; routes known already are imported at once.
  void setVrf(VrfId vrf, std::set<net::RouteTarget> import);
  void removeVrf(VrfId vrf);
  // Feeds best VPN routes, as Rib::takeBestChanges gives them.
  void update(const BestChange& change);
  [[nodiscard]] std::vector<VrfChange> takeChanges();
  // Next hops of the VRF's paths that carry no identity, of those too that are not chosen: routers,
  // which may send what comes from behind them whichever of them the routes lead to.
  [[nodiscard]] std::set<net::IpAddress> routers(VrfId vrf) const;
  // The multipath set of every prefix of the VRF.
  [[nodiscard]] std::vector<VrfChange> routes(VrfId vrf) const;
  // Longest match.
  [[nodiscard]] std::optional<VrfChange> lookup(VrfId vrf, const net::IpAddress& address) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hawser::rib
