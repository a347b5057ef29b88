// What the plugin answers: results and errors as JSON, in the version of the caller's
// configuration. Pure.
#pragma once

#include <string>
#include <string_view>

#include "hawser/agent/attach.h"
#include "input.h"

namespace hawser::cni {

// ADD's result: host device, device in the container, addresses, default routes. What an earlier
// plugin of the chain did (prevResult) stands before it, and its DNS settings win.
[[nodiscard]] Json addResult(const Config& config, const Environment& environment,
                             const agent::Attached& attached);
// CHECK: prevResult still tells what is there. Failures are kChanged.
[[nodiscard]] Outcome<> compareWithPrevious(const Config& config, const Environment& environment,
                                            const agent::Attached& attached);
[[nodiscard]] Json errorResult(std::string_view version, const Failure& failure);
[[nodiscard]] Json versionResult(std::string_view version);
// A client's error as the specification numbers it.
[[nodiscard]] Failure toFailure(const Error& error);

}  // namespace hawser::cni
