#include "decision.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace hawser::rib {

std::size_t asPathLength(const wire::AsPath& path) {
  std::size_t length = 0;
  for (const auto& segment : path) {
    if (segment.type == wire::AsPathSegment::Type::kSequence)
      length += segment.asns.size();
    else if (segment.type == wire::AsPathSegment::Type::kSet)
      length += 1;
  }
  return length;
}

Candidate candidateOf(const Path& path, const PeerPolicy* peer) {
  const auto& attributes = *path.attributes;
  Candidate out;
  out.stale = path.stale || suspected(path);
  out.local = path.peer == kLocal;
  out.localPref = attributes.localPref.value_or(100);
  out.asPathLength = asPathLength(attributes.asPath);
  out.origin = attributes.origin;
  if (!attributes.asPath.empty() &&
      attributes.asPath.front().type == wire::AsPathSegment::Type::kSequence &&
      !attributes.asPath.front().asns.empty())
    out.neighbourAs = attributes.asPath.front().asns.front().value();
  out.med = attributes.med.value_or(0);
  out.clusterListLength = attributes.clusterList.size();
  if (peer != nullptr) {
    out.external = peer->external();
    out.routerId = attributes.originatorId.value_or(peer->remoteId).value();
    out.peerAddress = peer->remoteAddress;
  }
  return out;
}

namespace {

struct Step {
  Rule rule;
  std::strong_ordering (*order)(const Candidate&, const Candidate&);  // less: the first is better
};

// Numbered as the RFC's steps follow each other; ours (stale, local) stand where routers in the
// field have them.
constexpr Step kSteps[] = {
    {Rule::kStale, [](const Candidate& a, const Candidate& b) { return a.stale <=> b.stale; }},
    {Rule::kLocalPref,
     [](const Candidate& a, const Candidate& b) { return b.localPref <=> a.localPref; }},
    {Rule::kLocalOverPeer,
     [](const Candidate& a, const Candidate& b) { return b.local <=> a.local; }},
    {Rule::kAsPathLength,
     [](const Candidate& a, const Candidate& b) { return a.asPathLength <=> b.asPathLength; }},
    {Rule::kOrigin, [](const Candidate& a, const Candidate& b) { return a.origin <=> b.origin; }},
    {Rule::kMed,
     [](const Candidate& a, const Candidate& b) {
       return a.neighbourAs == b.neighbourAs ? a.med <=> b.med : std::strong_ordering::equal;
     }},
    {Rule::kExternalOverInternal,
     [](const Candidate& a, const Candidate& b) { return b.external <=> a.external; }},
    {Rule::kRouterId,
     [](const Candidate& a, const Candidate& b) { return a.routerId <=> b.routerId; }},
    {Rule::kClusterListLength,
     [](const Candidate& a, const Candidate& b) {
       return a.clusterListLength <=> b.clusterListLength;
     }},
    {Rule::kPeerAddress,
     [](const Candidate& a, const Candidate& b) { return a.peerAddress <=> b.peerAddress; }},
};

}  // namespace

Verdict compare(const Candidate& a, const Candidate& b) {
  for (const auto& step : kSteps)
    if (const auto order = step.order(a, b); order != 0) return {order < 0, step.rule};
  return {true, Rule::kPeerAddress};
}

Decision decide(std::span<const Candidate> candidates) {
  Decision decision;
  decision.rules.assign(candidates.size(), Rule::kBest);
  const auto duel = [&](std::size_t champion, std::size_t challenger) {
    const auto verdict = compare(candidates[champion], candidates[challenger]);
    decision.rules[verdict.firstWins ? challenger : champion] = verdict.rule;
    return verdict.firstWins ? champion : challenger;
  };
  std::map<std::uint32_t, std::size_t> champions;  // of each neighbour AS
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const auto [position, fresh] = champions.try_emplace(candidates[i].neighbourAs, i);
    if (!fresh) position->second = duel(position->second, i);
  }
  bool first = true;
  for (const auto& [asn, index] : champions) {
    decision.best = first ? index : duel(decision.best, index);
    first = false;
  }
  if (!candidates.empty()) decision.rules[decision.best] = Rule::kBest;
  return decision;
}

std::vector<std::size_t> equalUpToMed(std::span<const Candidate> candidates) {
  std::vector<std::size_t> kept(candidates.size());
  std::iota(kept.begin(), kept.end(), std::size_t{0});
  for (const auto& step : kSteps) {
    if (kept.empty() || step.rule > Rule::kMed) break;
    if (step.rule == Rule::kLocalOverPeer) continue;
    // The best by this step: of all, or where it says nothing across neighbours, of each.
    std::map<std::uint32_t, std::size_t> champions;
    for (const auto i : kept) {
      const auto group = step.rule == Rule::kMed ? candidates[i].neighbourAs : 0U;
      auto& champion = champions.try_emplace(group, i).first->second;
      if (step.order(candidates[i], candidates[champion]) < 0) champion = i;
    }
    std::erase_if(kept, [&](std::size_t i) {
      return std::any_of(champions.begin(), champions.end(), [&](const auto& entry) {
        return step.order(candidates[entry.second], candidates[i]) < 0;
      });
    });
  }
  return kept;
}

std::string_view ruleText(Rule rule) {
  switch (rule) {
    case Rule::kBest:
      return "best";
    case Rule::kStale:
      return "stale";
    case Rule::kLocalPref:
      return "lower local preference";
    case Rule::kLocalOverPeer:
      return "a local route is preferred";
    case Rule::kAsPathLength:
      return "longer AS path";
    case Rule::kOrigin:
      return "worse origin";
    case Rule::kMed:
      return "higher MED";
    case Rule::kExternalOverInternal:
      return "internal, an external one is there";
    case Rule::kRouterId:
      return "higher router id";
    case Rule::kClusterListLength:
      return "longer cluster list";
    case Rule::kPeerAddress:
      return "higher peer address";
    case Rule::kRejected:
      return "rejected by policy";
  }
  return "?";
}

}  // namespace hawser::rib
