// Objects from texts, with the place of every mistake.
#include "hawser/model/source.h"

#include <fmt/core.h>

#include <algorithm>

namespace hawser::model {

namespace {

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

Result<void> add(std::vector<Read>& read, const Json& json, const Place& place,
                 const std::string& project) {
  const bool isList = json.is_object() && json.contains("items") && json.at("items").is_array() &&
                      json.value("kind", Json()).is_string() &&
                      json.at("kind").get_ref<const std::string&>().ends_with("List");
  if (isList) {
    std::size_t index = 0;
    for (const auto& item : json.at("items")) {
      auto inside = place;
      inside.item += fmt::format("{}items[{}]", inside.item.empty() ? "" : ".", index++);
      if (auto added = add(read, item, inside, project); !added) return added;
    }
    return {};
  }
  auto object = parseObject(json, project);
  if (!object) {
    auto error = object.error();
    const auto where = place.of(error.field) + named(json);
    error.field = error.field.empty() ? where : where + ": " + error.field;
    return std::unexpected(std::move(error));
  }
  read.push_back({std::move(*object), place});
  return {};
}

}  // namespace

std::string Place::of(const std::string& field) const {
  const auto path = item.empty() || field.empty() ? item + field : item + "." + field;
  const int line = text == nullptr ? 0 : lineOf(*text, path, document);
  return line > 0 ? fmt::format("{}:{}", source, line) : source;
}

Result<std::vector<Read>> readObjects(const std::string& source, const std::string& text,
                                      const std::string& project) {
  const auto documents = parseDocuments(text);
  if (!documents) {
    auto error = documents.error();
    error.field = error.field.empty() ? source : source + ": " + error.field;
    return std::unexpected(std::move(error));
  }
  std::vector<Read> read;
  Place place{source, std::make_shared<const std::string>(text)};
  for (const auto& json : *documents) {
    if (auto added = add(read, json, place, project); !added) return std::unexpected(added.error());
    ++place.document;
  }
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
    error.field = read[index].place.of(rest) + ": " + read[index].object.key().text() +
                  (rest.empty() ? "" : " " + rest);
    return error;
  }
  for (const auto& one : read) {
    const auto key = one.object.key().text();
    if (error.field != key && !error.field.starts_with(key + " ")) continue;
    const auto rest = error.field.substr(std::min(error.field.size(), key.size() + 1));
    error.field = one.place.of(rest) + ": " + error.field;
    return error;
  }
  return error;
}

}  // namespace hawser::model
