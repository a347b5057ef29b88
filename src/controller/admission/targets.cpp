// Route targets: what the API gives out, and which ones may be typed.
//
// A target decides whose routes a network takes, so that a guess must not do: numbers that the API
// gives out, now or later, are in ranges that a tenant cannot type, and what is given out was named
// by nobody before.
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "admission/admission.h"
#include "hawser/base/check.h"

namespace hawser::controller {

using model::Kind;
using model::Object;

namespace {

// Networks from kAutoBase + 1, Links from kLinkBase + 1; what people type is below.
constexpr std::uint32_t kAutoBase = 8000000, kLinkBase = 9000000;
// For an AS of four bytes, 16 bits: networks from 1, what people type, Links.
constexpr std::uint32_t kWideTypedBase = 32768, kWideLinkBase = 49152, kWideEnd = 65536;

bool wide(net::Asn asn) { return asn.value() > 0xffff; }

net::RouteTarget make(net::Asn asn, std::uint32_t number) {
  const auto target = net::RouteTarget::make(asn, number);
  HAWSER_CHECK(target.has_value(), "an allocated route target is in range");
  return *target;
}

bool isLinkTarget(net::Asn asn, const net::RouteTarget& target) {
  return target.asn() == asn && target.number() >= (wide(asn) ? kWideLinkBase : kLinkBase);
}

std::string typedRange(net::Asn asn) {
  return wide(asn) ? fmt::format("{} to {}", kWideTypedBase, kWideLinkBase - 1)
                   : fmt::format("below {}", kAutoBase);
}

bool names(const model::NetworkSpec& spec, const net::RouteTarget& target) {
  return spec.importTargets.contains(target) || spec.exportTargets.contains(target);
}

}  // namespace

net::RouteTarget autoTarget(net::Asn asn, std::uint32_t networkId) {
  return make(asn, wide(asn) ? networkId : kAutoBase + networkId);
}
bool isAutoTarget(net::Asn asn, const net::RouteTarget& target) {
  if (target.asn() != asn) return false;
  const auto number = target.number();
  return wide(asn) ? number < kWideTypedBase : number >= kAutoBase && number < kLinkBase;
}
net::RouteTarget linkTargetNumber(net::Asn asn, std::uint32_t number) {
  return make(asn, (wide(asn) ? kWideLinkBase : kLinkBase) + number);
}

bool Admitting::namedElsewhere(const net::RouteTarget& target) const {
  const auto& owners = ledger_.targets().of(target);
  return std::any_of(owners.begin(), owners.end(),
                     [&](const auto& owner) { return owner != object_.key(); });
}

// The lowest number whose target nobody has named either.
Result<void> Admitting::networkNumber() {
  if (model::NetworkStatus::from(object_).id != 0) return {};
  const auto end = wide(site_.asn) ? kWideTypedBase : kLinkBase - kAutoBase;
  for (auto id = ledger_.networkIds().firstFree(1); id && *id < end;
       id = ledger_.networkIds().firstFree(*id + 1)) {
    const auto target = autoTarget(site_.asn, *id);
    if (namedElsewhere(target)) continue;
    object_.status["id"] = *id;
    object_.status["autoRouteTarget"] = target.text();
    return {};
  }
  return fail(ErrorCode::kExists, "this site has no more route targets for networks",
              "metadata.name");
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
      if (auto allowed = targetOfNetwork(*target, path); !allowed) return allowed;
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
    known = known || spec.asn == *asn;
  });
  for (const auto& owner : ledger_.targets().of(target))
    known = known || owner.kind == Kind::kPeer || owner.kind == Kind::kLink;
  if (known) return {};
  return invalid(
      fmt::format("{} is in AS {}, which is neither this site's ({}) nor that of a Peer: create "
                  "the Peer first (and list the target in its spec.import.routeTargets), or use a "
                  "target {}:N",
                  target.text(), asn->value(), site_.asn.value(), site_.asn.value()),
      path);
}

// A network may keep what it had. Otherwise the numbers that the API gives out are nobody's to
// type, but an administrator may name one that is in use: that joins what has it.
Result<void> Admitting::targetOfNetwork(const net::RouteTarget& target, const std::string& path) {
  if (before_ != nullptr && names(model::NetworkSpec::from(*before_), target)) return {};
  if (!fromAdmin()) return targetOfTenant(target, path);
  const bool given = isAutoTarget(site_.asn, target) || isLinkTarget(site_.asn, target);
  if (!given || model::NetworkStatus::from(object_).autoTarget == target || namedElsewhere(target))
    return {};
  return invalid(
      fmt::format("{} is kept for the API to give out, and nothing has it yet; numbers {} are free "
                  "to type",
                  target.text(), typedRange(site_.asn)),
      path);
}

// A tenant must not reach into another's network by guessing its route target, be it of today or of
// tomorrow.
Result<void> Admitting::targetOfTenant(const net::RouteTarget& target, const std::string& path) {
  Result<void> result;
  const auto refuse = [&](const std::string& whose) {
    result =
        fail(ErrorCode::kForbidden,
             fmt::format("{} is {}; an administrator has to do this", target.text(), whose), path);
  };
  if (target.asn() != site_.asn) refuse("not this site's");
  for (const auto& owner : ledger_.targets().of(target)) {  // in the order of kinds
    if (owner.kind == Kind::kNetwork && owner.project != object_.metadata.project)
      refuse("in use by another project");
    if (owner.kind == Kind::kPeer) refuse("one that a Peer knows");
    if (owner.kind == Kind::kLink) refuse("a Link's");
  }
  // Last, for its answer is the same whether somebody has the target or not.
  if (isAutoTarget(site_.asn, target) || isLinkTarget(site_.asn, target))
    result = fail(ErrorCode::kForbidden,
                  fmt::format("{} is among the numbers that the API gives out; type one {}",
                              target.text(), typedRange(site_.asn)),
                  path);
  return result;
}

Result<void> Admitting::linkTarget(const model::LinkSpec& spec) {
  if (!object_.spec.contains("routeTarget")) {
    if (before_ != nullptr && before_->spec.contains("routeTarget")) {
      object_.spec["routeTarget"] = before_->spec["routeTarget"];
      return {};
    }
    const auto last = wide(site_.asn) ? kWideEnd - 1 : 0xffffffff - 1;
    const auto target = ledger_.targets().firstFree(linkTargetNumber(site_.asn, 1));
    if (target && target->asn() == site_.asn && target->number() <= last) {
      object_.spec["routeTarget"] = target->text();
      return {};
    }
    return fail(ErrorCode::kExists, "this site has no more route targets for Links",
                "spec.routeTarget");
  }
  if (isAutoTarget(site_.asn, spec.routeTarget))
    return invalid(fmt::format("{} is the automatic target of a network, or may become one; a Link "
                               "needs one of its own",
                               spec.routeTarget.text()),
                   "spec.routeTarget");
  return fromSystem() ? Result<void>{} : targetAllowed(spec.routeTarget, "spec.routeTarget");
}

}  // namespace hawser::controller
