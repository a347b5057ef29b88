// The underlay: a router's namespace in the middle, in it a bridge for each subnet; every other
// node has one leg, eth0, on its subnet's bridge and the router as default gateway. The outside is
// a bridge in a namespace of its own that only gateways and outside hosts are on.
//
//   compute1 ─┐                  ┌─ node1           mx1 ─┐            ┌─ mx1 (eth1)
//   compute2 ─┼─ br0 ─transit─ br1 ─ node2      br2 ─┼─ …   outside: br0 ┼─ mx2 (eth1)
//   ctl-os   ─┘                  └─ ctl-k8s         mx2 ─┘            └─ client
#include <fmt/core.h>

#include "topology/plan.h"

namespace hawser::lab {

std::string netnsName(const Topology& topology, const std::string& node) {
  return topology.name + "-" + node;
}

namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

// Everything here is IPv4; neighbour discovery would only be noise in captures. Set before the
// links come, so that they are born without it.
Settings quiet() { return {{"net/ipv6/conf/default/disable_ipv6", "1"}}; }

class Builder {
 public:
  explicit Builder(const Topology& topology) : topology_(topology) {}

  Underlay run() {
    addNamespace("transit", quiet());
    out_.namespaces[kTransit].before.emplace_back("net/ipv4/ip_forward", "1");
    if (topology_.outside) addOutside(*topology_.outside);
    for (const auto& site : topology_.sites) {
      const auto bridge = transitBridge(site.underlay);
      addHost(site.controller, site.underlay, bridge);
      for (const auto& host : site.hosts) addHost(host, site.underlay, bridge);
    }
    for (const auto& gateway : topology_.gateways) addGateway(gateway);
    return std::move(out_);
  }

 private:
  static constexpr std::size_t kTransit = 0;

  std::size_t addNamespace(const std::string& node, Settings before = {}) {
    const auto name = netnsName(topology_, node);
    out_.namespaces.push_back({name, node, std::move(before), {}, {}});
    return out_.namespaces.size() - 1;
  }

  void addBridge(std::size_t in, const std::string& bridge, const std::string& address,
                 unsigned mtu) {
    out_.namespaces[in].commands += fmt::format(
        "link add {0} mtu {2} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n{1}"
        "link set {0} up\n",
        bridge, address.empty() ? "" : fmt::format("addr add {} dev {}\n", address, bridge), mtu);
  }

  // A pair between a node and a bridge.
  void connect(std::size_t node, const std::string& device, std::size_t in,
               const std::string& bridge, unsigned mtu) {
    const auto port = fmt::format("p{}", ports_++);
    out_.links +=
        fmt::format("link add name {} mtu {} netns {} type veth peer name {} mtu {} netns {}\n",
                    device, mtu, out_.namespaces[node].name, port, mtu, out_.namespaces[in].name);
    out_.namespaces[in].commands +=
        fmt::format("link set {0} master {1}\nlink set {0} up\n", port, bridge);
  }

  // The bridge of a subnet in the transit namespace; made when it is asked for first.
  std::string transitBridge(const net::IpPrefix& subnet) {
    const auto [found, fresh] = bridges_.emplace(subnet, fmt::format("br{}", bridges_.size()));
    if (fresh)
      addBridge(kTransit, found->second,
                fmt::format("{}/{}", transitAddress(subnet).text(), subnet.length()),
                topology_.mtu);
    return found->second;
  }

  void addHost(const Host& host, const net::IpPrefix& subnet, const std::string& bridge) {
    const auto node = addNamespace(host.name);
    connect(node, "eth0", kTransit, bridge, topology_.mtu);
    // No reverse path filter: a workload's packet comes from where no route of the host leads.
    for (const char* device : {"all", "default"})
      out_.namespaces[node].before.emplace_back(fmt::format("net/ipv4/conf/{}/rp_filter", device),
                                                "0");
    out_.namespaces[node].commands +=
        fmt::format("addr add {}/{} dev eth0\nlink set eth0 up\nroute add default via {}\n",
                    host.address.text(), subnet.length(), transitAddress(subnet).text());
  }

  // The gateway's own interfaces are in its machine; its namespace only carries the wires.
  void addGateway(const Gateway& gateway) {
    const auto node = addNamespace("gw-" + gateway.name, quiet());
    connect(node, "eth0", kTransit, transitBridge(gateway.address.subnet()), topology_.mtu);
    connect(node, "eth1", outside_, "br0", kOutsideMtu);
    out_.namespaces[node].commands += "link set eth0 up\nlink set eth1 up\n";
  }

  void addOutside(const Outside& outside) {
    outside_ = addNamespace("outside", quiet());
    addBridge(outside_, "br0",
              outside.router
                  ? fmt::format("{}/{}", outside.router->text(), outside.network.length())
                  : std::string(),
              kOutsideMtu);
    for (const auto& host : outside.hosts) addOutsideHost(host, outside.network);
  }

  void addOutsideHost(const OutsideHost& host, const net::IpPrefix& network) {
    const auto node = addNamespace(host.name, quiet());
    auto& space = out_.namespaces[node];
    // Several next hops: per connection, ports included; one that does not answer ARP is not used,
    // and that is noticed within three seconds; an emulated machine may be slow to answer.
    space.before.emplace_back("net/ipv4/fib_multipath_hash_policy", "1");
    space.before.emplace_back("net/ipv4/fib_multipath_use_neigh", "1");
    // A gateway that has no route yet sends packets on to the outside router, and would tell the
    // client to go there itself from now on.
    for (const char* device : {"all", "default"})
      space.before.emplace_back(fmt::format("net/ipv4/conf/{}/accept_redirects", device), "0");
    connect(node, "eth0", outside_, "br0", kOutsideMtu);
    space.commands += fmt::format("addr add {}/{} dev eth0\nlink set eth0 up\n",
                                  host.address.text(), network.length());
    for (const auto& route : host.routes) {
      auto line = fmt::format("route add {}", route.to.text());
      if (route.via.size() == 1) line += " via " + route.via[0].text();
      if (route.via.size() > 1)
        for (const auto& hop : route.via)
          line += fmt::format(" nexthop via {} dev eth0", hop.text());
      space.commands += line + "\n";
    }
    for (const auto& [name, value] : std::initializer_list<std::pair<const char*, const char*>>{
             {"base_reachable_time_ms", "1000"},
             {"delay_first_probe_time", "1"},
             {"retrans_time_ms", "400"},
             {"ucast_solicit", "3"},
             {"mcast_solicit", "3"}})
      space.after.emplace_back(fmt::format("net/ipv4/neigh/eth0/{}", name), value);
  }

  static constexpr unsigned kOutsideMtu = 1500;

  const Topology& topology_;
  Underlay out_;
  std::map<net::IpPrefix, std::string> bridges_;
  std::size_t outside_ = 0;
  unsigned ports_ = 0;
};

}  // namespace

Underlay planUnderlay(const Topology& topology) { return Builder(topology).run(); }

}  // namespace hawser::lab
