// The agent's unix socket, from the client's side: one JSON request a line, one JSON answer a line
// (docs/modules/agent.md). No event loop and no HTTP: hawser-cni and the CLI link this alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "hawser/base/result.h"

namespace hawser::agent {

using Json = nlohmann::json;

inline constexpr const char* kDefaultSocket = "/run/hawser/agent.sock";
inline constexpr std::size_t kMaxRequest = 1U << 20U;  // bytes of a request's line
inline constexpr std::size_t kMaxAnswer = 256U << 20U;

// {"error": {"code", "message", "field"?}}: how an Error travels.
[[nodiscard]] std::string_view codeName(ErrorCode code);
[[nodiscard]] Json errorAnswer(const Error& error);

// Sends {"op": ..., ...} and waits for the answer. An error of the agent comes back as Error; an
// agent that is not there is kUnavailable, one that does not answer in time kTimeout.
[[nodiscard]] Result<Json> callAgent(const std::string& socketPath, const Json& request,
                                     std::chrono::milliseconds timeout = std::chrono::seconds(15));

}  // namespace hawser::agent
