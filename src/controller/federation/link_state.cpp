// The life of a Link, seen from one side (`ours` accepted, `theirs` offered and accepted):
//
//   proposed     we agree, they have not answered
//   pending      they propose, we have not agreed
//   established  both agree on one route target: networks import and export it (compiler)
//   withdrawn    they took it back, or refused it; our agreement has ended with theirs
//
// To propose again after "withdrawn", agree again: nothing comes back by itself.
#include "federation/link_state.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

namespace hawser::controller {

using api::Write;
using model::Json;
using model::Kind;
using model::LinkSpec;
using model::Object;
using model::Ref;

namespace {

// Of the 8 MiB that a body may have (api/connections.h); what escaping adds is within the rest.
constexpr std::size_t kMaxText = 6U << 20U;
// Bytes of an item's field names and punctuation, at most.
constexpr std::size_t kItem = 160, kLabel = 8;

Json pairJson(const LinkPair& pair) {
  return {{"network", pair.ours.text()}, {"remoteNetwork", pair.theirs.text()}};
}

// Throws Json::exception for a wrong type, like everything below that parseState() calls.
LinkPair turned(const Json& json) {
  return {Ref::parse(json.at("remoteNetwork").get<std::string>(), ""),
          Ref::parse(json.at("network").get<std::string>(), "")};
}

Result<LinkOffer> parseOffer(const Json& json, const std::string& path) {
  LinkOffer offer;
  const auto target = net::RouteTarget::parse(json.at("routeTarget").get<std::string>());
  if (!target) return invalid(target.error().message, path + ".routeTarget");
  offer.target = *target;
  for (const auto& item : json.at("prefixes")) {
    const auto prefix = net::IpPrefix::parse(item.get<std::string>());
    if (!prefix) return invalid(prefix.error().message, path + ".prefixes");
    offer.prefixes.push_back(*prefix);
  }
  offer.accepted = json.at("accepted").get<bool>();
  offer.proposed = json.at("proposed").get<bool>();
  offer.number = json.at("offer").get<std::uint64_t>();
  return offer;
}

std::vector<net::IpPrefix> prefixesOf(const model::ObjectMap& objects, const LinkSpec& spec) {
  if (!spec.localPrefixes.empty()) return spec.localPrefixes;
  std::vector<net::IpPrefix> prefixes;
  const auto network = objects.find({Kind::kNetwork, spec.network.project, spec.network.name});
  if (network != objects.end())
    for (const auto& subnet : model::NetworkSpec::from(*network->second).subnets)
      prefixes.push_back(subnet.prefix);
  return prefixes;
}

template <class Visit>
void forLinks(const model::ObjectMap& objects, const std::string& peer, Visit visit) {
  for (const auto& [key, link] : model::ofKind(objects, Kind::kLink)) {
    const auto spec = LinkSpec::from(*link);
    if (spec.peer == peer) visit(*link, spec);
  }
}

std::uint64_t numberOf(const Json& status, const char* name) {
  const auto found = status.find(name);
  return found == status.end() || !found->is_number_unsigned() ? 0 : found->get<std::uint64_t>();
}

bool refuses(const std::map<LinkPair, std::uint64_t>& refused, const LinkPair& pair,
             std::uint64_t offer) {
  const auto found = refused.find(pair);
  return found != refused.end() && found->second >= offer;
}

bool offered(const Object& link, const LinkSpec& spec) {
  return spec.accepted || link.status.value("phase", "") != "withdrawn";
}

// What the other side may know of our workloads: the labels of those whose networks it shares.
std::set<std::string> sharedNetworks(const model::ObjectMap& objects, const std::string& peer) {
  std::set<std::string> shared;
  forLinks(objects, peer,
           [&](const Object&, const LinkSpec& spec) { shared.insert(spec.network.text()); });
  const auto found = objects.find({Kind::kPeer, {}, peer});
  if (found == objects.end()) return shared;
  const auto targets = model::PeerSpec::from(*found->second).exportTo.routeTargets;
  if (!targets) return shared;
  for (const auto& [key, network] : model::ofKind(objects, Kind::kNetwork))
    for (const auto& target : model::NetworkSpec::from(*network).exportTargets)
      if (targets->contains(target)) shared.insert(key.project + "/" + key.name);
  return shared;
}

Json texts(const std::vector<net::IpPrefix>& prefixes) {
  Json list = Json::array();
  for (const auto& prefix : prefixes) list.push_back(prefix.text());
  return list;
}

std::string beyond(const LinkSpec& spec, const LinkOffer& offer) {
  std::string text;
  for (const auto& prefix : offer.prefixes) {
    const bool held = std::any_of(spec.remotePrefixes.begin(), spec.remotePrefixes.end(),
                                  [&](const net::IpPrefix& ours) { return ours.contains(prefix); });
    if (!held) text += (text.empty() ? "" : ", ") + prefix.text();
  }
  return text.empty() ? text
                      : "they offer " + text + " too, which spec.remotePrefixes does not hold";
}

// One Link of ours, what they say of it, and what becomes of it.
struct Turn {
  Json spec, status;

