// Adoption, pruning, mending: what is in the maps after the process ended, and what of it stays.
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>

#include "abi/abi.h"
#include "bench.h"

namespace hawser::datapath {
namespace {

using namespace test;  // NOLINT: the vocabulary of these tests

class Restart : public Bench {
 protected:
  [[nodiscard]] int pinned(const std::string& map) const {
    return bpf_obj_get(
        (config_.pinDirectory + "/v" + std::to_string(HW_ABI_VERSION) + "/" + map).c_str());
  }
};

TEST_F(Restart, RoutesAndConnectionsAreAdopted) {
  route("10.0.0.12/32", {via(2001), via(2002)}, {64512, 5});
  route("10.0.0.13/32", {{LocalPort{PortId(2)}, 1}});
  route("10.0.0.14/32", {{Refuse{}, 1}});
  const auto before = plane_->routes(std::nullopt);
  const auto label = labelOf(send({}));
  reopen();
  EXPECT_EQ(plane_->routes(std::nullopt), before);
  EXPECT_EQ(connections(PortId(1)).size(), 1U);
  EXPECT_EQ(labelOf(send({})), label);
}

TEST_F(Restart, SettingTheSameAgainMovesNobody) {
  std::vector<Member> members = {via(2001), via(2002), via(2003)};
  route("10.0.0.12/32", members);
  std::vector<std::uint32_t> before, after;
  for (std::uint16_t i = 0; i < 64; ++i) before.push_back(labelOf(send({.sport = i})));
  reopen();
  std::reverse(members.begin(), members.end());
  route("10.0.0.12/32", members);
  ASSERT_TRUE(plug(1) && plug(2));
  net_.in([this] { plane_->prune(); });
  // Other destination port: new connections, by the same buckets.
  for (std::uint16_t i = 0; i < 64; ++i) after.push_back(labelOf(send({.sport = i})));
  EXPECT_EQ(after, before);
}

TEST_F(Restart, PruneRemovesWhatWasNotSetAgain) {
  route("10.0.0.12/32", {via(2001)});
  route("10.0.0.13/32", {via(2002), via(2003)});
  ASSERT_TRUE(plane_->setTranslations(
      PortId(1), {{VrfId(7), ip("10.254.0.1"), kTcp, 80, ip("10.0.0.11"), 8080}}));
  reopen();
  EXPECT_EQ(labelOf(send({})), 2001U) << "in force until then";
  ASSERT_TRUE(plug(1));
  route("10.0.0.12/32", {via(2001)});
  net_.in([this] { plane_->prune(); });
  EXPECT_EQ(plane_->routes(std::nullopt).size(), 1U);
  EXPECT_EQ(labelOf(send({})), 2001U);
  EXPECT_EQ(parse(send({.destination = "10.0.0.13"}).frame).icmpType, 3);
  EXPECT_EQ(receive({.source = "10.0.0.12", .destination = "10.254.0.1", .protocol = kTcp}).verdict,
            kShot)
      << "the translation went";
  EXPECT_FALSE(net_.in([] { return *attachedIngress(findDevice("v2")->index); })) << "port 2 went";
  EXPECT_TRUE(net_.in([] { return *attachedIngress(findDevice("v1")->index); }));
  EXPECT_EQ(receive({}, {.label = 1002}).verdict, kShot);
  EXPECT_EQ(dropped("unknown_label"), 1U);
}

// An id that a connection may still hold never means another next hop.
TEST_F(Restart, IdsOfNextHopsAreNotUsedAgain) {
  route("10.0.0.12/32", {via(2001)});
  EXPECT_EQ(labelOf(send({})), 2001U);
  plane_->removeRoute(VrfId(7), prefix("10.0.0.12/32"));
  reopen();
  route("10.0.0.99/32", {via(6666)});  // would get the id of 2001 back
  EXPECT_EQ(parse(send({}).frame).icmpType, 3);
}

TEST_F(Restart, ReconcileMendsMapsAndFilters) {
  route("10.0.0.12/32", {via(2001), via(2002)});
  EXPECT_EQ(net_.in([this] { return plane_->reconcile().mended; }), 0U);
  const int routes = pinned("routes");
  const int ports = pinned("ports");
  hw_route_key key{};
  ASSERT_EQ(bpf_map_get_next_key(routes, nullptr, &key), 0);
  ASSERT_EQ(bpf_map_delete_elem(routes, &key), 0);
  key.vrf_be = 0x12345678;  // nobody's
  const hw_route foreign{};
  ASSERT_EQ(bpf_map_update_elem(routes, &key, &foreign, BPF_ANY), 0);
  const std::uint32_t one = 1;
  hw_port port{};
  ASSERT_EQ(bpf_map_lookup_elem(ports, &one, &port), 0);
  port.flags = 0;  // no anti-spoofing any more
  ASSERT_EQ(bpf_map_update_elem(ports, &one, &port, BPF_ANY), 0);
  net_.sh("tc filter del dev v1 ingress");
  net_.sh("tc qdisc del dev u0 clsact");
  EXPECT_EQ(net_.in([this] { return plane_->reconcile().mended; }), 5U);
  EXPECT_EQ(net_.in([this] { return plane_->reconcile().mended; }), 0U);
  EXPECT_EQ(send({}).verdict, kRedirect);
  EXPECT_EQ(send({.source = "10.0.0.13"}).verdict, kShot);
  close(routes);
  close(ports);
}

TEST_F(Restart, AFilterThatGoesIsNoticedAndMended) {
  route("10.0.0.12/32", {via(2001)});
  const auto noticed = [this] {
    pollfd ready{plane_->filterFd(), POLLIN, 0};
    return poll(&ready, 1, 5000) == 1;
  };
  const auto mend = [this] { return net_.in([this] { return plane_->mendFilters().mended; }); };
  (void)mend();  // what SetUp() changed
  for (const auto* command :
       {"tc filter del dev v1 ingress", "tc qdisc del dev v1 clsact", "tc qdisc del dev u0 clsact",
        "tc filter replace dev v1 ingress prio 4857 handle 0x4857 protocol all bpf "
        "object-pinned $P direct-action"}) {
    const auto pin = config_.pinDirectory + "/other";
    const auto underlay =
        net_.in([] { return attachedIngress(findDevice("u0")->index)->value_or(0); });
    const int other = bpf_prog_get_fd_by_id(underlay);
    (void)bpf_obj_pin(other, pin.c_str());
    close(other);
    net_.sh("P=" + pin + "; " + command);
    EXPECT_EQ(unlink(pin.c_str()), 0);
    ASSERT_TRUE(noticed()) << command;
    EXPECT_EQ(mend(), 1U) << command;
    EXPECT_EQ(send({}).verdict, kRedirect) << command;
    EXPECT_EQ(receive({}, {.label = 999}).verdict, kShot) << command;
    EXPECT_EQ(mend(), 0U) << "our own changes";
  }
  // What is none of ours stays as it is.
  net_.sh("tc qdisc add dev u1 clsact && tc qdisc del dev u1 clsact");
  ASSERT_TRUE(noticed());
  EXPECT_EQ(mend(), 0U);
}

// What cannot be mended is told: a port without its filter has no policy.
TEST_F(Restart, WhatCannotBeMendedIsTold) {
  net_.sh("tc filter del dev v1 ingress");
  const auto found = net_.in([this] {
    rlimit before{};
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = dup(0);
    close(next);
    const rlimit none{static_cast<rlim_t>(next), before.rlim_max};  // no socket can be opened
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto out = plane_->reconcile();
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    return out;
  });
  EXPECT_EQ(found.mended, 0U);
  EXPECT_EQ(found.failed, 3U) << "both ports' and the underlay's could not be looked at";
  EXPECT_NE(found.error.text().find("Too many open files"), std::string::npos)
      << found.error.text();
  const auto again = net_.in([this] { return plane_->reconcile(); });
  EXPECT_EQ(again.mended, 1U);
  EXPECT_EQ(again.failed, 0U);
}

TEST_F(Restart, AnEntryThatCannotBeWrittenIsTold) {
  const int labels = pinned("labels");
  const std::uint32_t label = 1001;
  ASSERT_EQ(bpf_map_delete_elem(labels, &label), 0);
  ASSERT_EQ(bpf_map_freeze(labels), 0);
  close(labels);
  const auto found = net_.in([this] { return plane_->reconcile(); });
  EXPECT_EQ(found.mended, 0U);
  EXPECT_EQ(found.failed, 1U);
  EXPECT_EQ(found.error.message, "mend the map labels: Operation not permitted");
}

// Its port is about to go with it; the underlay's would leave the host deaf.
TEST_F(Restart, ADeviceThatIsGoneHasNothingToMend) {
  net_.sh("ip link del v2");
  EXPECT_EQ(net_.in([this] { return plane_->reconcile(); }).failed, 0U);
  net_.sh("ip link del u0");
  const auto found = net_.in([this] { return plane_->reconcile(); });
  EXPECT_EQ(found.failed, 1U);
  EXPECT_EQ(found.error.text(), "u0: the device is gone");
}

TEST_F(Restart, MapsOfAnotherSizeAreMadeAnew) {
  route("10.0.0.12/32", {via(2001)});
  config_.maxConnections *= 2;
  reopen();
  EXPECT_TRUE(plane_->routes(std::nullopt).empty());
  ASSERT_TRUE(plug(1));
  route("10.0.0.12/32", {via(2001)});
  EXPECT_EQ(labelOf(send({})), 2001U);
}

TEST_F(Restart, APortMovesToAnotherDeviceAndLabel) {
  route("10.0.0.12/32", {via(2001)});
  auto moved = portOf(1);
  net_.sh("ip link add v9 type veth peer name w9");
  moved.device = "v9";
  moved.label = label(1500);
  moved.addresses = {ip("10.0.0.21")};
  ASSERT_TRUE(plug(moved));
  EXPECT_FALSE(net_.in([] { return *attachedIngress(findDevice("v1")->index); }));
  const Spec spec{.source = "10.0.0.21"};
  EXPECT_EQ(run("v9", frame(spec)).verdict, kRedirect);
  EXPECT_EQ(receive({}, {.label = 1001}).verdict, kShot);
  EXPECT_EQ(receive({.source = "10.0.0.12", .destination = "10.0.0.21"}, {.label = 1500}).verdict,
            kRedirect);
  EXPECT_EQ(run("v9", frame({})).verdict, kShot) << "the old address is a spoof now";
}

TEST_F(Restart, WrongInputIsRefused) {
  auto port = portOf(3);
  port.device = "missing";
  const auto noDevice = net_.in([&] { return plane_->setPort(port); });
  ASSERT_FALSE(noDevice);
  EXPECT_EQ(noDevice.error().text(), "missing: no such device");
  EXPECT_FALSE(plane_->setRules(PortId(3), {}));
  EXPECT_FALSE(plane_->setTranslations(PortId(3), {}));
  EXPECT_FALSE(plane_->setRoute({VrfId(7), prefix("10.0.0.0/24"), {}, {}}));
  EXPECT_FALSE(plane_->setRoute({VrfId(7), prefix("10.0.0.0/24"), {via(1, "2001:db8::1")}, {}}));
  plane_->removePort(PortId(3));
  plane_->removeRoute(VrfId(7), prefix("10.9.0.0/24"));
}

}  // namespace
}  // namespace hawser::datapath
