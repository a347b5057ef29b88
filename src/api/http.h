// Private to the module.
#pragma once

#include <string_view>

#include "hawser/api/server.h"

namespace hawser::api {

// Path and query of a request's target, percent-decoded.
void parseTarget(std::string_view target, HttpRequest& request);

}  // namespace hawser::api