  Turn(const Object& link, const LinkSpec& was)
      : spec(link.spec), status(link.status), link_(link), was_(was) {}

  // `answer`: what they said of it, "none", "waits", "accepted" or "refused".
  void setPhase(const std::string& phase, const std::string& message, const char* answer) {
    status["phase"] = phase;
    status["message"] = message;
    status["answer"] = answer;
  }

  void withdrawn(const std::string& message) {
    spec["accepted"] = false;
    setPhase("withdrawn",
             fmt::format("{}; to propose it again: hawser link propose {} --peer {} "
                         "--remote-network {}",
                         message, was_.network.text(), was_.peer, was_.remoteNetwork),
             "refused");
  }

  // Who proposed decides the target; when both did, the site with the lower AS number.
  void withOffer(const OwnSide& own, const RemoteState& theirs, const LinkOffer& offer) {
    const bool oursDecides = was_.proposedByUs && (!offer.proposed || own.asn < theirs.asn);
    status["theirOffer"] = offer.number;  // what a removal of the Link refuses
    bool accepted = was_.accepted;
    auto target = was_.routeTarget;
    if (!oursDecides && offer.target != target) {
      // Of a Link in force another target is another Link.
      if (!was_.proposedByUs) accepted = false;
      target = offer.target;
      spec["routeTarget"] = target.text();
      spec["accepted"] = accepted;
    }
    LinkSpec now = was_;
    const bool open = was_.proposedByUs ? was_.remotePrefixes.empty() : !accepted;
    if (open) {
      spec["remotePrefixes"] = texts(offer.prefixes);
      now.remotePrefixes = offer.prefixes;
    }
    const auto* answer = offer.accepted ? "accepted" : "waits";
    const auto problem = theirs.problems.find(pairOf(was_));
    if (accepted && problem != theirs.problems.end())  // agreed, but it cannot take what we send
      setPhase("proposed", "site " + theirs.site + ": " + problem->second, "refused");
    else if (!accepted)
      setPhase("pending", "site " + theirs.site + " proposes it: accept, or delete it", answer);
    else if (offer.accepted && offer.target == target)
      setPhase("established", beyond(now, offer), answer);
    else
      setPhase("proposed", "site " + theirs.site + " has not accepted it yet", answer);
  }

  void writeInto(std::vector<Write>& writes) const {
    const auto copy = [&] {
      auto object = link_;
      object.metadata.resourceVersion = 0;
      return object;
    };
    if (spec != link_.spec) {
      writes.push_back({Write::Op::kUpdate, copy()});
      writes.back().object.spec = spec;
    }
    if (status != link_.status) {
      writes.push_back({Write::Op::kStatus, copy()});
      writes.back().object.status = status;
    }
  }

