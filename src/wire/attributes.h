// The path attributes of one UPDATE, decoded by the rules of RFC 7606.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "cursor.h"

namespace hawser::wire {

struct MpBlock {
  Family family;
  net::IpAddress nextHop;  // MP_REACH_NLRI only
  Cursor nlri{ByteView{}};
};

struct AttributeBlock {
  PathAttributes attributes;
  bool hasOrigin = false, hasAsPath = false, hasNextHop = false;
  std::optional<MpBlock> reach, unreach;
  std::optional<AsPath> as4Path;
  std::vector<AttributeProblem> problems;
  bool reachSeen = false;  // an MP_REACH_NLRI of any family
  bool withdraw = false;   // one of the problems asks for treat-as-withdraw

  void discard(std::uint8_t type, std::size_t offset, std::string why);
  void treatAsWithdraw(std::uint8_t type, std::size_t offset, std::string why);
};

[[nodiscard]] std::expected<AttributeBlock, DecodeError> decodeAttributes(
    Cursor block, const SessionContext& context);
// Every attribute but MP_REACH_NLRI, MP_UNREACH_NLRI and NEXT_HOP: those that the engine knows in
// ascending order of type, then the others as they came.
[[nodiscard]] Bytes encodeAttributes(const PathAttributes& attributes,
                                     const SessionContext& context);
void putAttributeHeader(Bytes& out, std::uint8_t flags, std::uint8_t type, std::size_t size);

}  // namespace hawser::wire
