// Rules as the datapath evaluates them: one entry a rule and peer, in order. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "abi/abi.h"
#include "hawser/datapath/datapath.h"

namespace hawser::datapath {

struct ExpandedRules {
  std::vector<hw_rule> ingress, egress;
};

// Sorted by tier, within a tier in the order given. A rule that names peers but lists none matches
// nobody and leaves no entry.
[[nodiscard]] ExpandedRules expand(const RuleSet& rules);
// Equal sets have equal numbers; others differ, but for one case in 2^64.
[[nodiscard]] std::uint64_t hashOf(const ExpandedRules& rules, const RuleSet& set);

}  // namespace hawser::datapath
