// The host's side of Hawser, as a pure assembly of four facts:
//
//   slice    what this host must hold, whole, at every change, from the controller (or the last
//            one, kept on disk, while no controller answers)
//   plugs    which device belongs to which port, from CNI and other runtimes over the unix socket
//   paths    BGP's best VPN routes
//   devices  what the kernel has
//
// Ports joins the first two: a port of the slice that has a device is programmed into the datapath
// and its addresses are originated. Forwarder joins the first and the third: paths that a VRF
// imports (RFC 4364, 4.3.1) become forwarding entries. Nothing else is remembered, so any order of
// events leads to the same state; what failed is mended by running the same code again.
//
// What restarts must not disturb: PortId, label and route distinguisher of a port are kept on disk
// (HostState), so that an agent that comes back says the same to its peers, which kept its routes
// as stale (RFC 4724), and finds its connections in the adopted maps. Until it has heard everything
// again it only adds; then prune() once.
#include "agent.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "hawser/base/log.h"

#ifndef HAWSER_VERSION
#define HAWSER_VERSION "unknown"
#endif

namespace hawser::agent {

Agent::Agent(io::Loop& loop, Config config, datapath::ForwardingPlane& plane, RouteSink& routes,
             const Devices& devices, HostState& state, Metrics& metrics)
    : loop_(loop),
      config_(std::move(config)),
      plane_(plane),
      routes_(routes),
      devices_(devices),
      state_(state),
      forwarder_(
          plane, net::IpAddress(config_.underlay),
          [this](net::Label label) { return ports_.portOfLabel(label); }, metrics),
      ports_({.loop = loop,
              .plane = plane,
              .routes = routes,
              .devices = devices,
              .state = state,
              .metrics = metrics,
              .underlay = config_.underlay},
             [this](const std::set<net::Label>& labels) { portsChanged(labels); }),
      obsoleteTimer_(loop) {
  forwarder_.onLack([this] {
    if (reportDue_) reportDue_();
  });
}

void Agent::restore() {
  ports_.checkDevices();
  if (auto slice = state_.loadSlice(); slice && slice->host == config_.host) {
    log::info("agent", "goes on with the slice of revision {} and {} plugged device(s)",
              slice->revision, state_.plugs().size());
    applySlice(std::move(*slice), false);
  }
}

void Agent::applySlice(model::Slice slice, bool fresh) {
  if (slice.host != config_.host) {
    log::error("agent", "a slice for host {} came here and was ignored", slice.host);
    return;
  }
  const bool first = fresh && !fresh_;
  const bool same = slice_ && *slice_ == slice;
  fresh_ |= fresh;
  slice_ = std::make_shared<const model::Slice>(std::move(slice));
  ruleSources_.clear();
  for (const auto& port : slice_->ports)
    for (const auto& rule : port.rules) ruleSources_.try_emplace(rule.id, &rule.source);
  if (fresh && !same)
    if (const auto saved = state_.saveSlice(*slice_); !saved)
      log::error("agent", "the slice is not kept: {}", saved.error().text());
  forwarder_.setSlice(*slice_, loop_.clock().now());
  dropObsolete();
  ports_.setSlice(slice_, fresh);
  answerWaiting();
  if ((first || !same) && reportDue_) reportDue_();
}

void Agent::dropObsolete() {
  const auto now = loop_.clock().now();
  if (const auto next = forwarder_.dropObsolete(now))
    obsoleteTimer_.start(*next - now, [this] { dropObsolete(); });
  auto memberships = forwarder_.memberships();
  if (memberships == memberships_) return;
  memberships_ = std::move(memberships);
  routes_.setMemberships(memberships_);
}

void Agent::portsChanged(const std::set<net::Label>& labels) {
  forwarder_.localPortsChanged(labels);
  if (reportDue_) reportDue_();
}

void Agent::reconcile() {
  ports_.checkDevices();
  ports_.reconcile();
  forwarder_.retry();
  answerWaiting();
}

void Agent::pruneWhenSafe(bool bgpSynchronised) {
  if (pruned_ || !fresh_ || !bgpSynchronised) return;
  pruned_ = true;
  plane_.prune();
  log::info("agent", "in sync: what was left of the run before is gone");
}

std::function<void()> Agent::plug(const Plug& plug, std::chrono::milliseconds wait, Answer answer) {
  const auto waiting = waiting_.insert(
      waiting_.end(), {plug, std::move(answer), std::make_unique<io::Timer>(loop_)});
  // An iterator of a list stays good until its element is erased; the timer, which goes with the
  // element, tells whether it still is there.
  const auto token = std::weak_ptr(alive_);
  const auto* timer = waiting->deadline.get();
  waiting->deadline->start(wait, [this, waiting] { giveUp(waiting, absence(waiting->plug)); });
  ports_.plug(plug);
  answerWaiting();
  return [this, token, timer] {
    if (token.expired()) return;
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it)
      if (it->deadline.get() == timer)
        return giveUp(it, {ErrorCode::kUnavailable, "the caller is gone", ""});
  };
}

