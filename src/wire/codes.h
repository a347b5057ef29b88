// IANA numbers of BGP messages, attributes and errors.
#pragma once

#include <cstdint>

namespace hawser::wire {

enum MessageType : std::uint8_t {
  kOpen = 1,
  kUpdate = 2,
  kNotification = 3,
  kKeepalive = 4,
  kRouteRefresh = 5
};

enum AttributeType : std::uint8_t {
  kOrigin = 1,
  kAsPath = 2,
  kNextHop = 3,
  kMed = 4,
  kLocalPref = 5,
  kAtomicAggregate = 6,
  kAggregator = 7,
  kCommunity = 8,
  kOriginatorId = 9,
  kClusterList = 10,
  kMpReach = 14,
  kMpUnreach = 15,
  kExtendedCommunity = 16,
  kAs4Path = 17,
  kAs4Aggregator = 18,
};
inline constexpr std::uint8_t kFlagOptional = 0x80, kFlagTransitive = 0x40, kFlagPartial = 0x20,
                              kFlagExtended = 0x10;

// Error codes (RFC 4271, 4.5) and the subcodes used here.
inline constexpr std::uint8_t kHeaderError = 1, kNotSynchronised = 1, kBadLength = 2, kBadType = 3;
inline constexpr std::uint8_t kOpenError = 2, kUnspecific = 0, kBadVersion = 1, kBadPeerAs = 2,
                              kBadIdentifier = 3, kBadHoldTime = 6;
inline constexpr std::uint8_t kUpdateError = 3, kMalformedAttributes = 1,
                              kUnrecognisedWellKnown = 2, kOptionalAttributeError = 9,
                              kInvalidNetwork = 10;

inline constexpr std::uint32_t kAsTrans = 23456;  // RFC 6793

}  // namespace hawser::wire
