#include "views/views.h"

#include <fmt/core.h>

#include <algorithm>

#include "views/columns.h"

namespace hawser::cli {

using model::Json;

namespace {

std::size_t limitOf(bool wide) { return wide ? kNoLimit : kPageWidth; }

std::uint64_t numberAt(const Json& json, std::string_view path) {
  const auto& value = at(json, path);
  return value.is_number_unsigned() || value.is_number_integer() ? value.get<std::uint64_t>() : 0;
}

// Host of this site, or who announced it.
std::string whereText(const Json& path) {
  const auto host = textAt(path, "host");
  return host.empty() ? textAt(path, "origin") : host;
}

}  // namespace

std::string durationText(std::uint64_t seconds) {
  constexpr std::uint64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  if (seconds < kMinute) return fmt::format("{}s", seconds);
  if (seconds < kHour) return fmt::format("{}m{:02}s", seconds / kMinute, seconds % kMinute);
  if (seconds < kDay) return fmt::format("{}h{:02}m", seconds / kHour, seconds % kHour / kMinute);
  return fmt::format("{}d{:02}h", seconds / kDay, seconds % kDay / kHour);
}

std::string routesText(const Json& answer, const std::string& network, bool wide) {
  const auto& routes = at(answer, "routes");
  if (!routes.is_array() || routes.empty()) return fmt::format("no routes in {}\n", network);
  Table table{{"PREFIX", "NEXT HOP", "HOST OR SITE", "LABEL", "ENCAPSULATION", "IMPORTED BY"}, {}};
  if (wide) table.titles.insert(table.titles.end(), {"RD", "AS PATH", "IDENTITY", "ORIGIN"});
  table.titles.emplace_back("STATE");
  for (const auto& route : routes) {
    bool first = true;
    for (const auto& path : at(route, "paths")) {
      std::vector<std::string> row{first ? textAt(route, "prefix") : " ",
                                   textAt(path, "nextHop"),
                                   whereText(path),
                                   textAt(path, "label"),
                                   textAt(path, "encapsulation"),
                                   textAt(path, "routeTarget")};
      if (wide)
        for (const auto* more : {"rd", "asPath", "identity", "origin"})
          row.push_back(textAt(path, more));
      row.emplace_back(at(path, "stale") == Json(true) ? "stale" : "fresh");
      table.rows.push_back(std::move(row));
      first = false;
    }
  }
  return render(table, limitOf(wide));
}

std::string peersText(const Json& answer, bool wide) {
  const auto& peers = answer.is_array() ? answer : at(answer, "peers");
  if (!peers.is_array() || peers.empty()) return "no BGP peers\n";
  Table table{{"NAME", "ROLE", "ADDRESS", "ASN", "STATE", "SINCE", "IN", "OUT", "DROPPED"}, {}};
  if (wide)
    table.titles.insert(table.titles.end(), {"ROUTER ID", "FAMILIES", "FLAPS", "RT IN", "RT OUT"});
  table.titles.emplace_back("LAST ERROR");
  for (const auto& peer : peers) {
    // Not droppedLoop: a router that tells us our own routes again is a healthy one.
    const auto dropped =
        numberAt(peer, "routes.droppedTarget") + numberAt(peer, "routes.droppedPrefix") +
        numberAt(peer, "routes.droppedNextHop") + numberAt(peer, "routes.droppedFirstAs");
    auto state = textAt(peer, "state");
    if (at(peer, "stale") == Json(true)) state += " (stale)";
    std::vector<std::string> row{textAt(peer, "name"),
                                 textAt(peer, "role"),
                                 textAt(peer, "address"),
                                 textAt(peer, "asn"),
                                 state,
                                 durationText(numberAt(peer, "since")),
                                 textAt(peer, "routes.accepted"),
                                 textAt(peer, "routes.advertised"),
                                 std::to_string(dropped)};
    if (wide)
      for (const auto* more :
           {"routerId", "families", "flaps", "routes.membershipsIn", "routes.membershipsOut"})
        row.push_back(textAt(peer, more));
    row.push_back(textAt(peer, "lastError"));
    table.rows.push_back(std::move(row));
  }
  return render(table, limitOf(wide));
}

std::string peerDetails(const Json& peer, std::size_t indentation) {
  auto state = textAt(peer, "state");
  if (at(peer, "stale") == Json(true)) state += ", its routes are kept as stale";
  Pairs pairs{{"State", fmt::format("{} for {}", state, durationText(numberAt(peer, "since")))}};
  for (const auto& [name, path] : {std::pair{"Router id", "routerId"},
                                   {"Families", "families"},
                                   {"Left Established", "flaps"}})
    if (const auto text = textAt(peer, path); !text.empty()) pairs.emplace_back(name, text);
  pairs.emplace_back("Messages", fmt::format("{} in, {} out", numberAt(peer, "messagesIn"),
                                             numberAt(peer, "messagesOut")));
  pairs.emplace_back("Updates", fmt::format("{} in, {} out", numberAt(peer, "updatesIn"),
                                            numberAt(peer, "updatesOut")));
  const auto limit = numberAt(peer, "maxRoutes");
  pairs.emplace_back("Routes", fmt::format("{} held of theirs{}, {} announced to them",
                                           numberAt(peer, "routes.accepted"),
                                           limit > 0 ? fmt::format(" ({} allowed)", limit) : "",
                                           numberAt(peer, "routes.advertised")));
  pairs.emplace_back("Route targets", fmt::format("{} that they want, {} that we want of them",
                                                  numberAt(peer, "routes.membershipsIn"),
                                                  numberAt(peer, "routes.membershipsOut")));
  pairs.emplace_back(
      "Dropped",
      fmt::format("{} by route target, {} by prefix, {} by next hop, {} by first AS",
                  numberAt(peer, "routes.droppedTarget"), numberAt(peer, "routes.droppedPrefix"),
                  numberAt(peer, "routes.droppedNextHop"),
                  numberAt(peer, "routes.droppedFirstAs")));
  if (const auto back = numberAt(peer, "routes.droppedLoop"); back > 0)
    pairs.emplace_back("Came back", fmt::format("{} that have been here already", back));
  if (const auto identities = numberAt(peer, "routes.droppedIdentity"); identities > 0)
    pairs.emplace_back("Identities", fmt::format("{} removed: not of the peer's AS", identities));
  const auto error = textAt(peer, "lastError");
  pairs.emplace_back("Last error", error.empty() ? "none" : error);
  return renderPairs(pairs, indentation);
}

std::string bgpRoutesText(const Json& answer, bool wide) {
  const auto& routes = answer.is_array() ? answer : at(answer, "routes");
  if (!routes.is_array() || routes.empty()) return "no BGP routes\n";
  Table table{{" ", "ROUTE", "NEXT HOP", "LABEL", "PEER", "ROUTE TARGETS"}, {}};
  if (wide)
    table.titles.insert(table.titles.end(),
                        {"ENCAPSULATION", "AS PATH", "LOCAL PREF", "MED", "IDENTITY"});
  table.titles.emplace_back("DECIDED BY");
  for (const auto& route : routes) {
    const bool best = at(route, "best") == Json(true);
    std::vector<std::string> row{best ? ">" : " ",         textAt(route, "route"),
                                 textAt(route, "nextHop"), textAt(route, "label"),
                                 textAt(route, "peer"),    textAt(route, "routeTargets")};
    if (wide)
      for (const auto* more : {"encapsulation", "asPath", "localPref", "med", "identity"})
        row.push_back(textAt(route, more));
    row.push_back(textAt(route, "rule") + (at(route, "stale") == Json(true) ? ", stale" : ""));
    table.rows.push_back(std::move(row));
  }
  return render(table, limitOf(wide));
}

namespace {

std::string stepsText(const Json& steps) {
  std::string out;
  std::size_t width = 0;
  for (const auto& step : steps) width = std::max(width, displayWidth(textAt(step, "where")));
  std::size_t number = 0;
  for (const auto& step : steps) {
    const auto where = textAt(step, "where");
    out += fmt::format("  {:>2}  {}", ++number, where);
    out.append(width - displayWidth(where) + 2, ' ');
    const auto column = width + 8;
    const auto lines =
        wrapped(textAt(step, "what"), kPageWidth > column ? kPageWidth - column : kPageWidth);
    for (std::size_t i = 0; i < lines.size(); ++i)
      out += (i == 0 ? "" : std::string(column, ' ')) + lines[i] + "\n";
  }
  return out;
}

}  // namespace

std::string traceText(const Json& answer, const std::string& from, const std::string& to,
                      const std::string& what) {
  const auto outcome = textAt(answer, "outcome");
  const auto reason = textAt(answer, "reason");
  auto out = fmt::format("{} → {} {}: {}\n", from, to, what,
                         outcome == "reaches"   ? "reaches"
                         : outcome == "blocked" ? "BLOCKED"
                                                : "not known");
  const auto why =
      outcome == "blocked" ? fmt::format("by {}: {}", textAt(answer, "blockedBy"), reason) : reason;
  if (!why.empty())
    for (const auto& line : wrapped(why, kPageWidth)) out += line + "\n";
  if (const auto& steps = at(answer, "steps"); !steps.empty()) out += "there\n" + stepsText(steps);
  if (const auto& back = at(answer, "back"); !back.empty()) out += "and back\n" + stepsText(back);
  return out;
}

std::string statusText(const Json& status, const Json& whoami, const std::string& context,
                       const std::string& server) {
  auto who = fmt::format("{} ({})", textAt(whoami, "name"), textAt(whoami, "role"));
  if (const auto of = textAt(whoami, "project"); !of.empty()) who += ", project " + of;
  Pairs pairs{{"Context", context.empty() ? "none (--server)" : context},
              {"Server", server},
              {"You are", who}};
  if (status.is_object()) {
    pairs.emplace_back("Site",
                       fmt::format("{}, AS {}", textAt(status, "site"), textAt(status, "asn")));
    pairs.emplace_back("Version", textAt(status, "version"));
    pairs.emplace_back("Hosts",
                       fmt::format("{} of {} connected", numberAt(status, "hosts.connected"),
                                   numberAt(status, "hosts.total")));
    pairs.emplace_back("Peers",
                       fmt::format("{} of {} established", numberAt(status, "peers.established"),
                                   numberAt(status, "peers.total")));
    pairs.emplace_back("BGP", at(status, "bgpSynchronised") == Json(true)
                                  ? "has heard all of its peers"
                                  : "waits for its peers");
    std::string objects;
    for (const auto& [plural, count] : at(status, "objects").items())
      objects += (objects.empty() ? "" : ", ") + plural + " " + scalar(count);
    pairs.emplace_back("Objects", objects);
  }
  auto out = renderPairs(pairs);
  const auto& warnings = at(status, "warnings");
  if (warnings.is_array() && !warnings.empty()) {
    out += "Warnings:\n";
    for (const auto& warning : warnings) out += "  " + scalar(warning) + "\n";
  }
  return out;
}

}  // namespace hawser::cli
