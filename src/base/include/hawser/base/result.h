// Result<T>: the outcome of an operation on the environment (a system call, a peer, the store, user
// input). Wire errors with an action (RFC 7606) have types of their own in wire; broken invariants
// use HAWSER_CHECK.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace hawser {

enum class ErrorCode : std::uint8_t {
  kInvalid,  // the input is wrong; `field` names the place
  kNotFound,
  kExists,        // something with this name or address is there already
  kConflict,      // resourceVersion or compare failed: read again and retry
  kUnauthorized,  // who are you
  kForbidden,     // not for you
  kUnavailable,   // the other side is not there now; retrying may help
  kTimeout,
  kInternal,
};

// `field` is the place in the input: a JSON path ("spec.subnets[0].prefix"), "line 3, column 7",
// "byte 19", or empty.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string field;

  // "field: message", or the message alone.
  [[nodiscard]] std::string text() const {
    return field.empty() ? message : field + ": " + message;
  }
  friend bool operator==(const Error&, const Error&) = default;
};

template <class T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message,
                                                 std::string field = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(field)});
}
[[nodiscard]] inline std::unexpected<Error> invalid(std::string message, std::string field = {}) {
  return fail(ErrorCode::kInvalid, std::move(message), std::move(field));
}
// An error from errno: "open /x: No such file or directory".
[[nodiscard]] std::unexpected<Error> failErrno(const std::string& what, int errnoValue);

}  // namespace hawser
