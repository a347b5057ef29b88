// Two sites in this process: BGP between them with route-target authorisation, Links and their
// end, traces across.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <sys/socket.h>

#include "site.h"

namespace hawser::controller::test {
namespace {

constexpr const char* kTyped = "64512:500";

class Federation : public ::testing::Test {
 protected:
  explicit Federation(std::chrono::milliseconds interval = 200ms)
      : os("openstack", 64512, "127.2.1.1", interval),
        k8s("kubernetes", 64513, "127.2.2.1", interval) {}

  static Object peer(const Site& to, const Json& more = Json::object()) {
    Json spec{{"role", "site"},
              {"site", to.name()},
              {"asn", to.asn()},
              {"address", to.address()},
              {"port", to.bgpPort()},
              {"holdTime", 9},
              {"api", {{"url", to.url()}, {"fingerprint", to.controller().caFingerprint()}}}};
    spec.update(more);
    return object("Peer", {}, to.name(), spec);
  }
  static Object network(const std::string& project, const std::string& name,
                        const std::string& prefix, const Json& targets = Json::array()) {
    Json spec{{"subnets", {{{"prefix", prefix}}}}};
    if (!targets.empty()) spec["routeTargets"] = {{"both", targets}};
    return object("Network", project, name, spec);
  }
  void connect() {
    os.apply({peer(k8s), object("Project", {}, "demo"), network("demo", "db", "10.0.100.0/24")});
    k8s.apply({peer(os), network("default", "leonardo", "10.10.0.0/16")});
    auto admin = os.admin();
    ASSERT_TRUE(
        eventually([&] { return peerNamed(admin, "kubernetes")["state"] == "Established"; }));
  }
  static Json link(api::Client& client, const model::ObjectKey& key) {
    const auto found = client.get(key);
    return found ? model::toJson(*found) : Json{{"status", {{"phase", "none"}}}};
  }
  static bool reaches(api::Client& client, const model::ObjectKey& key, const std::string& phase) {
    return eventually([&] { return link(client, key)["status"]["phase"] == phase; });
  }
  // The Link that the proposal made at the other side.
  static std::optional<model::ObjectKey> proposed(api::Client& client) {
    std::optional<model::ObjectKey> key;
    (void)eventually([&] {
      const auto links = client.list(Kind::kLink);
      if (links && links->items.size() == 1) key = links->items[0].key();
      return key.has_value();
    });
    return key;
  }
  static Object proposal() {
    return object(
        "Link", "demo", "db-leonardo",
        {{"peer", "kubernetes"}, {"network", "db"}, {"remoteNetwork", "default/leonardo"}});
  }

