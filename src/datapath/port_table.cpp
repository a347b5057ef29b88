#include "port_table.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cstddef>

#include "convert.h"
#include "hawser/base/log.h"

namespace hawser::datapath {
namespace {

// Of a map whose keys begin with the port: those of one port that `which` picks.
template <class K, class V, class Which>
void eraseOf(BpfMap<K, V>& map, std::uint32_t port, Which which) {
  static_assert(offsetof(K, port) == 0);
  K first{};
  first.port = port;
  map.eraseWithin(first, [port](const K& key) { return key.port == port; }, which);
}

}  // namespace

PortTable::PortTable(const Programs& programs)
    : fromPort_(programs.fromPort()),
      counters_(programs.map("port_counters")),
      hits_(programs.map("rule_hits")),
      portOfDevice_(programs.map("port_of_device"), "port_of_device"),
      ports_(programs.map("ports"), "ports"),
      addresses_(programs.map("port_addrs"), "port_addrs"),
      labels_(programs.map("labels"), "labels"),
      translations_(programs.map("translations"), "translations"),
      floating_(programs.map("floating"), "floating"),
      rules_(programs.map("rules"), "rules") {
  std::set<std::uint32_t> sets;
  for (const auto& [id, port] : ports_.entries()) {
    sets.insert({port.ingress_set, port.egress_set});
    lastSet_ = std::max({lastSet_, port.ingress_set, port.egress_set});
  }
  // Left over from a run that ended between two writes.
  rules_.eraseIf([&](const hw_rule_key& key, const hw_rule&) { return !sets.contains(key.set); });
  for (const auto& [key, rule] : rules_.entries()) ++ruleUses_[rule.id];
}

Result<void> PortTable::writeAddresses(const Port& port) {
  std::map<hw_port_addr, std::uint32_t, BytesLess> wanted;
  for (const auto& gateway : port.gateways)
    wanted[{port.id.value(), toAddr(gateway)}] = HW_ADDR_GATEWAY;
  for (const auto& address : port.addresses)
    wanted[{port.id.value(), toAddr(address)}] = HW_ADDR_OWN;
  for (const auto& [key, kind] : wanted)
    if (auto written = addresses_.set(key, kind); !written) return written;
  eraseOf(addresses_, port.id.value(), [&](const auto& key) { return !wanted.contains(key); });
  return {};
}

Result<void> PortTable::startCounters(std::uint32_t port) {
  const auto cpus = static_cast<std::size_t>(std::max(libbpf_num_possible_cpus(), 1));
  const std::vector<hw_port_counters> zero(cpus);
  if (bpf_map_update_elem(counters_, &port, zero.data(), BPF_NOEXIST) < 0 && errno != EEXIST)
    return failErrno("write to the map port_counters", errno);
  return {};
}

void PortTable::leaveDevice(std::uint32_t port, std::uint32_t ifindex) {
  const auto* owner = portOfDevice_.find(ifindex);
  if (owner == nullptr || *owner != port) return;  // another port has it now
  if (const auto detached = detachIngress(static_cast<int>(ifindex)); !detached)
    log::error("datapath", "port {}: {}", port, detached.error().text());
  portOfDevice_.erase(ifindex);
}

Result<void> PortTable::set(const Port& port) {
  const auto device = findDevice(port.device);
  if (!device) return std::unexpected(device.error());
  const auto id = port.id.value();
  const auto* known = ports_.find(id);
  const hw_port before = known != nullptr ? *known : hw_port{};
  hw_port value = before;
  if (known == nullptr) value.ingress_default = value.egress_default = HW_DENY;  // until setRules
  value.identity = port.identity.key();
  value.ifindex = static_cast<std::uint32_t>(device->index);
  value.vrf = port.vrf.value();
  value.label = port.label.value();
  value.mtu = port.mtu;
  const auto gateway = std::find_if(port.gateways.begin(), port.gateways.end(),
                                    [](const auto& address) { return address.isV4(); });
  value.gateway_be = gateway == port.gateways.end() ? 0 : v4Be(*gateway);
  value.flags &= HW_PORT_FLOATING;
  if (port.antiSpoof) value.flags |= HW_PORT_ANTISPOOF;
  if (device->peerElsewhere && !port.tap) value.flags |= HW_PORT_PEER;
  std::copy(port.mac.bytes().begin(), port.mac.bytes().end(), std::begin(value.mac));
  if (auto written = writeAddresses(port); !written) return written;
  if (auto started = startCounters(id); !started) return started;
  if (auto written = ports_.set(id, value); !written) return written;
  if (auto written = labels_.set(value.label, id); !written) return written;
  if (auto written = portOfDevice_.set(value.ifindex, id); !written) return written;
  if (auto attached = attachIngress(device->index, fromPort_); !attached) return attached;
  if (known != nullptr && before.ifindex != value.ifindex) leaveDevice(id, before.ifindex);
  if (known != nullptr && before.label != value.label)
    if (const auto* owner = labels_.find(before.label); owner != nullptr && *owner == id)
      labels_.erase(before.label);
  auto& confirmed = confirmed_[id];
  confirmed.port = true;
  confirmed.device = port.device;
  return {};
}

void PortTable::remove(PortId port) {
  const auto id = port.value();
  const auto* known = ports_.find(id);
  if (known == nullptr) return;
  const hw_port before = *known;
  leaveDevice(id, before.ifindex);
  if (const auto* owner = labels_.find(before.label); owner != nullptr && *owner == id)
    labels_.erase(before.label);
  ports_.erase(id);
  const auto all = [](const auto&) { return true; };
  eraseOf(addresses_, id, all);
  eraseOf(translations_, id, all);
  floating_.erase(id);
  dropRules(before.ingress_set);
  dropRules(before.egress_set);
  (void)bpf_map_delete_elem(counters_, &id);
  confirmed_.erase(id);
}

Result<void> PortTable::updateFloating(std::uint32_t port, const hw_floating* floating) {
  if (floating != nullptr) {
    if (auto written = floating_.set(port, *floating); !written) return written;
  } else {
    floating_.erase(port);
  }
  hw_port value = *ports_.find(port);
  value.flags = static_cast<std::uint8_t>(floating != nullptr ? value.flags | HW_PORT_FLOATING
                                                              : value.flags & ~HW_PORT_FLOATING);
  return ports_.set(port, value);
}

Result<void> PortTable::setTranslations(PortId port, const std::vector<Translation>& all) {
  const auto id = port.value();
  if (ports_.find(id) == nullptr) return fail(ErrorCode::kNotFound, "no such port", "port");
  std::map<hw_translation_key, hw_translation, BytesLess> wanted;
  std::optional<hw_floating> floats;
  for (const auto& one : all) {
    hw_translation_key key{};
    key.port = id;
    key.address = toAddr(one.address);
    key.protocol = one.protocol;
    key.l4_port_be = htons(one.port);
    hw_translation value{};
    value.target = toAddr(one.targetAddress);
    value.vrf = one.vrf.value();
    value.target_port_be = htons(one.targetPort);
    value.outbound = one.outbound ? 1 : 0;
    wanted[key] = value;
    if (one.outbound && !floats && one.address.isV4())
      floats = hw_floating{key.address, value.vrf, 0};
  }
  for (const auto& [key, value] : wanted)
    if (auto written = translations_.set(key, value); !written) return written;
  eraseOf(translations_, id, [&](const auto& key) { return !wanted.contains(key); });
  confirmed_[id].translations = true;
  return updateFloating(id, floats ? &*floats : nullptr);
}

Result<void> PortTable::writeRules(std::uint32_t set, const std::vector<hw_rule>& rules) {
  std::uint32_t index = 0;
  for (const auto& rule : rules) {
    if (auto written = rules_.set({set, index++}, rule); !written) return written;
    ++ruleUses_[rule.id];
    const std::uint64_t zero = 0;
    if (bpf_map_update_elem(hits_, &rule.id, &zero, BPF_NOEXIST) < 0 && errno != EEXIST)
      return failErrno("write to the map rule_hits", errno);
  }
  return {};
}

void PortTable::dropRules(std::uint32_t set) {
  if (set == 0) return;
  std::vector<std::pair<hw_rule_key, std::uint32_t>> gone;
  for (auto it = rules_.entries().lower_bound({set, 0}); it != rules_.entries().end(); ++it) {
    if (it->first.set != set) break;
    gone.emplace_back(it->first, it->second.id);
  }
  for (const auto& [key, rule] : gone) {
    rules_.erase(key);
    if (--ruleUses_[rule] > 0) continue;
    ruleUses_.erase(rule);
    (void)bpf_map_delete_elem(hits_, &rule);
  }
}

// The new set lies beside the old one; one write to the port changes over.
Result<void> PortTable::setRules(PortId port, const RuleSet& rules) {
  const auto* known = ports_.find(port.value());
  if (known == nullptr) return fail(ErrorCode::kNotFound, "no such port", "port");
  const auto expanded = expand(rules);
  const auto hash = hashOf(expanded, rules);
  if (known->rules_hash == hash) return {};
  const hw_port before = *known;
  hw_port value = before;
  value.rules_hash = hash;
  value.ingress_set = ++lastSet_;
  value.egress_set = ++lastSet_;
  value.ingress_count = static_cast<std::uint32_t>(expanded.ingress.size());
  value.egress_count = static_cast<std::uint32_t>(expanded.egress.size());
  value.ingress_default = static_cast<std::uint8_t>(rules.defaultIngress);
  value.egress_default = static_cast<std::uint8_t>(rules.defaultEgress);
  ++value.generation;
  auto written = writeRules(value.ingress_set, expanded.ingress);
  if (written) written = writeRules(value.egress_set, expanded.egress);
  if (written) written = ports_.set(port.value(), value);
  const auto& gone = written ? before : value;
  dropRules(gone.ingress_set);
  dropRules(gone.egress_set);
  return written;
}

void PortTable::prune() {
  for (const auto id : ids()) {
    const auto found = confirmed_.find(id.value());
    if (found == confirmed_.end() || !found->second.port) {
      remove(id);
    } else if (!found->second.translations) {
      if (auto cleared = setTranslations(id, {}); !cleared)
        log::error("datapath", "translations of port {}: {}", id.value(), cleared.error().text());
    }
  }
  // What no port of the maps owns.
  const auto orphan = [this](std::uint32_t port) { return ports_.find(port) == nullptr; };
  addresses_.eraseIf([&](const hw_port_addr& key, std::uint32_t) { return orphan(key.port); });
  labels_.eraseIf([&](std::uint32_t, std::uint32_t port) { return orphan(port); });
  portOfDevice_.eraseIf([&](std::uint32_t, std::uint32_t port) { return orphan(port); });
}

Mended PortTable::mendFilters(const std::function<bool(int)>& which) {
  Mended out;
  for (const auto& [ifindex, port] : portOfDevice_.entries()) {
    if (!which(static_cast<int>(ifindex))) continue;
    const auto confirmed = confirmed_.find(port);
    if (confirmed == confirmed_.end() || !confirmed->second.port) continue;
    const auto mended = mendIngress(static_cast<int>(ifindex), fromPort_);
    if (!mended && mended.error().code == ErrorCode::kNotFound) continue;
    if (!mended)
      out.fail({mended.error().code, mended.error().text(), confirmed->second.device});
    else if (*mended)
      ++out.mended;
  }
  return out;
}

Mended PortTable::reconcile() {
  auto out = addresses_.reconcile();
  out += translations_.reconcile();
  out += floating_.reconcile();
  out += rules_.reconcile();
  out += ports_.reconcile();
  out += labels_.reconcile();
  out += portOfDevice_.reconcile();
  out += mendFilters([](int) { return true; });
  return out;
}

std::vector<PortId> PortTable::ids() const {
  std::vector<PortId> out;
  for (const auto& [id, port] : ports_.entries()) out.emplace_back(id);
  return out;
}

std::vector<PortCounters> PortTable::counters() const {
  const auto cpus = static_cast<std::size_t>(std::max(libbpf_num_possible_cpus(), 1));
  std::vector<hw_port_counters> each(cpus);
  std::vector<PortCounters> out;
  for (const auto& [id, port] : ports_.entries()) {
    if (bpf_map_lookup_elem(counters_, &id, each.data()) < 0) continue;
    PortCounters sum{.port = PortId(id)};
    for (const auto& one : each) {
      sum.packetsIn += one.packets_in;
      sum.bytesIn += one.bytes_in;
      sum.packetsOut += one.packets_out;
      sum.bytesOut += one.bytes_out;
    }
    out.push_back(sum);
  }
  return out;
}

std::vector<RuleHit> PortTable::hits() const {
  std::vector<RuleHit> out;
  for (const auto& [id, uses] : ruleUses_) {
    std::uint64_t packets = 0;
    if (bpf_map_lookup_elem(hits_, &id, &packets) == 0) out.push_back({id, packets});
  }
  return out;
}

}  // namespace hawser::datapath
