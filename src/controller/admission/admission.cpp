// Dispatch, and the kinds that describe the site itself.
#include "admission/admission.h"

#include <fmt/core.h>

#include <algorithm>

#include "admission/removal.h"
#include "hawser/wire/message.h"

namespace hawser::controller {

using model::Kind;
using model::Object;

namespace {
constexpr std::size_t kMaxHostName = 59;  // "host:<name>" is a common name of at most 64
}

Result<void> Admission::admit(const api::Staging& staging, Object& object, const Object* before) {
  return Admitting(site_, ledger_, staging, object, before).run();
}

Result<void> Admission::removed(const api::Staging& staging, const Object& object) {
  return stillNeeded(ledger_, staging, object);
}

Result<void> Admitting::run() {
  const auto& project = object_.metadata.project;
  if (model::info(object_.kind).projectScoped && !staging_.find({Kind::kProject, {}, project}))
    return invalid(fmt::format("project \"{}\" does not exist", project), "metadata.project");
  switch (object_.kind) {
    case Kind::kSite:
      return siteObject();
    case Kind::kHost:
      return host();
    case Kind::kNetwork:
      return network();
    case Kind::kPort:
      if (auto done = port(); !done) return done;
      return externalLeft();
    case Kind::kFloatingIp:
      if (auto done = floatingIp(); !done) return done;
      return externalLeft();
    case Kind::kService:
      if (auto done = service(); !done) return done;
      return externalLeft();
    case Kind::kRouter:
      return router();
    case Kind::kPolicy:
      return policy();
    case Kind::kSecurityGroup:
      return securityGroup();
    case Kind::kPeer:
      return peer();
    case Kind::kLink:
      return link();
    case Kind::kIdentity:
      return identity();
    case Kind::kToken:
      return token();
    case Kind::kAddressPool:
      return addressPool();
    case Kind::kProject:
    case Kind::kQuota:
      return {};
  }
  return {};
}

Result<void> Admitting::siteObject() {
  if (before_ == nullptr && !fromSystem())
    return invalid("there is one Site, made by its controller; other sites are Peers", "kind");
  const auto spec = model::SiteSpec::from(object_);
  const bool carried = std::any_of(spec.encapsulations.begin(), spec.encapsulations.end(),
                                   [](auto one) { return one != net::Encapsulation::kVxlan; });
  if (!carried)
    return invalid(
        "must hold MPLSoUDP or MPLSoGRE: VXLAN is for L2, which hosts do not carry yet, so they "
        "would offer no encapsulation",
        "spec.encapsulations");
  if (spec.asn != site_.asn)
    return invalid(
        fmt::format("is {} for good: route targets and identities carry it", site_.asn.value()),
        "spec.asn");
  return {};
}

Result<void> Admitting::host() {
  if (object_.metadata.name.size() > kMaxHostName)
    return invalid(fmt::format("is longer than {} characters", kMaxHostName), "metadata.name");
  const auto address = model::HostSpec::from(object_).address;
  if (const auto other = otherWith(Ledger::hostAddress(address)))
    return invalid(fmt::format("{} is the address of {}", address.text(), other->text()),
                   "spec.address");
  return {};
}

std::optional<model::ObjectKey> Admitting::otherWith(const std::string& claim) const {
  for (const auto& owner : ledger_.claimants(claim))
    if (owner != object_.key()) return owner;
  return std::nullopt;
}

Result<void> Admitting::peer() {
  const auto spec = model::PeerSpec::from(object_);
  for (std::size_t i = 0; i < spec.families.size(); ++i)
    if (wire::parseFamily(spec.families[i]) == wire::kVpnv6)
      return invalid("vpnv6 is IPv6, which hosts do not carry yet",
                     fmt::format("spec.families[{}]", i));
  if (spec.role == "site" && spec.asn == site_.asn)
    return invalid(
        fmt::format(
            "AS {0} is this site's own. Two sites with one AS number would take each other's "
            "route targets (both number their networks {0}:8000001 on) for their own; give "
            "the other site a number of its own",
            site_.asn.value()),
        "spec.asn");
  if (spec.role == "site" && spec.site == site_.name)
    return invalid(fmt::format("\"{}\" is this site", spec.site), "spec.site");
  if (spec.address == site_.bgpAddress)
    return invalid(fmt::format("{} is this controller's own address", spec.address.text()),
                   "spec.address");
  if (!spec.apiUrl.empty() &&
      (!spec.apiFingerprint.starts_with("sha256:") || spec.apiFingerprint.size() != 71 ||
       spec.apiFingerprint.find_first_not_of("0123456789abcdef", 7) != std::string::npos))
    return invalid(
        "must be sha256: and 64 hex digits, as `openssl x509 -fingerprint -sha256` gives "
        "for the other site's ca.pem, in lower case without colons",
        "spec.api.fingerprint");
  return peerAmongOthers(spec);
}

Result<void> Admitting::peerAmongOthers(const model::PeerSpec& spec) {
  Result<void> result;
  staging_.forEach(Kind::kPeer, [&](const Object& other) {
    if (other.metadata.name == object_.metadata.name || !result) return;
    const auto theirs = model::PeerSpec::from(other);
    const auto name = other.key().text();
    if (theirs.address == spec.address)
      result = invalid(fmt::format("{} is the address of {}", spec.address.text(), name),
                       "spec.address");
    else if (spec.role != "site" || theirs.role != "site")
      return;
    else if (theirs.site == spec.site && theirs.asn != spec.asn)
      result =
          invalid(fmt::format("site \"{}\" has AS {} in {}", spec.site, theirs.asn.value(), name),
                  "spec.asn");
    else if (theirs.site != spec.site && theirs.asn == spec.asn)
      result =
          invalid(fmt::format("AS {} is that of site \"{}\" ({}); sites need different numbers",
                              spec.asn.value(), theirs.site, name),
                  "spec.asn");
  });
  return result;
}

Result<void> Admitting::token() {
  const auto spec = model::TokenSpec::from(object_);
  if (before_ == nullptr && object_.metadata.name == api::Caller::system().name)
    return invalid("is what the controller calls itself in its logs", "metadata.name");
  if (spec.role != model::Role::kMember && object_.spec.contains("project"))
    return invalid("only a token of role member is of a project", "spec.project");
  if (spec.role == model::Role::kMember && !staging_.find({Kind::kProject, {}, spec.project}))
    return invalid(fmt::format("project \"{}\" does not exist", spec.project), "spec.project");
  if (const auto other = otherWith(Ledger::tokenHash(spec.hash)))
    return invalid(fmt::format("is the secret of {} too", other->text()), "spec.hash");
  return {};
}

Result<void> Admitting::identity() {
  if (!fromSystem()) return invalid("identities are made by the API", "kind");
  return {};
}

Result<void> Admitting::ownProject(const model::Ref& ref, const std::string& field) const {
  if (fromAdmin() || ref.project == object_.metadata.project) return {};
  return fail(
      ErrorCode::kForbidden,
      fmt::format("{} belongs to another project; an administrator has to do this", ref.text()),
      field);
}

Result<model::ObjectPtr> Admitting::networkAt(const model::Ref& ref, const std::string& field,
                                              bool externalToo) const {
  auto found = staging_.find({Kind::kNetwork, ref.project, ref.name});
  const bool open = found && externalToo && found->spec.value("external", false);
  if (!open)
    if (auto own = ownProject(ref, field); !own) return std::unexpected(own.error());
  if (!found) return invalid(fmt::format("network \"{}\" does not exist", ref.text()), field);
  return found;
}

Result<model::ObjectPtr> Admitting::portAt(const model::Ref& ref, const std::string& field) const {
  if (auto own = ownProject(ref, field); !own) return std::unexpected(own.error());
  auto found = staging_.find({Kind::kPort, ref.project, ref.name});
  if (!found) return invalid(fmt::format("port \"{}\" does not exist", ref.text()), field);
  return found;
}

}  // namespace hawser::controller