  Site os, k8s;
};

TEST_F(Federation, OnlyAuthorisedTargetsArrive) {
  const Json allowed{{"import", {{"routeTargets", {kTyped}}, {"prefixes", {"10.0.100.0/24"}}}},
                     {"export", {{"routeTargets", {kTyped}}}}};
  os.apply({peer(k8s, {{"import", {{"routeTargets", {kTyped}}}},
                       {"export", {{"routeTargets", {kTyped, "64512:501"}}}}}),
            object("Project", {}, "demo"), network("demo", "db", "10.0.100.0/24", {kTyped})});
  k8s.apply({peer(os, allowed), network("default", "leonardo", "10.10.0.0/16", {kTyped})});
  HostSpeaker vm(os, "compute1", "127.2.1.11");
  HostSpeaker node(k8s, "node1", "127.2.2.11");
  node.want({kTyped, "64512:501"});
  vm.announce("10.0.100.11/32", kTyped, 31, 1);
  vm.announce("10.0.101.11/32", kTyped, 32, 2);       // beyond the agreed prefixes
  vm.announce("10.0.100.12/32", "64512:501", 33, 3);  // not allowed, so not asked for
  auto admin = k8s.admin();
  ASSERT_TRUE(eventually(
      [&] { return pathsOf(admin, "default", "leonardo", "10.0.100.11/32").size() == 1; }));
  const auto path = pathsOf(admin, "default", "leonardo", "10.0.100.11/32")[0];
  EXPECT_EQ(path["nextHop"], "127.2.1.11") << "packets go straight to the other site's host";
  EXPECT_EQ(path["origin"], "openstack");
  EXPECT_EQ(path["routeTarget"], kTyped);
  EXPECT_FALSE(path.contains("host"));
  ASSERT_TRUE(eventually([&] {
    const auto routes = peerNamed(admin, "openstack")["routes"];
    return routes["membershipsOut"] == 1 && routes["droppedPrefix"] == 1;
  })) << peerNamed(admin, "openstack").dump();
  ASSERT_TRUE(
      eventually([&] { return node.prefixes() == std::set<std::string>{"10.0.100.11/32"}; }));
  // Withdrawn on one side, gone on the other; put back, there again.
  auto people = os.admin();
  ASSERT_TRUE(people.patch({Kind::kPeer, {}, "kubernetes"},
                           {{"spec", {{"export", {{"routeTargets", {"64512:501"}}}}}}}));
  ASSERT_TRUE(eventually([&] { return node.prefixes().empty(); }));
  ASSERT_TRUE(people.patch({Kind::kPeer, {}, "kubernetes"},
                           {{"spec", {{"export", {{"routeTargets", {kTyped}}}}}}}));
  ASSERT_TRUE(eventually([&] { return node.prefixes().size() == 1; }));
}

TEST_F(Federation, ALinkIsProposedAcceptedAndWithdrawn) {
  connect();
  auto left = os.admin(), right = k8s.admin();
  os.apply({proposal()});
  const auto here = proposal().key();
  const auto offer = proposed(right);
  ASSERT_TRUE(offer);
  EXPECT_EQ(link(right, *offer)["status"]["phase"], "pending");
  EXPECT_EQ(link(right, *offer)["spec"]["remotePrefixes"], Json({"10.0.100.0/24"}));
  EXPECT_EQ(link(right, *offer)["spec"]["network"], "default/leonardo");
  const auto target = link(left, here)["spec"]["routeTarget"].get<std::string>();
  EXPECT_EQ(link(right, *offer)["spec"]["routeTarget"], target);
  EXPECT_EQ(link(left, here)["spec"]["proposedByUs"], true);

  // Not before both agree.
  HostSpeaker vm(os, "compute1", "127.2.1.11");
  HostSpeaker node(k8s, "node1", "127.2.2.11");
  node.want({target});
  vm.announce("10.0.100.11/32", target, 31);
  EXPECT_TRUE(pathsOf(right, "default", "leonardo", "10.0.100.11/32").empty());
  ASSERT_TRUE(right.patch(*offer, {{"spec", {{"accepted", true}}}}));
  ASSERT_TRUE(reaches(right, *offer, "established"));
  ASSERT_TRUE(reaches(left, here, "established"));
  EXPECT_EQ(link(left, here)["spec"]["remotePrefixes"], Json({"10.10.0.0/16"}));
  ASSERT_TRUE(
      eventually([&] { return node.prefixes() == std::set<std::string>{"10.0.100.11/32"}; }));
  EXPECT_EQ(pathsOf(right, "default", "leonardo", "10.0.100.11/32").size(), 1U);
  // What the Link does not hold does not come, whatever its target.
  vm.announce("10.77.0.1/32", target, 32, 2);
  ASSERT_TRUE(left.remove(here));
  ASSERT_TRUE(reaches(right, *offer, "withdrawn"));
  ASSERT_TRUE(eventually([&] { return node.prefixes().empty(); }));
  EXPECT_EQ(link(right, *offer)["spec"]["accepted"], false);
  // Proposed again, it needs another agreement.
  os.apply({proposal()});
  ASSERT_TRUE(reaches(right, *offer, "pending"));
  EXPECT_TRUE(node.prefixes().empty());
}

TEST_F(Federation, ARefusedOfferStaysRefused) {
  connect();
  auto left = os.admin(), right = k8s.admin();
  os.apply({proposal()});
  const auto offer = proposed(right);
  ASSERT_TRUE(offer);
  ASSERT_TRUE(right.remove(*offer));
  ASSERT_TRUE(reaches(left, proposal().key(), "withdrawn"));
  EXPECT_EQ(link(left, proposal().key())["spec"]["accepted"], false);
  EXPECT_EQ(right.list(Kind::kLink)->items.size(), 0U);
  // The proposer insists: it is asked for again.
  ASSERT_TRUE(left.patch(proposal().key(), {{"spec", {{"accepted", true}}}}));
  EXPECT_TRUE(proposed(right));
  ASSERT_TRUE(reaches(left, proposal().key(), "proposed"));
}

TEST_F(Federation, LinksGoOnWhileTheOtherSideIsAwayAndAfterRestarts) {
  connect();
  auto left = os.admin();
  os.apply({proposal()});
  std::optional<model::ObjectKey> offer;
  {
    auto right = k8s.admin();
    offer = proposed(right);
    ASSERT_TRUE(offer);
    ASSERT_TRUE(right.patch(*offer, {{"spec", {{"accepted", true}}}}));
    ASSERT_TRUE(reaches(right, *offer, "established"));
  }
  ASSERT_TRUE(reaches(left, proposal().key(), "established"));
  k8s.stop();
  ASSERT_TRUE(eventually(
      [&] { return left.call("GET", "/api/v1/status").value()["federation"][0]["up"] == false; }));
  EXPECT_EQ(link(left, proposal().key())["status"]["phase"], "established");
  // Withdrawn while the other side is away: it hears of it when it is back.
  ASSERT_TRUE(left.remove(proposal().key()));
  os.stop();
  k8s.start();
  {
    auto right = k8s.admin();
    EXPECT_EQ(link(right, *offer)["status"]["phase"], "established");
  }
  os.start();
  auto right = k8s.admin();
  EXPECT_TRUE(reaches(right, *offer, "withdrawn"));
}

TEST_F(Federation, OffersForWhatIsNotThereSayWhy) {
  os.apply({peer(k8s), object("Project", {}, "demo"), network("demo", "db", "10.0.100.0/24"),
            proposal()});
  k8s.apply({peer(os)});
  auto left = os.admin(), right = k8s.admin();
  ASSERT_TRUE(eventually([&] {
    const auto message = link(left, proposal().key())["status"].value("message", "");
    return message.find("network \"default/leonardo\" does not exist") != std::string::npos;
  })) << link(left, proposal().key()).dump();
  EXPECT_EQ(link(left, proposal().key())["status"]["answer"], "refused");
  k8s.apply({network("default", "leonardo", "10.10.0.0/16")});
  EXPECT_TRUE(proposed(right));
}

TEST_F(Federation, ALinkThatWouldOverlapIsRefusedOnEitherSide) {
  const auto message = [](api::Client& client) {
    return link(client, proposal().key())["status"].value("message", "");
  };
  os.apply({peer(k8s), object("Project", {}, "demo"), network("demo", "db", "10.0.100.0/24"),
            network("demo", "web", "10.10.5.0/24"),
            object("Router", "demo", "r", {{"networks", {"db", "web"}}}), proposal()});
  k8s.apply({peer(os), network("default", "leonardo", "10.0.0.0/16")});
  auto left = os.admin(), right = k8s.admin();
  ASSERT_TRUE(eventually([&] {
    return message(left).find(
               "brings 10.0.100.0/24 from demo/db, which overlaps "
               "networks/default/leonardo (10.0.0.0/16)") != std::string::npos;
  })) << message(left);
  EXPECT_EQ(right.list(Kind::kLink)->items.size(), 0U);
  // What the other side accepts may not fit what its network is joined with here.
  k8s.apply({network("default", "leonardo", "10.10.0.0/16")});
  const auto offer = proposed(right);
  ASSERT_TRUE(offer);
  ASSERT_TRUE(right.patch(*offer, {{"spec", {{"accepted", true}}}}));
  ASSERT_TRUE(eventually([&] {
    return message(left).find("overlaps networks/demo/web (10.10.5.0/24)") != std::string::npos;
  })) << message(left);
  EXPECT_EQ(link(left, proposal().key())["status"]["phase"], "proposed");
  ASSERT_TRUE(reaches(right, *offer, "proposed")) << "who has accepted hears that it is not used";
  EXPECT_NE(link(right, *offer)["status"].value("message", "").find("site openstack: "),
            std::string::npos)
      << link(right, *offer).dump();
  ASSERT_TRUE(left.remove({Kind::kRouter, "demo", "r"}));
  EXPECT_TRUE(reaches(left, proposal().key(), "established"));
  EXPECT_TRUE(reaches(right, *offer, "established"));
}

TEST_F(Federation, TwoLinksThatBringTheSameAreNotBothStitched) {
  connect();
  os.apply({network("demo", "twin", "10.0.100.0/24"), proposal()});
  auto left = os.admin(), right = k8s.admin();
  const auto first = proposed(right);
  ASSERT_TRUE(first);
  os.apply({object(
      "Link", "demo", "twin-leonardo",
      {{"peer", "kubernetes"}, {"network", "twin"}, {"remoteNetwork", "default/leonardo"}})});
  const model::ObjectKey second{Kind::kLink, "default", "openstack-twin-leonardo"};
  ASSERT_TRUE(reaches(right, second, "pending"));
  ASSERT_TRUE(right.patch(*first, {{"spec", {{"accepted", true}}}}));
  const auto refused = right.patch(second, {{"spec", {{"accepted", true}}}});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("what links/default/openstack-db-leonardo brings: "
                                         "10.0.100.0/24 from demo/db"),
            std::string::npos)
      << refused.error().text();
  EXPECT_EQ(link(right, second)["status"]["phase"], "pending");
}

TEST_F(Federation, AnotherAuthorityThanThePinnedOneIsNobody) {
  auto wrong = peer(k8s);
  wrong.spec["api"]["fingerprint"] = "sha256:" + std::string(64, '0');
  os.apply(
      {wrong, object("Project", {}, "demo"), network("demo", "db", "10.0.100.0/24"), proposal()});
  k8s.apply({peer(os), network("default", "leonardo", "10.10.0.0/16")});
  auto left = os.admin(), right = k8s.admin();
  ASSERT_TRUE(eventually([&] {
    const auto state = left.call("GET", "/api/v1/status").value()["federation"][0];
    return state["lastError"].get<std::string>().find("is pinned") != std::string::npos;
  }));
  ASSERT_TRUE(eventually([&] {
    return right.call("GET", "/api/v1/status").value()["federation"][0]["lastError"] != "";
  }));
  EXPECT_EQ(right.list(Kind::kLink)->items.size(), 0U);
}

// A site that we trust, but whose authority calls itself another site.
TEST_F(Federation, OneSiteDoesNotSpeakForAnother) {
  connect();
  Site impostor("kubernetes", 64999, "127.2.3.1");
  auto theirs = peer(impostor, {{"site", "third"}});
  theirs.metadata.name = "third";
  os.apply({theirs});
  impostor.apply({peer(os)});
  auto admin = os.admin(), other = impostor.admin();
  ASSERT_TRUE(eventually([&] {
    const auto state = other.call("GET", "/api/v1/status").value()["federation"][0];
    return state["lastError"].get<std::string>().find(
               "not known here, or not with this authority") != std::string::npos;
  })) << other.call("GET", "/api/v1/status").value().dump();
}

TEST_F(Federation, IdentitiesOfSharedNetworksAreToldAndOthersAreNot) {
  connect();
  os.apply({object("Host", {}, "compute1", {{"address", "127.2.1.11"}}),
            network("demo", "secret", "10.5.0.0/24"),
            object("Port", "demo", "pg1", {{"network", "db"}, {"host", "compute1"}}),
            object("Port", "demo", "hidden", {{"network", "secret"}, {"host", "compute1"}}),
            proposal()});
  auto right = k8s.admin();
  Json told;
  ASSERT_TRUE(eventually([&] {
    told = right.call("GET", "/api/v1/identities/remote").value()["identities"];
    return !told.empty();
  }));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["labels"]["network"], "demo/db");
  EXPECT_EQ(told[0]["site"], "openstack");
}

