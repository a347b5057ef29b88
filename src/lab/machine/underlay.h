// Makes what planUnderlay planned.
#pragma once

#include "topology/plan.h"

namespace hawser::lab {

// Nothing is left when it fails.
[[nodiscard]] Result<void> makeUnderlay(const Underlay& underlay);

}  // namespace hawser::lab
