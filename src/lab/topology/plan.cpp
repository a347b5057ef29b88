// The processes of a lab and their command lines.
#include "topology/plan.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "topology/images.h"

namespace hawser::lab {

std::string_view kindName(ProcessKind kind) {
  switch (kind) {
    case ProcessKind::kForward:
      return "forward";
    case ProcessKind::kController:
      return "controller";
    case ProcessKind::kAgent:
      return "agent";
    case ProcessKind::kKube:
      return "kube";
    case ProcessKind::kNode:
      return "node";
    case ProcessKind::kGateway:
      return "gateway";
    case ProcessKind::kWorkload:
      return "workload";
  }
  return "?";
}

std::string apiUrl(const Site& site) {
  return fmt::format("https://{}:8443", site.controller.address.text());
}

ProcessPlan planController(const Topology& topology, const Site& site, const Paths& paths) {
  const auto address = site.controller.address.text();
  const auto& name = site.controller.name;
  return {name,
          ProcessKind::kController,
          name,
          netnsName(topology, name),
          {paths.hawser, "controller", "--site", site.name, "--asn", std::to_string(site.asn),
           "--data", paths.data(name), "--api", address + ":8443", "--bgp", address + ":179",
           "--bgp-tls", address + ":1790", "--underlay-mtu", std::to_string(topology.mtu)},
          {}};
}

ProcessPlan planAgent(const Topology& topology, const Site& site, const Host& host,
                      const Paths& paths) {
  return {host.name,
          ProcessKind::kAgent,
          host.name,
          netnsName(topology, host.name),
          {paths.hawser,
           "agent",
           "--host",
           host.name,
           "--controller",
           apiUrl(site),
           "--ca",
           paths.caFile(site),
           "--join-token",
           paths.data(host.name) + ".join",
           "--state",
           paths.data(host.name),
           "--socket",
           paths.socket(host.name),
           "--underlay-device",
           "eth0",
           "--underlay-address",
           host.address.text(),
           "--pin-dir",
           paths.pins(host.name)},
          {}};
}

ProcessPlan planKube(const Topology& topology, const Site& site, const Paths& paths) {
  std::vector<std::string> nodes;
  for (const auto& host : site.hosts) nodes.push_back(host.name);
  ProcessPlan plan{"kube-" + site.name,
                   ProcessKind::kKube,
                   site.controller.name,
                   netnsName(topology, site.controller.name),
                   {},
                   {}};
  plan.command = {paths.hawser, "kube"};
  for (const auto& folder : site.kube->manifests)
    plan.command.insert(plan.command.end(), {"--manifests", folder});
  plan.command.insert(
      plan.command.end(),
      {"--server", apiUrl(site), "--ca", paths.caFile(site), "--token",
       paths.kubeState(site) + ".token", "--state", paths.kubeState(site), "--nodes",
       fmt::format("{}", fmt::join(nodes, ",")), "--cluster", site.name, "--pod-cidr",
       site.kube->podCidr.text(), "--service-cidr", site.kube->serviceCidr.text()});
  if (!site.kube->publicNetwork.empty())
    plan.command.insert(plan.command.end(), {"--public-network", site.kube->publicNetwork});
  return plan;
}

ProcessPlan planKubeNode(const Topology& topology, const Site& site, const Host& host,
                         const Paths& paths) {
  return {host.name + "-pods",
          ProcessKind::kNode,
          host.name,
          netnsName(topology, host.name),
          {paths.hawser,
           "kube",
           "node",
           "--node",
           host.name,
           "--state",
           paths.kubeState(site),
           "--cni",
           paths.cni,
           "--agent-socket",
           paths.socket(host.name),
           "--images",
           site.kube->images,
           "--rootfs",
           paths.rootfs,
           "--container-tool",
           paths.scripts + "/container",
           "--netns-prefix",
           topology.name + "-",
           "--logs",
           paths.run + "/logs/pods"},
          {}};
}

std::vector<std::string> gatewayConfig(const Topology& topology, const Gateway& gateway,
                                       const Paths& paths) {
  std::vector<std::string> out{paths.scripts + "/gateway",
                               "config",
                               "--dir",
                               paths.data(gateway.name),
                               "--name",
                               gateway.name,
                               "--asn",
                               std::to_string(gateway.asn),
                               "--underlay",
                               gateway.address.text(),
                               "--underlay-gw",
                               transitAddress(gateway.address.subnet()).text(),
                               "--outside",
                               gateway.outside.text(),
                               "--vrf",
                               gateway.vrf,
                               "--rd",
                               gateway.rd,
                               "--hold",
                               std::to_string(gateway.holdTime)};
  const auto add = [&](const char* flag, std::string value) {
    out.emplace_back(flag);
    out.push_back(std::move(value));
  };
  if (gateway.defaultRoute && topology.outside && topology.outside->router)
    add("--outside-gw", topology.outside->router->text());
  for (const auto& name : gateway.peers) {
    const auto* site = topology.site(name);
    add("--peer", site->controller.address.text());
    add("--peer-as", std::to_string(site->asn));
  }
  for (const auto& target : gateway.routeTargets) add("--rt", target);
  for (const auto& name : gateway.tunnels)
    for (const auto& host : topology.site(name)->hosts) add("--tunnel", host.address.text());
  return out;
}

ProcessPlan planGateway(const Topology& topology, const Gateway& gateway, const Paths& paths) {
  // The script enters the namespace by itself: it works from both sides of it.
  return {gateway.name,
          ProcessKind::kGateway,
          "gw-" + gateway.name,
          {},
          {paths.scripts + "/gateway", "run", "--name", gateway.name, "--netns",
           netnsName(topology, "gw-" + gateway.name), "--underlay", "eth0", "--outside", "eth1",
           "--config", paths.data(gateway.name), "--console", paths.log(gateway.name + "-console")},
          {{"HAWSER_RUN", paths.run + "/gateways"}}};
}

ProcessPlan planWorkload(const Topology& topology, const Workload& workload, const Image& image,
                         const Paths& paths) {
  ProcessPlan plan{workload.name, ProcessKind::kWorkload, workload.name, {}, {}, {}};
  if (workload.image.empty()) return plan;
  plan.command = {paths.scripts + "/container",       "--rootfs",   paths.rootfs,     "--netns",
                  netnsName(topology, workload.name), "--hostname", workload.hostname};
  const auto add = [&](const char* flag, std::string value) {
    plan.command.emplace_back(flag);
    plan.command.push_back(std::move(value));
  };
  if (workload.state) add("--state", paths.run + "/disks/" + workload.name);
  for (const auto& [source, target] : image.bind)
    add("--bind", fmt::format("{}:{}:ro", source, target));
  for (const auto& [key, value] : workload.environment) add("--env", key + "=" + value);
  if (!image.user.empty()) add("--user", image.user);
  plan.command.emplace_back("--");
  plan.command.insert(plan.command.end(), image.command.begin(), image.command.end());
  return plan;
}

std::vector<Forward> planForwards(const Topology& topology) {
  std::vector<Forward> out;
  for (const auto& site : topology.sites)
    out.push_back(
        {site.name, 0, netnsName(topology, site.controller.name), site.controller.address, 8443});
  for (const auto& expose : topology.exposes)
    out.push_back({expose.name, expose.listen, netnsName(topology, expose.from), expose.address,
                   expose.port});
  return out;
}

ProcessPlan planForward(const std::vector<Forward>& forwards, const Paths& paths) {
  ProcessPlan plan{"forward", ProcessKind::kForward, {}, {}, {paths.hawser, "lab", "forward"}, {}};
  for (const auto& forward : forwards)
    plan.command.push_back(fmt::format("{}={}:{}:{}", forward.listen, forward.netns,
                                       forward.address.text(), forward.port));
  return plan;
}

}  // namespace hawser::lab
