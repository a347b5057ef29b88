#include "hawser/net/communities.h"

#include <gtest/gtest.h>

#include <vector>

namespace hawser::net {
namespace {

std::vector<ExtendedCommunity> offering(const std::vector<Encapsulation>& named) {
  std::vector<ExtendedCommunity> out{RouteTarget::parse("64512:3")->community()};
  for (const auto one : named) out.push_back(encapsulationCommunity(one));
  return out;
}

TEST(Communities, EncapsulationIsTheFirstOfOursThatThePathNames) {
  const std::vector<Encapsulation> both{Encapsulation::kMplsInUdp, Encapsulation::kGre};
  const std::vector<Encapsulation> greFirst{Encapsulation::kGre, Encapsulation::kMplsInUdp};
  const std::vector<Encapsulation> vxlan{Encapsulation::kVxlan};
  const auto choose = [](const auto& named, const auto& preference) {
    return chooseEncapsulation(offering(named), preference);
  };
  EXPECT_EQ(choose(both, both), Encapsulation::kMplsInUdp);
  EXPECT_EQ(choose(both, greFirst), Encapsulation::kGre);
  EXPECT_EQ(choose(std::vector{Encapsulation::kGre}, both), Encapsulation::kGre);
  EXPECT_EQ(choose(std::vector<Encapsulation>{}, both), Encapsulation::kGre);  // a plain router
  EXPECT_EQ(choose(std::vector<Encapsulation>{}, vxlan), Encapsulation::kGre);
  EXPECT_EQ(choose(vxlan, both), std::nullopt);
  EXPECT_EQ(choose(vxlan, vxlan), std::nullopt);  // layer 2 only
  EXPECT_EQ(choose(std::vector{Encapsulation::kMplsInUdp}, std::vector{Encapsulation::kGre}),
            std::nullopt);
}

TEST(Communities, IdentityIsTheFirstThatIsNamed) {
  auto communities = offering({Encapsulation::kGre});
  EXPECT_EQ(identityIn(communities), Identity{});
  EXPECT_EQ(identityIn({}), Identity{});
  communities.push_back(identityCommunity({64512, 7}));
  communities.push_back(identityCommunity({64513, 8}));
  EXPECT_EQ(identityIn(communities), (Identity{64512, 7}));
}

}  // namespace
}  // namespace hawser::net
