#include "machine/underlay.h"

#include <fmt/core.h>

#include <sstream>

#include "machine/machine.h"

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

Result<void> make(const Underlay& underlay) {
  // Namespaces first: some settings must stand before the first link.
  std::string spaces, links;
  std::istringstream in(underlay.links);
  for (std::string line; std::getline(in, line);)
    (line.starts_with("netns add") ? spaces : links) += line + "\n";
  if (auto made = batch({"ip"}, spaces); !made) return made;
  for (const auto& plan : underlay.namespaces)
    if (auto set = settings(plan, plan.before); !set) return set;
  if (auto made = batch({"ip"}, links); !made) return made;
  for (const auto& plan : underlay.namespaces) {
    if (auto made = batch({"ip", "-n", plan.name}, plan.commands); !made) return made;
    if (auto set = settings(plan, plan.after); !set) return set;
  }
  return {};
}

}  // namespace

Result<void> makeUnderlay(const Underlay& underlay) {
  for (const auto& plan : underlay.namespaces)
    if (netnsExists(plan.name))
      return fail(ErrorCode::kExists,
                  fmt::format("the network namespace \"{}\" exists already", plan.name));
  auto made = make(underlay);
  if (!made)
    for (const auto& plan : underlay.namespaces) removeNetns(plan.name);
  return made;
}

}  // namespace hawser::lab
