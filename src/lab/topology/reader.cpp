#include "topology/reader.h"

#include <algorithm>

namespace hawser::lab {

using model::Json;

namespace {
const Json& emptyObject() {
  static const Json kEmpty = Json::object();
  return kEmpty;
}
}  // namespace

Reader::Reader(const Json& json, std::string path, Problem& problem)
    : json_(json.is_object() ? json : emptyObject()),
      path_(std::move(path)),
      problem_(problem),
      object_(json.is_object()) {
  if (!object_) problem_.note(path_, "is not a map of fields");
}

const Json* Reader::take(const std::string& name, bool required) {
  known_.push_back(name);
  const auto found = json_.find(name);
  if (found != json_.end()) return &*found;
  if (required && object_) note(name, "is required");
  return nullptr;
}

std::string Reader::text(const std::string& name, bool required, std::string fallback) {
  const auto* found = take(name, required);
  if (found == nullptr) return fallback;
  if (found->is_string()) {
    auto value = found->get<std::string>();
    if (value.empty() && required) note(name, "is empty");
    return value;
  }
  note(name, "is not text");
  return fallback;
}

std::uint64_t Reader::number(const std::string& name, std::uint64_t least, std::uint64_t most,
                             std::uint64_t fallback, bool required) {
  const auto* found = take(name, required);
  if (found == nullptr) return fallback;
  if (found->is_number_unsigned()) {
    const auto value = found->get<std::uint64_t>();
    if (value >= least && value <= most) return value;
  }
  note(name, fmt::format("is not a number from {} to {}", least, most));
  return fallback;
}

bool Reader::flag(const std::string& name, bool fallback) {
  const auto* found = take(name);
  if (found == nullptr) return fallback;
  if (found->is_boolean()) return found->get<bool>();
  note(name, "is neither true nor false");
  return fallback;
}

std::vector<std::string> Reader::texts(const std::string& name) {
  std::vector<std::string> out;
  const auto* found = take(name);
  if (found == nullptr || found->is_null()) return out;
  if (!found->is_array()) {
    note(name, "is not a list");
    return out;
  }
  for (std::size_t i = 0; i < found->size(); ++i)
    if ((*found)[i].is_string())
      out.push_back((*found)[i].get<std::string>());
    else
      note(fmt::format("{}[{}]", name, i), "is not text");
  return out;
}

void Reader::done() {
  for (const auto& [name, value] : json_.items()) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    const auto near = model::nearest(name, known_);
    note(name, near.empty() ? "unknown field" : fmt::format("unknown field; is it \"{}\"?", near));
  }
}

}  // namespace hawser::lab
