#include "admission/removal.h"

#include <fmt/core.h>

#include "hawser/model/specs.h"

namespace hawser::controller {
namespace {

using model::Kind;
using model::Object;

std::unexpected<Error> neededBy(const Object& object, const model::ObjectKey& user) {
  return fail(ErrorCode::kConflict,
              fmt::format("{} still needs {}", user.text(), object.key().text()));
}

Result<void> unused(const Ledger& ledger, const Object& object) {
  const auto& users = ledger.users(object.key());
  if (users.empty()) return {};
  return neededBy(object, *users.begin());
}

Result<void> emptyProject(const Ledger& ledger, const api::Staging& staging,
                          const Object& project) {
  const auto& name = project.metadata.name;
  for (const auto& info : model::kinds()) {
    if (!info.projectScoped || ledger.count(info.kind, name) == 0) continue;
    Result<void> result;
    staging.forEachOf(info.kind, name, [&](const Object& user) {
      if (result) result = neededBy(project, user.key());
    });
    if (!result) return result;
  }
  return unused(ledger, project);
}

Result<void> lastAdministrator(const api::Staging& staging, const Object& object) {
  if (object.spec.value("role", "") != "admin") return {};
  bool other = false;
  staging.forEach(Kind::kToken, [&](const Object& token) {
    other |= token.spec.value("role", "") == "admin" && !token.spec.contains("expires");
  });
  if (other) return {};
  return fail(ErrorCode::kConflict,
              object.key().text() + " is the last administrator's token that does not expire");
}

}  // namespace

Result<void> stillNeeded(const Ledger& ledger, const api::Staging& staging, const Object& object) {
  switch (object.kind) {
    case Kind::kSite:
      return fail(ErrorCode::kForbidden, "the Site stays as long as its controller");
    case Kind::kProject:
      return emptyProject(ledger, staging, object);
    case Kind::kIdentity:
      if (!staging.caller().internal)
        return fail(ErrorCode::kForbidden, "identities are kept by the API");
      return {};
    case Kind::kToken:
      return lastAdministrator(staging, object);
    case Kind::kHost:
    case Kind::kNetwork:
    case Kind::kPort:
    case Kind::kAddressPool:
    case Kind::kFloatingIp:
    case Kind::kService:
    case Kind::kRouter:
    case Kind::kPolicy:
    case Kind::kSecurityGroup:
    case Kind::kPeer:
    case Kind::kLink:
    case Kind::kQuota:
      return unused(ledger, object);
  }
  return {};
}

}  // namespace hawser::controller
