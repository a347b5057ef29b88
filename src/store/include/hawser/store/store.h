// The store: keys and values with one revision counter, compare-and-write transactions and watches
// that resume from a revision; the interface that etcd (v3) has too. Thread-safe. Watch callbacks
// come on a thread that commits or watches, one at a time and in the order of the revisions; when
// commit() returns, they have been called (but for a commit from within a callback, which is told
// once that callback has returned). A callback may use the store, and end watches.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hawser/base/result.h"

namespace hawser::store {

using Revision = std::uint64_t;

struct Entry {
  std::string key;
  std::string value;
  Revision created = 0;
  Revision modified = 0;
};
struct Listing {
  std::vector<Entry> entries;  // ordered by key
  Revision revision = 0;       // of the snapshot
};
struct Compare {  // the key's modified revision is this; 0: the key does not exist
  std::string key;
  Revision modified = 0;
};
struct Operation {  // no value: delete
  std::string key;
  std::optional<std::string> value;
};
struct Transaction {
  std::vector<Compare> compares;
  std::vector<Operation> operations;
};
struct Event {
  Entry
      entry;  // for a deletion: key, the last value, and the revision of the deletion in `modified`
  bool deleted = false;
  // What the key had before this commit; none when it is new.
  std::optional<std::string> previous;
};
struct Batch {  // all of one commit that match the watch
  Revision revision = 0;
  std::vector<Event> events;
};

class Watch {  // destruction ends it; no callback afterwards
 public:
  virtual ~Watch() = default;
};

class Store {
 public:
  virtual ~Store() = default;
  [[nodiscard]] virtual Revision revision() const = 0;
  [[nodiscard]] virtual Result<std::optional<Entry>> get(std::string_view key) const = 0;
  [[nodiscard]] virtual Result<Listing> list(std::string_view prefix) const = 0;
  // All or nothing; kConflict names the first compare that failed. One commit, one revision; it is
  // durable on return.
  [[nodiscard]] virtual Result<Revision> commit(const Transaction& transaction) = 0;
  // Everything after `after` under the prefix, then what comes. kInvalid when `after` has been
  // compacted, or is yet to come (the store is an older one): list again.
  [[nodiscard]] virtual Result<std::unique_ptr<Watch>> watch(
      std::string_view prefix, Revision after, std::function<void(const Batch&)> callback) = 0;
};

// path ":memory:" keeps nothing. History for watches is kept for the newest 10,000 commits.
[[nodiscard]] Result<std::unique_ptr<Store>> openSqlite(const std::string& path);

}  // namespace hawser::store