class WithoutInterval : public Federation {
 protected:
  WithoutInterval() : Federation(1h) {}
};

// Everything goes by news alone, and what alters nothing of what a site is told is none.
TEST_F(WithoutInterval, OnlyNewsIsTold) {
  connect();
  auto left = os.admin(), right = k8s.admin();
  os.apply({proposal()});
  const auto offer = proposed(right);
  ASSERT_TRUE(offer);
  ASSERT_TRUE(right.patch(*offer, {{"spec", {{"accepted", true}}}}));
  ASSERT_TRUE(reaches(left, proposal().key(), "established"));
  ASSERT_TRUE(reaches(right, *offer, "established"));
  const auto skips = [&] { return metric(left, "hawser_controller_exchange_skip"); };
  const auto runs = [&] { return metric(left, "hawser_controller_exchange_run"); };
  const auto before = runs();
  for (int i = 0; i < 5; ++i) {
    const auto skipped = skips();
    os.apply({network("demo", "own-" + std::to_string(i), fmt::format("10.{}.0.0/24", 50 + i))});
    ASSERT_TRUE(eventually([&] { return skips() > skipped; })) << i;
  }
  EXPECT_LE(runs(), before + 1) << "one may have been under way";
  ASSERT_TRUE(left.remove(proposal().key()));
  EXPECT_TRUE(reaches(right, *offer, "withdrawn"));
}

