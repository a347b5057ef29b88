#include "buckets.h"

#include <algorithm>
#include <vector>

#include "hawser/base/check.h"

namespace hawser::datapath {
namespace {

struct Share {
  std::uint32_t id = 0;
  std::size_t quota = 0;
  std::uint64_t remainder = 0;
  std::size_t held = 0;
};

// Largest remainder. Of equal remainders the one that holds more buckets now goes first, so that
// the odd bucket does not wander.
std::vector<Share> shares(const Buckets& before,
                          const std::map<std::uint32_t, std::uint32_t>& weights) {
  std::uint64_t total = 0;
  for (const auto& [id, weight] : weights) total += std::max(weight, 1U);
  std::vector<Share> out;
  std::size_t given = 0;
  for (const auto& [id, weight] : weights) {
    const std::uint64_t part = std::uint64_t{std::max(weight, 1U)} * kBuckets;
    const auto held = std::count(before.begin(), before.end(), id);
    out.push_back(
        {id, static_cast<std::size_t>(part / total), part % total, static_cast<std::size_t>(held)});
    given += out.back().quota;
  }
  std::stable_sort(out.begin(), out.end(), [](const Share& a, const Share& b) {
    return a.remainder != b.remainder ? a.remainder > b.remainder : a.held > b.held;
  });
  for (std::size_t i = 0; given < kBuckets; ++i, ++given) ++out[i % out.size()].quota;
  return out;
}

}  // namespace

Buckets fillBuckets(const Buckets& before, const std::map<std::uint32_t, std::uint32_t>& weights) {
  HAWSER_CHECK(!weights.empty(), "a group has members");
  std::map<std::uint32_t, std::size_t> left;
  for (const auto& share : shares(before, weights)) left[share.id] = share.quota;
  Buckets after{};
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    const auto found = left.find(before[i]);
    if (found == left.end() || found->second == 0) {
      open.push_back(i);
      continue;
    }
    after[i] = before[i];
    --found->second;
  }
  // Round and round, so that members mix: neighbours of a bucket are different members.
  auto next = left.begin();
  for (const auto bucket : open) {
    while (next->second == 0)
      if (++next == left.end()) next = left.begin();
    after[bucket] = next->first;
    --next->second;
    if (++next == left.end()) next = left.begin();
  }
  return after;
}

}  // namespace hawser::datapath
