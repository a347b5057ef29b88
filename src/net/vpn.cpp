#include "hawser/net/vpn.h"

#include <fmt/core.h>

#include <algorithm>

#include "hawser/base/check.h"
#include "hawser/net/anycast.h"
#include "text.h"

namespace hawser::net {
namespace {

constexpr std::uint64_t kMax16 = 0xffff;
constexpr std::uint64_t kMax32 = 0xffffffff;

constexpr std::uint8_t kSubtypeRouteTarget = 0x02;
constexpr std::uint8_t kTypeOpaque = 0x03, kSubtypeEncapsulation = 0x0c;
constexpr std::uint8_t kTypeExperimental = 0x80, kSubtypeIdentity = 0x71;

std::uint32_t read32(const std::uint8_t* at) {
  return (std::uint32_t{at[0]} << 24U) | (std::uint32_t{at[1]} << 16U) |
         (std::uint32_t{at[2]} << 8U) | at[3];
}
std::uint16_t read16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>((at[0] << 8) | at[1]);
}
void write32(std::uint8_t* at, std::uint64_t value) {
  for (unsigned i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (24U - 8U * i));
}
void write16(std::uint8_t* at, std::uint64_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8U);
  at[1] = static_cast<std::uint8_t>(value);
}

// The three forms that route distinguishers and route targets share: six bytes of administrator and
// number.
enum class Form : std::uint8_t { kAs2 = 0, kAddress = 1, kAs4 = 2 };
struct Parts {
  Form form = Form::kAs2;
  std::uint32_t administrator = 0;
  std::uint32_t number = 0;
};

Parts readParts(Form form, const std::uint8_t* six) {
  if (form == Form::kAs2) return {form, read16(six), read32(six + 2)};
  return {form, read32(six), read16(six + 4)};
}

void writeParts(const Parts& parts, std::uint8_t* six) {
  if (parts.form == Form::kAs2) {
    write16(six, parts.administrator);
    write32(six + 2, parts.number);
  } else {
    write32(six, parts.administrator);
    write16(six + 4, parts.number);
  }
}

std::string partsText(const Parts& parts, bool forceAs4) {
  switch (parts.form) {
    case Form::kAs2:
      return fmt::format("{}:{}", parts.administrator, parts.number);
    case Form::kAddress:
      return fmt::format("{}:{}", Ipv4Address(parts.administrator).text(), parts.number);
    case Form::kAs4:
      return fmt::format("{}{}:{}", parts.administrator,
                         forceAs4 && parts.administrator <= kMax16 ? "L" : "", parts.number);
  }
  return {};
}

