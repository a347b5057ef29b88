// Networks, their numbers and route targets, and Links.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "addresses.h"
#include "admission.h"
#include "hawser/base/check.h"

namespace hawser::controller {

using model::Kind;
using model::Object;

namespace {

constexpr std::uint32_t kAutoBase = 8000000, kLinkBase = 9000000;
// For an AS of four bytes: a half of 16 bits each.
constexpr std::uint32_t kWideLinkBase = 49152;

bool wide(net::Asn asn) { return asn.value() > 0xffff; }

net::RouteTarget make(net::Asn asn, std::uint32_t number) {
  const auto target = net::RouteTarget::make(asn, number);
  HAWSER_CHECK(target.has_value(), "an allocated route target is in range");
  return *target;
}

// Grows over removal and creation too, hence the clock.
std::uint64_t offerNumber() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

// The lowest number from 1 that is not in the set.
std::uint32_t lowestFree(const std::set<std::uint32_t>& used) {
  std::uint32_t number = 1;
  for (const auto taken : used) {
    if (taken > number) break;
    if (taken == number) ++number;
  }
  return number;
}

}  // namespace

net::RouteTarget autoTarget(net::Asn asn, std::uint32_t networkId) {
  return make(asn, wide(asn) ? networkId : kAutoBase + networkId);
}
bool isAutoTarget(net::Asn asn, const net::RouteTarget& target) {
  if (target.asn() != asn) return false;
  const auto number = target.number();
  return wide(asn) ? number < kWideLinkBase : number > kAutoBase && number < kLinkBase;
}
net::RouteTarget linkTargetNumber(net::Asn asn, std::uint32_t number) {
  return make(asn, (wide(asn) ? kWideLinkBase : kLinkBase) + number);
}

Result<void> Admitting::network() {
  const auto spec = model::NetworkSpec::from(object_);
  if (auto left = quotaLeft("networks"); !left) return left;
  if (spec.external && !fromAdmin() &&
      (before_ == nullptr || !model::NetworkSpec::from(*before_).external))
    return fail(ErrorCode::kForbidden, "only an administrator may make a network external",
                "spec.external");
  if (!spec.addressPool.empty() && !staging_.find({Kind::kAddressPool, {}, spec.addressPool}))
    return invalid(fmt::format("address pool \"{}\" does not exist", spec.addressPool),
                   "spec.addressPool");
  if (model::NetworkStatus::from(object_).id == 0) {
    std::set<std::uint32_t> used;
    staging_.forEach(Kind::kNetwork, [&](const Object& other) {
      if (const auto id = model::NetworkStatus::from(other).id; id != 0) used.insert(id);
    });
    const auto id = lowestFree(used);
    if (wide(site_.asn) && id >= kWideLinkBase)
      return fail(ErrorCode::kExists, "an AS number of four bytes has no more route targets",
                  "metadata.name");
    object_.status["id"] = id;
    object_.status["autoRouteTarget"] = autoTarget(site_.asn, id).text();
  }
  if (auto targets = networkTargets(); !targets) return targets;
  if (before_ == nullptr) return {};
  if (auto hold = subnetsStillHold(spec); !hold) return hold;
  const auto same = [&](const char* field) {
    return before_->spec.value(field, model::Json()) == object_.spec.value(field, model::Json());
  };
  return same("subnets") && same("addressPool") ? Result<void>{} : stillApart();
}

Result<void> Admitting::networkTargets() {
  const auto found = object_.spec.find("routeTargets");
  if (found == object_.spec.end()) return {};
  for (const auto* list : {"import", "export", "both"}) {
    const auto targets = found->find(list);
    if (targets == found->end()) continue;
    for (std::size_t i = 0; i < targets->size(); ++i) {
      const auto path = fmt::format("spec.routeTargets.{}[{}]", list, i);
      const auto target = net::RouteTarget::parse((*targets)[i].get<std::string>());
      if (!target) return invalid(target.error().message, path);
      if (auto allowed = targetAllowed(*target, path); !allowed) return allowed;
    }
  }
  return {};
}

// Our own AS, the AS of somebody we have a session with, or a target that a Peer or Link names:
// anything else would import what nobody here has agreed to.
Result<void> Admitting::targetAllowed(const net::RouteTarget& target, const std::string& path) {
  const auto asn = target.asn();
  bool known = !asn || *asn == site_.asn;
  staging_.forEach(Kind::kPeer, [&](const Object& peer) {
    const auto spec = model::PeerSpec::from(peer);
    known = known || spec.asn == *asn ||
            (spec.import.routeTargets && spec.import.routeTargets->contains(target)) ||
            (spec.exportTo.routeTargets && spec.exportTo.routeTargets->contains(target));
  });
  staging_.forEach(Kind::kLink, [&](const Object& link) {
    known = known || model::LinkSpec::from(link).routeTarget == target;
  });
  if (!known)
    return invalid(
        fmt::format(
            "{} is in AS {}, which is neither this site's ({}) nor that of a Peer: create "
            "the Peer first (and list the target in its spec.import.routeTargets), or use a "
            "target {}:N",
            target.text(), asn->value(), site_.asn.value(), site_.asn.value()),
        path);
  return fromAdmin() ? Result<void>{} : targetOfTenant(target, path);
}

// A tenant must not reach into another's network by guessing its route target.
Result<void> Admitting::targetOfTenant(const net::RouteTarget& target, const std::string& path) {
  Result<void> result;
  const auto refuse = [&](const std::string& whose) {
    result =
        fail(ErrorCode::kForbidden,
             fmt::format("{} is {}; an administrator has to do this", target.text(), whose), path);
  };
  if (before_ != nullptr) {
    const auto was = model::NetworkSpec::from(*before_);
    if (was.importTargets.contains(target) || was.exportTargets.contains(target)) return {};
  }
  if (target.asn() != site_.asn) refuse("not this site's");
  staging_.forEach(Kind::kNetwork, [&](const Object& other) {
    if (other.metadata.project == object_.metadata.project) return;
    const auto spec = model::NetworkSpec::from(other);
    if (model::NetworkStatus::from(other).autoTarget == target ||
        spec.importTargets.contains(target) || spec.exportTargets.contains(target))
      refuse("in use by another project");
  });
  staging_.forEach(Kind::kPeer, [&](const Object& peer) {
    const auto spec = model::PeerSpec::from(peer);
    if ((spec.import.routeTargets && spec.import.routeTargets->contains(target)) ||
        (spec.exportTo.routeTargets && spec.exportTo.routeTargets->contains(target)))
      refuse("one that a Peer knows");
  });
  staging_.forEach(Kind::kLink, [&](const Object& link) {
    if (model::LinkSpec::from(link).routeTarget == target) refuse("a Link's");
  });
  return result;
}

// Of a changed network: no port may lose its place.
Result<void> Admitting::subnetsStillHold(const model::NetworkSpec& spec) {
  if (before_->spec.value("subnets", model::Json()) == object_.spec.value("subnets", model::Json()))
    return {};
  Result<void> result;
  for (const auto kind : {Kind::kPort, Kind::kFloatingIp, Kind::kService})
    staging_.forEach(kind, [&](const Object& user) {
      if (!result || model::Ref::parse(user.spec["network"].get<std::string>(),
                                       user.metadata.project) != self())
        return;
      std::vector<net::IpAddress> addresses;
      if (kind == Kind::kPort) addresses = model::PortStatus::from(user).addresses;
      if (kind == Kind::kService) addresses = model::ServiceSpec::from(user).addresses;
      if (kind == Kind::kFloatingIp)
        if (const auto one = model::FloatingIpSpec::from(user).address) addresses = {*one};
      for (const auto& address : addresses) {
        const auto* subnet = subnetOf(spec, address);
        if (subnet == nullptr ||
            (subnet->gateway == address || (kind == Kind::kPort && reserved(*subnet, address))))
          result = fail(ErrorCode::kConflict,
                        fmt::format("{} has {}, for which there is no room any more",
                                    user.key().text(), address.text()),
                        "spec.subnets");
      }
    });
  return result;
}

Result<void> Admitting::link() {
  auto spec = model::LinkSpec::from(object_);
  const auto peer = staging_.find({Kind::kPeer, {}, spec.peer});
  if (!peer) return invalid(fmt::format("peer \"{}\" does not exist", spec.peer), "spec.peer");
  const auto peerSpec = model::PeerSpec::from(*peer);
  if (peerSpec.role != "site")
    return invalid(fmt::format("peer \"{}\" is a gateway; Links are between sites", spec.peer),
                   "spec.peer");
  if (peerSpec.apiUrl.empty())
    return invalid(fmt::format("peer \"{}\" has no spec.api, over which sites agree", spec.peer),
                   "spec.peer");
  const auto network = networkAt(spec.network, "spec.network");
  if (!network) return std::unexpected(network.error());
  const auto slash = spec.remoteNetwork.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == spec.remoteNetwork.size())
    return invalid("name the other site's network as PROJECT/NAME", "spec.remoteNetwork");
  Result<void> twice;
  staging_.forEach(Kind::kLink, [&](const Object& other) {
    const auto theirs = model::LinkSpec::from(other);
    if (other.key() != object_.key() && theirs.peer == spec.peer &&
        theirs.network == spec.network && theirs.remoteNetwork == spec.remoteNetwork)
      twice = fail(ErrorCode::kExists,
                   fmt::format("{} joins these networks already", other.key().text()),
                   "spec.remoteNetwork");
  });
  if (!twice) return twice;
  if (!fromSystem()) {
    // To write a Link is to propose it; which side did stays as it is.
    object_.spec["proposedByUs"] =
        before_ == nullptr || model::LinkSpec::from(*before_).proposedByUs;
    if (before_ == nullptr) object_.spec["accepted"] = true;
    const bool agreed = before_ != nullptr && model::LinkSpec::from(*before_).accepted;
    // A new agreement is a new offer, which earlier refusals do not meet.
    if (object_.spec.value("accepted", false) && !agreed) object_.status["offer"] = offerNumber();
  }
  if (before_ == nullptr) object_.status["phase"] = fromSystem() ? "pending" : "proposed";
  if (auto fits = linkPrefixes(spec, model::NetworkSpec::from(**network)); !fits) return fits;
  if (auto fits = linkApart(spec, object_.key(), **network, "spec.remotePrefixes"); !fits)
    return fits;
  return linkTarget(spec);
}

