// YAML as it comes: values of every shape through both directions, files of other systems, and
// files that were damaged on their way.
#include <gtest/gtest.h>

#include <random>

#include "build.h"

namespace hawser::model {
namespace {

using namespace test;

class Values {
 public:
  explicit Values(unsigned seed) : random_(seed) {}
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_()) % n; }

  // Of what YAML gives a meaning to, and of what is beyond ASCII.
  std::string text() {
    static const std::vector<std::string> kPieces{"a",
                                                  "B",
                                                  "0",
                                                  "1",
                                                  "-",
                                                  " ",
                                                  ":",
                                                  ": ",
                                                  "#",
                                                  " #",
                                                  "\n",
                                                  "\t",
                                                  "\r",
                                                  "\r\n",
                                                  "'",
                                                  "\"",
                                                  "\\",
                                                  "[",
                                                  "]",
                                                  "{",
                                                  "}",
                                                  ",",
                                                  "&",
                                                  "*",
                                                  "!",
                                                  "|",
                                                  ">",
                                                  "%",
                                                  "@",
                                                  "`",
                                                  "?",
                                                  "- ",
                                                  "? ",
                                                  "~",
                                                  ".",
                                                  "...",
                                                  "---",
                                                  "null",
                                                  "true",
                                                  "1e3",
                                                  "0x1f",
                                                  "<<",
                                                  "\x01",
                                                  "\x7f",
                                                  "é",
                                                  "日",
                                                  "😀",
                                                  "\xc2\x85",
                                                  "\xc2\xa0",
                                                  "\xe2\x80\xa8",
                                                  "\xef\xbb\xbf",
                                                  "=",
                                                  "\x1b[31m"};
    std::string out;
    for (auto n = below(6); n > 0; --n)
      out += kPieces[below(static_cast<std::uint32_t>(kPieces.size()))];
    return out;
  }
  Json value(int depth) {
    switch (below(depth > 0 ? 9 : 6)) {
      case 0:
        return nullptr;
      case 1:
        return below(2) == 0;
      case 2:
        return below(2) == 0 ? Json(std::uint64_t{random_()} << below(40)) : Json(UINT64_MAX);
      case 3:
        return -1 - static_cast<std::int64_t>(random_());
      case 4:
        return (static_cast<double>(below(2000)) - 1000.0) / 8 + 0.0625;
      case 5:
        return text();
      case 6:
      case 7: {
        auto out = Json::object();
        for (auto n = below(4); n > 0; --n) out[text()] = value(depth - 1);
        return out;
      }
      default: {
        auto out = Json::array();
        for (auto n = below(4); n > 0; --n) out.push_back(value(depth - 1));
        return out;
      }
    }
  }
  Json document() {
    auto out = Json::object();
    for (auto n = 1 + below(4); n > 0; --n) out["k" + text()] = value(3);
    return out;
  }

 private:
  std::mt19937 random_;
};

TEST(OddYaml, WhateverIsWrittenIsReadBack) {
  Values values(1);
  for (int round = 0; round < 3000; ++round) {
    const auto json = values.document();
    const auto yaml = toYaml(json);
    const auto again = parseDocuments(yaml);
    ASSERT_TRUE(again) << again.error().text() << "\n" << yaml;
    ASSERT_EQ(again->size(), 1U) << yaml;
    ASSERT_EQ(again->at(0), json) << yaml;
  }
}

// JSON is YAML: any document of any program is read as it is.
TEST(OddYaml, JsonIsReadAsItIs) {
  Values values(2);
  for (int round = 0; round < 3000; ++round) {
    const auto json = values.document();
    for (const int indent : {-1, 2}) {
      const auto text = json.dump(indent, ' ', true);
      const auto again = parseDocuments(text);
      ASSERT_TRUE(again) << again.error().text() << "\n" << text;
      ASSERT_EQ(again->at(0), json) << text;
    }
  }
}

TEST(OddYaml, SeveralDocumentsStayApart) {
  Values values(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<Json> sent;
    std::string text;
    for (auto n = 1 + values.below(5); n > 0; --n) {
      sent.push_back(values.document());
      text += (values.below(2) == 0 ? "---\n" : "--- # next\n") + toYaml(sent.back());
      if (values.below(3) == 0) text += "...\n";
    }
    const auto got = parseDocuments(text);
    ASSERT_TRUE(got) << got.error().text() << "\n" << text;
    EXPECT_EQ(*got, sent);
  }
}

