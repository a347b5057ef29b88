#include "views/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace hawser::cli {
namespace {

TEST(Table, ColumnsAreAlignedAndTheLastIsNotPadded) {
  EXPECT_EQ(render({{"NAME", "HOST"}, {{"a", "node1"}, {"longer", "n2"}}}),
            "NAME    HOST\n"
            "a       node1\n"
            "longer  n2\n");
}

TEST(Table, AnEmptyCellIsADash) {
  EXPECT_EQ(render({{"A", "B"}, {{"", "x"}, {"y", ""}}}), "A  B\n-  x\ny  -\n");
}

TEST(Table, WidthIsCountedInCharacters) {
  EXPECT_EQ(displayWidth("8000→80"), 7U);
  EXPECT_EQ(render({{"PORTS", "X"}, {{"8000→80", "1"}, {"12345678", "2"}}}),
            "PORTS     X\n8000→80   1\n12345678  2\n");
}

TEST(Table, FitsThePageByCuttingTheWidestColumns) {
  const Table table{{"NAME", "TEXT", "MORE"},
                    {{"short", std::string(90, 'x'), std::string(40, 'y')}}};
  const auto text = render(table, 60);
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, displayWidth(line));
  EXPECT_EQ(widest, 60U);
  EXPECT_NE(text.find("short"), std::string::npos);
  EXPECT_NE(text.find("…"), std::string::npos);
  EXPECT_NE(render(table, kNoLimit).find(std::string(90, 'x')), std::string::npos);
}

TEST(Table, NoColumnBecomesUseless) {
  const Table table{{"A", "B"}, {{std::string(50, 'a'), std::string(50, 'b')}}};
  EXPECT_EQ(columnWidths(table, 10), (std::vector<std::size_t>{8, 8}));
}

TEST(Table, FirmColumnsGiveWayLast) {
  Table table{{"NAME", "TEXT"}, {{std::string(30, 'n'), std::string(20, 't')}}};
  table.firm = 1;
  EXPECT_EQ(columnWidths(table, 42), (std::vector<std::size_t>{30, 10}));
  EXPECT_EQ(columnWidths(table, 30), (std::vector<std::size_t>{20, 8}));
  table.firm = 9;
  EXPECT_EQ(columnWidths(table, 42), (std::vector<std::size_t>{20, 20}));
}

TEST(Table, CutKeepsWholeCharacters) {
  EXPECT_EQ(cut("äöüß", 4), "äöüß");
  EXPECT_EQ(cut("äöüß", 3), "äö…");
  EXPECT_EQ(cut("abc", 1), "…");
  EXPECT_EQ(cut("abc", 0), "");
}

TEST(Table, ACellCannotOrderTheTerminalAbout) {
  EXPECT_EQ(render({{"A"}, {{"x\n\x1b[31mred"}}}), "A\nx  [31mred\n");
}

TEST(Table, WrappedAtSpaces) {
  EXPECT_EQ(wrapped("a bc def", 4), (std::vector<std::string>{"a bc", "def"}));
  EXPECT_EQ(wrapped("äö ü", 4), (std::vector<std::string>{"äö ü"}));
  EXPECT_EQ(wrapped("longer-than-that a", 4), (std::vector<std::string>{"longer-than-that", "a"}));
  EXPECT_EQ(wrapped("", 4), (std::vector<std::string>{""}));
}

TEST(Table, PairsAreAligned) {
  EXPECT_EQ(renderPairs({{"Name", "db"}, {"Project", "demo"}, {"Owner", ""}}, 2),
            "  Name:     db\n  Project:  demo\n  Owner:    -\n");
  EXPECT_EQ(renderPairs({}), "");
}

}  // namespace
}  // namespace hawser::cli
