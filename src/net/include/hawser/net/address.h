// MAC and IP addresses and prefixes. Value types; parse() is strict (no leading zeros, no trailing
// text) and names what is wrong. Bytes are kept in network order.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "hawser/base/result.h"

namespace hawser::net {

class MacAddress {
 public:
  constexpr MacAddress() = default;
  constexpr explicit MacAddress(std::array<std::uint8_t, 6> bytes) : bytes_(bytes) {}
  [[nodiscard]] static Result<MacAddress> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] const std::array<std::uint8_t, 6>& bytes() const { return bytes_; }
  friend auto operator<=>(const MacAddress&, const MacAddress&) = default;

 private:
  std::array<std::uint8_t, 6> bytes_{};
};

class Ipv4Address {
 public:
  constexpr Ipv4Address() = default;
  constexpr explicit Ipv4Address(std::uint32_t hostOrder) : value_(hostOrder) {}
  [[nodiscard]] static Result<Ipv4Address> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] constexpr std::uint32_t value() const { return value_; }  // host order
  [[nodiscard]] std::array<std::uint8_t, 4> bytes() const;                // network order
  friend auto operator<=>(const Ipv4Address&, const Ipv4Address&) = default;

 private:
  std::uint32_t value_ = 0;
};

class Ipv6Address {
 public:
  constexpr Ipv6Address() = default;
  constexpr explicit Ipv6Address(std::array<std::uint8_t, 16> bytes) : bytes_(bytes) {}
  [[nodiscard]] static Result<Ipv6Address> parse(std::string_view text);
  [[nodiscard]] std::string text() const;  // RFC 5952
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  friend auto operator<=>(const Ipv6Address&, const Ipv6Address&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

// Either family. Ordered: all IPv4 before all IPv6.
class IpAddress {
 public:
  IpAddress() = default;      // 0.0.0.0
  IpAddress(Ipv4Address v4);  // NOLINT(google-explicit-constructor): a v4 address is an IP address
  IpAddress(Ipv6Address v6);  // NOLINT(google-explicit-constructor)
  [[nodiscard]] static Result<IpAddress> parse(std::string_view text);
  [[nodiscard]] static Result<IpAddress> fromBytes(
      std::span<const std::uint8_t> networkOrder);  // 4 or 16
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool isV4() const { return v4_; }
  [[nodiscard]] bool isV6() const { return !v4_; }
  [[nodiscard]] Ipv4Address v4() const;  // requires isV4()
  [[nodiscard]] Ipv6Address v6() const;  // requires isV6()
  [[nodiscard]] std::span<const std::uint8_t> bytes() const {
    return {bytes_.data(), v4_ ? 4U : 16U};
  }
  [[nodiscard]] int bits() const { return v4_ ? 32 : 128; }
  [[nodiscard]] bool isUnspecified() const;
  // The address `offset` after this one, in the same family (wraps).
  [[nodiscard]] IpAddress plus(std::uint64_t offset) const;
  friend std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b);
  friend bool operator==(const IpAddress& a, const IpAddress& b) = default;

 private:
  bool v4_ = true;
  std::array<std::uint8_t, 16> bytes_{};
};

// Address and length with no host bits set.
class IpPrefix {
 public:
  IpPrefix() = default;  // 0.0.0.0/0
  // Refuses host bits and lengths beyond the family. parse() takes "a/len"; a bare address is a
  // host prefix.
  [[nodiscard]] static Result<IpPrefix> make(IpAddress address, int length);
  [[nodiscard]] static Result<IpPrefix> parse(std::string_view text);
  [[nodiscard]] static IpPrefix host(IpAddress address);  // /32 or /128
  [[nodiscard]] static IpPrefix truncated(IpAddress address,
                                          int length);  // clears host bits; length is clamped
  [[nodiscard]] std::string text() const;
  [[nodiscard]] const IpAddress& address() const { return address_; }
  [[nodiscard]] int length() const { return length_; }
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] bool contains(const IpPrefix& other) const;  // other is equal or more specific
  [[nodiscard]] bool overlaps(const IpPrefix& other) const;
  [[nodiscard]] bool isHost() const { return length_ == address_.bits(); }
  friend std::strong_ordering operator<=>(const IpPrefix& a, const IpPrefix& b);
  friend bool operator==(const IpPrefix& a, const IpPrefix& b) = default;

 private:
  IpAddress address_;
  int length_ = 0;
};

struct AddressHash {
  std::size_t operator()(const IpAddress& a) const noexcept;
  std::size_t operator()(const IpPrefix& p) const noexcept;
};

}  // namespace hawser::net
