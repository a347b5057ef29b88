// A whole plane around the recording one, which outlives it, with things to look at.
#pragma once

#include "fixture.h"

namespace hawser::agent::test {

class FakePlane final : public datapath::Plane {
 public:
  explicit FakePlane(RecordingPlane& plane) : plane_(plane) {}
  Result<void> setPort(const datapath::Port& port) override { return plane_.setPort(port); }
  void removePort(datapath::PortId port) override { plane_.removePort(port); }
  Result<void> setRoute(const datapath::Route& route) override { return plane_.setRoute(route); }
  void removeRoute(datapath::VrfId vrf, const net::IpPrefix& gone) override {
    plane_.removeRoute(vrf, gone);
  }
  Result<void> setRouters(datapath::VrfId vrf, const std::set<net::IpAddress>& all) override {
    return plane_.setRouters(vrf, all);
  }
  Result<void> setTranslations(datapath::PortId port,
                               const std::vector<datapath::Translation>& all) override {
    return plane_.setTranslations(port, all);
  }
  Result<void> setRules(datapath::PortId port, const datapath::RuleSet& all) override {
    return plane_.setRules(port, all);
  }
  void prune() override { plane_.prune(); }

  Result<std::size_t> sweep() override { return plane_.swept; }
  [[nodiscard]] std::uint64_t evicted() const override { return 0; }
  datapath::Mended reconcile() override { return plane_.upkeep; }
  [[nodiscard]] int filterFd() const override { return -1; }
  datapath::Mended mendFilters() override { return {}; }
  [[nodiscard]] int eventFd() const override { return -1; }
  void drainEvents(const std::function<void(const datapath::DropEvent&)>&) override {}
  [[nodiscard]] Result<datapath::ConnectionList> connections(std::optional<datapath::PortId> port,
                                                             std::size_t limit) const override {
    datapath::ConnectionList out;
    for (const auto& one : connectionList)
      if ((!port || one.port == *port) && ++out.total <= limit) out.connections.push_back(one);
    return out;
  }
  [[nodiscard]] std::vector<datapath::DropCount> drops() const override { return {{"policy", 3}}; }
  [[nodiscard]] std::vector<datapath::RuleHit> ruleHits() const override { return {{99, 5}}; }
  [[nodiscard]] std::vector<datapath::PortCounters> portCounters() const override {
    return {{datapath::PortId(1), 10, 1000, 20, 2000}};
  }
  [[nodiscard]] std::vector<datapath::Route> routes(
      std::optional<datapath::VrfId> vrf) const override {
    std::vector<datapath::Route> out;
    for (const auto& [key, route] : plane_.routes)
      if (!vrf || key.first == *vrf) out.push_back(route);
    return out;
  }
  std::vector<datapath::Connection> connectionList;

 private:
  RecordingPlane& plane_;
};

}  // namespace hawser::agent::test
