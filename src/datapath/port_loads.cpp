#include "port_loads.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>

#include "bpf_map.h"

namespace hawser::datapath {
namespace {

constexpr std::uint64_t kLapseNs = 60'000'000'000U;

// a - b, modulo 2^32.
std::int32_t distance(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b); }

}  // namespace

// What was allowed before may be of another limit, or used up while nobody swept: everybody starts
// afresh, and the first pass sets it right.
PortLoads::PortLoads(const Programs& programs, std::uint32_t limit)
    : opened_(programs.map("port_opened")),
      allowed_(programs.map("port_allowed")),
      upkeep_(programs.map("upkeep")),
      limit_(limit) {
  forEachEntry<std::uint32_t, std::uint32_t>(opened_, [this](std::uint32_t port, std::uint32_t n) {
    loads_[port].allowed = n + limit_;
    dirty_.insert(port);
  });
}

std::uint32_t PortLoads::opened(std::uint32_t port) const {
  std::uint32_t out = 0;
  (void)bpf_map_lookup_elem(opened_, &port, &out);
  return out;
}

Result<void> PortLoads::add(PortId port) {
  const auto id = port.value();
  if (loads_.contains(id)) return {};
  const std::uint32_t none = 0;
  if (bpf_map_update_elem(allowed_, &id, &limit_, BPF_ANY) < 0)
    return failErrno("write to the map port_allowed", errno);
  if (bpf_map_update_elem(opened_, &id, &none, BPF_ANY) < 0)
    return failErrno("write to the map port_opened", errno);
  loads_[id].allowed = limit_;
  return {};
}

void PortLoads::remove(PortId port) {
  const auto id = port.value();
  (void)bpf_map_delete_elem(opened_, &id);
  (void)bpf_map_delete_elem(allowed_, &id);
  loads_.erase(id);
  dirty_.erase(id);
}

void PortLoads::startPass() {
  for (auto& [port, load] : loads_) {
    load.start = opened(port);
    load.left = load.late = 0;
    load.inPass = true;
    const auto free = distance(load.allowed, load.start);
    load.pressed = free < static_cast<std::int32_t>(limit_ - limit_ / 2);
  }
}

void PortLoads::seen(const hw_conn_key& key, const hw_conn& conn) {
  const auto found = loads_.find(key.port);
  if (found != loads_.end() && distance(conn.number, found->second.start) <= 0)
    ++found->second.left;
}

void PortLoads::erased(const hw_conn_key& key, const hw_conn& conn) {
  const auto found = loads_.find(key.port);
  if (found == loads_.end()) return;
  ++found->second.allowed;
  if (distance(conn.number, found->second.start) > 0) ++found->second.late;
  dirty_.insert(key.port);
}

void PortLoads::endPass() {
  for (auto& [port, load] : loads_) {
    if (!load.inPass) continue;
    const auto exact = load.start + limit_ - load.left + load.late;
    const auto unexplained = distance(exact, load.allowed);
    if (unexplained > 0) evicted_ += static_cast<std::uint32_t>(unexplained);
    if (unexplained != 0) dirty_.insert(port);
    load.allowed = exact;
    load.inPass = false;
  }
}

void PortLoads::flush(std::uint64_t nowNs) {
  for (const auto port : dirty_)
    (void)bpf_map_update_elem(allowed_, &port, &loads_[port].allowed, BPF_ANY);
  dirty_.clear();
  const std::uint32_t zero = 0;
  const auto until = nowNs + kLapseNs;
  (void)bpf_map_update_elem(upkeep_, &zero, &until, BPF_ANY);
}

bool PortLoads::pressed(std::uint32_t port) const {
  const auto found = loads_.find(port);
  return found != loads_.end() && found->second.pressed;
}

}  // namespace hawser::datapath
