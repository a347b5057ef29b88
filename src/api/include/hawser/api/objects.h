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

// Who asks. The system itself is an admin with the name "system".
struct Caller {
  model::Role role = model::Role::kReader;
  std::string name;       // of the token, the host or the site
  std::string project;    // of a member
  std::string authority;  // of a site: the fingerprint of its CA
  [[nodiscard]] static Caller system() { return {model::Role::kAdmin, "system", {}, {}}; }
};

// The objects as they will be if the transaction passes.
class Staging {
 public:
  explicit Staging(const model::ObjectMap& base, Caller caller)
      : base_(base), caller_(std::move(caller)) {}
  [[nodiscard]] const Caller& caller() const { return caller_; }
  [[nodiscard]] model::ObjectPtr find(const model::ObjectKey& key) const;
  [[nodiscard]] model::ObjectPtr before(const model::ObjectKey& key) const;
  void forEach(model::Kind kind, const std::function<void(const model::Object&)>& visit) const;
  void put(model::Object object);
  void remove(const model::ObjectKey& key);
  [[nodiscard]] const std::map<model::ObjectKey, model::ObjectPtr>& changes() const {
    return overlay_;  // null: removed
  }

 private:
  const model::ObjectMap& base_;
  Caller caller_;
  std::map<model::ObjectKey, model::ObjectPtr> overlay_;
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
  [[nodiscard]] store::Revision revision() const { return store_.revision(); }
  [[nodiscard]] store::Store& store() { return store_; }

  struct Outcome {
    std::string result;  // "created", "configured", "unchanged", "deleted"
    model::ObjectPtr object;
  };
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
  [[nodiscard]] Result<Outcome> stage(Staging& staging, Write& write);
  [[nodiscard]] Result<void> persist(const Staging& staging, std::vector<Change>& changes);

  store::Store& store_;
  Admission& admission_;
  model::ObjectMap objects_;
  std::vector<std::function<void(const std::vector<Change>&)>> callbacks_;
};

}  // namespace hawser::api
