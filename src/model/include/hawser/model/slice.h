// What one host must hold: the compiler's output, the agent's input. Travels as JSON over the API.
// Only what a host acts on: any difference sends the slice again.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hawser/model/specs.h"
#include "hawser/net/vrf.h"

namespace hawser::model {

struct SliceVrf {
  net::VrfId id;     // NetworkStatus.id
  std::string name;  // "project/network"
  std::set<net::RouteTarget> importTargets, exportTargets;
  // Service addresses that this VRF can see and that have no ready backend: refused at once.
  std::vector<net::IpAddress> refused;
  friend bool operator==(const SliceVrf&, const SliceVrf&) = default;
};

// Evaluated for the first packet of a connection, tier by tier; in a tier the first rule that
// matches decides. A deny is final, an allow too unless it passes to the next tier. What no rule
// matches is allowed.
struct SliceRule {
  std::uint32_t id = 0;  // stable for (port, source, index): hits keep counting over recompilation
  std::string source;    // "policies/default/leonardo rule 0"
  std::uint8_t tier = 0;
  bool ingress = true;
  bool anyPeer = true;
  std::vector<net::Identity> identities;
  std::vector<net::IpPrefix> prefixes;
  Protocol protocol = Protocol::kAny;
  PortRange ports;
  bool allow = true;
  bool pass = false;  // with allow: this tier has nothing against it, the next one decides
  bool log = false;
  friend bool operator==(const SliceRule&, const SliceRule&) = default;
};

struct SliceTranslation {  // a VIP port or a floating IP of this port
  net::VrfId vrf;
  net::IpAddress address;
  Protocol protocol = Protocol::kAny;  // kAny with port 0: floating IP
  std::uint16_t port = 0, targetPort = 0;
  std::string source;  // "services/default/leonardo", "floatingips/…"
  friend bool operator==(const SliceTranslation&, const SliceTranslation&) = default;
};

struct SlicePort {
  std::string uid;
  std::string name;  // "project/port"
  net::VrfId vrf;
  net::MacAddress mac;
  std::vector<net::IpAddress> addresses;
  std::vector<net::IpAddress> gateways;  // of the subnets of its network
  std::uint16_t mtu = 1468;
  bool portSecurity = true;
  std::string hostname;
  std::optional<WorkloadRef> workload;
  net::Identity identity;
  std::vector<SliceTranslation> translations;  // only of ready backends
  std::vector<SliceRule> rules;
  friend bool operator==(const SlicePort&, const SlicePort&) = default;
};

struct Slice {
  std::string site, host;
  std::uint64_t revision = 0;  // of the store when compiled
  std::vector<net::Encapsulation> encapsulations;
  std::vector<SliceVrf> vrfs;    // those of its ports and of their translations
  std::vector<SlicePort> ports;  // placed on this host
  friend bool operator==(const Slice&, const Slice&);  // but for the revision
};

[[nodiscard]] Json toJson(const Slice& slice);
[[nodiscard]] Result<Slice> parseSlice(const Json& json);

}  // namespace hawser::model
