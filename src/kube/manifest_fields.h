// Which fields the kinds of a manifest folder have. A field that Kubernetes does not know is a slip
// of the pen, and what it was meant to say would be missing without a word.
#pragma once

#include <string>

#include "hawser/base/result.h"
#include "json_access.h"

namespace hawser::kube {

// Of spec and what is in it, as `kubectl --validate=strict` has it: kInvalid with the path and the
// nearest known name. Fields that Kubernetes has and we do not act on are let be.
[[nodiscard]] Result<void> checkFields(const std::string& kind, const Json& spec);

}  // namespace hawser::kube