Error Agent::absence(const Plug& plug) const {
  const auto who =
      plug.workload ? plug.workload->kind + " " + plug.workload->space + "/" + plug.workload->name
                    : "port " + plug.port;
  if (!slice_)
    return {ErrorCode::kUnavailable, "no controller has told this host its ports yet", ""};
  if (!fresh_)
    return {ErrorCode::kUnavailable,
            "no controller answers, and the last slice has no port for " + who + " on this host",
            ""};
  return {ErrorCode::kTimeout, "there is no port for " + who + " on host " + config_.host, ""};
}

void Agent::giveUp(std::list<Waiting>::iterator waiting, const Error& error) {
  const auto one = std::move(*waiting);
  waiting_.erase(waiting);
  // Somebody else may wait with the same device: an impatient caller that tried again.
  const bool shared = std::any_of(waiting_.begin(), waiting_.end(), [&](const Waiting& other) {
    return other.plug.device == one.plug.device;
  });
  if (!shared)
    (void)ports_.unplug([&](const Plug& plug) { return plug.device == one.plug.device; });
  one.answer(std::unexpected(error));
}

void Agent::answerWaiting() {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const auto current = it++;
    const auto uid = ports_.uidOf(current->plug);
    if (!uid) continue;
    const auto& bound = ports_.bound().at(*uid);
    if (!bound.up()) {
      giveUp(current, {ErrorCode::kInternal, bound.problem, ""});
      continue;
    }
    const auto one = std::move(*current);
    waiting_.erase(current);
    one.answer(describe(*uid));
  }
}

std::size_t Agent::unplug(const std::function<bool(const Plug&)>& which) {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const auto current = it++;
    if (which(current->plug))
      giveUp(current, {ErrorCode::kUnavailable, "unplugged while it waited", ""});
  }
  return ports_.unplug(which);
}

Result<Json> Agent::check(const std::function<bool(const Plug&)>& which) const {
  for (const auto& plug : state_.plugs()) {
    if (!which(plug)) continue;
    const auto uid = ports_.uidOf(plug);
    if (!uid) return std::unexpected(absence(plug));
    const auto& bound = ports_.bound().at(*uid);
    if (!bound.up()) return fail(ErrorCode::kInternal, bound.problem);
    return describe(*uid);
  }
  return fail(ErrorCode::kNotFound, "nothing is plugged under that name");
}

Json Agent::describe(const std::string& uid) const {
  const auto& port = *ports_.slicePort(uid);
  auto addresses = Json::array();
  for (const auto& address : port.addresses) addresses.push_back(address.text());
  std::string gateway;
  if (!port.addresses.empty())
    for (const auto& one : port.gateways)
      if (gateway.empty() && one.isV4() == port.addresses.front().isV4()) gateway = one.text();
  return {{"port", port.name},
          {"uid", uid},
          {"mac", port.mac.text()},
          {"addresses", addresses},
          {"gateway", gateway},
          {"mtu", port.mtu},
          {"hostname", port.hostname},
          {"host", config_.host},
          {"device", ports_.bound().at(uid).plug.device}};
}

std::string Agent::phaseOf(const model::SlicePort& port) const {
  const auto bound = ports_.bound().find(port.uid);
  if (bound != ports_.bound().end() && bound->second.up()) return "up";
  return state_.find(port.uid) != nullptr ? "down" : "pending";
}

std::string Agent::ruleSource(std::uint32_t rule) const {
  const auto found = ruleSources_.find(rule);
  return found == ruleSources_.end() ? std::string() : *found->second;
}

std::string Agent::degradationOf(const model::SlicePort& port) const {
  if (phaseOf(port) != "up") return {};
  std::set<net::VrfId> vrfs{port.vrf};
  for (const auto& translation : port.translations) vrfs.insert(translation.vrf);
  std::string out;
  for (const auto vrf : vrfs)
    if (const auto lack = forwarder_.lackOf(vrf); !lack.empty())
      out += (out.empty() ? "" : "; ") + lack;
  return out;
}

Json Agent::report() const {
  Json json{{"version", HAWSER_VERSION}, {"ports", Json::array()}};
  if (const auto lack = forwarder_.lack(); lack.failed > 0) json["message"] = lack.text();
  if (!slice_) return json;
  for (const auto& port : slice_->ports) {
    Json one{{"name", port.name}, {"phase", phaseOf(port)}};
    if (const auto* numbers = state_.find(port.uid)) one["label"] = numbers->label.value();
    if (auto degraded = degradationOf(port); !degraded.empty())
      one["message"] = std::move(degraded);
    json["ports"].push_back(std::move(one));
  }
  return json;
}

}  // namespace hawser::agent
