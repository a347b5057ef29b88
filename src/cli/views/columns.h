// How objects look in a table: one descriptor for each kind. Pure.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hawser/model/object.h"
#include "views/table.h"

namespace hawser::cli {

struct Column {
  std::string_view title;
  std::string (*cell)(const model::Json& object);
  bool wideOnly = false;
};

// The columns between NAME and LABELS.
[[nodiscard]] std::span<const Column> columnsOf(model::Kind kind);

struct Look {
  bool wide = false;
  bool withProject = false;  // a PROJECT column, for kinds that have one
};
[[nodiscard]] std::vector<std::string> titlesOf(model::Kind kind, Look look);
[[nodiscard]] std::vector<std::string> rowOf(model::Kind kind, const model::Json& object,
                                             Look look);
// `items` in the order of project and name.
[[nodiscard]] Table objectTable(model::Kind kind, const model::Json& items, Look look);
// "no networks in project default", "no hosts"
[[nodiscard]] std::string nothing(model::Kind kind, const std::string& project);

// Reading JSON for people: "" where there is nothing.
[[nodiscard]] std::string scalar(const model::Json& value);
// The value at "spec.routeTargets.both"; null when there is none.
[[nodiscard]] const model::Json& at(const model::Json& json, std::string_view path);
[[nodiscard]] std::string textAt(const model::Json& json, std::string_view path);
// Items joined by ", "; at most `most`, then "+N".
[[nodiscard]] std::string joined(const model::Json& list, std::size_t most = 3);
[[nodiscard]] std::string joinedFields(const model::Json& list, std::string_view field,
                                       std::size_t most = 3);
[[nodiscard]] std::string labelText(const model::Json& labels);

}  // namespace hawser::cli
