#include "reconciler.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hawser/base/log.h"

namespace hawser::kube {
namespace {

using model::Json;
using model::Kind;
using model::Object;
using model::ObjectKey;

// References point from later to earlier: created in this order, removed in the opposite one.
constexpr std::array kOrder{Kind::kProject, Kind::kAddressPool, Kind::kNetwork,
                            Kind::kPort,    Kind::kService,     Kind::kPolicy};

std::size_t rank(Kind kind) {
  return static_cast<std::size_t>(std::find(kOrder.begin(), kOrder.end(), kind) - kOrder.begin());
}

// Every field of `part` is in `whole` with the same value; lists are compared whole.
bool contains(const Json& whole, const Json& part) {
  if (!part.is_object() || !whole.is_object()) return whole == part;
  return std::all_of(part.items().begin(), part.items().end(), [&](const auto& item) {
    const auto found = whole.find(item.key());
    if (found == whole.end()) return item.value().is_null() || item.value().empty();
    return contains(*found, item.value());
  });
}

// Empty values that the parser filled in say nothing about what we want.
Json withoutEmpty(const Json& json) {
  if (!json.is_object()) return json;
  Json out = Json::object();
  for (const auto& [key, value] : json.items()) {
    auto inner = withoutEmpty(value);
    const bool blank = inner.is_null() ||
                       ((inner.is_object() || inner.is_array()) && inner.empty()) ||
                       inner == Json("");
    if (!blank || key == "backends") out[key] = std::move(inner);
  }
  return out;
}

bool away(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout;
}

bool hasUserTargets(const Object& object) {
  return object.kind == Kind::kNetwork && object.spec.contains("routeTargets") &&
         !withoutEmpty(object.spec["routeTargets"]).empty();
}

// Ours, not wanted any more, and of no use to a person.
std::set<ObjectKey> obsolete(const model::ObjectMap& wanted, const model::ObjectMap& actual,
                             const std::string& owner) {
  std::set<ObjectKey> keys;
  for (const auto& [key, object] : actual)
    if (object->metadata.owner == owner && !wanted.contains(key) && !hasUserTargets(*object))
      keys.insert(key);
  // A project stays as long as something else is in it.
  for (const auto& [key, object] : actual)
    if (!key.project.empty() && !keys.contains(key)) keys.erase({Kind::kProject, {}, key.project});
  return keys;
}

}  // namespace

Changes diff(const model::ObjectMap& wanted, const model::ObjectMap& actual,
             const std::string& owner) {
  Changes changes;
  for (const auto& [key, object] : wanted) {
    const auto found = actual.find(key);
    if (found == actual.end()) {
      changes.apply.push_back(*object);
      continue;
    }
    const auto& have = *found->second;
    if (have.metadata.owner != owner) continue;
    const auto want = withoutEmpty(object->spec);
    if (contains(have.spec, want)) continue;
    auto merged = have;
    for (const auto& [field, value] : want.items()) merged.spec[field] = value;
    merged.metadata.resourceVersion = 0;
    changes.apply.push_back(std::move(merged));
  }
  const auto keys = obsolete(wanted, actual, owner);
  changes.remove.assign(keys.begin(), keys.end());
  std::stable_sort(changes.apply.begin(), changes.apply.end(),
                   [](const Object& a, const Object& b) { return rank(a.kind) < rank(b.kind); });
  std::stable_sort(
      changes.remove.begin(), changes.remove.end(),
      [](const ObjectKey& a, const ObjectKey& b) { return rank(a.kind) > rank(b.kind); });
  return changes;
}

Reconciler::Reconciler(io::Loop& loop, api::ClientConfig config, std::string owner)
    : timer_(loop), retry_(loop), client_(config), owner_(std::move(owner)) {
  for (const auto kind : kOrder) {
    api::ObjectWatcher::Callbacks callbacks;
    callbacks.changed = [this](const Object& object) {
      actual_[object.key()] = std::make_shared<Object>(object);
      schedule(std::chrono::milliseconds(5));
    };
    callbacks.removed = [this](const ObjectKey& key) {
      actual_.erase(key);
      schedule(std::chrono::milliseconds(5));
    };
    callbacks.synced = [this, kind] {
      listed_.insert(kind);
      schedule(std::chrono::milliseconds(1));
    };
    watchers_.push_back(std::make_unique<api::ObjectWatcher>(loop, config, kind, std::string(),
                                                             std::move(callbacks)));
  }
}

void Reconciler::want(model::ObjectMap objects) {
  wanted_ = std::move(objects);
  haveWanted_ = true;
  schedule(std::chrono::milliseconds(1));
}

void Reconciler::schedule(Duration after) {
  if (!timer_.pending()) timer_.start(after, [this] { run(); });
}

// Waits for all kinds to be listed: a removal decided on half a picture would be wrong.
void Reconciler::run() {
  if (!haveWanted_ || listed_.size() < kOrder.size()) return;
  retry_.cancel();
  const auto before = std::exchange(failures_, {});
  const auto changes = diff(wanted_, actual_, owner_);
  if (applyAll(changes.apply)) removeAll(changes.remove);
  for (const auto& failure : failures_)
    if (!before.contains(failure)) log::warn("kube", "{}", failure);
  if (!before.empty() && failures_.empty()) log::info("kube", "the API has everything again");
  const bool told = synced_ && before == failures_;
  synced_ = true;
  if (!told && reported_) reported_();
  if (failures_.empty()) return;
  // A removal may have made room, for an address that went from one service to another.
  const bool room = failures_ != before && !changes.remove.empty();
  retry_.start(std::chrono::milliseconds(room ? 10 : 1000), [this] { run(); });
}

// False: the API is away, and there is no use in asking on.
bool Reconciler::failed(const std::string& what, const Error& error) {
  const auto text = error.text();
  failures_.insert(text.starts_with(what) ? text
                                          : what + ": " + text);  // batches name it themselves
  return !away(error);
}

void Reconciler::removeAll(const std::vector<ObjectKey>& keys) {
  for (const auto& key : keys) {
    // What a person has just written may not have come by the watch yet.
    if (key.kind == Kind::kNetwork)
      if (const auto now = client_.get(key); now && hasUserTargets(*now)) {
        actual_[key] = std::make_shared<Object>(*now);
        return schedule(std::chrono::milliseconds(1));  // its project stays, too
      }
    const auto removed = client_.remove(key);
    if (removed || removed.error().code == ErrorCode::kNotFound)
      actual_.erase(key);
    else if (!failed(key.text(), removed.error()))
      return;
  }
}

// One transaction for all; when one object is refused, each for itself, so that it does not stop
// the rest.
bool Reconciler::applyAll(const std::vector<Object>& objects) {
  if (objects.empty()) return true;
  const auto remember = [&](const Object& object) {
    actual_[object.key()] = std::make_shared<Object>(object);
  };
  const auto all = client_.apply(objects);
  if (all) {
    std::for_each(objects.begin(), objects.end(), remember);
    return true;
  }
  if (away(all.error())) return failed({}, all.error());
  if (objects.size() == 1) return failed(objects.front().key().text(), all.error());
  for (const auto& object : objects) {
    const auto applied = client_.apply({object});
    if (applied)
      remember(object);
    else if (!failed(object.key().text(), applied.error()))
      return false;
  }
  return true;
}

}  // namespace hawser::kube
