// An ECMP group's buckets: flow hash modulo kBuckets -> member. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "abi/abi.h"

namespace hawser::datapath {

inline constexpr std::size_t kBuckets = HW_BUCKETS;
using Buckets = std::array<std::uint32_t, kBuckets>;  // ids of next hops

// Shares the buckets by weight, exact to one bucket. A bucket keeps its member unless that one is
// gone or has more than its share: between two sets the fewest buckets possible change. `weights`
// (id -> weight, not empty) sums weights of equal members; a weight of 0 counts as 1.
[[nodiscard]] Buckets fillBuckets(const Buckets& before,
                                  const std::map<std::uint32_t, std::uint32_t>& weights);

}  // namespace hawser::datapath
