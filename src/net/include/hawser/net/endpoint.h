// Where somebody listens: an address and a port of TCP or UDP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hawser/net/address.h"

namespace hawser::net {

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;  // 0: any, for who is about to listen

  // "10.1.0.10:8443", "[2001:db8::1]:8443" (RFC 3986, 3.2.2). With `otherwise`, the port may be
  // left out, and then the brackets too.
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text,
                                              std::optional<std::uint16_t> otherwise = {});
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace hawser::net
