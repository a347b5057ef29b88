// How a CNI call fails: a code that the specification gives a meaning (section "Error"), or one of
// ours from 100 on.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace hawser::cni {

enum class Code : int {
  kIncompatibleVersion = 1,
  kUnsupportedField = 2,
  kUnknownContainer = 3,  // there is nothing to clean up
  kInvalidEnvironment = 4,
  kIo = 5,
  kDecoding = 6,
  kInvalidConfig = 7,
  kTryAgainLater = 11,
  kUnavailable = 50,  // STATUS: ADD cannot be served
  kChanged = 100,     // CHECK: something is not as ADD left it
  kConflict = 101,    // a device or an attachment is there already
  kInternal = 999,    // as the reference plugins say it
};

struct Failure {
  Code code = Code::kInternal;
  std::string message;
  std::string details;
  friend bool operator==(const Failure&, const Failure&) = default;
};

template <class T = void>
using Outcome = std::expected<T, Failure>;

[[nodiscard]] inline std::unexpected<Failure> failure(Code code, std::string message,
                                                      std::string details = {}) {
  return std::unexpected(Failure{code, std::move(message), std::move(details)});
}

}  // namespace hawser::cni
