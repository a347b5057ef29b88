#include "policy.h"

#include <algorithm>

namespace hawser::rib {
namespace {

constexpr std::uint32_t kNoExport = 0xffffff01, kNoAdvertise = 0xffffff02,
                        kNoExportSubconfed = 0xffffff03;  // RFC 1997

bool hasCommunity(const wire::PathAttributes& attributes, std::uint32_t community) {
  return std::find(attributes.communities.begin(), attributes.communities.end(), community) !=
         attributes.communities.end();
}

bool pathContains(const wire::AsPath& path, net::Asn asn) {
  return std::any_of(path.begin(), path.end(), [&](const wire::AsPathSegment& segment) {
    return std::find(segment.asns.begin(), segment.asns.end(), asn) != segment.asns.end();
  });
}

void prepend(wire::AsPath& path, net::Asn asn) {
  using Type = wire::AsPathSegment::Type;
  if (path.empty() || path.front().type != Type::kSequence || path.front().asns.size() >= 255)
    path.insert(path.begin(), {Type::kSequence, {}});
  path.front().asns.insert(path.front().asns.begin(), asn);
}

bool inside(const std::vector<net::IpPrefix>& allowed, const net::IpPrefix& prefix) {
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const net::IpPrefix& outer) { return outer.contains(prefix); });
}

bool targetAllowed(const RouteFilter& filter, const net::RouteTarget& target,
                   const net::IpPrefix& prefix) {
  if (filter.routeTargets && !filter.routeTargets->contains(target)) return false;
  const auto limits = filter.prefixesByTarget.find(target);
  return limits == filter.prefixesByTarget.end() || inside(limits->second, prefix);
}

bool loopback(const net::IpAddress& address) {
  static const auto kV6 = net::IpAddress::parse("::1").value();
  return address.isV4() ? address.bytes()[0] == 127 : address == kV6;
}

AttributesPtr toExternal(const ExportContext& context, wire::Family family,
                         const AttributesPtr& from) {
  auto out = std::make_shared<wire::PathAttributes>(*from);
  prepend(out->asPath, context.peer.localAs);
  out->localPref.reset();
  out->originatorId.reset();
  out->clusterList.clear();
  if (context.source != nullptr)
    out->med.reset();  // RFC 4271, 5.1.4: not passed on to other neighbours
  std::erase_if(out->extendedCommunities, [](const net::ExtendedCommunity& community) {
    // Identities of AS 0 mean something inside only.
    const auto identity = net::identityOf(community);
    return !community.transitive() || (identity && identity->asn == 0);
  });
  // Sites tunnel from host to host: the next hop of a VPN route stays (docs/architecture.md,
  // section 6).
  if (!isVpn(family) || context.peer.nextHopSelf) out->nextHop = context.peer.localAddress;
  return out;
}

AttributesPtr toInternal(const ExportContext& context, wire::Family family,
                         const AttributesPtr& from, bool reflected) {
  auto out = std::make_shared<wire::PathAttributes>(*from);
  if (!out->localPref) out->localPref = 100;
  if (context.peer.nextHopSelf || out->nextHop.isUnspecified())
    out->nextHop = context.peer.localAddress;
  if (reflected) {  // RFC 4456, 8
    if (!out->originatorId) out->originatorId = context.source->remoteId;
    out->clusterList.insert(out->clusterList.begin(), context.self.clusterId);
  }
  // RFC 4684, 3.2 (i): so that a client does not take its own membership, when it comes back, for a
  // loop.
  if (family == wire::kRtConstraint && context.peer.routeReflectorClient && reflected) {
    out->originatorId = context.self.routerId;
    out->nextHop = context.peer.localAddress;
  }
  return out;
}

}  // namespace

bool isVpn(wire::Family family) { return family.safi == 128; }

std::vector<net::RouteTarget> routeTargetsOf(const wire::PathAttributes& attributes) {
  std::vector<net::RouteTarget> targets;
  for (const auto& community : attributes.extendedCommunities)
    if (const auto target = net::RouteTarget::from(community)) targets.push_back(*target);
  return targets;
}

