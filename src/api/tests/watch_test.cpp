// What watches tell: from the start, from a revision, and who may see what.
#include <fmt/core.h>

#include "fixture.h"

namespace hawser::api {
namespace {

class WatchTest : public ApiTest {
 protected:
  [[nodiscard]] std::vector<std::string> told(const std::string& who, const std::string& path,
                                              std::uint64_t until);
};

TEST_F(WatchTest, WatchTellsChangesInOrder) {
  io::Loop mine;
  std::vector<std::string> seen;
  int synced = 0;
  ObjectWatcher watcher(
      mine, config("admin"), Kind::kNetwork, "p1",
      {[&](const Object& object) { seen.push_back("+" + object.metadata.name); },
       [&](const model::ObjectKey& key) { seen.push_back("-" + key.name); }, [&] { ++synced; }});
  const auto wait = [&](auto condition) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!condition() && std::chrono::steady_clock::now() < deadline) mine.runFor(20ms);
    return condition();
  };
  ASSERT_TRUE(wait([&] { return synced == 1; }));
  auto admin = client();
  ASSERT_TRUE(admin.create(network("a")));
  ASSERT_TRUE(admin.create(network("other", "10.2.0.0/24", "p2")));
  ASSERT_TRUE(admin.create(network("b", "10.1.0.0/24")));
  ASSERT_TRUE(admin.remove(network("a").key()));
  ASSERT_TRUE(wait([&] { return seen.size() == 3; }));
  EXPECT_EQ(seen, (std::vector<std::string>{"+a", "+b", "-a"}));
}

TEST_F(WatchTest, AVersionOfTheFutureIsToldAsSuch) {
  auto admin = client();
  auto made = admin.create(network("a")).value();
  const auto newest = admin.list(Kind::kNetwork)->resourceVersion;
  const auto [status, answer] =
      send("GET", "/api/v1/networks?watch=true&resourceVersion=" + std::to_string(newest + 1), "");
  EXPECT_EQ(status, 410);
  EXPECT_NE(
      answer.find(fmt::format("version {} is yet to come, the newest is {}", newest + 1, newest)),
      std::string::npos)
      << answer;
  made.metadata.resourceVersion = newest + 1;
  const auto error = admin.update(made).error();
  EXPECT_EQ(error.code, ErrorCode::kConflict);
  EXPECT_EQ(error.field, "metadata.resourceVersion");
  EXPECT_NE(error.message.find("is yet to come"), std::string::npos) << error.message;
}

TEST_F(WatchTest, WatchResumesAfterARevision) {
  auto admin = client();
  const auto revision = admin.list(Kind::kNetwork)->resourceVersion;
  ASSERT_TRUE(admin.create(network("a")));
  io::Loop mine;
  std::vector<model::Json> lines;
  LineWatcher watcher(mine, config("admin"),
                      "/api/v1/networks?watch=true&resourceVersion=" + std::to_string(revision),
                      [&](const model::Json& line) { lines.push_back(line); });
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (lines.size() < 2 && std::chrono::steady_clock::now() < deadline) mine.runFor(20ms);
  ASSERT_GE(lines.size(), 2U);
  EXPECT_EQ(lines[0]["type"], "ADDED");
  EXPECT_EQ(lines[1]["type"], "BOOKMARK");
}

// What a watch at `path` tells until a bookmark at `until` or later: "TYPE name tier".
std::vector<std::string> WatchTest::told(const std::string& who, const std::string& path,
                                         std::uint64_t until) {
  io::Loop mine;
  std::vector<std::string> seen;
  bool over = false;
  LineWatcher watcher(mine, config(who), path, [&](const model::Json& line) {
    if (line["type"] == "BOOKMARK") {
      over = over || line["resourceVersion"] >= until;
      return;
    }
    const auto& metadata = line["object"]["metadata"];
    const auto labels = metadata.value("labels", model::Json::object());
    seen.push_back(fmt::format("{} {} {}", line["type"].get<std::string>(),
                               metadata["name"].get<std::string>(), labels.value("tier", "-")));
  });
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!over && std::chrono::steady_clock::now() < deadline) mine.runFor(20ms);
  EXPECT_TRUE(over);
  return seen;
}

