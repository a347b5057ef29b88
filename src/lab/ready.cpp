#include "ready.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "hawser/base/file.h"
#include "hawser/model/specs.h"
#include "machine/machine.h"

namespace hawser::lab {

namespace fs = std::filesystem;

// ---- sessions ----

namespace {

std::string sessionsMissing(const Lab& lab, const Site& site) {
  auto api = lab.client(site);
  const auto answer = api ? api->call("GET", "/api/v1/bgp/peers") : std::unexpected(api.error());
  if (!answer) return answer.error().text();
  std::map<std::string, std::string> states;
  for (const auto& peer : answer->value("peers", Json::array()))
    states[peer.value("name", "")] = peer.value("state", "");
  for (const auto& host : site.hosts) states.try_emplace("host:" + host.name, "not connected");
  for (const auto& [name, state] : states)
    if (state != "Established")
      return fmt::format("the session of site {} with {} is {}", site.name, name, state);
  return {};
}

// From the folder that the cluster keeps (docs/modules/kube.md): pods/ is wanted, status/ is there.
std::string podsMissing(const Lab& lab, const Site& site) {
  const fs::path state = lab.paths().kubeState(site);
  std::error_code error;
  std::size_t count = 0, ready = 0;
  std::string first;
  for (const auto& entry : fs::directory_iterator(state / "pods", error)) {
    if (entry.path().extension() != ".json") continue;
    ++count;
    const auto text = readFile(state / "status" / entry.path().filename());
    const auto status = Json::parse(text.value_or(""), nullptr, false);
    bool good = false;
    if (status.is_object())
      for (const auto& condition : status.value("conditions", Json::array()))
        good = good ||
               (condition.value("type", "") == "Ready" && condition.value("status", "") == "True");
    ready += good ? 1 : 0;
    if (good || !first.empty()) continue;
    first = entry.path().stem().string() + " is not" +
            (status.is_object() && status.contains("message") ? ": " + status.value("message", "")
                                                              : "");
  }
  if (count == 0) return "there are none yet";
  return first.empty() ? "" : fmt::format("{} of {} are ready, {}", ready, count, first);
}

}  // namespace

std::string sessionsMissing(const Lab& lab) {
  for (const auto& site : lab.topology().sites)
    if (auto missing = sessionsMissing(lab, site); !missing.empty()) return missing;
  return {};
}

std::string podsMissing(const Lab& lab) {
  for (const auto& site : lab.topology().sites)
    if (site.kube)
      if (auto missing = podsMissing(lab, site); !missing.empty()) return missing;
  return {};
}

// ---- routes ----

namespace {

std::vector<std::string> texts(const Json& list) {
  return list.is_array() ? list.get<std::vector<std::string>>() : std::vector<std::string>{};
}

bool share(const std::vector<std::string>& some, const std::vector<std::string>& others) {
  return std::ranges::any_of(
      some, [&](const auto& one) { return std::ranges::find(others, one) != others.end(); });
}

// What a Peer lets out to a gateway that also imports it.
class Outlet {
 public:
  Outlet(const Gateway& gateway, const Json& peer) {
    const auto filter = peer.value("spec", Json::object()).value("export", Json::object());
    for (auto& target : texts(filter.value("routeTargets", Json())))
      if (std::ranges::find(gateway.routeTargets, target) != gateway.routeTargets.end())
        targets_.push_back(std::move(target));
    anything_ = !filter.contains("prefixes");
    for (const auto& text : texts(filter.value("prefixes", Json())))
      if (const auto prefix = net::IpPrefix::parse(text)) prefixes_.push_back(*prefix);
  }
  [[nodiscard]] bool passes(const std::vector<std::string>& targets,
                            const net::IpPrefix& prefix) const {
    return share(targets_, targets) &&
           (anything_ || std::ranges::any_of(prefixes_, [&](const net::IpPrefix& allowed) {
              return allowed.contains(prefix);
            }));
  }

 private:
  std::vector<std::string> targets_;
  std::vector<net::IpPrefix> prefixes_;
  bool anything_ = false;
};

// Between gateways nothing is passed on: they are of one AS, or speak for themselves.
bool ofAGateway(const Topology& topology, const Json& route) {
  const auto hop = route.value("nextHop", "");
  return std::ranges::any_of(topology.gateways, [&](const Gateway& gateway) {
    return gateway.address.address.text() == hop;
  });
}

bool hasReadyBackend(const Json& service) {
  const auto backends = service.value("spec", Json::object()).value("backends", Json::array());
  return std::ranges::any_of(backends,
                             [](const Json& backend) { return backend.value("ready", true); });
}

}  // namespace

std::set<std::string> wantedPrefixes(const Topology& topology, const Gateway& gateway,
                                     const Offer& offer) {
  const Outlet outlet(gateway, offer.peer);
  std::set<std::string> out;
  for (const auto& route : offer.routes.value("routes", Json::array())) {
    const auto prefix = net::IpPrefix::parse(route.value("prefix", ""));
    if (prefix && route.value("best", false) && !ofAGateway(topology, route) &&
        outlet.passes(texts(route.value("routeTargets", Json())), *prefix))
      out.insert(prefix->text());
  }
  for (const auto& service : offer.services) {
    const auto spec = service.value("spec", Json::object());
    const auto project = service.value("metadata", Json::object()).value("project", "");
    const auto targets =
        offer.targetsOf.find(model::Ref::parse(spec.value("network", ""), project).text());
    if (targets == offer.targetsOf.end() || !hasReadyBackend(service)) continue;
    for (const auto& text : texts(spec.value("addresses", Json())))
      if (const auto prefix = net::IpPrefix::parse(text + "/32");
          prefix && outlet.passes(targets->second, *prefix))
        out.insert(prefix->text());
  }
  return out;
}

std::set<std::string> prefixesIn(const std::string& routes) {
  std::set<std::string> out;
  std::istringstream lines(routes);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == ' ' || line[0] == '\t') continue;  // a next hop
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first == "unreachable" || first == "blackhole") continue;  // no way, though an entry
    if (first == "default") first = "0.0.0.0/0";
    if (first.find('/') == std::string::npos) first += "/32";
    if (const auto prefix = net::IpPrefix::parse(first)) out.insert(prefix->text());
  }
  return out;
}

