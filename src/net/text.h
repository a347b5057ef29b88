// Strict number parsing for the text forms of this module.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hawser::net {

// Decimal, no sign, no leading zeros, at most `limit`.
inline std::optional<std::uint64_t> parseDecimal(std::string_view text, std::uint64_t limit) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > limit)
    return std::nullopt;
  return value;
}

}  // namespace hawser::net