TEST_F(WatchTest, WatchBySelectorTellsWhatComesAndGoes) {
  auto admin = client();
  const auto label = [&](const std::string& name, const model::Json& value) {
    const auto done =
        admin.patch({Kind::kNetwork, "p1", name}, {{"metadata", {{"labels", {{"tier", value}}}}}});
    ASSERT_TRUE(done) << done.error().text();
  };
  const auto revision = admin.list(Kind::kNetwork)->resourceVersion;
  ASSERT_TRUE(admin.create(network("a")));
  ASSERT_TRUE(admin.create(network("b", "10.1.0.0/24")));
  label("a", "db");     // begins to match
  label("a", "db");     // no change
  label("b", "web");    // never matches
  label("a", "cache");  // ceases to match
  label("a", "db");
  ASSERT_TRUE(
      admin.patch({Kind::kNetwork, "p1", "a"}, {{"metadata", {{"annotations", {{"note", "x"}}}}}}));
  label("a", nullptr);
  ASSERT_TRUE(admin.remove({Kind::kNetwork, "p1", "a"}));  // gone for this watch already
  label("b", "db");
  ASSERT_TRUE(admin.remove({Kind::kNetwork, "p1", "b"}));
  const auto path = fmt::format(
      "/api/v1/networks?watch=true&labelSelector=tier%3Ddb&resourceVersion={}", revision);
  EXPECT_EQ(told("admin", path, admin.list(Kind::kNetwork)->resourceVersion),
            (std::vector<std::string>{"ADDED a db", "DELETED a db", "ADDED a db", "MODIFIED a db",
                                      "DELETED a db", "ADDED b db", "DELETED b db"}));
}

TEST_F(WatchTest, WatchTellsAMemberWhatTheyMaySeeNoMore) {
  auto admin = client();
  auto shared = network("shared", "10.9.0.0/24", "p2");
  shared.spec["external"] = true;
  const auto revision = admin.list(Kind::kNetwork)->resourceVersion;
  ASSERT_TRUE(admin.apply({shared}));
  shared.spec["external"] = false;
  ASSERT_TRUE(admin.apply({shared}));
  shared.metadata.labels["tier"] = "hidden";
  ASSERT_TRUE(admin.apply({shared}));
  const auto path = fmt::format("/api/v1/networks?watch=true&resourceVersion={}", revision);
  EXPECT_EQ(told("member", path, admin.list(Kind::kNetwork)->resourceVersion),
            (std::vector<std::string>{"ADDED shared -", "DELETED shared -"}));
}

// Counts the watches that live.
class CountedStore final : public store::Store {
 public:
  CountedStore() : store_(store::openSqlite(":memory:").value()) {}
  [[nodiscard]] int live() const { return *live_; }
  [[nodiscard]] store::Revision revision() const override { return store_->revision(); }
  [[nodiscard]] Result<std::optional<store::Entry>> get(std::string_view key) const override {
    return store_->get(key);
  }
  [[nodiscard]] Result<store::Listing> list(std::string_view prefix) const override {
    return store_->list(prefix);
  }
  [[nodiscard]] Result<store::Revision> commit(const store::Transaction& transaction) override {
    return store_->commit(transaction);
  }
  [[nodiscard]] Result<std::unique_ptr<store::Watch>> watch(
      std::string_view prefix, store::Revision after,
      std::function<void(const store::Batch&)> callback) override {
    auto made = store_->watch(prefix, after, std::move(callback));
    if (!made) return std::unexpected(made.error());
    return std::make_unique<Counted>(live_, std::move(*made));
  }

 private:
  struct Counted final : store::Watch {
    Counted(std::shared_ptr<int> of, std::unique_ptr<store::Watch> one)
        : count(std::move(of)), watch(std::move(one)) {
      ++*count;
    }
    ~Counted() override { --*count; }
    std::shared_ptr<int> count;
    std::unique_ptr<store::Watch> watch;
  };
  std::shared_ptr<int> live_ = std::make_shared<int>(0);
  std::unique_ptr<store::Store> store_;
};

struct StreamReply final : Reply {
  void json(int, const Json&) override {}
  void text(int, std::string, std::string) override {}
  void stream(std::function<void()> whenGone) override { gone = std::move(whenGone); }
  void line(const std::string&) override {}
  void end() override {}
  std::function<void()> gone;
};

// The loop may stop before it comes to what is posted, and it outlives the store.
TEST(RestLife, NoWatchOutlivesItsRest) {
  io::Loop loop;
  CountedStore store;
  TestAdmission admission;
  auto objects = Objects::open(store, admission).value();
  auto rest = std::make_unique<Rest>(loop, *objects, "sha256:none");
  HttpRequest request;
  request.method = "GET";
  request.path = "/api/v1/networks";
  request.query = {{"watch", "true"}};
  const auto ended = std::make_shared<StreamReply>(), open = std::make_shared<StreamReply>();
  ASSERT_TRUE(rest->handle(request, Caller::system(), ended));
  ASSERT_TRUE(rest->handle(request, Caller::system(), open));
  ASSERT_EQ(store.live(), 2);
  ended->gone();
  rest.reset();
  EXPECT_EQ(store.live(), 0);
  open->gone();  // nobody's any more
}

}  // namespace
}  // namespace hawser::api
