#include "views/related.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <functional>

#include "hawser/model/specs.h"
#include "views/columns.h"
#include "views/views.h"

namespace hawser::cli {

using model::Json;
using model::Kind;

namespace {

// One description being written: the object, its name, what is around.
class Description {
 public:
  Description(const Json& object, const Surroundings& around)
      : object_(object),
        around_(around),
        project_(textAt(object, "metadata.project")),
        own_(full(textAt(object, "metadata.name"))) {}

  std::string text;

  // "project/name" of a reference made in the object's project.
  [[nodiscard]] std::string full(const std::string& name) const {
    return model::Ref::parse(name, project_).text();
  }
  [[nodiscard]] static std::string nameOf(const Json& object) {
    const auto project = textAt(object, "metadata.project");
    return project.empty() ? textAt(object, "metadata.name")
                           : project + "/" + textAt(object, "metadata.name");
  }
  [[nodiscard]] const Json& list(Kind kind) const {
    static const Json kNone = Json::array();
    const auto found = around_.lists.find(kind);
    return found == around_.lists.end() ? kNone : found->second;
  }
  [[nodiscard]] const Json* find(Kind kind, const std::string& name) const {
    for (const auto& object : list(kind))
      if (nameOf(object) == name) return &object;
    return nullptr;
  }

  // True when `reference`, made by `by`, names this object.
  [[nodiscard]] bool isOwn(const Json& by, const Json& reference) const {
    return reference.is_string() &&
           model::Ref::parse(reference.get<std::string>(), textAt(by, "metadata.project")).text() ==
               own_;
  }
  template <class Test>
  void section(const std::string& title, Kind kind, Test belongs) {
    auto items = Json::array();
    for (const auto& object : list(kind))
      if (belongs(object)) items.push_back(object);
    if (items.empty()) return;
    text += fmt::format("\n{}:\n", title);
    text += indented(render(objectTable(kind, items, {false, true}), kPageWidth - 2));
  }
  void sessionOf(const std::string& name) {
    if (around_.peers.is_null()) {
      text += "\nSession: not shown (the token may not see BGP)\n";
      return;
    }
    for (const auto& peer : at(around_.peers, "peers")) {
      if (textAt(peer, "name") != name) continue;
      text += "\nSession:\n" + peerDetails(peer, 2);
      return;
    }
    text += "\nSession: none\n";
  }

  [[nodiscard]] static std::string indented(const std::string& lines) {
    std::string out = "  ";
    for (std::size_t i = 0; i < lines.size(); ++i) {
      out += lines[i];
      if (lines[i] == '\n' && i + 1 < lines.size()) out += "  ";
    }
    return out;
  }
  [[nodiscard]] const Json& object() const { return object_; }
  [[nodiscard]] std::string spec(std::string_view path) const {
    return textAt(object_, "spec." + std::string(path));
  }

