// The number of a VRF (RFC 4364, 3): NetworkStatus.id, the same on every host of the site. Slices,
// routes and the datapath's maps name a VRF by it.
#pragma once

#include <cstdint>

#include "hawser/base/strong.h"

namespace hawser::net {

using VrfId = Strong<struct VrfIdTag, std::uint32_t>;

}  // namespace hawser::net
