// Objects from one line of YAML.
#pragma once

#include <stdexcept>
#include <string>

#include "hawser/model/object.h"
#include "hawser/model/specs.h"

namespace hawser::model::test {

inline Json yaml(const std::string& text) { return parseDocuments(text)->at(0); }

// A spec in flow form, as an object of the kind named "x" in project "default".
inline Json object(Kind kind, const std::string& spec) {
  return Json{{"kind", info(kind).name}, {"metadata", {{"name", "x"}}}, {"spec", yaml(spec)}};
}
// "" when the object is good, else "field: message".
inline std::string errorOf(Kind kind, const std::string& spec) {
  const auto parsed = parseObject(object(kind, spec), "default");
  return parsed ? std::string() : parsed.error().text();
}
inline Object parsed(Kind kind, const std::string& spec) {
  auto made = parseObject(object(kind, spec), "default");
  if (!made) throw std::runtime_error(made.error().text());
  return *made;
}

}  // namespace hawser::model::test
