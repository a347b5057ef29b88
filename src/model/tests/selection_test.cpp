#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "hawser/model/object.h"

namespace hawser::model {
namespace {

TEST(Selector, TermsAllHold) {
  const std::map<std::string, std::string> labels{{"tier", "db"}, {"zone", "a"}};
  EXPECT_TRUE(selects("", labels));
  EXPECT_TRUE(selects("tier=db,zone=a", labels));
  EXPECT_TRUE(selects("tier==db", labels));
  EXPECT_TRUE(selects("tier", labels));
  EXPECT_TRUE(selects("tier!=web,missing!=x", labels));
  EXPECT_FALSE(selects("tier=db,zone=b", labels));
  EXPECT_FALSE(selects("tier!=db", labels));
  EXPECT_FALSE(selects("missing", labels));
}

TEST(Selector, NothingMatchesWithoutLabels) {
  const std::map<std::string, std::string> none;
  EXPECT_TRUE(selects("", none));
  EXPECT_TRUE(selects("a!=b", none));
  EXPECT_FALSE(selects("a", none));
  EXPECT_FALSE(selects("a=", none));
}

TEST(Selector, AnEmptyValueIsAValue) {
  const std::map<std::string, std::string> labels{{"a", ""}};
  EXPECT_TRUE(selects("a=", labels));
  EXPECT_TRUE(selects("a==", labels));
  EXPECT_FALSE(selects("a!=", labels));
}

TEST(NeedOrder, WhatIsNeededComesFirst) {
  const std::vector<std::pair<Kind, Kind>> needs{
      {Kind::kSite, Kind::kProject},    {Kind::kProject, Kind::kNetwork},
      {Kind::kSite, Kind::kHost},       {Kind::kProject, Kind::kQuota},
      {Kind::kProject, Kind::kToken},   {Kind::kAddressPool, Kind::kNetwork},
      {Kind::kNetwork, Kind::kPort},    {Kind::kSecurityGroup, Kind::kPort},
      {Kind::kHost, Kind::kPort},       {Kind::kPort, Kind::kService},
      {Kind::kPort, Kind::kFloatingIp}, {Kind::kPeer, Kind::kLink},
      {Kind::kNetwork, Kind::kLink},    {Kind::kNetwork, Kind::kPolicy},
      {Kind::kNetwork, Kind::kRouter},  {Kind::kProject, Kind::kIdentity}};
  for (const auto& [first, then] : needs)
    EXPECT_LT(needOrder(first), needOrder(then)) << info(first).name << " " << info(then).name;
}

}  // namespace
}  // namespace hawser::model
