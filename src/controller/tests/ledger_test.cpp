// The ledger against a walk over all objects, and batches that would take minutes with such a walk.
#include <gmock/gmock.h>

#include <chrono>
#include <random>

#include "world.h"

namespace hawser::controller::test {
namespace {

using Numbers = Taken<std::uint32_t>;

TEST(Taken, TheLowestFreeIsThatOfAWalk) {
  std::mt19937 random(7);
  Numbers taken;
  std::map<std::uint32_t, std::set<model::ObjectKey>> model;
  const model::ObjectKey owners[] = {{Kind::kPort, "p", "a"}, {Kind::kPort, "p", "b"}};
  for (int step = 0; step < 20000; ++step) {
    const auto value = static_cast<std::uint32_t>(random() % 64);
    const auto& owner = owners[random() % 2];
    if (random() % 2 == 0) {
      taken.add(value, owner);
      model[value].insert(owner);
    } else {
      taken.drop(value, owner);
      if (model[value].erase(owner) != 0 || model[value].empty())
        if (model[value].empty()) model.erase(value);
    }
    auto from = static_cast<std::uint32_t>(random() % 64);
    const auto found = taken.firstFree(from);
    while (model.contains(from)) ++from;
    ASSERT_EQ(found, from) << "step " << step;
    ASSERT_EQ(taken.of(value).size(), model.contains(value) ? model[value].size() : 0U);
  }
}

TEST(Taken, TheLastValueHasNoSuccessor) {
  Taken<net::IpAddress> taken;
  const auto last = net::IpAddress::parse("255.255.255.255").value();
  taken.add(last, {});
  EXPECT_FALSE(taken.firstFree(last));
  EXPECT_TRUE(taken.firstFree(net::IpAddress::parse("255.255.255.254").value()));
  taken.add(net::IpAddress::parse("::").value(), {});
  EXPECT_FALSE(taken.firstFree(last)) << "families are apart";
}

std::vector<std::string> ports(int count, const std::string& spec = "network: a") {
  std::vector<std::string> yaml;
  for (int i = 0; i < count; ++i)
    yaml.push_back("{kind: Port, metadata: {name: x" + std::to_string(i) + "}, spec: {" + spec +
                   "}}");
  return yaml;
}

constexpr const char* kWide =
    "{kind: Network, metadata: {name: a}, spec: {subnets: [{prefix: 10.0.0.0/16}]}}";

// Two minutes when each port walked the others, a quarter of a second without; the bound is for
// slow machines and sanitizers.
TEST(Ledger, ABatchOfFiveThousandPortsIsNoWork) {
  World world;
  world.add(kWide);
  world.add("{kind: Quota, metadata: {name: q}, spec: {ports: 5000, externalAddresses: 9}}");
  const auto start = std::chrono::steady_clock::now();
  const auto done = world.apply(ports(5000), World::member());
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  EXPECT_EQ(world.address("x0"), "10.0.0.2") << "in the order of the batch, the lowest each";
  EXPECT_EQ(world.address("x253"), "10.0.0.255");
  EXPECT_EQ(world.address("x4999"), "10.0.19.137");
  EXPECT_THAT(
      world.refusal("{kind: Port, metadata: {name: more}, spec: {network: a}}", World::member()),
      ::testing::HasSubstr("allows 5000 ports"));
}

TEST(Ledger, WhatIsNotKeptLeavesNothing) {
  World world;
  world.add(kWide);
  auto batch = ports(3);
  batch.push_back("{kind: Port, metadata: {name: bad}, spec: {network: none}}");
  EXPECT_FALSE(world.apply(batch));
  std::vector<api::Write> dry{{api::Write::Op::kApply, parsed(ports(1)[0])}};
  ASSERT_TRUE(world.objects->commit(dry, World::administrator(), true));
  world.add("{kind: Port, metadata: {name: y}, spec: {network: a}}");
  EXPECT_EQ(world.address("y"), "10.0.0.2");
  std::vector<api::Write> away(1);
  away[0].op = api::Write::Op::kDelete;
  away[0].object = parsed("{kind: Port, metadata: {name: y}, spec: {network: a}}");
  ASSERT_TRUE(world.objects->commit(away, World::administrator(), true));
  world.add("{kind: Port, metadata: {name: z}, spec: {network: a}}");
  EXPECT_EQ(world.address("z"), "10.0.0.3") << "y is there still";
}

TEST(Ledger, ANetworkTakesItsAddressesFromPoolToPool) {
  World world;
  for (const auto* name : {"one", "two"})
    world.add(std::string("{kind: AddressPool, metadata: {name: ") + name +
              "}, spec: {prefixes: [10.9.0.0/24]}}");
  const auto network = [](const std::string& name, const std::string& pool) {
    return "{kind: Network, metadata: {name: " + name + "}, spec: {addressPool: " + pool +
           ", subnets: [{prefix: 10.9.0.0/24}]}}";
  };
  world.add(network("a", "one"));
  world.add(network("b", "two"));
  world.add("{kind: Port, metadata: {name: a1}, spec: {network: a}}");
  world.add("{kind: Port, metadata: {name: b1}, spec: {network: b}}");
  EXPECT_EQ(world.address("b1"), "10.9.0.2") << "pools are apart";
  world.add(network("a", "two"));
  world.add("{kind: Port, metadata: {name: b2}, spec: {network: b, addresses: [10.9.0.3]}}");
  EXPECT_THAT(world.refusal("{kind: Port, metadata: {name: a2}, spec: {network: a, addresses: "
                            "[10.9.0.3]}}"),
              ::testing::HasSubstr("10.9.0.3 is in use by ports/p/b2"));
  ASSERT_TRUE(world.remove(Kind::kAddressPool, "", "one")) << "nobody draws from it any more";
  EXPECT_FALSE(world.remove(Kind::kAddressPool, "", "two"));
}

TEST(Ledger, ATransactionHasABound) {
  World world;
  world.add(kWide);
  const auto one = parsed(ports(1)[0]);
  const auto done = world.objects->commit(
      std::vector<api::Write>(api::Objects::kMaxWrites + 1, {api::Write::Op::kApply, one}),
      World::administrator());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().text(),
            "objects: 10001 objects are more than one transaction may hold (10000); send them in "
            "parts");
}

TEST(Ledger, AStoreThatIsOpenedIsKnown) {
  World world;
  world.add(kWide);
  ASSERT_TRUE(world.apply(ports(3)));
  Admission again({"one", net::Asn(64512), net::IpAddress::parse("10.1.0.10").value()});
  const auto objects = api::Objects::open(*world.store, again).value();
  std::vector<api::Write> writes{
      {api::Write::Op::kApply, parsed("{kind: Port, metadata: {name: y}, spec: {network: a}}")}};
  ASSERT_TRUE(objects->commit(writes, World::administrator()));
  EXPECT_EQ(objects->find({Kind::kPort, "p", "y"})->status["addresses"][0], "10.0.0.5");
}

}  // namespace
}  // namespace hawser::controller::test
