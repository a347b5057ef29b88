#include "hawser/net/address.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "hawser/base/check.h"
#include "text.h"

namespace hawser::net {
namespace {

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::size_t hashBytes(std::span<const std::uint8_t> bytes, std::size_t seed) {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ seed;  // FNV-1a
  for (const auto byte : bytes) hash = (hash ^ byte) * 0x100000001b3ULL;
  return hash ^ (hash >> 29U);
}

// The address with all bits after `length` cleared.
IpAddress masked(const IpAddress& address, int length) {
  std::array<std::uint8_t, 16> bytes{};
  std::copy(address.bytes().begin(), address.bytes().end(), bytes.begin());
  const auto size = address.bytes().size();
  for (std::size_t i = 0; i < size; ++i) {
    const int kept = std::clamp(length - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00U >> static_cast<unsigned>(kept)));
  }
  return *IpAddress::fromBytes({bytes.data(), size});
}

}  // namespace

Result<MacAddress> MacAddress::parse(std::string_view text) {
  const auto wrong = [&] {
    return invalid(fmt::format("\"{}\" is not a MAC address (aa:bb:cc:dd:ee:ff)", text));
  };
  if (text.size() != 17) return wrong();
  std::array<std::uint8_t, 6> bytes{};
  for (std::size_t i = 0; i < 6; ++i) {
    const int high = hexDigit(text[3 * i]);
    const int low = hexDigit(text[3 * i + 1]);
    if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':')) return wrong();
    bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return MacAddress(bytes);
}

std::string MacAddress::text() const {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes_[0], bytes_[1], bytes_[2],
                     bytes_[3], bytes_[4], bytes_[5]);
}

Result<Ipv4Address> Ipv4Address::parse(std::string_view text) {
  std::uint32_t value = 0;
  auto rest = text;
  for (int i = 0; i < 4; ++i) {
    const auto dot = i < 3 ? rest.find('.') : rest.size();
    const auto part =
        dot == std::string_view::npos ? std::nullopt : parseDecimal(rest.substr(0, dot), 255);
    if (!part) return invalid(fmt::format("\"{}\" is not an IPv4 address", text));
    value = (value << 8U) | static_cast<std::uint32_t>(*part);
    rest.remove_prefix(std::min(dot + 1, rest.size()));
  }
  return Ipv4Address(value);
}

std::string Ipv4Address::text() const {
  const auto b = bytes();
  return fmt::format("{}.{}.{}.{}", b[0], b[1], b[2], b[3]);
}

std::array<std::uint8_t, 4> Ipv4Address::bytes() const {
  return {static_cast<std::uint8_t>(value_ >> 24U), static_cast<std::uint8_t>(value_ >> 16U),
          static_cast<std::uint8_t>(value_ >> 8U), static_cast<std::uint8_t>(value_)};
}

Result<Ipv6Address> Ipv6Address::parse(std::string_view text) {
  std::array<std::uint8_t, 16> bytes{};
  // inet_pton is strict (RFC 4291 forms only) and knows no zone. It ends at a zero byte.
  if (text.size() > INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos ||
      ::inet_pton(AF_INET6, std::string(text).c_str(), bytes.data()) != 1)
    return invalid(fmt::format("\"{}\" is not an IPv6 address", text));
  return Ipv6Address(bytes);
}

// glibc's inet_ntop follows RFC 5952 but for the choice between equal runs, where it takes the
// first, as the RFC asks.
std::string Ipv6Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  ::inet_ntop(AF_INET6, bytes_.data(), buffer.data(), buffer.size());
  return buffer.data();
}

IpAddress::IpAddress(Ipv4Address v4) {
  const auto b = v4.bytes();
  std::copy(b.begin(), b.end(), bytes_.begin());
}
IpAddress::IpAddress(Ipv6Address v6) : v4_(false), bytes_(v6.bytes()) {}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {
    const auto v6 = Ipv6Address::parse(text);
    if (v6) return IpAddress(*v6);
  } else if (const auto v4 = Ipv4Address::parse(text); v4) {
    return IpAddress(*v4);
  }
  return invalid(fmt::format("\"{}\" is not an IP address", text));
}

