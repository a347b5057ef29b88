// Path attributes. One row of kRows for each attribute: its type, the flags it must have, and how
// its value is read. RFC 7606 decides what a wrong one does: nothing but itself is lost (discard),
// its routes are withdrawn (treat-as-withdraw), or, where the NLRI cannot be trusted any more, the
// session ends. A new attribute is one row and one function.
#include "attributes.h"

#include <fmt/core.h>

#include <algorithm>
#include <bitset>

#include "codes.h"
#include "nlri.h"

namespace hawser::wire {
namespace {

// What reading a value came to. An empty reason is success.
struct Outcome {
  enum class Kind { kGood, kDiscard, kWithdraw, kReset } kind = Kind::kGood;
  std::string reason;
};
Outcome good() { return {}; }
Outcome withdraw(std::string why) { return {Outcome::Kind::kWithdraw, std::move(why)}; }
Outcome discard(std::string why) { return {Outcome::Kind::kDiscard, std::move(why)}; }
Outcome reset(std::string why) { return {Outcome::Kind::kReset, std::move(why)}; }

std::string wrongLength(std::size_t is, std::string_view should) {
  return fmt::format("length {} ({})", is, should);
}

struct Reader {
  AttributeBlock& block;
  const SessionContext& context;
  std::uint8_t flags;
};

Outcome readOrigin(Reader& in, Cursor value) {  // RFC 7606, 7.1
  if (value.remaining() != 1) return withdraw(wrongLength(value.remaining(), "1"));
  const auto origin = value.u8();
  if (origin > 2) return withdraw(fmt::format("undefined value {}", origin));
  in.block.attributes.origin = static_cast<Origin>(origin);
  in.block.hasOrigin = true;
  return good();
}

std::optional<AsPath> readPath(Cursor value, bool fourByte, std::string& why) {
  AsPath path;
  const std::size_t width = fourByte ? 4 : 2;
  while (!value.empty()) {
    if (!value.has(2)) {
      why = "segment header runs over the end";
      return std::nullopt;
    }
    const auto type = value.u8();
    const std::size_t count = value.u8();
    if (type < 1 || type > 4)
      why = fmt::format("unknown segment type {}", type);
    else if (count == 0)
      why = "segment without AS numbers";
    else if (!value.has(count * width))
      why = "segment runs over the end";
    if (!why.empty()) return std::nullopt;
    AsPathSegment segment{static_cast<AsPathSegment::Type>(type), {}};
    for (std::size_t i = 0; i < count; ++i)
      segment.asns.emplace_back(fourByte ? value.u32() : value.u16());
    path.push_back(std::move(segment));
  }
  return path;
}

bool isConfederation(const AsPathSegment& segment) {
  return segment.type == AsPathSegment::Type::kConfedSequence ||
         segment.type == AsPathSegment::Type::kConfedSet;
}

bool hasAsZero(const AsPath& path) {
  return std::any_of(path.begin(), path.end(), [](const AsPathSegment& segment) {
    return std::find(segment.asns.begin(), segment.asns.end(), net::Asn(0)) != segment.asns.end();
  });
}

Outcome readAsPath(Reader& in, Cursor value) {  // RFC 7606, 7.2
  std::string why;
  auto path = readPath(value, in.context.fourByteAs, why);
  if (!path) return withdraw(why);
  if (hasAsZero(*path)) return withdraw("AS number 0");  // RFC 7607, 2
  // RFC 5065, 5: this speaker is in no confederation, so nobody may send it these.
  if (std::any_of(path->begin(), path->end(), isConfederation))
    return withdraw("confederation segment from outside the confederation");
  in.block.attributes.asPath = std::move(*path);
  in.block.hasAsPath = true;
  return good();
}

Outcome readAs4Path(Reader& in, Cursor value) {  // RFC 6793, 4.1 and 6
  if (in.context.fourByteAs) return discard("from a speaker with four-byte AS numbers");
  std::string why;
  auto path = readPath(value, true, why);
  if (!path) return discard(why);
  if (hasAsZero(*path)) return discard("AS number 0");  // RFC 7607, 2
  std::erase_if(*path, isConfederation);                // RFC 6793, 6
  in.block.as4Path = std::move(*path);
  return good();
}

// RFC 4271, 6.3: a next hop is the address of a host; routes with another are ignored.
bool usable(const net::IpAddress& nextHop) {
  const auto first = nextHop.bytes()[0];
  return !nextHop.isUnspecified() && (nextHop.isV4() ? first < 224 : first != 0xff);
}

Outcome readNextHop(Reader& in, Cursor value) {  // RFC 7606, 7.3
  if (value.remaining() != 4) return withdraw(wrongLength(value.remaining(), "4"));
  const auto nextHop = *net::IpAddress::fromBytes(value.take(4));
  in.block.hasNextHop = true;
  if (!usable(nextHop)) return withdraw(fmt::format("{} is no host's address", nextHop.text()));
  in.block.attributes.nextHop = nextHop;
  return good();
}

Outcome readMed(Reader& in, Cursor value) {  // RFC 7606, 7.4
  if (value.remaining() != 4) return withdraw(wrongLength(value.remaining(), "4"));
  in.block.attributes.med = value.u32();
  return good();
}

Outcome readLocalPref(Reader& in, Cursor value) {  // RFC 7606, 7.5
  if (in.context.external) return discard("from an external peer");
  if (value.remaining() != 4) return withdraw(wrongLength(value.remaining(), "4"));
  in.block.attributes.localPref = value.u32();
  return good();
}

Outcome readAtomicAggregate(Reader& in, Cursor value) {  // RFC 7606, 7.6
  if (!value.empty()) return discard(wrongLength(value.remaining(), "0"));
  in.block.attributes.atomicAggregate = true;
  return good();
}

// The low four bits mean nothing and are zero when sent (RFC 4271, 4.3); the length's form is
// chosen anew.
constexpr std::uint8_t kFlagsThatTravel = kFlagOptional | kFlagTransitive | kFlagPartial;

void keepRaw(Reader& in, std::uint8_t type, Cursor value) {
  const auto bytes = value.take(value.remaining());
  const auto flags = static_cast<std::uint8_t>(in.flags & kFlagsThatTravel);
  in.block.attributes.other.push_back({flags, type, Bytes(bytes.begin(), bytes.end())});
}

Outcome readAggregator(Reader& in, Cursor value) {  // RFC 7606, 7.7
  const std::size_t size = in.context.fourByteAs ? 8 : 6;
  if (value.remaining() != size)
    return discard(wrongLength(value.remaining(), std::to_string(size)));
  if (auto ahead = value; (in.context.fourByteAs ? ahead.u32() : ahead.u16()) == 0)
    return discard("AS number 0");  // RFC 7607, 2
  if (in.context.fourByteAs) {
    keepRaw(in, kAggregator, value);
    return good();
  }
  // Kept in the four-byte form, so that one context suffices further on.
  Bytes wide;
  put32(wide, value.u16());
  putBytes(wide, value.take(4));
  in.block.attributes.other.push_back(
      {static_cast<std::uint8_t>(in.flags & kFlagsThatTravel), kAggregator, std::move(wide)});
  return good();
}

Outcome readAs4Aggregator(Reader&, Cursor) { return discard("AS4_AGGREGATOR is not used"); }

Outcome readCommunity(Reader& in, Cursor value) {  // RFC 7606, 7.8
  if (value.empty() || value.remaining() % 4 != 0)
    return withdraw(wrongLength(value.remaining(), "a multiple of 4"));
  while (!value.empty()) in.block.attributes.communities.push_back(value.u32());
  return good();
}

Outcome readOriginatorId(Reader& in, Cursor value) {  // RFC 7606, 7.9
  if (in.context.external) return discard("from an external peer");
  if (value.remaining() != 4) return withdraw(wrongLength(value.remaining(), "4"));
  in.block.attributes.originatorId = net::RouterId(value.u32());
  return good();
}

Outcome readClusterList(Reader& in, Cursor value) {  // RFC 7606, 7.10
  if (in.context.external) return discard("from an external peer");
  if (value.empty() || value.remaining() % 4 != 0)
    return withdraw(wrongLength(value.remaining(), "a multiple of 4"));
  while (!value.empty()) in.block.attributes.clusterList.emplace_back(value.u32());
  return good();
}

Outcome readExtendedCommunity(Reader& in, Cursor value) {  // RFC 7606, 7.14
  if (value.empty() || value.remaining() % 8 != 0)
    return withdraw(wrongLength(value.remaining(), "a multiple of 8"));
  while (!value.empty()) in.block.attributes.extendedCommunities.emplace_back(value.array<8>());
  return good();
}

// The first address of the next hop field; VPN families have a route distinguisher of zero before
// it (RFC 4364, 4.3.2; 4659, 3.2.1; an IPv6 next hop for VPNv4: RFC 8950). A second, link-local
// address is not used.
std::optional<net::IpAddress> readMpNextHop(Cursor field, Family family) {
  const bool vpn = family.safi == 128;
  const auto size = field.remaining();
  const std::size_t rd = vpn ? 8 : 0;
  for (const std::size_t width : {std::size_t{4}, std::size_t{16}}) {
    if (size != rd + width && (width == 4 || size != 2 * (rd + width))) continue;
    if (vpn) field.take(8);
    return *net::IpAddress::fromBytes(field.take(width));
  }
  return std::nullopt;
}

Outcome readMpReach(Reader& in, Cursor value) {  // RFC 4760, 3; RFC 7606, 7.11
  if (!value.has(5)) return reset(wrongLength(value.remaining(), "at least 5"));
  MpBlock mp;
  mp.family = {value.u16(), value.u8()};
  const std::size_t size = value.u8();
  if (!value.has(size + 1)) return reset("next hop runs over the end");
  in.block.reachSeen = true;
  if (!knownFamily(mp.family))
    return discard(fmt::format("family {} is not spoken", familyName(mp.family)));
  const auto nextHop = readMpNextHop(value.sub(size), mp.family);
  if (!nextHop)
    return reset(fmt::format("next hop of {} bytes for {}", size, familyName(mp.family)));
  value.u8();  // reserved
  mp.nextHop = *nextHop;
  mp.nlri = value;
  in.block.reach = mp;
  // Nothing is forwarded by a membership, so its next hop may be any.
  if (mp.family != kRtConstraint && !usable(*nextHop))
    return withdraw(fmt::format("{} is no host's address", nextHop->text()));
  return good();
}

Outcome readMpUnreach(Reader& in, Cursor value) {  // RFC 4760, 4; RFC 7606, 7.12
  if (!value.has(3)) return reset(wrongLength(value.remaining(), "at least 3"));
  MpBlock mp;
  mp.family = {value.u16(), value.u8()};
  if (!knownFamily(mp.family))
    return discard(fmt::format("family {} is not spoken", familyName(mp.family)));
  mp.nlri = value;
  in.block.unreach = mp;
  return good();
}

struct Row {
  std::uint8_t type;
  std::string_view name;
  std::uint8_t flags;  // of Optional and Transitive
  Outcome (*read)(Reader&, Cursor);
};
constexpr std::array kRows{
    Row{kOrigin, "ORIGIN", kFlagTransitive, readOrigin},
    Row{kAsPath, "AS_PATH", kFlagTransitive, readAsPath},
    Row{kNextHop, "NEXT_HOP", kFlagTransitive, readNextHop},
    Row{kMed, "MULTI_EXIT_DISC", kFlagOptional, readMed},
    Row{kLocalPref, "LOCAL_PREF", kFlagTransitive, readLocalPref},
    Row{kAtomicAggregate, "ATOMIC_AGGREGATE", kFlagTransitive, readAtomicAggregate},
    Row{kAggregator, "AGGREGATOR", kFlagOptional | kFlagTransitive, readAggregator},
    Row{kCommunity, "COMMUNITY", kFlagOptional | kFlagTransitive, readCommunity},
    Row{kOriginatorId, "ORIGINATOR_ID", kFlagOptional, readOriginatorId},
    Row{kClusterList, "CLUSTER_LIST", kFlagOptional, readClusterList},
    Row{kMpReach, "MP_REACH_NLRI", kFlagOptional, readMpReach},
    Row{kMpUnreach, "MP_UNREACH_NLRI", kFlagOptional, readMpUnreach},
    Row{kExtendedCommunity, "EXTENDED_COMMUNITIES", kFlagOptional | kFlagTransitive,
        readExtendedCommunity},
    Row{kAs4Path, "AS4_PATH", kFlagOptional | kFlagTransitive, readAs4Path},
    Row{kAs4Aggregator, "AS4_AGGREGATOR", kFlagOptional | kFlagTransitive, readAs4Aggregator},
};

const Row* rowOf(std::uint8_t type) {
  const auto* found =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) { return row.type == type; });
  return found == kRows.end() ? nullptr : found;
}

