// The BGP message codec: framing, and the messages that are only a few bytes. OPEN, UPDATE,
// attributes and NLRI have files of their own. All decoding goes through Cursor over a span that
// was cut to its length before, so nothing can read too far; what is wrong comes back as the
// NOTIFICATION that RFC 4271 and RFC 7606 ask for, with the byte where it was seen.
#include "hawser/wire/message.h"

#include <fmt/core.h>

#include <algorithm>

#include "codes.h"
#include "message_parts.h"

namespace hawser::wire {
namespace {

constexpr std::size_t kMarkerSize = 16;

struct TypeLimits {
  std::uint8_t type;
  std::size_t least, most;
};
constexpr std::array kLimits{
    TypeLimits{kOpen, 29, kMaxExtendedMessage},
    TypeLimits{kUpdate, 23, kMaxExtendedMessage},
    TypeLimits{kNotification, 21, kMaxExtendedMessage},
    TypeLimits{kKeepalive, 19, 19},
    TypeLimits{kRouteRefresh, 23, 23},
};

DecodeError headerError(std::uint8_t subcode, std::size_t offset, std::string why,
                        Bytes data = {}) {
  return {{kHeaderError, subcode, std::move(data)}, offset, std::move(why)};
}

Notification decodeNotification(Cursor body) {
  Notification notification;
  notification.code = body.u8();
  notification.subcode = body.u8();
  const auto data = body.take(body.remaining());
  notification.data.assign(data.begin(), data.end());
  return notification;
}

struct Name {
  std::uint8_t code, subcode;
  std::string_view text;
};
constexpr std::array kNames{
    Name{1, 0, "Message Header Error"},
    Name{1, 1, "Connection Not Synchronized"},
    Name{1, 2, "Bad Message Length"},
    Name{1, 3, "Bad Message Type"},
    Name{2, 0, "OPEN Message Error"},
    Name{2, 1, "Unsupported Version Number"},
    Name{2, 2, "Bad Peer AS"},
    Name{2, 3, "Bad BGP Identifier"},
    Name{2, 4, "Unsupported Optional Parameter"},
    Name{2, 6, "Unacceptable Hold Time"},
    Name{2, 7, "Unsupported Capability"},
    Name{3, 0, "UPDATE Message Error"},
    Name{3, 1, "Malformed Attribute List"},
    Name{3, 2, "Unrecognized Well-known Attribute"},
    Name{3, 3, "Missing Well-known Attribute"},
    Name{3, 4, "Attribute Flags Error"},
    Name{3, 5, "Attribute Length Error"},
    Name{3, 6, "Invalid ORIGIN Attribute"},
    Name{3, 8, "Invalid NEXT_HOP Attribute"},
    Name{3, 9, "Optional Attribute Error"},
    Name{3, 10, "Invalid Network Field"},
    Name{3, 11, "Malformed AS_PATH"},
    Name{4, 0, "Hold Timer Expired"},
    Name{5, 0, "Finite State Machine Error"},
    Name{5, 1, "Unexpected Message in OpenSent"},
    Name{5, 2, "Unexpected Message in OpenConfirm"},
    Name{5, 3, "Unexpected Message in Established"},
    Name{6, 0, "Cease"},
    Name{6, 1, "Maximum Number of Prefixes Reached"},
    Name{6, 2, "Administrative Shutdown"},
    Name{6, 3, "Peer De-configured"},
    Name{6, 4, "Administrative Reset"},
    Name{6, 5, "Connection Rejected"},
    Name{6, 6, "Other Configuration Change"},
    Name{6, 7, "Connection Collision Resolution"},
    Name{6, 8, "Out of Resources"},
    Name{6, 9, "Hard Reset"},
};

std::string_view nameOf(std::uint8_t code, std::uint8_t subcode) {
  const auto* found = std::find_if(kNames.begin(), kNames.end(), [&](const Name& name) {
    return name.code == code && name.subcode == subcode;
  });
  return found == kNames.end() ? std::string_view() : found->text;
}

// RFC 9003: the text of a shutdown or reset; only printable characters are shown.
std::string shutdownText(const Notification& notification) {
  if (notification.code != 6 || (notification.subcode != 2 && notification.subcode != 4) ||
      notification.data.empty())
    return {};
  const auto size = std::min<std::size_t>(notification.data[0], notification.data.size() - 1);
  std::string text;
  for (std::size_t i = 1; i <= size; ++i)
    text += notification.data[i] >= 0x20 && notification.data[i] != 0x7f
                ? static_cast<char>(notification.data[i])
                : '?';
  return text;
}

}  // namespace

Bytes startMessage(std::uint8_t type) {
  Bytes out(kMarkerSize, 0xff);
  put16(out, 0);
  put8(out, type);
  return out;
}

Bytes finishMessage(Bytes message) {
  HAWSER_CHECK(message.size() <= kMaxExtendedMessage, "message longer than BGP allows");
  set16(message, kMarkerSize, message.size());
  return message;
}

std::expected<std::optional<std::size_t>, DecodeError> messageLength(ByteView bytes,
                                                                     std::size_t maxMessage) {
  if (bytes.size() < kHeaderSize) return std::optional<std::size_t>();
  Cursor header(bytes);
  const auto marker = header.take(kMarkerSize);
  const auto* wrong =
      std::find_if(marker.begin(), marker.end(), [](std::uint8_t b) { return b != 0xff; }).base();
  if (wrong != marker.end().base())
    return std::unexpected(headerError(kNotSynchronised,
                                       static_cast<std::size_t>(wrong - marker.data()),
                                       "marker is not all ones"));
  const std::size_t length = header.u16();
  const auto type = header.u8();
  const auto* limits = std::find_if(kLimits.begin(), kLimits.end(),
                                    [&](const TypeLimits& row) { return row.type == type; });
  if (limits == kLimits.end())
    return std::unexpected(headerError(kBadType, 18, fmt::format("message type {}", type), {type}));
  // RFC 8654, 4: OPEN and KEEPALIVE stay within 4096.
  const auto most = std::min(type == kOpen ? kMaxMessage : maxMessage, limits->most);
  if (length < limits->least || length > most) {
    Bytes data;
    put16(data, length);
    return std::unexpected(headerError(
        kBadLength, 16, fmt::format("length {} of a message of type {}", length, type), data));
  }
  return std::optional(length);
}

std::expected<Message, DecodeError> decode(ByteView message, const SessionContext& context) {
  const auto length = messageLength(message, context.maxMessage);
  if (!length) return std::unexpected(length.error());
  if (!*length || **length != message.size())
    return std::unexpected(headerError(kBadLength, std::min<std::size_t>(16, message.size()),
                                       fmt::format("{} bytes given", message.size())));
  Cursor body(message);
  body.take(kHeaderSize - 1);
  switch (body.u8()) {
    case kOpen: {
      auto open = decodeOpen(body);
      if (!open) return std::unexpected(std::move(open.error()));
      return std::move(*open);
    }
    case kUpdate: {
      auto update = decodeUpdate(body, context);
      if (!update) return std::unexpected(std::move(update.error()));
      return std::move(*update);
    }
    case kNotification:
      return decodeNotification(body);
    case kRouteRefresh: {
      RouteRefresh refresh;
      refresh.family.afi = body.u16();
      refresh.subtype = body.u8();
      refresh.family.safi = body.u8();
      return refresh;
    }
    default:
      return Keepalive{};
  }
}

Bytes encode(const Notification& notification) {
  auto out = startMessage(kNotification);
  put8(out, notification.code);
  put8(out, notification.subcode);
  putBytes(out, notification.data);
  return finishMessage(std::move(out));
}

Bytes encode(const Keepalive&) { return finishMessage(startMessage(kKeepalive)); }

Bytes encode(const RouteRefresh& refresh) {
  auto out = startMessage(kRouteRefresh);
  put16(out, refresh.family.afi);
  put8(out, refresh.subtype);
  put8(out, refresh.family.safi);
  return finishMessage(std::move(out));
}

std::string Notification::text() const {
  const auto group = nameOf(code, 0);
  if (group.empty()) return fmt::format("error {}/{}", code, subcode);
  auto text = std::string(group);
  if (subcode != 0) {
    const auto name = nameOf(code, subcode);
    text += name.empty() ? fmt::format("/{}", subcode) : fmt::format("/{}", name);
  }
  if (const auto message = shutdownText(*this); !message.empty()) text += " (" + message + ")";
  return text;
}

}  // namespace hawser::wire
