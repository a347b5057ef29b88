// Any JSON is an object or an error with a message; what is accepted is accepted again with the
// same meaning.
#include <cstdlib>
#include <string_view>

#include "hawser/model/object.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json =
      hawser::model::parseJson(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!json) return 0;
  const auto object = hawser::model::parseObject(*json, "default");
  if (!object) {
    if (object.error().message.empty()) std::abort();
    return 0;
  }
  const auto again = hawser::model::parseObject(hawser::model::toJson(*object));
  if (!again || again->spec != object->spec) std::abort();
  return 0;
}
