// describe, routes, bgp, trace, status, datapath: what a site, or this host's agent, tells.
#include <fmt/core.h>

#include "commands.h"
#include "hawser/model/specs.h"
#include "input.h"
#include "views/columns.h"
#include "views/related.h"
#include "views/views.h"

namespace hawser::cli {

using model::Json;
using model::Kind;

Result<int> describe(Session& session, const OneOptions& options) {
  const auto key = parseTarget(options.kind, options.name, session.project());
  if (!key) return std::unexpected(key.error());
  if (key->name.empty())
    return invalid(fmt::format("which? Give a name after \"{}\"", options.kind), "NAME");
  const auto object = session.call("GET", pathOf(*key));
  if (!object) return std::unexpected(object.error());
  Surroundings around;
  for (const auto kind : relatedKinds(key->kind)) {
    const auto list = session.list(kind, {});
    if (list)
      around.lists[kind] = list->at("items");
    else if (list.error().code != ErrorCode::kForbidden)
      return std::unexpected(list.error());
  }
  if (needsPeers(key->kind)) {
    const auto peers = session.call("GET", "/api/v1/bgp/peers");
    if (peers)
      around.peers = *peers;
    else if (peers.error().code != ErrorCode::kForbidden)
      return std::unexpected(peers.error());
  }
  if (session.forPrograms()) {
    Json related = Json::object();
    for (const auto& [kind, items] : around.lists)
      related[std::string(model::info(kind).plural)] = items;
    session.print({{"object", *object}, {"around", related}, {"bgp", around.peers}});
  } else {
    session.out() << describeText(key->kind, *object, around);
  }
  return kGood;
}

Result<int> routes(Session& session, const std::string& network) {
  std::vector<model::Ref> networks;
  if (!network.empty()) {
    networks.push_back(model::Ref::parse(network, session.project()));
  } else {
    const auto list = session.list(Kind::kNetwork, session.project());
    if (!list) return std::unexpected(list.error());
    if (list->at("items").empty())
      if (const auto known = session.projectExists(session.project()); !known)
        return std::unexpected(known.error());
    for (const auto& item : list->at("items"))
      networks.push_back({session.project(), textAt(item, "metadata.name")});
  }
  Json answers = Json::array();
  for (const auto& one : networks) {
    auto answer = session.call("GET", pathOf({Kind::kNetwork, one.project, one.name}) + "/routes");
    if (!answer) return std::unexpected(answer.error());
    answers.push_back(std::move(*answer));
  }
  if (session.forPrograms()) {
    session.print(network.empty() ? Json{{"networks", std::move(answers)}} : answers.at(0));
    return kGood;
  }
  if (networks.empty()) session.out() << nothing(Kind::kNetwork, session.project()) << "\n";
  for (std::size_t i = 0; i < networks.size(); ++i) {
    if (network.empty()) session.out() << (i == 0 ? "" : "\n") << networks[i].text() << "\n";
    session.out() << routesText(answers[i], "network " + networks[i].text(),
                                session.output() == Output::kWide);
  }
  return kGood;
}

Result<int> bgpPeers(Session& session) {
  const auto answer = session.call("GET", "/api/v1/bgp/peers");
  if (!answer) return std::unexpected(answer.error());
  if (session.forPrograms())
    session.print(*answer);
  else
    session.out() << peersText(*answer, session.output() == Output::kWide);
  return kGood;
}

Result<int> bgpRoutes(Session& session, const BgpRoutesOptions& options) {
  std::string path = "/api/v1/bgp/routes";
  char separator = '?';
  for (const auto& [name, value] : {std::pair{"family", options.family},
                                    {"prefix", options.prefix},
                                    {"rt", options.routeTarget}}) {
    if (value.empty()) continue;
    path += fmt::format("{}{}={}", separator, name, urlEncode(value));
    separator = '&';
  }
  const auto answer = session.call("GET", path);
  if (!answer) return std::unexpected(answer.error());
  if (session.forPrograms())
    session.print(*answer);
  else
    session.out() << bgpRoutesText(*answer, session.output() == Output::kWide);
  return kGood;
}

namespace {

// What is wrong with a text that is meant as an address; "" with names and good addresses.
std::string wrongAddress(const std::string& text) {
  if (text.find('.') == std::string::npos ||
      text.find_first_not_of("0123456789./") != std::string::npos)
    return {};
  if (net::IpPrefix::parse(text) && text.find('/') != std::string::npos)
    return fmt::format("\"{}\" is a prefix; give one address of it", text);
  const auto address = net::IpAddress::parse(text);
  return address ? std::string() : address.error().message;
}

}  // namespace

Result<int> trace(Session& session, const TraceOptions& options) {
  const auto protocol = model::parseProtocol(options.protocol);
  if (!protocol)
    return invalid(fmt::format("\"{}\" is not any, icmp, tcp, udp or sctp", options.protocol),
                   "--protocol");
  const bool withPorts = *protocol != model::Protocol::kAny && *protocol != model::Protocol::kIcmp;
  if (withPorts && options.port == 0)
    return invalid(fmt::format("is required for {}", options.protocol), "--port");
  for (const auto& [place, text] : {std::pair{"FROM", &options.from}, {"TO", &options.to}})
    if (const auto wrong = wrongAddress(*text); !wrong.empty()) return invalid(wrong, place);
  // A bare name is a port of the project.
  const auto end = [&](const std::string& text) {
    const bool bare = text.find('/') == std::string::npos && !net::IpAddress::parse(text);
    return bare ? session.project() + "/" + text : text;
  };
  const auto from = end(options.from), to = end(options.to);
  const auto answer = session.call(
      "POST", "/api/v1/trace",
      Json{{"from", from}, {"to", to}, {"protocol", options.protocol}, {"port", options.port}});
  if (!answer) return std::unexpected(answer.error());
  const auto what =
      withPorts ? fmt::format("{}/{}", options.protocol, options.port) : options.protocol;
  if (session.forPrograms())
    session.print(*answer);
  else
    session.out() << traceText(*answer, from, to, what);
  const auto outcome = textAt(*answer, "outcome");
  return outcome == "reaches" ? kGood : outcome == "blocked" ? kBlocked : kBad;
}

Result<int> status(Session& session) {
  const auto whoami = session.call("GET", "/api/v1/whoami");
  if (!whoami) return std::unexpected(whoami.error());
  const auto answer = session.call("GET", "/api/v1/status");
  if (!answer && answer.error().code != ErrorCode::kForbidden)
    return std::unexpected(answer.error());
  const auto shown = answer ? *answer : Json();
  const auto config = session.clientConfig();
  const auto server = config ? config->url : std::string();
  if (session.forPrograms())
    session.print({{"context", session.contextName()},
                   {"server", server},
                   {"whoami", *whoami},
                   {"status", shown}});
  else
    session.out() << statusText(shown, *whoami, session.contextName(), server);
  return kGood;
}

Result<int> datapath(Session& session, const DatapathOptions& options) {
  const auto& ask = session.environment().agent;
  if (!ask) return fail(ErrorCode::kUnavailable, "this build cannot talk to an agent");
  Json request{{"op", options.op}};
  if (!options.vrf.empty()) request["vrf"] = options.vrf;
  if (!options.port.empty()) request["port"] = options.port;
  if (options.op == "connections") request["limit"] = options.limit;
  const auto answer = ask(options.socket, request);
  if (!answer) {
    auto error = answer.error();
    if (error.code == ErrorCode::kUnavailable)
      error.message +=
          "; is the agent of this host running? --socket or HAWSER_AGENT_SOCKET says where it "
          "listens, and a lab's hosts are entered by `hawser lab exec LAB HOST -- hawser datapath "
          "…`";
    return std::unexpected(std::move(error));
  }
  if (session.forPrograms())
    session.print(*answer);
  else
    session.out() << datapathText(options.op, *answer, session.output() == Output::kWide);
  return kGood;
}

}  // namespace hawser::cli
