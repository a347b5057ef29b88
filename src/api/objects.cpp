// Transactions over objects. Within a batch the order is that of need (projects before networks
// before ports), whatever order a file has; what is removed is judged when all is staged, so that a
// batch may remove a thing and its users together.
#include "hawser/api/objects.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>

#include "hawser/api/pki.h"
#include "hawser/base/time.h"

namespace hawser::api {

using model::Object;
using model::ObjectKey;
using model::ObjectPtr;

namespace {

bool sameContent(const Object& a, const Object& b) {
  return a.spec == b.spec && a.status == b.status && a.metadata.labels == b.metadata.labels &&
         a.metadata.annotations == b.metadata.annotations && a.metadata.owner == b.metadata.owner;
}

// What has an owner is changed by its owner only, and by administrators: by the token that has the
// owner's name, or the name before its first slash.
Result<void> ownerAllows(const Caller& caller, const Object* before, const Object* after) {
  if (caller.role == model::Role::kAdmin) return {};
  for (const auto* object : {before, after}) {
    if (object == nullptr || object->metadata.owner.empty()) continue;
    const auto& owner = object->metadata.owner;
    if (owner.substr(0, owner.find('/')) == caller.name || owner == caller.name) continue;
    return fail(ErrorCode::kForbidden,
                fmt::format("\"{}\" owns {}; \"{}\" may not change that", owner,
                            object->key().text(), caller.name),
                "metadata.owner");
  }
  return {};
}

std::unexpected<Error> named(Error error, const ObjectKey& key) {
  error.field = error.field.empty() ? key.text() : key.text() + " " + error.field;
  return std::unexpected(std::move(error));
}

}  // namespace

ObjectPtr Staging::find(const ObjectKey& key) const {
  if (const auto changed = overlay_.find(key); changed != overlay_.end()) return changed->second;
  return before(key);
}

ObjectPtr Staging::before(const ObjectKey& key) const {
  const auto found = base_.find(key);
  return found == base_.end() ? nullptr : found->second;
}

void Staging::forEach(model::Kind kind, const Visit& visit) const {
  for (const auto& [key, object] : model::ofKind(base_, kind))
    if (!overlay_.contains(key)) visit(*object);
  for (const auto& [key, object] : model::ofKind(overlay_, kind))
    if (object) visit(*object);
}

void Staging::forEachOf(model::Kind kind, const std::string& project, const Visit& visit) const {
  for (const auto& [key, object] : model::ofKind(base_, kind, project))
    if (!overlay_.contains(key)) visit(*object);
  for (const auto& [key, object] : model::ofKind(overlay_, kind, project))
    if (object) visit(*object);
}

void Staging::put(Object object) {
  auto key = object.key();
  overlay_[key] = std::make_shared<const Object>(std::move(object));
}
void Staging::remove(const ObjectKey& key) { overlay_[key] = nullptr; }

std::string Objects::storeKey(const ObjectKey& key) {
  return fmt::format("{}{}/{}/{}", kPrefix, model::info(key.kind).plural,
                     key.project.empty() ? "_" : key.project, key.name);
}

Result<Object> Objects::fromEntry(const store::Entry& entry) {
  const auto json = model::Json::parse(entry.value, nullptr, false);
  if (json.is_discarded())
    return fail(ErrorCode::kInternal, "the store's value is not JSON", entry.key);
  auto object = model::parseObject(json);
  if (!object) return fail(ErrorCode::kInternal, object.error().text(), entry.key);
  object->metadata.resourceVersion = entry.modified;
  return object;
}

Result<std::unique_ptr<Objects>> Objects::open(store::Store& store, Admission& admission) {
  auto listing = store.list(kPrefix);
  if (!listing) return std::unexpected(listing.error());
  std::unique_ptr<Objects> objects(new Objects(store, admission));
  for (const auto& entry : listing->entries) {
    auto object = fromEntry(entry);
    if (!object) return std::unexpected(object.error());
    const auto key = object->key();
    objects->keep(key, std::make_shared<const Object>(std::move(*object)));
  }
  admission.opened(objects->objects_);
  return objects;
}

ObjectPtr Objects::find(const ObjectKey& key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : found->second;
}

ObjectPtr Objects::tokenOf(const std::string& secret) const {
  const auto found = tokens_.find(sha256Hex(secret));
  return found == tokens_.end() ? nullptr : found->second;
}

void Objects::keep(const ObjectKey& key, const ObjectPtr& object) {
  if (key.kind == model::Kind::kToken) {
    const auto before = find(key);
    if (before)
      if (const auto known = tokens_.find(model::TokenSpec::from(*before).hash);
          known != tokens_.end() && known->second == before)
        tokens_.erase(known);
    if (object) tokens_[model::TokenSpec::from(*object).hash] = object;
  }
  if (object)
    objects_[key] = object;
  else
    objects_.erase(key);
}

void Objects::onChange(std::function<void(const std::vector<Change>&)> callback) {
  callbacks_.push_back(std::move(callback));
}

Result<Objects::Outcome> Objects::stage(Staging& staging, Write& write) {
  auto& object = write.object;
  const auto key = object.key();
  const auto before = staging.find(key);
  using Op = Write::Op;
  if (!before && (write.op == Op::kUpdate || write.op == Op::kDelete || write.op == Op::kStatus))
    return fail(ErrorCode::kNotFound, key.text() + " does not exist");
  if (before && write.op == Op::kCreate)
    return fail(ErrorCode::kExists, key.text() + " exists already");
  const auto wanted = object.metadata.resourceVersion;
  if (!before && wanted != 0)
    return fail(ErrorCode::kConflict,
                fmt::format("{} does not exist, so it has no version {}; leave the version out to "
                            "create it",
                            key.text(), wanted),
                "metadata.resourceVersion");
  if (before && wanted > store_.revision())
    return fail(
        ErrorCode::kConflict,
        fmt::format("version {} is yet to come, the newest is {} and {} has {}; read it "
                    "again",
                    wanted, store_.revision(), key.text(), before->metadata.resourceVersion),
        "metadata.resourceVersion");
  if (before && wanted != 0 && wanted != before->metadata.resourceVersion) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} was changed meanwhile (it has version {}); read it again",
                            key.text(), before->metadata.resourceVersion),
                "metadata.resourceVersion");
  }
  if (write.op != Op::kStatus)
    if (auto allowed = ownerAllows(staging.caller(), before.get(),
                                   write.op == Op::kDelete ? nullptr : &object);
        !allowed)
      return std::unexpected(allowed.error());
  if (write.op == Op::kDelete) {
    staging.remove(key);
    admission_.changed(before.get(), nullptr);
    return Outcome{"deleted", before};
  }
  if (write.op == Op::kStatus) {
    auto status = before->status;
    status.merge_patch(object.status);
    object = *before;
    object.status = std::move(status);
  } else {
    object.status = before ? before->status : model::Json::object();
    object.metadata.uid = before ? before->metadata.uid : randomSecret().substr(0, 32);
    object.metadata.created = before ? before->metadata.created : timeText();
    object.metadata.resourceVersion = before ? before->metadata.resourceVersion : 0;
    if (auto admitted = admission_.admit(staging, object, before.get()); !admitted)
      return std::unexpected(admitted.error());
  }
  if (before && sameContent(*before, object)) return Outcome{"unchanged", before};
  staging.put(object);
  admission_.changed(before.get(), &object);
  return Outcome{before ? "configured" : "created", staging.find(key)};
}

