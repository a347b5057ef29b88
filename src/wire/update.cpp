// UPDATE messages (RFC 4271, 4.3; RFC 4760): from bytes with the rules of RFC 7606, and to packed
// messages.
#include <fmt/core.h>

#include <algorithm>

#include "attributes.h"
#include "codes.h"
#include "message_parts.h"
#include "nlri.h"

namespace hawser::wire {
namespace {

DecodeError malformed(std::uint8_t subcode, std::size_t offset, std::string why) {
  return {{kUpdateError, subcode, {}}, offset, std::move(why)};
}

// Gathers what belongs to one family into one Update.
class Assembly {
 public:
  explicit Assembly(const AttributeBlock& block) : block_(block) {}

  void announce(Family family, std::vector<Nlri> nlri, const net::IpAddress& nextHop) {
    auto& update = of(family);
    if (block_.withdraw) {
      update.withdrawn.insert(update.withdrawn.end(), nlri.begin(), nlri.end());
      return;
    }
    auto attributes = std::make_shared<PathAttributes>(block_.attributes);
    attributes->nextHop = nextHop;
    update.announced = std::move(nlri);
    update.attributes = std::move(attributes);
  }
  void withdraw(Family family, const std::vector<Nlri>& nlri) {
    auto& update = of(family);
    update.withdrawn.insert(update.withdrawn.end(), nlri.begin(), nlri.end());
  }
  void endOfRib(Family family) { of(family); }
  std::vector<Update> finish() { return std::move(updates_); }

