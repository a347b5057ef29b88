#include "topology/plan.h"

#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "topology/images.h"

namespace hawser::lab {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

Topology topology() {
  auto parsed = parseTopology(Json::parse(R"({
    "name": "two", "transit": {"mtu": 1600},
    "sites": [
      {"name": "a", "asn": 64512, "underlay": "10.1.0.0/24",
       "controller": {"name": "ctl-a", "address": "10.1.0.10"},
       "hosts": [{"name": "a1", "address": "10.1.0.11"}, {"name": "a2", "address": "10.1.0.12"}]},
      {"name": "b", "asn": 64513, "underlay": "10.2.0.0/25",
       "controller": {"name": "ctl-b", "address": "10.2.0.10"},
       "hosts": [{"name": "b1", "address": "10.2.0.11"}],
       "kube": {"manifests": ["m", "n"], "images": "i.yaml", "publicNetwork": "default/Public"}}],
    "gateways": [
      {"name": "mx1", "asn": 64999, "address": "10.3.0.1/24", "outside": "203.0.113.1/24",
       "peers": ["b"], "routeTargets": ["64513:100"], "holdTime": 6},
      {"name": "mx2", "asn": 64999, "address": "10.3.0.2/24", "outside": "203.0.113.2/24",
       "peers": ["b"], "routeTargets": ["64513:100"], "tunnels": ["a", "b"], "defaultRoute": false}],
    "outside": {"network": "203.0.113.0/24", "router": "203.0.113.254",
                "hosts": [{"name": "client", "address": "203.0.113.100",
                           "routes": [{"to": "185.22.97.188/32", "via": ["203.0.113.1", "203.0.113.2"]},
                                      {"to": "10.0.0.0/8", "via": ["203.0.113.1"]}]}]},
    "workloads": [{"name": "w1", "site": "a", "host": "a1", "port": "demo/w1", "state": true,
                   "image": "pg", "images": "i.yaml", "env": {"A": "1"}, "hostname": "db"}],
    "expose": [{"name": "web", "from": "client", "address": "185.22.97.188", "port": 80, "listen": 8080}]
  })"),
                              "/base");
  EXPECT_TRUE(parsed) << parsed.error().text();
  EXPECT_TRUE(checkTopology(*parsed));
  return *parsed;
}

const Paths kPaths{"/run/x", "/src/scripts", "/bin/hawser", "/bin/hawser-cni", "/root-tree"};

const NamespacePlan& space(const Underlay& underlay, const std::string& node) {
  for (const auto& plan : underlay.namespaces)
    if (plan.node == node) return plan;
  ADD_FAILURE() << "no namespace for " << node;
  return underlay.namespaces[0];
}

