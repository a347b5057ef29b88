// What a path's extended communities say together: the agent acts on it, the trace tells it. Any
// thread; nothing is kept.
#pragma once

#include <optional>
#include <span>

#include "hawser/net/vpn.h"

namespace hawser::net {

// The encapsulation that the path is sent with: the first of the preferred ones that it offers (RFC
// 9012, 4.1); MPLSoGRE when it names none (what a plain RFC 4364 router expects); none when nothing
// is common, and then the path cannot be used. Never VXLAN, which is for layer 2 (RFC 8365).
[[nodiscard]] std::optional<Encapsulation> chooseEncapsulation(
    std::span<const ExtendedCommunity> communities, std::span<const Encapsulation> preference);

// The identity of the workload behind the path; zero when it names none.
[[nodiscard]] Identity identityIn(std::span<const ExtendedCommunity> communities);

// The path is one of several by design (hawser/net/anycast.h).
[[nodiscard]] bool anycastIn(std::span<const ExtendedCommunity> communities);

}  // namespace hawser::net
