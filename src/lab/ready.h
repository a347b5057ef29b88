// Whether a lab does what it is for. Each answer is empty when it is so, else the first thing that
// is missing, for people.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "lab.h"

namespace hawser::lab {

// Every session of every site is Established.
[[nodiscard]] std::string sessionsMissing(const Lab& lab);
// Every pod that is wanted is ready.
[[nodiscard]] std::string podsMissing(const Lab& lab);
// Gateways and their sites have told each other all: the services that a gateway's VRF imports are
// in its kernel's table, as is whatever else the site tells it, and its default route has come.
[[nodiscard]] std::string routesMissing(const Lab& lab);

// ---- the parts that are pure ----

// What one site has for a gateway. In the API's forms: `peer` a Peer, `routes` of /bgp/routes,
// `services` Service objects, `targetsOf` a network's export targets.
struct Offer {
  Json peer;
  Json routes;
  std::vector<Json> services;
  std::map<std::string, std::vector<std::string>> targetsOf;  // "project/network" →
};
// Prefixes ("10.0.0.0/24", "185.22.97.188/32") that must come to be in the gateway's table.
[[nodiscard]] std::set<std::string> wantedPrefixes(const Topology& topology, const Gateway& gateway,
                                                   const Offer& offer);
// Those in the output of `ip -4 route show`.
[[nodiscard]] std::set<std::string> prefixesIn(const std::string& routes);

}  // namespace hawser::lab
