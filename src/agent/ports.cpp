#include "ports.h"

#include <algorithm>
#include <utility>

#include "hawser/base/log.h"

namespace hawser::agent {
namespace {

std::tuple<std::string, std::string, std::string> keyOf(const model::WorkloadRef& workload) {
  return {workload.kind, workload.space, workload.name};
}

// Two translations of one port that cannot both be there.
bool sameKey(const datapath::Translation& a, const datapath::Translation& b) {
  return a.vrf == b.vrf && a.address == b.address && a.protocol == b.protocol && a.port == b.port;
}

// Containers by their newest plug, latest first; the plugs of one container in the order of its
// interfaces.
std::vector<const Plug*> byContainer(const std::vector<Plug>& plugs) {
  std::map<std::string_view, std::vector<const Plug*>> containers;
  for (const auto& plug : plugs) containers[plug.containerId].push_back(&plug);
  std::vector<const Plug*> out;
  for (auto newest = plugs.rbegin(); newest != plugs.rend(); ++newest) {
    auto container = containers.extract(newest->containerId);
    if (container) out.insert(out.end(), container.mapped().begin(), container.mapped().end());
  }
  return out;
}

}  // namespace

Ports::Ports(Dependencies dependencies, Changed changed)
    : deps_(dependencies),
      changed_(std::move(changed)),
      attributes_(net::IpAddress(dependencies.underlay)),
      lingerTimer_(dependencies.loop) {}

void Ports::setSlice(std::shared_ptr<const model::Slice> slice, bool forgetMissing) {
  slice_ = std::move(slice);
  ++slices_;
  byUid_.clear();
  byName_.clear();
  byWorkload_.clear();
  for (const auto& port : slice_->ports) {
    byUid_[port.uid] = &port;
    byName_.try_emplace(port.name, &port);
    if (port.workload) byWorkload_[keyOf(*port.workload)].push_back(&port);
  }
  reconcile();
  if (forgetMissing)
    for (const auto& uid : deps_.state.uids())
      if (!byUid_.contains(uid)) deps_.state.forget(uid);
  saveState();
  attributes_.dropUnused();
}

// Which plug serves which port. Of two containers for one workload the newer one has it: the older
// is being replaced.
std::map<std::string, const Plug*> Ports::resolve() {
  std::map<std::string, const Plug*> out;
  if (!slice_) return out;
  for (const auto* plug : byContainer(deps_.state.plugs())) {
    if (const auto named = byName_.find(plug->port); named != byName_.end()) {
      out.emplace(named->second->uid, plug);
    } else if (plug->port.empty() && plug->workload) {
      const auto found = byWorkload_.find(keyOf(*plug->workload));
      if (found == byWorkload_.end()) continue;
      for (const auto* port : found->second)
        if (out.emplace(port->uid, plug).second) break;
    }
  }
  return out;
}

void Ports::reconcile() { settle(nullptr); }

void Ports::settle(const std::string* touched) {
  const auto wanted = resolve();
  std::vector<std::string> gone;
  for (const auto& [uid, bound] : bound_)
    if (!wanted.contains(uid)) gone.push_back(uid);
  for (const auto& uid : gone) release(uid);
  bool changed = !gone.empty();
  for (const auto& [uid, plug] : wanted) {
    auto& bound = bound_[uid];
    if (settled(*plug, bound, touched == nullptr || *touched == plug->device)) continue;
    const bool before = bound.up();
    program(*byUid_.at(uid), *plug, bound);
    changed |= bound.up() != before;
  }
  startLingerTimer();
  saveState();
  if (changed) changed_(std::exchange(moved_, {}));
}

bool Ports::settled(const Plug& plug, const Bound& bound, bool look) const {
  return bound.up() && bound.asOf == slices_ && bound.plug == plug && bound.lingering.empty() &&
         (!look || bound.deviceIndex == deps_.devices.indexOf(plug.device));
}

void Ports::program(const model::SlicePort& port, const Plug& plug, Bound& bound) {
  (void)deps_.state.numbers(port.uid, port.name);
  deps_.metrics.counter("agent.port.program").add();
  bound.asOf = slices_;
  const auto routes = originations(*slice_, port, deps_.state, deps_.underlay, attributes_);
  // What the port is not reachable by any more, before the datapath forgets it.
  std::set<rib::RouteKey> keys;
  for (const auto& route : routes) keys.insert(route.key);
  std::erase_if(bound.routes, [&](const auto& entry) {
    if (keys.contains(entry.first)) return false;
    deps_.routes.withdraw(entry.first);
    return true;
  });
  if (const auto done = programDatapath(port, plug, bound); !done) {
    if (bound.problem != done.error().text())
      log::error("agent", "port {} on {}: {}; tried again", port.name, plug.device,
                 done.error().text());
    bound.problem = done.error().text();
    withdrawAll(bound);
    return;
  }
  if (!bound.problem.empty()) log::info("agent", "port {} on {}: up again", port.name, plug.device);
  bound.problem.clear();
  for (const auto& route : routes) {
    const auto known = bound.routes.find(route.key);
    if (known != bound.routes.end() && known->second.label == route.label &&
        known->second.attributes == route.attributes)
      continue;
    deps_.routes.originate(route);
    bound.routes.insert_or_assign(route.key, route);
  }
}

Result<void> Ports::programDatapath(const model::SlicePort& port, const Plug& plug, Bound& bound) {
  const auto& numbers = deps_.state.numbers(port.uid, port.name);
  const auto wanted = toPort(port, numbers, plug);
  const int index = deps_.devices.indexOf(plug.device);
  if (bound.attached && (bound.deviceIndex != index || bound.port.device != wanted.device)) {
    // Another device under the same port, perhaps of the same name: programs go with a device.
    deps_.plane.removePort(bound.port.id);
    bound.attached = false;
    bound.rules.reset();
    bound.translations.reset();
  }
  if (bound.plug.device != plug.device) leaveDevice(bound.plug.device, port.uid);
  bound.plug = plug;
  byDevice_[plug.device] = port.uid;
  if (!bound.attached || bound.port != wanted) {
    if (auto set = deps_.plane.setPort(wanted); !set) return set;
    if (!bound.attached)
      log::info("agent", "port {} on {}: label {}", port.name, plug.device, wanted.label.value());
    bound.attached = true;
    bound.deviceIndex = index;
    bound.port = wanted;
    byLabel_[wanted.label] = wanted.id;
    moved_.insert(wanted.label);
    names_[wanted.id] = wanted.name;
  }
  auto rules = toRules(port);
  if (!bound.rules || *bound.rules != rules) {
    if (auto set = deps_.plane.setRules(wanted.id, rules); !set) return set;
    bound.rules = std::move(rules);
  }
  auto translations = withLingering(toTranslations(port), bound);
  if (!bound.translations || *bound.translations != translations) {
    if (auto set = deps_.plane.setTranslations(wanted.id, translations); !set) return set;
    bound.translations = std::move(translations);
  }
  return {};
}

std::vector<datapath::Translation> Ports::withLingering(std::vector<datapath::Translation> wanted,
                                                        Bound& bound) {
  const auto now = deps_.loop.clock().now();
  const auto replaced = [&](const datapath::Translation& old) {
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const auto& one) { return sameKey(one, old); });
  };
  if (bound.translations)
    for (const auto& old : *bound.translations)
      // A floating IP that is taken away must not be a source any longer.
      if (!replaced(old) && !old.outbound)
        bound.lingering.try_emplace(old, now + kTranslationLinger);
  std::erase_if(bound.lingering,
                [&](const auto& entry) { return entry.second <= now || replaced(entry.first); });
  for (const auto& [translation, until] : bound.lingering) wanted.push_back(translation);
  std::sort(wanted.begin(), wanted.end());
  return wanted;
}

