// Takes fields out of a JSON object and keeps the first mistake, with its path. Fields that nobody
// took are mistakes too: done() names the nearest one that exists.
#pragma once

#include <fmt/core.h>

#include <optional>
#include <string>
#include <vector>

#include "hawser/model/object.h"

namespace hawser::lab {

class Problem {
 public:
  void note(const std::string& path, const std::string& message) {
    if (!first_) first_ = Error{ErrorCode::kInvalid, message, path};
  }
  [[nodiscard]] const std::optional<Error>& first() const { return first_; }

 private:
  std::optional<Error> first_;
};

class Reader {
 public:
  Reader(const model::Json& json, std::string path, Problem& problem);

  [[nodiscard]] bool has(const std::string& name) const { return json_.contains(name); }
  [[nodiscard]] std::string at(const std::string& name) const {
    return path_.empty() ? name : path_ + "." + name;
  }
  // Null when it is absent; noted when it is required.
  const model::Json* take(const std::string& name, bool required = false);

  std::string text(const std::string& name, bool required = false, std::string fallback = {});
  std::uint64_t number(const std::string& name, std::uint64_t least, std::uint64_t most,
                       std::uint64_t fallback, bool required = false);
  bool flag(const std::string& name, bool fallback);
  std::vector<std::string> texts(const std::string& name);
  // parse: std::string_view → Result<T>
  template <class Parse>
  auto value(const std::string& name, Parse parse, bool required = false)
      -> std::decay_t<decltype(*parse(std::string_view{}))> {
    const auto given = text(name, required);
    if (given.empty()) return {};
    auto parsed = parse(std::string_view(given));
    if (parsed) return *parsed;
    note(name, parsed.error().message);
    return {};
  }
  // each: (Reader&)
  template <class Each>
  void list(const std::string& name, Each each) {
    const auto* found = take(name);
    if (found == nullptr || found->is_null()) return;
    if (!found->is_array()) return note(name, "is not a list");
    for (std::size_t i = 0; i < found->size(); ++i) {
      Reader item((*found)[i], fmt::format("{}[{}]", at(name), i), problem_);
      each(item);
      item.done();
    }
  }
  template <class Each>
  void object(const std::string& name, Each each, bool required = false) {
    const auto* found = take(name, required);
    if (found == nullptr) return;
    Reader item(*found, at(name), problem_);
    each(item);
    item.done();
  }
  void note(const std::string& name, const std::string& message) {
    problem_.note(at(name), message);
  }
  void done();

 private:
  const model::Json& json_;
  std::string path_;
  Problem& problem_;
  std::vector<std::string> known_;
  bool object_ = true;
};

}  // namespace hawser::lab
