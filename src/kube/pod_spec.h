// The part of a pod's specification that a node here can run. Pure.
#pragma once

#include <string>

#include "hawser/base/result.h"
#include "hawser/model/object.h"

namespace hawser::kube {

// Refuses what could not be run as it says: errors name the field, beginning with `path` ("spec").
[[nodiscard]] Result<void> checkPodSpec(const model::Json& spec, const std::string& path);

}  // namespace hawser::kube
