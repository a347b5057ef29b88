#include "views.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "hawser/net/communities.h"

namespace hawser::controller {

using model::Json;
using model::Kind;

namespace {

Json countersJson(const rib::PeerCounters& counters) {
  return {{"accepted", counters.accepted - counters.membershipsIn},
          {"advertised", counters.advertised - counters.membershipsOut},
          {"membershipsIn", counters.membershipsIn},
          {"membershipsOut", counters.membershipsOut},
          {"droppedTarget", counters.droppedTarget},
          {"droppedPrefix", counters.droppedPrefix},
          {"droppedLoop", counters.droppedLoop},
          {"droppedNextHop", counters.droppedNextHop},
          {"droppedFirstAs", counters.droppedFirstAs},
          {"droppedIdentity", counters.droppedIdentity}};
}

Json statusJson(const bgp::PeerStatus& status, const std::string& role) {
  Json json{{"name", status.name},
            {"role", role},
            {"address", status.address.text()},
            {"asn", status.remoteAs.value()},
            {"routerId", status.remoteId.text()},
            {"state", bgp::stateName(status.state)},
            {"since", status.since.count()},
            {"flaps", status.flaps},
            {"messagesIn", status.messagesIn},
            {"messagesOut", status.messagesOut},
            {"updatesIn", status.updatesIn},
            {"updatesOut", status.updatesOut},
            {"lastError", status.lastError},
            {"stale", status.stale},
            {"families", Json::array()},
            {"routes", countersJson(status.routes)}};
  for (const auto& family : status.families) json["families"].push_back(wire::familyName(family));
  return json;
}

std::string asPathText(const wire::AsPath& path) {
  std::string text;
  for (const auto& segment : path)
    for (const auto asn : segment.asns)
      text += fmt::format("{}{}", text.empty() ? "" : " ", asn.value());
  return text;
}

std::string encapsulationText(const wire::PathAttributes& attributes) {
  std::string text;
  for (const auto& community : attributes.extendedCommunities)
    if (const auto one = net::encapsulationOf(community))
      text += fmt::format("{}{}", text.empty() ? "" : ",", net::encapsulationName(*one));
  return text;
}

Json targetsJson(const wire::PathAttributes& attributes) {
  Json list = Json::array();
  for (const auto& community : attributes.extendedCommunities)
    if (const auto target = net::RouteTarget::from(community)) list.push_back(target->text());
  return list;
}

Json viewJson(const Sessions& sessions, const rib::RouteView& view) {
  const auto& attributes = *view.path.attributes;
  const auto peer = sessions.speaker().peerName(view.path.peer);
  Json json{{"route", rib::text(view.key)},
            {"peer", view.path.peer == rib::kLocal ? "local" : peer},
            {"nextHop", attributes.nextHop.text()},
            {"asPath", asPathText(attributes.asPath)},
            {"best", view.rule == rib::Rule::kBest},
            {"rule", rib::ruleText(view.rule)},
            {"stale", view.path.stale}};
  if (view.key.family == wire::kRtConstraint) return json;
  json["prefix"] = view.key.prefix.text();
  json["rd"] = view.key.rd.text();
  json["label"] = view.path.label.value();
  json["routeTargets"] = targetsJson(attributes);
  json["encapsulation"] = encapsulationText(attributes);
  if (attributes.localPref) json["localPref"] = *attributes.localPref;
  if (attributes.med) json["med"] = *attributes.med;
  if (const auto identity = net::identityIn(attributes.extendedCommunities); identity.number != 0)
    json["identity"] = identity.text();
  return json;
}

// Names for next hops and neighbours.
struct Directory {
  std::map<net::IpAddress, std::string> hosts;
  std::map<net::IpAddress, std::string> peersByAddress;
  std::map<std::string, std::string> peersByName;
  std::map<net::Asn, std::string> neighbours;

