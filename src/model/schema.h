// The description of every kind's spec, from which validation, defaults, `explain` and the OpenAPI
// document are made. A new field is one row, a new kind one table.
#pragma once

#include <string_view>
#include <vector>

#include "hawser/model/object.h"

namespace hawser::model {

enum class Type : std::uint8_t {
  kText,
  kName,  // of an object without project
  kRef,   // "name" or "project/name"
  kAddress,
  kPrefix,
  kMac,
  kRouteTarget,
  kAsn,
  kPorts,  // a number, "5432", or "8000-8080"
  kInteger,
  kBool,
  kEnum,
  kList,
  kObject,
  kMap,  // of strings; `fields[0]`, when there, describes the values
};

struct Field {
  std::string_view name;
  Type type = Type::kText;
  std::string_view description = {};
  bool required = false;
  std::string_view fallback = {};             // JSON text filled in when the field is absent
  std::int64_t least = 0, most = 0;           // kInteger
  std::vector<std::string_view> values = {};  // kEnum
  std::vector<Field> fields = {};             // of an object; of a list exactly one: its items
};

[[nodiscard]] const std::vector<Field>& fieldsOf(Kind kind);
[[nodiscard]] std::string_view describe(Kind kind);

// Checks `value` by the fields, fills defaults in and brings values into their canonical text.
// `path` is where it stands.
[[nodiscard]] Result<void> checkObject(Json& value, const std::vector<Field>& fields,
                                       const std::string& path);
// What no table can say: fields that depend on each other.
[[nodiscard]] Result<void> checkKind(const Object& object);

}  // namespace hawser::model
