// Any bytes decode to a message or to an error; what decodes, encodes to something that decodes to
// the same.
#include <cstdlib>

#include "hawser/wire/message.h"

using namespace hawser::wire;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void checkUpdate(const Update& update, const SessionContext& context) {
  const auto encoded = encode(update, context);
  if (encoded.tooLarge) return;
  std::size_t announced = 0, withdrawn = 0;
  for (const auto& bytes : encoded.messages) {
    const auto again = decode(bytes, context);
    require(again.has_value());
    for (const auto& part : std::get<DecodedUpdate>(*again).updates) {
      announced += part.announced.size();
      withdrawn += part.withdrawn.size();
      // An external session drops what may not cross it, so the attributes are compared on internal
      // ones.
      if (part.attributes && !context.external && context.fourByteAs)
        require(*part.attributes == *update.attributes);
    }
  }
  require(announced == update.announced.size());
  require(withdrawn == update.withdrawn.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  SessionContext context;
  context.external = (data[0] & 1U) != 0;
  context.fourByteAs = (data[0] & 2U) != 0;
  context.maxMessage = (data[0] & 4U) != 0 ? kMaxExtendedMessage : kMaxMessage;
  // Header made valid, so that the interesting part is reached at once; without bit 8 the input is
  // the whole message.
  Bytes message(data + 1, data + size);
  if ((data[0] & 8U) != 0) {
    Bytes framed(16, 0xff);
    const auto length = message.size() - 1 + kHeaderSize;
    framed.push_back(static_cast<std::uint8_t>(length >> 8U));
    framed.push_back(static_cast<std::uint8_t>(length));
    framed.insert(framed.end(), message.begin(), message.end());
    message = std::move(framed);
  }
  const auto decoded = decode(message, context);
  if (!decoded) {
    require(decoded.error().offset <= message.size());
    return 0;
  }
  if (const auto* update = std::get_if<DecodedUpdate>(&*decoded)) {
    for (const auto& part : update->updates) checkUpdate(part, context);
  } else if (const auto* open = std::get_if<Open>(&*decoded)) {
    const auto again = decode(encode(*open), context);
    require(again.has_value());
  }
  return 0;
}
