// The store in one SQLite file. One table holds the newest value of each key, another the log of
// commits, from which watches that begin in the past are served. A commit writes both in one SQLite
// transaction with synchronous=FULL, so what was acknowledged survives a power failure, and a crash
// leaves either all of a commit or nothing.
//
// Locking. mutex_ guards the connection, the list of watches and the queue of batches that are
// committed but not told yet. turn_ is the right to call back: its holder tells the queue, batch by
// batch, without mutex_. A thread takes turn_ before mutex_ or alone, never while it holds mutex_.
// So batches reach every watch in the order of their revisions, whichever thread committed them; a
// callback may read, commit, watch and end watches (what it commits is told after it returns); and
// a watch that is destroyed waits for a callback of another thread that is running.
#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "hawser/base/check.h"
#include "hawser/store/store.h"

namespace hawser::store {
namespace {

constexpr Revision kHistory = 10000;  // commits that the log keeps

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value BLOB NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (revision INTEGER NOT NULL, seq INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
  created INTEGER NOT NULL, deleted INTEGER NOT NULL, previous BLOB, PRIMARY KEY (revision, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO meta VALUES ('revision', 0), ('format', 2);
)";
constexpr Revision kFormat = 2;
// Format 1 had no log.previous.
constexpr const char* kFromFormat1 = R"(
BEGIN IMMEDIATE;
ALTER TABLE log ADD COLUMN previous BLOB;
UPDATE meta SET number = 2 WHERE name = 'format';
COMMIT;
)";

struct StatementCloser {
  void operator()(sqlite3_stmt* statement) const { sqlite3_reset(statement); }
};

class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const std::string& path) {
    std::unique_ptr<Connection> made(new Connection());
    if (sqlite3_open_v2(path.c_str(), &made->db_,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        nullptr) != SQLITE_OK)
      return made->error("open " + path);
    sqlite3_busy_timeout(made->db_, 2000);
    for (const auto* statement : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                                  "PRAGMA locking_mode=EXCLUSIVE", kSchema})
      if (auto done = made->run(statement); !done)
        return std::unexpected(Error{done.error().code, path + ": " + done.error().message, {}});
    if (auto done = made->upgrade(path); !done) return std::unexpected(done.error());
    return made;
  }
  ~Connection() {
    for (auto& [text, statement] : prepared_) sqlite3_finalize(statement);
    sqlite3_close(db_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<void> run(const char* sql) {
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error("store");
    return {};
  }

  // A prepared statement with its parameters bound; reset when it goes.
  using Statement = std::unique_ptr<sqlite3_stmt, StatementCloser>;
  template <class... Args>
  Statement bind(const char* sql, const Args&... args) {
    auto& statement = prepared_.emplace_back(sql, nullptr);
    const auto known = std::find_if(prepared_.begin(), std::prev(prepared_.end()),
                                    [&](const auto& item) { return item.first == sql; });
    if (known != std::prev(prepared_.end())) {
      prepared_.pop_back();
      return bindAll(known->second, args...);
    }
    HAWSER_CHECK(sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement.second,
                                    nullptr) == SQLITE_OK,
                 sqlite3_errmsg(db_));
    return bindAll(statement.second, args...);
  }
  [[nodiscard]] std::unexpected<Error> error(const std::string& what) const {
    const auto code =
        sqlite3_errcode(db_) == SQLITE_BUSY ? ErrorCode::kUnavailable : ErrorCode::kInternal;
    return fail(code, what + ": " + (db_ == nullptr ? "out of memory" : sqlite3_errmsg(db_)));
  }

 private:
  Connection() = default;
  Result<void> upgrade(const std::string& path) {
    Revision format = 0;
    {
      const auto row = bind("SELECT number FROM meta WHERE name = 'format'");
      if (sqlite3_step(row.get()) == SQLITE_ROW)
        format = static_cast<Revision>(sqlite3_column_int64(row.get(), 0));
    }
    if (format == kFormat) return {};
    if (format != 1)
      return fail(ErrorCode::kInternal,
                  fmt::format("{}: format {} is not one of this version's", path, format));
    return run(kFromFormat1);
  }
  template <class... Args>
  static Statement bindAll(sqlite3_stmt* statement, const Args&... args) {
    sqlite3_reset(statement);
    int index = 0;
    (bindOne(statement, ++index, args), ...);
    return Statement(statement);
  }
  static void bindOne(sqlite3_stmt* statement, int index, std::string_view text) {
    sqlite3_bind_blob64(statement, index, text.data() == nullptr ? "" : text.data(), text.size(),
                        SQLITE_TRANSIENT);
  }
  static void bindOne(sqlite3_stmt* statement, int index, const std::optional<std::string>& text) {
    if (text)
      bindOne(statement, index, std::string_view(*text));
    else
      sqlite3_bind_null(statement, index);
  }
  static void bindOne(sqlite3_stmt* statement, int index, Revision number) {
    sqlite3_bind_int64(statement, index, static_cast<sqlite3_int64>(number));
  }

  sqlite3* db_ = nullptr;
  std::list<std::pair<std::string_view, sqlite3_stmt*>> prepared_;
};

