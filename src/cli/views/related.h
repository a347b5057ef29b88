// `hawser describe`: an object and what belongs to it. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hawser/model/object.h"

namespace hawser::cli {

struct Surroundings {
  std::map<model::Kind, model::Json> lists;  // items by kind; a kind that may not be read is absent
  model::Json peers;                         // of GET /api/v1/bgp/peers; null: not known
};

// The kinds that describing one of `kind` reads.
[[nodiscard]] std::vector<model::Kind> relatedKinds(model::Kind kind);
[[nodiscard]] bool needsPeers(model::Kind kind);

[[nodiscard]] std::string describeText(model::Kind kind, const model::Json& object,
                                       const Surroundings& around);

}  // namespace hawser::cli
