#include "hawser/net/communities.h"

#include <algorithm>

#include "hawser/net/anycast.h"

namespace hawser::net {

std::optional<Encapsulation> chooseEncapsulation(std::span<const ExtendedCommunity> communities,
                                                 std::span<const Encapsulation> preference) {
  const auto offers = [&](auto wanted) { return std::ranges::any_of(communities, wanted); };
  if (!offers([](const auto& one) { return encapsulationOf(one).has_value(); }))
    return Encapsulation::kGre;
  for (const auto encapsulation : preference) {
    if (encapsulation == Encapsulation::kVxlan) continue;
    if (offers([&](const auto& one) { return encapsulationOf(one) == encapsulation; }))
      return encapsulation;
  }
  return std::nullopt;
}

Identity identityIn(std::span<const ExtendedCommunity> communities) {
  for (const auto& community : communities)
    if (const auto identity = identityOf(community)) return *identity;
  return {};
}

bool anycastIn(std::span<const ExtendedCommunity> communities) {
  return std::ranges::any_of(communities, isAnycast);
}

}  // namespace hawser::net