 private:
  const Json& object_;
  const Surroundings& around_;
  std::string project_, own_;
};

bool anyOf(const Json& list, const std::function<bool(const Json&)>& test) {
  return list.is_array() && std::any_of(list.begin(), list.end(), test);
}

bool policyNames(const Json& policy, const std::function<bool(const Json&)>& isNetwork) {
  return anyOf(at(policy, "spec.rules"), [&](const Json& rule) {
    return isNetwork(at(rule, "from.network")) || isNetwork(at(rule, "to.network"));
  });
}

void networkSection(Description& d, const std::string& network) {
  d.section("Network", Kind::kNetwork,
            [&](const Json& o) { return Description::nameOf(o) == network; });
}

// A port's rules come from its groups and from the policies of its network.
void describePort(Description& d) {
  const auto network = d.full(d.spec("network"));
  networkSection(d, network);
  d.section("Host", Kind::kHost,
            [&](const Json& o) { return textAt(o, "metadata.name") == d.spec("host"); });
  d.section("Floating IPs", Kind::kFloatingIp,
            [&](const Json& o) { return d.isOwn(o, at(o, "spec.port")); });
  d.section("Backend of services", Kind::kService, [&](const Json& o) {
    return anyOf(at(o, "spec.backends"),
                 [&](const Json& backend) { return d.isOwn(o, at(backend, "port")); });
  });
  d.section("Rules by security groups", Kind::kSecurityGroup, [&](const Json& o) {
    return anyOf(at(d.object(), "spec.securityGroups"), [&](const Json& group) {
      return d.full(scalar(group)) == Description::nameOf(o);
    });
  });
  d.section("Rules by policies of its network", Kind::kPolicy, [&](const Json& o) {
    return policyNames(o, [&](const Json& name) {
      return name.is_string() &&
             model::Ref::parse(name.get<std::string>(), textAt(o, "metadata.project")).text() ==
                 network;
    });
  });
}

void describeNetwork(Description& d) {
  const auto inIt = [&](const Json& o) { return d.isOwn(o, at(o, "spec.network")); };
  d.section("Ports", Kind::kPort, inIt);
  d.section("Services", Kind::kService, inIt);
  d.section("Floating IPs", Kind::kFloatingIp, inIt);
  d.section("Links", Kind::kLink, inIt);
  d.section("Routers", Kind::kRouter, [&](const Json& o) {
    return anyOf(at(o, "spec.networks"), [&](const Json& name) { return d.isOwn(o, name); });
  });
  d.section("Policies", Kind::kPolicy, [&](const Json& o) {
    return policyNames(o, [&](const Json& name) { return d.isOwn(o, name); });
  });
}

void describeService(Description& d) {
  networkSection(d, d.full(d.spec("network")));
  Table table{{"BACKEND", "READY", "WEIGHT", "ADDRESSES", "HOST", "PHASE"}, {}};
  for (const auto& backend : at(d.object(), "spec.backends")) {
    const auto name = d.full(textAt(backend, "port"));
    const auto* port = d.find(Kind::kPort, name);
    static const Json kNone;
    const auto& known = port != nullptr ? *port : kNone;
    table.rows.push_back({name, textAt(backend, "ready"), textAt(backend, "weight"),
                          textAt(known, "status.addresses"), textAt(known, "spec.host"),
                          port != nullptr ? textAt(known, "status.phase") : "no such port"});
  }
  d.text += "\nBackends:";
  d.text +=
      table.rows.empty() ? " none\n" : "\n" + Description::indented(render(table, kPageWidth - 2));
}

void describeKind(Kind kind, Description& d) {
  const auto name = textAt(d.object(), "metadata.name");
  switch (kind) {
    case Kind::kPort:
      return describePort(d);
    case Kind::kNetwork:
      return describeNetwork(d);
    case Kind::kService:
      return describeService(d);
    case Kind::kPeer:
      d.section("Links", Kind::kLink,
                [&](const Json& o) { return textAt(o, "spec.peer") == name; });
      return d.sessionOf(name);
    case Kind::kHost:
      d.section("Ports", Kind::kPort,
                [&](const Json& o) { return textAt(o, "spec.host") == name; });
      return d.sessionOf("host:" + name);  // as the controller names it
    case Kind::kLink:
      networkSection(d, d.full(d.spec("network")));
      return d.sessionOf(d.spec("peer"));
    case Kind::kFloatingIp:
      networkSection(d, d.full(d.spec("network")));
      return d.section("Port", Kind::kPort, [&](const Json& o) {
        return Description::nameOf(o) == d.full(d.spec("port"));
      });
    case Kind::kSecurityGroup:
      return d.section("Ports", Kind::kPort, [&](const Json& o) {
        return anyOf(at(o, "spec.securityGroups"),
                     [&](const Json& group) { return d.isOwn(o, group); });
      });
    case Kind::kAddressPool:
      return d.section("Networks", Kind::kNetwork,
                       [&](const Json& o) { return textAt(o, "spec.addressPool") == name; });
    case Kind::kProject:
      return d.section("Networks", Kind::kNetwork,
                       [&](const Json& o) { return textAt(o, "metadata.project") == name; });
    default:
      return;
  }
}

std::string metadataText(Kind kind, const Json& object) {
  Pairs pairs{{"Name", textAt(object, "metadata.name")}};
  const auto add = [&](const char* title, const std::string& value) {
    if (!value.empty()) pairs.emplace_back(title, value);
  };
  add("Project", textAt(object, "metadata.project"));
  pairs.emplace_back("Kind", std::string(model::info(kind).name));
  add("Labels", labelText(at(object, "metadata.labels")));
  add("Annotations", labelText(at(object, "metadata.annotations")));
  add("Owner", textAt(object, "metadata.owner"));
  add("Created", textAt(object, "metadata.created"));
  add("Version", textAt(object, "metadata.resourceVersion"));
  return renderPairs(pairs);
}

std::string part(const char* title, const Json& json) {
  if (!json.is_object() || json.empty()) return {};
  return fmt::format("\n{}:\n{}", title, Description::indented(model::toYaml(json)));
}

// The number of an offer is the time of the agreement, in ms.
Json readable(Kind kind, Json status) {
  if (kind != Kind::kLink) return status;
  for (const auto* name : {"offer", "theirOffer"}) {
    const auto& number = at(status, name);
    if (!number.is_number_unsigned() || number == 0) continue;
    const auto time = static_cast<std::time_t>(number.get<std::uint64_t>() / 1000);
    std::tm utc{};
    std::array<char, 32> text{};
    if (::gmtime_r(&time, &utc) != nullptr &&
        std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
      status[name] = text.data();
  }
  return status;
}

}  // namespace

std::vector<Kind> relatedKinds(Kind kind) {
  switch (kind) {
    case Kind::kPort:
      return {Kind::kNetwork, Kind::kHost,   Kind::kFloatingIp,
              Kind::kService, Kind::kPolicy, Kind::kSecurityGroup};
    case Kind::kNetwork:
      return {Kind::kPort, Kind::kService, Kind::kFloatingIp,
              Kind::kLink, Kind::kRouter,  Kind::kPolicy};
    case Kind::kService:
    case Kind::kFloatingIp:
      return {Kind::kNetwork, Kind::kPort};
    case Kind::kPeer:
      return {Kind::kLink};
    case Kind::kHost:
    case Kind::kSecurityGroup:
      return {Kind::kPort};
    case Kind::kLink:
    case Kind::kAddressPool:
    case Kind::kProject:
      return {Kind::kNetwork};
    default:
      return {};
  }
}

bool needsPeers(Kind kind) {
  return kind == Kind::kPeer || kind == Kind::kHost || kind == Kind::kLink;
}

std::string describeText(Kind kind, const Json& object, const Surroundings& around) {
  Description description(object, around);
  description.text = metadataText(kind, object) + part("Spec", at(object, "spec")) +
                     part("Status", readable(kind, at(object, "status")));
  describeKind(kind, description);
  return description.text;
}

}  // namespace hawser::cli