void Ports::startLingerTimer() {
  std::optional<TimePoint> next;
  for (const auto& [uid, bound] : bound_)
    for (const auto& [translation, until] : bound.lingering)
      if (!next || until < *next) next = until;
  if (!next) return lingerTimer_.cancel();
  lingerTimer_.start(std::max<Duration>(*next - deps_.loop.clock().now(), Duration::zero()),
                     [this] { reconcile(); });
}

void Ports::withdrawAll(Bound& bound) {
  for (const auto& [key, route] : bound.routes) deps_.routes.withdraw(key);
  bound.routes.clear();
}

void Ports::release(const std::string& uid) {
  auto node = bound_.extract(uid);
  auto& bound = node.mapped();
  withdrawAll(bound);
  leaveDevice(bound.plug.device, uid);
  if (!bound.attached) return;
  log::info("agent", "port {} on {}: gone", bound.port.name, bound.port.device);
  byLabel_.erase(bound.port.label);
  moved_.insert(bound.port.label);
  names_.erase(bound.port.id);
  deps_.loop.post([this, alive = std::weak_ptr(alive_), uid, id = bound.port.id] {
    if (alive.expired()) return;
    const auto again = bound_.find(uid);  // plugged anew meanwhile, under the same number
    if (again == bound_.end() || !again->second.attached) deps_.plane.removePort(id);
  });
}

void Ports::leaveDevice(const std::string& device, const std::string& uid) {
  const auto found = byDevice_.find(device);
  if (found != byDevice_.end() && found->second == uid) byDevice_.erase(found);
}

void Ports::plug(Plug plug) {
  const auto device = plug.device;
  deps_.state.addPlug(std::move(plug));
  settle(&device);
}

std::size_t Ports::unplug(const std::function<bool(const Plug&)>& which) {
  std::vector<std::string> devices;
  for (const auto& plug : deps_.state.plugs())
    if (which(plug)) devices.push_back(plug.device);
  for (const auto& device : devices) (void)deps_.state.removePlug(device);
  if (!devices.empty()) settle(&devices.front());
  return devices.size();
}

void Ports::checkDevices() {
  const auto gone =
      unplug([this](const Plug& plug) { return deps_.devices.indexOf(plug.device) == 0; });
  if (gone > 0) {
    deps_.metrics.counter("agent.device.vanish").add(gone);
    log::info("agent", "{} device(s) vanished", gone);
  }
}

void Ports::saveState() {
  if (const auto saved = deps_.state.save(); !saved)
    log::error("agent", "state is not kept: {}", saved.error().text());
}

const model::SlicePort* Ports::slicePort(const std::string& uid) const {
  const auto found = byUid_.find(uid);
  return found == byUid_.end() ? nullptr : found->second;
}

std::optional<std::string> Ports::uidOf(const Plug& plug) const {
  const auto found = byDevice_.find(plug.device);
  return found == byDevice_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<datapath::PortId> Ports::portOfLabel(net::Label label) const {
  const auto found = byLabel_.find(label);
  if (found == byLabel_.end()) return std::nullopt;
  return found->second;
}

std::string Ports::nameOf(datapath::PortId port) const {
  const auto found = names_.find(port);
  return found == names_.end() ? std::string() : found->second;
}

std::set<std::string> Ports::up() const {
  std::set<std::string> out;
  for (const auto& [uid, bound] : bound_)
    if (bound.up()) out.insert(uid);
  return out;
}

}  // namespace hawser::agent
