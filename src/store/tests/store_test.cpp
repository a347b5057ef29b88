#include "hawser/store/store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

namespace hawser::store {
namespace {

namespace fs = std::filesystem;

Transaction put(const std::string& key, const std::string& value) { return {{}, {{key, value}}}; }
Transaction erase(const std::string& key) { return {{}, {{key, std::nullopt}}}; }

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "hawser-store-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = (folder_ / "store.db").string();
    open();
  }
  void TearDown() override {
    store_.reset();
    fs::remove_all(folder_);
  }
  void open() {
    store_.reset();
    auto opened = openSqlite(path_);
    ASSERT_TRUE(opened) << opened.error().text();
    store_ = std::move(*opened);
  }
  fs::path folder_;
  std::string path_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, RevisionsCountCommits) {
  EXPECT_EQ(store_->revision(), 0U);
  EXPECT_EQ(*store_->commit(put("/a", "1")), 1U);
  EXPECT_EQ(*store_->commit({{}, {{"/b", "1"}, {"/c", "1"}}}), 2U);
  EXPECT_EQ(*store_->commit(put("/a", "2")), 3U);
  const auto entry = *store_->get("/a");
  EXPECT_EQ(entry->created, 1U);
  EXPECT_EQ(entry->modified, 3U);
  EXPECT_EQ(entry->value, "2");
  EXPECT_EQ(*store_->commit(erase("/nothing")), 3U) << "nothing happened";
  EXPECT_EQ(*store_->get("/nothing"), std::nullopt);
}

TEST_F(StoreTest, ComparesGuardTheWholeTransaction) {
  ASSERT_TRUE(store_->commit({{{"/a", 0}}, {{"/a", "1"}}}));
  const auto again = store_->commit({{{"/a", 0}}, {{"/a", "2"}, {"/b", "2"}}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_EQ(again.error().field, "/a");
  EXPECT_EQ(*store_->get("/b"), std::nullopt);
  EXPECT_TRUE(store_->commit({{{"/a", 1}}, {{"/a", std::nullopt}}}));
  EXPECT_FALSE(store_->commit({{{"/a", 1}}, {{"/a", "3"}}}));
}

TEST_F(StoreTest, ListsByPrefixInOrder) {
  for (const auto* key : {"/x/b", "/x/a", "/x", "/y", "/x/a/1", "/xa"})
    ASSERT_TRUE(store_->commit(put(key, "v")));
  std::vector<std::string> keys;
  const auto listing = *store_->list("/x/");
  for (const auto& entry : listing.entries) keys.push_back(entry.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"/x/a", "/x/a/1", "/x/b"}));
  EXPECT_EQ(listing.revision, 6U);
  EXPECT_EQ(store_->list("")->entries.size(), 6U);
}

TEST_F(StoreTest, ValuesMayHoldAnyBytes) {
  const std::string bytes("a\0b'\"\xff", 6);
  ASSERT_TRUE(store_->commit(put("/a", bytes)));
  EXPECT_EQ((*store_->get("/a"))->value, bytes);
  ASSERT_TRUE(store_->commit(put("/a", "")));
  EXPECT_EQ((*store_->get("/a"))->value, "");
}

TEST_F(StoreTest, SurvivesReopening) {
  ASSERT_TRUE(store_->commit(put("/a", "1")));
  ASSERT_TRUE(store_->commit(erase("/a")));
  ASSERT_TRUE(store_->commit(put("/b", "1")));
  open();
  EXPECT_EQ(store_->revision(), 3U);
  EXPECT_EQ(store_->list("/")->entries.size(), 1U);
}

// Runs SQL on a store that nobody has open.
void runSql(const std::string& path, const char* sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
}

std::vector<std::string> previousOf(Store& store, Revision after) {
  std::vector<std::string> seen;
  (void)*store.watch("/", after, [&](const Batch& batch) {
    for (const auto& event : batch.events) seen.push_back(event.previous.value_or("none"));
  });
  return seen;
}

TEST_F(StoreTest, EventsSayWhatWasBefore) {
  std::vector<std::string> live;
  const auto watch = *store_->watch("/", 0, [&](const Batch& batch) {
    for (const auto& event : batch.events) live.push_back(event.previous.value_or("none"));
  });
  ASSERT_TRUE(store_->commit(put("/a", "")));
  ASSERT_TRUE(store_->commit(put("/a", "2")));
  ASSERT_TRUE(store_->commit({{}, {{"/a", "3"}, {"/a", std::nullopt}}}));
  ASSERT_TRUE(store_->commit(put("/a", "4")));
  const std::vector<std::string> all{"none", "", "2", "3", "none"};
  EXPECT_EQ(live, all);
  EXPECT_EQ(previousOf(*store_, 0), all) << "from the log";
}

