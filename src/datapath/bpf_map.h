// A BPF map with what we want of it: writes go through, and reconcile() mends what another hand
// changed. Adopted entries are those that the map held when it was opened.
#pragma once

#include <bpf/bpf.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "hawser/base/result.h"
#include "hawser/datapath/datapath.h"

namespace hawser::datapath {

struct BytesLess {
  template <class K>
  bool operator()(const K& a, const K& b) const {
    static_assert(std::has_unique_object_representations_v<K>, "padding would be compared");
    return std::memcmp(&a, &b, sizeof(K)) < 0;
  }
};

// Calls visit(key, value) for all entries of a hash, LRU or LPM map; entries that come or go
// meanwhile may be missed.
template <class K, class V, class Visit>
void forEachEntry(int fd, Visit visit) {
  K key{};
  V value{};
  std::vector<K> keys;
  for (int more = bpf_map_get_next_key(fd, nullptr, &key); more == 0;
       more = bpf_map_get_next_key(fd, &keys.back(), &key))
    keys.push_back(key);
  for (const auto& one : keys)
    if (bpf_map_lookup_elem(fd, &one, &value) == 0) visit(one, value);
}

template <class K, class V>
class BpfMap {
 public:
  using Entries = std::map<K, V, BytesLess>;
  BpfMap() = default;
  BpfMap(int fd, std::string name) : fd_(fd), name_(std::move(name)) {
    bpf_map_info info{};
    __u32 length = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd_, &info, &length) == 0) capacity_ = info.max_entries;
    forEachEntry<K, V>(fd_, [this](const K& key, const V& value) { wanted_[key] = value; });
  }

  [[nodiscard]] Result<void> set(const K& key, const V& value) {
    if (const auto known = wanted_.find(key);
        known != wanted_.end() && std::memcmp(&known->second, &value, sizeof(V)) == 0)
      return {};
    if (bpf_map_update_elem(fd_, &key, &value, BPF_ANY) < 0)
      return failErrno("write to the map " + name_, errno);
    wanted_[key] = value;
    return {};
  }
  void erase(const K& key) {
    wanted_.erase(key);
    (void)bpf_map_delete_elem(fd_, &key);
  }
  // Entries whose key `which` picks.
  void eraseIf(const std::function<bool(const K&, const V&)>& which) {
    std::vector<K> gone;
    for (const auto& [key, value] : wanted_)
      if (which(key, value)) gone.push_back(key);
    for (const auto& key : gone) erase(key);
  }
  // The same among those that begin like `first`: from it on, as long as `within` holds. Keys lie
  // in the order of their bytes.
  void eraseWithin(const K& first, const std::function<bool(const K&)>& within,
                   const std::function<bool(const K&)>& which) {
    std::vector<K> gone;
    for (auto it = wanted_.lower_bound(first); it != wanted_.end() && within(it->first); ++it)
      if (which(it->first)) gone.push_back(it->first);
    for (const auto& key : gone) erase(key);
  }
  [[nodiscard]] const V* find(const K& key) const {
    const auto found = wanted_.find(key);
    return found == wanted_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const Entries& entries() const { return wanted_; }
  [[nodiscard]] int fd() const { return fd_; }
  // Whether another entry leaves the last sixteenth of the map free; `reserve`: may use it.
  [[nodiscard]] Result<void> roomForMore(bool reserve) const {
    const auto kept = capacity_ / 16;
    if (reserve || wanted_.size() + kept < capacity_) return {};
    return fail(ErrorCode::kUnavailable,
                "is full (" + std::to_string(capacity_) + ", of which " + std::to_string(kept) +
                    " are for ports of this host)",
                name_);
  }

  // Makes the map equal to what is wanted.
  [[nodiscard]] Mended reconcile() {
    Mended out;
    const auto count = [&](int done) {
      if (done == 0)
        ++out.mended;
      else
        out.fail(failErrno("mend the map " + name_, errno).error());
    };
    std::vector<K> foreign;
    typename Entries::size_type seen = 0;
    forEachEntry<K, V>(fd_, [&](const K& key, const V& value) {
      const auto known = wanted_.find(key);
      if (known == wanted_.end()) {
        foreign.push_back(key);
        return;
      }
      ++seen;
      if (std::memcmp(&known->second, &value, sizeof(V)) == 0) return;
      count(bpf_map_update_elem(fd_, &key, &known->second, BPF_ANY));
    });
    for (const auto& key : foreign)
      if (const int done = bpf_map_delete_elem(fd_, &key); done == 0 || errno != ENOENT)
        count(done);
    if (seen == wanted_.size()) return out;
    std::set<K, BytesLess> there;
    forEachEntry<K, V>(fd_, [&](const K& key, const V&) { there.insert(key); });
    for (const auto& [key, value] : wanted_)
      if (!there.contains(key)) count(bpf_map_update_elem(fd_, &key, &value, BPF_ANY));
    return out;
  }

 private:
  int fd_ = -1;
  std::string name_;
  std::size_t capacity_ = 0;
  Entries wanted_;
};

}  // namespace hawser::datapath
