// `hawser lab forward`: ports of this machine's loopback that lead into the lab, so that a shell
// and a browser outside the namespaces reach the sites' APIs. TLS passes through untouched.
#pragma once

#include <string>
#include <vector>

#include "topology/plan.h"

namespace hawser::lab {

// "LISTEN=NETNS:ADDRESS:PORT"
[[nodiscard]] Result<Forward> parseForward(const std::string& text);
// Serves until TERM or INT. Prints "ready" when it listens.
[[nodiscard]] Result<void> serveForwards(const std::vector<Forward>& forwards);
// Ports of the loopback that nobody listens on now, all different.
[[nodiscard]] Result<std::vector<std::uint16_t>> freePorts(std::size_t count);

}  // namespace hawser::lab
