// BGP-4 messages as values (RFC 4271, 4760, 4364, 4684, 5492, 6793, 7606, 8654). No sockets, clocks
// or text here.
//
// Decoding is total: any bytes give either a message or a DecodeError that says what RFC 7606 asks
// for. Encoding a message and decoding it with the same context gives an equal message.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hawser/net/address.h"
#include "hawser/net/vpn.h"

namespace hawser::wire {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline constexpr std::size_t kHeaderSize = 19;
inline constexpr std::size_t kMaxMessage = 4096;
inline constexpr std::size_t kMaxExtendedMessage = 65535;  // RFC 8654

// AFI and SAFI, IANA numbers.
struct Family {
  std::uint16_t afi = 0;
  std::uint8_t safi = 0;
  friend auto operator<=>(const Family&, const Family&) = default;
};
inline constexpr Family kIpv4Unicast{1, 1};
inline constexpr Family kIpv6Unicast{2, 1};
inline constexpr Family kVpnv4{1, 128};
inline constexpr Family kVpnv6{2, 128};
inline constexpr Family kEvpn{25, 70};
inline constexpr Family kRtConstraint{1, 132};
[[nodiscard]] std::string familyName(Family family);  // "vpnv4", "rtc", … or "afi/safi"
// The way back, of the names only; nullopt: none of them.
[[nodiscard]] std::optional<Family> parseFamily(std::string_view name);

// ---- capabilities (RFC 5492) ----
struct GracefulRestartFamily {
  Family family;
  bool forwardingPreserved = false;  // F bit
  friend bool operator==(const GracefulRestartFamily&, const GracefulRestartFamily&) = default;
};
struct GracefulRestart {  // RFC 4724, N bit of RFC 8538
  bool restarting = false;
  bool notification = false;
  std::uint16_t restartTime = 0;  // seconds, 12 bits
  std::vector<GracefulRestartFamily> families;
  friend bool operator==(const GracefulRestart&, const GracefulRestart&) = default;
};
struct RawCapability {
  std::uint8_t code = 0;
  Bytes value;
  friend bool operator==(const RawCapability&, const RawCapability&) = default;
};
struct Capabilities {
  std::vector<Family> families;                    // code 1
  std::optional<net::Asn> as4;                     // code 65
  bool routeRefresh = false;                       // code 2
  bool extendedMessage = false;                    // code 6
  std::optional<GracefulRestart> gracefulRestart;  // code 64
  std::vector<RawCapability> other;                // kept as they came
  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

struct Open {
  net::Asn asn;  // the real one: from the AS4 capability when present, else two bytes
  std::uint16_t holdTime = 90;  // seconds; 1 and 2 are refused by decode
  net::RouterId routerId;
  Capabilities capabilities;
  friend bool operator==(const Open&, const Open&) = default;
};

// ---- path attributes ----
enum class Origin : std::uint8_t { kIgp = 0, kEgp = 1, kIncomplete = 2 };

struct AsPathSegment {
  enum class Type : std::uint8_t { kSet = 1, kSequence = 2, kConfedSequence = 3, kConfedSet = 4 };
  Type type = Type::kSequence;
  std::vector<net::Asn> asns;
  friend auto operator<=>(const AsPathSegment&, const AsPathSegment&) = default;
};
using AsPath = std::vector<AsPathSegment>;

// An attribute that this engine does not interpret; transitive ones travel on with the partial bit.
struct RawAttribute {
  std::uint8_t flags = 0;
  std::uint8_t type = 0;
  Bytes value;
  friend auto operator<=>(const RawAttribute&, const RawAttribute&) = default;
};

// Everything that routes of one UPDATE share, without NLRI. The next hop is that of the
// MP_REACH_NLRI (for VPN families without its zero RD) or of the NEXT_HOP attribute.
struct PathAttributes {
  Origin origin = Origin::kIgp;
  AsPath asPath;
  net::IpAddress nextHop;
  std::optional<std::uint32_t> med;
  std::optional<std::uint32_t> localPref;
  bool atomicAggregate = false;
  std::vector<std::uint32_t> communities;                   // RFC 1997
  std::vector<net::ExtendedCommunity> extendedCommunities;  // in the order received
  std::optional<net::RouterId> originatorId;                // RFC 4456
  std::vector<net::Ipv4Address> clusterList;
  std::vector<RawAttribute> other;
  friend bool operator==(const PathAttributes&, const PathAttributes&) = default;
};

// ---- NLRI ----
struct VpnNlri {  // SAFI 128, RFC 4364 / 4659. The label is outside a route's key; in withdrawals
                  // it is ignored.
  net::Label label;
  net::RouteDistinguisher rd;
  net::IpPrefix prefix;
  friend auto operator<=>(const VpnNlri&, const VpnNlri&) = default;
};
struct RtMembership {                    // SAFI 132, RFC 4684. Lengths 0 (default) and 32..96 bits.
  std::uint8_t length = 96;              // bits
  net::Asn origin;                       // as far as the length reaches
  std::array<std::uint8_t, 8> target{};  // bits beyond the length are zero
  [[nodiscard]] static RtMembership of(net::Asn origin, const net::RouteTarget& target);
  [[nodiscard]] static RtMembership defaultRoute() {
    return {.length = 0, .origin = {}, .target = {}};
  }
  [[nodiscard]] bool matches(const net::RouteTarget& target) const;
  friend auto operator<=>(const RtMembership&, const RtMembership&) = default;
};
struct UnicastNlri {
  net::IpPrefix prefix;
  friend auto operator<=>(const UnicastNlri&, const UnicastNlri&) = default;
};
using Nlri = std::variant<UnicastNlri, VpnNlri, RtMembership>;

// One UPDATE. All `announced` are of `family` and share `attributes`; an UPDATE with neither
// announced nor withdrawn is the end-of-RIB marker of `family` (RFC 4724). A received UPDATE that
// carries two families (IPv4 unicast beside MP_REACH) decodes to two values.
struct Update {
  Family family = kIpv4Unicast;
  std::vector<Nlri> announced;
  std::vector<Nlri> withdrawn;
  std::shared_ptr<const PathAttributes> attributes;  // null when nothing is announced
  [[nodiscard]] bool endOfRib() const { return announced.empty() && withdrawn.empty(); }
};

struct Notification {
  std::uint8_t code = 0;
  std::uint8_t subcode = 0;
  Bytes data;
  [[nodiscard]] std::string text() const;  // "Cease/Administrative Shutdown (…)": RFC names
  friend bool operator==(const Notification&, const Notification&) = default;
};
struct Keepalive {
  friend bool operator==(const Keepalive&, const Keepalive&) = default;
};
struct RouteRefresh {  // RFC 2918
  Family family;
  std::uint8_t subtype = 0;
  friend bool operator==(const RouteRefresh&, const RouteRefresh&) = default;
};

// What RFC 7606 made of an attribute that was wrong; the update it came in goes on as it says.
struct AttributeProblem {
  enum class Action : std::uint8_t { kDiscard, kTreatAsWithdraw };
  Action action = Action::kDiscard;
  std::uint8_t attribute = 0;  // type code
  std::size_t offset = 0;      // byte in the message
  std::string reason;
};
struct DecodedUpdate {
  std::vector<Update>
      updates;  // with kTreatAsWithdraw applied: the announced have become withdrawn
  std::vector<AttributeProblem> problems;
};

using Message = std::variant<Open, DecodedUpdate, Notification, Keepalive, RouteRefresh>;

// The session must end with this NOTIFICATION (session reset); `offset` is the byte in the message.
struct DecodeError {
  Notification notification;
  std::size_t offset = 0;
  std::string reason;
};

// What the two sides agreed on; the meaning of some bytes depends on it.
struct SessionContext {
  bool fourByteAs = true;
  bool external =
      false;  // eBGP: LOCAL_PREF and reflection attributes are discarded (RFC 7606, 7.5 ff.)
  std::size_t maxMessage = kMaxMessage;
  net::Asn localAs;  // only for checks that need it
};

// Length of the message that starts at `bytes`: nullopt when the 19 header bytes are not all there;
// an error for a bad marker, length or type.
[[nodiscard]] std::expected<std::optional<std::size_t>, DecodeError> messageLength(
    ByteView bytes, std::size_t maxMessage);
// `message` is exactly one whole message, header included.
[[nodiscard]] std::expected<Message, DecodeError> decode(ByteView message,
                                                         const SessionContext& context);

[[nodiscard]] Bytes encode(const Open& open);
[[nodiscard]] Bytes encode(const Notification& notification);
[[nodiscard]] Bytes encode(const Keepalive& keepalive);
[[nodiscard]] Bytes encode(const RouteRefresh& refresh);
// Packs as many NLRI a message as fit; several messages when they do not all fit. Never a message
// beyond maxMessage. An empty update gives one end-of-RIB message. Attributes that alone exceed the
// maximum give no message for the announced part (they are withdrawn instead), and `tooLarge` is
// set.
struct EncodedUpdate {
  std::vector<Bytes> messages;
  bool tooLarge = false;
};
[[nodiscard]] EncodedUpdate encode(const Update& update, const SessionContext& context);

}  // namespace hawser::wire
