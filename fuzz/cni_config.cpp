// The CNI plugin's configuration and environment: any bytes give a configuration or a failure.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hawser::cni;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto config = parseConfig(text, static_cast<Command>(data[0] % 6));
  if (config && config->cniVersion.empty()) __builtin_trap();
  if (answerVersion(text).empty()) __builtin_trap();
  (void)parseEnvironment([&](const char* name) {
    if (std::string_view(name) == "CNI_COMMAND") return std::string("ADD");
    return std::string(text);
  });
  return 0;
}