DecodeError updateError(std::uint8_t subcode, ByteView data, std::size_t offset, std::string why) {
  return {{kUpdateError, subcode, Bytes(data.begin(), data.end())}, offset, std::move(why)};
}

bool isMp(std::uint8_t type) { return type == kMpReach || type == kMpUnreach; }

// Unknown attributes (RFC 4271, 9): optional transitive ones travel on, marked partial.
std::optional<DecodeError> readUnknown(Reader& in, std::uint8_t type, Cursor value, ByteView whole,
                                       std::size_t offset) {
  if ((in.flags & kFlagOptional) == 0)
    return updateError(kUnrecognisedWellKnown, whole, offset,
                       fmt::format("unknown well-known attribute {}", type));
  if ((in.flags & kFlagTransitive) == 0) return std::nullopt;
  in.flags |= kFlagPartial;
  keepRaw(in, type, value);
  return std::nullopt;
}

std::optional<DecodeError> readOne(Reader& in, std::uint8_t type, Cursor value, ByteView whole,
                                   std::size_t offset) {
  const auto* row = rowOf(type);
  if (row == nullptr) return readUnknown(in, type, value, whole, offset);
  constexpr std::uint8_t kChecked = kFlagOptional | kFlagTransitive;
  // RFC 7606, 3 c. Those whose own rule is milder or harsher keep it.
  if ((in.flags & kChecked) != row->flags) {
    const auto why = fmt::format("{}: flags {:#04x}", row->name, in.flags);
    if (isMp(type)) return updateError(kOptionalAttributeError, whole, offset, why);
    in.block.treatAsWithdraw(type, offset, why);
    return std::nullopt;
  }
  const auto outcome = row->read(in, value);
  const auto why = fmt::format("{}: {}", row->name, outcome.reason);
  switch (outcome.kind) {
    case Outcome::Kind::kGood:
      break;
    case Outcome::Kind::kDiscard:
      in.block.discard(type, offset, why);
      break;
    case Outcome::Kind::kWithdraw:
      in.block.treatAsWithdraw(type, offset, why);
      break;
    case Outcome::Kind::kReset:
      return updateError(kOptionalAttributeError, whole, offset, why);
  }
  return std::nullopt;
}

