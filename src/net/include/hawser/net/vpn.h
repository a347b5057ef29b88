// The numbers of BGP VPNs: AS, label (RFC 3032), route distinguisher (RFC 4364, 4.2), route target
// and other extended communities (RFC 4360, 5668, 9012).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hawser/base/result.h"
#include "hawser/base/strong.h"
#include "hawser/net/address.h"

namespace hawser::net {

using Asn = Strong<struct AsnTag, std::uint32_t>;
using RouterId = Ipv4Address;

[[nodiscard]] Result<Asn> parseAsn(std::string_view text);  // asplain, 1..4294967295

// A 20-bit MPLS label. 0..15 are reserved (RFC 7274): kImplicitNull is 3.
class Label {
 public:
  constexpr Label() = default;
  [[nodiscard]] static Result<Label> make(std::uint32_t value);  // refuses > 0xfffff
  [[nodiscard]] constexpr std::uint32_t value() const { return value_; }
  friend auto operator<=>(const Label&, const Label&) = default;

 private:
  constexpr explicit Label(std::uint32_t value) : value_(value) {}
  std::uint32_t value_ = 0;
};

// Eight bytes, RFC 4364 section 4.2. Text: "64512:7" (type 0), "10.1.0.1:7" (type 1),
// "4200000000:7" (type 2; also "64512L:7" to force it). An unknown type is kept and printed as 16
// hex digits.
class RouteDistinguisher {
 public:
  constexpr RouteDistinguisher() = default;
  constexpr explicit RouteDistinguisher(std::array<std::uint8_t, 8> bytes) : bytes_(bytes) {}
  [[nodiscard]] static RouteDistinguisher ofAddress(Ipv4Address address,
                                                    std::uint16_t number);  // type 1
  [[nodiscard]] static Result<RouteDistinguisher> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::uint16_t type() const;
  [[nodiscard]] const std::array<std::uint8_t, 8>& bytes() const { return bytes_; }
  friend auto operator<=>(const RouteDistinguisher&, const RouteDistinguisher&) = default;

 private:
  std::array<std::uint8_t, 8> bytes_{};
};

// Any eight-byte extended community.
class ExtendedCommunity {
 public:
  constexpr ExtendedCommunity() = default;
  constexpr explicit ExtendedCommunity(std::array<std::uint8_t, 8> bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint8_t type() const { return bytes_[0]; }
  [[nodiscard]] std::uint8_t subtype() const { return bytes_[1]; }
  [[nodiscard]] bool transitive() const { return (bytes_[0] & 0x40U) == 0; }
  [[nodiscard]] const std::array<std::uint8_t, 8>& bytes() const { return bytes_; }
  // "target:64512:100", "encapsulation:MPLSoUDP", "identity:64512:7", or hex for what is not known.
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const ExtendedCommunity&, const ExtendedCommunity&) = default;

 private:
  std::array<std::uint8_t, 8> bytes_{};
};

// A route target: an extended community with sub-type 0x02 and type 0x00, 0x01 or 0x02.
class RouteTarget {
 public:
  constexpr RouteTarget() = default;
  // Type 0 when the AS fits two bytes (then number may have 32 bits), type 2 otherwise (number <=
  // 65535).
  [[nodiscard]] static Result<RouteTarget> make(Asn asn, std::uint32_t number);
  // "64512:100", "10.0.0.1:7", "4200000000:7", with or without "target:".
  [[nodiscard]] static Result<RouteTarget> parse(std::string_view text);
  [[nodiscard]] static std::optional<RouteTarget> from(const ExtendedCommunity& community);
  [[nodiscard]] std::string text() const;        // without "target:"
  [[nodiscard]] std::optional<Asn> asn() const;  // none for type 1
  [[nodiscard]] std::uint32_t number() const;
  [[nodiscard]] ExtendedCommunity community() const { return ExtendedCommunity(bytes_); }
  [[nodiscard]] const std::array<std::uint8_t, 8>& bytes() const { return bytes_; }
  friend auto operator<=>(const RouteTarget&, const RouteTarget&) = default;

 private:
  std::array<std::uint8_t, 8> bytes_{0, 2};
};

// Tunnel encapsulations by the community 0x030c (RFC 9012, 4.1).
enum class Encapsulation : std::uint16_t { kGre = 2, kVxlan = 8, kMplsInUdp = 13 };
[[nodiscard]] ExtendedCommunity encapsulationCommunity(Encapsulation encapsulation);
[[nodiscard]] std::optional<Encapsulation> encapsulationOf(const ExtendedCommunity& community);
[[nodiscard]] std::string_view encapsulationName(
    Encapsulation encapsulation);  // "MPLSoGRE", "VXLAN", "MPLSoUDP"

// The identity of the workload behind a route: (AS of the site that numbered it, number). Carried
// as an extended community of type 0x80, sub-type 0x71 (where OpenContrail carried the origin
// network): AS in two bytes, number in four. Number 0 is "unknown": nobody's workload. Rules list
// the numbers that they deny, so 0 passes them all, and the datapath takes a route without one for
// a router's: no port goes to a host before it has a number. A site whose AS does not fit uses
// AS 0 inside; that never crosses a border (docs/modules/net.md).
struct Identity {
  std::uint16_t asn = 0;
  std::uint32_t number = 0;
  [[nodiscard]] std::uint64_t key() const {
    return (std::uint64_t{asn} << 32U) | number;
  }  // as the datapath holds it
  [[nodiscard]] std::string text() const;  // "64512:7"
  friend auto operator<=>(const Identity&, const Identity&) = default;
};
[[nodiscard]] ExtendedCommunity identityCommunity(Identity identity);
[[nodiscard]] std::optional<Identity> identityOf(const ExtendedCommunity& community);

}  // namespace hawser::net
