// The rules of one port, from its security groups and from the policies of its networks.
#pragma once

#include <vector>

#include "index.h"

namespace hawser::compiler {

inline constexpr std::uint8_t kGroupTier = 10, kPolicyTier = 20;

[[nodiscard]] std::vector<model::SliceRule> rulesOf(Index& index, const PortInfo& port);

}  // namespace hawser::compiler
