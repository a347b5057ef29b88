#include "input.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "context.h"

namespace hawser::cli {

using model::Json;
using model::Object;

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

std::string named(const Json& json) {
  const auto text = [](const Json& in, const char* key) {
    return in.is_object() && in.contains(key) && in.at(key).is_string()
               ? in.at(key).get<std::string>()
               : std::string();
  };
  const auto kind = text(json, "kind");
  const auto name =
      json.is_object() && json.contains("metadata") ? text(json["metadata"], "name") : "";
  if (kind.empty() && name.empty()) return {};
  return fmt::format(" ({}{}{})", kind, kind.empty() || name.empty() ? "" : " ", name);
}

Result<void> add(std::vector<Read>& read, const Json& json, const std::string& place,
                 const std::string& project) {
  const bool isList = json.is_object() && json.contains("items") && json.at("items").is_array() &&
                      json.value("kind", Json()).is_string() &&
                      json.at("kind").get_ref<const std::string&>().ends_with("List");
  if (isList) {
    std::size_t index = 0;
    for (const auto& item : json.at("items"))
      if (auto added = add(read, item, fmt::format("{}, item {}", place, ++index), project); !added)
        return added;
    return {};
  }
  auto object = model::parseObject(json, project);
  if (!object) {
    auto error = object.error();
    const auto where = place + named(json);
    error.field = error.field.empty() ? where : where + ": " + error.field;
    return std::unexpected(std::move(error));
  }
  read.push_back({std::move(*object), place});
  return {};
}

}  // namespace

Result<std::vector<Read>> readObjects(const std::vector<std::string>& files, std::istream& in,
                                      const std::string& project) {
  std::vector<Read> read;
  for (const auto& file : files) {
    const auto sources = sourcesOf(file, in);
    if (!sources) return std::unexpected(sources.error());
    for (const auto& source : *sources) {
      const auto documents = model::parseDocuments(source.text);
      if (!documents) {
        auto error = documents.error();
        error.field = error.field.empty() ? source.name : source.name + ": " + error.field;
        return std::unexpected(std::move(error));
      }
      std::size_t index = 0;
      for (const auto& json : *documents) {
        ++index;
        const auto place = documents->size() == 1
                               ? source.name
                               : fmt::format("{}, document {}", source.name, index);
        if (auto added = add(read, json, place, project); !added)
          return std::unexpected(added.error());
      }
    }
  }
  if (read.empty())
    return invalid(files.size() == 1 ? "holds no objects" : "hold no objects", files.front());
  return read;
}

Error placed(Error error, const std::vector<Read>& read) {
  constexpr std::string_view kList = "objects[";
  if (error.field.starts_with(kList)) {
    const auto end = error.field.find(']');
    const auto digits = error.field.substr(kList.size(), end - kList.size());
    const auto index = digits.empty() || digits.size() > 9 ||
                               digits.find_first_not_of("0123456789") != std::string::npos
                           ? read.size()
                           : std::stoul(digits);
    if (index >= read.size()) return error;
    auto rest = error.field.substr(end + 1);
    if (rest.starts_with('.')) rest.erase(0, 1);
    error.field = read[index].place + ": " + read[index].object.key().text() +
                  (rest.empty() ? "" : " " + rest);
    return error;
  }
  for (const auto& one : read) {
    const auto key = one.object.key().text();
    if (error.field != key && !error.field.starts_with(key + " ")) continue;
    error.field = one.place + ": " + error.field;
    return error;
  }
  return error;
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