TEST_F(StoreTest, AFileOfTheFirstFormatIsBroughtForward) {
  ASSERT_TRUE(store_->commit(put("/a", "1")));
  ASSERT_TRUE(store_->commit(put("/a", "2")));
  store_.reset();
  runSql(path_,
         "ALTER TABLE log DROP COLUMN previous; UPDATE meta SET number = 1 WHERE name = 'format'");
  for (int i = 0; i < 2; ++i) open();  // the second time it is one of ours
  EXPECT_EQ((*store_->get("/a"))->value, "2");
  ASSERT_TRUE(store_->commit(put("/a", "3")));
  EXPECT_EQ(previousOf(*store_, 0), (std::vector<std::string>{"none", "none", "2"}));
}

TEST_F(StoreTest, AFileOfALaterFormatIsRefused) {
  store_.reset();
  runSql(path_, "UPDATE meta SET number = 3 WHERE name = 'format'");
  const auto opened = openSqlite(path_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("format 3"), std::string::npos);
}

struct Seen {
  std::vector<std::string> events;
  std::function<void(const Batch&)> callback() {
    return [this](const Batch& batch) {
      for (const auto& event : batch.events)
        events.push_back(std::to_string(batch.revision) + (event.deleted ? "-" : "+") +
                         event.entry.key + "=" + event.entry.value);
    };
  }
};

TEST_F(StoreTest, WatchesTellWhatComes) {
  Seen all, some;
  const auto a = *store_->watch("/", 0, all.callback());
  auto b = *store_->watch("/x/", 0, some.callback());
  ASSERT_TRUE(store_->commit({{}, {{"/x/1", "a"}, {"/y", "b"}}}));
  ASSERT_TRUE(store_->commit(erase("/x/1")));
  EXPECT_EQ(all.events, (std::vector<std::string>{"1+/x/1=a", "1+/y=b", "2-/x/1=a"}));
  EXPECT_EQ(some.events, (std::vector<std::string>{"1+/x/1=a", "2-/x/1=a"}));
  b.reset();
  ASSERT_TRUE(store_->commit(put("/x/2", "c")));
  EXPECT_EQ(some.events.size(), 2U);
}

TEST_F(StoreTest, WatchesResumeFromARevision) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store_->commit(put("/k" + std::to_string(i), "v")));
  open();
  Seen seen;
  const auto watch = *store_->watch("/", 3, seen.callback());
  EXPECT_EQ(seen.events, (std::vector<std::string>{"4+/k3=v", "5+/k4=v"}));
}

TEST_F(StoreTest, OldHistoryIsCompacted) {
  auto memory = openSqlite(":memory:");
  ASSERT_TRUE(memory);
  for (int i = 0; i < 10005; ++i) ASSERT_TRUE((*memory)->commit(put("/a", std::to_string(i))));
  const auto old = (*memory)->watch("/", 1, [](const Batch&) {});
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, ErrorCode::kInvalid);
  EXPECT_TRUE((*memory)->watch("/", 10, [](const Batch&) {}));
}

TEST_F(StoreTest, AWatchMayEndInItsOwnCallback) {
  std::unique_ptr<Watch> watch;
  int calls = 0;
  watch = *store_->watch("/", 0, [&](const Batch&) {
    ++calls;
    watch.reset();
  });
  ASSERT_TRUE(store_->commit(put("/a", "1")));
  ASSERT_TRUE(store_->commit(put("/a", "2")));
  EXPECT_EQ(calls, 1);
}

// Against a map, with a watch whose events rebuild the same map.
TEST_F(StoreTest, BehavesLikeAMap) {
  std::mt19937 random(5);
  std::map<std::string, std::string> model, replayed;
  const auto watch = *store_->watch("/", 0, [&](const Batch& batch) {
    for (const auto& event : batch.events) {
      if (event.deleted)
        replayed.erase(event.entry.key);
      else
        replayed[event.entry.key] = event.entry.value;
    }
  });
  for (int step = 0; step < 500; ++step) {
    Transaction transaction;
    for (unsigned i = 0; i <= random() % 3; ++i) {
      const auto key = "/" + std::to_string(random() % 10);
      if (std::any_of(transaction.operations.begin(), transaction.operations.end(),
                      [&](const auto& o) { return o.key == key; }))
        continue;
      const bool remove = random() % 3 == 0;
      transaction.operations.push_back(
          {key, remove ? std::nullopt : std::optional(std::to_string(random()))});
    }
    const bool wrong = random() % 4 == 0;
    if (wrong) transaction.compares.push_back({"/never", 77});
    EXPECT_EQ(store_->commit(transaction).has_value(), !wrong);
    if (!wrong)
      for (const auto& operation : transaction.operations) {
        if (operation.value)
          model[operation.key] = *operation.value;
        else
          model.erase(operation.key);
      }
  }
  std::map<std::string, std::string> stored;
  const auto listing = *store_->list("/");
  for (const auto& entry : listing.entries) stored[entry.key] = entry.value;
  EXPECT_EQ(stored, model);
  EXPECT_EQ(replayed, model);
}

