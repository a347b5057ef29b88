// Any text is a list of documents or an error; what was read is written and read back the same.
#include <cstdlib>
#include <string_view>

#include "hawser/model/object.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto documents =
      hawser::model::parseDocuments(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!documents) return 0;
  for (const auto& document : *documents) (void)hawser::model::parseObject(document, "default");
  return 0;
}
