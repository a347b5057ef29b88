// The trace walks what the agents were told (slices) and what BGP spread (routes), in the order in
// which the datapath works: egress rules need the destination's identity, which comes with the
// route; translation and ingress rules are the receiving host's; and the way back is a lookup of
// its own, without which the receiver drops the first packet.
//
// Labels are the agents' own, so a port on the receiving host is recognised by its address in the
// VRF whose route carries the tunnel's label: tenants may use the same addresses.
#include "hawser/trace/trace.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <span>

#include "hawser/net/communities.h"
#include "rules.h"
#include "unrouted.h"

namespace hawser::trace {

using model::Slice;
using model::SlicePort;
using model::SliceTranslation;
using model::SliceVrf;

namespace {

struct Place {
  const Slice* slice = nullptr;
  const SlicePort* port = nullptr;
};

std::string describe(const Place& place) {
  return fmt::format("port {} ({})", place.port->name, place.port->addresses.front().text());
}

// "project/name", "pods/namespace/name", "vms/project/name" or an address.
Result<Place> findPort(const World& world, const std::string& text, const std::string& field) {
  std::vector<Place> found;
  const auto address = net::IpAddress::parse(text);
  for (const auto& [host, slice] : *world.slices) {
    for (const auto& port : slice.ports) {
      const bool byAddress = address && std::find(port.addresses.begin(), port.addresses.end(),
                                                  *address) != port.addresses.end();
      const auto& workload = port.workload;
      const bool byWorkload = workload && text == fmt::format("{}s/{}/{}", workload->kind,
                                                              workload->space, workload->name);
      if (byAddress || byWorkload || text == port.name || text == "ports/" + port.name)
        found.push_back({&slice, &port});
    }
  }
  if (found.empty()) {
    return fail(ErrorCode::kNotFound, whyNoPort(world, text), field);
  }
  if (found.size() > 1) {
    std::string names;
    for (const auto& place : found) names += (names.empty() ? "" : ", ") + place.port->name;
    return invalid(fmt::format("\"{}\" is several ports: {}; name one", text, names), field);
  }
  return found.front();
}

// An address, a port's address, or the first address of a service ("services/project/name").
Result<net::IpAddress> findAddress(const World& world, const std::string& text) {
  if (const auto address = net::IpAddress::parse(text)) return *address;
  for (const auto& [host, slice] : *world.slices)
    for (const auto& port : slice.ports)
      for (const auto& translation : port.translations)
        if (translation.source == text) return translation.address;
  const auto place = findPort(world, text, "to");
  if (!place) return std::unexpected(place.error());
  return place->port->addresses.front();
}

const SliceVrf* vrfOf(const Slice& slice, net::VrfId id) {
  const auto found = std::find_if(slice.vrfs.begin(), slice.vrfs.end(),
                                  [&](const SliceVrf& vrf) { return vrf.id == id; });
  return found == slice.vrfs.end() ? nullptr : &*found;
}

std::span<const net::ExtendedCommunity> communitiesOf(const rib::VrfPath& path) {
  if (!path.attributes) return {};
  return path.attributes->extendedCommunities;
}

// What the agent of a host makes of a route's paths: those with no common encapsulation are not
// used, and the identity is the first that the others name. A flow's hash picks one of them; a
// trace follows the first.
struct Use {
  const rib::VrfPath* path = nullptr;  // of the route; null: none is usable
  std::string tunnel;                  // how it leaves, or why it cannot
  net::Identity identity;
};

Use useOf(const World& world, const Slice& slice, const rib::VrfChange& route) {
  Use use;
  const auto own = world.hostAddresses.find(slice.host);
  for (const auto& path : route.paths) {
    std::string tunnel;
    if (own != world.hostAddresses.end() && own->second == path.nextHop) {
      tunnel = fmt::format("none: it stays on host {}, label {}", slice.host, path.label.value());
    } else if (const auto encapsulation =
                   net::chooseEncapsulation(communitiesOf(path), slice.encapsulations)) {
      tunnel = fmt::format("{} to {}, label {}", net::encapsulationName(*encapsulation),
                           path.nextHop.text(), path.label.value());
    } else {
      if (use.tunnel.empty())
        use.tunnel = fmt::format("none: {} offers no encapsulation that {} knows",
                                 path.nextHop.text(), slice.host);
      continue;
    }
    if (use.identity.number == 0) use.identity = net::identityIn(communitiesOf(path));
    if (use.path != nullptr) continue;
    use.path = &path;
    use.tunnel = std::move(tunnel);
  }
  return use;
}

void block(Answer& answer, std::string by, std::string reason) {
  answer.outcome = Outcome::kBlocked;
  answer.blockedBy = std::move(by);
  answer.reason = std::move(reason);
}

std::string portText(const Question& question) {
  const auto name = std::string(model::protocolName(question.protocol));
  return question.port == 0 ? name : fmt::format("{}/{}", name, question.port);
}

// One rule set for the first packet; false: blocked, and said.
bool passRules(Answer& answer, const Place& place, bool ingress, const Packet& packet) {
  const auto verdict = judge(place.port->rules, ingress, packet);
  const auto* direction = ingress ? "into" : "out of";
  if (verdict.rule != nullptr) {
    answer.steps.push_back(
        {"policy", fmt::format("{} {}: {} by {}", direction, place.port->name,
                               verdict.allowed ? "allowed" : "denied", verdict.rule->source)});
  } else {
    answer.steps.push_back(
        {"policy", fmt::format("{} {}: no rule matches, allowed", direction, place.port->name)});
  }
  if (verdict.allowed) return true;
  block(answer, "policy",
        fmt::format("{} {}: denied by {}", direction, place.port->name, verdict.rule->source));
  return false;
}

// What the receiving host does with a packet for `destination` that came with `label`.
struct Landing {
  Place place;
  const SliceTranslation* translation = nullptr;
  net::VrfId vrf;
  bool addressOnly = false;  // the address is translated, but not this port
};

bool carries(const std::optional<rib::VrfChange>& route, const net::IpAddress& nextHop,
             net::Label label) {
  return route && std::any_of(route->paths.begin(), route->paths.end(), [&](const auto& path) {
           return path.label == label && path.nextHop == nextHop;
         });
}

std::optional<Landing> land(const World& world, const Slice& slice, const net::IpAddress& nextHop,
                            net::Label label, const net::IpAddress& destination,
                            const Question& question) {
  std::optional<Landing> partial;
  for (const auto& port : slice.ports) {
    const auto routed = [&](net::VrfId id) {
      const auto* vrf = vrfOf(slice, id);
      return vrf != nullptr && carries(world.lookup(*vrf, destination), nextHop, label);
    };
    if (std::find(port.addresses.begin(), port.addresses.end(), destination) !=
            port.addresses.end() &&
        routed(port.vrf))
      return Landing{{&slice, &port}, nullptr, port.vrf, false};
    for (const auto& translation : port.translations) {
      if (translation.address != destination || !routed(translation.vrf)) continue;
      const bool whole = translation.port == 0 && translation.protocol == model::Protocol::kAny;
      if (whole || (translation.protocol == question.protocol && translation.port == question.port))
        return Landing{{&slice, &port}, &translation, translation.vrf, false};
      partial = Landing{{&slice, &port}, &translation, translation.vrf, true};
    }
  }
  return partial;
}

Step routeStep(const World& world, const SliceVrf& vrf, const rib::VrfChange& route) {
  const auto& path = route.paths.front();
  const auto name = world.targetName ? world.targetName(path.importedBy) : std::string{};
  return {"route",
          fmt::format("{} in {}: {} path{}, imported by route target {}{}", route.prefix.text(),
                      vrf.name, route.paths.size(), route.paths.size() == 1 ? "" : "s",
                      path.importedBy.text(), name.empty() ? "" : " (" + name + ")")};
}

// From the receiver to the underlay: what the answer meets. Rules are for the first packet. False:
// blocked, and said.
bool tellWayBack(const World& world, Answer& answer, const Landing& landing, std::uint16_t port,
                 const SliceVrf& vrf, const rib::VrfChange& route) {
  auto& back = answer.back;
  const auto& slice = *landing.place.slice;
  back.push_back({"host " + slice.host, "leaves " + describe(landing.place)});
  back.push_back({"policy", "an answer: it passes with the connection that it belongs to"});
  if (const auto* translation = landing.translation)
    back.push_back({"service", fmt::format("{}: {}{} becomes {} again", translation->source,
                                           landing.place.port->addresses.front().text(),
                                           port == 0 ? "" : fmt::format(" port {}", port),
                                           translation->address.text())});
  back.push_back(routeStep(world, vrf, route));
  auto use = useOf(world, slice, route);
  if (use.path == nullptr) block(answer, "route", use.tunnel);
  back.push_back({"tunnel", std::move(use.tunnel)});
  return use.path != nullptr;
}

// Translation, ingress rules and the way back at the receiver.
void arrive(const World& world, Answer& answer, const Landing& landing,
            const net::IpAddress& source, net::Identity identity, const Question& question) {
  const auto& port = *landing.place.port;
  answer.steps.push_back(
      {"host " + landing.place.slice->host, "delivers to " + describe(landing.place)});
  if (landing.addressOnly) {
    return block(
        answer, "service",
        fmt::format("{} does not offer {}", landing.translation->source, portText(question)));
  }
  Packet packet{identity, source, question.protocol, question.port};
  if (landing.translation != nullptr) {
    if (landing.translation->targetPort != 0) packet.port = landing.translation->targetPort;
    answer.steps.push_back(
        {"service", fmt::format("{}: {} becomes {}{}", landing.translation->source,
                                landing.translation->address.text(), port.addresses.front().text(),
                                packet.port == 0 ? "" : fmt::format(" port {}", packet.port))});
  }
  if (!passRules(answer, landing.place, true, packet)) return;
  const auto* vrf = vrfOf(*landing.place.slice, landing.vrf);
  const auto back = vrf == nullptr ? std::nullopt : world.lookup(*vrf, source);
  if (!back || back->paths.empty()) {
    return block(answer, "route",
                 fmt::format("no route back to {} in {}", source.text(),
                             vrf == nullptr ? "its network" : vrf->name));
  }
  if (tellWayBack(world, answer, landing, packet.port, *vrf, *back))
    answer.outcome = Outcome::kReaches;
}

const Slice* sliceAt(const World& world, const net::IpAddress& nextHop) {
  for (const auto& [host, address] : world.hostAddresses) {
    if (address != nextHop) continue;
    const auto found = world.slices->find(host);
    if (found != world.slices->end()) return &found->second;
  }
  return nullptr;
}

// Longest match, told as a step; null: blocked, and said.
std::optional<rib::VrfChange> routeTo(const World& world, Answer& answer, const SliceVrf& vrf,
                                      const net::IpAddress& destination) {
  auto route = world.lookup(vrf, destination);
  if (!route || route->paths.empty()) {
    if (std::find(vrf.refused.begin(), vrf.refused.end(), destination) != vrf.refused.end()) {
      block(answer, "service",
            fmt::format("no backend of {} is ready; connections are refused", destination.text()));
    } else {
      block(answer, "route", whyNoRoute(world, vrf, destination));
    }
    return std::nullopt;
  }
  answer.steps.push_back(routeStep(world, vrf, *route));
  return route;
}

// The packet is on the underlay: to a host of ours, or out of this site.
void cross(const World& world, Answer& answer, const Answer::Handover& packet,
           const Question& question) {
  const auto* there = sliceAt(world, packet.nextHop);
  if (there == nullptr) {
    answer.outcome = Outcome::kUnknown;
    answer.reason = fmt::format("{} is no host of {}: what happens there is not known here",
                                packet.nextHop.text(), world.site);
    answer.handover = packet;
    return;
  }
  const auto landing =
      land(world, *there, packet.nextHop, packet.label, packet.destination, question);
  if (!landing) {
    return block(answer, "route",
                 fmt::format("host {} has no port for {} (label {}) any more", there->host,
                             packet.destination.text(), packet.label.value()));
  }
  arrive(world, answer, *landing, packet.source, packet.identity, question);
}

// "PROJECT/NETWORK@ADDRESS": somebody behind a router that is joined with that network.
struct Outside {
  std::string network;
  net::IpAddress address;
};
std::optional<Outside> parseOutside(const std::string& text) {
  const auto cut = text.find('@');
  if (cut == std::string::npos) return std::nullopt;
  const auto address = net::IpAddress::parse(text.substr(cut + 1));
  if (!address) return std::nullopt;
  return Outside{text.substr(0, cut), *address};
}

const SliceVrf* vrfNamed(const World& world, const std::string& name) {
  for (const auto& [host, slice] : *world.slices)
    for (const auto& vrf : slice.vrfs)
      if (vrf.name == name) return &vrf;
  return nullptr;
}

// A router knows what we export with the network's route targets, which is what the network's own
// VRF knows; the identity of an outsider is that of the route back to him.
Result<Answer> traceOutside(const World& world, const Outside& from, const Question& question) {
  const auto destination = findAddress(world, question.to);
  if (!destination) return std::unexpected(destination.error());
  const auto* vrf = vrfNamed(world, from.network);
  if (vrf == nullptr)
    return fail(ErrorCode::kNotFound,
                fmt::format("no host of {} serves a network \"{}\"", world.site, from.network),
                "from");
  Answer answer;
  answer.steps.push_back(
      {"outside", fmt::format("{} enters {}", from.address.text(), from.network)});
  const auto route = routeTo(world, answer, *vrf, *destination);
  if (!route) return answer;
  const auto& path = route->paths.front();
  if (sliceAt(world, path.nextHop) == nullptr) {
    block(answer, "route",
          fmt::format("{} gives the routers outside no route to {}: its own is {} by {}, out of {}",
                      vrf->name, destination->text(), route->prefix.text(), path.nextHop.text(),
                      world.site));
    return answer;
  }
  answer.steps.push_back(
      {"tunnel", fmt::format("to {}, label {}", path.nextHop.text(), path.label.value())});
  net::Identity identity;
  if (const auto back = world.lookup(*vrf, from.address); back && !back->paths.empty())
    identity = net::identityIn(communitiesOf(back->paths.front()));
  cross(world, answer, {path.nextHop, path.label, from.address, *destination, identity}, question);
  return answer;
}

}  // namespace

Result<Answer> trace(const World& world, const Question& question) {
  if (const auto outside = parseOutside(question.from))
    return traceOutside(world, *outside, question);
  const auto from = findPort(world, question.from, "from");
  if (!from) return std::unexpected(from.error());
  const auto destination = findAddress(world, question.to);
  if (!destination) return std::unexpected(destination.error());
  const auto& port = *from->port;
  Answer answer;
  answer.steps.push_back({"host " + from->slice->host, "leaves " + describe(*from)});
  const auto* vrf = vrfOf(*from->slice, port.vrf);
  if (vrf == nullptr) return fail(ErrorCode::kInternal, "the port's network is not on its host");
  if (std::find(port.gateways.begin(), port.gateways.end(), *destination) != port.gateways.end()) {
    answer.outcome = Outcome::kReaches;
    answer.steps.push_back({"gateway", "the host itself answers for " + destination->text()});
    return answer;
  }
  const auto route = routeTo(world, answer, *vrf, *destination);
  if (!route) return answer;
  const auto use = useOf(world, *from->slice, *route);
  const Packet packet{use.identity, *destination, question.protocol, question.port};
  if (!passRules(answer, *from, false, packet)) return answer;
  answer.steps.push_back({"tunnel", use.tunnel});
  if (use.path == nullptr) {
    block(answer, "route", use.tunnel);
    return answer;
  }
  const auto& path = *use.path;
  cross(world, answer,
        {path.nextHop, path.label, port.addresses.front(), *destination, port.identity}, question);
  if (answer.outcome != Outcome::kBlocked)
    answer.back.push_back({"host " + from->slice->host, "delivers to " + describe(*from)});
  return answer;
}

Result<Answer> traceArrival(const World& world, const Answer::Handover& handover,
                            const Question& question) {
  const auto* slice = sliceAt(world, handover.nextHop);
  if (slice == nullptr)
    return fail(ErrorCode::kNotFound, handover.nextHop.text() + " is no host of " + world.site);
  Answer answer;
  const auto landing =
      land(world, *slice, handover.nextHop, handover.label, handover.destination, question);
  if (!landing) {
    block(answer, "route",
          fmt::format("host {} of {} has no port for {} (label {})", slice->host, world.site,
                      handover.destination.text(), handover.label.value()));
    return answer;
  }
  answer.steps.push_back({"site " + world.site, "the packet arrives"});
  arrive(world, answer, *landing, handover.source, handover.identity, question);
  return answer;
}

}  // namespace hawser::trace
