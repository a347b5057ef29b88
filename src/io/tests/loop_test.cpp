#include "hawser/io/loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <thread>

namespace hawser::io {
namespace {

using std::chrono::milliseconds;

TEST(Loop, RunsPostedTasksInOrder) {
  Loop loop;
  std::string order;
  loop.post([&] { order += 'a'; });
  loop.post([&] { order += 'b'; });
  loop.runFor(milliseconds(100));
  EXPECT_EQ(order, "ab");
}

TEST(Loop, PostFromAnotherThreadWakesIt) {
  Loop loop;
  std::thread other([&] { loop.post([&] { loop.stop(); }); });
  loop.run();
  other.join();
}

TEST(Timer, FiresOnceAndCancelStopsIt) {
  Loop loop;
  int fired = 0;
  Timer timer(loop), cancelled(loop);
  timer.start(milliseconds(1), [&] { ++fired; });
  cancelled.start(milliseconds(1), [&] { fired += 100; });
  EXPECT_TRUE(cancelled.pending());
  cancelled.cancel();
  EXPECT_FALSE(cancelled.pending());
  for (int i = 0; i < 20 && fired == 0; ++i) loop.runFor(milliseconds(50));
  loop.runFor(milliseconds(10));
  EXPECT_EQ(fired, 1);
}

TEST(Timer, StartAgainMovesIt) {
  Loop loop;
  std::string which;
  Timer timer(loop);
  timer.start(milliseconds(1), [&] { which += "first"; });
  timer.start(milliseconds(2), [&] { which += "second"; });
  for (int i = 0; i < 20 && which.empty(); ++i) loop.runFor(milliseconds(50));
  EXPECT_EQ(which, "second");
}

TEST(Timer, MayBeDestroyedByItsCallback) {
  Loop loop;
  auto timer = std::make_unique<Timer>(loop);
  bool fired = false;
  timer->start(milliseconds(1), [&] {
    fired = true;
    timer.reset();
  });
  for (int i = 0; i < 20 && !fired; ++i) loop.runFor(milliseconds(50));
  EXPECT_TRUE(fired);
}

TEST(FdWatcher, TellsWhatIsReadableUntilDestroyed) {
  Loop loop;
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  int calls = 0;
  std::optional<FdWatcher> watcher;
  watcher.emplace(loop, pipe[0], [&] {
    char c = 0;
    ASSERT_EQ(::read(pipe[0], &c, 1), 1);
    if (++calls == 2) watcher.reset();  // from inside its own callback
  });
  ASSERT_EQ(::write(pipe[1], "xyz", 3), 3);
  for (int i = 0; i < 5; ++i) loop.runFor(milliseconds(10));
  EXPECT_EQ(calls, 2);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

// The number of a closed descriptor is used again at once: the old watcher must not take the new
// one's events.
TEST(FdWatcher, SurvivesReuseOfTheNumber) {
  Loop loop;
  std::array<int, 2> first{}, second{};
  ASSERT_EQ(::pipe(first.data()), 0);
  std::optional<FdWatcher> old;
  old.emplace(loop, first[0], [] { FAIL(); });
  old.reset();
  ::close(first[0]);
  ASSERT_EQ(::pipe(second.data()), 0);
  bool readable = false;
  FdWatcher fresh(loop, second[0], [&] {
    char c = 0;
    ASSERT_EQ(::read(second[0], &c, 1), 1);
    readable = true;
  });
  ASSERT_EQ(::write(second[1], "x", 1), 1);
  for (int i = 0; i < 20 && !readable; ++i) loop.runFor(milliseconds(10));
  EXPECT_TRUE(readable);
}

}  // namespace
}  // namespace hawser::io