TEST_F(Federation, ATraceGoesOnInTheOtherSite) {
  const Json both{{"import", {{"routeTargets", {kTyped}}}},
                  {"export", {{"routeTargets", {kTyped}}}}};
  os.apply({peer(k8s, both), object("Project", {}, "demo"),
            network("demo", "db", "10.0.100.0/24", {kTyped})});
  k8s.apply({peer(os, both), network("default", "leonardo", "10.10.0.0/16", {kTyped})});
  HostSpeaker vm(os, "compute1", "127.2.1.11");
  HostSpeaker node(k8s, "node1", "127.2.2.11");
  os.apply({object("Port", "demo", "pg1",
                   {{"network", "db"}, {"host", "compute1"}, {"addresses", {"10.0.100.11"}}})});
  k8s.apply({object("Port", "default", "app",
                    {{"network", "leonardo"}, {"host", "node1"}, {"addresses", {"10.10.0.5"}}})});
  vm.want({kTyped});
  node.want({kTyped});
  vm.announce("10.0.100.11/32", kTyped, 31);
  node.announce("10.10.0.5/32", kTyped, 41);
  auto people = k8s.admin();
  const Json question{{"from", "default/app"}, {"to", "10.0.100.11"}, {"port", 5432}};
  Json answer;
  ASSERT_TRUE(eventually([&] {
    const auto came = people.call("POST", "/api/v1/trace", question);
    answer = came ? *came : Json{{"error", came.error().text()}};
    // Until each side has the other's authority, the other half is not known.
    return answer.dump().find("delivers to port demo/pg1") != std::string::npos &&
           answer.value("reaches", false);
  })) << answer.dump(1);
  EXPECT_NE(answer.dump().find("site openstack"), std::string::npos) << answer.dump(1);
  EXPECT_EQ(answer["outcome"], "reaches");
  EXPECT_EQ(answer["back"].front()["where"], "host compute1");
  EXPECT_EQ(answer["back"].back()["what"], "delivers to port default/app (10.10.0.5)");
  // A policy there is told here.
  os.apply({object("SecurityGroup", "demo", "closed", {{"rules", Json::array()}})});
  auto left = os.admin();
  ASSERT_TRUE(
      left.patch({Kind::kPort, "demo", "pg1"}, {{"spec", {{"securityGroups", {"closed"}}}}}));
  const auto blocked = people.call("POST", "/api/v1/trace", question);
  ASSERT_TRUE(blocked) << blocked.error().text();
  EXPECT_EQ((*blocked)["reaches"], false);
  EXPECT_EQ((*blocked)["blockedBy"], "policy");
  EXPECT_EQ(people.call("POST", "/api/v1/trace", Json{{"frm", "x"}}).error().field, "frm");
  EXPECT_EQ(
      people.call("POST", "/api/v1/trace", Json{{"from", "default/none"}, {"to", "10.0.100.11"}})
          .error()
          .field,
      "from");
  os.stop();
  const auto half = people.call("POST", "/api/v1/trace", question);
  ASSERT_TRUE(half) << half.error().text();
  EXPECT_EQ((*half)["outcome"], "unknown") << half->dump(1);
  EXPECT_EQ((*half)["reaches"], false);
  EXPECT_EQ((*half)["reason"].get<std::string>().find("the other half is not known: "), 0U);
  EXPECT_TRUE((*half)["back"].empty());
  ASSERT_TRUE(people.patch({Kind::kPeer, {}, "openstack"}, {{"spec", {{"api", nullptr}}}}));
  const auto nobody = people.call("POST", "/api/v1/trace", question);
  ASSERT_TRUE(nobody) << nobody.error().text();
  EXPECT_EQ((*nobody)["outcome"], "unknown") << nobody->dump(1);
  EXPECT_EQ((*nobody)["reason"],
            "peers/openstack has no spec.api: the other half is not known here");
  os.start();
}

