// Messages by hand, as other daemons send them.
#pragma once

#include <initializer_list>
#include <string_view>

#include "hawser/wire/message.h"

namespace hawser::wire::test {

inline Bytes hex(std::string_view text) {
  Bytes out;
  int high = -1;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<std::uint8_t>(high * 16 + digit));
      high = -1;
    }
  }
  return out;
}

inline Bytes join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

inline Bytes message(std::uint8_t type, const Bytes& body) {
  Bytes out(16, 0xff);
  const auto size = body.size() + 19;
  out.push_back(static_cast<std::uint8_t>(size >> 8U));
  out.push_back(static_cast<std::uint8_t>(size));
  out.push_back(type);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

inline Bytes update(const Bytes& withdrawn, const Bytes& attributes, const Bytes& nlri) {
  const auto length = [](std::size_t n) {
    return Bytes{static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n)};
  };
  return message(
      2, join({length(withdrawn.size()), withdrawn, length(attributes.size()), attributes, nlri}));
}

inline Bytes attribute(std::uint8_t flags, std::uint8_t type, const Bytes& value) {
  return join({{flags, type, static_cast<std::uint8_t>(value.size())}, value});
}

inline const Bytes kOriginIgp = attribute(0x40, 1, {0});
inline const Bytes kPath64512 = attribute(0x40, 2, hex("02 01 0000fc00"));
inline const Bytes kNextHop1 = attribute(0x40, 3, {10, 0, 0, 1});
// One VPNv4 route: label 101, RD 10.1.0.11:7, 10.0.100.11/32, next hop 10.1.0.11.
inline const Bytes kVpnNlri = hex("78 000651 0001 0a01000b 0007 0a00640b");
inline const Bytes kVpnReach =
    attribute(0x80, 14, join({hex("0001 80 0c 0000000000000000 0a01000b 00"), kVpnNlri}));

inline DecodedUpdate decodeUpdateMessage(const Bytes& bytes, const SessionContext& context = {}) {
  const auto decoded = decode(bytes, context);
  if (!decoded) throw std::runtime_error(decoded.error().reason);
  return std::get<DecodedUpdate>(*decoded);
}

}  // namespace hawser::wire::test
