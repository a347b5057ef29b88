// A Plane around the recording one, with things to look at.
#pragma once

#include "fixture.h"
#include "plane.h"

namespace hawser::agent::test {

class FakePlane final : public Plane {
 public:
  explicit FakePlane(RecordingPlane& plane) : plane_(plane) {}
  datapath::ForwardingPlane& forwarding() override { return plane_; }
  std::size_t sweep() override { return 0; }
  std::uint64_t evicted() const override { return 0; }
  std::size_t reconcile() override { return 0; }
  int filterFd() const override { return -1; }
  std::size_t mendFilters() override { return 0; }
  int eventFd() const override { return -1; }
  void drainEvents(const std::function<void(const datapath::DropEvent&)>&) override {}
  std::vector<datapath::Connection> connections(
      std::optional<datapath::PortId> port) const override {
    auto out = connectionList;
    std::erase_if(out, [&](const auto& one) { return port && one.port != *port; });
    return out;
  }
  std::vector<datapath::DropCount> drops() const override { return {{"policy", 3}}; }
  std::vector<datapath::RuleHit> ruleHits() const override { return {{99, 5}}; }
  std::vector<datapath::PortCounters> portCounters() const override {
    return {{datapath::PortId(1), 10, 1000, 20, 2000}};
  }
  std::vector<datapath::Route> routes(std::optional<datapath::VrfId> vrf) const override {
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
