// Two hosts joined by an underlay link, with workloads: what the namespace tests play in.
//
//     pod ── vX  host A  u0 ─────── u0  host B  vX ── pod
//                172.31.0.1         172.31.0.2
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "hawser/datapath/datapath.h"
#include "netns.h"

namespace hawser::datapath::test {

inline net::IpAddress ip(std::string_view text) { return *net::IpAddress::parse(text); }
inline net::IpPrefix prefix(std::string_view text) { return *net::IpPrefix::parse(text); }
inline net::Label label(std::uint32_t value) { return *net::Label::make(value); }

inline RuleSet allowAll() { return {}; }

struct Pod {
  Port port;
  Netns net;
};

class Host {
 public:
  explicit Host(std::string name, std::string address, int mtu = 1500)
      : name_(std::move(name)), address_(std::move(address)), mtu_(mtu) {}

  [[nodiscard]] Config config() const {
    Config out;
    out.pinDirectory = bpffs() + "/" + name_;
    out.underlayDevice = "u0";
    out.underlayAddress = ip(address_);
    out.underlayMtu = static_cast<std::uint16_t>(mtu_);
    out.maxRoutes = 1024;
    out.maxConnections = 16384;
    return out;
  }
  // Programs in place, or the reason in `error`.
  bool open() {
    auto opened = net.in([&] { return Datapath::open(config()); });
    error = opened ? "" : opened.error().text();
    if (opened) plane = std::move(*opened);
    return opened.has_value();
  }
  Pod& addPod(std::uint32_t id, const std::string& address, VrfId vrf, int mtu = 1468) {
    pods.push_back(std::make_unique<Pod>());
    auto& pod = *pods.back();
    const auto mac = fmt::format("02:00:00:00:{:02x}:{:02x}", id >> 8U, id & 0xffU);
    net.sh(
        fmt::format("ip link add v{} type veth peer name eth0 netns {} address {} && "
                    "ip link set v{} up mtu {}",
                    id, pod.net.path(), mac, id, mtu));
    pod.net.sh(
        fmt::format("sysctl -qw net.ipv6.conf.all.disable_ipv6=1; ip addr add {}/24 dev eth0 "
                    "&& ip link set eth0 up mtu {} && ip route add default via 10.0.0.1",
                    address, mtu));
    pod.port = {.id = PortId(id),
                .name = fmt::format("default/pod{}", id),
                .device = fmt::format("v{}", id),
                .vrf = vrf,
                .mac = *net::MacAddress::parse(mac),
                .addresses = {ip(address)},
                .gateways = {ip("10.0.0.1")},
                .label = label(1000 + id),
                .identity = {64512, id}};
    pod.port.mtu = static_cast<std::uint16_t>(mtu);
    return pod;
  }
  // Tells the plane of the pod; everything is allowed.
  Result<void> plug(const Pod& pod) {
    return net.in([&]() -> Result<void> {
      if (auto set = plane->setPort(pod.port); !set) return set;
      return plane->setRules(pod.port.id, allowAll());
    });
  }
  [[nodiscard]] Tunnel tunnelTo(
      const Pod& pod, net::Encapsulation encapsulation = net::Encapsulation::kMplsInUdp) const {
    return {encapsulation, ip(address_), pod.port.label};
  }
  [[nodiscard]] std::uint64_t dropped(const std::string& reason) const {
    for (const auto& drop : plane->drops())
      if (drop.reason == reason) return drop.packets;
    return 0;
  }

  Netns net;
  std::unique_ptr<Datapath> plane;
  std::vector<std::unique_ptr<Pod>> pods;
  std::string error;

 private:
  std::string name_, address_;
  int mtu_;
};

class World {
 public:
  explicit World(int mtu = 1500) : a("a", "172.31.0.1", mtu), b("b", "172.31.0.2", mtu) {
    a.net.sh(
        fmt::format("ip link add u0 type veth peer name u0 netns {} && ip addr add "
                    "172.31.0.1/24 dev u0 && ip link set u0 up mtu {}",
                    b.net.path(), mtu));
    b.net.sh(fmt::format("ip addr add 172.31.0.2/24 dev u0 && ip link set u0 up mtu {}", mtu));
  }
  ~World() {
    for (auto* host : {&a, &b}) {
      host->plane.reset();
      host->net.in([&] { Datapath::teardown(host->config()); });
    }
  }
  // Routes both ways between pods of the two hosts, in the VRFs of each.
  Result<void> join(const Pod& onA, const Pod& onB,
                    net::Encapsulation encapsulation = net::Encapsulation::kMplsInUdp) {
    auto there = a.plane->setRoute({onA.port.vrf,
                                    net::IpPrefix::host(onB.port.addresses[0]),
                                    {{b.tunnelTo(onB, encapsulation), 1}},
                                    onB.port.identity});
    if (!there) return there;
    return b.plane->setRoute({onB.port.vrf,
                              net::IpPrefix::host(onA.port.addresses[0]),
                              {{a.tunnelTo(onA, encapsulation), 1}},
                              onA.port.identity});
  }

  Host a, b;
};

}  // namespace hawser::datapath::test