  explicit Directory(const api::Objects& objects) {
    for (const auto& [key, object] : model::ofKind(objects.all(), Kind::kHost))
      hosts[model::HostSpec::from(*object).address] = key.name;
    for (const auto& [key, object] : model::ofKind(objects.all(), Kind::kPeer)) {
      const auto spec = model::PeerSpec::from(*object);
      const auto& own = spec.role == "site" ? spec.site : key.name;
      peersByAddress[spec.address] = peersByName[key.name] = own;
      auto& name = neighbours[spec.asn];
      if (name.empty())
        name = own;
      else if (name != own)
        name += "," + own;  // two gateways of one AS
    }
  }
  // Who is behind the next hop: a peer whose address it is, this site, or else the peer that told
  // us. The AS is for what another speaker of this site passed on.
  [[nodiscard]] std::string origin(const rib::VrfPath& path, const std::string& from,
                                   const std::string& site) const {
    if (const auto at = peersByAddress.find(path.nextHop); at != peersByAddress.end())
      return at->second;
    if (path.attributes->asPath.empty()) return site;
    if (const auto told = peersByName.find(from); told != peersByName.end()) return told->second;
    const auto& first = path.attributes->asPath.front().asns;
    if (first.empty()) return "?";
    const auto found = neighbours.find(first.front());
    return found == neighbours.end() ? fmt::format("AS {}", first.front().value()) : found->second;
  }
};

Json pathJson(const Directory& directory, const std::string& origin, const rib::VrfPath& path) {
  Json json{{"nextHop", path.nextHop.text()},
            {"label", path.label.value()},
            {"encapsulation", encapsulationText(*path.attributes)},
            {"routeTarget", path.importedBy.text()},
            {"routeTargets", targetsJson(*path.attributes)},
            {"rd", path.rd.text()},
            {"origin", origin},
            {"asPath", asPathText(path.attributes->asPath)},
            {"stale", path.stale}};
  if (const auto host = directory.hosts.find(path.nextHop); host != directory.hosts.end())
    json["host"] = host->second;
  if (const auto identity = net::identityIn(path.attributes->extendedCommunities);
      identity.number != 0)
    json["identity"] = identity.text();
  return json;
}

}  // namespace

Json peersJson(const Sessions& sessions,
               const std::map<std::string, compiler::PeerIntent>& intents) {
  Json list = Json::array();
  std::set<std::string> listed;
  for (const auto& status : sessions.speaker().peers()) {
    const auto intent = intents.find(status.name);
    auto json = statusJson(status, intent == intents.end() ? "host" : intent->second.spec.role);
    if (intent != intents.end()) json["maxRoutes"] = intent->second.spec.maxRoutes;
    if (intent != intents.end() && !intent->second.spec.site.empty())
      json["site"] = intent->second.spec.site;
    listed.insert(status.name);
    list.push_back(std::move(json));
  }
  for (const auto& [name, why] : sessions.failures()) {
    if (listed.contains(name)) continue;
    list.push_back({{"name", name}, {"state", "Idle"}, {"lastError", why}});
  }
  return {{"peers", std::move(list)}};
}

// The families that sessions of a site may carry.
constexpr std::array kTables{wire::kVpnv4, wire::kVpnv6, wire::kRtConstraint};

Result<RouteQuery> parseRouteQuery(const std::map<std::string, std::string>& query) {
  RouteQuery parsed;
  for (const auto& [name, value] : query) {
    if (name == "family") {
      const auto family = wire::parseFamily(value);
      if (!family || std::ranges::find(kTables, *family) == kTables.end())
        return invalid(fmt::format("\"{}\" is not one of vpnv4, vpnv6, rtc", value), "family");
      parsed.family = *family;
    } else if (name == "prefix") {
      const auto prefix = net::IpPrefix::parse(value);
      if (!prefix) return invalid(prefix.error().message, "prefix");
      parsed.prefix = *prefix;
    } else if (name == "rt") {
      const auto target = net::RouteTarget::parse(value);
      if (!target) return invalid(target.error().message, "rt");
      parsed.target = *target;
    } else {
      return invalid("is not one of family, prefix, rt", name);
    }
  }
  return parsed;
}

Json routesJson(const Sessions& sessions, const RouteQuery& query) {
  Json list = Json::array();
  for (const auto& view : sessions.speaker().rib().paths(query.family)) {
    if (query.prefix && !query.prefix->contains(view.key.prefix)) continue;
    if (query.target) {
      const auto wanted = query.target->community();
      const auto& has = view.path.attributes->extendedCommunities;
      const bool carried = query.family == wire::kRtConstraint
                               ? view.key.membership.matches(*query.target)
                               : std::find(has.begin(), has.end(), wanted) != has.end();
      if (!carried) continue;
    }
    list.push_back(viewJson(sessions, view));
  }
  return {{"routes", std::move(list)}};
}

Json networkRoutesJson(Sessions& sessions, const api::Objects& objects, const std::string& site,
                       const model::Ref& network) {
  const auto targets = compiler::targetsOf(objects.all(), network);
  const Directory directory(objects);
  Json routes = Json::array();
  for (const auto& change : sessions.routes(targets.importTargets)) {
    Json paths = Json::array();
    for (const auto& path : change.paths) {
      const auto from = sessions.speaker().peerName(path.peer);
      paths.push_back(pathJson(directory, directory.origin(path, from, site), path));
    }
    routes.push_back({{"prefix", change.prefix.text()}, {"paths", std::move(paths)}});
  }
  Json json{{"network", network.text()}, {"routes", std::move(routes)}};
  json["importTargets"] = Json::array();
  json["exportTargets"] = Json::array();
  for (const auto& target : targets.importTargets) json["importTargets"].push_back(target.text());
  for (const auto& target : targets.exportTargets) json["exportTargets"].push_back(target.text());
  return json;
}

}  // namespace hawser::controller
