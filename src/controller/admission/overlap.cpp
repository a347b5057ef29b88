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

std::vector<std::pair<Ref, Ref>> pairsOf(const Object& object) {
  std::vector<std::pair<Ref, Ref>> pairs;
  if (object.kind == Kind::kRouter) {
    const auto networks = model::RouterSpec::from(object).networks;
    for (std::size_t i = 0; i < networks.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) pairs.emplace_back(networks[j], networks[i]);
  } else {
    for (const auto& rule : model::PolicySpec::from(object).rules)
      if (rule.allow) pairs.emplace_back(*rule.fromNetwork, *rule.toNetwork);
  }
  return pairs;
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
  Result<void> result;
  staging_.forEach(Kind::kLink, [&](const Object& object) {
    const auto link = model::LinkSpec::from(object);
    for (const auto& [linked, beside] : {std::pair{&one, &other}, {&other, &one}}) {
      if (!link.accepted || link.network != Ref{linked->metadata.project, linked->metadata.name})
        continue;
      const auto both = overlap(broughtBy(link), subnetsOf(NetworkSpec::from(*beside)));
      if (both)
        result = fail(ErrorCode::kConflict,
                      fmt::format("{} brings {} to {}, which overlaps {} ({})", object.key().text(),
                                  both->one.text(), linked->key().text(), beside->key().text(),
                                  both->other.text()),
                      field);
    }
  });
  return result;
}

// Of a changed network: with all that it is joined with, and with what Links bring to it.
Result<void> Admitting::stillApart() const {
  Result<void> result;
  for (const auto kind : {Kind::kRouter, Kind::kPolicy})
    staging_.forEach(kind, [&](const Object& joint) {
      for (const auto& [a, b] : pairsOf(joint)) {
        if (!result || (a == self()) == (b == self())) continue;
        const auto& ref = a == self() ? b : a;
        const auto other = staging_.find({Kind::kNetwork, ref.project, ref.name});
        if (!other) continue;
        result = apart(object_, *other, "spec.subnets");
        if (!result)
          result = fail(result.error().code,
                        fmt::format("{} ({})", result.error().message, joint.key().text()),
                        result.error().field);
      }
    });
  staging_.forEach(Kind::kLink, [&](const Object& object) {
    const auto link = model::LinkSpec::from(object);
    if (result && link.accepted && link.network == self())
      result = linkApart(link, object.key(), object_, "spec.subnets");
  });
  return result;
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
    staging_.forEach(kind, [&](const Object& joint) {
      for (const auto& [a, b] : pairsOf(joint)) {
        if (a == link.network) joined.insert(b);
        if (b == link.network) joined.insert(a);
      }
    });
  joined.erase(link.network);
  for (const auto& ref : joined)
    if (const auto other = staging_.find({Kind::kNetwork, ref.project, ref.name}); other && result)
      against(*other);
  return result;
}

}  // namespace hawser::controller
