// Files, whole. Blocking.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "hawser/base/result.h"

namespace hawser {

// kNotFound: there is none.
[[nodiscard]] Result<std::string> readFile(const std::filesystem::path& path);

struct WriteOptions {
  mode_t mode = 0600;
  // Data and name are on the disk before it returns, so the new content is there also after a power
  // failure. Without: the old or the new after a crash of the process, anything after one of the
  // machine.
  bool durable = true;
};
// In place of what is there, whole or not at all: readers see the old or the new content. A failure
// leaves the old.
[[nodiscard]] Result<void> writeFile(const std::filesystem::path& path, const std::string& text,
                                     const WriteOptions& options = {});

}  // namespace hawser
