// The mark of an address that several workloads have by design: a service's. It is carried as an
// extended community of type 0x80, sub-type 0x72, and six zero bytes that a reader ignores. A
// workload's own address, a floating IP and what routers announce have none: of those there is one,
// and when its path changes it has moved.
#pragma once

#include "hawser/net/vpn.h"

namespace hawser::net {

[[nodiscard]] constexpr ExtendedCommunity anycastCommunity() {
  return ExtendedCommunity({0x80, 0x72, 0, 0, 0, 0, 0, 0});
}
[[nodiscard]] inline bool isAnycast(const ExtendedCommunity& community) {
  return community.type() == 0x80 && community.subtype() == 0x72;
}

}  // namespace hawser::net