Result<IpAddress> IpAddress::fromBytes(std::span<const std::uint8_t> networkOrder) {
  IpAddress address;
  if (networkOrder.size() != 4 && networkOrder.size() != 16)
    return invalid(fmt::format("an IP address has 4 or 16 bytes, not {}", networkOrder.size()));
  address.v4_ = networkOrder.size() == 4;
  std::copy(networkOrder.begin(), networkOrder.end(), address.bytes_.begin());
  return address;
}

std::string IpAddress::text() const { return v4_ ? v4().text() : v6().text(); }

Ipv4Address IpAddress::v4() const {
  HAWSER_CHECK(v4_, "v4() of an IPv6 address");
  return Ipv4Address((std::uint32_t{bytes_[0]} << 24U) | (std::uint32_t{bytes_[1]} << 16U) |
                     (std::uint32_t{bytes_[2]} << 8U) | bytes_[3]);
}

Ipv6Address IpAddress::v6() const {
  HAWSER_CHECK(!v4_, "v6() of an IPv4 address");
  return Ipv6Address(bytes_);
}

bool IpAddress::isUnspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t b) { return b == 0; });
}

IpAddress IpAddress::plus(std::uint64_t offset) const {
  auto sum = *this;
  for (auto i = bytes().size(); i-- > 0 && offset != 0;) {
    offset += sum.bytes_[i];
    sum.bytes_[i] = static_cast<std::uint8_t>(offset);
    offset >>= 8U;
  }
  return sum;
}

std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
  if (a.v4_ != b.v4_) return a.v4_ ? std::strong_ordering::less : std::strong_ordering::greater;
  return a.bytes_ <=> b.bytes_;
}

Result<IpPrefix> IpPrefix::make(IpAddress address, int length) {
  if (length < 0 || length > address.bits())
    return invalid(
        fmt::format("{}/{}: the length must be 0 to {}", address.text(), length, address.bits()));
  const auto clear = masked(address, length);
  if (clear != address)
    return invalid(fmt::format("{}/{} has host bits set; did you mean {}/{}?", address.text(),
                               length, clear.text(), length));
  return truncated(address, length);
}

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return invalid(fmt::format("\"{}\" is not a prefix (address/length)", text));
  if (slash == std::string_view::npos) return host(*address);
  const auto length = parseDecimal(text.substr(slash + 1), 128);
  if (!length) return invalid(fmt::format("\"{}\" is not a prefix (address/length)", text));
  return make(*address, static_cast<int>(*length));
}

IpPrefix IpPrefix::host(IpAddress address) { return truncated(address, address.bits()); }

IpPrefix IpPrefix::truncated(IpAddress address, int length) {
  IpPrefix prefix;
  prefix.length_ = std::clamp(length, 0, address.bits());
  prefix.address_ = masked(address, prefix.length_);
  return prefix;
}

std::string IpPrefix::text() const { return fmt::format("{}/{}", address_.text(), length_); }

bool IpPrefix::contains(const IpAddress& address) const {
  return address.isV4() == address_.isV4() && masked(address, length_) == address_;
}
bool IpPrefix::contains(const IpPrefix& other) const {
  return other.length_ >= length_ && contains(other.address_);
}
bool IpPrefix::overlaps(const IpPrefix& other) const {
  return contains(other) || other.contains(*this);
}

std::strong_ordering operator<=>(const IpPrefix& a, const IpPrefix& b) {
  if (const auto order = a.address_ <=> b.address_; order != 0) return order;
  return a.length_ <=> b.length_;
}

std::size_t AddressHash::operator()(const IpAddress& a) const noexcept {
  return hashBytes(a.bytes(), a.isV4() ? 4 : 6);
}
std::size_t AddressHash::operator()(const IpPrefix& p) const noexcept {
  return hashBytes(p.address().bytes(), static_cast<std::size_t>(p.length()) * 131U);
}

}  // namespace hawser::net
