// Broken invariants. HAWSER_CHECK aborts with the place and the reason, in every build.
#pragma once

#include <string_view>

namespace hawser {
[[noreturn]] void checkFailed(const char* file, int line, const char* expression,
                              std::string_view why);
}

#define HAWSER_CHECK(expression, why)  \
  ((expression) ? static_cast<void>(0) \
                : ::hawser::checkFailed(__FILE__, __LINE__, #expression, why))
