// Fields of a kind, for people.
#pragma once

#include <string>
#include <string_view>

#include "hawser/model/object.h"

namespace hawser::model {

// As explain(), of one field and what is in it: "spec.subnets", "subnets.gateway"; empty: all.
// kInvalid with the nearest field when there is none.
[[nodiscard]] Result<std::string> explainField(Kind kind, std::string_view path);

}  // namespace hawser::model