// A file with some characters changed is read, or refused with the place.
TEST(OddYaml, DamagedFilesAreReadOrRefusedWithAPlace) {
  const std::string whole =
      "kind: Network\nmetadata: {name: db, labels: {tier: data}}\nspec:\n  subnets:\n  - prefix: "
      "10.0.100.0/24\n    gateway: 10.0.100.1\n  description: \"two words\"\n---\nkind: Port\n"
      "metadata:\n  name: p\nspec:\n  network: db\n  addresses: [10.0.100.5]\n";
  Values values(4);
  std::size_t refused = 0, read = 0;
  const auto lines = static_cast<int>(std::count(whole.begin(), whole.end(), '\n'));
  for (int round = 0; round < 4000; ++round) {
    auto text = whole;
    for (auto n = 1 + values.below(3); n > 0; --n) {
      static constexpr std::string_view kLetters = ":-[]{},&*!|>'\"%@#\n\t ?ax1";
      const auto at = values.below(static_cast<std::uint32_t>(text.size()));
      const auto letter = kLetters[values.below(kLetters.size())];
      if (values.below(3) == 0)
        text.erase(at, 1 + values.below(8));
      else if (values.below(2) == 0)
        text.insert(at, 1, letter);
      else
        text[at] = letter;
    }
    const auto got = parseDocuments(text);
    if (got) {
      ++read;
      for (const auto& document : *got)
        if (const auto object = parseObject(document, "default"); !object) {
          EXPECT_FALSE(object.error().message.empty());
        }
      continue;
    }
    ++refused;
    int line = 0, column = 0;
    ASSERT_EQ(std::sscanf(got.error().field.c_str(), "line %d, column %d", &line, &column), 2)
        << got.error().text() << "\n"
        << text;
    EXPECT_GE(line, 1);
    EXPECT_LE(line, lines + 4) << text;
    EXPECT_GE(column, 1);
  }
  EXPECT_GT(refused, 500U);
  EXPECT_GT(read, 500U);
}

// ---- files of other systems ----

TEST(OddYaml, LinesOfWindows) {
  const auto got = parseDocuments("kind: Network\r\nspec:\r\n  a: [1,\r\n    2]\r\n  b: x\r\n");
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->at(0), (Json{{"kind", "Network"}, {"spec", {{"a", {1, 2}}, {"b", "x"}}}}));
  const auto two = parseDocuments("a: 1\r\n---\r\nb: 2\r\n");
  ASSERT_TRUE(two) << two.error().text();
  EXPECT_EQ(two->size(), 2U);
}

// As json.dumps of Python writes what is not ASCII (RFC 8259, 7).
TEST(OddYaml, JsonEscapesOfTwoHalves) {
  const auto got =
      parseDocuments(R"({"a": "\ud83d\ude00x", "b": "\\ud83d\\ude00", "c": "\u00e9"})");
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->at(0)["a"], "\xf0\x9f\x98\x80x");
  EXPECT_EQ(got->at(0)["b"], "\\ud83d\\ude00") << "an escaped backslash begins no escape";
  EXPECT_EQ(got->at(0)["c"], "\xc3\xa9");
  EXPECT_EQ(parseDocuments(R"(["\ud800\udc00", "\uDBFF\uDFFF"])")->at(0),
            Json::array({"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}))
      << "the first and the last";
  for (const auto* half : {R"(["\ud83d"])", R"(["\ude00\ud83d"])", R"(["\ud83dx"])",
                           R"(["\ud83d\u0041"])", R"(["\ud83)", R"(["\)"})
    EXPECT_FALSE(parseDocuments(half)) << half;
  EXPECT_EQ(parseDocuments("a: \\ud83d\\ude00\n")->at(0)["a"], "\\ud83d\\ude00")
      << "plain text of YAML has no escapes";
}

TEST(OddYaml, WithAByteOrderMark) {
  const auto got = parseDocuments("\xef\xbb\xbfkind: Network\n");
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->at(0), (Json{{"kind", "Network"}}));
}

TEST(OddYaml, DirectivesCommentsAndEmptyValues) {
  const auto got = parseDocuments("%YAML 1.2\n---\n# first\na:   # nothing\nb: ''\nc: []\n\n\n");
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->at(0), (Json{{"a", nullptr}, {"b", ""}, {"c", Json::array()}}));
}

// Merge keys are YAML 1.1: they are a field that nobody knows, not a surprise.
TEST(OddYaml, MergeKeysMergeNothing) {
  const auto got = parseDocuments("base: &b {x: 1}\none:\n  <<: *b\n  y: 2\n");
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->at(0)["one"], (Json{{"<<", {{"x", 1}}}, {"y", 2}}));
}

TEST(OddYaml, DescriptionsMayDrawLines) {
  const auto got = parseDocuments("text: |\n  title\n  " + std::string(400, '-') + "\n  " +
                                  std::string(400, ':') + "\n# " + std::string(400, '-') + "\n");
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->at(0)["text"].get<std::string>().size(), 6U + 401 + 401);
}

// Thousands of any of these would be thousands of levels: an end, not a crash.
TEST(OddYaml, DepthIsRefusedHoweverItIsWritten) {
  for (const auto* level : {"- ", "-\t", "? ", ": ", "- ? ", "[", "{a: ", "- [", "? - "}) {
    std::string text;
    for (int i = 0; i < 20000; ++i) text += level;
    const auto got = parseDocuments(text);
    ASSERT_FALSE(got) << level;
    EXPECT_NE(got.error().message.find("nested deeper"), std::string::npos)
        << level << got.error().text();
  }
  std::string stairs, step;
  for (int i = 0; i < 2000; ++i, step += ' ') stairs += step + "a:\n";
  EXPECT_FALSE(parseDocuments(stairs));
  for (const int depth : {10, 63}) {
    std::string nested, more;
    for (int i = 0; i < depth; ++i, more += "  ") nested += more + "a:\n";
    EXPECT_TRUE(parseDocuments(nested + more + "b: 1\n")) << depth;
  }
}

}  // namespace
}  // namespace hawser::model
