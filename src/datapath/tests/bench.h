// One host's programs run on crafted packets (BPF_PROG_TEST_RUN). Devices are real, packets are not
// sent: the verdict and the bytes that would leave are what counts.
#pragma once

#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include "attach.h"
#include "packets.h"
#include "world.h"

namespace hawser::datapath::test {

inline constexpr int kPass = 0, kShot = 2, kRedirect = 7;  // TC_ACT_*

struct Outcome {
  int verdict = -1;
  Bytes frame;
};

// Ports 1 (10.0.0.11), 2 (10.0.0.12) in VRF 7; remote host 172.31.0.2.
class Bench : public testing::Test {
 protected:
  void SetUp() override {
    net_.sh(
        "ip link add u0 type veth peer name u1 && ip link set u0 up && ip link set u1 up && "
        "ip link add v1 type veth peer name w1 && ip link add v2 type veth peer name w2");
    config_.pinDirectory = bpffs() + "/bench";
    config_.underlayDevice = "u0";
    config_.underlayAddress = ip("172.31.0.1");
    reopen();
    ASSERT_TRUE(plug(1)) << error_;
    ASSERT_TRUE(plug(2)) << error_;
  }
  void TearDown() override {
    plane_.reset();
    net_.in([&] { Datapath::teardown(config_); });
  }
  static Config small() {
    Config out;
    out.maxRoutes = out.maxRules = 1024;
    out.maxConnections = 4096;
    return out;
  }
  void reopen() {
    plane_.reset();
    auto opened = net_.in([&] { return Datapath::open(config_); });
    ASSERT_TRUE(opened) << opened.error().text();
    plane_ = std::move(*opened);
  }
  static Port portOf(std::uint32_t id) {
    Port port{.id = PortId(id),
              .name = "default/port",
              .device = "v" + std::to_string(id),
              .vrf = VrfId(7),
              .mac = *net::MacAddress::parse("02:00:00:00:00:0" + std::to_string(id)),
              .addresses = {ip("10.0.0.1" + std::to_string(id))},
              .gateways = {ip("10.0.0.1")},
              .label = label(1000 + id),
              .identity = {64512, id}};
    return port;
  }
  bool plug(std::uint32_t id) { return plug(portOf(id)); }
  bool plug(const Port& port) {
    return net_.in([&] {
      auto done = plane_->setPort(port);
      if (done) done = plane_->setRules(port.id, allowAll());
      if (!done) error_ = done.error().text();
      return done.has_value();
    });
  }
  void route(std::string_view to, std::vector<Member> members, net::Identity identity = {64512, 9},
             VrfId vrf = VrfId(7)) {
    ASSERT_TRUE(plane_->setRoute({vrf, prefix(to), std::move(members), identity}));
  }
  static Member via(std::uint32_t labelValue, std::string_view host = "172.31.0.2",
                    net::Encapsulation encapsulation = net::Encapsulation::kMplsInUdp) {
    return {Tunnel{encapsulation, ip(host), label(labelValue)}, 1};
  }

  [[nodiscard]] int indexOf(const std::string& device) const {
    return net_.in([&] { return findDevice(device)->index; });
  }
  // Runs the program of `device` as if the frame came in by `as` (the same device by default).
  [[nodiscard]] Outcome run(const std::string& device, const Bytes& in, std::string as = "",
                            std::uint32_t gsoSize = 0) const {
    return net_.in([&] {
      const auto program = attachedIngress(findDevice(device)->index);
      const int fd = bpf_prog_get_fd_by_id(program->value_or(0));
      const auto outcome = runProgram(fd, in, findDevice(as.empty() ? device : as)->index, gsoSize);
      close(fd);
      return outcome;
    });
  }
  static Outcome runProgram(int fd, const Bytes& in, int ifindex, std::uint32_t gsoSize = 0) {
    __sk_buff context{};
    context.ifindex = static_cast<std::uint32_t>(ifindex);
    context.gso_size = gsoSize;
    if (gsoSize != 0) context.gso_segs = static_cast<std::uint32_t>(in.size() / gsoSize + 1);
    Bytes out(4096);
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = in.data();
    options.data_size_in = static_cast<std::uint32_t>(in.size());
    options.data_out = out.data();
    options.data_size_out = static_cast<std::uint32_t>(out.size());
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
    EXPECT_EQ(bpf_prog_test_run_opts(fd, &options), 0);
    out.resize(options.data_size_out);
    return {static_cast<int>(options.retval), out};
  }
  [[nodiscard]] Outcome send(const Spec& spec) const { return run("v1", frame(spec)); }
  [[nodiscard]] Outcome receive(const Spec& inner, TunnelSpec outer = {}) const {
    return run("u0", tunnel(outer, ipv4(inner)));
  }
  [[nodiscard]] std::uint64_t dropped(const std::string& reason) const {
    for (const auto& drop : plane_->drops())
      if (drop.reason == reason) return drop.packets;
    ADD_FAILURE() << "no such reason: " << reason;
    return 0;
  }
  [[nodiscard]] std::vector<Connection> connections(std::optional<PortId> port = {}) const {
    auto all = plane_->connections(port, SIZE_MAX);
    EXPECT_TRUE(all) << all.error().text();
    return std::move(all->connections);
  }
  // The packet inside what leaves for another host.
  static Parsed inner(const Outcome& outcome, bool transportToo = true) {
    EXPECT_EQ(outcome.verdict, kRedirect);
    const auto outer = parse(outcome.frame, false);
    EXPECT_TRUE(outer.good);
    return parseIp(slice(outer.ip, outer.protocol == kGre ? 28 : 32), transportToo);
  }
  static std::uint32_t labelOf(const Outcome& outcome) {
    const auto outer = parse(outcome.frame, false);
    if (outer.ip.size() < 32) return 0;
    return get32(outer.ip, outer.protocol == kGre ? 24 : 28) >> 12U;
  }

  Netns net_;
  Config config_ = small();
  std::unique_ptr<Datapath> plane_;
  std::string error_;
};

}  // namespace hawser::datapath::test
