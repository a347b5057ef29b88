#include "input.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "context.h"
#include "hawser/base/file.h"

namespace hawser::cli {

namespace {

struct Source {
  std::string name, text;
};

bool holdsObjects(const std::filesystem::path& path) {
  const auto extension = path.extension();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

Result<std::vector<Source>> sourcesOf(const std::string& file, std::istream& in) {
  std::vector<Source> sources;
  if (file == "-") {
    sources.push_back({"standard input", std::string(std::istreambuf_iterator<char>(in), {})});
    return sources;
  }
  std::vector<std::filesystem::path> paths{file};
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) {
    paths.clear();
    for (const auto& entry : std::filesystem::directory_iterator(file, error))
      if (holdsObjects(entry.path())) paths.push_back(entry.path());
    if (error) return failErrno("read " + file, error.value());
    if (paths.empty()) return invalid("holds no *.yaml, *.yml or *.json", file);
    std::sort(paths.begin(), paths.end());
  }
  for (const auto& path : paths) {
    auto text = readFile(path);
    if (!text) return std::unexpected(text.error());
    sources.push_back({path.string(), std::move(*text)});
  }
  return sources;
}

}  // namespace

Result<std::vector<Read>> readObjects(const std::vector<std::string>& files, std::istream& in,
                                      const std::string& project) {
  std::vector<Read> read;
  for (const auto& file : files) {
    const auto sources = sourcesOf(file, in);
    if (!sources) return std::unexpected(sources.error());
    for (const auto& source : *sources) {
      auto objects = model::readObjects(source.name, source.text, project);
      if (!objects) return std::unexpected(objects.error());
      read.insert(read.end(), std::make_move_iterator(objects->begin()),
                  std::make_move_iterator(objects->end()));
    }
  }
  if (read.empty())
    return invalid(files.size() == 1 ? "holds no objects" : "hold no objects", files.front());
  return read;
}

Result<model::ObjectKey> parseTarget(const std::string& kind, const std::string& name,
                                     const std::string& project) {
  auto kindText = kind, nameText = name;
  if (const auto slash = kind.find('/'); slash != std::string::npos) {
    if (!name.empty())
      return invalid(fmt::format("\"{}\" names an object already, \"{}\" is too much", kind, name));
    kindText = kind.substr(0, slash);
    nameText = kind.substr(slash + 1);
  }
  const auto parsed = model::parseKind(kindText);
  if (!parsed) return std::unexpected(parsed.error());
  model::ObjectKey key{*parsed, {}, nameText};
  if (!model::info(*parsed).projectScoped) {
    if (nameText.find('/') != std::string::npos)
      return invalid(fmt::format("{} are not in a project", model::info(*parsed).plural), nameText);
    return key;
  }
  key.project = project;
  if (const auto slash = nameText.find('/'); slash != std::string::npos) {
    key.project = nameText.substr(0, slash);
    key.name = nameText.substr(slash + 1);
  }
  return key;
}

}  // namespace hawser::cli