Result<void> Admitting::linkPrefixes(const model::LinkSpec& spec,
                                     const model::NetworkSpec& network) {
  for (std::size_t i = 0; i < spec.localPrefixes.size(); ++i) {
    const auto& prefix = spec.localPrefixes[i];
    const bool inside =
        std::any_of(network.subnets.begin(), network.subnets.end(),
                    [&](const auto& subnet) { return subnet.prefix.contains(prefix); });
    if (!inside)
      return invalid(
          fmt::format("{} is outside the subnets of {}", prefix.text(), spec.network.text()),
          fmt::format("spec.localPrefixes[{}]", i));
  }
  return {};
}

Result<void> Admitting::linkTarget(const model::LinkSpec& spec) {
  if (!object_.spec.contains("routeTarget")) {
    if (before_ != nullptr && before_->spec.contains("routeTarget")) {
      object_.spec["routeTarget"] = before_->spec["routeTarget"];
      return {};
    }
    std::set<net::RouteTarget> used;
    staging_.forEach(Kind::kLink, [&](const Object& other) {
      used.insert(model::LinkSpec::from(other).routeTarget);
    });
    std::uint32_t number = 1;
    while (used.contains(linkTargetNumber(site_.asn, number))) ++number;
    object_.spec["routeTarget"] = linkTargetNumber(site_.asn, number).text();
    return {};
  }
  if (isAutoTarget(site_.asn, spec.routeTarget))
    return invalid(fmt::format("{} is the automatic target of a network, or may become one; a Link "
                               "needs one of its own",
                               spec.routeTarget.text()),
                   "spec.routeTarget");
  return fromSystem() ? Result<void>{} : targetAllowed(spec.routeTarget, "spec.routeTarget");
}

}  // namespace hawser::controller
