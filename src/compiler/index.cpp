#include "index.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace hawser::compiler {

using model::Kind;
using model::Ref;

namespace {
constexpr std::size_t kMostNamed = 3;

// NOLINTNEXTLINE(bugprone-return-const-ref-from-parameter): never of a temporary
const std::string& projectOf(const std::string& project) { return project; }
const std::string& projectOf(const NetworkInfo* network) { return network->ref.project; }

Ref refOf(const model::Object& object) { return {object.metadata.project, object.metadata.name}; }

bool isEstablished(const model::Object& link) {
  return link.status.value("phase", "") == "established";
}

// The first of those that are not of the project; `count` is the number of these. The networks come
// by project, so that one's own are passed over at once.
std::string someOf(const std::vector<const NetworkInfo*>& networks, const std::string& project,
                   std::size_t count) {
  std::string text;
  std::size_t named = 0;
  const auto name = [&](auto at, auto end) {
    for (; at != end && named < kMostNamed; ++at, ++named)
      text += fmt::format("{}networks/{}", named == 0 ? "" : ", ", (*at)->ref.text());
  };
  const auto [first, last] =
      std::equal_range(networks.begin(), networks.end(), project,
                       [](const auto& a, const auto& b) { return projectOf(a) < projectOf(b); });
  name(networks.begin(), first);
  name(last, networks.end());
  if (count > named) text += fmt::format(" and {} more", count - named);
  return text;
}
}  // namespace

IdentityLabels identityLabels(const PortInfo& port) {
  IdentityLabels labels{{"project", port.spec.network.project},
                        {"network", port.spec.network.text()}};
  std::set<std::string> groups;
  for (const auto& group : port.spec.securityGroups) groups.insert(group.text());
  if (!groups.empty()) labels["securityGroups"] = fmt::format("{}", fmt::join(groups, ","));
  return labels;
}

Index::Index(const model::ObjectMap& objects, Compiled& out) {
  for (const auto& [key, object] : objects) {
    if (key.kind == Kind::kPort)
      ports[refOf(*object)] = {
          object, model::PortSpec::from(*object), model::PortStatus::from(*object), {}, {}, {}};
    else
      read(*object);
  }
  connect(out);
}

void Index::read(const model::Object& object) {
  const auto ref = refOf(object);
  const auto source = object.key().text();
  switch (object.kind) {
    case Kind::kSite:
      site = object.metadata.name;
      siteSpec = model::SiteSpec::from(object);
      break;
    case Kind::kHost:
      hosts[object.metadata.name] = model::HostSpec::from(object);
      break;
    case Kind::kNetwork:
      networks[ref] = {
          ref, model::NetworkSpec::from(object), model::NetworkStatus::from(object), {}, {}, {}, {},
          {}};
      break;
    case Kind::kFloatingIp:
      floatingIps_.emplace_back(source, model::FloatingIpSpec::from(object));
      break;
    case Kind::kService:
      services.push_back({source, model::ServiceSpec::from(object)});
      break;
    case Kind::kRouter:
      routers_.emplace_back(source, model::RouterSpec::from(object).networks);
      break;
    case Kind::kPolicy:
      policies.push_back({source, model::PolicySpec::from(object)});
      break;
    case Kind::kSecurityGroup:
      groups[ref] = model::SecurityGroupSpec::from(object);
      break;
    case Kind::kPeer:
      peers[object.metadata.name] = model::PeerSpec::from(object);
      break;
    case Kind::kLink:
      readLink(object);
      break;
    case Kind::kIdentity:
      readIdentity(object);
      break;
    case Kind::kPort:  // the constructor's
    case Kind::kProject:
    case Kind::kAddressPool:
    case Kind::kQuota:
    case Kind::kToken:
      break;
  }
}

namespace {

bool isRead(Kind kind) {
  return kind != Kind::kProject && kind != Kind::kAddressPool && kind != Kind::kQuota &&
         kind != Kind::kToken;
}

bool sameStatus(const model::Object& a, const model::Object& b) {
  switch (a.kind) {
    case Kind::kPort: {
      const auto one = model::PortStatus::from(a), other = model::PortStatus::from(b);
      return one.addresses == other.addresses && one.mac == other.mac;
    }
    case Kind::kNetwork: {
      const auto one = model::NetworkStatus::from(a), other = model::NetworkStatus::from(b);
      return one.id == other.id && one.autoTarget == other.autoTarget;
    }
    case Kind::kLink:
      return isEstablished(a) == isEstablished(b);
    default:
      return true;
  }
}

}  // namespace

// Beside read(), whose reading it tells: a status that is read there belongs here.
bool affects(const model::Object* before, const model::Object* now) {
  if (!isRead((now != nullptr ? now : before)->kind)) return false;
  if (before == nullptr || now == nullptr) return true;
  return before->spec != now->spec || before->metadata.uid != now->metadata.uid ||
         !sameStatus(*before, *now);
}

void Index::readLink(const model::Object& object) {
  const auto spec = model::LinkSpec::from(object);
  // Both sides have agreed: ours by `accepted`, theirs by what the exchange between the sites
  // found.
  if (spec.accepted && isEstablished(object) && spec.routeTarget != net::RouteTarget())
    linksByPeer[spec.peer].push_back({refOf(object), spec});
}

void Index::readIdentity(const model::Object& object) {
  const auto spec = model::IdentitySpec::from(object);
  numbers_[spec.labels] = {object.metadata.name, spec.number};
}

NetworkInfo* Index::network(const Ref& ref) {
  const auto found = networks.find(ref);
  return found == networks.end() ? nullptr : &found->second;
}

void Index::join(const Ref& a, const Ref& b) {
  auto *first = network(a), *second = network(b);
  if (first == nullptr || second == nullptr || first == second) return;
  first->joined.insert(b);
  second->joined.insert(a);
}

