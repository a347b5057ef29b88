// The objects of a site: a mirror of the store in memory, changed by transactions that admission
// has passed. One thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hawser/model/object.h"
#include "hawser/model/specs.h"
#include "hawser/store/store.h"

namespace hawser::api {

// Who asks. A name gives nobody rights, whatever it is: the controller itself is who has
// `internal`, which nothing that comes over the network can set.
struct Caller {
  model::Role role = model::Role::kReader;
  std::string name;       // of the token, the host or the site
  std::string project;    // of a member
  std::string authority;  // of a site: the fingerprint of its CA
  bool internal = false;  // set by system() alone
  [[nodiscard]] static Caller system() { return {model::Role::kAdmin, "system", {}, {}, true}; }
};

// The objects as they will be if the transaction passes.
class Staging {
 public:
  explicit Staging(const model::ObjectMap& base, Caller caller)
      : base_(base), caller_(std::move(caller)) {}
  [[nodiscard]] const Caller& caller() const { return caller_; }
  [[nodiscard]] model::ObjectPtr find(const model::ObjectKey& key) const;
  [[nodiscard]] model::ObjectPtr before(const model::ObjectKey& key) const;
  using Visit = std::function<void(const model::Object&)>;
  void forEach(model::Kind kind, const Visit& visit) const;
  void forEachOf(model::Kind kind, const std::string& project, const Visit& visit) const;
  void put(model::Object object);
  void remove(const model::ObjectKey& key);
  [[nodiscard]] const model::ObjectMap& changes() const {
    return overlay_;  // null: removed
  }

 private:
  const model::ObjectMap& base_;
  Caller caller_;
  model::ObjectMap overlay_;
};

// What needs other objects: references, uniqueness, allocation. Errors name the field.
class Admission {
 public:
  virtual ~Admission() = default;
  // May complete spec and status; `before` is null for a new object. Not called for status writes.
  [[nodiscard]] virtual Result<void> admit(const Staging& staging, model::Object& object,
                                           const model::Object* before) = 0;
  // Called with the staging that lacks it: does anything still need it?
  [[nodiscard]] virtual Result<void> removed(const Staging& staging,
                                             const model::Object& object) = 0;
  // For what admission keeps ready instead of walking all objects at each write: all that there
  // are, once at the start; then each change as soon as it is staged (so that the next object of
  // the transaction meets it), and the way back when the transaction is not kept. Either may be
  // null.
  virtual void opened(const model::ObjectMap&) {}
  virtual void changed(const model::Object* /*before*/, const model::Object* /*now*/) {}
};

struct Write {
  // kApply creates or updates; kStatus merges `object.status` into the stored one.
  enum class Op : std::uint8_t { kCreate, kUpdate, kApply, kDelete, kStatus };
  Op op = Op::kApply;
  model::Object object;  // for kDelete kind, project, name and resourceVersion only
};

struct Change {
  model::ObjectPtr before, now;  // either may be null
};

class Objects {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Objects>> open(store::Store& store,
                                                             Admission& admission);
  [[nodiscard]] const model::ObjectMap& all() const { return objects_; }
  [[nodiscard]] model::ObjectPtr find(const model::ObjectKey& key) const;
  // The Token with this secret, whether or not its time is over; null: nobody's.
  [[nodiscard]] model::ObjectPtr tokenOf(const std::string& secret) const;
  [[nodiscard]] store::Revision revision() const { return store_.revision(); }
  [[nodiscard]] store::Store& store() { return store_; }

  struct Outcome {
    std::string result;  // "created", "configured", "unchanged", "deleted"
    model::ObjectPtr object;
  };
  static constexpr std::size_t kMaxWrites = 10000;  // of one transaction, but for the system's own
  // All or nothing. `named`: errors begin with the object's name (batches).
  [[nodiscard]] Result<std::vector<Outcome>> commit(std::vector<Write> writes, const Caller& caller,
                                                    bool dryRun = false, bool named = false);
  // Called after each commit that changed something.
  void onChange(std::function<void(const std::vector<Change>&)> callback);

  static constexpr std::string_view kPrefix = "/objects/";
  [[nodiscard]] static std::string storeKey(const model::ObjectKey& key);
  [[nodiscard]] static Result<model::Object> fromEntry(const store::Entry& entry);

 private:
  Objects(store::Store& store, Admission& admission) : store_(store), admission_(admission) {}
  // In the order of need, then what is removed is judged.
  [[nodiscard]] Result<std::vector<Outcome>> stageAll(Staging& staging, std::vector<Write>& writes,
                                                      bool withNames);
  void unstage(const Staging& staging);
  [[nodiscard]] Result<Outcome> stage(Staging& staging, Write& write);
  [[nodiscard]] Result<void> persist(const Staging& staging, std::vector<Change>& changes);
  void keep(const model::ObjectKey& key, const model::ObjectPtr& object);  // null: removed

  store::Store& store_;
  Admission& admission_;
  model::ObjectMap objects_;
  std::map<std::string, model::ObjectPtr> tokens_;  // by hash, which is one token's only
  std::vector<std::function<void(const std::vector<Change>&)>> callbacks_;
};

}  // namespace hawser::api
