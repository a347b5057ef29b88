#include <fmt/core.h>

#include "hawser/model/object.h"

namespace hawser::model {
namespace {

constexpr std::size_t kMaxDepth = 64;

// The byte at which brackets outside of strings are nested too deep. What walks over JSON recurses.
std::optional<std::size_t> tooDeepAt(std::string_view text) {
  std::size_t depth = 0;
  bool inString = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inString) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        inString = false;
    } else if (c == '"') {
      inString = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return i;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<Json> parseJson(std::string_view text) {
  if (const auto at = tooDeepAt(text))
    return invalid(fmt::format("byte {}: nested deeper than {}", *at, kMaxDepth));
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return invalid(fmt::format("byte {}: not JSON", error.byte));
  } catch (const Json::exception& error) {  // a number beyond all bounds
    return invalid(fmt::format("not usable JSON: {}", error.what()));
  }
}

}  // namespace hawser::model