// Between projects a typed target may be meant, or a slip of one digit. One warning a network and
// target, however many share it.
void Index::tellSharedTargets(Compiled& out) const {
  struct Exporters {
    std::vector<const NetworkInfo*> all;
    std::map<std::string, std::size_t> byProject;
  };
  std::map<net::RouteTarget, Exporters> exporters;
  const auto add = [&](const net::RouteTarget& target, const NetworkInfo& network) {
    auto& of = exporters[target];
    if (!of.all.empty() && of.all.back() == &network) return;
    of.all.push_back(&network);
    ++of.byProject[network.ref.project];
  };
  for (const auto& [ref, network] : networks) {
    add(network.status.autoTarget, network);
    for (const auto& target : network.spec.exportTargets) add(target, network);
  }
  for (const auto& [ref, network] : networks)
    for (const auto& target : network.spec.importTargets) {
      const auto found = exporters.find(target);
      if (found == exporters.end()) continue;
      const auto& [all, byProject] = found->second;
      const auto own = byProject.find(ref.project);
      const auto others = all.size() - (own == byProject.end() ? 0 : own->second);
      if (others == 0) continue;
      out.warnings.push_back(
          fmt::format("networks/{}: takes the routes of {}, of {}, by route target {}", ref.text(),
                      someOf(all, ref.project, others),
                      others == 1 ? "another project" : "other projects", target.text()));
    }
}

void Index::connect(Compiled& out) {
  tellSharedTargets(out);
  const auto missing = [&](const std::string& source, const Ref& ref) {
    if (network(ref) == nullptr)
      out.warnings.push_back(fmt::format("{}: network {} does not exist", source, ref.text()));
  };
  for (std::size_t i = 0; i < policies.size(); ++i) {
    for (const auto& rule : policies[i].spec.rules) {
      missing(policies[i].source, *rule.fromNetwork);
      missing(policies[i].source, *rule.toNetwork);
      policiesByNetwork[*rule.fromNetwork].insert(i);
      policiesByNetwork[*rule.toNetwork].insert(i);
      if (rule.allow) join(*rule.fromNetwork, *rule.toNetwork);
    }
  }
  for (const auto& [source, members] : routers_) {
    for (std::size_t i = 0; i < members.size(); ++i) {
      missing(source, members[i]);
      for (std::size_t j = 0; j < i; ++j) join(members[i], members[j]);
    }
  }
  for (const auto& [peer, links] : linksByPeer)
    for (const auto& link : links)
      if (auto* ours = network(link.spec.network)) ours->linkTargets.insert(link.spec.routeTarget);
  for (const auto& [labels, identity] : numbers_) out.idleIdentities.insert(identity.name);
  for (auto& [ref, port] : ports) placePort(port, out);
  for (const auto& service : services) placeService(service, out);
  for (const auto& [source, floating] : floatingIps_) {
    if (!floating.port || !floating.address) continue;
    const auto port = ports.find(*floating.port);
    if (port == ports.end())
      out.warnings.push_back(
          fmt::format("{}: port {} does not exist", source, floating.port->text()));
    else if (network(floating.network) == nullptr)
      missing(source, floating.network);
    else
      port->second.floatingIps.emplace_back(source, floating);
  }
}

void Index::placePort(PortInfo& port, Compiled& out) {
  auto* home = network(port.spec.network);
  const auto name = port.object->key().text();
  if (home == nullptr) {
    out.warnings.push_back(
        fmt::format("{}: network {} does not exist", name, port.spec.network.text()));
    return;
  }
  const auto labels = identityLabels(port);
  const auto number = numbers_.find(labels);
  if (number == numbers_.end()) {
    out.missingIdentities.insert(labels);
  } else {
    // The community has two bytes for the AS; a site with a longer number shows AS_TRANS's place as
    // 0 (unknown to others).
    const auto asn = siteSpec.asn.value();
    port.identity = {static_cast<std::uint16_t>(asn <= 0xffff ? asn : 0), number->second.number};
    out.idleIdentities.erase(number->second.name);
    home->identities.insert(port.identity);
    for (const auto& group : port.spec.securityGroups)
      identitiesByGroup[group].insert(port.identity);
  }
  for (const auto& group : port.spec.securityGroups)
    if (!groups.contains(group))
      out.warnings.push_back(
          fmt::format("{}: security group {} does not exist", name, group.text()));
  if (port.spec.host.empty()) return;
  if (!hosts.contains(port.spec.host))
    out.warnings.push_back(fmt::format("{}: host {} does not exist", name, port.spec.host));
  else
    portsByHost[port.spec.host].push_back(&port);
}

void Index::placeService(const ServiceInfo& service, Compiled& out) {
  auto* home = network(service.spec.network);
  if (home == nullptr) {
    out.warnings.push_back(
        fmt::format("{}: network {} does not exist", service.source, service.spec.network.text()));
    return;
  }
  bool served = false;
  for (const auto& backend : service.spec.backends) {
    const auto port = ports.find(backend.port);
    if (port == ports.end()) {
      out.warnings.push_back(
          fmt::format("{}: backend {} does not exist", service.source, backend.port.text()));
      continue;
    }
    if (port->second.identity.number != 0) home->serviceIdentities.insert(port->second.identity);
    if (!backend.ready || port->second.spec.host.empty()) continue;
    port->second.services.emplace_back(&service, &backend);
    served = true;
  }
  if (served) return;
  const auto refuse = [&](NetworkInfo& where) {
    where.refused.insert(service.spec.addresses.begin(), service.spec.addresses.end());
  };
  refuse(*home);
  for (const auto& ref : home->joined) refuse(networks.at(ref));
}

}  // namespace hawser::compiler
