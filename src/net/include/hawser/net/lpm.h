// Longest-prefix match over IP prefixes. A lookup costs one map search for each prefix length in
// use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "hawser/net/address.h"

namespace hawser::net {

template <class T>
class PrefixMap {
 public:
  using Entries = std::map<IpPrefix, T>;

  // The value at exactly this prefix, made if it is not there.
  T& operator[](const IpPrefix& prefix) {
    const auto [position, fresh] = entries_.try_emplace(prefix);
    if (fresh)
      ++lengths_[prefix.address().isV4() ? 0 : 1][static_cast<std::size_t>(prefix.length())];
    return position->second;
  }
  bool erase(const IpPrefix& prefix) {
    if (entries_.erase(prefix) == 0) return false;
    --lengths_[prefix.address().isV4() ? 0 : 1][static_cast<std::size_t>(prefix.length())];
    return true;
  }
  [[nodiscard]] const T* find(const IpPrefix& prefix) const {
    const auto found = entries_.find(prefix);
    return found == entries_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] T* find(const IpPrefix& prefix) {
    const auto found = entries_.find(prefix);
    return found == entries_.end() ? nullptr : &found->second;
  }
  // The longest prefix that contains the address; null when none does.
  [[nodiscard]] const typename Entries::value_type* lookup(const IpAddress& address) const {
    const auto& used = lengths_[address.isV4() ? 0 : 1];
    for (int length = address.bits(); length >= 0; --length) {
      if (used[static_cast<std::size_t>(length)] == 0) continue;
      const auto found = entries_.find(IpPrefix::truncated(address, length));
      if (found != entries_.end()) return &*found;
    }
    return nullptr;
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] auto begin() const { return entries_.begin(); }
  [[nodiscard]] auto end() const { return entries_.end(); }

 private:
  Entries entries_;
  std::array<std::array<std::size_t, 129>, 2> lengths_{};
};

}  // namespace hawser::net
