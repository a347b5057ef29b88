// One TCP connection with a peer, and the codes with which it may end. Private to the module.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "peer.h"

namespace hawser::bgp {

// RFC 4271, 4.5 and RFC 4486.
inline constexpr std::uint8_t kOpenError = 2, kHoldTimerExpired = 4, kFsmError = 5, kCease = 6;
inline constexpr std::uint8_t kBadPeerAs = 2, kBadBgpId = 3;
inline constexpr std::uint8_t kMaxPrefixes = 1, kCollision = 7, kHardReset = 9;

struct Peer::Connection {
  Connection(io::Loop& loop, std::shared_ptr<Transport> stream, bool weConnected)
      : transport(std::move(stream)), outgoing(weConnected), hold(loop), keepalive(loop) {}
  std::shared_ptr<Transport> transport;
  bool outgoing;
  bool over = false;
  State state = State::kOpenSent;
  wire::Bytes buffer;
  wire::SessionContext context;
  std::optional<wire::Open> open;  // the peer's
  Duration holdTime{};             // negotiated; zero: none
  io::Timer hold, keepalive;
};

}  // namespace hawser::bgp
