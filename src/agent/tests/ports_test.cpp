// The order in which datapath and BGP hear of a port.
#include "ports.h"

#include <algorithm>

#include "fixture.h"
#include "hawser/net/communities.h"

namespace hawser::agent::test {
namespace {

class PortsTest : public HostTest {
 protected:
  void plugA() { life->agent.plug(podPlug("a", "hwa"), 10s, ignoreAnswer()); }
};

TEST_F(PortsTest, ProgrammedBeforeAnnounced) {
  life->agent.applySlice(slice(), true);
  events.clear();
  plugA();
  ASSERT_TRUE(happened("originate 10.0.3.11/32"));
  EXPECT_LT(at("setPort default/a"), at("originate"));
  EXPECT_LT(at("setRules"), at("originate"));
  EXPECT_LT(at("setTranslations 1"), at("originate"));
  EXPECT_TRUE(happened("originate 10.254.0.1/32"));
}

TEST_F(PortsTest, TheOrderOfSliceAndPlugDoesNotMatter) {
  plugA();
  EXPECT_FALSE(happened("setPort"));
  life->agent.applySlice(slice(), true);
  EXPECT_LT(at("setPort default/a"), at("originate"));
  EXPECT_EQ(life->sink.routes.size(), 2U);
}

TEST_F(PortsTest, WithdrawnBeforeRemoved) {
  life->agent.applySlice(slice(), true);
  plugA();
  events.clear();
  life->agent.unplug([](const Plug&) { return true; });
  EXPECT_TRUE(happened("withdraw 10.0.3.11/32"));
  EXPECT_TRUE(happened("withdraw 10.254.0.1/32"));
  EXPECT_FALSE(happened("removePort"));  // the withdrawals are on their way first
  life->turn();
  ASSERT_TRUE(happened("removePort default/a"));
  EXPECT_LT(at("withdraw"), at("removePort"));
  EXPECT_TRUE(life->sink.routes.empty());
}

TEST_F(PortsTest, APortThatLeavesTheSliceIsWithdrawnThenRemoved) {
  life->agent.applySlice(slice(), true);
  plugA();
  events.clear();
  auto less = slice();
  less.ports.erase(less.ports.begin());
  life->agent.applySlice(less, true);
  life->turn();
  EXPECT_LT(at("withdraw"), at("removePort"));
  EXPECT_TRUE(happened("removePort"));
  EXPECT_EQ(life->state.find("uid-a"), nullptr);
}

TEST_F(PortsTest, ReplacedInTheSameTurnIsNotRemoved) {
  life->agent.applySlice(slice(), true);
  plugA();
  life->agent.unplug([](const Plug&) { return true; });
  plugA();
  events.clear();
  life->turn();
  EXPECT_FALSE(happened("removePort"));
  EXPECT_EQ(plane.ports.size(), 1U);
}

TEST_F(PortsTest, NothingIsAnnouncedThatTheDatapathRefused) {
  life->agent.applySlice(slice(), true);
  plane.failPorts = true;
  std::optional<Result<Json>> answer;
  life->agent.plug(podPlug("a", "hwa"), 10s, [&](const Result<Json>& one) { answer = one; });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error().message, "no room for ports");
  EXPECT_TRUE(life->sink.routes.empty());
}

TEST_F(PortsTest, WhatFailedIsWithdrawnAndMendedLater) {
  life->agent.applySlice(slice(), true);
  plugA();
  plane.failPorts = true;
  auto other = slice();
  other.ports[0].mtu = 1300;
  life->agent.applySlice(other, true);
  EXPECT_TRUE(life->sink.routes.empty());
  EXPECT_EQ(life->agent.phaseOf(other.ports[0]), "down");
  events.clear();
  plane.failPorts = false;
  life->agent.reconcile();
  EXPECT_LT(at("setPort default/a"), at("originate 10.0.3.11/32"));
  EXPECT_EQ(life->sink.routes.size(), 2U);
  EXPECT_EQ(life->agent.phaseOf(other.ports[0]), "up");
}

TEST_F(PortsTest, ABackendThatIsNotReadyIsWithdrawnAtOnceAndTranslatedForAWhile) {
  life->agent.applySlice(slice(), true);
  plugA();
  events.clear();
  auto without = slice();
  without.ports[0].translations.clear();
  life->agent.applySlice(without, true);
  EXPECT_TRUE(happened("withdraw 10.254.0.1/32"));
  EXPECT_FALSE(happened("setTranslations"));  // what others still send arrives
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually(life->loop, [&] { return happened("setTranslations 0"); }));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 1500ms);
}

