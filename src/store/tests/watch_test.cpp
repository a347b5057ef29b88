// Watches: order, resumption, and what callbacks and other threads may do meanwhile.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "hawser/store/store.h"

namespace hawser::store {
namespace {

Transaction put(const std::string& key, const std::string& value) { return {{}, {{key, value}}}; }
Transaction erase(const std::string& key) { return {{}, {{key, std::nullopt}}}; }

class WatchTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = openSqlite(":memory:");
    ASSERT_TRUE(opened) << opened.error().text();
    store_ = std::move(*opened);
  }
  std::unique_ptr<Store> store_;
};

std::vector<Revision> revisionsOf(const std::vector<Batch>& batches) {
  std::vector<Revision> out;
  for (const auto& batch : batches) out.push_back(batch.revision);
  return out;
}
using Revisions = std::vector<Revision>;

TEST_F(WatchTest, OneCommitIsOneBatch) {
  std::vector<Batch> seen;
  const auto watch = *store_->watch("/a", 0, [&](const Batch& batch) { seen.push_back(batch); });
  ASSERT_TRUE(store_->commit({{}, {{"/a/1", "x"}, {"/b", "y"}, {"/a/2", "z"}}}));
  ASSERT_EQ(seen.size(), 1U);
  ASSERT_EQ(seen[0].events.size(), 2U) << "only what the watch asked for";
  EXPECT_EQ(seen[0].events[0].entry.key, "/a/1");
  EXPECT_EQ(seen[0].events[1].entry.key, "/a/2");
  ASSERT_TRUE(store_->commit(put("/b", "again")));
  EXPECT_EQ(seen.size(), 1U) << "a commit of which nothing matches is none";
}

TEST_F(WatchTest, EventsTellCreationChangeAndEnd) {
  std::vector<Event> seen;
  const auto watch = *store_->watch("/", 0, [&](const Batch& batch) {
    seen.insert(seen.end(), batch.events.begin(), batch.events.end());
  });
  ASSERT_TRUE(store_->commit(put("/a", "1")));
  ASSERT_TRUE(store_->commit(put("/a", "2")));
  ASSERT_TRUE(store_->commit(erase("/a")));
  ASSERT_TRUE(store_->commit(put("/a", "3")));
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen[0].entry.created, seen[0].entry.modified);
  EXPECT_EQ(seen[1].entry.created, 1U);
  EXPECT_EQ(seen[1].entry.modified, 2U);
  EXPECT_TRUE(seen[2].deleted);
  EXPECT_EQ(seen[2].entry.value, "2") << "the last value";
  EXPECT_EQ(seen[2].entry.modified, 3U) << "when it went";
  EXPECT_EQ(seen[3].entry.created, 4U) << "what comes back is new";
}

TEST_F(WatchTest, HistoryIsWhatALiveWatchWouldHaveSeen) {
  std::vector<Batch> live, late;
  const auto first = *store_->watch("/x", 0, [&](const Batch& batch) { live.push_back(batch); });
  for (int i = 0; i < 20; ++i) {
    const auto key = std::string(i % 3 == 0 ? "/x/" : "/y/") + std::to_string(i % 5);
    ASSERT_TRUE(store_->commit(i % 4 == 3 ? erase(key) : put(key, std::to_string(i))));
  }
  const auto second = *store_->watch("/x", 0, [&](const Batch& batch) { late.push_back(batch); });
  ASSERT_EQ(revisionsOf(late), revisionsOf(live));
  for (std::size_t i = 0; i < live.size(); ++i) {
    ASSERT_EQ(late[i].events.size(), live[i].events.size());
    for (std::size_t j = 0; j < live[i].events.size(); ++j) {
      EXPECT_EQ(late[i].events[j].entry.value, live[i].events[j].entry.value);
      EXPECT_EQ(late[i].events[j].entry.created, live[i].events[j].entry.created);
      EXPECT_EQ(late[i].events[j].deleted, live[i].events[j].deleted);
    }
  }
}

TEST_F(WatchTest, BeginsAfterAnyRevisionAndMissesNothing) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(store_->commit(put("/a", std::to_string(i))));
  for (Revision after = 0; after <= 6; ++after) {
    std::vector<Batch> seen;
    auto watch = *store_->watch("/", after, [&](const Batch& batch) { seen.push_back(batch); });
    EXPECT_EQ(seen.size(), 6 - after);
    if (!seen.empty()) {
      EXPECT_EQ(seen.front().revision, after + 1);
    }
  }
}

