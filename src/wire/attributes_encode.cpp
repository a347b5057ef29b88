// Path attributes to bytes. Reading them is in attributes.cpp.
#include <algorithm>

#include "attributes.h"
#include "codes.h"

namespace hawser::wire {
namespace {

void putPath(Bytes& out, const AsPath& path, bool fourByte) {
  for (const auto& segment : path) {
    // A sequence may be longer than a segment can be.
    for (std::size_t start = 0; start < segment.asns.size(); start += 255) {
      const auto count = std::min<std::size_t>(255, segment.asns.size() - start);
      put8(out, static_cast<std::size_t>(segment.type));
      put8(out, count);
      for (std::size_t i = start; i < start + count; ++i) {
        const auto asn = segment.asns[i].value();
        if (fourByte)
          put32(out, asn);
        else
          put16(out, asn > 0xffff ? kAsTrans : asn);
      }
    }
  }
}

void putAttribute(Bytes& out, std::uint8_t flags, std::uint8_t type, ByteView value) {
  putAttributeHeader(out, flags, type, value.size());
  putBytes(out, value);
}

bool hasWideAs(const AsPath& path) {
  return std::any_of(path.begin(), path.end(), [](const AsPathSegment& segment) {
    return std::any_of(segment.asns.begin(), segment.asns.end(),
                       [](net::Asn asn) { return asn.value() > 0xffff; });
  });
}

Bytes rawValue(const RawAttribute& raw, const SessionContext& context) {
  if (raw.type != kAggregator || context.fourByteAs || raw.value.size() != 8) return raw.value;
  Bytes narrow;  // the AS in two bytes
  const bool wide = raw.value[0] != 0 || raw.value[1] != 0;
  put16(narrow, wide ? kAsTrans : static_cast<std::size_t>((raw.value[2] << 8) | raw.value[3]));
  putBytes(narrow, ByteView(raw.value).subspan(4));
  return narrow;
}

}  // namespace

void putAttributeHeader(Bytes& out, std::uint8_t flags, std::uint8_t type, std::size_t size) {
  const bool extended = size > 255;
  put8(out, extended ? flags | kFlagExtended : flags & ~kFlagExtended);
  put8(out, type);
  if (extended)
    put16(out, size);
  else
    put8(out, size);
}

Bytes encodeAttributes(const PathAttributes& attributes, const SessionContext& context) {
  Bytes out, value;
  const auto put = [&](std::uint8_t flags, std::uint8_t type) {
    putAttribute(out, flags, type, value);
    value.clear();
  };
  put8(value, static_cast<std::size_t>(attributes.origin));
  put(kFlagTransitive, kOrigin);
  putPath(value, attributes.asPath, context.fourByteAs);
  put(kFlagTransitive, kAsPath);
  if (attributes.med) {
    put32(value, *attributes.med);
    put(kFlagOptional, kMed);
  }
  if (attributes.localPref) {
    put32(value, *attributes.localPref);
    put(kFlagTransitive, kLocalPref);
  }
  if (attributes.atomicAggregate) put(kFlagTransitive, kAtomicAggregate);
  if (!attributes.communities.empty()) {
    for (const auto community : attributes.communities) put32(value, community);
    put(kFlagOptional | kFlagTransitive, kCommunity);
  }
  if (attributes.originatorId) {
    put32(value, attributes.originatorId->value());
    put(kFlagOptional, kOriginatorId);
  }
  if (!attributes.clusterList.empty()) {
    for (const auto cluster : attributes.clusterList) put32(value, cluster.value());
    put(kFlagOptional, kClusterList);
  }
  if (!attributes.extendedCommunities.empty()) {
    for (const auto& community : attributes.extendedCommunities) putBytes(value, community.bytes());
    put(kFlagOptional | kFlagTransitive, kExtendedCommunity);
  }
  if (!context.fourByteAs && hasWideAs(attributes.asPath)) {
    putPath(value, attributes.asPath, true);
    put(kFlagOptional | kFlagTransitive, kAs4Path);
  }
  for (const auto& raw : attributes.other)
    putAttribute(out, raw.flags, raw.type, rawValue(raw, context));
  return out;
}

}  // namespace hawser::wire