std::string text(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

TEST(PlanUnderlay, OneNamespaceANode) {
  const auto underlay = planUnderlay(topology());
  std::vector<std::string> names;
  for (const auto& plan : underlay.namespaces) names.push_back(plan.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("two-transit", "two-outside", "two-client",
                                                   "two-ctl-a", "two-a1", "two-a2", "two-ctl-b",
                                                   "two-b1", "two-gw-mx1", "two-gw-mx2"));
}

TEST(PlanUnderlay, TransitRoutesBetweenAllSubnets) {
  const auto underlay = planUnderlay(topology());
  const auto& transit = space(underlay, "transit");
  EXPECT_THAT(transit.before, Contains(Pair("net/ipv4/ip_forward", "1")));
  for (const char* address : {"10.1.0.254/24", "10.2.0.126/25", "10.3.0.254/24"})
    EXPECT_THAT(transit.commands, HasSubstr(fmt::format("addr add {} dev br", address)));
  // Both gateways are on one bridge: three bridges in all.
  EXPECT_THAT(transit.commands, HasSubstr("link add br2 mtu 1600 type bridge"));
  EXPECT_THAT(transit.commands, Not(HasSubstr("link add br3")));
}

TEST(PlanUnderlay, HostsHaveOneLeg) {
  const auto underlay = planUnderlay(topology());
  EXPECT_EQ(space(underlay, "b1").commands,
            "addr add 10.2.0.11/25 dev eth0\nlink set eth0 up\n"
            "route add default via 10.2.0.126\n");
  EXPECT_THAT(underlay.links,
              HasSubstr("link add name eth0 mtu 1600 netns two-b1 type veth peer name"));
}

TEST(PlanUnderlay, OutsideHostSpreadsAndSkipsTheDead) {
  const auto underlay = planUnderlay(topology());
  const auto& client = space(underlay, "client");
  EXPECT_THAT(client.commands,
              AllOf(HasSubstr("route add 185.22.97.188/32 nexthop via 203.0.113.1 dev eth0 nexthop "
                              "via 203.0.113.2 dev eth0\n"),
                    HasSubstr("route add 10.0.0.0/8 via 203.0.113.1\n")));
  EXPECT_THAT(client.before, AllOf(Contains(Pair("net/ipv4/fib_multipath_hash_policy", "1")),
                                   Contains(Pair("net/ipv4/fib_multipath_use_neigh", "1"))));
  EXPECT_THAT(client.before, Contains(Pair("net/ipv4/conf/all/accept_redirects", "0")));
  EXPECT_FALSE(client.after.empty());
  EXPECT_THAT(space(underlay, "outside").commands, HasSubstr("addr add 203.0.113.254/24 dev br0"));
}

TEST(PlanUnderlay, GatewayInterfacesHoldNoAddress) {
  const auto underlay = planUnderlay(topology());
  EXPECT_THAT(space(underlay, "gw-mx1").commands, Not(HasSubstr("addr add")));
  EXPECT_THAT(underlay.links, HasSubstr("link add name eth1 mtu 1500 netns two-gw-mx1"));
}

TEST(PlanProcesses, ControllerAndAgent) {
  const auto lab = topology();
  const auto controller = planController(lab, lab.sites[0], kPaths);
  EXPECT_EQ(controller.netns, "two-ctl-a");
  EXPECT_EQ(text(controller.command),
            "/bin/hawser controller --site a --asn 64512 --data /run/x/data/ctl-a --api "
            "10.1.0.10:8443 --bgp 10.1.0.10:179 --bgp-tls 10.1.0.10:1790 --underlay-mtu 1600");
  const auto agent = planAgent(lab, lab.sites[0], lab.sites[0].hosts[1], kPaths);
  EXPECT_EQ(agent.netns, "two-a2");
  EXPECT_EQ(text(agent.command),
            "/bin/hawser agent --host a2 --controller https://10.1.0.10:8443 --ca "
            "/run/x/data/ctl-a/ca.pem --join-token /run/x/data/a2.join --state /run/x/data/a2 "
            "--socket /run/x/sockets/a2.sock --underlay-device eth0 --underlay-address 10.1.0.12 "
            "--pin-dir /run/x/bpf/a2");
}

TEST(PlanProcesses, Kube) {
  const auto lab = topology();
  const auto kube = planKube(lab, lab.sites[1], kPaths);
  EXPECT_EQ(kube.netns, "two-ctl-b");
  EXPECT_THAT(text(kube.command),
              AllOf(HasSubstr("--manifests /base/m --manifests /base/n"), HasSubstr("--nodes b1"),
                    HasSubstr("--public-network default/Public")));
  const auto node = planKubeNode(lab, lab.sites[1], lab.sites[1].hosts[0], kPaths);
  EXPECT_THAT(text(node.command),
              AllOf(HasSubstr("kube node --node b1"), HasSubstr("--rootfs /root-tree"),
                    HasSubstr("--agent-socket /run/x/sockets/b1.sock")));
}

TEST(PlanProcesses, Gateways) {
  const auto lab = topology();
  const auto first = text(gatewayConfig(lab, lab.gateways[0], kPaths));
  EXPECT_THAT(first, AllOf(HasSubstr("--underlay 10.3.0.1/24 --underlay-gw 10.3.0.254"),
                           HasSubstr("--outside-gw 203.0.113.254"), HasSubstr("--hold 6"),
                           HasSubstr("--peer 10.2.0.10 --peer-as 64513"), HasSubstr("--rd 64999:1"),
                           HasSubstr("--tunnel 10.2.0.11"), Not(HasSubstr("--tunnel 10.1.0.11"))));
  const auto second = text(gatewayConfig(lab, lab.gateways[1], kPaths));
  EXPECT_THAT(second, AllOf(Not(HasSubstr("--outside-gw")), HasSubstr("--rd 64999:2"),
                            HasSubstr("--tunnel 10.1.0.11 --tunnel 10.1.0.12 --tunnel 10.2.0.11")));
  const auto run = planGateway(lab, lab.gateways[0], kPaths);
  EXPECT_THAT(text(run.command), HasSubstr("--netns two-gw-mx1 --underlay eth0 --outside eth1"));
  EXPECT_EQ(run.environment.at("HAWSER_RUN"), "/run/x/gateways");
}

TEST(PlanProcesses, WorkloadsAreContainersWithADisk) {
  const auto lab = topology();
  const Image image{{{"/base/pg", "/pg"}}, {"/pg/run", "x"}, "postgres"};
  const auto plan = planWorkload(lab, lab.workloads[0], image, kPaths);
  EXPECT_EQ(text(plan.command),
            "/src/scripts/container --rootfs /root-tree --netns two-w1 --hostname db --state "
            "/run/x/disks/w1 --bind /base/pg:/pg:ro --env A=1 --user postgres -- /pg/run x");
  auto bare = lab.workloads[0];
  bare.image.clear();
  EXPECT_TRUE(planWorkload(lab, bare, {}, kPaths).command.empty());
}

TEST(PlanForwards, SitesAndExposed) {
  auto forwards = planForwards(topology());
  ASSERT_EQ(forwards.size(), 3U);
  forwards[0].listen = 4001;
  EXPECT_THAT(planForward(forwards, kPaths).command,
              AllOf(Contains("4001=two-ctl-a:10.1.0.10:8443"),
                    Contains("8080=two-client:185.22.97.188:80")));
}

}  // namespace
}  // namespace hawser::lab
