#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "hawser/base/check.h"
#include "hawser/base/result.h"

namespace hawser {

std::unexpected<Error> failErrno(const std::string& what, int errnoValue) {
  const auto code = errnoValue == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInternal;
  return fail(code, what + ": " + std::strerror(errnoValue));
}

void checkFailed(const char* file, int line, const char* expression, std::string_view why) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s (%.*s)\n", file, line, expression,
               static_cast<int>(why.size()), why.data());
  std::abort();
}

}  // namespace hawser