Filtered applyFilter(const RouteFilter& filter, const RouteKey& key,
                     const AttributesPtr& attributes, AttributeCache& cache) {
  if (key.family == wire::kRtConstraint) return {attributes, Drop::kNone};
  if (filter.prefixes && !inside(*filter.prefixes, key.prefix)) return {nullptr, Drop::kPrefix};
  if (!isVpn(key.family) || (!filter.routeTargets && filter.prefixesByTarget.empty()))
    return {attributes, Drop::kNone};

  const auto targets = routeTargetsOf(*attributes);
  std::uint64_t kept = 0;  // bit i: target i stays; what is beyond 63 goes
  bool all = true, allowedSomewhere = false;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (!filter.routeTargets || filter.routeTargets->contains(targets[i])) allowedSomewhere = true;
    if (i < 63 && targetAllowed(filter, targets[i], key.prefix))
      kept |= std::uint64_t{1} << i;
    else
      all = false;
  }
  if (kept == 0) return {nullptr, allowedSomewhere ? Drop::kPrefix : Drop::kTarget};
  if (all) return {attributes, Drop::kNone};
  const auto stripped = cache.get(attributes, kept, [&]() -> AttributesPtr {
    auto out = std::make_shared<wire::PathAttributes>(*attributes);
    std::size_t index = 0;
    std::erase_if(out->extendedCommunities, [&](const net::ExtendedCommunity& community) {
      if (!net::RouteTarget::from(community)) return false;
      const auto i = index++;
      return i >= 63 || (kept >> i & 1U) == 0;
    });
    return out;
  });
  return {stripped, Drop::kNone};
}

AttributesPtr withoutForeignIdentities(net::Asn peer, const AttributesPtr& attributes,
                                       AttributeCache& cache) {
  const auto forged = [&](const net::ExtendedCommunity& community) {
    const auto identity = net::identityOf(community);
    return identity && (identity->asn == 0 || identity->asn != peer.value());
  };
  const auto& communities = attributes->extendedCommunities;
  if (std::none_of(communities.begin(), communities.end(), forged)) return attributes;
  // The filter's variants leave bit 63 free.
  return cache.get(attributes, std::uint64_t{1} << 63U, [&]() -> AttributesPtr {
    auto out = std::make_shared<wire::PathAttributes>(*attributes);
    std::erase_if(out->extendedCommunities, forged);
    return out;
  });
}

net::Asn firstAs(const wire::PathAttributes& attributes) {
  const auto& path = attributes.asPath;
  if (path.empty() || path.front().type != wire::AsPathSegment::Type::kSequence ||
      path.front().asns.empty())
    return net::Asn(0);
  return path.front().asns.front();
}

bool foreign(const PeerPolicy& peer, const wire::PathAttributes& attributes) {
  if (attributes.nextHop == peer.localAddress) return false;
  // A peer that is reached over loopback is on this machine, and so is what it speaks for.
  return !loopback(attributes.nextHop) || loopback(peer.localAddress);
}

bool letsPass(const RouteFilter& filter, const wire::RtMembership& membership) {
  if (!filter.routeTargets) return true;
  return std::any_of(filter.routeTargets->begin(), filter.routeTargets->end(),
                     [&](const auto& target) { return membership.matches(target); });
}

bool loops(const wire::PathAttributes& attributes, const Rib::Config& self) {
  if (pathContains(attributes.asPath, self.asn)) return true;
  if (attributes.originatorId == self.routerId) return true;
  return std::find(attributes.clusterList.begin(), attributes.clusterList.end(), self.clusterId) !=
         attributes.clusterList.end();
}

AttributesPtr exportAttributes(const ExportContext& context, const RouteKey& key,
                               const AttributesPtr& attributes, AttributeCache& cache) {
  const auto& peer = context.peer;
  const bool membership = key.family == wire::kRtConstraint;
  // RFC 4684, 3.2: a client hears of a membership although it may be the one that it comes from.
  if (context.toItself && !(membership && peer.routeReflectorClient)) return nullptr;
  if (hasCommunity(*attributes, kNoAdvertise)) return nullptr;
  if (peer.external()) {
    if (hasCommunity(*attributes, kNoExport) || hasCommunity(*attributes, kNoExportSubconfed) ||
        pathContains(attributes->asPath, peer.remoteAs))
      return nullptr;
    // Bits of the variant: what of the context the result depends on, beside the peer whose cache
    // this is.
    return cache.get(attributes,
                     (context.source != nullptr ? 2U : 0U) | (isVpn(key.family) ? 1U : 0U),
                     [&] { return toExternal(context, key.family, attributes); });
  }
  const bool fromInternal = context.source != nullptr && !context.source->external();
  // RFC 4456, 6: between non-clients the full mesh does it.
  if (fromInternal && !context.source->routeReflectorClient && !peer.routeReflectorClient)
    return nullptr;
  const auto source = fromInternal ? context.source->remoteId.value() : 0U;
  return cache.get(
      attributes, (std::uint64_t{source} << 2U) | (fromInternal ? 2U : 0U) | (membership ? 1U : 0U),
      [&] { return toInternal(context, key.family, attributes, fromInternal); });
}

}  // namespace hawser::rib
