// BGP of the site: a speaker that reflects between its hosts, and to the peers that the objects
// name. It imports nothing itself; what people and traces ask is answered from its best routes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "hawser/bgp/speaker.h"
#include "hawser/compiler/compiler.h"
#include "hawser/model/specs.h"
#include "hawser/rib/vrf.h"

namespace hawser::controller {

class Sessions {
 public:
  // Speaks from speaker().start() on, with config.restarting as RFC 4724 says.
  Sessions(io::Loop& loop, bgp::SpeakerConfig config, Metrics& metrics);
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // The peers that shall be, and no others (hosts' sessions aside).
  void setPeers(const std::map<std::string, compiler::PeerIntent>& peers);
  void dropHost(const std::string& name);
  [[nodiscard]] bgp::Speaker& speaker() { return speaker_; }
  [[nodiscard]] const bgp::Speaker& speaker() const { return speaker_; }
  // Why a peer could not be set up, by name.
  [[nodiscard]] const std::map<std::string, std::string>& failures() const { return failures_; }

  // A VRF with these import targets, as it would be on a host: all its routes, or the longest
  // match.
  [[nodiscard]] std::vector<rib::VrfChange> routes(const std::set<net::RouteTarget>& import);
  [[nodiscard]] std::optional<rib::VrfChange> lookup(const std::set<net::RouteTarget>& import,
                                                     const net::IpAddress& address);

  // The session of a host in this site. `name` is the certificate's common name.
  [[nodiscard]] static std::string hostPeer(const std::string& host) { return "host:" + host; }
  [[nodiscard]] static bgp::PeerConfig hostConfig(const std::string& host, net::Asn asn,
                                                  const net::IpAddress& from);

 private:
  [[nodiscard]] bgp::PeerConfig configOf(const compiler::PeerIntent& intent) const;

  bgp::SpeakerConfig config_;
  bgp::Speaker speaker_;
  rib::VrfTable view_;
  std::set<std::string> set_;
  std::map<std::string, std::string> failures_;
};

}  // namespace hawser::controller
