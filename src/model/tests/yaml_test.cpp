#include <gtest/gtest.h>

#include "hawser/model/object.h"

namespace hawser::model {
namespace {

TEST(ParseDocuments, ScalarsAsInYaml12) {
  const auto json =
      parseDocuments(
          "a: 1\nb: \"1\"\nc: true\nd: yes\ne: 1.5\nf: 10.0.0.1\ng: 02:00:00:00:00:01\nh: ~\ni: "
          "0x10\nj: -3\nk: 18446744073709551615\nl: 1e3\nm: .inf\n")
          ->at(0);
  EXPECT_EQ(json["a"], 1U);
  EXPECT_EQ(json["b"], "1");
  EXPECT_EQ(json["c"], true);
  EXPECT_EQ(json["d"], "yes");
  EXPECT_EQ(json["e"], 1.5);
  EXPECT_EQ(json["f"], "10.0.0.1");
  EXPECT_EQ(json["g"], "02:00:00:00:00:01");
  EXPECT_TRUE(json["h"].is_null());
  EXPECT_EQ(json["i"], "0x10");
  EXPECT_EQ(json["j"], -3);
  EXPECT_EQ(json["k"], 18446744073709551615ULL);
  EXPECT_EQ(json["l"], 1000.0);
  EXPECT_EQ(json["m"], ".inf");
}

TEST(ParseDocuments, SeveralAndEmptyOnes) {
  EXPECT_EQ(parseDocuments("a: 1\n---\n---\nb: 2\n")->size(), 2U);
  EXPECT_TRUE(parseDocuments("")->empty());
  EXPECT_TRUE(parseDocuments("# only a comment\n")->empty());
  EXPECT_EQ(parseDocuments(R"({"a": [1, {"b": null}]})")->at(0)["a"][0], 1U);
}

TEST(ParseDocuments, MistakesHaveAPlace) {
  const auto errorOf = [](std::string_view text) { return parseDocuments(text).error().text(); };
  EXPECT_NE(errorOf("a: [1, 2\nb: 3\n").find("line"), std::string::npos);
  EXPECT_NE(errorOf("a: 1\nb: 2\na: 3\n").find("line 3, column 1: \"a\" is there twice"),
            std::string::npos)
      << errorOf("a: 1\nb: 2\na: 3\n");
  EXPECT_NE(errorOf("? [x]\n: 1\n").find("a key must be text"), std::string::npos);
  EXPECT_NE(errorOf(std::string_view("a\0b", 3)).find("zero byte"), std::string::npos);
}

TEST(ParseDocuments, BombsAreRefused) {
  EXPECT_FALSE(parseDocuments(std::string(100000, '[')));
  EXPECT_FALSE(parseDocuments(std::string(100000, '{')));
  std::string dashes;
  for (int i = 0; i < 5000; ++i) dashes += "- ";
  EXPECT_FALSE(parseDocuments(dashes));
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += std::string(j ? "," : "") + "*a" + std::to_string(i - 1);
    bomb += "]\n";
  }
  const auto parsed = parseDocuments(bomb);
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find("more than"), std::string::npos);
}

// yaml-cpp 0.7 never ends on this.
TEST(ParseDocuments, APlainScalarThatCannotBeginEnds) {
  EXPECT_FALSE(parseDocuments(",x: 1\ny: {z: 1}\nw:\n v"));
  EXPECT_FALSE(parseDocuments("]"));
  EXPECT_FALSE(parseDocuments("a: 1\n---\n,b"));
}

TEST(ParseDocuments, AliasesStandForTheirValue) {
  const auto json = parseDocuments("a: &x {b: [1]}\nc: *x\n")->at(0);
  EXPECT_EQ(json["c"], json["a"]);
  EXPECT_FALSE(parseDocuments("a: &x [*x]\n"));
}

TEST(ToYaml, IsReadBackAsItWas) {
  const Json json{{"a", "1"},
                  {"b", {1, true, nullptr, "true", "text", "two\nlines", ""}},
                  {"c", Json::object()},
                  {"d", Json::array()},
                  {"e", "10.0.0.0/24"}};
  EXPECT_EQ(parseDocuments(toYaml(json))->at(0), json) << toYaml(json);
}

