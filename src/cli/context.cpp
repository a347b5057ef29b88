#include "context.h"

#include <fmt/core.h>

#include <array>

#include "hawser/base/file.h"

namespace hawser::cli {

using model::Json;

namespace {

struct Member {
  const char* name;
  std::string Context::* field;
};
constexpr std::array kMembers{Member{"server", &Context::server}, Member{"ca", &Context::ca},
                              Member{"token", &Context::token},
                              Member{"tokenFile", &Context::tokenFile},
                              Member{"project", &Context::project}};

Result<Context> parseContext(const Json& json, const std::string& path) {
  if (!json.is_object()) return invalid("must be a map", path);
  Context context;
  for (const auto& [key, value] : json.items()) {
    const Member* found = nullptr;
    for (const auto& member : kMembers)
      if (key == member.name) found = &member;
    if (found == nullptr) {
      const auto near = model::nearest(key, {"server", "ca", "token", "tokenFile", "project"});
      return invalid(
          near.empty() ? "is not known" : fmt::format("is not known; \"{}\" is near", near),
          path + "." + key);
    }
    if (!value.is_string()) return invalid("must be text", path + "." + key);
    context.*(found->field) = value.get<std::string>();
  }
  return context;
}

}  // namespace

Result<Config> parseConfig(const std::string& text) {
  const auto documents = model::parseDocuments(text);
  if (!documents) return std::unexpected(documents.error());
  Config config;
  if (documents->empty()) return config;
  if (documents->size() > 1) return invalid("holds several documents");
  const auto& root = documents->front();
  if (!root.is_object()) return invalid("must be a map with \"current\" and \"contexts\"");
  for (const auto& [key, value] : root.items()) {
    if (key == "current") {
      if (!value.is_string()) return invalid("must be the name of a context", key);
      config.current = value.get<std::string>();
    } else if (key == "contexts") {
      if (value.is_null()) continue;
      if (!value.is_object()) return invalid("must be a map of contexts by name", key);
      for (const auto& [name, json] : value.items()) {
        auto context = parseContext(json, "contexts." + name);
        if (!context) return std::unexpected(context.error());
        config.contexts[name] = std::move(*context);
      }
    } else {
      return invalid("is not known; \"current\" and \"contexts\" are", key);
    }
  }
  return config;
}

Json toJson(const Config& config) {
  Json contexts = Json::object();
  for (const auto& [name, context] : config.contexts) {
    Json json = Json::object();
    for (const auto& member : kMembers)
      if (!(context.*(member.field)).empty()) json[member.name] = context.*(member.field);
    contexts[name] = std::move(json);
  }
  return {{"current", config.current}, {"contexts", std::move(contexts)}};
}

Result<Config> loadConfig(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return Config{};
  const auto text = readFile(path);
  if (!text) return std::unexpected(text.error());
  auto config = parseConfig(*text);
  if (!config) {
    auto why = config.error();
    why.field = why.field.empty() ? path.string() : path.string() + ": " + why.field;
    return std::unexpected(std::move(why));
  }
  return config;
}

Result<void> saveConfig(const std::filesystem::path& path, const Config& config) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) return failErrno("make " + path.parent_path().string(), error.value());
  return writeFile(path, model::toYaml(toJson(config)));
}

}  // namespace hawser::cli
