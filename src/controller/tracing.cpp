#include "tracing.h"

#include <fmt/core.h>

namespace hawser::controller {

using model::Json;
using model::Kind;

Result<trace::Question> parseQuestion(const Json& json) {
  if (!json.is_object()) return invalid("is not an object", "body");
  trace::Question question;
  for (const auto& [name, value] : json.items()) {
    if (name == "from" || name == "to") {
      if (!value.is_string()) return invalid("is not text", name);
      (name == "from" ? question.from : question.to) = value.get<std::string>();
    } else if (name == "protocol") {
      const auto parsed = value.is_string() ? model::parseProtocol(value.get<std::string>())
                                            : std::optional<model::Protocol>();
      if (!parsed) return invalid("is not one of any, icmp, tcp, udp, sctp", name);
      question.protocol = *parsed;
    } else if (name == "port") {
      if (!value.is_number_unsigned() || value > 65535) return invalid("is not a port", name);
      question.port = value.get<std::uint16_t>();
    } else {
      const auto near = model::nearest(name, {"from", "to", "protocol", "port"});
      return invalid(
          near.empty() ? "unknown field" : "unknown field; did you mean \"" + near + "\"?", name);
    }
  }
  if (question.from.empty()) return invalid("is required", "from");
  if (question.to.empty()) return invalid("is required", "to");
  return question;
}

Json toJson(const trace::Question& question) {
  return {{"from", question.from},
          {"to", question.to},
          {"protocol", model::protocolName(question.protocol)},
          {"port", question.port}};
}

namespace {

Result<trace::Answer::Handover> parseHandover(const Json& json) {
  trace::Answer wrapped;
  auto whole = trace::toJson(wrapped);
  whole["handover"] = json;
  const auto answer = trace::parseAnswer(whole);
  if (!answer) return std::unexpected(answer.error());
  if (!answer->handover) return invalid("is required", "handover");
  return *answer->handover;
}

// Nobody here knows what follows: neither that it arrives nor that it does not.
void unknownBeyond(trace::Answer& answer, const std::string& where, std::string why) {
  answer.outcome = trace::Outcome::kUnknown;
  answer.steps.push_back({where, why});
  answer.back.clear();
  answer.reason = std::move(why);
}

// A router outside has no controller to ask: all that can be told is that it gets the packet.
void leavesToGateway(trace::Answer& answer, const std::string& gateway) {
  answer.outcome = trace::Outcome::kReaches;
  answer.back.clear();
  answer.reason = fmt::format("as far as we can tell: leaves to gateway {}", gateway);
  answer.steps.push_back({"gateway " + gateway,
                          fmt::format("takes the packet at {}; its own tables decide what follows",
                                      answer.handover->nextHop.text())});
}

// The second half behind the first.
void append(trace::Answer& answer, const trace::Answer& there) {
  answer.steps.insert(answer.steps.end(), there.steps.begin(), there.steps.end());
  // Its way back begins there and ends with ours.
  if (there.outcome == trace::Outcome::kBlocked) answer.back.clear();
  answer.back.insert(answer.back.begin(), there.back.begin(), there.back.end());
  answer.outcome = there.outcome;
  answer.blockedBy = there.blockedBy;
  answer.reason = there.reason;
  answer.handover = there.handover;
}

}  // namespace

Tracing::Tracing(std::string site, api::Objects& objects, CompileLoop& compile, Sessions& sessions,
                 Federation& federation)
    : site_(std::move(site)),
      objects_(objects),
      compile_(compile),
      sessions_(sessions),
      federation_(federation) {}

std::string Tracing::targetName(const net::RouteTarget& target) const {
  const auto networks = model::ofKind(objects_.all(), Kind::kNetwork);
  for (const auto& [key, object] : networks)
    if (model::NetworkStatus::from(*object).autoTarget == target)
      return fmt::format("automatic target of {}", key.text());
  for (const auto& [key, object] : model::ofKind(objects_.all(), Kind::kLink))
    if (model::LinkSpec::from(*object).routeTarget == target) return key.text();
  std::string names;
  for (const auto& [key, object] : networks) {
    const auto spec = model::NetworkSpec::from(*object);
    if (spec.exportTargets.contains(target) || spec.importTargets.contains(target))
      names += (names.empty() ? "set on " : ", ") + key.text();
  }
  return names;
}

trace::World Tracing::world() {
  trace::World world;
  world.site = site_;
  world.slices = &compile_.current().slices;
  world.objects = &objects_.all();
  for (const auto& [key, object] : model::ofKind(objects_.all(), Kind::kHost))
    world.hostAddresses[key.name] = model::HostSpec::from(*object).address;
  world.lookup = [this](const model::SliceVrf& vrf, const net::IpAddress& address) {
    return sessions_.lookup(vrf.importTargets, address);
  };
  world.targetName = [this](const net::RouteTarget& target) { return targetName(target); };
  return world;
}

model::ObjectPtr Tracing::peerBehind(const trace::Answer::Handover& handover) const {
  std::string from;
  sessions_.speaker().rib().forEachBest(
      wire::kVpnv4, [&](const rib::RouteKey&, const rib::Path& path) {
        if (path.label == handover.label && path.attributes->nextHop == handover.nextHop)
          from = sessions_.speaker().peerName(path.peer);
      });
  return objects_.find({Kind::kPeer, {}, from});
}

void Tracing::ask(const trace::Question& question, const api::ReplyPtr& reply) {
  auto answer = trace::trace(world(), question);
  if (!answer) return reply->error(answer.error());
  if (!answer->handover) return reply->json(200, trace::toJson(*answer));
  const auto peer = peerBehind(*answer->handover);
  if (!peer) {
    unknownBeyond(*answer, "beyond",
                  fmt::format("{} is no host of ours and its route came from no Peer of ours: what "
                              "happens there is not known here",
                              answer->handover->nextHop.text()));
    return reply->json(200, trace::toJson(*answer));
  }
  const auto spec = model::PeerSpec::from(*peer);
  if (spec.role == "gateway") {
    leavesToGateway(*answer, peer->metadata.name);
    return reply->json(200, trace::toJson(*answer));
  }
  if (spec.apiUrl.empty()) {
    unknownBeyond(*answer, "site " + spec.site,
                  fmt::format("peers/{} has no spec.api: the other half is not known here",
                              peer->metadata.name));
    return reply->json(200, trace::toJson(*answer));
  }
  askThere(*peer, question, std::move(*answer), reply);
}

void Tracing::askThere(const model::Object& peer, const trace::Question& question,
                       trace::Answer answer, const api::ReplyPtr& reply) {
  const Json body{{"question", toJson(question)}, {"handover", trace::toJson(answer)["handover"]}};
  const auto site = model::PeerSpec::from(peer).site;
  federation_.call(
      peer.metadata.name, "/api/v1/trace/arrival", body,
      [answer = std::move(answer), site, reply](const Result<Json>& came) mutable {
        const auto there =
            came ? trace::parseAnswer(*came) : Result<trace::Answer>(std::unexpected(came.error()));
        if (there)
          append(answer, *there);
        else
          unknownBeyond(answer, "site " + site,
                        fmt::format("the other half is not known: {}", there.error().text()));
        reply->json(200, trace::toJson(answer));
      });
}

Result<Json> Tracing::arrival(const Json& body) {
  if (!body.is_object()) return invalid("is not an object", "body");
  const auto question = parseQuestion(body.value("question", Json()));
  if (!question)
    return std::unexpected(Error{question.error().code, question.error().message,
                                 "question." + question.error().field});
  const auto handover = parseHandover(body.value("handover", Json()));
  if (!handover) return std::unexpected(handover.error());
  const auto answer = trace::traceArrival(world(), *handover, *question);
  if (!answer) return std::unexpected(answer.error());
  return trace::toJson(*answer);
}

}  // namespace hawser::controller
