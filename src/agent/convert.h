// From the slice's words to the datapath's and BGP's. Pure.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "hawser/datapath/datapath.h"
#include "hawser/model/slice.h"
#include "hawser/rib/rib.h"
#include "host_state.h"

namespace hawser::agent {

[[nodiscard]] datapath::Port toPort(const model::SlicePort& port, const PortNumbers& numbers,
                                    const Plug& plug);
[[nodiscard]] datapath::RuleSet toRules(const model::SlicePort& port);
[[nodiscard]] std::vector<datapath::Translation> toTranslations(const model::SlicePort& port);

// A route that this host originates for a port.
struct Origination {
  rib::RouteKey key;
  net::Label label;
  std::shared_ptr<const wire::PathAttributes> attributes;
};

// Attribute sets shared by all routes that have the same: BGP packs routes by them.
class AttributeSets {
 public:
  explicit AttributeSets(net::IpAddress nextHop) : nextHop_(nextHop) {}
  [[nodiscard]] std::shared_ptr<const wire::PathAttributes> get(
      const std::set<net::RouteTarget>& targets,
      const std::vector<net::Encapsulation>& encapsulations, const net::Identity& identity,
      bool anycast);
  void dropUnused();

 private:
  net::IpAddress nextHop_;
  std::map<std::vector<net::ExtendedCommunity>, std::shared_ptr<const wire::PathAttributes>> sets_;
};

// Each address of the port in its VRF, and each address that it is a backend or floating IP owner
// of, under the distinguisher of (port, VRF): so that a route reflector keeps the paths of all
// backends apart.
[[nodiscard]] std::vector<Origination> originations(const model::Slice& slice,
                                                    const model::SlicePort& port, HostState& state,
                                                    net::Ipv4Address underlay,
                                                    AttributeSets& attributes);

}  // namespace hawser::agent