// Killed in the middle of commits: each is there whole or not at all, and everything that was
// acknowledged is there.
TEST_F(StoreTest, SurvivesKill) {
  store_.reset();
  std::array<int, 2> acknowledged{};
  ASSERT_EQ(::pipe(acknowledged.data()), 0);
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto store = openSqlite(path_);
    for (std::uint32_t i = 1; store; ++i) {
      const auto text = std::to_string(i);
      if (!(*store)->commit({{}, {{"/a", text}, {"/b", text}}})) break;
      if (::write(acknowledged[1], &i, sizeof i) != sizeof i) break;
    }
    ::_exit(1);
  }
  ::close(acknowledged[1]);
  std::uint32_t last = 0;
  for (int i = 0; i < 40; ++i)
    ASSERT_EQ(::read(acknowledged[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
  ::kill(child, SIGKILL);
  while (::read(acknowledged[0], &last, sizeof last) == static_cast<ssize_t>(sizeof last)) {
  }
  ::close(acknowledged[0]);
  ::waitpid(child, nullptr, 0);
  open();
  EXPECT_EQ((*store_->get("/a"))->value, (*store_->get("/b"))->value);
  EXPECT_GE(std::stoul((*store_->get("/a"))->value), last);
  EXPECT_EQ(store_->revision(), (*store_->get("/a"))->modified);
}

TEST_F(StoreTest, WhatCannotBeOpenedIsToldWithItsPath) {
  const auto missing = openSqlite((folder_ / "no" / "such" / "store.db").string());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("no/such/store.db"), std::string::npos);
  const auto garbage = folder_ / "garbage.db";
  std::ofstream(garbage) << std::string(8192, 'x');
  const auto opened = openSqlite(garbage.string());
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("not a database"), std::string::npos)
      << opened.error().message;
}

// Two controllers on one file would each keep a revision of their own.
TEST_F(StoreTest, OneProcessAtATime) {
  ASSERT_TRUE(store_->commit(put("/a", "1")));
  const auto second = openSqlite(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(second.error().message.find(path_), std::string::npos) << second.error().message;
}

TEST_F(StoreTest, LaterOperationsOfATransactionSeeEarlierOnes) {
  ASSERT_EQ(*store_->commit({{}, {{"/a", "1"}, {"/a", "2"}}}), 1U);
  EXPECT_EQ((*store_->get("/a"))->value, "2");
  ASSERT_TRUE(store_->commit({{}, {{"/b", "1"}, {"/b", std::nullopt}}}));
  EXPECT_EQ(*store_->get("/b"), std::nullopt);
}

TEST_F(StoreTest, AnEmptyTransactionIsAQuestion) {
  ASSERT_TRUE(store_->commit(put("/a", "1")));
  EXPECT_EQ(*store_->commit({{{"/a", 1}}, {}}), 1U);
  const auto changed = store_->commit({{{"/a", 0}}, {}});
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::kConflict);
  EXPECT_EQ(store_->revision(), 1U);
}

TEST_F(StoreTest, PrefixesEndAtTheirLastByte) {
  const std::string high("/k\xff", 3);
  for (const auto& key : {std::string("/k"), high, high + "1", high + "\xff", std::string("/l")})
    ASSERT_TRUE(store_->commit(put(key, "v")));
  EXPECT_EQ(store_->list(high)->entries.size(), 3U);
  EXPECT_EQ(store_->list("/k")->entries.size(), 4U);
  EXPECT_EQ(store_->list("\xff")->entries.size(), 0U);
  EXPECT_EQ(store_->list("/none")->revision, 5U) << "an empty listing has a revision too";
}

TEST_F(StoreTest, RevisionsGoOnAfterReopening) {
  ASSERT_TRUE(store_->commit(put("/a", "1")));
  open();
  EXPECT_EQ(*store_->commit(put("/a", "2")), 2U);
  const auto entry = **store_->get("/a");
  EXPECT_EQ(entry.created, 1U);
  EXPECT_EQ(entry.modified, 2U);
  const auto stale = store_->commit({{{"/a", 1}}, {{"/a", "3"}}});
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace hawser::store