 private:
  const Object& link_;
  const LinkSpec& was_;
};

Object newLink(const std::string& peer, const RemoteState& theirs, const LinkPair& pair,
               const LinkOffer& offer, const std::string& name) {
  Object link;
  link.kind = Kind::kLink;
  link.metadata.project = pair.ours.project;
  link.metadata.name = name;
  link.metadata.annotations["proposed-by"] = theirs.site;
  link.spec = {{"peer", peer},
               {"network", pair.ours.text()},
               {"remoteNetwork", pair.theirs.text()},
               {"routeTarget", offer.target.text()},
               {"remotePrefixes", texts(offer.prefixes)},
               {"accepted", false},
               {"proposedByUs", false}};
  return link;
}

std::string freeName(const model::ObjectMap& objects, const std::string& site,
                     const LinkPair& pair) {
  const auto base = (site + "-" + pair.theirs.name + "-" + pair.ours.name).substr(0, 240);
  auto name = base;
  for (int i = 2; objects.contains({Kind::kLink, pair.ours.project, name}); ++i)
    name = fmt::format("{}-{}", base, i);
  return name;
}

std::string foreignTarget(const net::RouteTarget& target, net::Asn asn) {
  return fmt::format("route target {} is not of AS {}, the proposer's", target.text(), asn.value());
}

// What they say of one Link of ours. The result is a problem with their offer.
std::optional<std::string> follow(Turn& turn, const Object& link, const LinkSpec& spec,
                                  const OwnSide& own, const RemoteState& theirs) {
  const auto pair = pairOf(spec);
  const auto found = theirs.links.find(pair);
  if (found != theirs.links.end()) {
    const auto& offer = found->second;
    const bool theyDecide = !spec.proposedByUs || (offer.proposed && theirs.asn < own.asn);
    if (!theyDecide || offer.target.asn() == theirs.asn || offer.target == spec.routeTarget) {
      turn.withOffer(own, theirs, offer);
      return std::nullopt;
    }
    // It could be the target of anybody's network here.
    const auto problem = foreignTarget(offer.target, theirs.asn);
    turn.setPhase(spec.accepted ? "proposed" : "pending", problem, "waits");
    return problem;
  }
  if (refuses(theirs.refused, pair, numberOf(link.status, "offer"))) {
    turn.withdrawn("site " + theirs.site + " does not want it, or took it back");
  } else if (!spec.proposedByUs) {
    turn.withdrawn("site " + theirs.site + " took it back");
  } else if (spec.accepted || link.status.value("phase", "") != "withdrawn") {
    const auto problem = theirs.problems.find(pair);
    const bool seen = problem != theirs.problems.end();
    turn.setPhase("proposed",
                  seen ? "site " + theirs.site + ": " + problem->second
                       : "site " + theirs.site + " has not seen it yet",
                  seen ? "refused" : "none");
  }
  return std::nullopt;
}

}  // namespace

LinkPair pairOf(const LinkSpec& spec) { return {spec.network, Ref::parse(spec.remoteNetwork, "")}; }

Json toJson(const RemoteState& state) {
  Json json{{"site", state.site},         {"asn", state.asn.value()}, {"revision", state.revision},
            {"links", Json::array()},     {"refused", Json::array()}, {"problems", Json::array()},
            {"identities", Json::array()}};
  for (const auto& [pair, offer] : state.links) {
    auto item = pairJson(pair);
    item["routeTarget"] = offer.target.text();
    item["prefixes"] = texts(offer.prefixes);
    item["accepted"] = offer.accepted;
    item["proposed"] = offer.proposed;
    item["offer"] = offer.number;
    json["links"].push_back(std::move(item));
  }
  for (const auto& [pair, number] : state.refused) {
    auto item = pairJson(pair);
    item["offer"] = number;
    json["refused"].push_back(std::move(item));
  }
  for (const auto& [pair, why] : state.problems) {
    auto item = pairJson(pair);
    item["message"] = why;
    json["problems"].push_back(std::move(item));
  }
  for (const auto& [number, labels] : state.identities)
    json["identities"].push_back({{"number", number}, {"labels", labels}});
  return json;
}

Result<RemoteState> parseState(const Json& json) {
  try {
    RemoteState state;
    state.site = json.at("site").get<std::string>();
    state.asn = net::Asn(json.at("asn").get<std::uint32_t>());
    state.revision = json.at("revision").get<std::uint64_t>();
    if (json.at("links").size() > kMaxLinks || json.at("refused").size() > kMaxLinks ||
        json.at("problems").size() > kMaxLinks || json.at("identities").size() > kMaxIdentities)
      return invalid("has too many items", "body");
    std::size_t index = 0;
    for (const auto& item : json.at("links")) {
      auto offer = parseOffer(item, fmt::format("links[{}]", index++));
      if (!offer) return std::unexpected(offer.error());
      state.links[turned(item)] = std::move(*offer);
    }
    for (const auto& item : json.at("refused"))
      state.refused[turned(item)] = item.at("offer").get<std::uint64_t>();
    for (const auto& item : json.at("problems"))
      state.problems[turned(item)] = item.at("message").get<std::string>();
    for (const auto& item : json.at("identities"))
      state.identities[item.at("number").get<std::uint32_t>()] =
          item.at("labels").get<std::map<std::string, std::string>>();
    return state;
  } catch (const Json::exception& error) {
    return invalid(fmt::format("is not a site's state: {}", error.what()), "body");
  }
}

RemoteState stateFor(const model::ObjectMap& objects, const std::string& peer, const OwnSide& own) {
  RemoteState state;
  state.site = own.site;
  state.asn = own.asn;
  state.revision = own.revision;
  state.refused = own.refused;
  state.problems = own.problems;
  forLinks(objects, peer, [&](const Object& link, const LinkSpec& spec) {
    const auto pair = pairOf(spec);
    if (!offered(link, spec)) {
      state.problems.erase(pair);
      return;
    }
    state.refused.erase(pair);
    state.links[pair] = {spec.routeTarget, prefixesOf(objects, spec), spec.accepted,
                         spec.proposedByUs, numberOf(link.status, "offer")};
  });
  const auto shared = sharedNetworks(objects, peer);
  for (const auto& [key, identity] : model::ofKind(objects, Kind::kIdentity)) {
    const auto spec = model::IdentitySpec::from(*identity);
    const auto network = spec.labels.find("network");
    if (network != spec.labels.end() && shared.contains(network->second))
      state.identities[spec.number] = spec.labels;
  }
  return state;
}

std::size_t cutToFit(RemoteState& state) {
  const auto cut = [](auto& items, std::size_t count) {
    if (items.size() > count)
      items.erase(std::next(items.begin(), static_cast<std::ptrdiff_t>(count)), items.end());
  };
  cut(state.refused, kMaxLinks);
  cut(state.problems, kMaxLinks);
  std::size_t bytes = kItem;
  const auto add = [&](const LinkPair& pair, std::size_t more) {
    bytes += kItem + pair.text().size() + more;
  };
  for (const auto& [pair, offer] : state.links) add(pair, offer.prefixes.size() * 48);
  for (const auto& [pair, number] : state.refused) add(pair, 0);
  for (const auto& [pair, why] : state.problems) add(pair, why.size());
  std::size_t count = 0;
  for (const auto& [number, labels] : state.identities) {
    bytes += kItem / 4;
    for (const auto& [name, value] : labels) bytes += name.size() + value.size() + kLabel;
    if (bytes > kMaxText || count == kMaxIdentities) break;
    ++count;
  }
  const auto left = state.identities.size() - count;
  cut(state.identities, count);
  return left;
}

LinkPlan plan(const model::ObjectMap& objects, const std::string& peer, const OwnSide& own,
              const RemoteState& theirs) {
  LinkPlan plan;
  std::set<LinkPair> known;
  forLinks(objects, peer, [&](const Object& link, const LinkSpec& spec) {
    const auto pair = pairOf(spec);
    known.insert(pair);
    Turn turn(link, spec);
    if (auto problem = follow(turn, link, spec, own, theirs)) plan.problems[pair] = *problem;
    LinkWrites writes{pair, {}};
    turn.writeInto(writes.writes);
    if (!writes.writes.empty()) plan.transactions.push_back(std::move(writes));
  });
  for (const auto& [pair, offer] : theirs.links) {
    if (known.contains(pair) || !offer.proposed || refuses(own.refused, pair, offer.number))
      continue;
    if (offer.target.asn() != theirs.asn) {
      plan.problems[pair] = foreignTarget(offer.target, theirs.asn);
      continue;
    }
    const auto name = freeName(objects, theirs.site, pair);
    plan.transactions.push_back(
        {pair, {{Write::Op::kCreate, newLink(peer, theirs, pair, offer, name)}}});
  }
  for (const auto& [pair, number] : own.refused) {
    const auto offer = theirs.links.find(pair);
    if (known.contains(pair) || offer == theirs.links.end() || offer->second.number > number)
      plan.forget.insert(pair);
  }
  return plan;
}

}  // namespace hawser::controller
