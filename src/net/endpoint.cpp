#include "hawser/net/endpoint.h"

#include <fmt/core.h>

#include "text.h"

namespace hawser::net {

Result<Endpoint> Endpoint::parse(std::string_view text, std::optional<std::uint16_t> otherwise) {
  const bool bracketed = text.starts_with('[');
  auto host = text;
  std::optional<std::string_view> port;
  if (bracketed) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return invalid(fmt::format("\"{}\" lacks a ]", text));
    host = text.substr(1, end - 1);
    if (const auto rest = text.substr(end + 1); rest.starts_with(':'))
      port = rest.substr(1);
    else if (!rest.empty())
      return invalid(fmt::format("\"{}\" is not [ADDRESS]:PORT", text));
  } else if (const auto colon = text.find(':');
             colon != std::string_view::npos && colon == text.rfind(':')) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  const auto address = IpAddress::parse(host);
  if (!address) return std::unexpected(address.error());
  if (bracketed && !address->isV6())
    return invalid(fmt::format("\"{}\": brackets are for IPv6", text));
  if (!port) {
    if (!otherwise) return invalid(fmt::format("\"{}\" has no port", text));
    return Endpoint{*address, *otherwise};
  }
  const auto number = parseDecimal(*port, 65535);
  if (!number) return invalid(fmt::format("\"{}\": \"{}\" is not a port", text, *port));
  return Endpoint{*address, static_cast<std::uint16_t>(*number)};
}

std::string Endpoint::text() const {
  return address.isV4() ? fmt::format("{}:{}", address.text(), port)
                        : fmt::format("[{}]:{}", address.text(), port);
}

}  // namespace hawser::net
