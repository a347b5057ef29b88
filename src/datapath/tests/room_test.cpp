// Full tables of routes: refused by name, and never for want of room for this host's own ports.
#include <fmt/format.h>

#include "bench.h"

namespace hawser::datapath {
namespace {

using namespace test;  // NOLINT: the vocabulary of these tests

class Room : public Bench {
 protected:
  void SetUp() override {
    config_.maxRoutes = 64;
    config_.maxNextHops = 32;
    Bench::SetUp();
  }
  Result<void> add(int number, Member member) {
    return plane_->setRoute(
        {VrfId(7), prefix(fmt::format("10.1.0.{}/32", number)), {member}, {64512, 9}});
  }
  // How many of `count` routes there is room for.
  int fill(int count, const Member& member, int first = 0) {
    int room = 0;
    for (int i = first; i < first + count; ++i) room += add(i, member) ? 1 : 0;
    return room;
  }
  static Member local() { return {LocalPort{PortId(1)}, 1}; }
};

TEST_F(Room, TheLastSixteenthIsForPortsOfThisHost) {
  EXPECT_EQ(fill(100, via(2000)), 60);
  const auto refused = add(200, via(2000));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(), "routes: is full (64, of which 4 are for ports of this host)");
  EXPECT_EQ(fill(10, local(), 100), 4);
  const auto none = add(200, local());
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().text().find("write to the map routes"), std::string::npos);
  EXPECT_EQ(plane_->routes(std::nullopt).size(), 64U);
}

TEST_F(Room, WhatIsThereCanChangeAndGo) {
  ASSERT_EQ(fill(100, via(2000)), 60);
  EXPECT_TRUE(add(0, via(2001))) << "another next hop";
  plane_->removeRoute(VrfId(7), prefix("10.1.0.5/32"));
  EXPECT_TRUE(add(99, via(2000)));
  EXPECT_FALSE(add(98, via(2000)));
}

TEST_F(Room, NextHopsToo) {
  int room = 0;
  for (int i = 0; i < 40; ++i) room += add(i, via(static_cast<std::uint32_t>(3000 + i))) ? 1 : 0;
  EXPECT_EQ(room, 30);
  const auto refused = add(50, via(5000));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(),
            "next_hops: is full (32, of which 2 are for ports of this host)");
  EXPECT_TRUE(add(50, local()));
  EXPECT_TRUE(add(51, via(3001))) << "one that is there";
}

TEST_F(Room, WhatLingersMakesRoom) {
  const auto backends = [&](std::uint32_t first) {
    int room = 0;
    for (std::uint32_t i = 0; i < 30; ++i)
      room += plane_->setRoute(
                  {VrfId(7), prefix(fmt::format("10.1.0.{}/32", i)), {via(first + i)}, {}, true})
                  ? 1
                  : 0;
    return room;
  };
  EXPECT_EQ(backends(3000), 30);
  for (int i = 0; i < 30; ++i)
    plane_->removeRoute(VrfId(7), prefix(fmt::format("10.1.0.{}/32", i)));
  EXPECT_EQ(backends(4000), 30);
}

TEST_F(Room, GroupsTooAndNothingIsLeftOfARefusedRoute) {
  const auto pair = [&](int number, bool withLocal) {
    std::vector<Member> members = {via(3001), via(3002)};
    if (withLocal) members.push_back(local());
    return plane_->setRoute({VrfId(7), prefix(fmt::format("10.1.0.{}/32", number)), members, {}});
  };
  int room = 0;
  for (int i = 0; i < 40; ++i) room += pair(i, false) ? 1 : 0;
  EXPECT_EQ(room, 30);
  EXPECT_EQ(pair(60, false).error().text(),
            "groups: is full (32, of which 2 are for ports of this host)");
  EXPECT_TRUE(pair(60, true));
  plane_->removeRoute(VrfId(7), prefix("10.1.0.60/32"));
  for (int i = 0; i < 40; ++i)
    plane_->removeRoute(VrfId(7), prefix(fmt::format("10.1.0.{}/32", i)));
  EXPECT_TRUE(plane_->routes(std::nullopt).empty());
  room = 0;
  for (int i = 0; i < 40; ++i) room += add(i, via(static_cast<std::uint32_t>(3000 + i))) ? 1 : 0;
  EXPECT_EQ(room, 30) << "no next hop is held by what was refused";
}

}  // namespace
}  // namespace hawser::datapath
