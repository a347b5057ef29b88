// One site over real HTTPS and BGP: first start, restart, joining, slices, reports, roles, routes.
#include "site.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "hawser/base/time.h"
#include "hawser/model/slice.h"
#include "hosts.h"

namespace hawser::controller::test {
namespace {

Object network(const std::string& name, const std::string& prefix, Json more = Json::object()) {
  more["subnets"] = {{{"prefix", prefix}}};
  return object("Network", "default", name, more);
}
Object port(const std::string& name, const std::string& net, const std::string& host = {}) {
  Json spec{{"network", net}};
  if (!host.empty()) spec["host"] = host;
  return object("Port", "default", name, spec);
}

TEST(Site, BeginsWithWhatAnAdministratorNeeds) {
  Site site("one", 64512, "127.1.1.1");
  auto admin = site.admin();
  EXPECT_EQ(admin.call("GET", "/api/v1/whoami").value()["role"], "admin");
  const auto own = admin.get({Kind::kSite, {}, "one"});
  ASSERT_TRUE(own) << own.error().text();
  EXPECT_EQ(own->spec["asn"], 64512);
  EXPECT_TRUE(admin.get({Kind::kProject, {}, "default"}));
  const auto status = std::filesystem::status(site.folder().path() + "/admin.token");
  EXPECT_EQ(status.permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(std::filesystem::status(site.folder().path()).permissions(),
            std::filesystem::perms::owner_all);
}

TEST(Site, NothingWithoutAuthenticationButHealthAndJoin) {
  Site site("one", 64512, "127.1.1.1");
  api::Client nobody(site.config());
  EXPECT_TRUE(nobody.call("GET", "/healthz"));
  for (const auto* path : {"/api/v1/networks", "/api/v1/status", "/metrics", "/openapi.json",
                           "/api/v1/bgp/peers", "/api/v1/hosts/x/slice", "/api/v1/whoami"})
    EXPECT_EQ(nobody.call("GET", path).error().code, ErrorCode::kUnauthorized) << path;
  EXPECT_EQ(nobody.call("POST", "/api/v1/links/exchange", Json::object()).error().code,
            ErrorCode::kUnauthorized);
  const auto guess = nobody.call("POST", "/api/v1/join", Json{{"token", "guess"}, {"csr", "x"}});
  EXPECT_EQ(guess.error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(guess.error().field, "token");
}

TEST(Site, RestartKeepsIdsTokensAndIdentities) {
  Site site("one", 64512, "127.1.1.1");
  const auto ca = site.controller().caFingerprint();
  site.apply({object("Host", {}, "node1", {{"address", "10.0.0.1"}}), network("a", "10.1.0.0/24"),
              network("b", "10.2.0.0/24"), port("p", "b", "node1")});
  auto admin = site.admin();
  ASSERT_TRUE(eventually([&] { return admin.list(Kind::kIdentity)->items.size() == 1; }));
  const auto before = admin.get({Kind::kPort, "default", "p"}).value();
  const auto identity = admin.list(Kind::kIdentity)->items[0];
  const auto id = admin.get({Kind::kNetwork, "default", "b"})->status["id"];
  site.stop();
  site.start();
  auto again = site.admin();
  EXPECT_EQ(site.controller().caFingerprint(), ca);
  EXPECT_EQ(again.get({Kind::kPort, "default", "p"})->status["mac"], before.status["mac"]);
  EXPECT_EQ(again.get({Kind::kPort, "default", "p"})->metadata.uid, before.metadata.uid);
  EXPECT_EQ(again.get({Kind::kNetwork, "default", "b"})->status["id"], id);
  ASSERT_EQ(again.list(Kind::kIdentity)->items.size(), 1U);
  EXPECT_EQ(again.list(Kind::kIdentity)->items[0].metadata.uid, identity.metadata.uid);
  const auto slice = again.call("GET", "/api/v1/hosts/node1/slice");
  ASSERT_TRUE(slice) << slice.error().text();
  EXPECT_EQ((*slice)["ports"].size(), 1U);
}

TEST(Site, AnotherSiteInTheSameFolderIsRefused) {
  Site site("one", 64512, "127.1.1.1");
  io::Loop loop;
  auto config = siteConfig("one", 64512, "127.1.1.2", site.folder().path());
  const auto locked = Controller::open(loop, config);
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().field, "--data");
  site.stop();
  config.site = "two";
  EXPECT_EQ(Controller::open(loop, config).error().field, "--site");
  config.site = "one";
  config.asn = net::Asn(64513);
  EXPECT_EQ(Controller::open(loop, config).error().field, "--asn");
  config.asn = net::Asn(64512);
  config.apiAddress = ip("0.0.0.0");
  EXPECT_EQ(Controller::open(loop, config).error().field, "--api");
  config.apiAddress = ip("127.1.1.2");
  EXPECT_TRUE(Controller::open(loop, config));
  site.start();
}

TEST(Site, AHostJoinsOnceAndFollowsItsSlice) {
  Site site("one", 64512, "127.1.1.1");
  auto admin = site.admin();
  const auto issued = admin.call(
      "POST", "/api/v1/tokens/issue",
      Json{{"name", "j"}, {"role", "host"}, {"host", "node1"}, {"hostAddress", "10.0.0.1"}});
  ASSERT_TRUE(issued) << issued.error().text();
  const auto request = api::makeRequest("host:somebody-else").value();
  const Json body{{"token", (*issued)["token"]}, {"csr", request.csr}};
  api::Client nobody(site.config());
  EXPECT_EQ(nobody.call("POST", "/api/v1/join", Json{{"token", (*issued)["token"]}, {"csr", "?"}})
                .error()
                .field,
            "csr");
  const auto joined = nobody.call("POST", "/api/v1/join", body);
  ASSERT_TRUE(joined) << joined.error().text();
  EXPECT_EQ((*joined)["host"], "node1");
  EXPECT_EQ((*joined)["asn"], 64512);
  EXPECT_EQ((*joined)["controllers"][0]["api"], site.url());
  EXPECT_EQ(api::commonName((*joined)["certificate"]).value(), "host:node1");
  EXPECT_EQ(nobody.call("POST", "/api/v1/join", body).error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(admin.get({Kind::kHost, {}, "node1"})->spec["address"], "10.0.0.1");

  auto config = site.config();
  config.certificatePem = (*joined)["certificate"];
  config.keyPem = request.key;
  io::Loop mine;
  std::vector<Json> slices;
  api::LineWatcher watcher(mine, config, "/api/v1/hosts/node1/slice?watch=true",
                           [&](const Json& line) {
                             if (line["type"] == "SLICE") slices.push_back(line["slice"]);
                           });
  const auto wait = [&](std::size_t count) {
    return eventually([&] {
      mine.runFor(10ms);
      return slices.size() >= count;
    });
  };
  ASSERT_TRUE(wait(1));
  EXPECT_TRUE(slices[0]["ports"].empty());
  site.apply({network("a", "10.1.0.0/24"), port("p", "a", "node1")});
  ASSERT_TRUE(wait(2));
  ASSERT_EQ(slices[1]["ports"].size(), 1U);
  const auto parsed = model::parseSlice(slices[1]);
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_NE(parsed->ports[0].identity.number, 0U) << "the identity is there with the first slice";
  // What does not concern this host is not told: the next slice comes with the port's removal.
  site.apply({network("other", "10.9.0.0/24")});
  ASSERT_TRUE(admin.remove({Kind::kPort, "default", "p"}));
  ASSERT_TRUE(wait(3));
  EXPECT_EQ(slices.size(), 3U);
  EXPECT_TRUE(slices[2]["ports"].empty());
}

TEST(Site, ReportsReachTheObjects) {
  Site site("one", 64512, "127.1.1.1");
  site.apply({object("Host", {}, "node2", {{"address", "10.0.0.2"}})});
  api::Client host(site.join("node1", "10.0.0.1"));
  site.apply(
      {network("a", "10.1.0.0/24"), port("here", "a", "node1"), port("there", "a", "node2")});
  auto admin = site.admin();
  EXPECT_EQ(admin.get({Kind::kPort, "default", "here"})->status["phase"], "pending");
  const Json report{{"version", "1"},
                    {"ports",
                     {{{"name", "default/here"}, {"phase", "up"}, {"label", 17}},
                      {{"name", "default/there"}, {"phase", "up"}}}}};
  ASSERT_TRUE(host.call("PUT", "/api/v1/hosts/node1/report", report));
  EXPECT_EQ(admin.get({Kind::kPort, "default", "here"})->status["phase"], "up");
  EXPECT_EQ(admin.get({Kind::kPort, "default", "here"})->status["host"], "node1");
  EXPECT_EQ(admin.get({Kind::kPort, "default", "there"})->status["phase"], "pending");
  EXPECT_EQ(admin.get({Kind::kHost, {}, "node1"})->status["agentVersion"], "1");
  const auto version = admin.get({Kind::kPort, "default", "here"})->metadata.resourceVersion;
  ASSERT_TRUE(host.call("PUT", "/api/v1/hosts/node1/report", report));
  EXPECT_EQ(admin.get({Kind::kPort, "default", "here"})->metadata.resourceVersion, version);
  EXPECT_EQ(host.call("PUT", "/api/v1/hosts/node2/report", report).error().code,
            ErrorCode::kForbidden);
  EXPECT_EQ(host.call("PUT", "/api/v1/hosts/node1/report",
                      Json{{"ports", {{{"name", "x/y"}, {"phase", "odd"}}}}})
                .error()
                .field,
            "ports[0].phase");
  // What is not as it should be is told, until it is.
  auto degraded = report;
  degraded["message"] = "routes: 3 of 9 do not fit";
  degraded["ports"][0]["message"] = "network a: 3 of 9 routes do not fit";
  ASSERT_TRUE(host.call("PUT", "/api/v1/hosts/node1/report", degraded));
  EXPECT_EQ(admin.get({Kind::kPort, "default", "here"})->status["message"],
            "network a: 3 of 9 routes do not fit");
  EXPECT_EQ(admin.get({Kind::kHost, {}, "node1"})->status["message"], "routes: 3 of 9 do not fit");
  ASSERT_TRUE(host.call("PUT", "/api/v1/hosts/node1/report", report));
  EXPECT_FALSE(admin.get({Kind::kPort, "default", "here"})->status.contains("message"));
  EXPECT_FALSE(admin.get({Kind::kHost, {}, "node1"})->status.contains("message"));
  // A port that moves is pending again.
  ASSERT_TRUE(admin.patch({Kind::kPort, "default", "here"}, {{"spec", {{"host", "node2"}}}}));
  EXPECT_EQ(admin.get({Kind::kPort, "default", "here"})->status["phase"], "pending");
}

TEST(Site, ATokenToJoinIsForAKnownAddressAndAnHour) {
  Site site("one", 64512, "127.1.1.1");
  auto admin = site.admin();
  const auto issue = [&](Json wanted) {
    wanted["role"] = "host";
    return admin.call("POST", "/api/v1/tokens/issue", wanted);
  };
  const auto unknown = issue({{"name", "j"}, {"host", "node1"}});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().field, "hostAddress");
  EXPECT_EQ(unknown.error().message, "is required: there is no host \"node1\" yet");
  const auto soon = timeText(3590s), later = timeText(3610s);
  const auto fresh = issue({{"name", "j"}, {"host", "node1"}, {"hostAddress", "10.0.0.1"}});
  ASSERT_TRUE(fresh) << fresh.error().text();
  EXPECT_GE((*fresh)["expires"].get<std::string>(), soon);
  EXPECT_LE((*fresh)["expires"].get<std::string>(), later);
  (void)site.join("node2", "10.0.0.2");
  EXPECT_TRUE(issue({{"name", "again"}, {"host", "node2"}}));
  const auto longer = issue({{"name", "k"}, {"host", "node2"}, {"ttlSeconds", 86400}});
  ASSERT_TRUE(longer) << longer.error().text();
  EXPECT_GT((*longer)["expires"].get<std::string>(), later);
}

TEST(Site, RolesDecideBeyondObjectsToo) {
  Site site("one", 64512, "127.1.1.1");
  auto admin = site.admin();
  const auto token = [&](const Json& wanted) {
    return admin.call("POST", "/api/v1/tokens/issue", wanted).value()["token"].get<std::string>();
  };
  auto reader = site.client(token({{"name", "r"}, {"role", "reader"}}));
  auto member = site.client(token({{"name", "m"}, {"role", "member"}, {"project", "default"}}));
  api::Client host(site.join("node1", "10.0.0.1"));
  api::Client other(site.join("node2", "10.0.0.2"));
  EXPECT_TRUE(reader.call("GET", "/api/v1/bgp/peers"));
  EXPECT_EQ(member.call("GET", "/api/v1/bgp/peers").error().code, ErrorCode::kForbidden);
  EXPECT_EQ(member.call("GET", "/metrics").error().code, ErrorCode::kForbidden);
  EXPECT_EQ(reader.call("POST", "/api/v1/tokens/issue", Json{{"name", "x"}, {"role", "admin"}})
                .error()
                .code,
            ErrorCode::kForbidden);
  EXPECT_TRUE(host.call("GET", "/api/v1/hosts/node1/slice"));
  EXPECT_EQ(other.call("GET", "/api/v1/hosts/node1/slice").error().code, ErrorCode::kForbidden);
  EXPECT_EQ(host.call("GET", "/api/v1/status").error().code, ErrorCode::kForbidden);
  EXPECT_EQ(host.call("POST", "/api/v1/apply",
                      Json{{"objects", {model::toJson(network("n", "10.1.0.0/24"))}}})
                .error()
                .code,
            ErrorCode::kForbidden);
  EXPECT_TRUE(member.create(network("mine", "10.1.0.0/24")));
  const Json question{{"from", "other/x"}, {"to", "10.1.0.5"}, {"protocol", "tcp"}, {"port", 1}};
  const auto asked = member.call("POST", "/api/v1/trace", question).error();
  EXPECT_EQ(asked.code, ErrorCode::kForbidden);
  EXPECT_EQ(asked.field, "from");
  EXPECT_EQ(member.create(port("p", "mine", "node1")).error().field, "spec.host");
  EXPECT_TRUE(member.create(port("p", "mine")));
  // A certificate is worth what its Host object is.
  ASSERT_TRUE(admin.remove({Kind::kHost, {}, "node1"}));
  EXPECT_EQ(host.call("GET", "/api/v1/hosts/node1/slice").error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(admin.call("POST", "/api/v1/tokens/issue", Json{{"name", "bad"}, {"role", "king"}})
                .error()
                .field,
            "role");
  EXPECT_EQ(admin.remove({Kind::kToken, {}, "admin"}).error().code, ErrorCode::kConflict);
}

// Follows a stream and tells whether it has come and whether it has been refused since.
class Follower {
 public:
  Follower(api::ClientConfig config, const std::string& path)
      : watcher_(
            loop_, std::move(config), path, [this](const Json&) { ++lines_; },
            [this](bool connected, const Error& why) {
              if (!connected) refused_ = why.code == ErrorCode::kUnauthorized;
            }) {}
  [[nodiscard]] bool follows() {
    return eventually([this] {
      loop_.runFor(10ms);
      return lines_ > 0;
    });
  }
  // The stream ended and the next attempt was refused.
  [[nodiscard]] bool ends() {
    return eventually([this] {
      loop_.runFor(10ms);
      return refused_;
    });
  }

 private:
  io::Loop loop_;
  int lines_ = 0;
  bool refused_ = false;
  api::LineWatcher watcher_;
};

TEST(Site, StreamsEndWithTheTokenOrTheHost) {
  Site site("one", 64512, "127.1.1.1");
  auto admin = site.admin();
  const auto issued = [&](Json wanted) {
    auto config = site.config();
    config.token = admin.call("POST", "/api/v1/tokens/issue", wanted).value()["token"];
    return config;
  };
  const auto removed = issued({{"name", "removed"}, {"role", "reader"}});
  const auto changed = issued({{"name", "changed"}, {"role", "reader"}});
  const auto brief = issued({{"name", "brief"}, {"role", "reader"}, {"ttlSeconds", 2}});
  const auto host = site.join("node1", "10.0.0.1");
  const std::string objects = "/api/v1/networks?watch=true";
  const std::string slice = "/api/v1/hosts/node1/slice?watch=true";
  Follower ofRemoved(removed, objects), ofChanged(changed, slice), ofHost(host, slice),
      ofBrief(brief, objects);
  for (auto* each : {&ofBrief, &ofRemoved, &ofChanged, &ofHost}) ASSERT_TRUE(each->follows());
  EXPECT_TRUE(ofBrief.ends());
  ASSERT_TRUE(admin.remove({Kind::kToken, {}, "removed"}));
  EXPECT_TRUE(ofRemoved.ends());
  ASSERT_TRUE(admin.patch({Kind::kToken, {}, "changed"},
                          {{"spec", {{"hash", api::sha256Hex("another secret")}}}}));
  EXPECT_TRUE(ofChanged.ends());
  ASSERT_TRUE(admin.remove({Kind::kHost, {}, "node1"}));
  EXPECT_TRUE(ofHost.ends());
}

// The name may come back; the certificate of who had it does not.
TEST(Site, AHostThatIsMadeAgainHasToJoinAgain) {
  Site site("one", 64512, "127.1.1.1");
  auto admin = site.admin();
  HostSpeaker first(site, "node1", "127.1.1.11");
  const auto up = [&] { return peerNamed(admin, "host:node1")["state"] == "Established"; };
  const auto refusals = [&] { return metric(admin, "hawser_bgp_connection_refuse"); };
  const std::string slice = "/api/v1/hosts/node1/slice";
  ASSERT_TRUE(eventually(up));
  EXPECT_TRUE(api::Client(first.credentials()).call("GET", slice));
  ASSERT_TRUE(admin.remove({Kind::kHost, {}, "node1"}));
  site.apply({object("Host", {}, "node1", {{"address", "127.1.1.11"}})});
  EXPECT_EQ(api::Client(first.credentials()).call("GET", slice).error().code,
            ErrorCode::kUnauthorized);
  const auto refused = refusals();
  ASSERT_TRUE(eventually([&] { return refusals() > refused; }));
  EXPECT_FALSE(up());
  // With a token of its own it is the host of that name, and alone, also after a third one.
  const auto second = site.join("node1", "127.1.1.11");
  EXPECT_TRUE(api::Client(second).call("GET", slice));
  const auto third = site.join("node1", "127.1.1.11");
  EXPECT_TRUE(api::Client(third).call("GET", slice));
  for (const auto& old : {first.credentials(), second})
    EXPECT_EQ(api::Client(old).call("GET", slice).error().code, ErrorCode::kUnauthorized);
}

// A TCP connection from an address to the port for hosts, that says nothing.
class Silent {
 public:
  Silent(const std::string& from, const std::string& to, std::uint16_t port)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, from.c_str(), &address.sin_addr);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::inet_pton(AF_INET, to.c_str(), &address.sin_addr);
    address.sin_port = htons(port);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Silent() { ::close(fd_); }
  Silent(const Silent&) = delete;
  Silent& operator=(const Silent&) = delete;
  [[nodiscard]] bool closed() const {
    char one = 0;
    const auto size = ::recv(fd_, &one, 1, MSG_DONTWAIT);
    return size == 0 || (size < 0 && errno != EAGAIN);
  }

 private:
  int fd_;
};

TEST(Site, SilentConnectionsDoNotKeepHostsOut) {
  Site site("one", 64512, "127.1.1.1");
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::unique_ptr<Silent>> silent;
  for (int i = 0; i < 200; ++i)
    silent.push_back(std::make_unique<Silent>("127.1.1.66", site.address(), site.bgpTlsPort()));
  const auto open = [&] {
    return std::count_if(silent.begin(), silent.end(),
                         [](const auto& one) { return !one->closed(); });
  };
  EXPECT_TRUE(eventually([&] { return open() == 4; })) << open();
  HostSpeaker host(site, "node1", "127.1.1.11");
  auto admin = site.admin();
  EXPECT_TRUE(eventually([&] { return peerNamed(admin, "host:node1")["state"] == "Established"; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s) << "it waited for them";
  EXPECT_TRUE(eventually([&] { return open() == 0; })) << "no handshake, no connection";
}

TEST(Site, RoutesOfHostsAreReflectedAndShown) {
  Site site("one", 64512, "127.1.1.1");
  HostSpeaker first(site, "node1", "127.1.1.11"), second(site, "node2", "127.1.1.12");
  site.apply({network("a", "10.1.0.0/24"), network("b", "10.2.0.0/24")});
  auto admin = site.admin();
  const auto target =
      admin.get({Kind::kNetwork, "default", "a"})->status["autoRouteTarget"].get<std::string>();
  EXPECT_EQ(target, "64512:8000001");
  second.want({target});
  first.announce("10.1.0.5/32", target, 21);
  ASSERT_TRUE(
      eventually([&] { return second.prefixes() == std::set<std::string>{"10.1.0.5/32"}; }));
  const auto paths = pathsOf(admin, "default", "a", "10.1.0.5/32");
  ASSERT_EQ(paths.size(), 1U);
  EXPECT_EQ(paths[0]["host"], "node1");
  EXPECT_EQ(paths[0]["label"], 21);
  EXPECT_EQ(paths[0]["routeTarget"], target);
  EXPECT_EQ(paths[0]["origin"], "one");
  EXPECT_EQ(paths[0]["encapsulation"], "MPLSoUDP");
  EXPECT_TRUE(pathsOf(admin, "default", "b", "10.1.0.5/32").empty());
  EXPECT_TRUE(eventually(
      [&] { return admin.get({Kind::kHost, {}, "node1"})->status.value("connected", false); }));
  EXPECT_EQ(peerNamed(admin, "host:node1")["state"], "Established");
  const auto some =
      admin.call("GET", "/api/v1/bgp/routes?family=vpnv4&prefix=10.1.0.0/16&rt=" + target);
  ASSERT_TRUE(some);
  ASSERT_EQ((*some)["routes"].size(), 1U);
  EXPECT_EQ((*some)["routes"][0]["peer"], "host:node1");
  EXPECT_EQ((*admin.call("GET", "/api/v1/bgp/routes?rt=64512:9"))["routes"].size(), 0U);
  EXPECT_EQ(admin.call("GET", "/api/v1/bgp/routes?family=ipx").error().field, "family");
  EXPECT_NE(
      admin.call("GET", "/metrics")->get<std::string>().find("hawser_controller_compilation_run"),
      std::string::npos);
}

TEST(Site, TwoGatewaysOfOneAsAreToldApart) {
  Site site("one", 64512, "127.1.1.1");
  constexpr const char* kTarget = "64512:700";
  const auto gateway = [&](const std::string& name, const std::string& address) {
    return object("Peer", {}, name,
                  {{"role", "gateway"},
                   {"asn", 64600},
                   {"address", address},
                   {"passive", true},
                   {"import", {{"routeTargets", {kTarget}}}}});
  };
  auto outside = network("a", "10.1.0.0/24");
  outside.spec["routeTargets"] = {{"both", {kTarget}}};
  site.apply({gateway("mx1", "127.1.1.21"), gateway("mx2", "127.1.1.22"), outside});
  HostSpeaker first(site, 64600, "127.1.1.21"), second(site, 64600, "127.1.1.22");
  auto admin = site.admin();
  first.announce("0.0.0.0/0", kTarget, 21, 1);
  second.announce("0.0.0.0/0", kTarget, 22, 2);
  second.announce("8.8.8.0/24", kTarget, 23, 3, "127.1.1.99");  // its loopback
  ASSERT_TRUE(eventually([&] {
    return pathsOf(admin, "default", "a", "0.0.0.0/0").size() == 2 &&
           pathsOf(admin, "default", "a", "8.8.8.0/24").size() == 1;
  }));
  const auto paths = pathsOf(admin, "default", "a", "0.0.0.0/0");
  EXPECT_EQ(paths[0]["nextHop"], "127.1.1.21");
  EXPECT_EQ(paths[0]["origin"], "mx1");
  EXPECT_EQ(paths[1]["nextHop"], "127.1.1.22");
  EXPECT_EQ(paths[1]["origin"], "mx2");
  EXPECT_EQ(pathsOf(admin, "default", "a", "8.8.8.0/24")[0]["origin"], "mx2");
}

TEST(Site, HostsKeepTheirRoutesWhileTheControllerIsAway) {
  Site site("one", 64512, "127.1.1.1");
  HostSpeaker first(site, "node1", "127.1.1.11"), second(site, "node2", "127.1.1.12");
  first.announce("10.1.0.5/32", "64512:8000001");
  second.want({"64512:8000001"});
  ASSERT_TRUE(
      eventually([&] { return second.prefixes() == std::set<std::string>{"10.1.0.5/32"}; }));
  auto admin = site.admin();
  ASSERT_TRUE(eventually([&] {
    return admin.get({Kind::kHost, {}, "node1"})->status.value("connected", false) &&
           admin.get({Kind::kHost, {}, "node2"})->status.value("connected", false);
  }));
  site.stop();
  ASSERT_TRUE(
      eventually([&] { return second.prefixes() == std::set<std::string>{"10.1.0.5/32 stale"}; }));
  site.start();
  // From stale to fresh without a gap.
  ASSERT_TRUE(eventually([&] {
    const auto now = second.prefixes();
    EXPECT_EQ(now.size(), 1U);
    return now == std::set<std::string>{"10.1.0.5/32"};
  }));
}

}  // namespace
}  // namespace hawser::controller::test