// RFC 6793, 4.2.3: the newest ASes from AS_PATH, the rest from AS4_PATH.
void mergeAs4Path(AttributeBlock& block) {
  if (!block.as4Path) return;
  const auto count = [](const AsPath& path) {
    std::size_t n = 0;
    for (const auto& segment : path)
      n += segment.type == AsPathSegment::Type::kSet ? 1 : segment.asns.size();
    return n;
  };
  auto& path = block.attributes.asPath;
  const auto all = count(path), known = count(*block.as4Path);
  if (known > all) return;
  AsPath merged;
  std::size_t lead = all - known;
  for (const auto& segment : path) {
    if (lead == 0) break;
    auto part = segment;
    if (part.type == AsPathSegment::Type::kSet) {
      --lead;
    } else {
      part.asns.resize(std::min(part.asns.size(), lead));
      lead -= part.asns.size();
    }
    merged.push_back(std::move(part));
  }
  for (auto& segment : *block.as4Path) {
    if (!merged.empty() && merged.back().type == segment.type &&
        segment.type == AsPathSegment::Type::kSequence)
      merged.back().asns.insert(merged.back().asns.end(), segment.asns.begin(), segment.asns.end());
    else
      merged.push_back(std::move(segment));
  }
  path = std::move(merged);
}

}  // namespace

