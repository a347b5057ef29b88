// Two hosts in namespaces, real packets.
#include <gtest/gtest.h>

#include "world.h"

namespace hawser::datapath {
namespace {

using test::ip;
using test::World;

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

INSTANTIATE_TEST_SUITE_P(Encapsulations, Hosts,
                         testing::Values(net::Encapsulation::kMplsInUdp, net::Encapsulation::kGre));

}  // namespace
}  // namespace hawser::datapath
