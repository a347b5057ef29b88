// What happens to a route on its way in and out: loops, route-target authorisation, reflection, the
// attributes that a border changes. Pure functions over shared attributes; a route that stays as it
// is keeps its pointer.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "hawser/rib/rib.h"

namespace hawser::rib {

using AttributesPtr = std::shared_ptr<const wire::PathAttributes>;

[[nodiscard]] bool isVpn(wire::Family family);
[[nodiscard]] std::vector<net::RouteTarget> routeTargetsOf(const wire::PathAttributes& attributes);

enum class Drop : std::uint8_t { kNone, kTarget, kPrefix, kLoop };

// Attribute sets that were changed, by what they were: routes that share attributes go on sharing
// them.
class AttributeCache {
 public:
  // `make` is called at most once for each (attributes, variant).
  template <class Make>
  AttributesPtr get(const AttributesPtr& from, std::uint64_t variant, const Make& make) {
    auto& slot = made_[{from.get(), variant}];
    if (!slot.result) slot = {from, make()};
    return slot.result;
  }
  void clear() { made_.clear(); }

 private:
  struct Slot {
    AttributesPtr keepAlive, result;
  };
  std::map<std::pair<const wire::PathAttributes*, std::uint64_t>, Slot> made_;
};

struct Filtered {
  AttributesPtr attributes;  // null: dropped
  Drop drop = Drop::kNone;
};
// Route-target authorisation (docs/architecture.md, section 6): targets that the peer was not given
// are stripped, for this prefix; a route with none left is dropped.
[[nodiscard]] Filtered applyFilter(const RouteFilter& filter, const RouteKey& key,
                                   const AttributesPtr& attributes, AttributeCache& cache);

// What an external peer may say of who is behind its routes: an identity that another AS numbered,
// or nobody can (AS 0, docs/modules/net.md), goes, since rules name identities. The same pointer:
// nothing went.
[[nodiscard]] AttributesPtr withoutForeignIdentities(net::Asn peer, const AttributesPtr& attributes,
                                                     AttributeCache& cache);

// RFC 4271, 9.1.2 (our AS in the path); RFC 4456, 8 (ORIGINATOR_ID, CLUSTER_LIST).
[[nodiscard]] bool loops(const wire::PathAttributes& attributes, const Rib::Config& self);

// The AS that an AS path begins with; 0: with none, or with a set.
[[nodiscard]] net::Asn firstAs(const wire::PathAttributes& attributes);
// May an external peer give this next hop? Not our own address (RFC 4271, 6.3), nor loopback.
[[nodiscard]] bool foreign(const PeerPolicy& peer, const wire::PathAttributes& attributes);
// Does the membership ask for a target that the filter lets pass?
[[nodiscard]] bool letsPass(const RouteFilter& filter, const wire::RtMembership& membership);

struct ExportContext {
  const Rib::Config& self;
  const PeerPolicy& peer;
  const PeerPolicy* source;  // null: our own route
  bool toItself;             // the peer is the source
};
// The attributes as the peer gets them; null: it does not get the route. Filters and RT-constraint
// are not judged here.
[[nodiscard]] AttributesPtr exportAttributes(const ExportContext& context, const RouteKey& key,
                                             const AttributesPtr& attributes,
                                             AttributeCache& cache);

}  // namespace hawser::rib
