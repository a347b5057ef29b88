#include <fmt/core.h>

#include "hawser/trace/trace.h"

namespace hawser::trace {

using model::Json;

namespace {

Json stepsJson(const std::vector<Step>& steps) {
  Json json = Json::array();
  for (const auto& step : steps) json.push_back({{"where", step.where}, {"what", step.what}});
  return json;
}

std::vector<Step> parseSteps(const Json& json) {
  std::vector<Step> steps;
  for (const auto& step : json) steps.push_back({step.value("where", ""), step.value("what", "")});
  return steps;
}

Outcome parseOutcome(const std::string& text) {
  if (text == outcomeName(Outcome::kReaches)) return Outcome::kReaches;
  return text == outcomeName(Outcome::kBlocked) ? Outcome::kBlocked : Outcome::kUnknown;
}

}  // namespace

std::string_view outcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kReaches:
      return "reaches";
    case Outcome::kBlocked:
      return "blocked";
    case Outcome::kUnknown:
      break;
  }
  return "unknown";
}

Json toJson(const Answer& answer) {
  Json json{{"reaches", answer.reaches()},      {"outcome", outcomeName(answer.outcome)},
            {"blockedBy", answer.blockedBy},    {"reason", answer.reason},
            {"steps", stepsJson(answer.steps)}, {"back", stepsJson(answer.back)}};
  if (const auto& handover = answer.handover) {
    json["handover"] = {
        {"nextHop", handover->nextHop.text()},
        {"label", handover->label.value()},
        {"source", handover->source.text()},
        {"destination", handover->destination.text()},
        {"identity", {{"asn", handover->identity.asn}, {"number", handover->identity.number}}}};
  }
  return json;
}

Result<Answer> parseAnswer(const Json& json) {
  try {
    Answer answer;
    answer.outcome = parseOutcome(json.at("outcome").get<std::string>());
    answer.blockedBy = json.value("blockedBy", "");
    answer.reason = json.value("reason", "");
    answer.steps = parseSteps(json.value("steps", Json::array()));
    answer.back = parseSteps(json.value("back", Json::array()));
    if (!json.contains("handover")) return answer;
    const auto& from = json.at("handover");
    const auto address = [&](const char* field) {
      return net::IpAddress::parse(from.at(field).get<std::string>());
    };
    const auto nextHop = address("nextHop"), source = address("source"),
               destination = address("destination");
    const auto label = net::Label::make(from.at("label").get<std::uint32_t>());
    if (!nextHop || !source || !destination || !label)
      return invalid("a bad address or label", "handover");
    const auto& identity = from.at("identity");
    answer.handover = Answer::Handover{
        *nextHop,
        *label,
        *source,
        *destination,
        {identity.at("asn").get<std::uint16_t>(), identity.at("number").get<std::uint32_t>()}};
    return answer;
  } catch (const Json::exception& error) {
    return invalid(std::string("not a trace answer: ") + error.what());
  }
}

}  // namespace hawser::trace