Result<Parts> parseParts(std::string_view text, std::string_view what) {
  const auto wrong = [&](std::string_view why) {
    return invalid(fmt::format("\"{}\" is not a {}: {}", text, what, why));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong("it has the form AS:NUMBER or ADDRESS:NUMBER");
  auto left = text.substr(0, colon);
  const auto right = text.substr(colon + 1);
  Parts parts;
  if (left.find('.') != std::string_view::npos) {
    const auto address = Ipv4Address::parse(left);
    if (!address) return wrong(address.error().message);
    parts = {Form::kAddress, address->value(), 0};
  } else {
    const bool force = !left.empty() && left.back() == 'L';
    if (force) left.remove_suffix(1);
    const auto asn = parseDecimal(left, kMax32);
    if (!asn) return wrong(fmt::format("\"{}\" is not an AS number", left));
    parts = {force || *asn > kMax16 ? Form::kAs4 : Form::kAs2, static_cast<std::uint32_t>(*asn), 0};
  }
  const auto limit = parts.form == Form::kAs2 ? kMax32 : kMax16;
  const auto number = parseDecimal(right, limit);
  if (!number) return wrong(fmt::format("the number after the colon must be 0 to {}", limit));
  parts.number = static_cast<std::uint32_t>(*number);
  return parts;
}

std::string hex(const std::array<std::uint8_t, 8>& bytes) {
  std::string text;
  for (const auto byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace

Result<Asn> parseAsn(std::string_view text) {
  const auto value = parseDecimal(text, kMax32);
  if (!value || *value == 0)
    return invalid(fmt::format("\"{}\" is not an AS number (1 to 4294967295)", text));
  return Asn(static_cast<std::uint32_t>(*value));
}

Result<Label> Label::make(std::uint32_t value) {
  if (value > 0xfffff) return invalid(fmt::format("{} is not an MPLS label (0 to 1048575)", value));
  return Label(value);
}

RouteDistinguisher RouteDistinguisher::ofAddress(Ipv4Address address, std::uint16_t number) {
  std::array<std::uint8_t, 8> bytes{};
  write16(bytes.data(), static_cast<std::uint16_t>(Form::kAddress));
  writeParts({Form::kAddress, address.value(), number}, bytes.data() + 2);
  return RouteDistinguisher(bytes);
}

Result<RouteDistinguisher> RouteDistinguisher::parse(std::string_view text) {
  const auto parts = parseParts(text, "route distinguisher");
  if (!parts) return std::unexpected(parts.error());
  std::array<std::uint8_t, 8> bytes{};
  write16(bytes.data(), static_cast<std::uint16_t>(parts->form));
  writeParts(*parts, bytes.data() + 2);
  return RouteDistinguisher(bytes);
}

std::uint16_t RouteDistinguisher::type() const { return read16(bytes_.data()); }

std::string RouteDistinguisher::text() const {
  if (type() > 2) return hex(bytes_);
  return partsText(readParts(static_cast<Form>(type()), bytes_.data() + 2), true);
}

std::string ExtendedCommunity::text() const {
  if (const auto target = RouteTarget::from(*this)) return "target:" + target->text();
  if (const auto encapsulation = encapsulationOf(*this))
    return fmt::format("encapsulation:{}", encapsulationName(*encapsulation));
  if (const auto identity = identityOf(*this)) return "identity:" + identity->text();
  if (isAnycast(*this)) return "anycast";
  return hex(bytes_);
}

Result<RouteTarget> RouteTarget::make(Asn asn, std::uint32_t number) {
  const Parts parts{asn.value() > kMax16 ? Form::kAs4 : Form::kAs2, asn.value(), number};
  if (asn.value() == 0) return invalid("0 is not an AS number");
  if (parts.form == Form::kAs4 && number > kMax16)
    return invalid(fmt::format("{}:{}: with a four-byte AS the number must be 0 to 65535",
                               asn.value(), number));
  RouteTarget target;
  target.bytes_[0] = static_cast<std::uint8_t>(parts.form);
  writeParts(parts, target.bytes_.data() + 2);
  return target;
}

Result<RouteTarget> RouteTarget::parse(std::string_view text) {
  if (text.starts_with("target:")) text.remove_prefix(7);
  const auto parts = parseParts(text, "route target");
  if (!parts) return std::unexpected(parts.error());
  if (parts->administrator == 0)
    return invalid(fmt::format("\"{}\" is not a route target: 0 is not an AS number", text));
  RouteTarget target;
  target.bytes_[0] = static_cast<std::uint8_t>(parts->form);
  writeParts(*parts, target.bytes_.data() + 2);
  return target;
}

std::optional<RouteTarget> RouteTarget::from(const ExtendedCommunity& community) {
  if (community.subtype() != kSubtypeRouteTarget || community.type() > 2) return std::nullopt;
  RouteTarget target;
  target.bytes_ = community.bytes();
  return target;
}

std::string RouteTarget::text() const {
  return partsText(readParts(static_cast<Form>(bytes_[0]), bytes_.data() + 2), true);
}

std::optional<Asn> RouteTarget::asn() const {
  const auto parts = readParts(static_cast<Form>(bytes_[0]), bytes_.data() + 2);
  if (parts.form == Form::kAddress) return std::nullopt;
  return Asn(parts.administrator);
}

std::uint32_t RouteTarget::number() const {
  return readParts(static_cast<Form>(bytes_[0]), bytes_.data() + 2).number;
}

ExtendedCommunity encapsulationCommunity(Encapsulation encapsulation) {
  std::array<std::uint8_t, 8> bytes{kTypeOpaque, kSubtypeEncapsulation};
  write16(bytes.data() + 6, static_cast<std::uint16_t>(encapsulation));
  return ExtendedCommunity(bytes);
}

std::optional<Encapsulation> encapsulationOf(const ExtendedCommunity& community) {
  if (community.type() != kTypeOpaque || community.subtype() != kSubtypeEncapsulation)
    return std::nullopt;
  switch (read16(community.bytes().data() + 6)) {
    case 2:
      return Encapsulation::kGre;
    case 8:
      return Encapsulation::kVxlan;
    case 13:
      return Encapsulation::kMplsInUdp;
    default:
      return std::nullopt;
  }
}

std::string_view encapsulationName(Encapsulation encapsulation) {
  switch (encapsulation) {
    case Encapsulation::kGre:
      return "MPLSoGRE";
    case Encapsulation::kVxlan:
      return "VXLAN";
    case Encapsulation::kMplsInUdp:
      return "MPLSoUDP";
  }
  return "?";
}

std::string Identity::text() const { return fmt::format("{}:{}", asn, number); }

ExtendedCommunity identityCommunity(Identity identity) {
  std::array<std::uint8_t, 8> bytes{kTypeExperimental, kSubtypeIdentity};
  write16(bytes.data() + 2, identity.asn);
  write32(bytes.data() + 4, identity.number);
  return ExtendedCommunity(bytes);
}

std::optional<Identity> identityOf(const ExtendedCommunity& community) {
  if (community.type() != kTypeExperimental || community.subtype() != kSubtypeIdentity)
    return std::nullopt;
  return Identity{read16(community.bytes().data() + 2), read32(community.bytes().data() + 4)};
}

}  // namespace hawser::net
