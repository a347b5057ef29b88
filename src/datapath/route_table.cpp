#include "route_table.h"

#include <algorithm>

namespace hawser::datapath {
namespace {

constexpr int kLingerAge = 3;  // the third call of age(): after 2 to 3 s

bool isLocal(const Route& route) {
  return std::any_of(route.members.begin(), route.members.end(), [](const auto& member) {
    return std::holds_alternative<LocalPort>(member.nextHop);
  });
}

}  // namespace

RouteTable::RouteTable(const Programs& programs, std::uint32_t lastNextHop)
    : routes_(programs.map("routes"), "routes"),
      groups_(programs.map("groups"), "groups"),
      nextHops_(programs.map("next_hops"), "next_hops"),
      lastNextHop_(lastNextHop) {
  adopt();
}

void RouteTable::adopt() {
  for (const auto& [id, nextHop] : nextHops_.entries()) {
    ids_[nextHop] = id;
    lastNextHop_ = std::max(lastNextHop_, id);
  }
  std::set<std::uint32_t> used;
  for (const auto& [key, route] : routes_.entries()) {
    auto& entry = entries_[key];
    entry.weights = membersOf(route);
    entry.group = route.group;
    for (const auto& [id, weight] : entry.weights) ++uses_[id];
    used.insert(route.group);
    lastGroup_ = std::max(lastGroup_, route.group);
  }
  // Left over from a run that ended between two writes.
  groups_.eraseIf([&](std::uint32_t id, const hw_group&) { return !used.contains(id); });
  nextHops_.eraseIf([&](std::uint32_t id, const hw_next_hop&) { return !uses_.contains(id); });
  std::erase_if(ids_, [&](const auto& one) { return !uses_.contains(one.second); });
}

RouteTable::Weights RouteTable::membersOf(const hw_route& route) const {
  Weights out;
  if (route.group == 0) {
    out[route.next_hop] = 1;
    return out;
  }
  if (const auto* group = groups_.find(route.group))
    for (const auto id : group->next_hop) out[id] = 1;
  return out;
}

Result<std::uint32_t> RouteTable::acquire(VrfId vrf, const NextHop& nextHop, bool local) {
  const auto value = toNextHop(vrf, nextHop);
  if (const auto known = ids_.find(value); known != ids_.end()) {
    lingering_.erase(known->second);
    ++uses_[known->second];
    return known->second;
  }
  if (auto room = roomForNextHop(local); !room) return std::unexpected(room.error());
  const auto id = lastNextHop_ + 1;
  if (auto written = nextHops_.set(id, value); !written) return std::unexpected(written.error());
  lastNextHop_ = id;
  ids_[value] = id;
  uses_[id] = 1;
  return id;
}

Result<RouteTable::Weights> RouteTable::acquireAll(const Route& route) {
  Weights out;
  for (const auto& member : route.members) {
    const auto id = acquire(route.vrf, member.nextHop, isLocal(route));
    if (!id) {
      release(out, false);
      return std::unexpected(id.error());
    }
    const bool twice = out.contains(*id);
    out[*id] += std::max<std::uint32_t>(member.weight, 1);
    if (twice) --uses_[*id];
  }
  return out;
}

void RouteTable::release(const Weights& weights, bool linger) {
  for (const auto& [id, weight] : weights) {
    if (--uses_[id] > 0) continue;
    uses_.erase(id);
    if (linger)
      lingering_[id] = 0;
    else
      erase(id);
  }
}

void RouteTable::erase(std::uint32_t id) {
  if (const auto* value = nextHops_.find(id)) ids_.erase(*value);
  nextHops_.erase(id);
}

void RouteTable::endLingering(const std::function<bool(std::uint32_t id, int age)>& which) {
  std::erase_if(lingering_, [&](const auto& one) {
    if (!which(one.first, one.second)) return false;
    erase(one.first);
    return true;
  });
}

// What lingers makes room for what is wanted.
Result<void> RouteTable::roomForNextHop(bool local) {
  auto room = nextHops_.roomForMore(local);
  if (room || lingering_.empty()) return room;
  endLingering([](std::uint32_t, int) { return true; });
  return nextHops_.roomForMore(local);
}

void RouteTable::age() {
  for (auto& [id, age] : lingering_) ++age;
  endLingering([](std::uint32_t, int age) { return age >= kLingerAge; });
}

void RouteTable::forgetPort(PortId port) {
  endLingering([&](std::uint32_t id, int) {
    const auto leads = nextHop(id);
    return leads == NextHop(LocalPort{port});
  });
}

void RouteTable::dropGroup(std::uint32_t group) {
  if (group != 0) groups_.erase(group);
}

// Keeps the route's group; a route that had one next hop only gets a new one.
Result<std::uint32_t> RouteTable::writeGroup(const hw_route* before, const Weights& weights,
                                             bool local) {
  Buckets old{};
  std::uint32_t id = 0;
  if (before != nullptr && before->group != 0) {
    id = before->group;
    if (const auto* group = groups_.find(id))
      std::copy(std::begin(group->next_hop), std::end(group->next_hop), old.begin());
  } else if (before != nullptr) {
    old.fill(before->next_hop);
  }
  if (id == 0) {
    if (auto room = groups_.roomForMore(local); !room) return std::unexpected(room.error());
    id = ++lastGroup_;
  }
  hw_group value{};
  const auto buckets = fillBuckets(old, weights);
  std::copy(buckets.begin(), buckets.end(), std::begin(value.next_hop));
  if (auto written = groups_.set(id, value); !written) return std::unexpected(written.error());
  return id;
}

Result<void> RouteTable::set(const Route& route) {
  if (route.members.empty()) return invalid("a route has at least one member", "members");
  for (const auto& member : route.members)
    if (const auto* tunnel = std::get_if<Tunnel>(&member.nextHop);
        tunnel != nullptr && !tunnel->remote.isV4())
      return invalid("tunnels are over IPv4", "members.remote");
  const auto key = toRouteKey(route.vrf, route.prefix);
  const auto* before = routes_.find(key);
  if (before == nullptr)
    if (auto room = routes_.roomForMore(isLocal(route)); !room) return room;
  auto weights = acquireAll(route);
  if (!weights) return std::unexpected(weights.error());
  hw_route value{};
  value.identity = route.identity.key();
  if (weights->size() == 1) {
    value.next_hop = weights->begin()->first;
  } else {
    const auto group = writeGroup(before, *weights, isLocal(route));
    if (!group) {
      release(*weights, false);
      return std::unexpected(group.error());
    }
    value.group = *group;
  }
  const auto oldGroup = before != nullptr ? before->group : 0;
  if (auto written = routes_.set(key, value); !written) {
    if (value.group != oldGroup) dropGroup(value.group);
    release(*weights, false);
    return written;
  }
  auto& entry = entries_[key];
  const auto old = std::exchange(entry.weights, *weights);
  if (oldGroup != value.group) dropGroup(oldGroup);
  entry.group = value.group;
  entry.confirmed = true;
  // Also when it was anycast until now: its last backend is gone, and it is refused.
  release(old, std::exchange(entry.anycast, route.anycast) || route.anycast);
  return {};
}

void RouteTable::remove(VrfId vrf, const net::IpPrefix& prefix) {
  const auto key = toRouteKey(vrf, prefix);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  const auto entry = found->second;
  entries_.erase(found);
  routes_.erase(key);
  dropGroup(entry.group);
  release(entry.weights, entry.anycast);
}

void RouteTable::prune() {
  std::vector<hw_route_key> gone;
  for (const auto& [key, entry] : entries_)
    if (!entry.confirmed) gone.push_back(key);
  for (const auto& key : gone) {
    remove(VrfId(ntohl(key.vrf_be)), fromRouteKey(key));
  }
}

Mended RouteTable::reconcile() {
  // What a route leads to is mended before the route.
  auto out = nextHops_.reconcile();
  out += groups_.reconcile();
  out += routes_.reconcile();
  return out;
}

std::optional<NextHop> RouteTable::nextHop(std::uint32_t id) const {
  const auto* found = nextHops_.find(id);
  return found == nullptr ? std::nullopt : fromNextHop(*found);
}

std::vector<Route> RouteTable::routes(std::optional<VrfId> vrf) const {
  std::vector<Route> out;
  for (const auto& [key, value] : routes_.entries()) {
    Route route;
    route.vrf = VrfId(ntohl(key.vrf_be));
    if (vrf && route.vrf != *vrf) continue;
    route.prefix = fromRouteKey(key);
    route.identity = toIdentity(value.identity);
    for (const auto& [id, weight] : entries_.at(key).weights)
      if (const auto hop = nextHop(id))
        route.members.push_back({*hop, static_cast<std::uint16_t>(weight)});
    out.push_back(std::move(route));
  }
  return out;
}

}  // namespace hawser::datapath