// A router is nobody to ask: that it gets the packet is all there is to know.
TEST_F(Federation, ATraceEndsAtAGateway) {
  const Json both{{"import", {{"routeTargets", {kTyped}}}},
                  {"export", {{"routeTargets", {kTyped}}}}};
  auto router = both;
  router.update({{"role", "gateway"}, {"site", nullptr}, {"api", nullptr}});
  os.apply({peer(k8s, both)});
  k8s.apply({peer(os, router), network("default", "leonardo", "10.10.0.0/16", {kTyped})});
  HostSpeaker vm(os, "compute1", "127.2.1.11");
  HostSpeaker node(k8s, "node1", "127.2.2.11");
  k8s.apply({object("Port", "default", "app", {{"network", "leonardo"}, {"host", "node1"}})});
  vm.announce("0.0.0.0/0", kTyped, 31);
  auto people = k8s.admin();
  const Json question{{"from", "default/app"}, {"to", "203.0.113.9"}, {"port", 80}};
  Json answer;
  ASSERT_TRUE(eventually([&] {
    const auto came = people.call("POST", "/api/v1/trace", question);
    answer = came ? *came : Json{{"error", came.error().text()}};
    return answer.value("outcome", "") == "reaches";
  })) << answer.dump(1);
  EXPECT_EQ(answer["reason"], "as far as we can tell: leaves to gateway openstack");
  EXPECT_EQ(answer["steps"].back()["where"], "gateway openstack");
}

// Ending does not wait for a site that takes the connection and never answers.
TEST_F(Federation, ASilentSiteHoldsNobodyUp) {
  const int silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(silent, 8), 0);
  ASSERT_EQ(::getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto url = fmt::format("https://127.0.0.1:{}", ntohs(address.sin_port));
  const Json api{{"url", url}, {"fingerprint", k8s.controller().caFingerprint()}};
  os.apply({peer(k8s, {{"api", api}})});
  const int connection = ::accept(silent, nullptr, nullptr);  // the exchange is under way
  ASSERT_GE(connection, 0);
  const auto begin = std::chrono::steady_clock::now();
  os.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s) << "a call may take 5 s";
  ::close(connection);
  ::close(silent);
}

}  // namespace
}  // namespace hawser::controller::test
