// Tables of text for people. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::cli {

inline constexpr std::size_t kPageWidth = 100;  // columns of a terminal that a table may take
inline constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);

struct Table {
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> rows;  // each as long as `titles`
};

// How a column gives way when a line is too long: texts first, at their end; then names, in the
// middle, for both ends tell names apart; addresses and states never, since half of one is wrong.
enum class Fit : std::uint8_t { kText, kName, kFirm };
[[nodiscard]] Fit fitOf(std::string_view title);

// Characters as a terminal counts them: UTF-8 code points.
[[nodiscard]] std::size_t displayWidth(std::string_view text);
// The first `width` characters, the last of them "…" when something is missing.
[[nodiscard]] std::string cut(const std::string& text, std::size_t width);
// The first and last characters, "…" between them when something is missing.
[[nodiscard]] std::string cutMiddle(const std::string& text, std::size_t width);

struct Columns {
  std::vector<std::size_t> widths;
  std::vector<Fit> fits;
};
// Widths such that a line takes at most `limit` where that is possible: the widest columns give way
// first, none below eight characters.
[[nodiscard]] Columns layOut(const Table& table, std::size_t limit = kPageWidth);
// One line with its newline; cells are cut to their column, an empty cell is "-".
[[nodiscard]] std::string renderRow(const std::vector<std::string>& cells, const Columns& columns);
// Title line and rows. What there is to act on (MESSAGE, LAST ERROR, PROBLEM) is never cut: where
// lines would be too long, it follows its row, indented.
[[nodiscard]] std::string render(const Table& table, std::size_t limit = kPageWidth);

// In lines of at most `width`, broken at spaces; a word that is longer stands alone.
[[nodiscard]] std::vector<std::string> wrapped(const std::string& text, std::size_t width);
// "  Name:     value" lines, the values aligned, wrapped at the page's width.
using Pairs = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::string renderPairs(const Pairs& pairs, std::size_t indentation = 0);

}  // namespace hawser::cli
