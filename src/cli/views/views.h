// What the API and the agent tell, as text for people. Pure: JSON in, text out.
#pragma once

#include <string>

#include "hawser/model/object.h"
#include "views/table.h"

namespace hawser::cli {

// GET …/networks/N/routes. A path a line: several paths of a prefix are its ECMP set.
[[nodiscard]] std::string routesText(const model::Json& answer, const std::string& network,
                                     bool wide);
// GET /api/v1/bgp/peers
[[nodiscard]] std::string peersText(const model::Json& answer, bool wide);
[[nodiscard]] std::string peerDetails(const model::Json& peer, std::size_t indentation);
// GET /api/v1/bgp/routes
[[nodiscard]] std::string bgpRoutesText(const model::Json& answer, bool wide);
// POST /api/v1/trace
[[nodiscard]] std::string traceText(const model::Json& answer, const std::string& from,
                                    const std::string& to, const std::string& what);
// GET /api/v1/status and /api/v1/whoami
[[nodiscard]] std::string statusText(const model::Json& status, const model::Json& whoami,
                                     const std::string& context, const std::string& server);

// Answers of the agent's socket to the operation `op` (docs/modules/agent.md).
[[nodiscard]] std::string datapathText(const std::string& op, const model::Json& answer, bool wide);

// "3d4h", "4m05s", "12s"
[[nodiscard]] std::string durationText(std::uint64_t seconds);

}  // namespace hawser::cli
