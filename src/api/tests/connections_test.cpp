// The books of connections: every limit from both sides.
#include "hawser/api/connections.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace hawser::api {
namespace {

net::IpAddress address(int n) {
  return net::IpAddress::parse("10.0.0." + std::to_string(n)).value();
}

class ConnectionsTest : public ::testing::Test {
 protected:
  // Opens one and notes when it is shut.
  std::optional<Connections::Id> open(int from) {
    const auto place = made_++;
    return books_.open(address(from), [this, place] { shut_.push_back(place); });
  }
  Connections books_{{.all = 8,
                      .perAddress = 5,
                      .strangers = 6,
                      .strangersPerAddress = 3,
                      .body = 100,
                      .bodies = 150,
                      .strangersBody = 10,
                      .strangersBodies = 15}};
  int made_ = 0;
  std::vector<int> shut_;
};

TEST_F(ConnectionsTest, TheOldestStrangerOfAnAddressMakesRoomThere) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(open(1));
  ASSERT_TRUE(open(2));
  EXPECT_TRUE(shut_.empty());
  ASSERT_TRUE(open(1));
  EXPECT_EQ(shut_, std::vector{0});
  EXPECT_EQ(books_.count(), 4U);
  EXPECT_EQ(books_.strangers(), 4U);
}

TEST_F(ConnectionsTest, WhereAllAreKnownANewOneIsRefused) {
  for (int i = 0; i < 5; ++i) books_.setKnown(*open(1), true);
  EXPECT_EQ(books_.strangers(), 0U);
  EXPECT_FALSE(open(1));
  EXPECT_TRUE(shut_.empty());
  ASSERT_TRUE(open(2)) << "others have room";
}

TEST_F(ConnectionsTest, TheAddressWithMostStrangersMakesRoomForOthers) {
  ASSERT_TRUE(open(2));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(open(1));
  ASSERT_TRUE(open(3));
  ASSERT_TRUE(open(4));
  EXPECT_EQ(books_.strangers(), 6U);
  ASSERT_TRUE(open(5));
  EXPECT_EQ(shut_, std::vector{1}) << "the oldest of 10.0.0.1, not the oldest of all";
}

TEST_F(ConnectionsTest, StrangersYieldWhenAllIsFullAndTheKnownNever) {
  for (int i = 0; i < 7; ++i) books_.setKnown(*open(10 + i), true);
  ASSERT_TRUE(open(1));
  EXPECT_EQ(books_.count(), 8U);
  ASSERT_TRUE(open(2));
  EXPECT_EQ(shut_, std::vector{7});
  books_.setKnown(9, true);
  EXPECT_FALSE(open(3));
  EXPECT_EQ(books_.count(), 8U);
}

TEST_F(ConnectionsTest, WhoCeasesToBeKnownIsAStrangerAgain) {
  const auto id = *open(1);
  books_.setKnown(id, true);
  books_.setKnown(id, true);
  EXPECT_EQ(books_.strangers(), 0U);
  books_.setKnown(id, false);
  EXPECT_EQ(books_.strangers(), 1U);
  books_.close(id);
  books_.close(id);
  EXPECT_EQ(books_.count(), 0U);
  EXPECT_EQ(books_.strangers(), 0U);
}

TEST_F(ConnectionsTest, BodiesAreCounted) {
  const auto stranger = *open(1), other = *open(2), host = *open(3), person = *open(4);
  books_.setKnown(host, true);
  books_.setKnown(person, true);
  EXPECT_EQ(books_.bodyLimit(stranger), 10U);
  EXPECT_EQ(books_.bodyLimit(host), 100U);
  EXPECT_TRUE(books_.reserve(stranger, 10));
  EXPECT_FALSE(books_.reserve(other, 6));
  EXPECT_TRUE(books_.reserve(other, 5));
  EXPECT_TRUE(books_.reserve(host, 100)) << "strangers take nothing from the known";
  EXPECT_FALSE(books_.reserve(person, 51));
  EXPECT_TRUE(books_.reserve(host, 50)) << "a new body replaces the last";
  EXPECT_TRUE(books_.reserve(person, 100));
  books_.close(person);
  EXPECT_TRUE(books_.reserve(host, 150));
  // Becoming known in between does not mix the sums up.
  books_.setKnown(stranger, true);
  books_.release(stranger);
  EXPECT_TRUE(books_.reserve(other, 15));
}

TEST_F(ConnectionsTest, TheSumsHoldOverAnyHistory) {
  std::minstd_rand random(7);
  std::set<Connections::Id> ids;
  for (int step = 0; step < 20000; ++step) {
    const auto pick = [&] { return 1 + random() % static_cast<unsigned>(made_ + 1); };
    switch (random() % 5) {
      case 0:
      case 1:
        if (const auto id = open(static_cast<int>(random() % 4))) ids.insert(*id);
        break;
      case 2:
        books_.close(pick());
        break;
      case 3:
        books_.setKnown(pick(), random() % 2 == 0);
        break;
      default:
        (void)books_.reserve(pick(), random() % 120);
    }
    ASSERT_LE(books_.count(), 8U);
    ASSERT_LE(books_.strangers(), books_.count());
  }
  for (const auto id : ids) books_.close(id);
  EXPECT_EQ(books_.count(), 0U);
  EXPECT_EQ(books_.strangers(), 0U);
  const auto last = *open(1);
  EXPECT_TRUE(books_.reserve(last, 15)) << "nothing is left reserved";
}

}  // namespace
}  // namespace hawser::api
