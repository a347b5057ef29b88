// What runs for an image name (docs/lab-images.md), and reading files.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hawser/base/result.h"

namespace hawser::lab {

struct Image {
  std::map<std::string, std::string> bind;  // host path → path in the container, read only
  std::vector<std::string> command;
  std::string user;
};
// Error.field is the place in the file.
[[nodiscard]] Result<std::map<std::string, Image>> readImages(const std::filesystem::path& file);

[[nodiscard]] Result<std::string> readText(const std::filesystem::path& file);
// Through a rename: whoever reads sees the old text or the new one.
[[nodiscard]] Result<void> writeText(const std::filesystem::path& file, const std::string& text,
                                     unsigned mode = 0644);

}  // namespace hawser::lab
