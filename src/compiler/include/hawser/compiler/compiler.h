// Objects to slices and peer filters. Pure and deterministic: equal objects give equal results.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "hawser/model/slice.h"
#include "hawser/rib/rib.h"

namespace hawser::compiler {

struct PeerIntent {
  std::string name;  // of the Peer object
  model::PeerSpec spec;
  rib::RouteFilter import, exportTo;  // spec's lists plus what accepted Links allow
  friend bool operator==(const PeerIntent&, const PeerIntent&) = default;
};

using IdentityLabels = std::map<std::string, std::string>;

struct Compiled {
  std::map<std::string, model::Slice> slices;  // by host; every Host has one, maybe empty
  std::map<std::string, PeerIntent> peers;
  // Label sets of ports that have no Identity object yet; the controller allocates them and
  // compiles again. Until then such ports are in no slice.
  std::set<IdentityLabels> missingIdentities;
  std::set<std::string> idleIdentities;  // names of Identity objects whose labels no port has
  std::vector<std::string> warnings;     // sorted; dangling references and the like:
                                         // "services/default/x: backend y does not exist"
};

// Import and export targets of a network with everything that adds to them: its automatic target,
// its own lists, policies, routers, links.
struct Targets {
  std::set<net::RouteTarget> importTargets, exportTargets;
};
[[nodiscard]] Targets targetsOf(const model::ObjectMap& objects, const model::Ref& network);

[[nodiscard]] Compiled compile(const model::ObjectMap& objects);

// May compile() give something else after this change of one object? Either may be null. What is
// only reported, such as phases and messages, does not.
[[nodiscard]] bool affects(const model::Object* before, const model::Object* now);

}  // namespace hawser::compiler
