// What runs for an image name (docs/lab-images.md).
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

}  // namespace hawser::lab
