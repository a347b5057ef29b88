// `hawser trace`: the path of a packet from live state (slices and VPN routes), both directions,
// and what blocks it. Pure.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hawser/model/object.h"
#include "hawser/model/slice.h"
#include "hawser/rib/vrf.h"

namespace hawser::trace {

// What one controller knows: slices by host, the VRFs' routes, host addresses.
struct World {
  std::string site;
  const std::map<std::string, model::Slice>* slices = nullptr;
  std::map<std::string, net::IpAddress> hostAddresses;
  // Longest match in the VRF with the given import targets; nullopt: no route.
  std::function<std::optional<rib::VrfChange>(const model::SliceVrf& vrf,
                                              const net::IpAddress& address)>
      lookup;
  // For the reason of what is not found; null: not told.
  const model::ObjectMap* objects = nullptr;
  std::function<std::string(const net::RouteTarget&)>
      targetName;  // "auto target of default/leonardo", "link db-leonardo", …
};

struct Question {
  // Port "project/name", "pods/namespace/name" or an address of one; or "project/network@address",
  // somebody outside who comes through a router that is joined with that network.
  std::string from;
  std::string to;  // port "project/name", service, or an address
  model::Protocol protocol = model::Protocol::kTcp;
  std::uint16_t port = 0;
};

struct Step {
  std::string where;  // "host node1", "route", "policy", "tunnel", …
  std::string what;
};
// kUnknown: the packet leaves what is known here, and who knows the rest has not told.
enum class Outcome : std::uint8_t { kBlocked, kReaches, kUnknown };
[[nodiscard]] std::string_view outcomeName(Outcome outcome);  // "reaches", "blocked", "unknown"

struct Answer {
  Outcome outcome = Outcome::kBlocked;
  // "route": no route; "policy": a rule; "service": no ready backend or port not offered; "" when
  // it is not blocked.
  std::string blockedBy;
  std::string reason;       // one sentence that names the object; why, when the outcome is unknown
  std::vector<Step> steps;  // there
  std::vector<Step> back;   // and back
  [[nodiscard]] bool reaches() const { return outcome == Outcome::kReaches; }
  // The packet goes on in another site, so the outcome is unknown: ask its controller with this
  // (next hop, label, source identity). `back` ends here already: its beginning is the other's.
  struct Handover {
    net::IpAddress nextHop;
    net::Label label;
    net::IpAddress source, destination;
    net::Identity identity;
  };
  std::optional<Handover> handover;
};

[[nodiscard]] Result<Answer> trace(const World& world, const Question& question);
// The second half, at the site that owns the next hop.
[[nodiscard]] Result<Answer> traceArrival(const World& world, const Answer::Handover& handover,
                                          const Question& question);
[[nodiscard]] model::Json toJson(const Answer& answer);
[[nodiscard]] Result<Answer> parseAnswer(const model::Json& json);

}  // namespace hawser::trace
