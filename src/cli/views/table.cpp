#include "views/table.h"

#include <algorithm>
#include <array>
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

std::string cutMiddle(const std::string& text, std::size_t width) {
  const auto size = displayWidth(text);
  if (size <= width) return text;
  if (width == 0) return {};
  const auto tail = (width - 1) / 2;
  std::string end;
  std::size_t at = 0;
  for (const char c : text) {
    if (!continues(c)) ++at;
    if (at > size - tail) end += c;
  }
  return cut(text, width - tail) + end;
}

Fit fitOf(std::string_view title) {
  constexpr std::array<std::string_view, 19> kFirm{
      "ADDRESS", "ADDRESSES",  "PREFIX", "PREFIXES", "SUBNETS", "NEXT HOP", "ROUTE",
      "GOES TO", "LOCAL",      "REMOTE", "FROM",     "TO",      "MAC",      "ASN",
      "STATE",   "TRANSLATED", "PHASE",  "PORTS",    "RD"};
  constexpr std::array<std::string_view, 9> kNames{"PROJECT",        "NAME", "NETWORK",
                                                   "REMOTE NETWORK", "HOST", "HOST OR SITE",
                                                   "PEER",           "PORT", "BACKEND"};
  const auto in = [&](const auto& list) {
    return std::find(list.begin(), list.end(), title) != list.end();
  };
  return in(kFirm) ? Fit::kFirm : in(kNames) ? Fit::kName : Fit::kText;
}

namespace {

std::size_t lineWidth(const std::vector<std::size_t>& widths) {
  return std::accumulate(widths.begin(), widths.end(), std::size_t{0}) +
         kGap * (widths.empty() ? 0 : widths.size() - 1);
}

// The widest column of that fit that may give way; null: none.
std::size_t* widestOf(Columns& columns, Fit fit) {
  std::size_t* widest = nullptr;
  for (std::size_t i = 0; i < columns.widths.size(); ++i) {
    auto& width = columns.widths[i];
    if (columns.fits[i] == fit && width > kLeastWidth && (widest == nullptr || width > *widest))
      widest = &width;
  }
  return widest;
}

// The column to act on, last in the table if it is there.
std::size_t noteColumn(const Table& table) {
  constexpr std::array<std::string_view, 3> kNotes{"MESSAGE", "LAST ERROR", "PROBLEM"};
  std::size_t column = 0;
  while (column < table.titles.size() &&
         std::find(kNotes.begin(), kNotes.end(), table.titles[column]) == kNotes.end())
    ++column;
  return column;
}

}  // namespace

Columns layOut(const Table& table, std::size_t limit) {
  Columns columns;
  for (const auto& title : table.titles) {
    columns.widths.push_back(displayWidth(title));
    columns.fits.push_back(fitOf(title));
  }
  auto& widths = columns.widths;
  for (const auto& row : table.rows)
    for (std::size_t i = 0; i < widths.size() && i < row.size(); ++i)
      widths[i] = std::max(widths[i], displayWidth(shown(row[i])));
  for (const auto fit : {Fit::kText, Fit::kName})
    while (lineWidth(widths) > limit) {
      auto* const widest = widestOf(columns, fit);
      if (widest == nullptr) break;
      --*widest;
    }
  return columns;
}

std::string renderRow(const std::vector<std::string>& cells, const Columns& columns) {
  const auto& widths = columns.widths;
  std::string line;
  for (std::size_t i = 0; i < widths.size() && i < cells.size(); ++i) {
    const auto whole = shown(cells[i]);
    const auto text = columns.fits[i] == Fit::kName   ? cutMiddle(whole, widths[i])
                      : columns.fits[i] == Fit::kText ? cut(whole, widths[i])
                                                      : whole;
    line += text;
    const auto width = displayWidth(text);
    if (i + 1 < widths.size()) line.append(std::max(widths[i], width) - width + kGap, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string render(const Table& table, std::size_t limit) {
  constexpr std::size_t kIndentation = 4;
  const auto note = static_cast<std::ptrdiff_t>(noteColumn(table));
  const bool apart = static_cast<std::size_t>(note) < table.titles.size() && limit != kNoLimit &&
                     lineWidth(layOut(table, kNoLimit).widths) > limit;
  auto shownTable = table;
  std::vector<std::string> notes(table.rows.size());
  if (apart) {
    shownTable.titles.erase(shownTable.titles.begin() + note);
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      auto& row = shownTable.rows[i];
      notes[i] = harmless(row[static_cast<std::size_t>(note)]);
      row.erase(row.begin() + note);
    }
  }
  const auto columns = layOut(shownTable, limit);
  auto out = renderRow(shownTable.titles, columns);
  for (std::size_t i = 0; i < shownTable.rows.size(); ++i) {
    out += renderRow(shownTable.rows[i], columns);
    if (notes[i].empty()) continue;
    for (const auto& line : wrapped(notes[i], limit - kIndentation))
      out += std::string(kIndentation, ' ') + line + "\n";
  }
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
