// Objects to slices. Two passes: Index parses every object once and connects what refers to each
// other; then each host's slice is written from it. Nothing here remembers anything between calls,
// and the order of the input map is the only order there is, so equal objects give equal results
// whatever happened before.
#include "hawser/compiler/compiler.h"

#include <fmt/core.h>

#include <algorithm>

#include "index.h"
#include "rules.h"

namespace hawser::compiler {
namespace {

using model::SlicePort;
using model::SliceTranslation;
using model::SliceVrf;

constexpr std::uint16_t kTunnelOverhead =
    32;  // IPv4 + UDP + one label: the largest of the encapsulations for L3

Targets targetsOf(const Index& index, const NetworkInfo& network) {
  Targets targets{network.spec.importTargets, network.spec.exportTargets};
  if (network.status.id != 0) {
    targets.importTargets.insert(network.status.autoTarget);
    targets.exportTargets.insert(network.status.autoTarget);
  }
  for (const auto& ref : network.joined) {
    const auto& other = index.networks.at(ref);
    if (other.status.id != 0) targets.importTargets.insert(other.status.autoTarget);
  }
  targets.importTargets.insert(network.linkTargets.begin(), network.linkTargets.end());
  targets.exportTargets.insert(network.linkTargets.begin(), network.linkTargets.end());
  return targets;
}

std::vector<net::IpAddress> gatewaysOf(const NetworkInfo& network) {
  std::vector<net::IpAddress> gateways;
  for (const auto& subnet : network.spec.subnets) gateways.push_back(subnet.gatewayAddress());
  return gateways;
}

std::vector<SliceTranslation> translationsOf(Index& index, const PortInfo& port) {
  std::vector<SliceTranslation> out;
  for (const auto& [service, backend] : port.services) {
    const auto* network = index.network(service->spec.network);
    if (network->status.id == 0) continue;  // no VRF yet
    for (const auto& address : service->spec.addresses) {
      for (const auto& served : service->spec.ports) {
        const auto own = backend->targetPorts.find(served.name);
        out.push_back({network->vrf(), address, served.protocol, served.port,
                       own == backend->targetPorts.end() ? served.targetPort : own->second,
                       service->source});
      }
    }
  }
  for (const auto& [source, floating] : port.floatingIps)
    if (const auto* network = index.network(floating.network); network->status.id != 0)
      out.push_back({network->vrf(), *floating.address, model::Protocol::kAny, 0, 0, source});
  return out;
}

SlicePort slicePort(Index& index, const PortInfo& port, const NetworkInfo& network) {
  SlicePort out;
  out.uid = port.object->metadata.uid;
  out.name = model::Ref{port.object->metadata.project, port.object->metadata.name}.text();
  out.vrf = network.vrf();
  out.mac = port.spec.mac.value_or(port.status.mac);
  out.addresses = port.addresses();
  out.gateways = gatewaysOf(network);
  out.mtu = static_cast<std::uint16_t>(index.siteSpec.underlayMtu - kTunnelOverhead);
  out.portSecurity = port.spec.portSecurity;
  out.hostname = port.spec.hostname.empty() ? port.object->metadata.name : port.spec.hostname;
  out.workload = port.spec.workload;
  out.identity = port.identity;
  out.translations = translationsOf(index, port);
  out.rules = rulesOf(index, port);
  return out;
}

SliceVrf sliceVrf(const Index& index, const NetworkInfo& network) {
  auto targets = targetsOf(index, network);
  SliceVrf vrf{network.vrf(),
               network.ref.text(),
               std::move(targets.importTargets),
               std::move(targets.exportTargets),
               {}};
  vrf.refused.assign(network.refused.begin(), network.refused.end());
  return vrf;
}

model::Slice sliceOf(Index& index, const std::string& host, const std::vector<PortInfo*>& ports) {
  model::Slice slice;
  slice.site = index.site;
  slice.host = host;
  slice.encapsulations = index.siteSpec.encapsulations;
  std::set<model::Ref> needed;
  for (const auto* port : ports) {
    const auto* network = index.network(port->spec.network);
    if (network->status.id == 0 || port->addresses().empty() || port->identity.number == 0)
      continue;  // not allocated yet; without an identity no denial would meet it
    slice.ports.push_back(slicePort(index, *port, *network));
    needed.insert(port->spec.network);
    for (const auto& [service, backend] : port->services) needed.insert(service->spec.network);
    for (const auto& [source, floating] : port->floatingIps) needed.insert(floating.network);
  }
  for (const auto& ref : needed)
    if (const auto& network = index.networks.at(ref); network.status.id != 0)
      slice.vrfs.push_back(sliceVrf(index, network));
  return slice;
}

// What a Peer's lists allow, and what the Links with it add. A list of prefixes in the Peer is for
// the targets in the Peer; a Link brings prefixes of its own.
rib::RouteFilter filterOf(const Index& index, const model::PeerFilterSpec& spec,
                          const std::vector<LinkInfo>& links, bool import) {
  rib::RouteFilter filter;
  filter.routeTargets = spec.routeTargets.value_or(std::set<net::RouteTarget>{});
  if (links.empty()) {
    filter.prefixes = spec.prefixes;
    return filter;
  }
  if (spec.prefixes)
    for (const auto& target : *filter.routeTargets)
      filter.prefixesByTarget[target] = *spec.prefixes;
  for (const auto& link : links) {
    const auto target = link.spec.routeTarget;
    const bool unlimited =
        filter.routeTargets->contains(target) && !filter.prefixesByTarget.contains(target);
    filter.routeTargets->insert(target);
    auto prefixes = import ? link.spec.remotePrefixes : link.spec.localPrefixes;
    const auto network = index.networks.find(link.spec.network);
    if (!import && prefixes.empty() && network != index.networks.end())
      for (const auto& subnet : network->second.spec.subnets) prefixes.push_back(subnet.prefix);
    if (unlimited) continue;
    // No prefixes, no routes: an offer that names none allows none.
    auto& limits = filter.prefixesByTarget[target];
    limits.insert(limits.end(), prefixes.begin(), prefixes.end());
  }
  return filter;
}

// A target of another site's AS that no Peer lets in or out is a mistake of somebody: of who typed
// it, or of who set up the Peer.
void tellDeadTargets(const Index& index, Compiled& out) {
  const auto passes = [&](const net::RouteTarget& target, rib::RouteFilter PeerIntent::* filter) {
    return std::any_of(out.peers.begin(), out.peers.end(), [&](const auto& peer) {
      const auto& targets = (peer.second.*filter).routeTargets;
      return !targets || targets->contains(target);
    });
  };
  const auto tell = [&](const NetworkInfo& network, const net::RouteTarget& target,
                        rib::RouteFilter PeerIntent::* filter, std::string_view what) {
    for (const auto& [name, spec] : index.peers)
      if (spec.asn == target.asn() && spec.asn != index.siteSpec.asn && !passes(target, filter))
        out.warnings.push_back(fmt::format(
            "networks/{}: it {} route target {}, which no Peer lets pass (peers/{} is of AS {})",
            network.ref.text(), what, target.text(), name, spec.asn.value()));
  };
  for (const auto& [ref, network] : index.networks) {
    for (const auto& target : network.spec.importTargets)
      tell(network, target, &PeerIntent::import, "imports");
    for (const auto& target : network.spec.exportTargets)
      tell(network, target, &PeerIntent::exportTo, "exports");
  }
}

}  // namespace

Targets targetsOf(const model::ObjectMap& objects, const model::Ref& ref) {
  Compiled ignored;
  Index index(objects, ignored);
  const auto* network = index.network(ref);
  return network == nullptr ? Targets{} : targetsOf(index, *network);
}

Compiled compile(const model::ObjectMap& objects) {
  Compiled out;
  Index index(objects, out);
  static const std::vector<PortInfo*> kNone;
  for (const auto& [host, spec] : index.hosts) {
    const auto ports = index.portsByHost.find(host);
    out.slices[host] =
        sliceOf(index, host, ports == index.portsByHost.end() ? kNone : ports->second);
  }
  static const std::vector<LinkInfo> kNoLinks;
  for (const auto& [name, spec] : index.peers) {
    const auto found = index.linksByPeer.find(name);
    const auto& links = found == index.linksByPeer.end() ? kNoLinks : found->second;
    out.peers[name] = {name, spec, filterOf(index, spec.import, links, true),
                       filterOf(index, spec.exportTo, links, false)};
  }
  tellDeadTargets(index, out);
  std::sort(out.warnings.begin(), out.warnings.end());
  out.warnings.erase(std::unique(out.warnings.begin(), out.warnings.end()), out.warnings.end());
  return out;
}

}  // namespace hawser::compiler