TEST(ParseDocuments, NumbersAtTheirLimits) {
  const auto one = [](const std::string& text) { return parseDocuments("a: " + text)->at(0)["a"]; };
  EXPECT_EQ(one("18446744073709551616"), "18446744073709551616") << "too large: text";
  EXPECT_EQ(one("-9223372036854775808"), std::int64_t{INT64_MIN});
  EXPECT_EQ(one("-9223372036854775809"), "-9223372036854775809");
  EXPECT_EQ(one("."), ".");
  EXPECT_EQ(one("1."), 1.0);
  EXPECT_EQ(one("1.2.3"), "1.2.3");
  EXPECT_EQ(one("1:20"), "1:20") << "YAML 1.1's sixties are text";
  EXPECT_EQ(one("0o17"), "0o17");
  EXPECT_EQ(one("nan"), "nan");
  EXPECT_EQ(one("inf"), "inf");
  EXPECT_EQ(one("'true'"), "true");
  EXPECT_EQ(one("Null"), nullptr);
  EXPECT_EQ(one("NO"), "NO") << "Norway";
}

TEST(ParseDocuments, BlockText) {
  const auto json = parseDocuments("a: |\n  one\n  two\nb: >\n  one\n  two\n")->at(0);
  EXPECT_EQ(json["a"], "one\ntwo\n");
  EXPECT_EQ(json["b"], "one two\n");
}

TEST(ParseDocuments, KeysAreTextAndSingle) {
  EXPECT_EQ(parseDocuments("1: a\ntrue: b\n")->at(0), (Json{{"1", "a"}, {"true", "b"}}));
  EXPECT_FALSE(parseDocuments("{a: 1, a: 2}"));
  EXPECT_FALSE(parseDocuments("a: {b: 1, b: 2}"));
  EXPECT_TRUE(parseDocuments("[{a: 1}, {a: 2}]"));
  EXPECT_FALSE(parseDocuments("{a: 1}: b"));
}

TEST(ParseDocuments, OneBadDocumentSpoilsAll) {
  const auto got = parseDocuments("a: 1\n---\nb: [\n");
  ASSERT_FALSE(got) << "nothing is half applied";
  EXPECT_NE(got.error().field.find("line"), std::string::npos);
}

TEST(ParseDocuments, DepthHasALimit) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_TRUE(parseDocuments(nested(64)));
  EXPECT_FALSE(parseDocuments(nested(65)));
  EXPECT_FALSE(parseDocuments(nested(70)));
  EXPECT_NE(parseDocuments(nested(70)).error().message.find("nested deeper"), std::string::npos);
}

TEST(ParseDocuments, AnchorsEndWithTheirDocument) {
  EXPECT_TRUE(parseDocuments("a: &x 1\nb: *x\n"));
  EXPECT_FALSE(parseDocuments("a: &x 1\n---\nb: *x\n"));
  EXPECT_FALSE(parseDocuments("b: *x\n"));
}

TEST(ToYaml, TextThatLooksLikeSomethingElse) {
  for (const auto* text :
       {"null",     "~",         "true",        "False",        "1",      "-1",          "1.5",
        "1e3",      "yes",       "a: b",        "# no comment", "- item", "[x]",         "{x}",
        "*x",       "&x",        "!x",          "%x",           "@x",     "|",           ">",
        " leading", "trailing ", "tab\tinside", "quote\"and'",  "\\",     "line\nbreak", "ünicode",
        "a,b",      "---",       "..."}) {
    const Json json{{"v", text}, {"list", {text, {{"k", text}}}}};
    const auto yaml = toYaml(json);
    const auto again = parseDocuments(yaml);
    ASSERT_TRUE(again) << yaml << again.error().text();
    EXPECT_EQ(again->at(0), json) << yaml;
  }
}

TEST(ToYaml, NumbersAndNesting) {
  const Json json{{"a", {{"b", {{"c", {1, -1, 18446744073709551615ULL, 1.5}}}}}},
                  {"empty", {{"list", Json::array()}, {"map", Json::object()}}}};
  EXPECT_EQ(parseDocuments(toYaml(json))->at(0), json) << toYaml(json);
}

}  // namespace
}  // namespace hawser::model
