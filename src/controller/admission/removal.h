// May an object go? What still needs it is named.
#pragma once

#include "hawser/api/objects.h"

namespace hawser::controller {

// `staging` lacks the object already.
[[nodiscard]] Result<void> stillNeeded(const api::Staging& staging, const model::Object& object);

}  // namespace hawser::controller
