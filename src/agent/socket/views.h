// What the agent shows of itself, as JSON. Pure reading.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>

#include "agent.h"
#include "hawser/bgp/speaker.h"

namespace hawser::agent {

// The newest drop events that rules asked to log, for people and for `hawser trace`.
class DropLog {
 public:
  explicit DropLog(const Clock& clock) : clock_(clock) {}
  // Kept, of a port that has most in place of its oldest; said in the log, at most ten a second,
  // and how many were not.
  void add(const datapath::DropEvent& event, const Agent& agent);
  [[nodiscard]] Json json(const Agent& agent) const;

 private:
  struct Entry {
    datapath::DropEvent event;
    TimePoint at;
  };
  void makeRoom();

  const Clock& clock_;
  std::deque<Entry> newest_;
  TimePoint second_{};
  std::uint64_t said_ = 0, unsaid_ = 0;
};

// What only the running process knows.
struct Surroundings {
  std::string site;
  net::Asn asn;
  std::string controller;  // whose slices we follow
  bool connected = false;
  std::string error;  // why not
  std::vector<bgp::PeerStatus> peers;
  bool synchronised = false;
};

[[nodiscard]] Json statusJson(const Agent& agent, const Surroundings& surroundings);
[[nodiscard]] Json portsJson(const Agent& agent, const datapath::Plane& plane);
[[nodiscard]] Json vrfsJson(const Agent& agent);
// vrf: "project/network", or the number; empty: all. kNotFound: no such VRF here.
[[nodiscard]] Result<Json> routesJson(const Agent& agent, const std::string& vrf);
// As the datapath's maps hold them.
[[nodiscard]] Result<Json> mapRoutesJson(const Agent& agent, const datapath::Plane& plane,
                                         const std::string& vrf);
// port: "project/port", empty: all. At most `limit`; "total" tells how many there are.
[[nodiscard]] Result<Json> connectionsJson(const Agent& agent, const datapath::Plane& plane,
                                           const std::string& port, std::size_t limit);
[[nodiscard]] Json rulesJson(const Agent& agent, const datapath::Plane& plane);

}  // namespace hawser::agent
