// Quotas: the lowest limit of the project's Quota objects counts; what none limits is unlimited. A
// project that has more than a new limit keeps it, and gets no more.
#include <fmt/core.h>

#include "admission/admission.h"

namespace hawser::controller {

using model::Kind;
using model::Object;

namespace {

// Addresses of external networks that the object has.
std::int64_t externalAddresses(const api::Staging& staging, const Object& object) {
  const auto name = object.spec.find("network");
  if (name == object.spec.end() || !name->is_string()) return 0;
  const auto ref = model::Ref::parse(name->get<std::string>(), object.metadata.project);
  const auto network = staging.find({Kind::kNetwork, ref.project, ref.name});
  if (!network || !model::NetworkSpec::from(*network).external) return 0;
  std::size_t count = 0;
  if (object.kind == Kind::kFloatingIp) count = 1;
  if (object.kind == Kind::kService) count = model::ServiceSpec::from(object).addresses.size();
  if (object.kind == Kind::kPort) count = model::PortStatus::from(object).addresses.size();
  return static_cast<std::int64_t>(count);
}

}  // namespace

std::optional<std::pair<std::int64_t, std::string>> Admitting::limitOf(
    std::string_view limit) const {
  std::optional<std::pair<std::int64_t, std::string>> lowest;
  staging_.forEachOf(Kind::kQuota, object_.metadata.project, [&](const Object& quota) {
    const auto found = quota.spec.find(std::string(limit));
    if (found == quota.spec.end()) return;
    const auto value = found->get<std::int64_t>();
    if (!lowest || value < lowest->first) lowest = {value, quota.key().text()};
  });
  return lowest;
}

Result<void> Admitting::quotaLeft(std::string_view limit) const {
  if (before_ != nullptr) return {};
  const auto allowed = limitOf(limit);
  if (!allowed) return {};
  if (ledger_.count(object_.kind, object_.metadata.project) < allowed->first) return {};
  return fail(ErrorCode::kForbidden,
              fmt::format("{} allows {} {} in project {}, and all are in use", allowed->second,
                          allowed->first, limit, object_.metadata.project),
              "metadata.project");
}

Result<void> Admitting::externalLeft() const {
  const auto allowed = limitOf("externalAddresses");
  if (!allowed) return {};
  const auto mine = externalAddresses(staging_, object_);
  const auto had = before_ == nullptr ? 0 : externalAddresses(staging_, *before_);
  if (mine == 0 || (before_ != nullptr && mine <= had)) return {};
  const auto used = ledger_.externalAddresses(object_.metadata.project) - had + mine;
  if (used <= allowed->first) return {};
  return fail(ErrorCode::kForbidden,
              fmt::format("{} allows {} externalAddresses in project {}, and this would make {}",
                          allowed->second, allowed->first, object_.metadata.project, used),
              "metadata.project");
}

}  // namespace hawser::controller