 private:
  Update& of(Family family) {
    const auto found = std::find_if(updates_.begin(), updates_.end(),
                                    [&](const Update& u) { return u.family == family; });
    if (found != updates_.end()) return *found;
    updates_.push_back({.family = family, .announced = {}, .withdrawn = {}, .attributes = nullptr});
    return updates_.back();
  }
  const AttributeBlock& block_;
  std::vector<Update> updates_;
};

// RFC 7606, 3 d: announced routes need these.
void checkMandatory(AttributeBlock& block, bool classicNlri, std::size_t offset) {
  if (!block.reach && !classicNlri) return;
  if (!block.hasOrigin) block.treatAsWithdraw(kOrigin, offset, "ORIGIN is missing");
  if (!block.hasAsPath) block.treatAsWithdraw(kAsPath, offset, "AS_PATH is missing");
  if (classicNlri && !block.hasNextHop)
    block.treatAsWithdraw(kNextHop, offset, "NEXT_HOP is missing");
}

// RFC 7606, 5.2: attributes without routes to announce, and one of them so wrong that the routes
// would be withdrawn: then the routes themselves may be what could not be read, and nothing but the
// end of the session is safe.
std::optional<DecodeError> checkLostNlri(const AttributeBlock& block, bool classicNlri,
                                         std::size_t offset) {
  const bool mpNlri = block.reach ? !block.reach->nlri.empty() : block.reachSeen;
  if (!block.withdraw || classicNlri || mpNlri) return std::nullopt;
  const auto& problem = *std::find_if(
      block.problems.begin(), block.problems.end(), [](const AttributeProblem& candidate) {
        return candidate.action == AttributeProblem::Action::kTreatAsWithdraw;
      });
  return malformed(kMalformedAttributes, std::max(offset, problem.offset),
                   problem.reason + ", and no routes to withdraw for it");
}

struct Blocks {
  Cursor withdrawn, attributes, announced;
};

std::expected<Blocks, DecodeError> cut(Cursor body) {
  if (!body.has(2))
    return std::unexpected(malformed(kMalformedAttributes, body.offset(), "message ends early"));
  const std::size_t withdrawnSize = body.u16();
  if (!body.has(withdrawnSize + 2))
    return std::unexpected(
        malformed(kMalformedAttributes, body.offset(), "withdrawn routes run over the end"));
  const auto withdrawn = body.sub(withdrawnSize);
  const std::size_t attributesSize = body.u16();
  if (!body.has(attributesSize))
    return std::unexpected(
        malformed(kMalformedAttributes, body.offset(), "path attributes run over the end"));
  const auto attributes = body.sub(attributesSize);
  return Blocks{withdrawn, attributes, body};
}

using NlriList = std::vector<Nlri>;
std::expected<NlriList, DecodeError> nlriOf(const Cursor& block, Family family, bool withdrawal,
                                            std::uint8_t subcode) {
  std::string why;
  auto nlri = decodeNlri(block, family, withdrawal, why);
  if (!nlri)
    return std::unexpected(malformed(subcode, block.offset(), familyName(family) + ": " + why));
  return std::move(*nlri);
}

}  // namespace

std::expected<DecodedUpdate, DecodeError> decodeUpdate(Cursor body, const SessionContext& context) {
  const auto blocks = cut(body);
  if (!blocks) return std::unexpected(blocks.error());
  const auto withdrawn = nlriOf(blocks->withdrawn, kIpv4Unicast, true, kInvalidNetwork);
  if (!withdrawn) return std::unexpected(withdrawn.error());
  const auto announced = nlriOf(blocks->announced, kIpv4Unicast, false, kInvalidNetwork);
  if (!announced) return std::unexpected(announced.error());
  auto attributes = decodeAttributes(blocks->attributes, context);
  if (!attributes) return std::unexpected(attributes.error());
  checkMandatory(*attributes, !announced->empty(), blocks->attributes.offset());
  if (auto lost = checkLostNlri(*attributes, !announced->empty(), blocks->attributes.offset()))
    return std::unexpected(std::move(*lost));

  Assembly assembly(*attributes);
  if (!withdrawn->empty()) assembly.withdraw(kIpv4Unicast, *withdrawn);
  if (attributes->unreach) {
    const auto gone = nlriOf(attributes->unreach->nlri, attributes->unreach->family, true,
                             kOptionalAttributeError);
    if (!gone) return std::unexpected(gone.error());
    assembly.withdraw(attributes->unreach->family, *gone);
  }
  if (attributes->reach) {
    auto come =
        nlriOf(attributes->reach->nlri, attributes->reach->family, false, kOptionalAttributeError);
    if (!come) return std::unexpected(come.error());
    if (!come->empty())
      assembly.announce(attributes->reach->family, std::move(*come), attributes->reach->nextHop);
  }
  if (!announced->empty())
    assembly.announce(kIpv4Unicast, *announced, attributes->attributes.nextHop);
  if (blocks->withdrawn.empty() && blocks->attributes.empty() && blocks->announced.empty())
    assembly.endOfRib(kIpv4Unicast);
  return DecodedUpdate{assembly.finish(), std::move(attributes->problems)};
}

namespace {

constexpr std::size_t kFixed = kHeaderSize + 4;  // with the two length fields

Bytes startUpdate() {
  auto out = startMessage(kUpdate);
  put16(out, 0);
  put16(out, 0);
  return out;
}

// RFC 4760: the classic fields carry IPv4 unicast with an IPv4 next hop; everything else is in the
// MP attributes.
bool classic(Family family) { return family == kIpv4Unicast; }

Bytes mpPreamble(const Update& update) {
  Bytes out;
  put16(out, update.family.afi);
  put8(out, update.family.safi);
  const auto nextHop = update.attributes->nextHop.bytes();
  const bool vpn = update.family.safi == 128;
  put8(out, nextHop.size() + (vpn ? 8 : 0));
  if (vpn) out.insert(out.end(), 8, 0);
  putBytes(out, nextHop);
  put8(out, 0);  // reserved
  return out;
}

// Cuts a list of NLRI into runs of encoded bytes of at most `room` each.
std::vector<Bytes> pack(const std::vector<Nlri>& nlri, bool withdrawal, std::size_t room) {
  std::vector<Bytes> runs;
  Bytes one;
  for (const auto& item : nlri) {
    one.clear();
    encodeNlri(one, item, withdrawal);
    if (runs.empty() || runs.back().size() + one.size() > room) runs.emplace_back();
    putBytes(runs.back(), one);
  }
  return runs;
}

constexpr std::size_t kMpHeader = 4;  // flags, type, extended length

void putMp(Bytes& out, std::uint8_t type, const Bytes& preamble, const Bytes& nlri) {
  put8(out, kFlagOptional | kFlagExtended);
  put8(out, type);
  put16(out, preamble.size() + nlri.size());
  putBytes(out, preamble);
  putBytes(out, nlri);
}

void encodeWithdrawn(const Update& update, const SessionContext& context,
                     std::vector<Bytes>& messages) {
  Bytes family;
  put16(family, update.family.afi);
  put8(family, update.family.safi);
  const auto overhead = kFixed + (classic(update.family) ? 0 : kMpHeader + family.size());
  for (const auto& run : pack(update.withdrawn, true, context.maxMessage - overhead)) {
    auto out = startMessage(kUpdate);
    if (classic(update.family)) {
      put16(out, run.size());
      putBytes(out, run);
      put16(out, 0);
    } else {
      put16(out, 0);
      put16(out, kMpHeader + family.size() + run.size());
      putMp(out, kMpUnreach, family, run);
    }
    messages.push_back(finishMessage(std::move(out)));
  }
}

constexpr std::size_t kLargestNlri = 1 + 3 + 8 + 16;

// False when the attributes leave no room for even one NLRI.
bool encodeAnnounced(const Update& update, const SessionContext& context,
                     std::vector<Bytes>& messages) {
  const bool inFields = classic(update.family) && update.attributes->nextHop.isV4();
  auto attributes = encodeAttributes(*update.attributes, context);
  const auto preamble = inFields ? Bytes{} : mpPreamble(update);
  if (inFields) {
    putAttributeHeader(attributes, kFlagTransitive, kNextHop, 4);
    putBytes(attributes, update.attributes->nextHop.bytes());
  }
  const auto overhead = kFixed + attributes.size() + (inFields ? 0 : kMpHeader + preamble.size());
  if (overhead + kLargestNlri > context.maxMessage) return false;
  for (const auto& run : pack(update.announced, false, context.maxMessage - overhead)) {
    auto out = startUpdate();
    if (!inFields) putMp(out, kMpReach, preamble, run);  // first, as RFC 7606, 5.1 asks
    putBytes(out, attributes);
    set16(out, kHeaderSize + 2, out.size() - kFixed);
    if (inFields) putBytes(out, run);
    messages.push_back(finishMessage(std::move(out)));
  }
  return true;
}

}  // namespace

EncodedUpdate encode(const Update& update, const SessionContext& context) {
  EncodedUpdate result;
  if (update.endOfRib()) {
    if (classic(update.family)) {
      result.messages.push_back(finishMessage(startUpdate()));
    } else {
      Bytes family;
      put16(family, update.family.afi);
      put8(family, update.family.safi);
      auto out = startUpdate();
      putMp(out, kMpUnreach, family, {});
      set16(out, kHeaderSize + 2, out.size() - kFixed);
      result.messages.push_back(finishMessage(std::move(out)));
    }
    return result;
  }
  if (!update.withdrawn.empty()) encodeWithdrawn(update, context, result.messages);
  if (update.announced.empty()) return result;
  if (!encodeAnnounced(update, context, result.messages)) {
    result.tooLarge = true;
    encodeWithdrawn({update.family, {}, update.announced, nullptr}, context, result.messages);
  }
  return result;
}

}  // namespace hawser::wire
