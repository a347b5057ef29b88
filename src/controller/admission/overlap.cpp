// What is joined must not overlap: in one routing table an address can lead to one place only, and
// a packet that finds the other network's workload finds a stranger.
//
// Networks are joined by Routers and by the allow rules of Policies; a Link adds what the other
// site may send. Networks that draw on one address pool may have the same subnets, since the pool's
// addresses are unique (addresses.cpp). A Link's 0.0.0.0/0 or ::/0 is a way out, not a range of
// workloads, and is let be. What people join by route targets that they type is their own doing.
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "admission/admission.h"

namespace hawser::controller {

using model::Kind;
using model::NetworkSpec;
using model::Object;
using model::Ref;

namespace {

using Prefixes = std::vector<net::IpPrefix>;

Prefixes subnetsOf(const NetworkSpec& spec) {
  Prefixes prefixes;
  for (const auto& subnet : spec.subnets) prefixes.push_back(subnet.prefix);
  return prefixes;
}

struct Overlap {
  net::IpPrefix one, other;
};
std::optional<Overlap> overlap(const Prefixes& some, const Prefixes& others) {
  for (const auto& one : some)
    for (const auto& other : others)
      if (one.contains(other) || other.contains(one)) return Overlap{one, other};
  return std::nullopt;
}

Prefixes broughtBy(const model::LinkSpec& link) {
  auto prefixes = link.remotePrefixes;
  std::erase_if(prefixes, [](const net::IpPrefix& prefix) { return prefix.length() == 0; });
  return prefixes;
}

bool oneSpace(const NetworkSpec& a, const NetworkSpec& b) {
  return !a.addressPool.empty() && a.addressPool == b.addressPool;
}

// What the Router or Policy joins with the network.
std::vector<Ref> partnersOf(const Object& joint, const Ref& network) {
  std::vector<Ref> partners;
  if (joint.kind == Kind::kRouter) {
    partners = model::RouterSpec::from(joint).networks;
  } else {
    for (const auto& rule : model::PolicySpec::from(joint).rules) {
      if (!rule.allow) continue;
      if (*rule.fromNetwork == network) partners.push_back(*rule.toNetwork);
      if (*rule.toNetwork == network) partners.push_back(*rule.fromNetwork);
    }
  }
  std::erase(partners, network);
  return partners;
}

}  // namespace

Result<void> Admitting::apart(const Ref& one, const Ref& other, const std::string& field) const {
  if (one == other) return {};
  const auto first = staging_.find({Kind::kNetwork, one.project, one.name});
  const auto second = staging_.find({Kind::kNetwork, other.project, other.name});
  if (!first || !second) return {};
  return apart(*first, *second, field);
}

Result<void> Admitting::apart(const Object& one, const Object& other,
                              const std::string& field) const {
  const auto a = NetworkSpec::from(one), b = NetworkSpec::from(other);
  if (const auto both = overlap(subnetsOf(a), subnetsOf(b)); both && !oneSpace(a, b))
    return fail(
        ErrorCode::kConflict,
        fmt::format("{} ({}) and {} ({}) overlap, so they cannot be joined: use other "
                    "subnets, or one address pool for both",
                    one.key().text(), both->one.text(), other.key().text(), both->other.text()),
        field);
  for (const auto& [linked, beside] : {std::pair{&one, &other}, {&other, &one}})
    for (const auto& key : ledger_.users(linked->key(), Kind::kLink)) {
      const auto object = staging_.find(key);
      const auto link = object ? model::LinkSpec::from(*object) : model::LinkSpec{};
      if (!link.accepted) continue;
      const auto both = overlap(broughtBy(link), subnetsOf(NetworkSpec::from(*beside)));
      if (both)
        return fail(
            ErrorCode::kConflict,
            fmt::format("{} brings {} to {}, which overlaps {} ({})", key.text(), both->one.text(),
                        linked->key().text(), beside->key().text(), both->other.text()),
            field);
    }
  return {};
}

// Of a changed network: with all that it is joined with, and with what Links bring to it.
Result<void> Admitting::stillApart() const {
  for (const auto kind : {Kind::kRouter, Kind::kPolicy})
    for (const auto& key : ledger_.users(object_.key(), kind)) {
      const auto joint = staging_.find(key);
      if (!joint) continue;
      for (const auto& ref : partnersOf(*joint, self())) {
        const auto other = staging_.find({Kind::kNetwork, ref.project, ref.name});
        if (!other) continue;
        if (auto fits = apart(object_, *other, "spec.subnets"); !fits)
          return fail(fits.error().code, fmt::format("{} ({})", fits.error().message, key.text()),
                      fits.error().field);
      }
    }
  for (const auto& key : ledger_.users(object_.key(), Kind::kLink)) {
    const auto found = staging_.find(key);
    const auto link = found ? model::LinkSpec::from(*found) : model::LinkSpec{};
    if (!link.accepted) continue;
    if (auto fits = linkApart(link, key, object_, "spec.subnets"); !fits) return fits;
  }
  return {};
}

bool Admitting::sameOrigin(const model::LinkSpec& one, const model::LinkSpec& other) const {
  const auto siteOf = [&](const std::string& peer) {
    const auto found = staging_.find({Kind::kPeer, {}, peer});
    return found ? model::PeerSpec::from(*found).site : std::string();
  };
  return one.remoteNetwork == other.remoteNetwork && siteOf(one.peer) == siteOf(other.peer);
}

Result<void> Admitting::linkApart(const model::LinkSpec& link, const model::ObjectKey& key,
                                  const Object& network, const std::string& field) const {
  Result<void> result;
  const auto against = [&](const Object& other) {
    const auto both = overlap(broughtBy(link), subnetsOf(NetworkSpec::from(other)));
    if (!both) return;
    const bool own = other.key() == network.key();
    result = fail(
        ErrorCode::kConflict,
        fmt::format("{} brings {} from {}, which overlaps {} ({}){}", key.text(), both->one.text(),
                    link.remoteNetwork, other.key().text(), both->other.text(),
                    own ? "" : fmt::format(", joined with {}", network.key().text())),
        field);
  };
  against(network);
  std::set<Ref> joined;
  for (const auto kind : {Kind::kRouter, Kind::kPolicy})
    for (const auto& joint : ledger_.users(network.key(), kind))
      if (const auto found = staging_.find(joint))
        for (const auto& ref : partnersOf(*found, link.network)) joined.insert(ref);
  for (const auto& ref : joined)
    if (const auto other = staging_.find({Kind::kNetwork, ref.project, ref.name}); other && result)
      against(*other);
  if (!result || !link.accepted) return result;
  return linkAmongLinks(link, key, network, field);
}

// With the other Links of its network: what a network is joined with does not get what Links bring.
// Several Peers may be ways to one site, and to one network there.
Result<void> Admitting::linkAmongLinks(const model::LinkSpec& link, const model::ObjectKey& key,
                                       const Object& network, const std::string& field) const {
  for (const auto& other : ledger_.users(network.key(), Kind::kLink)) {
    const auto found = other == key ? nullptr : staging_.find(other);
    const auto theirs = found ? model::LinkSpec::from(*found) : model::LinkSpec{};
    if (!theirs.accepted || sameOrigin(link, theirs)) continue;
    if (const auto both = overlap(broughtBy(link), broughtBy(theirs)))
      return fail(
          ErrorCode::kConflict,
          fmt::format("{} brings {} from {} to {}, which overlaps what {} brings: {} from {}; "
                      "withdraw one of the two",
                      key.text(), both->one.text(), link.remoteNetwork, network.key().text(),
                      other.text(), both->other.text(), theirs.remoteNetwork),
          field);
  }
  return {};
}

}  // namespace hawser::controller