std::string textAt(sqlite3_stmt* row, int column) {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(row, column));
  return data == nullptr
             ? std::string()
             : std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
}
Revision numberAt(sqlite3_stmt* row, int column) {
  return static_cast<Revision>(sqlite3_column_int64(row, column));
}

// The first key after all that begin with `prefix`; empty: there is none.
std::string endOf(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty())
    prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

class SqliteStore;

class SqliteWatch final : public Watch {
 public:
  SqliteWatch(SqliteStore& store, std::string prefix, std::function<void(const Batch&)> callback)
      : store_(store), prefix_(std::move(prefix)), callback_(std::move(callback)) {}
  ~SqliteWatch() override;
  // What it has been told already, or was there when it began.
  void since(Revision revision) { since_ = revision; }
  void offer(const Batch& all) const {
    if (all.revision <= since_) return;
    tell(all);
  }
  void tell(const Batch& all) const {
    Batch mine{all.revision, {}};
    for (const auto& event : all.events)
      if (event.entry.key.starts_with(prefix_)) mine.events.push_back(event);
    if (!mine.events.empty()) callback_(mine);
  }

 private:
  SqliteStore& store_;
  std::string prefix_;
  std::function<void(const Batch&)> callback_;
  Revision since_ = 0;
};

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)) {
    const auto row = connection_->bind("SELECT number FROM meta WHERE name = 'revision'");
    if (sqlite3_step(row.get()) == SQLITE_ROW) revision_ = numberAt(row.get(), 0);
  }

  Revision revision() const override {
    const std::lock_guard lock(mutex_);
    return revision_;
  }

  Result<std::optional<Entry>> get(std::string_view key) const override {
    const std::lock_guard lock(mutex_);
    return find(key);
  }

  Result<Listing> list(std::string_view prefix) const override {
    const std::lock_guard lock(mutex_);
    Listing listing;
    listing.revision = revision_;
    const auto end = endOf(std::string(prefix));
    const auto row =
        end.empty()
            ? connection_->bind(
                  "SELECT key, value, created, modified FROM kv WHERE key >= ? ORDER BY key",
                  prefix)
            : connection_->bind(
                  "SELECT key, value, created, modified FROM kv WHERE key >= ? AND key < ? ORDER "
                  "BY key",
                  prefix, std::string_view(end));
    int step = 0;
    while ((step = sqlite3_step(row.get())) == SQLITE_ROW)
      listing.entries.push_back({textAt(row.get(), 0), textAt(row.get(), 1), numberAt(row.get(), 2),
                                 numberAt(row.get(), 3)});
    if (step != SQLITE_DONE) return connection_->error("list");
    return listing;
  }

  Result<Revision> commit(const Transaction& transaction) override {
    std::unique_lock lock(mutex_);
    if (auto begun = connection_->run("BEGIN IMMEDIATE"); !begun)
      return std::unexpected(begun.error());
    auto batch = write(transaction);
    if (batch && !batch->events.empty())
      if (auto done = connection_->run("COMMIT"); !done) batch = std::unexpected(done.error());
    if (!batch || batch->events.empty()) {
      (void)connection_->run("ROLLBACK");
      if (!batch) return std::unexpected(batch.error());
      return revision_;  // nothing to do
    }
    revision_ = batch->revision;
    untold_.push_back(std::move(*batch));
    const auto committed = revision_;
    lock.unlock();
    const Turn turn(*this);
    tellAll();
    return committed;
  }

  Result<std::unique_ptr<Watch>> watch(std::string_view prefix, Revision after,
                                       std::function<void(const Batch&)> callback) override {
    auto made = std::make_unique<SqliteWatch>(*this, std::string(prefix), std::move(callback));
    const Turn turn(*this);
    std::vector<Batch> missed;
    {
      const std::lock_guard lock(mutex_);
      auto past = history(after);
      if (!past) return std::unexpected(past.error());
      missed = std::move(*past);
      made->since(revision_);
      watches_.push_back(made.get());
    }
    // What callbacks commit meanwhile comes after the history.
    const bool within = std::exchange(telling_, true);
    for (const auto& batch : missed) made->tell(batch);
    telling_ = within;
    tellAll();
    return made;
  }

  void forget(const SqliteWatch* watch) {
    const Turn turn(*this);
    const std::lock_guard lock(mutex_);
    std::erase(watches_, watch);
  }

 private:
  // Holds turn_ while it lives; inside a callback it is this thread's already.
  class Turn {
   public:
    explicit Turn(SqliteStore& store)
        : store_(store), ours_(store.teller_ != std::this_thread::get_id()) {
      if (!ours_) return;
      store_.turn_.lock();
      store_.teller_ = std::this_thread::get_id();
    }
    ~Turn() {
      if (!ours_) return;
      store_.teller_ = std::thread::id();
      store_.turn_.unlock();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    SqliteStore& store_;
    bool ours_;
  };

  // Needs the turn. Within a callback nothing: the one that called back goes on when it returns.
  void tellAll() {
    if (telling_) return;
    telling_ = true;
    std::unique_lock lock(mutex_);
    while (!untold_.empty()) {
      const auto batch = std::move(untold_.front());
      untold_.pop_front();
      const auto watches = watches_;
      for (const auto* watch : watches) {
        if (std::find(watches_.begin(), watches_.end(), watch) == watches_.end()) continue;
        lock.unlock();
        watch->offer(batch);
        lock.lock();
      }
    }
    telling_ = false;
  }

  Result<std::optional<Entry>> find(std::string_view key) const {
    const auto row =
        connection_->bind("SELECT value, created, modified FROM kv WHERE key = ?", key);
    const int step = sqlite3_step(row.get());
    if (step == SQLITE_ROW)
      return Entry{std::string(key), textAt(row.get(), 0), numberAt(row.get(), 1),
                   numberAt(row.get(), 2)};
    if (step != SQLITE_DONE) return connection_->error("read");
    return std::nullopt;
  }

  Result<void> step(const Connection::Statement& statement) const {
    if (sqlite3_step(statement.get()) != SQLITE_DONE) return connection_->error("write");
    return {};
  }

  Result<Batch> write(const Transaction& transaction) {
    for (const auto& compare : transaction.compares) {
      const auto entry = find(compare.key);
      if (!entry) return std::unexpected(entry.error());
      if ((*entry ? (*entry)->modified : 0) != compare.modified)
        return fail(ErrorCode::kConflict, "has changed since it was read", compare.key);
    }
    Batch batch{revision_ + 1, {}};
    for (const auto& operation : transaction.operations)
      if (auto done = writeOne(operation, batch); !done) return std::unexpected(done.error());
    if (batch.events.empty()) return batch;
    if (auto done = step(connection_->bind("UPDATE meta SET number = ? WHERE name = 'revision'",
                                           batch.revision));
        !done)
      return std::unexpected(done.error());
    if (batch.revision > kHistory)
      if (auto done = step(
              connection_->bind("DELETE FROM log WHERE revision <= ?", batch.revision - kHistory));
          !done)
        return std::unexpected(done.error());
    return batch;
  }

  Result<void> writeOne(const Operation& operation, Batch& batch) {
    const auto before = find(operation.key);
    if (!before) return std::unexpected(before.error());
    Event event;
    event.deleted = !operation.value;
    if (event.deleted && !*before) return {};
    event.entry = {operation.key, operation.value ? *operation.value : (*before)->value,
                   *before ? (*before)->created : batch.revision, batch.revision};
    if (*before) event.previous = (*before)->value;
    const std::string_view key = event.entry.key, value = event.entry.value;
    const auto done =
        event.deleted ? step(connection_->bind("DELETE FROM kv WHERE key = ?", key))
                      : step(connection_->bind("INSERT OR REPLACE INTO kv VALUES (?, ?, ?, ?)", key,
                                               value, event.entry.created, batch.revision));
    if (!done) return done;
    batch.events.push_back(event);
    return step(connection_->bind("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)", batch.revision,
                                  Revision{batch.events.size()}, key, value, event.entry.created,
                                  Revision{event.deleted ? 1U : 0U}, event.previous));
  }

  Result<std::vector<Batch>> history(Revision after) const {
    std::vector<Batch> batches;
    if (after > revision_)
      return invalid("that revision is yet to come; list again", "resourceVersion");
    if (after == revision_) return batches;
    if (revision_ - after > kHistory)
      return invalid("the history of that revision is compacted; list again", "resourceVersion");
    const auto row = connection_->bind(
        "SELECT revision, key, value, created, deleted, previous FROM log WHERE revision > ? ORDER "
        "BY "
        "revision, seq",
        after);
    int step = 0;
    while ((step = sqlite3_step(row.get())) == SQLITE_ROW) {
      const auto revision = numberAt(row.get(), 0);
      if (batches.empty() || batches.back().revision != revision) batches.push_back({revision, {}});
      batches.back().events.push_back(
          {{textAt(row.get(), 1), textAt(row.get(), 2), numberAt(row.get(), 3), revision},
           numberAt(row.get(), 4) != 0,
           sqlite3_column_type(row.get(), 5) == SQLITE_NULL ? std::nullopt
                                                            : std::optional(textAt(row.get(), 5))});
    }
    if (step != SQLITE_DONE) return connection_->error("history");
    return batches;
  }

  mutable std::mutex mutex_;
  std::mutex turn_;
  std::atomic<std::thread::id> teller_{};  // the thread that holds turn_
  bool telling_ = false;                   // under turn_: tellAll is on the stack
  std::deque<Batch> untold_;
  std::unique_ptr<Connection> connection_;
  Revision revision_ = 0;
  std::vector<const SqliteWatch*> watches_;
};

SqliteWatch::~SqliteWatch() { store_.forget(this); }

}  // namespace

Result<std::unique_ptr<Store>> openSqlite(const std::string& path) {
  auto connection = Connection::open(path);
  if (!connection) return std::unexpected(connection.error());
  return std::make_unique<SqliteStore>(std::move(*connection));
}

}  // namespace hawser::store