namespace {

Result<Json> peerOf(api::Client& api, const Gateway& gateway) {
  const auto peers = api.list(model::Kind::kPeer);
  if (!peers) return std::unexpected(peers.error());
  for (const auto& peer : peers->items)
    if (peer.spec.value("address", "") == gateway.address.address.text())
      return model::toJson(peer);
  return Json();
}

Result<Offer> offerOf(api::Client& api, const Gateway& gateway, Json peer) {
  Offer offer{std::move(peer), {{"routes", Json::array()}}, {}, {}};
  for (const auto& target : gateway.routeTargets) {
    const auto routes = api.call("GET", "/api/v1/bgp/routes?family=vpnv4&rt=" + target);
    if (!routes) return std::unexpected(routes.error());
    for (const auto& route : routes->value("routes", Json::array()))
      offer.routes["routes"].push_back(route);
  }
  const auto services = api.list(model::Kind::kService);
  if (!services) return std::unexpected(services.error());
  for (const auto& service : services->items) {
    const auto network = model::ServiceSpec::from(service).network;
    offer.services.push_back(model::toJson(service));
    if (offer.targetsOf.contains(network.text())) continue;
    const auto table = api.call("GET", fmt::format("/api/v1/projects/{}/networks/{}/routes",
                                                   network.project, network.name));
    if (!table) return std::unexpected(table.error());
    offer.targetsOf[network.text()] = texts(table->value("exportTargets", Json()));
  }
  return offer;
}

// The gateway's own routes, at the site: it has a default route to tell.
Result<bool> heard(api::Client& api, const std::string& peer) {
  const auto answer = api.call("GET", "/api/v1/bgp/peers");
  if (!answer) return std::unexpected(answer.error());
  for (const auto& item : answer->value("peers", Json::array())) {
    if (item.value("name", "") != peer) continue;
    std::uint64_t came = 0;
    const auto counters = item.value("routes", Json::object());
    for (const auto& [counter, value] : counters.items())
      if (counter == "accepted" || counter.starts_with("dropped"))
        came += value.get<std::uint64_t>();
    return came > 0;
  }
  return false;
}

std::string routesMissing(const Lab& lab, const Gateway& gateway, const Site& site) {
  auto api = lab.client(site);
  if (!api) return api.error().text();
  auto peer = peerOf(*api, gateway);
  if (!peer) return peer.error().text();
  if (peer->is_null()) return {};  // it was there when the lab was checked; somebody took it away
  if (gateway.defaultRoute && lab.topology().outside && lab.topology().outside->router) {
    const auto came = heard(*api, peer->at("metadata").value("name", ""));
    if (!came) return came.error().text();
    if (!*came) return fmt::format("site {} has no route of {} yet", site.name, gateway.name);
  }
  const auto offer = offerOf(*api, gateway, std::move(*peer));
  if (!offer) return offer.error().text();
  const auto wanted = wantedPrefixes(lab.topology(), gateway, *offer);
  if (wanted.empty()) return {};
  const auto answer = run({lab.paths().scripts + "/gateway", "sh", "--name", gateway.name,
                           "--timeout", "5", "--", "ip -4 route show vrf " + gateway.vrf},
                          {}, {{"HAWSER_RUN", lab.paths().run + "/gateways"}});
  if (!answer) return answer.error().text();
  if (answer->status != 0) return fmt::format("{} does not answer", gateway.name);
  const auto has = prefixesIn(answer->output);
  for (const auto& prefix : wanted)
    if (!has.contains(prefix))
      return fmt::format("{} has no route to {} of site {} yet", gateway.name, prefix, site.name);
  return {};
}

}  // namespace

std::string routesMissing(const Lab& lab) {
  for (const auto& gateway : lab.topology().gateways)
    for (const auto& name : gateway.peers)
      if (auto missing = routesMissing(lab, gateway, *lab.topology().site(name)); !missing.empty())
        return missing;
  return {};
}

}  // namespace hawser::lab
