#include <gtest/gtest.h>

#include "hawser/model/object.h"

namespace hawser::model {
namespace {

std::string nested(std::size_t depth, const std::string& open, const std::string& close) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += open;
  text += "1";
  for (std::size_t i = 0; i < depth; ++i) text += close;
  return text;
}

TEST(ParseJson, ReadsWhatIsJson) {
  const auto json = parseJson(R"({"a": [1, "]}[{", "\"["], "b": {"c": null}})");
  ASSERT_TRUE(json.has_value()) << json.error().message;
  EXPECT_EQ((*json)["a"][1], "]}[{");
}

TEST(ParseJson, NamesTheByte) {
  const auto json = parseJson(R"({"a": )");
  ASSERT_FALSE(json.has_value());
  EXPECT_EQ(json.error().code, ErrorCode::kInvalid);
  EXPECT_NE(json.error().message.find("byte 7"), std::string::npos) << json.error().message;
}

// Both ended the process of whoever parsed them.
TEST(ParseJson, RefusesNumbersBeyondAllBounds) {
  for (const auto* text : {"[1e999]", "-1e999", R"({"a": 1e400})"}) {
    const auto json = parseJson(text);
    ASSERT_FALSE(json.has_value()) << text;
    EXPECT_FALSE(json.error().message.empty());
  }
}

TEST(ParseJson, RefusesDepth) {
  EXPECT_TRUE(parseJson(nested(64, "[", "]")).has_value());
  EXPECT_TRUE(parseJson(nested(64, R"({"a":)", "}")).has_value());
  for (const std::size_t depth : {65, 1'300'000}) {
    const auto list = parseJson(nested(depth, "[", "]"));
    ASSERT_FALSE(list.has_value());
    EXPECT_EQ(list.error().message, "byte 64: nested deeper than 64");
    EXPECT_FALSE(parseJson(nested(depth, R"({"a":)", "}")).has_value());
  }
}

TEST(ParseJson, BracketsInTextAreNoDepth) {
  EXPECT_TRUE(parseJson('"' + std::string(1000, '[') + '"').has_value());
  EXPECT_TRUE(parseJson(R"(["\\", "\"[[[", 1])").has_value());
}

}  // namespace
}  // namespace hawser::model
