// A host in a box: a forwarding plane and a BGP that write down in one list what they were told, in
// order; devices that exist by name; a state folder of its own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "agent.h"

namespace hawser::agent::test {

using namespace std::chrono_literals;

inline net::IpAddress ip(const std::string& text) { return net::IpAddress::parse(text).value(); }
inline net::IpPrefix prefix(const std::string& text) { return net::IpPrefix::parse(text).value(); }
inline net::RouteTarget target(const std::string& text) {
  return net::RouteTarget::parse(text).value();
}
inline net::Label label(std::uint32_t value) { return net::Label::make(value).value(); }

class TempFolder {
 public:
  TempFolder() {
    std::string name = "/tmp/hawser-agent-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

using Events = std::vector<std::string>;

inline std::string text(const datapath::NextHop& nextHop) {
  if (const auto* port = std::get_if<datapath::LocalPort>(&nextHop))
    return "port:" + std::to_string(port->port.value());
  if (const auto* tunnel = std::get_if<datapath::Tunnel>(&nextHop))
    return std::string(net::encapsulationName(tunnel->encapsulation)) + ":" +
           tunnel->remote.text() + "/" + std::to_string(tunnel->label.value());
  return "refuse";
}

class RecordingPlane final : public datapath::ForwardingPlane {
 public:
  explicit RecordingPlane(Events& events) : events_(events) {}
  Result<void> setPort(const datapath::Port& port) override {
    if (failPorts) return fail(ErrorCode::kInternal, "no room for ports");
    events_.push_back("setPort " + port.name);
    ports[port.id] = port;
    return {};
  }
  void removePort(datapath::PortId port) override {
    events_.push_back("removePort " + ports[port].name);
    ports.erase(port);
    translations.erase(port);
    rules.erase(port);
  }
  Result<void> setRoute(const datapath::Route& route) override {
    const auto key = std::make_pair(route.vrf, route.prefix);
    if (failRoutes || (routes.size() >= routeRoom && !routes.contains(key)))
      return fail(ErrorCode::kInternal, "no room for routes");
    std::string members;
    for (const auto& member : route.members)
      members += (members.empty() ? "" : ",") + text(member.nextHop);
    events_.push_back("setRoute " + route.prefix.text() + " " + members);
    routes[{route.vrf, route.prefix}] = route;
    return {};
  }
  void removeRoute(datapath::VrfId vrf, const net::IpPrefix& gone) override {
    events_.push_back("removeRoute " + gone.text());
    routes.erase({vrf, gone});
  }
  Result<void> setRouters(datapath::VrfId vrf, const std::set<net::IpAddress>& all) override {
    routers[vrf] = all;
    return {};
  }
  Result<void> setTranslations(datapath::PortId port,
                               const std::vector<datapath::Translation>& all) override {
    events_.push_back("setTranslations " + std::to_string(all.size()));
    translations[port] = all;
    return {};
  }
  Result<void> setRules(datapath::PortId port, const datapath::RuleSet& all) override {
    events_.push_back("setRules " + std::to_string(all.rules.size()));
    rules[port] = all;
    return {};
  }
  void prune() override { events_.push_back("prune"); }

  [[nodiscard]] std::string members(std::uint32_t vrf, const std::string& of) const {
    const auto found = routes.find({datapath::VrfId(vrf), prefix(of)});
    if (found == routes.end()) return "none";
    std::string out;
    for (const auto& member : found->second.members)
      out += (out.empty() ? "" : ",") + text(member.nextHop);
    return out;
  }

  bool failPorts = false, failRoutes = false;
  std::size_t routeRoom = SIZE_MAX;
  datapath::Mended upkeep;  // what FakePlane finds
  Result<std::size_t> swept = 0;
  std::map<datapath::PortId, datapath::Port> ports;
  std::map<std::pair<datapath::VrfId, net::IpPrefix>, datapath::Route> routes;
  std::map<datapath::VrfId, std::set<net::IpAddress>> routers;
  std::map<datapath::PortId, std::vector<datapath::Translation>> translations;
  std::map<datapath::PortId, datapath::RuleSet> rules;

 private:
  Events& events_;
};

class RecordingSink final : public RouteSink {
 public:
  explicit RecordingSink(Events& events) : events_(events) {}
  void originate(const Origination& route) override {
    events_.push_back("originate " + route.key.prefix.text());
    routes.insert_or_assign(route.key, route);
  }
  void withdraw(const rib::RouteKey& key) override {
    events_.push_back("withdraw " + key.prefix.text());
    routes.erase(key);
  }
  void setMemberships(const std::set<net::RouteTarget>& targets) override {
    events_.push_back("memberships " + std::to_string(targets.size()));
    memberships = targets;
  }
  std::map<rib::RouteKey, Origination> routes;
  std::set<net::RouteTarget> memberships;

 private:
  Events& events_;
};

class FakeDevices final : public Devices {
 public:
  int indexOf(const std::string& name) const override {
    ++lookups;
    const auto found = names.find(name);
    return found == names.end() ? 0 : found->second;
  }
  mutable std::size_t lookups = 0;
  std::map<std::string, int> names;
};

// VRF 3 "default/app" with ports a (10.0.3.11) and b (10.0.3.12); VRF 4 "default/svc", where the
// service 10.254.0.1:80 leads to port a.
inline model::SlicePort slicePort(const std::string& name, const std::string& address) {
  model::SlicePort port;
  port.uid = "uid-" + name;
  port.name = "default/" + name;
  port.vrf = net::VrfId(3);
  port.mac = net::MacAddress::parse("02:00:00:00:00:0" + std::string(1, address.back())).value();
  port.addresses = {ip(address)};
  port.gateways = {ip("10.0.3.1")};
  port.workload = model::WorkloadRef{"pod", "default", name};
  port.identity = {64512, 7};
  port.hostname = name;
  return port;
}
inline model::Slice slice() {
  model::Slice out;
  out.site = "west";
  out.host = "h1";
  out.revision = 1;
  out.encapsulations = {net::Encapsulation::kMplsInUdp, net::Encapsulation::kGre};
  out.vrfs.push_back({net::VrfId(3), "default/app", {target("64512:3")}, {target("64512:3")}, {}});
  out.vrfs.push_back({net::VrfId(4), "default/svc", {target("64512:4")}, {target("64512:4")}, {}});
  out.ports = {slicePort("a", "10.0.3.11"), slicePort("b", "10.0.3.12")};
  out.ports[0].translations.push_back(
      {net::VrfId(4), ip("10.254.0.1"), model::Protocol::kTcp, 80, 8000, "services/default/svc"});
  return out;
}

inline Plug podPlug(const std::string& pod, const std::string& device,
                    const std::string& container = {}) {
  Plug plug;
  plug.device = device;
  plug.containerId = container.empty() ? "c-" + pod : container;
  plug.ifname = "eth0";
  plug.owner = "cni/hawser";
  plug.workload = model::WorkloadRef{"pod", "default", pod};
  return plug;
}

inline std::shared_ptr<const wire::PathAttributes> remoteAttributes(
    const std::string& nextHop, const std::string& routeTarget,
    std::vector<net::Encapsulation> encapsulations = {net::Encapsulation::kMplsInUdp}) {
  auto made = std::make_shared<wire::PathAttributes>();
  made->nextHop = ip(nextHop);
  made->localPref = 100;
  made->extendedCommunities.push_back(target(routeTarget).community());
  for (const auto one : encapsulations)
    made->extendedCommunities.push_back(net::encapsulationCommunity(one));
  return made;
}

// Runs the loop until the condition holds; false after 15 s.
template <class Condition>
bool eventually(io::Loop& loop, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 15s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    loop.runFor(10ms);
  }
  return true;
}

// One life of an agent on a state folder; the plane outlives it, as BPF maps do.
class Life {
 public:
  Life(const TempFolder& folder, RecordingPlane& plane, Events& events, FakeDevices& devices)
      : state(HostState::load(folder.path()).value()),
        sink(events),
        agent(loop, {.host = "h1", .underlay = ip("10.1.0.11").v4()}, plane, sink, devices, state,
              metrics) {}
  // What BGP would tell back: our own routes and those of others.
  void loopBack() {
    for (const auto& [key, route] : sink.routes) {
      const rib::Path path{rib::kLocal, route.label, route.attributes, false};
      agent.bestChanges({{key, &path}});
    }
  }
  void learn(const std::string& rd, const std::string& route, std::uint32_t labelValue,
             std::shared_ptr<const wire::PathAttributes> attributes) {
    rib::RouteKey key{wire::kVpnv4, net::RouteDistinguisher::parse(rd).value(), prefix(route)};
    const rib::Path path{rib::PeerId(1), label(labelValue), std::move(attributes), false};
    agent.bestChanges({{key, &path}});
  }
  void forget(const std::string& rd, const std::string& route) {
    rib::RouteKey key{wire::kVpnv4, net::RouteDistinguisher::parse(rd).value(), prefix(route)};
    agent.bestChanges({{key, nullptr}});
  }
  void turn() { loop.runFor(1ms); }

  io::Loop loop;
  Metrics metrics;
  HostState state;
  RecordingSink sink;
  Agent agent;
};

class HostTest : public ::testing::Test {
 protected:
  TempFolder folder;
  Events events;
  RecordingPlane plane{events};
  FakeDevices devices{[] {
    FakeDevices all;
    all.names = {{"hwa", 11}, {"hwb", 12}, {"hwc", 13}};
    return all;
  }()};

  std::unique_ptr<Life> life = std::make_unique<Life>(folder, plane, events, devices);
  void restart() {
    life.reset();
    events.clear();
    life = std::make_unique<Life>(folder, plane, events, devices);
  }
  // Position of the first event that begins so; the list's size when there is none.
  [[nodiscard]] std::size_t at(const std::string& begin) const {
    std::size_t i = 0;
    while (i < events.size() && !events[i].starts_with(begin)) ++i;
    return i;
  }
  [[nodiscard]] bool happened(const std::string& begin) const { return at(begin) < events.size(); }
};

inline Answer ignoreAnswer() {
  return [](const Result<Json>&) {};
}

}  // namespace hawser::agent::test
