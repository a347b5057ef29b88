// The parts of the codec that its files share.
#pragma once

#include "cursor.h"

namespace hawser::wire {

[[nodiscard]] Bytes startMessage(std::uint8_t type);  // header with a length to be set
[[nodiscard]] Bytes finishMessage(Bytes message);     // sets it
[[nodiscard]] std::expected<Open, DecodeError> decodeOpen(Cursor body);
[[nodiscard]] std::expected<DecodedUpdate, DecodeError> decodeUpdate(Cursor body,
                                                                     const SessionContext& context);

}  // namespace hawser::wire
