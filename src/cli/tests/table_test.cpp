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
  EXPECT_EQ(layOut(table, 10).widths, (std::vector<std::size_t>{8, 8}));
}

TEST(Table, TextsGiveWayBeforeNames) {
  const Table table{{"NAME", "TEXT"}, {{std::string(30, 'n'), std::string(20, 't')}}};
  EXPECT_EQ(layOut(table, 42).widths, (std::vector<std::size_t>{30, 10}));
  EXPECT_EQ(layOut(table, 30).widths, (std::vector<std::size_t>{20, 8}));
}

TEST(Table, AddressesAreWholeAndNamesKeepBothEnds) {
  const Table table{
      {"PROJECT", "NAME", "NETWORK", "ADDRESSES", "HOST", "PHASE", "WORKLOAD"},
      {{"a-project-of-a-long-name", "pod-of-a-deployment-with-a-very-long-name-5c4d8",
        "network-with-quite-a-name", "192.168.100.101", "node1", "pending", "pod default/web"}}};
  const auto text = render(table);
  EXPECT_NE(text.find("192.168.100.101"), std::string::npos) << text;
  EXPECT_NE(text.find("pending"), std::string::npos) << text;
  EXPECT_NE(text.find("-5c4d8 "), std::string::npos) << text;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(displayWidth(line), kPageWidth);
  EXPECT_EQ(cutMiddle("abcdefghij", 7), "abc…hij");
  EXPECT_EQ(cutMiddle("äöüßéèñ", 4), "äö…ñ");
  EXPECT_EQ(cutMiddle("abc", 3), "abc");
  EXPECT_EQ(cutMiddle("abcdef", 1), "…");
  // Rather too long a line than a wrong address.
  EXPECT_EQ(render({{"PREFIX", "TEXT"}, {{"10.0.0.0/24", "x"}}}, 8),
            "PREFIX       TEXT\n10.0.0.0/24  x\n");
}

TEST(Table, WhatThereIsToActOnIsNotCut) {
  const Table table{{"NAME", "PHASE", "MESSAGE"},
                    {{"a", "proposed", "try this: hawser link accept there"},
                     {"b", "established", ""},
                     {"c", "withdrawn", "one\ntwo"}}};
  EXPECT_EQ(render(table, 30),
            "NAME  PHASE\n"
            "a     proposed\n"
            "    try this: hawser link\n"
            "    accept there\n"
            "b     established\n"
            "c     withdrawn\n"
            "    one two\n");
  EXPECT_EQ(render({table.titles, {table.rows[1]}}, 40),
            "NAME  PHASE        MESSAGE\nb     established  -\n");
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