TEST_F(PortsTest, ABackendThatComesBackMeanwhileStays) {
  life->agent.applySlice(slice(), true);
  plugA();
  auto without = slice();
  without.ports[0].translations.clear();
  life->agent.applySlice(without, true);
  life->agent.applySlice(slice(), true);
  ASSERT_TRUE(life->sink.routes.size() == 2U);
  const auto& bound = life->agent.ports().bound().at("uid-a");
  EXPECT_TRUE(bound.lingering.empty());
  EXPECT_EQ(bound.translations->size(), 1U);
}

TEST_F(PortsTest, AChangedTargetPortReplacesTheOldAtOnce) {
  life->agent.applySlice(slice(), true);
  plugA();
  auto other = slice();
  other.ports[0].translations[0].targetPort = 9000;
  life->agent.applySlice(other, true);
  const auto& bound = life->agent.ports().bound().at("uid-a");
  ASSERT_EQ(bound.translations->size(), 1U);
  EXPECT_EQ(bound.translations->front().targetPort, 9000);
}

TEST_F(PortsTest, AFloatingIpThatGoesDoesNotLinger) {
  auto with = slice();
  with.ports[0].translations = {
      {net::VrfId(4), ip("185.22.97.188"), model::Protocol::kAny, 0, 0, "floatingips/x/f"}};
  life->agent.applySlice(with, true);
  plugA();
  with.ports[0].translations.clear();
  events.clear();
  life->agent.applySlice(with, true);
  ASSERT_TRUE(happened("setTranslations 0"));
  EXPECT_LT(at("withdraw"), at("setTranslations"));
}

TEST_F(PortsTest, TheNewerOfTwoContainersHasThePort) {
  life->agent.applySlice(slice(), true);
  plugA();
  life->agent.plug(podPlug("a", "hwc", "c-new"), 10s, ignoreAnswer());
  EXPECT_EQ(life->agent.ports().bound().at("uid-a").plug.device, "hwc");
  EXPECT_EQ(plane.ports.begin()->second.device, "hwc");
  // The old one goes: nothing of the new one is touched.
  events.clear();
  life->agent.unplug([](const Plug& plug) { return plug.device == "hwa"; });
  life->turn();
  EXPECT_TRUE(events.empty());
}

TEST_F(PortsTest, OneContainerWithTwoPortsServesBoth) {
  auto two = slice();
  two.ports[1].workload = two.ports[0].workload;
  life->agent.applySlice(two, true);
  plugA();
  life->agent.plug(podPlug("a", "hwb"), 10s, ignoreAnswer());
  EXPECT_EQ(life->agent.ports().up().size(), 2U);
}

TEST_F(PortsTest, AnotherDeviceOfTheSameNameGetsItsPrograms) {
  life->agent.applySlice(slice(), true);
  plugA();
  events.clear();
  devices.names["hwa"] = 99;
  life->agent.reconcile();
  EXPECT_LT(at("removePort"), at("setPort default/a"));
  EXPECT_TRUE(happened("setTranslations 1"));
}

TEST_F(PortsTest, AVanishedDeviceIsUnplugged) {
  life->agent.applySlice(slice(), true);
  plugA();
  devices.names.erase("hwa");
  life->agent.checkDevices();
  EXPECT_TRUE(life->sink.routes.empty());
  EXPECT_TRUE(life->state.plugs().empty());
  EXPECT_EQ(life->metrics.counter("agent.device.vanish").value(), 1U);
}

