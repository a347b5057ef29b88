#include "views/table.h"

#include <algorithm>
#include <numeric>

namespace hawser::cli {

namespace {
constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastWidth = 8;

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

// A line stays a line, and a terminal gets no orders.
std::string harmless(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return out;
}

std::string shown(const std::string& cell) { return cell.empty() ? "-" : harmless(cell); }
}  // namespace

std::size_t displayWidth(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues(c); }));
}

std::string cut(const std::string& text, std::size_t width) {
  if (displayWidth(text) <= width) return text;
  if (width == 0) return {};
  std::string out;
  std::size_t taken = 0;
  for (const char c : text) {
    if (!continues(c) && ++taken == width) break;
    out += c;
  }
  return out + "…";
}

std::vector<std::size_t> columnWidths(const Table& table, std::size_t limit) {
  std::vector<std::size_t> widths;
  for (const auto& title : table.titles) widths.push_back(displayWidth(title));
  for (const auto& row : table.rows)
    for (std::size_t i = 0; i < widths.size() && i < row.size(); ++i)
      widths[i] = std::max(widths[i], displayWidth(shown(row[i])));
  const auto total = [&] {
    return std::accumulate(widths.begin(), widths.end(), std::size_t{0}) +
           kGap * (widths.empty() ? 0 : widths.size() - 1);
  };
  const auto firm = static_cast<std::ptrdiff_t>(std::min(table.firm, widths.size()));
  for (const auto first : {widths.begin() + firm, widths.begin()}) {
    while (first != widths.end() && total() > limit) {
      const auto widest = std::max_element(first, widths.end());
      if (*widest <= kLeastWidth) break;
      --*widest;
    }
  }
  return widths;
}

std::string renderRow(const std::vector<std::string>& cells,
                      const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < widths.size() && i < cells.size(); ++i) {
    const auto text = cut(shown(cells[i]), widths[i]);
    line += text;
    if (i + 1 < widths.size()) line.append(widths[i] - displayWidth(text) + kGap, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string render(const Table& table, std::size_t limit) {
  const auto widths = columnWidths(table, limit);
  auto out = renderRow(table.titles, widths);
  for (const auto& row : table.rows) out += renderRow(row, widths);
  return out;
}

std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines;
  std::string line;
  std::size_t start = 0;
  while (start <= text.size()) {
    const auto end = std::min(text.find(' ', start), text.size());
    const auto word = text.substr(start, end - start);
    if (!line.empty() && displayWidth(line) + 1 + displayWidth(word) > width) {
      lines.push_back(std::move(line));
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    start = end + 1;
  }
  lines.push_back(std::move(line));
  return lines;
}

std::string renderPairs(const Pairs& pairs, std::size_t indentation) {
  std::size_t width = 0;
  for (const auto& [name, value] : pairs) width = std::max(width, displayWidth(name) + 1);
  std::string out;
  for (const auto& [name, value] : pairs) {
    out.append(indentation, ' ');
    out += name + ":";
    const auto column = indentation + width + kGap;
    const auto lines = wrapped(shown(value), kPageWidth > column ? kPageWidth - column : 1);
    out.append(width - displayWidth(name) - 1 + kGap, ' ');
    for (std::size_t i = 0; i < lines.size(); ++i)
      out += (i == 0 ? "" : std::string(column, ' ')) + lines[i] + "\n";
  }
  return out;
}

}  // namespace hawser::cli
