// Why there is no route, or no such end, from the objects: what is not there should not be blamed
// on what is. Pure.
#pragma once

#include <string>

#include "hawser/trace/trace.h"

namespace hawser::trace {

// Of an address without a route in the VRF: a network whose subnet covers it has no workload with
// it, or no network covers it.
[[nodiscard]] std::string whyNoRoute(const World& world, const model::SliceVrf& vrf,
                                     const net::IpAddress& address);
// Of the text of an end that is no placed port.
[[nodiscard]] std::string whyNoPort(const World& world, const std::string& text);

}  // namespace hawser::trace
