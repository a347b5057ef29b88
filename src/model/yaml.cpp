// YAML and JSON documents to JSON values, with the place of every mistake.
#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include <charconv>

#include "hawser/model/object.h"

namespace hawser::model {
namespace {

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxNodes =
    1000000;  // an alias may stand for much: what it expands to is counted

std::string place(const YAML::Mark& mark) {
  return mark.is_null() ? std::string()
                        : fmt::format("line {}, column {}", mark.line + 1, mark.column + 1);
}

// YAML 1.2's core schema for plain scalars: what is quoted stays text, and so do 1.1's surprises
// (yes, off, 0o17, 1:20).
Json plainScalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char* const end = text.data() + text.size();
  const bool digits =
      text.find_first_not_of("0123456789", text.front() == '-' ? 1 : 0) == std::string::npos;
  if (digits && text != "-") {
    std::uint64_t positive = 0;
    if (text.front() != '-' && std::from_chars(text.data(), end, positive).ec == std::errc())
      return positive;
    std::int64_t negative = 0;
    if (std::from_chars(text.data(), end, negative).ec == std::errc()) return negative;
    return text;
  }
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && stop == end &&
      text.find_first_of("0123456789") != std::string::npos &&
      text.find_first_of("infaINFA") == std::string::npos)
    return number;
  return text;
}

class Converter {
 public:
  Result<Json> convert(const YAML::Node& node, int depth) {
    if (depth > kMaxDepth)
      return invalid(fmt::format("is nested deeper than {}", kMaxDepth), place(node.Mark()));
    if (++nodes_ > kMaxNodes)
      return invalid(fmt::format("has more than {} values", kMaxNodes), place(node.Mark()));
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return node.Tag() == "!" ? Json(node.Scalar()) : plainScalar(node.Scalar());
      case YAML::NodeType::Sequence:
        return sequence(node, depth);
      case YAML::NodeType::Map:
        return map(node, depth);
      default:
        return Json(nullptr);
    }
  }

 private:
  Result<Json> sequence(const YAML::Node& node, int depth) {
    auto out = Json::array();
    for (const auto& item : node) {
      auto value = convert(item, depth + 1);
      if (!value) return value;
      out.push_back(std::move(*value));
    }
    return out;
  }
  Result<Json> map(const YAML::Node& node, int depth) {
    auto out = Json::object();
    for (const auto& item : node) {
      if (!item.first.IsScalar()) return invalid("a key must be text", place(item.first.Mark()));
      const auto key = item.first.Scalar();
      if (out.contains(key))
        return invalid(fmt::format("\"{}\" is there twice", key), place(item.first.Mark()));
      auto value = convert(item.second, depth + 1);
      if (!value) return value;
      out[key] = std::move(*value);
    }
    return out;
  }
  std::size_t nodes_ = 0;
};

// yaml-cpp recurses while it reads: brackets that would exhaust its stack are refused before.
bool tooDeep(std::string_view text) {
  int depth = 0, indentation = 0;
  bool lineStart = true;
  int markers = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (c == '\n') {
      lineStart = true;
      indentation = markers = 0;
    } else if (lineStart && (c == ' ' || c == '-' || c == '?' || c == ':')) {
      ++indentation;
      if (c != ' ') ++markers;
    } else {
      lineStart = false;
    }
    if (depth > 4 * kMaxDepth || markers > 4 * kMaxDepth || indentation > 16 * kMaxDepth)
      return true;
  }
  return false;
}

void emit(YAML::Emitter& out, const Json& json) {
  if (json.is_object()) {
    out << (json.empty() ? YAML::Flow : YAML::Block) << YAML::BeginMap;
    for (const auto& [key, value] : json.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, value);
    }
    out << YAML::EndMap;
  } else if (json.is_array()) {
    out << (json.empty() ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
    for (const auto& value : json) emit(out, value);
    out << YAML::EndSeq;
  } else if (json.is_string()) {
    const auto text = json.get<std::string>();
    // Text that would be read back as something else is quoted.
    if (plainScalar(text).is_string())
      out << text;
    else
      out << YAML::DoubleQuoted << text;
  } else if (json.is_null()) {
    out << YAML::Null;
  } else {
    out << json.dump();
  }
}

}  // namespace

Result<std::vector<Json>> parseDocuments(std::string_view text) {
  std::vector<Json> documents;
  if (text.find('\0') != std::string_view::npos)
    return invalid("is not text (it holds a zero byte)");
  if (tooDeep(text)) return invalid(fmt::format("is nested deeper than {}", kMaxDepth));
  try {
    for (const auto& node : YAML::LoadAll(std::string(text))) {
      if (!node.IsDefined() || node.IsNull()) continue;  // an empty document
      Converter converter;
      auto json = converter.convert(node, 0);
      if (!json) return std::unexpected(json.error());
      documents.push_back(std::move(*json));
    }
  } catch (const YAML::Exception& error) {
    return invalid("is not YAML: " + error.msg, place(error.mark));
  }
  return documents;
}

std::string toYaml(const Json& json) {
  YAML::Emitter out;
  out.SetIndent(2);
  emit(out, json);
  return std::string(out.c_str()) + "\n";
}

}  // namespace hawser::model