Result<std::vector<Objects::Outcome>> Objects::stageAll(Staging& staging,
                                                        std::vector<Write>& writes,
                                                        bool withNames) {
  std::vector<std::size_t> order(writes.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return model::needOrder(writes[a].object.kind) < model::needOrder(writes[b].object.kind);
  });
  std::vector<Outcome> outcomes(writes.size());
  for (const auto index : order) {
    const auto key = writes[index].object.key();
    auto outcome = stage(staging, writes[index]);
    if (!outcome) {
      if (withNames) return named(std::move(outcome.error()), key);
      return std::unexpected(outcome.error());
    }
    outcomes[index] = std::move(*outcome);
  }
  for (const auto& outcome : outcomes) {
    if (outcome.result != "deleted") continue;
    if (auto removable = admission_.removed(staging, *outcome.object); !removable) {
      if (withNames) return named(std::move(removable.error()), outcome.object->key());
      return std::unexpected(removable.error());
    }
  }
  return outcomes;
}

void Objects::unstage(const Staging& staging) {
  for (const auto& [key, object] : staging.changes())
    admission_.changed(object.get(), find(key).get());
}

Result<std::vector<Objects::Outcome>> Objects::commit(std::vector<Write> writes,
                                                      const Caller& caller, bool dryRun,
                                                      bool withNames) {
  // One thread serves all: what one transaction asks of it has a bound.
  if (writes.size() > kMaxWrites && !caller.internal)
    return invalid(fmt::format("{} objects are more than one transaction may hold ({}); send them "
                               "in parts",
                               writes.size(), kMaxWrites),
                   "objects");
  Staging staging(objects_, caller);
  auto outcomes = stageAll(staging, writes, withNames);
  if (!outcomes || dryRun) {
    unstage(staging);
    return outcomes;
  }
  std::vector<Change> changes;
  if (auto persisted = persist(staging, changes); !persisted) {
    unstage(staging);
    return std::unexpected(persisted.error());
  }
  for (auto& outcome : *outcomes)
    if (outcome.result != "deleted") outcome.object = find(outcome.object->key());
  if (!changes.empty())
    for (const auto& callback : callbacks_) callback(changes);
  return outcomes;
}

Result<void> Objects::persist(const Staging& staging, std::vector<Change>& changes) {
  store::Transaction transaction;
  for (const auto& [key, object] : staging.changes()) {
    const auto before = find(key);
    if (!before && !object) continue;
    const auto name = storeKey(key);
    transaction.compares.push_back({name, before ? before->metadata.resourceVersion : 0});
    if (!object) {
      transaction.operations.push_back({name, std::nullopt});
      continue;
    }
    auto json = model::toJson(*object);
    json["metadata"].erase("resourceVersion");
    transaction.operations.push_back({name, json.dump()});
  }
  if (transaction.operations.empty()) return {};
  const auto revision = store_.commit(transaction);
  if (!revision) return std::unexpected(revision.error());
  for (const auto& [key, object] : staging.changes()) {
    Change change{find(key), nullptr};
    if (object) {
      auto stored = *object;
      stored.metadata.resourceVersion = *revision;
      change.now = std::make_shared<const Object>(std::move(stored));
    }
    keep(key, change.now);
    if (change.before || change.now) changes.push_back(std::move(change));
  }
  return {};
}

}  // namespace hawser::api
