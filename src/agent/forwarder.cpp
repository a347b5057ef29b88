#include "forwarder.h"

#include <fmt/format.h>

#include <algorithm>

#include "convert.h"
#include "hawser/base/log.h"
#include "hawser/net/communities.h"

namespace hawser::agent {

Forwarder::Forwarder(datapath::ForwardingPlane& plane, net::IpAddress underlay,
                     PortOfLabel portOfLabel, Metrics& metrics)
    : plane_(plane),
      underlay_(underlay),
      portOfLabel_(std::move(portOfLabel)),
      writes_(metrics.counter("agent.route.write")),
      removals_(metrics.counter("agent.route.remove")),
      failures_(metrics.counter("agent.route.fail")),
      unusable_(metrics.counter("agent.path.unusable")) {}

void Forwarder::setSlice(const model::Slice& slice, TimePoint now) {
  const bool preference = encapsulations_ != slice.encapsulations;
  encapsulations_ = slice.encapsulations;
  for (auto& [id, vrf] : vrfs_) vrf.obsoleteSince = vrf.obsoleteSince.value_or(now);
  for (const auto& one : slice.vrfs) {
    auto& vrf = vrfs_[one.id];
    vrf.obsoleteSince.reset();
    vrf.name = one.name;
    if (vrf.import != one.importTargets) {
      vrf.import = one.importTargets;
      table_.setVrf(one.id, vrf.import);
    }
    setRefused(one.id, vrf, one.refused);
  }
  if (preference)
    for (auto& [id, vrf] : vrfs_) reprogram(id, vrf);
  takeChanges();
}

void Forwarder::setRefused(net::VrfId id, Vrf& vrf, const std::vector<net::IpAddress>& refused) {
  std::set<net::IpPrefix> next;
  for (const auto& address : refused) next.insert(net::IpPrefix::host(address));
  std::swap(vrf.refused, next);
  for (const auto& prefix : next) program(id, vrf, prefix);
  for (const auto& prefix : vrf.refused)
    if (!next.contains(prefix)) program(id, vrf, prefix);
}

std::optional<TimePoint> Forwarder::dropObsolete(TimePoint now) {
  std::optional<TimePoint> next;
  for (auto it = vrfs_.begin(); it != vrfs_.end();) {
    const auto since = it->second.obsoleteSince;
    if (!since || now < *since + kVrfLinger) {
      if (since) next = std::min(next.value_or(*since + kVrfLinger), *since + kVrfLinger);
      ++it;
      continue;
    }
    for (const auto& [prefix, route] : it->second.written) {
      plane_.removeRoute(it->first, prefix);
      removals_.add();
    }
    while (!it->second.wanted.empty())
      setWanted(it->first, it->second, net::IpPrefix(it->second.wanted.begin()->first), {});
    (void)plane_.setRouters(it->first, {});  // taking away needs no room
    table_.removeVrf(it->first);
    it = vrfs_.erase(it);
  }
  takeChanges();
  return next;
}

void Forwarder::update(const std::vector<rib::BestChange>& changes) {
  for (const auto& change : changes)
    if (change.key.family == wire::kVpnv4) table_.update(change);
  takeChanges();
}

void Forwarder::programRouters(net::VrfId id, Vrf& vrf) {
  auto routers = table_.routers(id);
  if (routers == vrf.routers) return;
  if (const auto set = plane_.setRouters(id, routers); !set) {
    failures_.add();
    log::error("agent", "routers of {}: {}; tried again", vrf.name, set.error().text());
    return;
  }
  vrf.routers = std::move(routers);
}

void Forwarder::takeChanges() {
  std::set<net::VrfId> touched;
  for (auto& change : table_.takeChanges()) {
    const auto found = vrfs_.find(change.vrf);
    if (found == vrfs_.end()) continue;  // removed in the same breath
    auto& vrf = found->second;
    setWanted(found->first, vrf, change.prefix, std::move(change.paths));
    // A router that is new may send before its routes are in force, one that went not after.
    if (touched.insert(found->first).second) programRouters(found->first, vrf);
    program(found->first, vrf, change.prefix);
  }
}

bool Forwarder::isHere(const rib::VrfPath& path) const {
  return path.local || path.nextHop == underlay_;
}

void Forwarder::setWanted(net::VrfId id, Vrf& vrf, const net::IpPrefix& prefix,
                          std::vector<rib::VrfPath> paths) {
  const auto known = vrf.wanted.find(prefix);
  if (known != vrf.wanted.end())
    for (const auto& path : known->second)
      if (const auto found = here_.find(path.label); isHere(path) && found != here_.end()) {
        found->second.erase({id, prefix});
        if (found->second.empty()) here_.erase(found);
      }
  for (const auto& path : paths)
    if (isHere(path)) here_[path.label].emplace(id, prefix);
  if (!paths.empty())
    vrf.wanted.insert_or_assign(prefix, std::move(paths));
  else if (known != vrf.wanted.end())
    vrf.wanted.erase(known);
}

void Forwarder::localPortsChanged(const std::set<net::Label>& labels) {
  std::set<std::pair<net::VrfId, net::IpPrefix>> touched;
  for (const auto label : labels)
    if (const auto found = here_.find(label); found != here_.end())
      touched.insert(found->second.begin(), found->second.end());
  for (const auto& [id, prefix] : touched) program(id, vrfs_.at(id), prefix);
}

void Forwarder::reprogram(net::VrfId id, Vrf& vrf) {
  for (const auto& [prefix, paths] : vrf.wanted) program(id, vrf, prefix);
}

void Forwarder::retry() {
  for (auto& [id, vrf] : vrfs_)
    for (const auto failed = vrf.failed; const auto& prefix : failed) program(id, vrf, prefix);
  for (auto& [id, vrf] : vrfs_) programRouters(id, vrf);
  const auto now = lack();
  if (now.failed == saidFailed_) return;
  saidFailed_ = now.failed;
  if (lackChanged_) lackChanged_();
  if (now.failed > 0)
    log::error("agent", "{}; tried again", now.text());
  else
    log::info("agent", "all {} routes fit again", now.wanted);
}

// The first is said at once, all others together by retry().
void Forwarder::failed(Vrf& vrf, const net::IpPrefix& prefix, const Error& error) {
  failures_.add();
  reason_ = error.text();
  if (!vrf.failed.insert(prefix).second) return;
  if (saidFailed_ == 0) {
    log::error("agent", "routes do not fit, {} in {} first: {}; tried again", prefix.text(),
               vrf.name, reason_);
    saidFailed_ = 1;
  }
  if (vrf.failed.size() == 1 && lackChanged_) lackChanged_();
}

void Forwarder::succeeded(Vrf& vrf, const net::IpPrefix& prefix) {
  if (vrf.failed.erase(prefix) > 0 && vrf.failed.empty() && lackChanged_) lackChanged_();
}

std::size_t Forwarder::Vrf::wantedCount() const {
  return written.size() + static_cast<std::size_t>(std::count_if(
                              failed.begin(), failed.end(),
                              [this](const auto& prefix) { return !written.contains(prefix); }));
}

Forwarder::Lack Forwarder::lack() const {
  Lack out;
  for (const auto& [id, vrf] : vrfs_) {
    out.failed += vrf.failed.size();
    out.wanted += vrf.wantedCount();
  }
  if (out.failed > 0) out.reason = reason_;
  return out;
}

std::string Forwarder::Lack::text() const {
  return fmt::format("{} of {} routes do not fit: {}", failed, wanted, reason);
}

std::string Forwarder::lackOf(net::VrfId id) const {
  const auto found = vrfs_.find(id);
  if (found == vrfs_.end() || found->second.failed.empty()) return {};
  const auto& vrf = found->second;
  return fmt::format("{} of {} routes of {} do not fit", vrf.failed.size(), vrf.wantedCount(),
                     vrf.name);
}

void Forwarder::program(net::VrfId id, Vrf& vrf, const net::IpPrefix& prefix) {
  const auto route = routeFor(id, vrf, prefix);
  const auto written = vrf.written.find(prefix);
  if (!route) {
    succeeded(vrf, prefix);
    if (written == vrf.written.end()) return;
    plane_.removeRoute(id, prefix);
    removals_.add();
    vrf.written.erase(written);
    return;
  }
  if (written != vrf.written.end() && written->second == *route) return succeeded(vrf, prefix);
  const auto set = plane_.setRoute(*route);
  if (!set) return failed(vrf, prefix, set.error());
  writes_.add();
  vrf.written.insert_or_assign(prefix, *route);
  succeeded(vrf, prefix);
}

std::optional<datapath::Route> Forwarder::routeFor(net::VrfId id, const Vrf& vrf,
                                                   const net::IpPrefix& prefix) const {
  datapath::Route route{.vrf = id, .prefix = prefix, .members = {}, .identity = {}};
  if (const auto paths = vrf.wanted.find(prefix); paths != vrf.wanted.end())
    for (const auto& path : paths->second) {
      const auto nextHop = nextHopOf(path);
      if (!nextHop) continue;
      route.members.push_back({*nextHop, 1});
      if (route.identity.number == 0)
        route.identity = net::identityIn(path.attributes->extendedCommunities);
      route.anycast |= net::anycastIn(path.attributes->extendedCommunities);
    }
  if (!route.members.empty()) return route;
  if (!vrf.refused.contains(prefix)) return std::nullopt;
  route.members.push_back({datapath::Refuse{}, 1});
  return route;
}

std::optional<datapath::NextHop> Forwarder::nextHopOf(const rib::VrfPath& path) const {
  if (path.local || path.nextHop == underlay_) {
    // A label without a port: a route of ours that still circulates, or is just being withdrawn.
    const auto port = portOfLabel_(path.label);
    if (!port) return std::nullopt;
    return datapath::LocalPort{*port};
  }
  const auto encapsulation =
      net::chooseEncapsulation(path.attributes->extendedCommunities, encapsulations_);
  if (!encapsulation) {
    unusable_.add();
    return std::nullopt;
  }
  return datapath::Tunnel{*encapsulation, path.nextHop, path.label};
}

std::set<net::RouteTarget> Forwarder::memberships() const {
  std::set<net::RouteTarget> all;
  for (const auto& [id, vrf] : vrfs_) all.insert(vrf.import.begin(), vrf.import.end());
  return all;
}

const std::map<net::IpPrefix, datapath::Route>& Forwarder::written(net::VrfId vrf) const {
  static const std::map<net::IpPrefix, datapath::Route> none;
  const auto found = vrfs_.find(vrf);
  return found == vrfs_.end() ? none : found->second.written;
}

std::vector<Forwarder::VrfView> Forwarder::vrfs() const {
  std::vector<VrfView> out;
  for (const auto& [id, vrf] : vrfs_)
    out.push_back(
        {id, vrf.name, vrf.import, vrf.written.size(), vrf.failed.size(), vrf.wantedCount()});
  return out;
}

}  // namespace hawser::agent
