// The order of RouteKey (that of its <=>), written for the trees of the RIB: it is most of what a
// reflector does, and a comparison by words takes a fraction of one by members.
#pragma once

#include <bit>
#include <cstring>
#include <map>
#include <memory_resource>
#include <ranges>
#include <set>

#include "hawser/rib/rib.h"

namespace hawser::rib {

struct KeyLess {
  using is_transparent = void;  // a family stands for all its keys: ofFamily()
  bool operator()(const RouteKey& key, wire::Family family) const { return key.family < family; }
  bool operator()(wire::Family family, const RouteKey& key) const { return family < key.family; }
  bool operator()(const RouteKey& a, const RouteKey& b) const {
    if (a.family != b.family) return a.family < b.family;
    if (const auto x = word(a.rd.bytes().data()), y = word(b.rd.bytes().data()); x != y)
      return x < y;
    const auto& left = a.prefix.address();
    const auto& right = b.prefix.address();
    if (left.isV4() != right.isV4()) return left.isV4();
    if (left.isV4()) {
      if (const auto x = half(left.bytes().data()), y = half(right.bytes().data()); x != y)
        return x < y;
    } else {
      for (std::size_t i = 0; i < 16; i += 8) {
        const auto x = word(left.bytes().data() + i), y = word(right.bytes().data() + i);
        if (x != y) return x < y;
      }
    }
    if (a.prefix.length() != b.prefix.length()) return a.prefix.length() < b.prefix.length();
    return a.family == wire::kRtConstraint && a.membership < b.membership;
  }

 private:
  static std::uint64_t word(const std::uint8_t* bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
  }
  static std::uint32_t half(const std::uint8_t* bytes) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
  }
};

// Their nodes come from the pool of one RIB: a route is a handful of small allocations that come
// and go together.
using KeySet = std::pmr::set<RouteKey, KeyLess>;
template <class Value>
using KeyMap = std::pmr::map<RouteKey, Value, KeyLess>;

// The part of a tree that is of one family, found without a walk over it (equal_range() of
// libstdc++ does walk when it is asked by anything but a key).
template <class Tree>
[[nodiscard]] auto ofFamily(Tree& tree, wire::Family family) {
  return std::ranges::subrange(tree.lower_bound(family), tree.upper_bound(family));
}

}  // namespace hawser::rib
