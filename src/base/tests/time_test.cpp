#include "hawser/base/time.h"

#include <gtest/gtest.h>

namespace hawser {
namespace {

using namespace std::chrono_literals;

std::string at(std::int64_t seconds) {
  return timeText(std::chrono::system_clock::time_point(std::chrono::seconds(seconds)));
}

TEST(TimeText, IsRfc3339) {
  EXPECT_EQ(at(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(at(951782399), "2000-02-28T23:59:59Z");
  EXPECT_EQ(at(951782400), "2000-02-29T00:00:00Z");
  EXPECT_EQ(at(4102444800), "2100-01-01T00:00:00Z");
  EXPECT_EQ(timeText(std::chrono::system_clock::time_point(1999ms)), "1970-01-01T00:00:01Z");
}

TEST(TimeText, LaterIsGreater) {
  std::string last;
  for (std::int64_t seconds = 0; seconds < 4'000'000'000; seconds += 12'345'678) {
    const auto text = at(seconds);
    EXPECT_LT(last, text);
    EXPECT_TRUE(isTimeText(text)) << text;
    last = text;
  }
  EXPECT_LT(timeText(), timeText(1h));
  EXPECT_LT(timeText(-1h), timeText());
}

TEST(TimeText, WhatIsNotOnTheCalendarIsNone) {
  EXPECT_TRUE(isTimeText("2028-02-29T23:59:59Z"));
  for (const auto* bad :
       {"", "soon", "2026-11-25", "2026-11-25T03:00:00", "2026-11-25T03:00:00+01:00",
        "2026-11-25T03:00:00ZZ", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
        "2026-01-01 00:00:00Z", "2026-1-01T000:00:00Z"})
    EXPECT_FALSE(isTimeText(bad)) << bad;
}

}  // namespace
}  // namespace hawser
