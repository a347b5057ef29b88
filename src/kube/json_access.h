// Reading JSON that nobody has checked: what is absent or of another type is null or empty, never
// an exception.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hawser/model/object.h"

namespace hawser::kube {

using model::Json;

[[nodiscard]] inline const Json& member(const Json& json, std::string_view name) {
  static const Json kNone;
  if (!json.is_object()) return kNone;
  const auto found = json.find(name);
  return found == json.end() ? kNone : *found;
}

[[nodiscard]] inline std::string textOf(const Json& json) {
  return json.is_string() ? json.get<std::string>() : std::string();
}
[[nodiscard]] inline std::string textOf(const Json& json, std::string_view name) {
  return textOf(member(json, name));
}

// A whole number in [low, high], else `otherwise`.
[[nodiscard]] inline std::int64_t numberOf(const Json& json, std::int64_t low, std::int64_t high,
                                           std::int64_t otherwise) {
  if (!json.is_number_integer()) return otherwise;
  const auto value = json.get<std::int64_t>();
  return value < low || value > high ? otherwise : value;
}

// The items of a list; of anything else none.
[[nodiscard]] inline const Json& listOf(const Json& json) {
  static const Json kEmpty = Json::array();
  return json.is_array() ? json : kEmpty;
}

}  // namespace hawser::kube
