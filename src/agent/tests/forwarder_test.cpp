#include "forwarder.h"

#include <sstream>

#include "fixture.h"

namespace hawser::agent::test {
namespace {

class ForwarderTest : public HostTest {
 protected:
  void SetUp() override {
    life->agent.applySlice(slice(), true);
    events.clear();
  }
};

TEST_F(ForwarderTest, ARouteGoesIntoTheVrfsThatImportItsTarget) {
  life->learn("10.1.0.12:1", "10.0.3.20/32", 2001, remoteAttributes("10.1.0.12", "64512:3"));
  EXPECT_EQ(plane.members(3, "10.0.3.20/32"), "MPLSoUDP:10.1.0.12/2001");
  EXPECT_EQ(plane.members(4, "10.0.3.20/32"), "none");
  life->forget("10.1.0.12:1", "10.0.3.20/32");
  EXPECT_EQ(plane.members(3, "10.0.3.20/32"), "none");
}

TEST_F(ForwarderTest, EqualPathsOfManyHostsAreOneGroup) {
  life->learn("10.1.0.12:1", "10.254.0.1/32", 2001, remoteAttributes("10.1.0.12", "64512:4"));
  life->learn("10.1.0.13:1", "10.254.0.1/32", 3001, remoteAttributes("10.1.0.13", "64512:4"));
  life->learn("10.1.0.13:2", "10.254.0.1/32", 3002, remoteAttributes("10.1.0.13", "64512:4"));
  EXPECT_EQ(plane.members(4, "10.254.0.1/32"),
            "MPLSoUDP:10.1.0.12/2001,MPLSoUDP:10.1.0.13/3001,MPLSoUDP:10.1.0.13/3002");
  life->forget("10.1.0.13:1", "10.254.0.1/32");
  EXPECT_EQ(plane.members(4, "10.254.0.1/32"), "MPLSoUDP:10.1.0.12/2001,MPLSoUDP:10.1.0.13/3002");
}

TEST_F(ForwarderTest, TheDatapathIsToldWhatIsAnycast) {
  const auto service = [&] { return plane.routes.at({net::VrfId(4), prefix("10.254.0.1/32")}); };
  life->learn("65000:1", "10.254.0.1/32", 2001, remoteAttributes("10.9.0.1", "64512:4"));
  EXPECT_FALSE(service().anycast);
  life->agent.plug(podPlug("a", "hwa"), 10s, ignoreAnswer());
  life->loopBack();
  EXPECT_EQ(service().members.size(), 2U);
  EXPECT_TRUE(service().anycast);
  EXPECT_FALSE(plane.routes.at({net::VrfId(3), prefix("10.0.3.11/32")}).anycast);
}

TEST_F(ForwarderTest, OwnPortsAndOthersShareAGroup) {
  life->agent.plug(podPlug("a", "hwa"), 10s, ignoreAnswer());
  life->loopBack();
  life->learn("10.1.0.12:1", "10.254.0.1/32", 2001, remoteAttributes("10.1.0.12", "64512:4"));
  EXPECT_EQ(plane.members(4, "10.254.0.1/32"), "port:1,MPLSoUDP:10.1.0.12/2001");
  // The workload goes: its member goes at once, before BGP says so.
  life->agent.unplug([](const Plug&) { return true; });
  EXPECT_EQ(plane.members(4, "10.254.0.1/32"), "MPLSoUDP:10.1.0.12/2001");
  EXPECT_EQ(plane.members(3, "10.0.3.11/32"), "none");
}

TEST_F(ForwarderTest, OwnRoutesThatCirculateLeadToTheirPort) {
  life->agent.plug(podPlug("a", "hwa"), 10s, ignoreAnswer());
  const auto own = life->state.find("uid-a")->label.value();
  life->learn("10.1.0.11:9", "10.0.3.99/32", own, remoteAttributes("10.1.0.11", "64512:3"));
  EXPECT_EQ(plane.members(3, "10.0.3.99/32"), "port:1");
  // A label of nobody: never a tunnel to ourselves.
  life->learn("10.1.0.11:9", "10.0.3.99/32", 4242, remoteAttributes("10.1.0.11", "64512:3"));
  EXPECT_EQ(plane.members(3, "10.0.3.99/32"), "none");
}

TEST_F(ForwarderTest, EncapsulationFollowsTheRoute) {
  life->learn("65000:1", "0.0.0.0/0", 299776, remoteAttributes("10.9.0.1", "64512:3", {}));
  EXPECT_EQ(plane.members(3, "0.0.0.0/0"), "MPLSoGRE:10.9.0.1/299776");
  life->learn("65000:1", "0.0.0.0/0", 299776,
              remoteAttributes("10.9.0.1", "64512:3", {net::Encapsulation::kVxlan}));
  EXPECT_EQ(plane.members(3, "0.0.0.0/0"), "none");
  EXPECT_EQ(life->metrics.counter("agent.path.unusable").value(), 1U);
}

// Both gateways may send, also the one that we would not choose.
TEST_F(ForwarderTest, RoutersAreToldToTheDatapath) {
  auto backup =
      std::make_shared<wire::PathAttributes>(*remoteAttributes("10.9.0.2", "64512:3", {}));
  backup->localPref = 10;
  life->learn("65000:1", "0.0.0.0/0", 299776, remoteAttributes("10.9.0.1", "64512:3", {}));
  life->learn("65000:2", "0.0.0.0/0", 299777, backup);
  EXPECT_EQ(plane.members(3, "0.0.0.0/0"), "MPLSoGRE:10.9.0.1/299776");
  EXPECT_EQ(plane.routers[datapath::VrfId(3)], (std::set{ip("10.9.0.1"), ip("10.9.0.2")}));
  EXPECT_TRUE(plane.routers[datapath::VrfId(4)].empty());
  life->forget("65000:2", "0.0.0.0/0");
  EXPECT_EQ(plane.routers[datapath::VrfId(3)], std::set{ip("10.9.0.1")});
}

TEST_F(ForwarderTest, AChangedPreferenceRewritesRoutes) {
  const auto both = {net::Encapsulation::kMplsInUdp, net::Encapsulation::kGre};
  life->learn("10.1.0.12:1", "10.0.3.20/32", 2001, remoteAttributes("10.1.0.12", "64512:3", both));
  auto other = slice();
  other.encapsulations = {net::Encapsulation::kGre};
  life->agent.applySlice(other, true);
  EXPECT_EQ(plane.members(3, "10.0.3.20/32"), "MPLSoGRE:10.1.0.12/2001");
}

TEST_F(ForwarderTest, RefusedWhileThereIsNoRoute) {
  auto with = slice();
  with.vrfs[1].refused = {ip("10.254.0.9")};
  life->agent.applySlice(with, true);
  EXPECT_EQ(plane.members(4, "10.254.0.9/32"), "refuse");
  EXPECT_EQ(plane.members(3, "10.254.0.9/32"), "none");
  // A backend elsewhere is faster than the slice.
  life->learn("10.1.0.12:1", "10.254.0.9/32", 2001, remoteAttributes("10.1.0.12", "64512:4"));
  EXPECT_EQ(plane.members(4, "10.254.0.9/32"), "MPLSoUDP:10.1.0.12/2001");
  life->forget("10.1.0.12:1", "10.254.0.9/32");
  EXPECT_EQ(plane.members(4, "10.254.0.9/32"), "refuse");
  life->agent.applySlice(slice(), true);
  EXPECT_EQ(plane.members(4, "10.254.0.9/32"), "none");
}

TEST_F(ForwarderTest, IdentityComesWithTheRoute) {
  auto made = std::make_shared<wire::PathAttributes>(*remoteAttributes("10.1.0.12", "64512:3"));
  made->extendedCommunities.push_back(net::identityCommunity({64512, 44}));
  life->learn("10.1.0.12:1", "10.0.3.20/32", 2001, made);
  EXPECT_EQ(plane.routes.at({net::VrfId(3), prefix("10.0.3.20/32")}).identity,
            (net::Identity{64512, 44}));
}

TEST_F(ForwarderTest, AFailedWriteIsTriedAgain) {
  plane.failRoutes = true;
  life->learn("10.1.0.12:1", "10.0.3.20/32", 2001, remoteAttributes("10.1.0.12", "64512:3"));
  EXPECT_EQ(life->metrics.counter("agent.route.fail").value(), 1U);
  plane.failRoutes = false;
  life->agent.reconcile();
  EXPECT_EQ(plane.members(3, "10.0.3.20/32"), "MPLSoUDP:10.1.0.12/2001");
  events.clear();
  life->agent.reconcile();
  EXPECT_TRUE(events.empty());
}

// A thousand routes that do not fit are one line, and one more when their number has changed.
TEST_F(ForwarderTest, WhatDoesNotFitIsSaidOnce) {
  const auto learn = [this](int first, int count) {
    for (int i = first; i < first + count; ++i)
      life->learn("10.1.0.12:1",
                  "10.7." + std::to_string(i / 256) + "." + std::to_string(i % 256) + "/32", 2001,
                  remoteAttributes("10.1.0.12", "64512:3"));
  };
  const auto said = [](const std::function<void()>& act) {
    testing::internal::CaptureStderr();
    act();
    std::vector<std::string> lines;
    std::istringstream all(testing::internal::GetCapturedStderr());
    for (std::string line; std::getline(all, line);)
      if (line.find("routes") != std::string::npos) lines.push_back(line);
    return lines;
  };
  plane.routeRoom = 10;
  EXPECT_EQ(said([&] { learn(0, 500); }).size(), 1U);
  auto lines = said([&] { life->agent.reconcile(); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("490 of 500 routes do not fit: no room for routes"), std::string::npos)
      << lines[0];
  EXPECT_TRUE(said([&] { life->agent.reconcile(); }).empty()) << "nothing changed";
  const auto lack = life->agent.forwarder().lack();
  EXPECT_EQ(lack.failed, 490U);
  EXPECT_EQ(lack.wanted, 500U);
  plane.routeRoom = SIZE_MAX;
  lines = said([&] { life->agent.reconcile(); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("all 500 routes fit again"), std::string::npos) << lines[0];
  EXPECT_EQ(life->agent.forwarder().lack().failed, 0U);
}

TEST_F(ForwarderTest, AFailedChangeOfARouteIsOneRoute) {
  life->learn("10.1.0.12:1", "10.0.3.20/32", 2001, remoteAttributes("10.1.0.12", "64512:3"));
  plane.failRoutes = true;
  life->learn("10.1.0.12:1", "10.0.3.20/32", 2002, remoteAttributes("10.1.0.12", "64512:3"));
  EXPECT_EQ(life->agent.forwarder().lack().failed, 1U);
  EXPECT_EQ(life->agent.forwarder().lack().wanted, 1U);
}

TEST_F(ForwarderTest, AFailedWriteThatIsNotWantedAnyMoreIsForgotten) {
  plane.failRoutes = true;
  life->learn("10.1.0.12:1", "10.0.3.20/32", 2001, remoteAttributes("10.1.0.12", "64512:3"));
  life->forget("10.1.0.12:1", "10.0.3.20/32");
  plane.failRoutes = false;
  events.clear();
  life->agent.reconcile();
  EXPECT_TRUE(events.empty());
}

TEST_F(ForwarderTest, ChangedImportsTakeAndDropRoutes) {
  life->learn("64513:1", "10.0.100.5/32", 500, remoteAttributes("10.2.0.11", "64512:100"));
  EXPECT_EQ(plane.members(3, "10.0.100.5/32"), "none");
  auto stitched = slice();
  stitched.vrfs[0].importTargets.insert(target("64512:100"));
  life->agent.applySlice(stitched, true);
  EXPECT_EQ(life->sink.memberships.size(), 3U);
  EXPECT_EQ(plane.members(3, "10.0.100.5/32"), "MPLSoUDP:10.2.0.11/500");
  life->agent.applySlice(slice(), true);
  EXPECT_EQ(life->sink.memberships.size(), 2U);
  EXPECT_EQ(plane.members(3, "10.0.100.5/32"), "none");
}

// The last backend of a service leaves the host: its answers go where they went until it is done.
TEST_F(ForwarderTest, AnObsoleteVrfForwardsForAWhile) {
  life->agent.plug(podPlug("a", "hwa"), 10s, ignoreAnswer());
  life->learn("10.1.0.12:1", "10.0.4.20/32", 2001, remoteAttributes("10.1.0.12", "64512:4"));
  events.clear();
  auto less = slice();
  less.vrfs.pop_back();
  less.ports[0].translations.clear();
  life->agent.applySlice(less, true);
  life->turn();
  EXPECT_TRUE(happened("withdraw 10.254.0.1/32"));
  EXPECT_EQ(life->sink.memberships.size(), 2U) << "or its routes would be withdrawn";
  EXPECT_NE(plane.members(4, "10.0.4.20/32"), "none");
  life->agent.applySlice(less, true);  // another one does not make it longer, nor shorter
  ASSERT_TRUE(eventually(life->loop, [&] { return happened("removeRoute 10.0.4.20/32"); }));
  EXPECT_LT(at("setTranslations 0"), at("removeRoute 10.0.4.20/32"));
  EXPECT_EQ(life->sink.memberships, std::set<net::RouteTarget>{target("64512:3")});
  EXPECT_EQ(life->agent.forwarder().vrfs().size(), 1U);
}

// It still forwards, and may come back: what the site prefers holds for it too.
TEST_F(ForwarderTest, AnObsoleteVrfFollowsTheSitesEncapsulations) {
  life->agent.plug(podPlug("a", "hwa"), 10s, ignoreAnswer());
  life->learn("10.1.0.12:1", "10.0.4.20/32", 2001,
              remoteAttributes("10.1.0.12", "64512:4",
                               {net::Encapsulation::kMplsInUdp, net::Encapsulation::kGre}));
  ASSERT_EQ(plane.members(4, "10.0.4.20/32"), "MPLSoUDP:10.1.0.12/2001");
  auto less = slice();
  less.vrfs.pop_back();
  less.ports[0].translations.clear();
  less.encapsulations = {net::Encapsulation::kGre};
  life->agent.applySlice(less, true);
  EXPECT_EQ(plane.members(4, "10.0.4.20/32"), "MPLSoGRE:10.1.0.12/2001");
  auto again = slice();
  again.encapsulations = {net::Encapsulation::kGre};
  life->agent.applySlice(again, true);
  EXPECT_EQ(plane.members(4, "10.0.4.20/32"), "MPLSoGRE:10.1.0.12/2001");
}

TEST_F(ForwarderTest, EachVrfHasItsTime) {
  Forwarder forwarder(plane, ip("10.1.0.11"), [](auto) { return std::nullopt; }, life->metrics);
  auto less = slice();
  const TimePoint start{};
  forwarder.setSlice(slice(), start);
  less.vrfs.pop_back();
  forwarder.setSlice(less, start);
  less.vrfs.clear();
  forwarder.setSlice(less, start + 1s);
  EXPECT_EQ(forwarder.dropObsolete(start + 1s), start + kVrfLinger);
  EXPECT_EQ(forwarder.vrfs().size(), 2U);
  EXPECT_EQ(forwarder.dropObsolete(start + kVrfLinger), start + kVrfLinger + 1s);
  EXPECT_EQ(forwarder.vrfs().size(), 1U);
  EXPECT_EQ(forwarder.dropObsolete(start + kVrfLinger + 1s), std::nullopt);
  EXPECT_TRUE(forwarder.vrfs().empty());
}

TEST_F(ForwarderTest, AVrfThatComesBackKeepsItsRoutes) {
  life->learn("10.1.0.12:1", "10.0.3.20/32", 2001, remoteAttributes("10.1.0.12", "64512:3"));
  auto less = slice();
  less.vrfs.erase(less.vrfs.begin());
  less.ports.clear();
  life->agent.applySlice(less, true);
  life->agent.applySlice(slice(), true);
  events.clear();
  life->turn();
  EXPECT_FALSE(happened("removeRoute"));
  EXPECT_NE(plane.members(3, "10.0.3.20/32"), "none");
}

// What a port costs that comes or goes does not depend on how many others there are.
TEST(ForwarderWork, OnlyTheRoutesOfAPortsLabelAreLookedAt) {
  Events events;
  RecordingPlane plane(events);
  Metrics metrics;
  std::size_t asked = 0;
  Forwarder forwarder(
      plane, ip("10.1.0.11"),
      [&](net::Label) {
        ++asked;
        return std::optional(datapath::PortId(1));
      },
      metrics);
  forwarder.setSlice(slice(), TimePoint{});
  const auto key = [](std::uint32_t i, const std::string& address) {
    return rib::RouteKey{
        wire::kVpnv4,
        net::RouteDistinguisher::ofAddress(ip("10.1.0.11").v4(), static_cast<std::uint16_t>(i)),
        prefix(address + "/32")};
  };
  const auto addressOf = [](std::uint32_t i) { return "10.0.4." + std::to_string(i); };
  const auto learn = [&](std::uint32_t i, const std::string& address) {
    const rib::Path path{rib::kLocal, label(2000 + i), remoteAttributes("10.1.0.11", "64512:3"),
                         false};
    forwarder.update({{key(i, address), &path}});
  };
  for (std::uint32_t i = 0; i < 100; ++i) learn(i, addressOf(i));
  learn(7, "10.0.5.1");
  asked = 0;
  forwarder.localPortsChanged({label(2005)});
  EXPECT_EQ(asked, 1U);
  forwarder.localPortsChanged({label(2007), label(2008), label(9999)});
  EXPECT_EQ(asked, 4U) << "one has two routes, one is nobody's";
  // A route that went, or has another label now, is not looked at any more.
  forwarder.update({{key(5, addressOf(5)), nullptr}});
  const rib::Path moved{rib::kLocal, label(3000), remoteAttributes("10.1.0.11", "64512:3"), false};
  forwarder.update({{key(6, addressOf(6)), &moved}});
  asked = 0;
  forwarder.localPortsChanged({label(2005), label(2006)});
  EXPECT_EQ(asked, 0U);
  forwarder.localPortsChanged({label(3000)});
  EXPECT_EQ(asked, 1U);
  // Nor those of a VRF that is gone.
  auto less = slice();
  less.vrfs.clear();
  forwarder.setSlice(less, TimePoint{});
  forwarder.dropObsolete(TimePoint{} + kVrfLinger);
  asked = 0;
  forwarder.localPortsChanged({label(2008), label(3000)});
  EXPECT_EQ(asked, 0U);
}

}  // namespace
}  // namespace hawser::agent::test