TEST_F(WatchTest, ARevisionThatIsYetToComeIsRefused) {
  ASSERT_TRUE(store_->commit(put("/a", "1")));
  const auto future = store_->watch("/", 2, [](const Batch&) {});
  ASSERT_FALSE(future);
  EXPECT_EQ(future.error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(store_->watch("/", 1, [](const Batch&) {}));
}

TEST_F(WatchTest, CompactionEndsWhereItSays) {
  constexpr Revision kKept = 10000;
  for (Revision i = 0; i < kKept + 2; ++i)
    ASSERT_TRUE(store_->commit(put("/a", std::to_string(i))));
  std::size_t seen = 0;
  EXPECT_TRUE(store_->watch("/", 2, [&](const Batch&) { ++seen; }));
  EXPECT_EQ(seen, kKept) << "the oldest that is served";
  EXPECT_FALSE(store_->watch("/", 1, [](const Batch&) {}));
}

// ---- what callbacks may do ----

TEST_F(WatchTest, ACallbackMayReadAndCommit) {
  std::vector<std::string> order;
  const auto first = *store_->watch("/", 0, [&](const Batch& batch) {
    order.push_back("a" + std::to_string(batch.revision));
    if (batch.events[0].entry.key == "/in") {
      EXPECT_EQ((*store_->get("/in"))->value, "1");
      EXPECT_TRUE(store_->commit(put("/out", "2")));
    }
  });
  const auto second = *store_->watch(
      "/", 0, [&](const Batch& batch) { order.push_back("b" + std::to_string(batch.revision)); });
  ASSERT_TRUE(store_->commit(put("/in", "1")));
  EXPECT_EQ(order, (std::vector<std::string>{"a1", "b1", "a2", "b2"}))
      << "every watch sees revision 1 before anyone sees revision 2";
}

TEST_F(WatchTest, ACallbackMayEndAnotherWatch) {
  std::unique_ptr<Watch> other;
  int calls = 0;
  const auto first = *store_->watch("/", 0, [&](const Batch&) { other.reset(); });
  other = *store_->watch("/", 0, [&](const Batch&) { ++calls; });
  ASSERT_TRUE(store_->commit(put("/a", "1")));
  EXPECT_EQ(calls, 0) << "it ended before its turn";
}

TEST_F(WatchTest, ACallbackMayBeginAWatch) {
  std::unique_ptr<Watch> inner;
  std::vector<Revision> seen;
  const auto outer = *store_->watch("/", 0, [&](const Batch& batch) {
    if (batch.revision == 1)
      inner = *store_->watch("/", 1, [&](const Batch& next) { seen.push_back(next.revision); });
  });
  ASSERT_TRUE(store_->commit(put("/a", "1")));
  ASSERT_TRUE(store_->commit(put("/a", "2")));
  EXPECT_EQ(seen, Revisions{2});
}

TEST_F(WatchTest, CallbacksOnTheHistoryMayCommitToo) {
  ASSERT_TRUE(store_->commit(put("/a", "1")));
  ASSERT_TRUE(store_->commit(put("/a", "2")));
  std::vector<Revision> seen;
  const auto watch = *store_->watch("/", 0, [&](const Batch& batch) {
    seen.push_back(batch.revision);
    if (batch.revision == 1) {
      EXPECT_TRUE(store_->commit(put("/b", "3")));
    }
  });
  EXPECT_EQ(seen, (Revisions{1, 2, 3}));
}

// ---- several threads ----

// Writers, and watches that come and go: every watch sees every revision from where it began, once
// and in order.
TEST_F(WatchTest, OrderHoldsOverThreads) {
  constexpr int kWriters = 4, kCommits = 300;
  std::atomic<int> writing{kWriters};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer)
    threads.emplace_back([&, writer] {
      for (int i = 0; i < kCommits; ++i)
        EXPECT_TRUE(store_->commit(put("/" + std::to_string(writer), std::to_string(i))));
      --writing;
    });
  int rounds = 0;
  while (writing > 0) {
    Revision last = store_->revision();
    const auto from = last;
    std::size_t wrong = 0;
    {
      const auto watch = *store_->watch("/", from, [&](const Batch& batch) {
        if (batch.revision != last + 1) ++wrong;
        last = batch.revision;
      });
      EXPECT_TRUE(store_->commit(put("/mine", std::to_string(++rounds))));
      EXPECT_GT(last, from) << "told before commit() returned";
    }
    EXPECT_EQ(wrong, 0U);
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store_->revision(), static_cast<Revision>(kWriters * kCommits + rounds));
}

// After its destructor a watch is silent, although commits go on elsewhere.
TEST_F(WatchTest, EndedWatchesAreSilent) {
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) EXPECT_TRUE(store_->commit(put("/a", "x")));
  });
  for (int round = 0; round < 200; ++round) {
    auto alive = std::make_unique<std::atomic<bool>>(true);
    auto watch = *store_->watch("/", store_->revision(), [&, flag = alive.get()](const Batch&) {
      EXPECT_TRUE(flag->load());
    });
    watch.reset();
    *alive = false;
  }
  stop = true;
  writer.join();
}

// Compare-and-write from several threads counts right: no update is lost.
TEST_F(WatchTest, ComparesSerialiseThreads) {
  ASSERT_TRUE(store_->commit(put("/n", "0")));
  constexpr int kThreads = 4, kEach = 50;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int done = 0; done < kEach;) {
        const auto entry = **store_->get("/n");
        const auto next = std::to_string(std::stoi(entry.value) + 1);
        const auto committed = store_->commit({{{"/n", entry.modified}}, {{"/n", next}}});
        if (committed)
          ++done;
        else
          EXPECT_EQ(committed.error().code, ErrorCode::kConflict);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ((*store_->get("/n"))->value, std::to_string(kThreads * kEach));
}

}  // namespace
}  // namespace hawser::store
