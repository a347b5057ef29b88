// The rules of a port, evaluated as the datapath does. Private to the module.
#pragma once

#include <vector>

#include "hawser/model/slice.h"

namespace hawser::trace {

struct Packet {
  net::Identity identity;  // of the remote side
  net::IpAddress remote;
  model::Protocol protocol = model::Protocol::kAny;
  std::uint16_t port = 0;  // destination
};
struct Verdict {
  bool allowed = true;
  const model::SliceRule* rule = nullptr;  // the one that decided; null: none matched
};
[[nodiscard]] Verdict judge(const std::vector<model::SliceRule>& rules, bool ingress,
                            const Packet& packet);

}  // namespace hawser::trace
