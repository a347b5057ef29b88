// May an object go? What still needs it is named.
#pragma once

#include "admission/ledger.h"
#include "hawser/api/objects.h"

namespace hawser::controller {

// `staging` and `ledger` lack the object already.
[[nodiscard]] Result<void> stillNeeded(const Ledger& ledger, const api::Staging& staging,
                                       const model::Object& object);

}  // namespace hawser::controller
