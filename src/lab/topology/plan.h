// What a topology needs of the machine: namespaces, links, addresses, processes and their commands.
// Pure: the runner does what stands here and nothing else.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "topology/topology.h"

namespace hawser::lab {

// Where things are. All absolute.
struct Paths {
  std::string run;      // /run/hawser/lab/<lab>
  std::string scripts;  // the folder with container, gateway, …
  std::string hawser, cni;
  std::string rootfs;  // known once scripts/rootfs has run

  [[nodiscard]] std::string log(const std::string& process) const {
    return run + "/logs/" + process + ".log";
  }
  [[nodiscard]] std::string data(const std::string& node) const { return run + "/data/" + node; }
  [[nodiscard]] std::string socket(const std::string& host) const {
    return run + "/sockets/" + host + ".sock";
  }
  [[nodiscard]] std::string pins(const std::string& host) const { return run + "/bpf/" + host; }
  [[nodiscard]] std::string caFile(const Site& site) const {
    return data(site.controller.name) + "/ca.pem";
  }
  [[nodiscard]] std::string kubeState(const Site& site) const {
    return run + "/data/kube-" + site.name;
  }
};

struct NamespacePlan {
  std::string name;  // of the network namespace
  std::string node;
  std::vector<std::pair<std::string, std::string>> before;  // sysctls ("net/ipv4/ip_forward") that
                                                            // must stand before the links come
  std::string commands;                                     // for `ip -n NAME -batch`
  std::vector<std::pair<std::string, std::string>> after;
};

struct Underlay {
  std::vector<NamespacePlan> namespaces;  // transit first; with their loopback up
  std::string links;                      // for `ip -batch`: the pairs between them
};

enum class ProcessKind { kForward, kController, kAgent, kKube, kNode, kGateway, kWorkload };
[[nodiscard]] std::string_view kindName(ProcessKind kind);

struct ProcessPlan {
  std::string name;  // unique in the lab: "ctl-os", "compute1", "kube-kubernetes", "node1-pods"
  ProcessKind kind = ProcessKind::kController;
  std::string node;   // where it runs
  std::string netns;  // empty: this machine's own
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;
};

[[nodiscard]] std::string netnsName(const Topology& topology, const std::string& node);
[[nodiscard]] Underlay planUnderlay(const Topology& topology);

[[nodiscard]] std::string apiUrl(const Site& site);  // inside the lab
[[nodiscard]] ProcessPlan planController(const Topology& topology, const Site& site,
                                         const Paths& paths);
[[nodiscard]] ProcessPlan planAgent(const Topology& topology, const Site& site, const Host& host,
                                    const Paths& paths);
[[nodiscard]] ProcessPlan planKube(const Topology& topology, const Site& site, const Paths& paths);
[[nodiscard]] ProcessPlan planKubeNode(const Topology& topology, const Site& site, const Host& host,
                                       const Paths& paths);
// `scripts/gateway config …` and `scripts/gateway run …`.
[[nodiscard]] std::vector<std::string> gatewayConfig(const Topology& topology,
                                                     const Gateway& gateway, const Paths& paths);
[[nodiscard]] ProcessPlan planGateway(const Topology& topology, const Gateway& gateway,
                                      const Paths& paths);

struct Image;
// Its namespace comes with the workload, not with the underlay. No command for a bare one.
[[nodiscard]] ProcessPlan planWorkload(const Topology& topology, const Workload& workload,
                                       const Image& image, const Paths& paths);

// A listening port of this machine's loopback → a node's namespace → an address.
struct Forward {
  std::string name;  // a site's name: its API; else an Expose's
  std::uint16_t listen = 0;
  std::string netns;
  net::IpAddress address;
  std::uint16_t port = 0;
};
// Without `listen`, where the file does not say: the runner chooses free ones.
[[nodiscard]] std::vector<Forward> planForwards(const Topology& topology);
[[nodiscard]] ProcessPlan planForward(const std::vector<Forward>& forwards, const Paths& paths);

}  // namespace hawser::lab
