// Two hosts in namespaces, real packets.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "attach.h"
#include "packets.h"
#include "streams.h"
#include "tap.h"
#include "world.h"

namespace hawser::datapath {
namespace {

using test::Echo;
using test::ip;
using test::Stream;
using test::World;

void switchOffloadsOff(const char* device) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  for (const std::uint32_t command : {ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_STXCSUM}) {
    ethtool_value off{command, 0};
    ifreq request{};
    std::strncpy(request.ifr_name, device, IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(&off);
    EXPECT_EQ(ioctl(fd, SIOCETHTOOL, &request), 0) << command;
  }
  close(fd);
}

// Somebody else's filter: lets all pass.
void attachForeignFilter(const char* device, bpf_tc_attach_point point) {
  const bpf_insn pass[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1},
                           {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  const int program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", pass, 2, nullptr);
  ASSERT_GE(program, 0);
  bpf_tc_hook hook{};
  hook.sz = sizeof(hook);
  hook.ifindex = static_cast<int>(if_nametoindex(device));
  hook.attach_point = point;
  (void)bpf_tc_hook_create(&hook);
  bpf_tc_opts options{};
  options.sz = sizeof(options);
  options.prog_fd = program;
  options.priority = 1;
  EXPECT_EQ(bpf_tc_attach(&hook, &options), 0);
  close(program);
}

class Hosts : public testing::TestWithParam<net::Encapsulation> {};

TEST_P(Hosts, PodsTalkThroughTheTunnel) {
  World world;
  ASSERT_TRUE(world.a.open()) << world.a.error;
  ASSERT_TRUE(world.b.open()) << world.b.error;
  const auto& left = world.a.addPod(1, "10.0.0.11", VrfId(7));
  const auto& right = world.b.addPod(2, "10.0.0.12", VrfId(9));
  ASSERT_TRUE(world.a.plug(left));
  ASSERT_TRUE(world.b.plug(right));
  ASSERT_TRUE(world.join(left, right, GetParam()));
  EXPECT_EQ(left.net.tryShell("ping -c 2 -i 0.05 -W 2 10.0.0.12 >/dev/null"), 0);
  EXPECT_EQ(left.net.tryShell("ping -c 1 -s 1440 -M do -W 2 10.0.0.12 >/dev/null"), 0);
  EXPECT_EQ(left.net.tryShell("ping -c 1 -s 4000 -W 2 10.0.0.12 >/dev/null"), 0) << "fragments";
  EXPECT_EQ(left.net.tryShell("ping -c 1 -W 2 10.0.0.1 >/dev/null"), 0) << "the gateway";
}

TEST_P(Hosts, BulkTcpCrossesAsGso) {
  World world;
  ASSERT_TRUE(world.a.open()) << world.a.error;
  ASSERT_TRUE(world.b.open()) << world.b.error;
  const auto& left = world.a.addPod(1, "10.0.0.11", VrfId(7));
  const auto& right = world.b.addPod(2, "10.0.0.12", VrfId(9));
  ASSERT_TRUE(world.a.plug(left) && world.b.plug(right) && world.join(left, right, GetParam()));
  Stream stream(left.net, right.net, "10.0.0.12", 5000);
  ASSERT_TRUE(stream.ok());
  EXPECT_TRUE(stream.waitFor(64 << 20));
  EXPECT_TRUE(stream.finish());
  const auto connections = world.b.plane->connections(right.port.id, 100)->connections;
  ASSERT_EQ(connections.size(), 1U);
  EXPECT_GT(connections[0].bytesIn, 64U << 20U);
  for (const auto& drop : world.a.plane->drops()) EXPECT_EQ(drop.packets, 0U) << drop.reason;
  for (const auto& drop : world.b.plane->drops()) EXPECT_EQ(drop.packets, 0U) << drop.reason;
}

// As over a network card that cannot segment: what leaves is cut to the MTU, checksums in place.
TEST_P(Hosts, BulkTcpCrossesSegmented) {
  World world;
  ASSERT_TRUE(world.a.open()) << world.a.error;
  ASSERT_TRUE(world.b.open()) << world.b.error;
  for (auto* host : {&world.a, &world.b}) host->net.in([] { switchOffloadsOff("u0"); });
  const auto& left = world.a.addPod(1, "10.0.0.11", VrfId(7));
  const auto& right = world.b.addPod(2, "10.0.0.12", VrfId(9));
  ASSERT_TRUE(world.a.plug(left) && world.b.plug(right) && world.join(left, right, GetParam()));
  Stream stream(left.net, right.net, "10.0.0.12", 5000);
  ASSERT_TRUE(stream.ok());
  EXPECT_TRUE(stream.waitFor(16 << 20));
  EXPECT_TRUE(stream.finish());
}

INSTANTIATE_TEST_SUITE_P(Encapsulations, Hosts,
                         testing::Values(net::Encapsulation::kMplsInUdp, net::Encapsulation::kGre));

TEST(Host, PodsOfOneHostTalkDirectly) {
  World world;
  ASSERT_TRUE(world.a.open()) << world.a.error;
  const auto& one = world.a.addPod(1, "10.0.0.11", VrfId(7));
  const auto& two = world.a.addPod(2, "10.0.0.12", VrfId(7));
  ASSERT_TRUE(world.a.plug(one) && world.a.plug(two));
  for (const auto* pod : {&one, &two})
    ASSERT_TRUE(world.a.plane->setRoute({VrfId(7),
                                         net::IpPrefix::host(pod->port.addresses[0]),
                                         {{LocalPort{pod->port.id}, 1}},
                                         pod->port.identity}));
  EXPECT_EQ(one.net.tryShell("ping -c 2 -i 0.05 -W 2 10.0.0.12 >/dev/null"), 0);
  Stream stream(one.net, two.net, "10.0.0.12", 5000);
  ASSERT_TRUE(stream.ok());
  EXPECT_TRUE(stream.waitFor(32 << 20));
  EXPECT_TRUE(stream.finish());
}

// The agent restarts (close and open again, twice, set everything, prune) under a running stream.
TEST(Host, ARestartLosesNothing) {
  World world;
  ASSERT_TRUE(world.a.open()) << world.a.error;
  ASSERT_TRUE(world.b.open()) << world.b.error;
  const auto& left = world.a.addPod(1, "10.0.0.11", VrfId(7));
  const auto& right = world.b.addPod(2, "10.0.0.12", VrfId(9));
  ASSERT_TRUE(world.a.plug(left) && world.b.plug(right) && world.join(left, right));
  Stream stream(left.net, right.net, "10.0.0.12", 5000);
  ASSERT_TRUE(stream.ok());
  ASSERT_TRUE(stream.waitFor(8 << 20));
  Echo echo(left.net, right.net, "10.0.0.12", 7000);
  ASSERT_TRUE(echo.waitFor(20));
  for (int round = 0; round < 2; ++round) {
    for (auto* host : {&world.a, &world.b}) {
      host->plane.reset();
      ASSERT_TRUE(stream.waitFor(8 << 20)) << "while nobody runs";
      ASSERT_TRUE(host->open()) << host->error;
      ASSERT_TRUE(stream.waitFor(8 << 20)) << "adopted";
    }
    ASSERT_TRUE(world.a.plug(left) && world.b.plug(right) && world.join(left, right));
    world.a.plane->prune();
    world.b.plane->prune();
    ASSERT_TRUE(stream.waitFor(8 << 20));
    ASSERT_TRUE(echo.waitFor(100));
  }
  EXPECT_EQ(echo.lost(), 0U);
  EXPECT_TRUE(stream.finish());
  for (const auto& drop : world.a.plane->drops()) EXPECT_EQ(drop.packets, 0U) << drop.reason;
  for (const auto& drop : world.b.plane->drops()) EXPECT_EQ(drop.packets, 0U) << drop.reason;
}

TEST(Host, AVirtualMachineOnATap) {
  World world;
  ASSERT_TRUE(world.a.open()) << world.a.error;
  ASSERT_TRUE(world.b.open()) << world.b.error;
  test::Tap tap(world.a.net, "tap1");
  test::Pod vm;
  vm.port = {.id = PortId(1),
             .name = "default/vm",
             .device = "tap1",
             .vrf = VrfId(7),
             .mac = *net::MacAddress::parse("02:00:00:00:00:01"),
             .addresses = {ip("10.0.0.11")},
             .gateways = {ip("10.0.0.1")},
             .label = test::label(1001),
             .identity = {64512, 1}};
  vm.port.tap = true;
  const auto& pod = world.b.addPod(2, "10.0.0.12", VrfId(9));
  ASSERT_TRUE(world.a.plug(vm) && world.b.plug(pod) && world.join(vm, pod));
  // The pod's kernel answers the machine's ping.
  tap.write(test::frame({.protocol = test::kIcmp, .sport = 77}));
  const auto reply = test::parse(tap.read());
  EXPECT_TRUE(reply.good);
  EXPECT_EQ(reply.icmpType, 0);
  EXPECT_EQ(reply.source, "10.0.0.12");
  EXPECT_EQ(reply.destinationMac, "02:00:00:00:00:01");
  EXPECT_EQ(reply.sourceMac, "00:00:5e:00:01:00");
  // And a SYN to a closed port is reset by it.
  tap.write(test::frame({.protocol = test::kTcp, .dport = 9}));
  const auto reset = test::parse(tap.read());
  EXPECT_TRUE(reset.good);
  EXPECT_EQ(reset.flags, test::kRst | test::kAck);
}

// A service in full: two backends, one goes while its connections run, then none is left.
TEST(Host, AServiceWithBackendsThatGo) {
  World world;
  ASSERT_TRUE(world.a.open()) << world.a.error;
  ASSERT_TRUE(world.b.open()) << world.b.error;
  // Checksums that a workload's device owes are completed here, after the translation.
  for (auto* host : {&world.a, &world.b}) host->net.in([] { switchOffloadsOff("u0"); });
  const auto& client = world.a.addPod(1, "10.0.0.11", VrfId(7));
  const auto& one = world.b.addPod(2, "10.0.0.12", VrfId(7));
  const auto& two = world.b.addPod(3, "10.0.0.13", VrfId(7));
  ASSERT_TRUE(world.a.plug(client) && world.b.plug(one) && world.b.plug(two));
  ASSERT_TRUE(world.join(client, one) && world.join(client, two));
  const auto vip = ip("10.254.98.15");
  const auto route = [&](std::vector<Member> members) {
    return world.a.plane->setRoute({VrfId(7), net::IpPrefix::host(vip), std::move(members), {}});
  };
  for (const auto* pod : {&one, &two})
    ASSERT_TRUE(world.b.plane->setTranslations(
        pod->port.id, {{VrfId(7), vip, 6, 8000, pod->port.addresses[0], 8080}}));
  ASSERT_TRUE(route({{world.b.tunnelTo(one), 1}}));
  Stream stream(client.net, one.net, "10.254.98.15", 8000, 8080);
  ASSERT_TRUE(stream.ok());
  ASSERT_TRUE(stream.waitFor(1 << 20));
  // Not ready any more: the connection goes on (its pod is still there), new ones reach the other.
  ASSERT_TRUE(route({{world.b.tunnelTo(two), 1}}));
  Stream other(client.net, two.net, "10.254.98.15", 8000, 8080);
  EXPECT_TRUE(other.ok());
  EXPECT_TRUE(stream.waitFor(1 << 20));
  EXPECT_TRUE(other.waitFor(1 << 20));
  EXPECT_TRUE(stream.finish());
  EXPECT_TRUE(other.finish());
  ASSERT_TRUE(route({{Refuse{}, 1}}));
  EXPECT_EQ(test::connectFrom(client.net, "10.254.98.15", 8000), -ECONNREFUSED) << "at once";
  world.a.plane->removeRoute(VrfId(7), net::IpPrefix::host(vip));
  EXPECT_EQ(test::connectFrom(client.net, "10.254.98.15", 8000), -ENETUNREACH);
}

TEST(Host, TeardownLeavesNothingOfOursAndAllOfOthers) {
  World world;
  auto& host = world.a;
  host.net.in([] {
    attachForeignFilter("u0", BPF_TC_INGRESS);
    attachForeignFilter("u0", BPF_TC_EGRESS);
  });
  ASSERT_TRUE(host.open()) << host.error;
  const auto& pod = host.addPod(1, "10.0.0.11", VrfId(7));
  ASSERT_TRUE(host.plug(pod));
  EXPECT_EQ(host.net.tryShell("tc filter show dev v1 ingress | grep -q hw_from_port"), 0);
  EXPECT_EQ(host.net.tryShell("tc filter show dev u0 ingress | grep -q hw_from_under"), 0);
  host.plane.reset();
  host.net.in([&] { Datapath::teardown(host.config()); });
  EXPECT_NE(host.net.tryShell("tc filter show dev u0 ingress | grep -q hw_"), 0);
  EXPECT_EQ(host.net.tryShell("tc filter show dev u0 ingress | grep -q foreign"), 0);
  EXPECT_EQ(host.net.tryShell("tc filter show dev u0 egress | grep -q foreign"), 0);
  EXPECT_NE(host.net.tryShell("tc qdisc show dev v1 | grep -q clsact"), 0);
  EXPECT_NE(access(host.config().pinDirectory.c_str(), F_OK), 0);
}

TEST(Host, TheHostsOwnTrafficPasses) {
  World world;
  ASSERT_TRUE(world.a.open()) << world.a.error;
  ASSERT_TRUE(world.b.open()) << world.b.error;
  EXPECT_EQ(world.a.net.tryShell("ping -c 1 -W 2 172.31.0.2 >/dev/null"), 0);
  EXPECT_EQ(world.a.net.tryShell("ping -c 1 -s 5000 -W 2 172.31.0.2 >/dev/null"), 0);
  Stream stream(world.a.net, world.b.net, "172.31.0.2", 6635);
  ASSERT_TRUE(stream.ok());
  EXPECT_TRUE(stream.waitFor(1 << 20));
  EXPECT_TRUE(stream.finish());
}

// Beyond what the kernel lets a packet that is not GSO grow to (16 KiB).
TEST(Host, WhatCannotGrowIsCounted) {
  World world(65535);
  ASSERT_TRUE(world.a.open()) << world.a.error;
  const auto& pod = world.a.addPod(1, "10.0.0.11", VrfId(7), 60000);
  ASSERT_TRUE(world.a.plug(pod));
  ASSERT_TRUE(world.a.plane->setRoute(
      {VrfId(7),
       test::prefix("10.0.0.0/24"),
       {{Tunnel{net::Encapsulation::kMplsInUdp, ip("172.31.0.2"), test::label(2000)}, 1}},
       {}}));
  (void)pod.net.tryShell("ping -c 1 -s 40000 -W 0.1 10.0.0.12 >/dev/null");
  EXPECT_EQ(world.a.dropped("encap_failed"), 1U);
}

TEST(Host, ErrorsNameTheField) {
  World world;
  auto config = world.a.config();
  config.underlayDevice = "nowhere";
  const auto noDevice = world.a.net.in([&] { return Datapath::open(config); });
  ASSERT_FALSE(noDevice);
  EXPECT_EQ(noDevice.error().text(), "nowhere: no such device");
  config = world.a.config();
  config.pinDirectory = "/tmp/hawser-not-bpffs-" + std::to_string(getpid());
  const auto noBpffs = world.a.net.in([&] { return Datapath::open(config); });
  ASSERT_FALSE(noBpffs);
  EXPECT_NE(noBpffs.error().text().find("is not in a bpffs"), std::string::npos);
  EXPECT_NE(access(config.pinDirectory.c_str(), F_OK), 0) << "nothing is left behind";
}

}  // namespace
}  // namespace hawser::datapath
