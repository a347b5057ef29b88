// OPEN and its capabilities (RFC 4271, 4.2; RFC 5492; long optional parameters: RFC 9072).
#include <fmt/core.h>

#include "codes.h"
#include "message_parts.h"

namespace hawser::wire {
namespace {

constexpr std::uint8_t kParameterCapabilities = 2, kParameterExtended = 255;
constexpr std::uint8_t kCapMultiprotocol = 1, kCapRouteRefresh = 2, kCapExtendedMessage = 6,
                       kCapGracefulRestart = 64, kCapAs4 = 65;
constexpr std::uint16_t kRestartingBit = 0x8000, kNotificationBit = 0x4000,
                        kRestartTimeMask = 0x0fff;
constexpr std::uint8_t kForwardingBit = 0x80;

DecodeError openError(std::uint8_t subcode, std::size_t offset, std::string why, Bytes data = {}) {
  return {{kOpenError, subcode, std::move(data)}, offset, std::move(why)};
}

GracefulRestart readGracefulRestart(Cursor value) {
  GracefulRestart restart;
  const auto head = value.u16();
  restart.restarting = (head & kRestartingBit) != 0;
  restart.notification = (head & kNotificationBit) != 0;
  restart.restartTime = head & kRestartTimeMask;
  while (value.has(4)) {
    GracefulRestartFamily family;
    family.family = {value.u16(), value.u8()};
    family.forwardingPreserved = (value.u8() & kForwardingBit) != 0;
    restart.families.push_back(family);
  }
  return restart;
}

// A capability of a wrong length is one that we do not understand: kept as it came, and not used
// (RFC 5492, 3).
void readCapability(std::uint8_t code, Cursor value, Open& open) {
  auto& capabilities = open.capabilities;
  const auto size = value.remaining();
  if (code == kCapMultiprotocol && size == 4) {
    const auto afi = value.u16();
    value.u8();
    capabilities.families.push_back({afi, value.u8()});
  } else if (code == kCapAs4 && size == 4) {
    capabilities.as4 = net::Asn(value.u32());
  } else if (code == kCapRouteRefresh && size == 0) {
    capabilities.routeRefresh = true;
  } else if (code == kCapExtendedMessage && size == 0) {
    capabilities.extendedMessage = true;
  } else if (code == kCapGracefulRestart && size >= 2 && (size - 2) % 4 == 0) {
    capabilities.gracefulRestart = readGracefulRestart(value);
  } else {
    const auto bytes = value.take(size);
    capabilities.other.push_back({code, Bytes(bytes.begin(), bytes.end())});
  }
}

std::optional<DecodeError> readCapabilities(Cursor block, Open& open) {
  while (!block.empty()) {
    if (!block.has(2))
      return openError(kUnspecific, block.offset(), "capability runs over the end");
    const auto code = block.u8();
    const std::size_t size = block.u8();
    if (!block.has(size))
      return openError(kUnspecific, block.offset(),
                       fmt::format("capability {} runs over the end", code));
    readCapability(code, block.sub(size), open);
  }
  return std::nullopt;
}

std::optional<DecodeError> readParameters(Cursor block, bool wide, Open& open) {
  while (!block.empty()) {
    if (!block.has(wide ? 3 : 2))
      return openError(kUnspecific, block.offset(), "optional parameter runs over the end");
    const auto type = block.u8();
    const std::size_t size = wide ? block.u16() : block.u8();
    if (!block.has(size))
      return openError(kUnspecific, block.offset(), "optional parameter runs over the end");
    const auto value = block.sub(size);
    if (type != kParameterCapabilities)
      return openError(4, value.offset(), fmt::format("optional parameter of type {}", type));
    if (auto error = readCapabilities(value, open)) return error;
  }
  return std::nullopt;
}

std::optional<DecodeError> checkFixed(const Open& open, std::uint16_t twoByteAs,
                                      std::size_t start) {
  if (open.asn.value() == 0 || twoByteAs == 0)
    return openError(kBadPeerAs, start + 1, "AS number 0");
  if (open.holdTime == 1 || open.holdTime == 2)
    return openError(kBadHoldTime, start + 3, fmt::format("hold time of {} s", open.holdTime));
  if (open.routerId.value() == 0)
    return openError(kBadIdentifier, start + 5, "BGP identifier 0.0.0.0");
  return std::nullopt;
}

void putCapability(Bytes& out, std::uint8_t code, ByteView value) {
  put8(out, code);
  put8(out, value.size());
  putBytes(out, value);
}

Bytes capabilityBytes(const Capabilities& capabilities) {
  Bytes out, value;
  const auto put = [&](std::uint8_t code) {
    putCapability(out, code, value);
    value.clear();
  };
  for (const auto family : capabilities.families) {
    put16(value, family.afi);
    put8(value, 0);
    put8(value, family.safi);
    put(kCapMultiprotocol);
  }
  if (capabilities.routeRefresh) put(kCapRouteRefresh);
  if (capabilities.extendedMessage) put(kCapExtendedMessage);
  if (const auto& restart = capabilities.gracefulRestart) {
    put16(value, static_cast<std::size_t>((restart->restarting ? kRestartingBit : 0) |
                                          (restart->notification ? kNotificationBit : 0) |
                                          (restart->restartTime & kRestartTimeMask)));
    for (const auto& family : restart->families) {
      put16(value, family.family.afi);
      put8(value, family.family.safi);
      put8(value, family.forwardingPreserved ? kForwardingBit : 0);
    }
    put(kCapGracefulRestart);
  }
  if (capabilities.as4) {
    put32(value, capabilities.as4->value());
    put(kCapAs4);
  }
  for (const auto& other : capabilities.other) putCapability(out, other.code, other.value);
  return out;
}

}  // namespace

std::expected<Open, DecodeError> decodeOpen(Cursor body) {
  const auto start = body.offset();
  const auto version = body.u8();
  if (version != 4)
    return std::unexpected(
        openError(kBadVersion, start, fmt::format("version {}", version), {0, 4}));
  Open open;
  const auto twoByteAs = body.u16();
  open.asn = net::Asn(twoByteAs);
  open.holdTime = body.u16();
  open.routerId = net::RouterId(body.u32());
  std::size_t size = body.u8();
  bool wide = false;
  // RFC 9072, 2: the parameter type tells; the length before it is to be disregarded then.
  if (size != 0 && body.has(3) && Cursor(body).u8() == kParameterExtended) {
    body.u8();
    size = body.u16();
    wide = true;
  }
  if (body.remaining() != size)
    return std::unexpected(
        openError(kUnspecific, body.offset(), "length of the optional parameters does not fit"));
  if (auto error = readParameters(body, wide, open)) return std::unexpected(std::move(*error));
  if (open.capabilities.as4) open.asn = *open.capabilities.as4;
  if (auto error = checkFixed(open, twoByteAs, start)) return std::unexpected(std::move(*error));
  return open;
}

Bytes encode(const Open& open) {
  auto out = startMessage(kOpen);
  put8(out, 4);
  put16(out, open.asn.value() > 0xffff ? kAsTrans : open.asn.value());
  put16(out, open.holdTime);
  put32(out, open.routerId.value());
  const auto capabilities = capabilityBytes(open.capabilities);
  if (capabilities.empty()) {
    put8(out, 0);
  } else if (capabilities.size() + 2 <= 255) {
    put8(out, capabilities.size() + 2);
    put8(out, kParameterCapabilities);
    put8(out, capabilities.size());
  } else {
    put8(out, 255);
    put8(out, kParameterExtended);
    put16(out, capabilities.size() + 3);
    put8(out, kParameterCapabilities);
    put16(out, capabilities.size());
  }
  putBytes(out, capabilities);
  return finishMessage(std::move(out));
}

}  // namespace hawser::wire
