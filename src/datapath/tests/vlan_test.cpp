// IEEE 802.1Q tags. The kernel takes the tag of a frame off its bytes before our programs run and
// puts it on again when the packet leaves, whatever it has become: test runs cannot show that, TAPs
// can.
#include "tap.h"
#include "world.h"

namespace hawser::datapath {
namespace {

using namespace test;  // NOLINT: the vocabulary of these tests

// A host whose workload (10.0.0.11) and whose underlay are TAPs.
class Vlan : public testing::Test {
 protected:
  void SetUp() override {
    net_.sh(
        "ip link set u0 address 02:00:00:00:00:f1; ip addr add 172.31.0.1/24 dev u0 && "
        "ip neigh add 172.31.0.2 lladdr 02:00:00:00:00:f2 dev u0 nud permanent");
    config_.pinDirectory = bpffs() + "/vlan";
    config_.underlayDevice = "u0";
    config_.underlayAddress = ip("172.31.0.1");
    config_.maxRoutes = config_.maxRules = config_.maxConnections = 1024;
    net_.in([this] {
      auto opened = Datapath::open(config_);
      ASSERT_TRUE(opened) << opened.error().text();
      plane_ = std::move(*opened);
      Port port{.id = PortId(1),
                .name = "default/vm",
                .device = "tap1",
                .vrf = VrfId(7),
                .mac = *net::MacAddress::parse("02:00:00:00:00:01"),
                .addresses = {ip("10.0.0.11")},
                .gateways = {ip("10.0.0.1")},
                .label = label(1001),
                .identity = {64512, 1}};
      port.tap = true;
      ASSERT_TRUE(plane_->setPort(port) && plane_->setRules(port.id, allowAll()));
    });
    const Tunnel tunnel{net::Encapsulation::kMplsInUdp, ip("172.31.0.2"), label(2001)};
    ASSERT_TRUE(plane_->setRoute({VrfId(7), prefix("10.0.0.12/32"), {{tunnel, 1}}, {64512, 2}}));
  }
  void TearDown() override {
    plane_.reset();
    net_.in([this] { Datapath::teardown(config_); });
  }
  // The frame with a tag after its addresses.
  static Bytes tagged(const Bytes& frame, std::uint16_t tag, std::uint16_t type = 0x8100) {
    Bytes out = slice(frame, 0, 12);
    put16(out, type), put16(out, tag);
    out.insert(out.end(), frame.begin() + 12, frame.end());
    return out;
  }
  static Bytes fromNetwork() {
    auto frame = tunnel({}, ipv4({.source = "10.0.0.12", .destination = "10.0.0.11"}));
    const Bytes mac = {2, 0, 0, 0, 0, 0xf1};
    std::copy(mac.begin(), mac.end(), frame.begin());
    return frame;
  }
  [[nodiscard]] std::uint64_t dropped() const {
    for (const auto& drop : plane_->drops())
      if (drop.reason == "vlan") return drop.packets;
    return 0;
  }

  Netns net_;
  Tap vm_{net_, "tap1"}, wire_{net_, "u0"};
  Config config_;
  std::unique_ptr<Datapath> plane_;
};

TEST_F(Vlan, AWorkloadCannotTagTheUnderlay) {
  const std::uint16_t tags[] = {0x0005, 0x6005, 0x6000};
  for (const std::uint16_t tag : tags) vm_.write(tagged(frame({}), tag));
  vm_.write(tagged(frame({}), 5, 0x88a8));
  vm_.write(tagged(tagged(frame({}), 6), 5));
  EXPECT_EQ(dropped(), 5U);
  // The first that leaves is the one without a tag.
  vm_.write(frame({.sport = 7777}));
  const auto out = wire_.read();
  ASSERT_GT(out.size(), 60U);
  EXPECT_EQ(get16(out, 12), 0x0800);
  EXPECT_EQ(parseIp(slice(out, 14 + 32)).sport, 7777);
}

TEST_F(Vlan, ANetworkOfTheUnderlayIsNotOurs) {
  wire_.write(tagged(fromNetwork(), 5));
  EXPECT_EQ(plane_->connections(std::nullopt, 1)->total, 0U) << "it is that network's";
  wire_.write(fromNetwork());
  EXPECT_EQ(get16(vm_.read(), 12), 0x0800);
}

// VLAN 0 is no network but a priority (IEEE 802.1Q, 6.9): the packet is ours, the tag ends here.
TEST_F(Vlan, APriorityTagDoesNotReachTheWorkload) {
  wire_.write(tagged(fromNetwork(), 0xa000));
  const auto in = vm_.read();
  ASSERT_GT(in.size(), 14U);
  EXPECT_EQ(get16(in, 12), 0x0800);
  EXPECT_TRUE(parse(in).good);
}

}  // namespace
}  // namespace hawser::datapath
