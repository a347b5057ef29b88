#include "unrouted.h"

#include <fmt/core.h>

#include <algorithm>

#include "hawser/model/specs.h"

namespace hawser::trace {

using model::Kind;
using model::NetworkSpec;
using model::Ref;

namespace {

bool holds(const std::vector<net::IpPrefix>& prefixes, const net::IpAddress& address) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const net::IpPrefix& prefix) {
    return prefix.length() > 0 && prefix.contains(address);
  });
}

bool covers(const NetworkSpec& spec, const net::IpAddress& address) {
  return std::any_of(spec.subnets.begin(), spec.subnets.end(),
                     [&](const auto& subnet) { return subnet.prefix.contains(address); });
}

// The VRF's own network, or one of this site that it takes routes of, whose subnet has the address.
std::string networkHere(const World& world, const model::SliceVrf& vrf,
                        const net::IpAddress& address) {
  const auto own = Ref::parse(vrf.name, "");
  const auto home = world.objects->find({Kind::kNetwork, own.project, own.name});
  if (home != world.objects->end() && covers(NetworkSpec::from(*home->second), address))
    return vrf.name;
  for (const auto& [key, object] : model::ofKind(*world.objects, Kind::kNetwork)) {
    const auto spec = NetworkSpec::from(*object);
    if (!covers(spec, address)) continue;
    auto exported = spec.exportTargets;
    exported.insert(model::NetworkStatus::from(*object).autoTarget);
    const bool shared = std::any_of(exported.begin(), exported.end(), [&](const auto& target) {
      return vrf.importTargets.contains(target);
    });
    if (shared) return Ref{key.project, key.name}.text();
  }
  return {};
}

std::string networkThere(const World& world, const model::SliceVrf& vrf,
                         const net::IpAddress& address) {
  for (const auto& [key, object] : model::ofKind(*world.objects, Kind::kLink)) {
    const auto spec = model::LinkSpec::from(*object);
    const bool stitched = spec.accepted && object->status.value("phase", "") == "established";
    if (!stitched || spec.network.text() != vrf.name || !holds(spec.remotePrefixes, address))
      continue;
    const auto peer = world.objects->find({Kind::kPeer, {}, spec.peer});
    const auto site =
        peer == world.objects->end() ? spec.peer : model::PeerSpec::from(*peer->second).site;
    return fmt::format("{} of site {}", spec.remoteNetwork, site);
  }
  return {};
}

// Sites that the VRF takes routes of by a target that a Peer's list names: what their networks have
// is not known here.
std::string sitesThatShare(const World& world, const model::SliceVrf& vrf) {
  std::string sites;
  for (const auto& [key, object] : model::ofKind(*world.objects, Kind::kPeer)) {
    const auto spec = model::PeerSpec::from(*object);
    if (spec.role != "site" || !spec.import.routeTargets) continue;
    const auto& targets = *spec.import.routeTargets;
    if (std::any_of(targets.begin(), targets.end(),
                    [&](const auto& target) { return vrf.importTargets.contains(target); }))
      sites += (sites.empty() ? "" : ", ") + spec.site;
  }
  return sites;
}

// A Port that has the address, but that no host announces.
std::string silentPort(const World& world, const std::string& network,
                       const net::IpAddress& address) {
  for (const auto& [key, object] : model::ofKind(*world.objects, Kind::kPort)) {
    if (model::PortSpec::from(*object).network.text() != network) continue;
    const auto addresses = model::PortStatus::from(*object).addresses;
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) continue;
    const auto phase = object->status.value("phase", "");
    return fmt::format("{} has it in {}, but no host announces it (phase {})", key.text(), network,
                       phase.empty() ? "pending" : phase);
  }
  return {};
}

bool looksLikeAddress(const std::string& text) {
  return text.find(':') != std::string::npos ||
         (text.find('.') != std::string::npos &&
          text.find_first_not_of("0123456789.") == std::string::npos);
}

}  // namespace

std::string whyNoRoute(const World& world, const model::SliceVrf& vrf,
                       const net::IpAddress& address) {
  const auto start = fmt::format("{} has no route to {}: ", vrf.name, address.text());
  const auto nobody = [&](const std::string& network) {
    return start + fmt::format("no workload has the address {} in {}", address.text(), network);
  };
  if (world.objects != nullptr) {
    if (const auto here = networkHere(world, vrf, address); !here.empty()) {
      const auto silent = silentPort(world, here, address);
      return silent.empty() ? nobody(here) : start + silent;
    }
    if (const auto there = networkThere(world, vrf, address); !there.empty()) return nobody(there);
    if (const auto sites = sitesThatShare(world, vrf); !sites.empty())
      return start + fmt::format(
                         "no network of {} with that address shares a route target with "
                         "it, and {}, which does, announces no such workload",
                         world.site, sites);
  }
  return start + "no network with that address shares a route target with it";
}

std::string whyNoPort(const World& world, const std::string& text) {
  if (looksLikeAddress(text)) {
    const auto address = net::IpAddress::parse(text);
    if (!address) return address.error().message;
    return fmt::format("no placed port of {} has the address {}", world.site, text);
  }
  const auto ref = Ref::parse(text, "");
  if (world.objects != nullptr &&
      world.objects->contains(model::ObjectKey{Kind::kPort, ref.project, ref.name}))
    return fmt::format("port \"{}\" is not placed: no host serves it yet", text);
  return fmt::format(
      "no placed port of {} is \"{}\"; ports are looked for in this site only: give PROJECT/PORT "
      "or "
      "pods/NAMESPACE/NAME of it, or the address of a workload of another site",
      world.site, text);
}

}  // namespace hawser::trace
