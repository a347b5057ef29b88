// The agent's answers (docs/modules/agent.md), one table for each operation.
#include <fmt/core.h>

#include <array>

#include "views/columns.h"
#include "views/views.h"

namespace hawser::cli {

using model::Json;

namespace {

struct Cell {
  std::string_view title, path;
  bool wideOnly = false;
};

std::string listText(const Json& list, std::span<const Cell> cells, std::string_view nothingText,
                     bool wide) {
  if (!list.is_array() || list.empty()) return std::string(nothingText) + "\n";
  Table table;
  for (const auto& cell : cells)
    if (wide || !cell.wideOnly) table.titles.emplace_back(cell.title);
  for (const auto& item : list) {
    auto& row = table.rows.emplace_back();
    for (const auto& cell : cells)
      if (wide || !cell.wideOnly) row.push_back(textAt(item, cell.path));
  }
  return render(table, wide ? kNoLimit : kPageWidth);
}

std::string nextHopText(const Json& hop) {
  const auto type = textAt(hop, "type");
  if (type == "port") return "port " + textAt(hop, "port");
  if (type != "tunnel") return type;
  return fmt::format("{} {} label {}", textAt(hop, "encapsulation"), textAt(hop, "remote"),
                     textAt(hop, "label"));
}

std::string protocolText(const Json& number) {
  if (number == 1) return "icmp";
  if (number == 6) return "tcp";
  if (number == 17) return "udp";
  if (number == 58) return "icmpv6";
  if (number == 132) return "sctp";
  return scalar(number);
}

std::string endText(const Json& json, const std::string& side) {
  const auto address = textAt(json, side);
  if (address.empty()) return {};
  const auto port = textAt(json, side + "Port");
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + (port.empty() ? "" : ":" + port);
}

std::string portsText(const Json& answer, bool wide) {
  static constexpr std::array kCells{Cell{"PORT", "name"},
                                     Cell{"PHASE", "phase"},
                                     Cell{"DEVICE", "device"},
                                     Cell{"ADDRESSES", "addresses"},
                                     Cell{"LABEL", "label"},
                                     Cell{"IN", "counters.packetsIn"},
                                     Cell{"OUT", "counters.packetsOut"},
                                     Cell{"MAC", "mac", true},
                                     Cell{"MTU", "mtu", true},
                                     Cell{"VRF", "vrf", true},
                                     Cell{"IDENTITY", "identity", true},
                                     Cell{"PROBLEM", "problem"}};
  auto out = listText(at(answer, "ports"), kCells, "no ports on this host", wide);
  for (const auto& device : at(answer, "unmatched"))
    out += fmt::format("device {} waits for a port ({})\n", textAt(device, "device"),
                       textAt(device, "containerId"));
  return out;
}

std::string vrfRoutesText(const Json& answer, bool wide) {
  std::string out;
  for (const auto& vrf : at(answer, "vrfs")) {
    Table table{{"PREFIX", "GOES TO", "WEIGHT", "IDENTITY", "IMPORTED BY", "STATE"}, {}};
    for (const auto& route : at(vrf, "routes")) {
      const auto& paths = at(route, "paths");
      std::size_t index = 0;
      for (const auto& member : at(route, "forwarding")) {
        const Json& path = paths.is_array() && index < paths.size() ? paths.at(index) : route;
        table.rows.push_back({index++ == 0 ? textAt(route, "prefix") : " ", nextHopText(member),
                              textAt(member, "weight"), textAt(path, "identity"),
                              textAt(path, "routeTarget"),
                              at(path, "stale") == Json(true) ? "stale" : "fresh"});
      }
      if (index == 0)
        table.rows.push_back({textAt(route, "prefix"), "not programmed", "", "", "", ""});
    }
    out += fmt::format("{}{} (VRF {})\n", out.empty() ? "" : "\n", textAt(vrf, "name"),
                       textAt(vrf, "id"));
    out += table.rows.empty() ? "no routes\n" : render(table, wide ? kNoLimit : kPageWidth);
  }
  return out.empty() ? "no VRFs on this host\n" : out;
}

std::string connectionsText(const Json& answer, bool wide) {
  const auto& list = at(answer, "connections");
  if (!list.is_array() || list.empty()) return "no connections\n";
  Table table{{"PORT", "PROTO", "DIR", "LOCAL", "REMOTE", "TRANSLATED", "STATE", "IN", "OUT"}, {}};
  if (wide) table.titles.insert(table.titles.end(), {"IDLE", "NEXT HOP", "RULE"});
  for (const auto& one : list) {
    std::vector<std::string> row{textAt(one, "port"),      protocolText(at(one, "protocol")),
                                 textAt(one, "direction"), endText(one, "local"),
                                 endText(one, "remote"),   endText(one, "translated"),
                                 textAt(one, "state"),     textAt(one, "packetsIn"),
                                 textAt(one, "packetsOut")};
    if (wide) {
      row.push_back(textAt(one, "idleSeconds") + "s");
      row.push_back(nextHopText(at(one, "nextHop")));
      row.push_back(textAt(one, "ruleSource"));
    }
    table.rows.push_back(std::move(row));
  }
  auto out = render(table, wide ? kNoLimit : kPageWidth);
  if (const auto& total = at(answer, "total"); total.is_number() && total > list.size())
    out += fmt::format("{} of {}; --limit shows more\n", list.size(), scalar(total));
  return out;
}

std::string dropsText(const Json& answer, bool wide) {
  Table counts{{"REASON", "PACKETS"}, {}};
  for (const auto& [reason, packets] : at(answer, "counts").items())
    if (packets != 0) counts.rows.push_back({reason, scalar(packets)});
  auto out = counts.rows.empty() ? std::string("nothing was dropped\n") : render(counts);
  const auto& recent = at(answer, "recent");
  if (!recent.is_array() || recent.empty()) return out;
  Table table{{"AGO", "REASON", "PORT", "PROTO", "FROM", "TO", "RULE"}, {}};
  for (const auto& drop : recent) {
    const auto& age = at(drop, "ageMs");
    table.rows.push_back({age.is_number() ? fmt::format("{:.1f}s", age.get<double>() / 1000) : "",
                          textAt(drop, "reason"), textAt(drop, "port"),
                          protocolText(at(drop, "protocol")), endText(drop, "source"),
                          endText(drop, "destination"), textAt(drop, "ruleSource")});
  }
  return out + "\n" + render(table, wide ? kNoLimit : kPageWidth);
}

std::string agentStatusText(const Json& answer) {
  auto controller = textAt(answer, "controller");
  controller += at(answer, "connected") == Json(true) ? ", connected" : ", away";
  if (const auto error = textAt(answer, "error"); !error.empty()) controller += ": " + error;
  Pairs pairs{{"Host", textAt(answer, "host")},
              {"Site", fmt::format("{}, AS {}", textAt(answer, "site"), textAt(answer, "asn"))},
              {"Version", textAt(answer, "version")},
              {"Underlay", textAt(answer, "underlay")},
              {"Controller", controller},
              {"Slice", at(answer, "fresh") == Json(true)
                            ? "revision " + textAt(answer, "revision")
                            : "kept from an earlier run, revision " + textAt(answer, "revision")},
              {"Ports", fmt::format("{} of {} up", textAt(answer, "ports.up"),
                                    textAt(answer, "ports.total"))},
              {"VRFs", textAt(answer, "vrfs")},
              {"BGP", at(answer, "bgp.synchronised") == Json(true) ? "has heard all of its peers"
                                                                   : "waits for its peers"}};
  static constexpr std::array kCells{Cell{"PEER", "name"},     Cell{"ADDRESS", "address"},
                                     Cell{"STATE", "state"},   Cell{"IN", "routesIn"},
                                     Cell{"OUT", "routesOut"}, Cell{"STALE", "stale"},
                                     Cell{"FLAPS", "flaps"},   Cell{"LAST ERROR", "lastError"}};
  return renderPairs(pairs) + listText(at(answer, "bgp.peers"), kCells, "no BGP peers", false);
}

}  // namespace

std::string datapathText(const std::string& op, const Json& answer, bool wide) {
  static constexpr std::array kVrfs{Cell{"ID", "id"}, Cell{"NAME", "name"},
                                    Cell{"ROUTES", "routes"}, Cell{"IMPORT", "import"},
                                    Cell{"EXPORT", "export"}};
  static constexpr std::array kRules{Cell{"PORT", "port"},  Cell{"DIRECTION", "direction"},
                                     Cell{"TIER", "tier"},  Cell{"ACTION", "action"},
                                     Cell{"HITS", "hits"},  Cell{"SOURCE", "source"},
                                     Cell{"ID", "id", true}};
  if (op == "status") return agentStatusText(answer);
  if (op == "ports") return portsText(answer, wide);
  if (op == "vrfs") return listText(at(answer, "vrfs"), kVrfs, "no VRFs on this host", wide);
  if (op == "routes" || op == "maps") return vrfRoutesText(answer, wide);
  if (op == "connections") return connectionsText(answer, wide);
  if (op == "rules") return listText(at(answer, "rules"), kRules, "no rules on this host", wide);
  if (op == "drops") return dropsText(answer, wide);
  return model::toYaml(answer);
}

}  // namespace hawser::cli
