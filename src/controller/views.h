// What people ask of BGP, as JSON (docs/api.md).
#pragma once

#include <optional>
#include <string>

#include "hawser/api/objects.h"
#include "sessions.h"

namespace hawser::controller {

[[nodiscard]] model::Json peersJson(const Sessions& sessions,
                                    const std::map<std::string, compiler::PeerIntent>& intents);

struct RouteQuery {
  wire::Family family = wire::kVpnv4;
  std::optional<net::IpPrefix> prefix;  // routes inside it
  std::optional<net::RouteTarget> target;
};
// From ?family=&prefix=&rt=.
[[nodiscard]] Result<RouteQuery> parseRouteQuery(const std::map<std::string, std::string>& query);
[[nodiscard]] model::Json routesJson(const Sessions& sessions, const RouteQuery& query);

// A network's routing table: what its import targets take from the best routes.
[[nodiscard]] model::Json networkRoutesJson(Sessions& sessions, const api::Objects& objects,
                                            const std::string& site, const model::Ref& network);

}  // namespace hawser::controller
