#include "topology/images.h"

#include "hawser/base/file.h"
#include "topology/reader.h"

namespace hawser::lab {

using model::Json;
namespace fs = std::filesystem;

Result<std::map<std::string, Image>> readImages(const fs::path& file) {
  const auto text = readFile(file);
  if (!text) return std::unexpected(text.error());
  const auto documents = model::parseDocuments(*text);
  if (!documents) return std::unexpected(documents.error());
  if (documents->size() != 1 || !(*documents)[0].is_object() ||
      !(*documents)[0].contains("images") || !(*documents)[0]["images"].is_object())
    return invalid("holds no \"images\"", file.string());
  std::map<std::string, Image> images;
  Problem problem;
  for (const auto& [name, json] : (*documents)[0]["images"].items()) {
    Reader reader(json, "images." + name, problem);
    auto& image = images[name];
    image.command = reader.texts("command");
    if (image.command.empty()) reader.note("command", "is empty");
    image.user = reader.text("user");
    const auto* bind = reader.take("bind");
    const Json none = Json::object();
    for (const auto& [source, target] :
         (bind != nullptr && bind->is_object() ? *bind : none).items()) {
      if (!target.is_string()) {
        reader.note("bind." + source, "is not a path");
        continue;
      }
      image.bind[fs::absolute(file.parent_path() / source).lexically_normal().string()] =
          target.get<std::string>();
    }
    reader.done();
  }
  if (problem.first()) return std::unexpected(*problem.first());
  return images;
}

}  // namespace hawser::lab
