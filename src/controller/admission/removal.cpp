#include "admission/removal.h"

#include <fmt/core.h>

#include "hawser/model/specs.h"

namespace hawser::controller {
namespace {

using model::Kind;
using model::Object;
using model::Ref;

std::unexpected<Error> neededBy(const Object& object, const Object& user) {
  return fail(ErrorCode::kConflict,
              fmt::format("{} still needs {}", user.key().text(), object.key().text()),
              "metadata.name");
}

// The first object of the kind for which `uses` holds.
template <class Uses>
Result<void> unused(const api::Staging& staging, const Object& object, Kind kind, Uses uses) {
  Result<void> result;
  staging.forEach(kind, [&](const Object& user) {
    if (result && uses(user)) result = neededBy(object, user);
  });
  return result;
}

template <class Refs>
bool contains(const Refs& refs, const Ref& ref) {
  for (const auto& item : refs)
    if (item == ref) return true;
  return false;
}

bool policyNames(const Object& user, const Ref& ref) {
  for (const auto& rule : model::PolicySpec::from(user).rules)
    if (rule.fromNetwork == ref || rule.toNetwork == ref) return true;
  return false;
}

bool groupNames(const Object& user, const Ref& ref, bool network) {
  for (const auto& rule : model::SecurityGroupSpec::from(user).rules)
    if ((network ? rule.remoteNetwork : rule.remoteGroup) == ref) return true;
  return false;
}

bool usesNetwork(const Object& user, const Ref& ref) {
  switch (user.kind) {
    case Kind::kPort:
      return model::PortSpec::from(user).network == ref;
    case Kind::kFloatingIp:
      return model::FloatingIpSpec::from(user).network == ref;
    case Kind::kService:
      return model::ServiceSpec::from(user).network == ref;
    case Kind::kRouter:
      return contains(model::RouterSpec::from(user).networks, ref);
    case Kind::kPolicy:
      return policyNames(user, ref);
    case Kind::kSecurityGroup:
      return groupNames(user, ref, true);
    case Kind::kLink:
      return model::LinkSpec::from(user).network == ref;
    default:
      return false;
  }
}

bool usesPort(const Object& user, const Ref& ref) {
  if (user.kind == Kind::kFloatingIp) return model::FloatingIpSpec::from(user).port == ref;
  for (const auto& backend : model::ServiceSpec::from(user).backends)
    if (backend.port == ref) return true;
  return false;
}

bool usesGroup(const Object& user, const Ref& ref) {
  return user.kind == Kind::kPort ? contains(model::PortSpec::from(user).securityGroups, ref)
                                  : groupNames(user, ref, false);
}

Result<void> unusedBy(const api::Staging& staging, const Object& object,
                      std::initializer_list<Kind> kinds,
                      const std::function<bool(const Object&)>& uses) {
  for (const auto kind : kinds)
    if (auto free = unused(staging, object, kind, uses); !free) return free;
  return {};
}

Result<void> emptyProject(const api::Staging& staging, const Object& project) {
  const auto& name = project.metadata.name;
  for (const auto& info : model::kinds()) {
    if (!info.projectScoped) continue;
    auto free = unused(staging, project, info.kind,
                       [&](const Object& u) { return u.metadata.project == name; });
    if (!free) return free;
  }
  return unused(staging, project, Kind::kToken,
                [&](const Object& u) { return u.spec.value("project", "") == name; });
}

Result<void> lastAdministrator(const api::Staging& staging, const Object& object) {
  if (object.spec.value("role", "") != "admin") return {};
  bool other = false;
  staging.forEach(Kind::kToken, [&](const Object& token) {
    other |= token.spec.value("role", "") == "admin" && !token.spec.contains("expires");
  });
  if (other) return {};
  return fail(ErrorCode::kConflict, "is the last administrator's token that does not expire",
              "metadata.name");
}

}  // namespace

Result<void> stillNeeded(const api::Staging& staging, const Object& object) {
  const Ref self{object.metadata.project, object.metadata.name};
  const auto& name = object.metadata.name;
  switch (object.kind) {
    case Kind::kSite:
      return fail(ErrorCode::kForbidden, "the Site stays as long as its controller",
                  "metadata.name");
    case Kind::kProject:
      return emptyProject(staging, object);
    case Kind::kNetwork:
      return unusedBy(staging, object,
                      {Kind::kPort, Kind::kFloatingIp, Kind::kService, Kind::kRouter, Kind::kPolicy,
                       Kind::kSecurityGroup, Kind::kLink},
                      [&](const Object& u) { return usesNetwork(u, self); });
    case Kind::kPort:
      return unusedBy(staging, object, {Kind::kService, Kind::kFloatingIp},
                      [&](const Object& u) { return usesPort(u, self); });
    case Kind::kHost:
      return unused(staging, object, Kind::kPort,
                    [&](const Object& u) { return u.spec.value("host", "") == name; });
    case Kind::kAddressPool:
      return unused(staging, object, Kind::kNetwork,
                    [&](const Object& u) { return u.spec.value("addressPool", "") == name; });
    case Kind::kSecurityGroup:
      return unusedBy(staging, object, {Kind::kPort, Kind::kSecurityGroup},
                      [&](const Object& u) { return usesGroup(u, self); });
    case Kind::kPeer:
      return unused(staging, object, Kind::kLink,
                    [&](const Object& u) { return model::LinkSpec::from(u).peer == name; });
    case Kind::kIdentity:
      if (!staging.caller().internal)
        return fail(ErrorCode::kForbidden, "identities are kept by the API", "metadata.name");
      return {};
    case Kind::kToken:
      return lastAdministrator(staging, object);
    default:
      return {};
  }
}

}  // namespace hawser::controller
