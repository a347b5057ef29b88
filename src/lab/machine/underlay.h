// Makes what planUnderlay planned.
#pragma once

#include "topology/plan.h"

namespace hawser::lab {

// Its namespaces are recorded as those of the lab whose folder is `run`. Nothing is left when it
// fails.
[[nodiscard]] Result<void> makeUnderlay(const std::string& run, const Underlay& underlay);

}  // namespace hawser::lab
