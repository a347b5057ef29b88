#include "machine/underlay.h"

#include <fmt/core.h>

#include <algorithm>

#include "machine/owned.h"

namespace hawser::lab {
namespace {

Result<void> settings(const NamespacePlan& plan,
                      const std::vector<std::pair<std::string, std::string>>& values) {
  if (values.empty()) return {};
  return inNetns(plan.name, [&]() -> Result<void> {
    for (const auto& [name, value] : values) {
      // A kernel without the protocol needs no setting for it.
      if (auto written = writeSysctl(name, value);
          !written && written.error().code != ErrorCode::kNotFound)
        return written;
    }
    return {};
  });
}

Result<void> batch(std::vector<std::string> command, const std::string& lines) {
  command.insert(command.end(), {"-batch", "-"});
  if (auto done = runOrFail(command, lines); !done) return std::unexpected(done.error());
  return {};
}

// Namespaces first: some settings must stand before the first link.
Result<void> make(const std::string& run, const Underlay& underlay) {
  for (const auto& plan : underlay.namespaces)
    if (auto made = makeNetns(run, plan.name); !made) return made;
  for (const auto& plan : underlay.namespaces)
    if (auto set = settings(plan, plan.before); !set) return set;
  if (auto made = batch({"ip"}, underlay.links); !made) return made;
  for (const auto& plan : underlay.namespaces) {
    if (auto made = batch({"ip", "-n", plan.name}, plan.commands); !made) return made;
    if (auto set = settings(plan, plan.after); !set) return set;
  }
  return {};
}

}  // namespace

Result<void> makeUnderlay(const std::string& run, const Underlay& underlay) {
  auto made = make(run, underlay);
  if (made) return made;
  const auto own = ownNetns(run);
  for (const auto& plan : underlay.namespaces)
    if (std::ranges::binary_search(own, plan.name)) dropNetns(run, plan.name);
  return made;
}

}  // namespace hawser::lab
