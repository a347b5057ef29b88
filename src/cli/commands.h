// The commands. Each gets its options, prints to the session and gives an exit status; an error is
// told by run().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "session.h"

namespace hawser::cli {

struct ApplyOptions {
  std::vector<std::string> files;
  bool dryRun = false;
};
[[nodiscard]] Result<int> apply(Session& session, const ApplyOptions& options);

struct GetOptions {
  std::string kind;
  std::vector<std::string> names;
  bool allProjects = false;
  std::string selector;
  bool watch = false;
  std::uint64_t count = 0;  // of a watch: end after so many changes; 0: never
};
[[nodiscard]] Result<int> get(Session& session, GetOptions options);
[[nodiscard]] Result<int> watch(Session& session, GetOptions options);

struct DeleteOptions {
  std::string kind;
  std::vector<std::string> names;
  std::vector<std::string> files;
  bool ignoreMissing = false;
};
[[nodiscard]] Result<int> remove(Session& session, DeleteOptions options);

[[nodiscard]] Result<int> explain(Session& session, const std::string& kind);

}  // namespace hawser::cli