void AttributeBlock::discard(std::uint8_t type, std::size_t offset, std::string why) {
  problems.push_back({AttributeProblem::Action::kDiscard, type, offset, std::move(why)});
}
void AttributeBlock::treatAsWithdraw(std::uint8_t type, std::size_t offset, std::string why) {
  problems.push_back({AttributeProblem::Action::kTreatAsWithdraw, type, offset, std::move(why)});
  withdraw = true;
}

std::expected<AttributeBlock, DecodeError> decodeAttributes(Cursor block,
                                                            const SessionContext& context) {
  AttributeBlock result;
  std::bitset<256> seen;
  while (!block.empty()) {
    const auto start = block;
    const auto offset = block.offset();
    // RFC 7606, 4: an attribute that runs over the end leaves the NLRI where they are; the routes
    // are withdrawn.
    if (!block.has(3)) {
      result.treatAsWithdraw(0, offset, "attribute header runs over the end");
      break;
    }
    const auto flags = block.u8();
    const auto type = block.u8();
    const bool extended = (flags & kFlagExtended) != 0;
    if (extended && !block.has(2)) {
      result.treatAsWithdraw(type, offset, "attribute header runs over the end");
      break;
    }
    const std::size_t size = extended ? block.u16() : block.u8();
    if (!block.has(size)) {
      result.treatAsWithdraw(type, offset,
                             fmt::format("attribute {} of {} bytes runs over the end", type, size));
      break;
    }
    const auto value = block.sub(size);
    const auto whole = Cursor(start).take(block.offset() - offset);
    if (seen.test(type)) {  // RFC 7606, 3 g
      if (isMp(type))
        return std::unexpected(
            updateError(kMalformedAttributes, {}, offset, fmt::format("attribute {} twice", type)));
      result.discard(type, offset, fmt::format("attribute {} twice; the first is used", type));
      continue;
    }
    seen.set(type);
    Reader reader{result, context, flags};
    if (auto error = readOne(reader, type, value, whole, offset))
      return std::unexpected(std::move(*error));
  }
  mergeAs4Path(result);
  return result;
}

}  // namespace hawser::wire
