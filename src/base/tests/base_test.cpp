#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "hawser/base/check.h"
#include "hawser/base/clock.h"
#include "hawser/base/log.h"
#include "hawser/base/metrics.h"
#include "hawser/base/result.h"
#include "hawser/base/strong.h"

namespace hawser {
namespace {

// ---- Result ----

Result<int> half(int number) {
  if (number % 2 != 0) return invalid("is odd", "number");
  return number / 2;
}

TEST(Result, HoldsAValueOrAnErrorWithItsPlace) {
  EXPECT_EQ(*half(4), 2);
  const auto odd = half(3);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(odd.error().field, "number");
  EXPECT_EQ(odd.error().text(), "number: is odd");
  EXPECT_EQ((Error{ErrorCode::kTimeout, "too late", {}}).text(), "too late");
}

TEST(Result, ErrorsCompare) {
  EXPECT_EQ(half(3).error(), half(5).error());
  EXPECT_NE(half(3).error(), (Error{ErrorCode::kNotFound, "is odd", "number"}));
}

TEST(Result, ErrnoSaysWhatAndWhy) {
  const Error missing = failErrno("open /nowhere", ENOENT).error();
  EXPECT_EQ(missing.code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.message, "open /nowhere: No such file or directory");
  EXPECT_EQ(failErrno("bind", EADDRINUSE).error().code, ErrorCode::kInternal);
}

// ---- Strong ----

using Apples = Strong<struct ApplesTag, std::uint32_t>;
using Pears = Strong<struct PearsTag, std::uint32_t>;

static_assert(!std::is_convertible_v<std::uint32_t, Apples>, "no number becomes an id by itself");
static_assert(!std::is_convertible_v<Apples, std::uint32_t>, "nor the other way");
static_assert(!std::is_constructible_v<Apples, Pears>, "nor one id another");
static_assert(sizeof(Apples) == sizeof(std::uint32_t), "and it costs nothing");

TEST(Strong, ComparesAndHashesLikeItsNumber) {
  EXPECT_EQ(Apples(3), Apples(3));
  EXPECT_LT(Apples(3), Apples(4));
  EXPECT_EQ(Apples().value(), 0U);
  std::unordered_set<Apples> set{Apples(1), Apples(2), Apples(1)};
  EXPECT_EQ(set.size(), 2U);
  EXPECT_TRUE(set.contains(Apples(2)));
}

// ---- Clock ----

TEST(ManualClock, MovesOnlyByHand) {
  ManualClock clock;
  const auto start = clock.now();
  EXPECT_EQ(clock.now(), start);
  clock.advance(std::chrono::seconds(90));
  EXPECT_EQ(clock.now() - start, std::chrono::seconds(90));
}

TEST(SteadyClock, NeverGoesBack) {
  const SteadyClock clock;
  auto last = clock.now();
  for (int i = 0; i < 1000; ++i) {
    const auto now = clock.now();
    EXPECT_GE(now, last);
    last = now;
  }
}

// ---- check ----

TEST(CheckDeathTest, EndsWithThePlaceAndTheReason) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  HAWSER_CHECK(1 + 1 == 2, "this holds");
  EXPECT_DEATH(HAWSER_CHECK(1 + 1 == 3, "sums are sums"),
               "base_test.cpp:[0-9]+: broken invariant: 1 \\+ 1 == 3 \\(sums are sums\\)");
}

// ---- metrics ----

TEST(Metrics, OneCounterForOneNameAndLabels) {
  Metrics metrics;
  auto& plain = metrics.counter("bgp.update.receive");
  plain.add();
  plain.add(4);
  EXPECT_EQ(&metrics.counter("bgp.update.receive"), &plain);
  EXPECT_EQ(metrics.counter("bgp.update.receive").value(), 5U);
  metrics.counter("bgp.update.receive", "peer=\"a\"").set(7);
  metrics.counter("bgp.update.receive", "peer=\"b\"").add();
  EXPECT_EQ(plain.value(), 5U) << "labels make it another";
}

TEST(Metrics, PrometheusText) {
  Metrics metrics;
  EXPECT_EQ(metrics.prometheus(), "");
  metrics.counter("bgp.connection.refuse").add(2);
  metrics.counter("agent.drop.log", "reason=\"no-route\"").add();
  EXPECT_EQ(metrics.prometheus(),
            "hawser_agent_drop_log{reason=\"no-route\"} 1\n"
            "hawser_bgp_connection_refuse 2\n");
}

TEST(Metrics, NothingIsLostOverThreads) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 10000; ++n) metrics.counter("a.b.c", n % 2 ? "x=\"1\"" : "").add();
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(metrics.counter("a.b.c").value() + metrics.counter("a.b.c", "x=\"1\"").value(), 40000U);
}

// ---- log ----

class LogTest : public testing::Test {
 protected:
  void TearDown() override { log::setLevel(log::Level::kInfo); }
};

TEST_F(LogTest, LevelsByName) {
  for (const auto& [name, level] : {std::pair{"debug", log::Level::kDebug},
                                    {"info", log::Level::kInfo},
                                    {"warn", log::Level::kWarn},
                                    {"error", log::Level::kError}}) {
    EXPECT_TRUE(log::setLevel(name));
    EXPECT_TRUE(log::enabled(level)) << name;
    EXPECT_TRUE(log::enabled(log::Level::kError)) << name << ": errors are always told";
    if (level != log::Level::kDebug) {
      EXPECT_FALSE(log::enabled(log::Level::kDebug)) << name;
    }
  }
  EXPECT_FALSE(log::setLevel("loud"));
  EXPECT_FALSE(log::setLevel(""));
}

TEST_F(LogTest, ALineSaysLevelComponentAndMessage) {
  testing::internal::CaptureStderr();
  log::info("bgp", "{} is up", "node1");
  log::debug("bgp", "not told");
  log::warn("api", "late");
  const auto text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find(" info bgp: node1 is up\n"), std::string::npos) << text;
  EXPECT_NE(text.find("api: late\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("not told"), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << "one line a fact";
}

TEST_F(LogTest, TextIsNoFormat) {
  testing::internal::CaptureStderr();
  log::error("api", "{}", "{} {0} %s");
  EXPECT_NE(testing::internal::GetCapturedStderr().find("{} {0} %s"), std::string::npos);
}

}  // namespace
}  // namespace hawser
