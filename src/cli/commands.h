// The commands. Each gets its options, prints to the session and gives an exit status; an error is
// told by run().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "session.h"

namespace hawser::cli {

struct ApplyOptions {
  std::vector<std::string> files;
  bool dryRun = false;
};
[[nodiscard]] Result<int> apply(Session& session, const ApplyOptions& options);

struct GetOptions {
  std::string kind;
  std::vector<std::string> names;
  bool allProjects = false;
  std::string_view howToSeeAll = "-A shows all";
  std::string selector;
  bool watch = false;
  std::uint64_t count = 0;  // of a watch: end after so many changes; 0: never
};
[[nodiscard]] Result<int> get(Session& session, GetOptions options);
[[nodiscard]] Result<int> watch(Session& session, GetOptions options);

struct DeleteOptions {
  std::string kind;
  std::vector<std::string> names;
  std::vector<std::string> files;
  bool ignoreMissing = false;
};
[[nodiscard]] Result<int> remove(Session& session, DeleteOptions options);

struct OneOptions {
  std::string kind, name;
};
[[nodiscard]] Result<int> describe(Session& session, const OneOptions& options);
[[nodiscard]] Result<int> explain(Session& session, const std::string& kind);

// A network's table, or all of the project's.
[[nodiscard]] Result<int> routes(Session& session, const std::string& network);
[[nodiscard]] Result<int> bgpPeers(Session& session);
struct BgpRoutesOptions {
  std::string family, prefix, routeTarget;
};
[[nodiscard]] Result<int> bgpRoutes(Session& session, const BgpRoutesOptions& options);

struct TraceOptions {
  std::string from, to, protocol = "tcp";
  std::uint16_t port = 0;
};
// kGood when it reaches, kBlocked when not, kBad when that is not known.
[[nodiscard]] Result<int> trace(Session& session, const TraceOptions& options);
[[nodiscard]] Result<int> status(Session& session);

struct DatapathOptions {
  std::string op, socket = "/run/hawser/agent.sock", vrf, port;
  std::uint32_t limit = 1000;
};
[[nodiscard]] Result<int> datapath(Session& session, const DatapathOptions& options);

struct LinkOptions {
  std::string name, network, remoteNetwork, peer, routeTarget;
  std::vector<std::string> localPrefixes, remotePrefixes;
  std::uint32_t wait = 3;  // seconds for the other site's word
};
// An error when the other site refuses; the proposal stands nevertheless.
[[nodiscard]] Result<int> linkPropose(Session& session, const LinkOptions& options);
// By name, or by what there is to accept: the one pending Link of `network` or with `peer`. What
// was accepted before is fine.
[[nodiscard]] Result<int> linkAccept(Session& session, const LinkOptions& options);
[[nodiscard]] Result<int> linkWithdraw(Session& session, const LinkOptions& options);
[[nodiscard]] Result<int> linkList(Session& session, bool inProject);

struct TokenOptions {
  std::string name, role = "reader", ttl, host, hostAddress;
};
// Prints the secret alone on `out`, what it is on `err`. A token to join lives an hour when nobody
// says how long.
[[nodiscard]] Result<int> tokenIssue(Session& session, const TokenOptions& options);

struct ContextOptions {
  std::string name, server, ca, token, tokenFile, project;
};
[[nodiscard]] Result<int> contextList(Session& session);
[[nodiscard]] Result<int> contextUse(Session& session, const std::string& name);
// What is not given stays as it was.
[[nodiscard]] Result<int> contextSet(Session& session, const ContextOptions& options);
[[nodiscard]] Result<int> contextRemove(Session& session, const std::string& name);

// "90s", "30m", "24h", "7d" in seconds.
[[nodiscard]] Result<std::uint64_t> parseDuration(const std::string& text,
                                                  const std::string& field);

}  // namespace hawser::cli
