// From VRF routes to the datapath's: BGP's best paths are imported into the host's VRFs, each
// prefix becomes one forwarding entry with all its equal paths.
//
// Invariants: an entry is written only when it differs from what was written last; a prefix whose
// write failed is tried again at retry(), and counted until it is written; an address without a
// backend is refused exactly when no route for it exists.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hawser/base/clock.h"
#include "hawser/base/metrics.h"
#include "hawser/datapath/datapath.h"
#include "hawser/model/slice.h"
#include "hawser/rib/vrf.h"

namespace hawser::agent {

// Longer than other hosts go on with a backend that has left (datapath::Route::anycast).
inline constexpr std::chrono::seconds kVrfLinger{4};

class Forwarder {
 public:
  // The port on this host that has the label; nullopt: none that is plugged.
  using PortOfLabel = std::function<std::optional<datapath::PortId>(net::Label)>;
  Forwarder(datapath::ForwardingPlane& plane, net::IpAddress underlay, PortOfLabel portOfLabel,
            Metrics& metrics);

  // New and changed VRFs at once. Those that are gone go on as they are for kVrfLinger: their ports
  // leave first, and where the last backend of a service leaves, its answers still find their way.
  void setSlice(const model::Slice& slice, TimePoint now);
  // Drops those whose time is over; returns when the next one's is.
  std::optional<TimePoint> dropObsolete(TimePoint now);
  void update(const std::vector<rib::BestChange>& changes);
  // Ports came or went: paths over this host with these labels may mean something else now.
  void localPortsChanged(const std::set<net::Label>& labels);
  void retry();
  // Called when a VRF begins or ceases to lack routes, and by retry() when their number has
  // changed.
  void onLack(std::function<void()> changed) { lackChanged_ = std::move(changed); }

  [[nodiscard]] std::set<net::RouteTarget> memberships() const;
  struct VrfView {
    net::VrfId id;
    std::string name;
    std::set<net::RouteTarget> import;
    std::size_t routes = 0;  // in force
    std::size_t failed = 0;  // not, or not as wanted
    std::size_t wanted = 0;
  };
  [[nodiscard]] std::vector<VrfView> vrfs() const;
  // What could not be written, of all VRFs.
  struct Lack {
    std::size_t failed = 0;
    std::size_t wanted = 0;
    std::string reason;  // of one that failed
    [[nodiscard]] std::string text() const;
  };
  [[nodiscard]] Lack lack() const;
  // Of the VRF alone; empty when it has all its routes.
  [[nodiscard]] std::string lackOf(net::VrfId vrf) const;
  [[nodiscard]] std::vector<rib::VrfChange> paths(net::VrfId vrf) const {
    return table_.routes(vrf);
  }
  // As last written to the datapath; empty for a VRF that is not here.
  [[nodiscard]] const std::map<net::IpPrefix, datapath::Route>& written(net::VrfId vrf) const;
  [[nodiscard]] const std::vector<net::Encapsulation>& encapsulations() const {
    return encapsulations_;
  }

 private:
  struct Vrf {
    std::string name;
    std::set<net::RouteTarget> import;
    std::set<net::IpPrefix> refused;
    std::map<net::IpPrefix, std::vector<rib::VrfPath>> wanted;
    std::map<net::IpPrefix, datapath::Route> written;
    std::set<net::IpPrefix> failed;
    std::set<net::IpAddress> routers;  // as written
    std::optional<TimePoint> obsoleteSince;
    [[nodiscard]] std::size_t wantedCount() const;
  };
  void takeChanges();
  void setWanted(net::VrfId id, Vrf& vrf, const net::IpPrefix& prefix,
                 std::vector<rib::VrfPath> paths);
  [[nodiscard]] bool isHere(const rib::VrfPath& path) const;
  void programRouters(net::VrfId id, Vrf& vrf);
  void reprogram(net::VrfId id, Vrf& vrf);
  void setRefused(net::VrfId id, Vrf& vrf, const std::vector<net::IpAddress>& refused);
  void program(net::VrfId id, Vrf& vrf, const net::IpPrefix& prefix);
  void failed(Vrf& vrf, const net::IpPrefix& prefix, const Error& error);
  void succeeded(Vrf& vrf, const net::IpPrefix& prefix);
  [[nodiscard]] std::optional<datapath::Route> routeFor(net::VrfId id, const Vrf& vrf,
                                                        const net::IpPrefix& prefix) const;
  [[nodiscard]] std::optional<datapath::NextHop> nextHopOf(const rib::VrfPath& path) const;

  datapath::ForwardingPlane& plane_;
  net::IpAddress underlay_;
  PortOfLabel portOfLabel_;
  rib::VrfTable table_;
  std::map<net::VrfId, Vrf> vrfs_;
  std::map<net::Label, std::set<std::pair<net::VrfId, net::IpPrefix>>> here_;  // paths of ours
  std::vector<net::Encapsulation> encapsulations_;
  std::function<void()> lackChanged_;
  std::string reason_;          // of the failure that came last
  std::size_t saidFailed_ = 0;  // as the log was told
  Counter& writes_;
  Counter& removals_;
  Counter& failures_;
  Counter& unusable_;
};

}  // namespace hawser::agent
