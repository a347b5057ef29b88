// What a request changes at once: the bodies of /api/v1/apply and /api/v1/delete. Pure.
#pragma once

#include <vector>

#include "hawser/api/objects.h"

namespace hawser::api {

// Errors are kInvalid and kForbidden, with the field "objects[N]…".
[[nodiscard]] Result<std::vector<Write>> parseApply(const model::Json& body, const Caller& caller);

struct DeleteBatch {
  std::vector<Write> writes;
  bool ignoreMissing = false;
};
// Of each object kind, name and project are read; what else it has is not looked at.
[[nodiscard]] Result<DeleteBatch> parseDelete(const model::Json& body, const Caller& caller);

}  // namespace hawser::api
