// The protocol between two sites, as values: what one says about its Links, and what follows from
// what the other said. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "hawser/api/objects.h"
#include "hawser/model/specs.h"

namespace hawser::controller {

// The two networks of a Link; there is at most one Link of a pair with a Peer.
struct LinkPair {
  model::Ref ours, theirs;
  [[nodiscard]] std::string text() const { return ours.text() + " " + theirs.text(); }
  friend auto operator<=>(const LinkPair&, const LinkPair&) = default;
};

struct LinkOffer {
  net::RouteTarget target;
  std::vector<net::IpPrefix> prefixes;  // what the sender will send
  bool accepted = false, proposed = false;
  // Grows each time the sender agrees anew: a refusal names the offer that it refuses.
  std::uint64_t number = 0;
  friend bool operator==(const LinkOffer&, const LinkOffer&) = default;
};

// What one exchange carries at most: a receiver refuses more. Admission keeps to the number of
// Links, since one that were left out would count as withdrawn.
inline constexpr std::size_t kMaxLinks = 10000, kMaxIdentities = 100000;

// One side's whole state towards the other. Pairs are seen by whoever holds the value: on the wire
// `ours` is the sender's; parseState() turns them round.
struct RemoteState {
  std::string site;
  net::Asn asn;
  std::uint64_t revision = 0;  // grows with every change at the sender
  std::map<LinkPair, LinkOffer> links;
  std::map<LinkPair, std::uint64_t> refused;  // offers, up to this number, that the sender refuses
  std::map<LinkPair, std::string> problems;   // why an offer could not be shown to anybody there
  std::map<std::uint32_t, std::map<std::string, std::string>> identities;
  friend bool operator==(const RemoteState&, const RemoteState&) = default;
};

[[nodiscard]] model::Json toJson(const RemoteState& state);
// As the receiver sees it, within kMaxLinks and kMaxIdentities.
[[nodiscard]] Result<RemoteState> parseState(const model::Json& json);

struct OwnSide {
  std::string site;
  net::Asn asn;
  std::uint64_t revision = 0;
  std::map<LinkPair, std::uint64_t> refused;
  std::map<LinkPair, std::string> problems;
};
// Our state towards a Peer.
[[nodiscard]] RemoteState stateFor(const model::ObjectMap& objects, const std::string& peer,
                                   const OwnSide& own);

// Cuts the state to what one exchange carries, in number and in bytes: the highest identity numbers
// go first, so that Links get through however many identities there are. The result is how many
// identities were left out. Refusals beyond the bound wait for their turn.
[[nodiscard]] std::size_t cutToFit(RemoteState& state);

// What to write, given theirs: phases, targets and prefixes of our Links, and new Links for what
// they propose. Each entry is a transaction of its own, named by its pair.
struct LinkWrites {
  LinkPair pair;
  std::vector<api::Write> writes;
};
struct LinkPlan {
  std::vector<LinkWrites> transactions;
  std::map<LinkPair, std::string> problems;  // offers that cannot be taken whatever is written
  std::set<LinkPair> forget;                 // refusals that they have heard
};
[[nodiscard]] LinkPlan plan(const model::ObjectMap& objects, const std::string& peer,
                            const OwnSide& own, const RemoteState& theirs);

[[nodiscard]] LinkPair pairOf(const model::LinkSpec& spec);

}  // namespace hawser::controller
