// Routers, policies and security groups: what they name must exist, and what they join must not
// overlap.
#include <fmt/core.h>

#include "admission/admission.h"

namespace hawser::controller {

using model::Kind;

Result<void> Admitting::router() {
  const auto spec = model::RouterSpec::from(object_);
  for (std::size_t i = 0; i < spec.networks.size(); ++i)
    if (auto found = networkAt(spec.networks[i], fmt::format("spec.networks[{}]", i)); !found)
      return std::unexpected(found.error());
  for (std::size_t i = 0; i < spec.networks.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (auto fits =
              apart(spec.networks[j], spec.networks[i], fmt::format("spec.networks[{}]", i));
          !fits)
        return fits;
  return {};
}

Result<void> Admitting::policy() {
  const auto spec = model::PolicySpec::from(object_);
  for (std::size_t i = 0; i < spec.rules.size(); ++i) {
    const auto path = fmt::format("spec.rules[{}]", i);
    if (auto found = networkAt(*spec.rules[i].fromNetwork, path + ".from.network"); !found)
      return std::unexpected(found.error());
    if (auto found = networkAt(*spec.rules[i].toNetwork, path + ".to.network"); !found)
      return std::unexpected(found.error());
    if (!spec.rules[i].allow) continue;  // joins nothing
    if (auto fits =
            apart(*spec.rules[i].fromNetwork, *spec.rules[i].toNetwork, path + ".to.network");
        !fits)
      return fits;
  }
  return {};
}

Result<void> Admitting::securityGroup() {
  const auto spec = model::SecurityGroupSpec::from(object_);
  for (std::size_t i = 0; i < spec.rules.size(); ++i) {
    const auto& rule = spec.rules[i];
    const auto path = fmt::format("spec.rules[{}]", i);
    if (rule.remoteGroup && *rule.remoteGroup != self() &&
        !staging_.find({Kind::kSecurityGroup, rule.remoteGroup->project, rule.remoteGroup->name}))
      return invalid(fmt::format("security group \"{}\" does not exist", rule.remoteGroup->text()),
                     path + ".remoteGroup");
    if (rule.remoteNetwork &&
        !staging_.find({Kind::kNetwork, rule.remoteNetwork->project, rule.remoteNetwork->name}))
      return invalid(fmt::format("network \"{}\" does not exist", rule.remoteNetwork->text()),
                     path + ".remoteNetwork");
  }
  return {};
}

}  // namespace hawser::controller
