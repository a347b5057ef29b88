#include "socket/views.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "hawser/base/log.h"
#include "hawser/net/communities.h"

#ifndef HAWSER_VERSION
#define HAWSER_VERSION "unknown"
#endif

namespace hawser::agent {
namespace {

constexpr std::size_t kKeptDrops = 256;
constexpr std::uint64_t kSaidASecond = 10;

Json nextHopJson(const Agent& agent, const datapath::NextHop& nextHop) {
  if (const auto* local = std::get_if<datapath::LocalPort>(&nextHop))
    return {{"type", "port"}, {"port", agent.ports().nameOf(local->port)}};
  if (const auto* tunnel = std::get_if<datapath::Tunnel>(&nextHop))
    return {{"type", "tunnel"},
            {"encapsulation", net::encapsulationName(tunnel->encapsulation)},
            {"remote", tunnel->remote.text()},
            {"label", tunnel->label.value()}};
  return {{"type", "refuse"}};
}

Json forwardingJson(const Agent& agent, const datapath::Route& route) {
  auto members = Json::array();
  for (const auto& member : route.members) {
    auto one = nextHopJson(agent, member.nextHop);
    one["weight"] = member.weight;
    members.push_back(std::move(one));
  }
  return members;
}

Json pathJson(const Agent& agent, const rib::VrfPath& path) {
  Json json{{"nextHop", path.nextHop.text()},
            {"label", path.label.value()},
            {"rd", path.rd.text()},
            {"routeTarget", path.importedBy.text()},
            {"local", path.local},
            {"stale", path.stale}};
  if (path.local) {
    if (const auto port = agent.ports().portOfLabel(path.label))
      json["port"] = agent.ports().nameOf(*port);
  } else if (const auto encapsulation = net::chooseEncapsulation(
                 path.attributes->extendedCommunities, agent.forwarder().encapsulations())) {
    json["encapsulation"] = net::encapsulationName(*encapsulation);
  }
  if (const auto identity = net::identityIn(path.attributes->extendedCommunities);
      identity.number != 0)
    json["identity"] = identity.text();
  return json;
}

Result<std::vector<Forwarder::VrfView>> chosenVrfs(const Agent& agent, const std::string& which) {
  auto all = agent.forwarder().vrfs();
  if (which.empty()) return all;
  std::erase_if(all, [&](const auto& vrf) {
    return vrf.name != which && std::to_string(vrf.id.value()) != which;
  });
  if (all.empty())
    return fail(ErrorCode::kNotFound, "no VRF \"" + which + "\" on this host", "vrf");
  return all;
}

Json connectionJson(const Agent& agent, const datapath::Connection& one) {
  Json json{{"port", agent.ports().nameOf(one.port)},
            {"protocol", one.protocol},
            {"direction", one.inbound ? "in" : "out"},
            {"local", one.local.text()},
            {"localPort", one.localPort},
            {"remote", one.remote.text()},
            {"remotePort", one.remotePort},
            {"state", one.state},
            {"packetsIn", one.packetsIn},
            {"packetsOut", one.packetsOut},
            {"bytesIn", one.bytesIn},
            {"bytesOut", one.bytesOut},
            {"idleSeconds", one.idle.count()}};
  if (!one.translated.isUnspecified()) {
    json["translated"] = one.translated.text();
    json["translatedPort"] = one.translatedPort;
  }
  if (one.nextHop) json["nextHop"] = nextHopJson(agent, *one.nextHop);
  if (one.ruleId != 0) {
    json["rule"] = one.ruleId;
    json["ruleSource"] = agent.ruleSource(one.ruleId);
  }
  return json;
}

Json peerJson(const bgp::PeerStatus& peer) {
  Json json{{"name", peer.name},
            {"address", peer.address.text()},
            {"state", bgp::stateName(peer.state)},
            {"sinceSeconds", peer.since.count()},
            {"flaps", peer.flaps},
            {"stale", peer.stale},
            {"routesIn", peer.routes.accepted - peer.routes.membershipsIn},
            {"routesOut", peer.routes.advertised - peer.routes.membershipsOut}};
  if (!peer.lastError.empty()) json["lastError"] = peer.lastError;
  return json;
}

Json portJson(const Agent& agent, const model::SlicePort& port,
              const std::map<datapath::PortId, datapath::PortCounters>& counters) {
  Json json{{"name", port.name},
            {"uid", port.uid},
            {"phase", agent.phaseOf(port)},
            {"vrf", port.vrf.value()},
            {"mac", port.mac.text()},
            {"mtu", port.mtu},
            {"identity", port.identity.text()},
            {"rules", port.rules.size()},
            {"translations", port.translations.size()},
            {"addresses", Json::array()}};
  for (const auto& address : port.addresses) json["addresses"].push_back(address.text());
  if (const auto* numbers = agent.state().find(port.uid)) {
    json["label"] = numbers->label.value();
    json["id"] = numbers->id.value();
    if (const auto found = counters.find(numbers->id); found != counters.end())
      json["counters"] = {{"packetsIn", found->second.packetsIn},
                          {"bytesIn", found->second.bytesIn},
                          {"packetsOut", found->second.packetsOut},
                          {"bytesOut", found->second.bytesOut}};
  }
  const auto bound = agent.ports().bound().find(port.uid);
  if (bound == agent.ports().bound().end()) return json;
  json["device"] = bound->second.plug.device;
  json["containerId"] = bound->second.plug.containerId;
  if (!bound->second.problem.empty()) json["problem"] = bound->second.problem;
  if (auto degraded = agent.degradationOf(port); !degraded.empty())
    json["degraded"] = std::move(degraded);
  return json;
}

// How many the VRFs want, how many of them could not be written, where and why.
Json routesStatusJson(const Forwarder& forwarder) {
  const auto lack = forwarder.lack();
  Json json{{"wanted", lack.wanted}, {"failed", lack.failed}};
  if (lack.failed == 0) return json;
  json["problem"] = lack.reason;
  json["vrfs"] = Json::array();
  for (const auto& vrf : forwarder.vrfs())
    if (vrf.failed > 0) json["vrfs"].push_back(vrf.name);
  return json;
}

}  // namespace

void DropLog::add(const datapath::DropEvent& event, const Agent& agent) {
  const auto now = clock_.now();
  newest_.push_back({event, now});
  if (newest_.size() > kKeptDrops) makeRoom();
  if (now - second_ >= std::chrono::seconds(1)) {
    if (unsaid_ > 0) log::info("agent", "{} more drops were not said", unsaid_);
    second_ = now;
    said_ = unsaid_ = 0;
  }
  if (said_ >= kSaidASecond) {
    ++unsaid_;
    return;
  }
  ++said_;
  log::info("agent", "drop {} at {}: {}:{} to {}:{} protocol {} {}", event.reason,
            agent.ports().nameOf(event.port), event.source.text(), event.sourcePort,
            event.destination.text(), event.destinationPort, event.protocol,
            agent.ruleSource(event.ruleId));
}

// One workload's noise does not push out what is known of others: the oldest of the port that has
// most goes.
void DropLog::makeRoom() {
  std::map<datapath::PortId, std::size_t> counts;
  for (const auto& entry : newest_) ++counts[entry.event.port];
  const auto most =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  newest_.erase(std::find_if(newest_.begin(), newest_.end(),
                             [&](const Entry& entry) { return entry.event.port == most->first; }));
}

Json DropLog::json(const Agent& agent) const {
  auto out = Json::array();
  const auto now = clock_.now();
  for (auto it = newest_.rbegin(); it != newest_.rend(); ++it) {
    const auto& event = it->event;
    Json one{
        {"reason", event.reason},
        {"port", agent.ports().nameOf(event.port)},
        {"source", event.source.text()},
        {"sourcePort", event.sourcePort},
        {"destination", event.destination.text()},
        {"destinationPort", event.destinationPort},
        {"protocol", event.protocol},
        {"ageMs", std::chrono::duration_cast<std::chrono::milliseconds>(now - it->at).count()}};
    if (event.ruleId != 0) {
      one["rule"] = event.ruleId;
      one["ruleSource"] = agent.ruleSource(event.ruleId);
    }
    out.push_back(std::move(one));
  }
  return out;
}

Json statusJson(const Agent& agent, const Surroundings& surroundings) {
  auto peers = Json::array();
  for (const auto& peer : surroundings.peers) peers.push_back(peerJson(peer));
  Json json{{"host", agent.config().host},
            {"site", surroundings.site},
            {"asn", surroundings.asn.value()},
            {"version", HAWSER_VERSION},
            {"underlay", agent.config().underlay.text()},
            {"controller", surroundings.controller},
            {"connected", surroundings.connected},
            {"fresh", agent.fresh()},
            {"pruned", agent.pruned()},
            {"bgp", {{"synchronised", surroundings.synchronised}, {"peers", peers}}},
            {"ports", {{"total", 0}, {"up", agent.ports().up().size()}}},
            {"vrfs", agent.forwarder().vrfs().size()},
            {"routes", routesStatusJson(agent.forwarder())},
            {"plugs", agent.state().plugs().size()}};
  if (!surroundings.error.empty()) json["error"] = surroundings.error;
  if (const auto* slice = agent.slice()) {
    json["revision"] = slice->revision;
    json["ports"]["total"] = slice->ports.size();
  }
  return json;
}

Json portsJson(const Agent& agent, const datapath::Plane& plane) {
  std::map<datapath::PortId, datapath::PortCounters> counters;
  for (const auto& one : plane.portCounters()) counters[one.port] = one;
  Json json{{"ports", Json::array()}, {"unmatched", Json::array()}};
  if (agent.slice() != nullptr)
    for (const auto& port : agent.slice()->ports)
      json["ports"].push_back(portJson(agent, port, counters));
  // Devices that wait for a port in the slice.
  for (const auto& plug : agent.state().plugs())
    if (!agent.ports().uidOf(plug))
      json["unmatched"].push_back({{"device", plug.device}, {"containerId", plug.containerId}});
  return json;
}

Json vrfsJson(const Agent& agent) {
  auto out = Json::array();
  for (const auto& vrf : agent.forwarder().vrfs()) {
    Json one{{"id", vrf.id.value()}, {"name", vrf.name},        {"routes", vrf.routes},
             {"failed", vrf.failed}, {"import", Json::array()}, {"export", Json::array()}};
    for (const auto& target : vrf.import) one["import"].push_back(target.text());
    if (agent.slice() != nullptr)
      for (const auto& known : agent.slice()->vrfs)
        if (known.id == vrf.id)
          for (const auto& target : known.exportTargets) one["export"].push_back(target.text());
    out.push_back(std::move(one));
  }
  return {{"vrfs", out}};
}

Result<Json> routesJson(const Agent& agent, const std::string& which) {
  const auto vrfs = chosenVrfs(agent, which);
  if (!vrfs) return std::unexpected(vrfs.error());
  auto out = Json::array();
  for (const auto& vrf : *vrfs) {
    std::map<net::IpPrefix, Json> routes;
    const auto at = [&](const net::IpPrefix& prefix) -> Json& {
      auto& json = routes[prefix];
      if (json.is_null())
        json = {{"prefix", prefix.text()}, {"paths", Json::array()}, {"forwarding", Json::array()}};
      return json;
    };
    for (const auto& change : agent.forwarder().paths(vrf.id))
      for (const auto& path : change.paths)
        at(change.prefix)["paths"].push_back(pathJson(agent, path));
    for (const auto& [prefix, route] : agent.forwarder().written(vrf.id))
      at(prefix)["forwarding"] = forwardingJson(agent, route);
    auto list = Json::array();
    for (auto& [prefix, json] : routes) list.push_back(std::move(json));
    out.push_back({{"id", vrf.id.value()}, {"name", vrf.name}, {"routes", std::move(list)}});
  }
  return Json{{"vrfs", out}};
}

Result<Json> mapRoutesJson(const Agent& agent, const datapath::Plane& plane,
                           const std::string& which) {
  const auto vrfs = chosenVrfs(agent, which);
  if (!vrfs) return std::unexpected(vrfs.error());
  auto out = Json::array();
  for (const auto& vrf : *vrfs) {
    auto list = Json::array();
    for (const auto& route : plane.routes(vrf.id))
      list.push_back({{"prefix", route.prefix.text()},
                      {"identity", route.identity.text()},
                      {"forwarding", forwardingJson(agent, route)}});
    out.push_back({{"id", vrf.id.value()}, {"name", vrf.name}, {"routes", std::move(list)}});
  }
  return Json{{"vrfs", out}};
}

Result<Json> connectionsJson(const Agent& agent, const datapath::Plane& plane,
                             const std::string& port, std::size_t limit) {
  std::optional<datapath::PortId> id;
  if (!port.empty()) {
    for (const auto& [uid, bound] : agent.ports().bound())
      if (bound.attached && bound.port.name == port) id = bound.port.id;
    if (!id) return fail(ErrorCode::kNotFound, "no port \"" + port + "\" is plugged here", "port");
  }
  const auto found = plane.connections(id, limit);
  if (!found) return std::unexpected(found.error());
  auto list = Json::array();
  for (const auto& one : found->connections) list.push_back(connectionJson(agent, one));
  return Json{{"total", found->total}, {"connections", std::move(list)}};
}

Json rulesJson(const Agent& agent, const datapath::Plane& plane) {
  std::map<std::uint32_t, std::uint64_t> hits;
  for (const auto& hit : plane.ruleHits()) hits[hit.id] = hit.packets;
  auto out = Json::array();
  if (agent.slice() != nullptr)
    for (const auto& port : agent.slice()->ports)
      for (const auto& rule : port.rules)
        out.push_back({{"id", rule.id},
                       {"port", port.name},
                       {"source", rule.source},
                       {"tier", rule.tier},
                       {"direction", rule.ingress ? "ingress" : "egress"},
                       {"action", !rule.allow ? "deny"
                                  : rule.pass ? "pass"
                                              : "allow"},
                       {"hits", hits[rule.id]}});
  return {{"rules", out}};
}

}  // namespace hawser::agent
