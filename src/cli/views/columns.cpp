#include "views/columns.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace hawser::cli {

using model::Json;
using model::Kind;

const Json& at(const Json& json, std::string_view path) {
  static const Json kNull;
  const Json* here = &json;
  while (!path.empty()) {
    const auto dot = std::min(path.find('.'), path.size());
    const auto found = here->is_object() ? here->find(std::string(path.substr(0, dot)))
                                         : Json::const_iterator(here->end());
    if (!here->is_object() || found == here->end()) return kNull;
    here = &*found;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return *here;
}

std::string scalar(const Json& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_array()) return joined(value);
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string textAt(const Json& json, std::string_view path) { return scalar(at(json, path)); }

std::string joinedFields(const Json& list, std::string_view field, std::size_t most) {
  if (!list.is_array()) return {};
  std::string out;
  std::size_t count = 0;
  for (const auto& item : list) {
    if (count == most) return out + fmt::format(", +{}", list.size() - most);
    out += (count++ == 0 ? "" : ", ") + scalar(field.empty() ? item : at(item, field));
  }
  return out;
}

std::string joined(const Json& list, std::size_t most) { return joinedFields(list, {}, most); }

std::string labelText(const Json& labels) {
  std::string out;
  if (!labels.is_object()) return out;
  for (const auto& [key, value] : labels.items())
    out += (out.empty() ? "" : ",") + key + "=" + scalar(value);
  return out;
}

namespace {

std::size_t countOf(const Json& list) { return list.is_array() ? list.size() : 0; }
std::string countText(const Json& list) { return std::to_string(countOf(list)); }

template <std::size_t N>
struct Path {
  char text[N]{};
  constexpr Path(const char (&from)[N]) { std::copy_n(from, N, text); }  // NOLINT: a literal
};
// A cell that is the value at a path.
template <Path kPath>
std::string field(const Json& object) {
  return textAt(object, std::string_view(kPath.text));
}

std::string subnets(const Json& o) { return joinedFields(at(o, "spec.subnets"), "prefix"); }
std::string routeTargets(const Json& o) {
  auto out = textAt(o, "status.autoRouteTarget");
  for (const auto& [list, mark] : {std::pair{"both", ""}, {"import", "←"}, {"export", "→"}})
    for (const auto& target : at(o, std::string("spec.routeTargets.") + list))
      out += (out.empty() ? "" : ", ") + std::string(mark) + scalar(target);
  return out;
}
std::string external(const Json& o) {
  return at(o, "spec.external") == Json(true) ? "external" : "tenant";
}
std::string addresses(const Json& o) {
  const auto& given = at(o, "status.addresses");
  return joined(countOf(given) > 0 ? given : at(o, "spec.addresses"));
}
std::string mac(const Json& o) {
  const auto known = textAt(o, "status.mac");
  return known.empty() ? textAt(o, "spec.mac") : known;
}
std::string phase(const Json& o) {
  const auto known = textAt(o, "status.phase");
  return known.empty() ? "pending" : known;
}
std::string workload(const Json& o) {
  const auto& of = at(o, "spec.workload");
  if (!of.is_object()) return {};
  const auto space = textAt(of, "namespace");
  return textAt(of, "kind") + " " + (space.empty() ? "" : space + "/") + textAt(of, "name");
}
std::string floatingAddress(const Json& o) {
  const auto known = textAt(o, "status.address");
  return known.empty() ? textAt(o, "spec.address") : known;
}
std::string servicePorts(const Json& o) {
  std::string out;
  for (const auto& port : at(o, "spec.ports")) {
    const auto target = textAt(port, "targetPort");
    out += (out.empty() ? "" : ", ") + textAt(port, "port") +
           (target.empty() || target == textAt(port, "port") ? "" : "→" + target) + "/" +
           textAt(port, "protocol");
  }
  return out;
}
std::string readyBackends(const Json& o) {
  const auto& backends = at(o, "spec.backends");
  if (!backends.is_array()) return "0/0";
  const auto ready = std::count_if(backends.begin(), backends.end(), [](const Json& backend) {
    return at(backend, "ready") != Json(false);
  });
  return fmt::format("{}/{}", ready, backends.size());
}
std::string policyNetworks(const Json& o) {
  std::vector<std::string> names;
  for (const auto& rule : at(o, "spec.rules"))
    for (const auto* end : {"from.network", "to.network"}) {
      const auto name = textAt(rule, end);
      if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
    }
  return joined(Json(names));
}
std::string rules(const Json& o) { return countText(at(o, "spec.rules")); }
std::string connected(const Json& o) {
  const auto& is = at(o, "status.connected");
  return is.is_boolean() ? (is.get<bool>() ? "connected" : "away") : "never seen";
}
std::string agreed(const Json& o) { return at(o, "spec.accepted") == Json(true) ? "yes" : "no"; }
std::string tokenFor(const Json& o) {
  const auto host = textAt(o, "spec.host");
  return host.empty() ? textAt(o, "spec.project") : "host " + host;
}

constexpr std::array kSite{Column{"ASN", field<"spec.asn">},
                           Column{"ENCAPSULATIONS", field<"spec.encapsulations">},
                           Column{"UNDERLAY MTU", field<"spec.underlayMtu">}};
constexpr std::array kHost{Column{"ADDRESS", field<"spec.address">}, Column{"STATE", connected},
                           Column{"PORTS", field<"status.ports">},
                           Column{"VERSION", field<"status.agentVersion">, true}};
constexpr std::array kProject{Column{"DESCRIPTION", field<"spec.description">}};
constexpr std::array kNetwork{Column{"SUBNETS", subnets},
                              Column{"KIND", external},
                              Column{"ROUTE TARGETS", routeTargets},
                              Column{"ID", field<"status.id">, true},
                              Column{"POOL", field<"spec.addressPool">, true},
                              Column{"DESCRIPTION", field<"spec.description">, true}};
constexpr std::array kPort{Column{"NETWORK", field<"spec.network">},
                           Column{"ADDRESSES", addresses},
                           Column{"HOST", field<"spec.host">},
                           Column{"PHASE", phase},
                           Column{"WORKLOAD", workload},
                           Column{"MAC", mac, true},
                           Column{"GROUPS", field<"spec.securityGroups">, true}};
constexpr std::array kPool{Column{"PREFIXES", field<"spec.prefixes">}};
constexpr std::array kFloatingIp{Column{"ADDRESS", floatingAddress},
                                 Column{"NETWORK", field<"spec.network">},
                                 Column{"PORT", field<"spec.port">}};
constexpr std::array kService{Column{"NETWORK", field<"spec.network">},
                              Column{"ADDRESSES", addresses}, Column{"PORTS", servicePorts},
                              Column{"READY", readyBackends}};
constexpr std::array kRouter{Column{"NETWORKS", field<"spec.networks">}};
constexpr std::array kPolicy{Column{"NETWORKS", policyNetworks}, Column{"RULES", rules}};
constexpr std::array kGroup{Column{"RULES", rules}};
constexpr std::array kPeer{
    Column{"ROLE", field<"spec.role">},           Column{"SITE", field<"spec.site">},
    Column{"ADDRESS", field<"spec.address">},     Column{"ASN", field<"spec.asn">},
    Column{"FAMILIES", field<"spec.families">},   Column{"PORT", field<"spec.port">, true},
    Column{"HOLD", field<"spec.holdTime">, true}, Column{"API", field<"spec.api.url">, true}};
constexpr std::array kLink{Column{"PEER", field<"spec.peer">},
                           Column{"NETWORK", field<"spec.network">},
                           Column{"REMOTE NETWORK", field<"spec.remoteNetwork">},
                           Column{"PHASE", field<"status.phase">},
                           Column{"TARGET", field<"spec.routeTarget">, true},
                           Column{"ACCEPTED", agreed, true},
                           Column{"MESSAGE", field<"status.message">}};
constexpr std::array kQuota{Column{"NETWORKS", field<"spec.networks">},
                            Column{"PORTS", field<"spec.ports">},
                            Column{"SERVICES", field<"spec.services">}};
constexpr std::array kIdentity{
    Column{"NUMBER", field<"spec.number">},
    Column{"SEEN BY RULES", [](const Json& o) { return labelText(at(o, "spec.labels")); }}};
constexpr std::array kToken{Column{"ROLE", field<"spec.role">}, Column{"FOR", tokenFor},
                            Column{"EXPIRES", field<"spec.expires">}};

std::string project(const Json& o) { return textAt(o, "metadata.project"); }

}  // namespace

std::span<const Column> columnsOf(Kind kind) {
  static const std::array<std::span<const Column>, 16> kAll{
      kSite,   kHost,   kProject, kNetwork, kPort, kPool,  kFloatingIp, kService,
      kRouter, kPolicy, kGroup,   kPeer,    kLink, kQuota, kIdentity,   kToken};
  return kAll.at(static_cast<std::size_t>(kind));
}

std::vector<std::string> titlesOf(Kind kind, Look look) {
  std::vector<std::string> titles;
  if (look.withProject && model::info(kind).projectScoped) titles.emplace_back("PROJECT");
  titles.emplace_back("NAME");
  for (const auto& column : columnsOf(kind))
    if (look.wide || !column.wideOnly) titles.emplace_back(column.title);
  if (look.wide) {
    titles.emplace_back("OWNER");
    titles.emplace_back("LABELS");
  }
  return titles;
}

std::vector<std::string> rowOf(Kind kind, const Json& object, Look look) {
  std::vector<std::string> row;
  if (look.withProject && model::info(kind).projectScoped) row.push_back(project(object));
  row.push_back(textAt(object, "metadata.name"));
  for (const auto& column : columnsOf(kind))
    if (look.wide || !column.wideOnly) row.push_back(column.cell(object));
  if (look.wide) {
    row.push_back(textAt(object, "metadata.owner"));
    row.push_back(labelText(at(object, "metadata.labels")));
  }
  return row;
}

Table objectTable(Kind kind, const Json& items, Look look) {
  Table table{titlesOf(kind, look), {}};
  std::vector<const Json*> sorted;
  for (const auto& item : items) sorted.push_back(&item);
  std::sort(sorted.begin(), sorted.end(), [](const Json* a, const Json* b) {
    return std::pair(project(*a), textAt(*a, "metadata.name")) <
           std::pair(project(*b), textAt(*b, "metadata.name"));
  });
  for (const auto* item : sorted) table.rows.push_back(rowOf(kind, *item, look));
  return table;
}

std::string nothing(Kind kind, const std::string& inProject) {
  const auto& info = model::info(kind);
  if (!info.projectScoped) return fmt::format("no {}", info.plural);
  return inProject.empty() ? fmt::format("no {} in any project", info.plural)
                           : fmt::format("no {} in project {}", info.plural, inProject);
}

}  // namespace hawser::cli
