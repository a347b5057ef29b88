// Tables of text for people. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::cli {

inline constexpr std::size_t kPageWidth = 100;  // columns of a terminal that a table may take
inline constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);

struct Table {
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> rows;  // each as long as `titles`
  // Leading columns that are cut only when cutting the others is not enough: names are for copying.
  std::size_t firm = 0;
};

// Characters as a terminal counts them: UTF-8 code points.
[[nodiscard]] std::size_t displayWidth(std::string_view text);
// The first `width` characters, the last of them "…" when something is missing.
[[nodiscard]] std::string cut(const std::string& text, std::size_t width);

// Width of each column such that a line takes at most `limit`: the widest columns give way first,
// firm ones last, none below eight characters.
[[nodiscard]] std::vector<std::size_t> columnWidths(const Table& table,
                                                    std::size_t limit = kPageWidth);
// One line with its newline; cells are cut to their column, an empty cell is "-".
[[nodiscard]] std::string renderRow(const std::vector<std::string>& cells,
                                    const std::vector<std::size_t>& widths);
// Title line and rows.
[[nodiscard]] std::string render(const Table& table, std::size_t limit = kPageWidth);

// In lines of at most `width`, broken at spaces; a word that is longer stands alone.
[[nodiscard]] std::vector<std::string> wrapped(const std::string& text, std::size_t width);
// "  Name:     value" lines, the values aligned, wrapped at the page's width.
using Pairs = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::string renderPairs(const Pairs& pairs, std::size_t indentation = 0);

}  // namespace hawser::cli
