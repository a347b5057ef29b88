// The decision process as a pure comparison (RFC 4271, 9.1.2.2; RFC 4456, 9).
#pragma once

#include <span>
#include <vector>

#include "hawser/rib/rib.h"

namespace hawser::rib {

// What the comparison needs to know of a path, taken out of its attributes once.
struct Candidate {
  bool stale = false;
  bool local = false;
  bool external = false;
  std::uint32_t localPref = 100;
  std::size_t asPathLength = 0;
  wire::Origin origin = wire::Origin::kIgp;
  std::uint32_t neighbourAs = 0;  // MED is compared among paths of one neighbour only
  std::uint32_t med = 0;
  std::uint32_t routerId = 0;  // ORIGINATOR_ID where there is one
  std::size_t clusterListLength = 0;
  net::IpAddress peerAddress;
};
[[nodiscard]] Candidate candidateOf(const Path& path, const PeerPolicy* peer);

struct Verdict {
  bool firstWins = true;
  Rule rule = Rule::kBest;  // that decided
};
[[nodiscard]] Verdict compare(const Candidate& a, const Candidate& b);
// Index of the best, and for each why it lost. MED makes pairwise comparison cyclic, so the best of
// each neighbour AS is found first and those are compared then ("deterministic MED"): the order of
// arrival never matters.
struct Decision {
  std::size_t best = 0;
  std::vector<Rule> rules;
};
[[nodiscard]] Decision decide(std::span<const Candidate> candidates);

// Those that share the load (multipath): equal to the best in every step up to MED. MED is compared
// as above, within one neighbour AS; own paths stand beside learned ones. In the order given.
[[nodiscard]] std::vector<std::size_t> equalUpToMed(std::span<const Candidate> candidates);

[[nodiscard]] std::size_t asPathLength(
    const wire::AsPath& path);  // RFC 4271, 9.1.2.2 a; RFC 5065, 5.3

}  // namespace hawser::rib
