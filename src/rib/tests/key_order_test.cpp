// KeyLess is the order of RouteKey's <=>, for every pair of keys that differ in one place or
// several.
#include "key_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace hawser::rib {
namespace {

std::vector<RouteKey> keys() {
  std::vector<RouteKey> all;
  for (const auto family : {wire::kIpv4Unicast, wire::kVpnv4, wire::kVpnv6}) {
    for (const auto* rd :
         {"1:0", "64512:1", "64512:256", "64513:1", "10.0.0.1:1", "4200000000:7"}) {
      for (const auto* prefix : {"0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/32", "10.0.1.0/32",
                                 "200.0.0.0/8", "::/0", "2001:db8::/32", "2001:db8::/64",
                                 "2001:db8::1:0/112", "2001:db8::ff:0:0:1/128", "ff00::/8"}) {
        RouteKey key;
        key.family = family;
        key.rd = net::RouteDistinguisher::parse(rd).value();
        key.prefix = net::IpPrefix::parse(prefix).value();
        all.push_back(key);
      }
    }
  }
  for (const std::uint32_t origin : {64512U, 64513U, 4200000000U}) {
    for (const auto* target : {"64512:1", "64512:256", "64513:1", "10.0.0.1:1"}) {
      RouteKey key;
      key.family = wire::kRtConstraint;
      key.membership =
          wire::RtMembership::of(net::Asn{origin}, net::RouteTarget::parse(target).value());
      all.push_back(key);
    }
  }
  RouteKey everything;
  everything.family = wire::kRtConstraint;
  everything.membership = wire::RtMembership::defaultRoute();
  all.push_back(everything);
  return all;
}

TEST(KeyOrder, IsThatOfTheKeys) {
  const auto all = keys();
  const KeyLess less;
  for (const auto& a : all)
    for (const auto& b : all) ASSERT_EQ(less(a, b), (a <=> b) < 0) << text(a) << " and " << text(b);
}

TEST(KeyOrder, HoldsEachKeyOnce) {
  const auto all = keys();
  KeySet set(all.begin(), all.end());
  set.insert(all.begin(), all.end());
  EXPECT_EQ(set.size(), all.size());
}

TEST(KeyOrder, AFamilyIsOnePartOfIt) {
  const auto all = keys();
  KeySet set(all.begin(), all.end());
  for (const auto family :
       {wire::kIpv4Unicast, wire::kVpnv4, wire::kRtConstraint, wire::kIpv6Unicast, wire::kVpnv6}) {
    const auto of = [&](const RouteKey& key) { return key.family == family; };
    const auto part = ofFamily(set, family);
    EXPECT_TRUE(std::ranges::all_of(part, of)) << wire::familyName(family);
    EXPECT_EQ(std::ranges::distance(part), std::ranges::count_if(all, of))
        << wire::familyName(family);
    EXPECT_EQ(part.empty(), family == wire::kIpv6Unicast);
    set.erase(part.begin(), part.end());
    EXPECT_TRUE(ofFamily(set, family).empty());
  }
  EXPECT_TRUE(set.empty());
}

}  // namespace
}  // namespace hawser::rib