// A plug costs what it brings, not what is there.
TEST_F(PortsTest, OnlyThePluggedPortIsProgrammed) {
  const auto programmed = [&] { return life->metrics.counter("agent.port.program").value(); };
  life->agent.applySlice(slice(), true);
  plugA();
  EXPECT_EQ(programmed(), 1U);
  auto other = podPlug("nobody", "hwb");
  other.port = "default/b";
  life->agent.plug(other, 10s, ignoreAnswer());
  EXPECT_EQ(programmed(), 2U);
  life->agent.reconcile();
  EXPECT_EQ(programmed(), 2U);
  life->agent.applySlice(slice(), true);
  EXPECT_EQ(programmed(), 4U) << "a slice is about all of them";
}

TEST_F(PortsTest, UnchangedSlicesCostNothing) {
  life->agent.applySlice(slice(), true);
  plugA();
  life->turn();
  events.clear();
  life->agent.applySlice(slice(), true);
  life->agent.reconcile();
  life->turn();
  EXPECT_TRUE(events.empty());
}

TEST_F(PortsTest, ARelabelledPortIsAnnouncedAnewWithItsIdentity) {
  life->agent.applySlice(slice(), true);
  plugA();
  events.clear();
  auto other = slice();
  other.ports[0].identity = {64512, 8};
  life->agent.applySlice(other, true);
  EXPECT_LT(at("setPort"), at("originate 10.0.3.11/32"));
  EXPECT_FALSE(happened("withdraw"));
  EXPECT_EQ(net::identityIn(life->sink.routes.begin()->second.attributes->extendedCommunities),
            (net::Identity{64512, 8}));
}

// What one plug costs does not depend on how many there are.
TEST_F(PortsTest, APlugLooksAtItsOwnDeviceOnly) {
  auto all = slice();
  for (int i = 0; i < 50; ++i) {
    all.ports.push_back(slicePort("p" + std::to_string(i), "10.0.4." + std::to_string(i)));
    devices.names["hwp" + std::to_string(i)] = 100 + i;
  }
  life->agent.applySlice(all, true);
  for (int i = 0; i < 50; ++i) {
    const auto name = "p" + std::to_string(i);
    const auto before = devices.lookups;
    events.clear();
    life->agent.plug(podPlug(name, "hw" + name), 10s, ignoreAnswer());
    EXPECT_LE(devices.lookups - before, 2U) << i << " were there already";
    EXPECT_EQ(std::count_if(events.begin(), events.end(),
                            [](const auto& event) { return event.starts_with("setPort"); }),
              1)
        << i << " were there already";
  }
  const auto before = devices.lookups;
  life->agent.unplug([](const Plug& plug) { return plug.device == "hwp7"; });
  EXPECT_LE(devices.lookups - before, 2U);
  EXPECT_EQ(life->agent.ports().uidOf(podPlug("p7", "hwp7")), std::nullopt);
  EXPECT_EQ(life->agent.ports().uidOf(podPlug("p8", "hwp8")), "uid-p8");
}

TEST_F(PortsTest, ADeviceThatWasMadeAnewIsSeen) {
  life->agent.applySlice(slice(), true);
  plugA();
  devices.names["hwa"] = 21;
  events.clear();
  plugA();
  EXPECT_TRUE(happened("removePort default/a")) << "by the plug";
  EXPECT_TRUE(happened("setPort default/a"));
  devices.names["hwa"] = 22;
  events.clear();
  life->agent.reconcile();
  EXPECT_TRUE(happened("setPort default/a")) << "and every ten seconds";
}

TEST_F(PortsTest, ADeviceIsOfThePortThatHasItNow) {
  life->agent.applySlice(slice(), true);
  plugA();
  auto moved = podPlug("b", "hwa");
  life->agent.plug(moved, 10s, ignoreAnswer());
  EXPECT_EQ(life->agent.ports().uidOf(moved), "uid-b");
  const auto b = life->agent.ports().bound().at("uid-b").port.id;
  EXPECT_EQ(life->agent.ports().nameOf(b), "default/b");
  life->agent.unplug([](const Plug&) { return true; });
  EXPECT_EQ(life->agent.ports().uidOf(moved), std::nullopt);
  EXPECT_EQ(life->agent.ports().nameOf(b), "");
}

}  // namespace
}  // namespace hawser::agent::test
