// The whole agent but for BPF: join, slices, BGP over TLS, reports, restarts of either side.
#include "daemon.h"

#include <sys/stat.h>

#include <fstream>

#include "controller.h"
#include "fake_plane.h"
#include "kernel.h"

namespace hawser::agent::test {
namespace {

class DaemonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    devices.names = {{"hwa", 11}, {"hwb", 12}};
    std::ofstream(folder.path() / "ca.pem") << controller.ca();
    std::ofstream(folder.path() / "token") << kToken << "\n";
    options.host = "h1";
    options.controllers = {controller.url()};
    options.caFile = folder.path() / "ca.pem";
    options.joinTokenFile = folder.path() / "token";
    options.stateDir = folder.path() / "state";
    options.socket = folder.path() / "agent.sock";
    std::filesystem::create_directories(options.stateDir);
  }
  void start() {
    auto enrolment = loadEnrolment(options.stateDir);
    if (!enrolment) enrolment = join(options);
    ASSERT_TRUE(enrolment) << enrolment.error().text();
    loop = std::make_unique<io::Loop>();
    daemon = std::make_unique<Daemon>(
        *loop, Daemon::Parts{.options = options,
                             .underlay = ip("127.0.0.11").v4(),
                             .enrolment = *enrolment,
                             .state = HostState::load(options.stateDir).value(),
                             .plane = std::make_unique<FakePlane>(plane),
                             .devices = std::make_unique<FakeDevices>(devices),
                             .restartDeferral = 4s});
    const auto started = daemon->start();
    ASSERT_TRUE(started) << started.error().text();
  }
  void kill() {
    daemon->stop();
    daemon.reset();
    loop.reset();
  }
  template <class Condition>
  bool soon(Condition condition) {
    return eventually(*loop, condition);
  }
  // A request over the socket, as hawser-cni makes it.
  Result<Json> call(const Json& request) {
    auto answer =
        std::async(std::launch::async, [&] { return callAgent(options.socket, request); });
    while (answer.wait_for(0ms) != std::future_status::ready) loop->runFor(5ms);
    return answer.get();
  }
  static Json plugRequest(const std::string& pod, const std::string& device) {
    return {{"op", "plug"},
            {"device", device},
            {"containerId", "c-" + pod},
            {"ifname", "eth0"},
            {"workload", {{"kind", "pod"}, {"namespace", "default"}, {"name", pod}}}};
  }

  TempFolder folder;
  Controller controller;
  Events events;
  RecordingPlane plane{events};
  FakeDevices devices;
  Options options;
  std::unique_ptr<io::Loop> loop;
  std::unique_ptr<Daemon> daemon;
};

TEST_F(DaemonTest, JoinsOnceAndKeepsItsKeyToItself) {
  const auto joined = join(options);
  ASSERT_TRUE(joined) << joined.error().text();
  EXPECT_EQ(joined->site, "west");
  EXPECT_EQ(joined->asn, net::Asn(64512));
  EXPECT_EQ(api::commonName(joined->certificate).value(), "host:h1");
  ASSERT_EQ(joined->controllers.size(), 1U);
  EXPECT_EQ(joined->controllers[0].api, controller.url());
  EXPECT_EQ(joined->controllers[0].bgp.port, controller.bgpPort);
  const auto loaded = loadEnrolment(options.stateDir);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->key, joined->key);
  EXPECT_EQ(loaded->certificate, joined->certificate);
  for (const auto* name : {"host.key", "enrolment.json"}) {
    struct stat info{};
    ASSERT_EQ(::stat((options.stateDir / name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << name;
  }
}

TEST_F(DaemonTest, WhatTheDatapathCannotDoIsCounted) {
  plane.upkeep = {.mended = 1, .failed = 2, .error = {ErrorCode::kInternal, "no room", "hwa"}};
  plane.swept = fail(ErrorCode::kInternal, "read the map conns: no");
  start();
  const auto metrics = call({{"op", "metrics"}}).value().at("text").get<std::string>();
  for (const auto* line : {"hawser_agent_datapath_mend 1", "hawser_agent_datapath_fail 2",
                           "hawser_agent_connection_fail 1"})
    EXPECT_NE(metrics.find(line), std::string::npos) << line << "\n" << metrics;
}

TEST_F(DaemonTest, ABadTokenIsSaid) {
  std::ofstream(folder.path() / "token") << "guess";
  const auto refused = join(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(refused.error().field, "join");
  EXPECT_EQ(loadEnrolment(options.stateDir).error().code, ErrorCode::kNotFound);
  options.joinTokenFile.clear();
  EXPECT_EQ(join(options).error().field, "--join-token");
  options.joinTokenFile = folder.path() / "nothing";
  EXPECT_EQ(join(options).error().field, "--join-token");
  options.caFile.clear();
  EXPECT_EQ(join(options).error().field, "--ca");
}

TEST_F(DaemonTest, ATokenOfAnotherHostIsSaid) {
  controller.joinHost = "h9";
  EXPECT_EQ(join(options).error().field, "--host");
  EXPECT_FALSE(loadEnrolment(options.stateDir));
}

TEST_F(DaemonTest, APortTravelsFromSliceToBgpAndReport) {
  controller.setSlice(slice());
  start();
  ASSERT_TRUE(soon([&] { return daemon->agent().fresh(); }));
  const auto answer = call(plugRequest("a", "hwa"));
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->at("port"), "default/a");
  ASSERT_TRUE(soon([&] { return controller.routes().size() == 2; }));
  ASSERT_TRUE(soon([&] {
    const auto report = controller.lastReport();
    return report.is_object() && report["ports"][0]["phase"] == "up";
  }));
  // Routes of others, asked for by RT-constraint.
  controller.originate("10.0.3.20/32", 2001, remoteAttributes("10.1.0.12", "64512:3"));
  ASSERT_TRUE(soon([&] { return plane.members(3, "10.0.3.20/32") == "MPLSoUDP:10.1.0.12/2001"; }));
  const auto status = call({{"op", "status"}}).value();
  EXPECT_EQ(status["bgp"]["peers"][0]["state"], bgp::stateName(bgp::State::kEstablished));
  EXPECT_EQ(status["connected"], true);
  // A slice that changes while a caller waits.
  auto more = slice();
  more.revision = 2;
  more.ports.push_back(slicePort("late", "10.0.3.13"));
  auto late = std::async(std::launch::async,
                         [&] { return callAgent(options.socket, plugRequest("late", "hwb")); });
  ASSERT_TRUE(soon([&] { return daemon->agent().state().plugs().size() == 2; }));
  controller.setSlice(more);
  ASSERT_TRUE(soon([&] { return late.wait_for(0ms) == std::future_status::ready; }));
  EXPECT_TRUE(late.get());
  ASSERT_TRUE(soon([&] { return controller.routes().contains("10.0.3.13/32 1001"); }));
  kill();
}

TEST_F(DaemonTest, ARestartKeepsRoutesOnBothSides) {
  controller.setSlice(slice());
  controller.originate("10.0.3.20/32", 2001, remoteAttributes("10.1.0.12", "64512:3"));
  start();
  ASSERT_TRUE(soon([&] { return daemon->agent().fresh(); }));
  ASSERT_TRUE(call(plugRequest("a", "hwa")));
  ASSERT_TRUE(soon([&] { return controller.routes().contains("10.0.3.11/32 1000"); }));
  ASSERT_TRUE(soon([&] { return plane.routes.size() == 3; }));
  kill();
  ASSERT_TRUE(eventually(*std::make_unique<io::Loop>(),
                         [&] { return controller.routes().contains("10.0.3.11/32 1000 stale"); }));
  EXPECT_EQ(plane.ports.size(), 1U);  // in force without us
  events.clear();
  start();
  ASSERT_TRUE(soon([&] { return controller.routes().contains("10.0.3.11/32 1000"); }));
  ASSERT_TRUE(soon([&] { return plane.members(3, "10.0.3.20/32") != "none"; }));
  ASSERT_TRUE(
      soon([&] { return std::find(events.begin(), events.end(), "prune") != events.end(); }));
  for (const auto& event : events) {
    EXPECT_FALSE(event.starts_with("remove")) << event;
    EXPECT_FALSE(event.starts_with("withdraw")) << event;
  }
  kill();
}

TEST_F(DaemonTest, AControllerThatDiesTakesNothingWithIt) {
  controller.setSlice(slice());
  controller.originate("10.0.3.20/32", 2001, remoteAttributes("10.1.0.12", "64512:3"));
  start();
  ASSERT_TRUE(soon([&] { return daemon->agent().fresh(); }));
  ASSERT_TRUE(call(plugRequest("a", "hwa")));
  controller.originate("10.0.3.21/32", 2002, remoteAttributes("10.1.0.12", "64512:3"));
  ASSERT_TRUE(soon([&] { return plane.routes.size() == 4 && controller.routes().size() == 4; }));
  controller.killSpeaker();
  ASSERT_TRUE(soon([&] { return daemon->surroundings().peers[0].stale; }));
  EXPECT_NE(plane.members(3, "10.0.3.20/32"), "none");
  // It comes back with one route less: only now does that one go, and nothing else changes.
  events.clear();
  controller.forget("10.0.3.21/32");
  controller.run([&] { controller.startSpeaker(controller.bgpPort, true); });
  ASSERT_TRUE(soon([&] { return controller.routes().size() == 3; }));
  ASSERT_TRUE(soon([&] {
    return daemon->surroundings().peers[0].state == bgp::State::kEstablished &&
           !daemon->surroundings().peers[0].stale;
  }));
  EXPECT_NE(plane.members(3, "10.0.3.20/32"), "none");
  ASSERT_TRUE(soon([&] { return !events.empty(); }));
  EXPECT_EQ(events, Events{"removeRoute 10.0.3.21/32"});
  kill();
}

TEST_F(DaemonTest, ASecondAgentOnTheSameStateIsRefused) {
  const auto first = lockState(options.stateDir);
  ASSERT_TRUE(first);
  const auto second = lockState(options.stateDir);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kExists);
  EXPECT_EQ(second.error().field, "--state");
  struct stat info{};
  ASSERT_EQ(::stat(options.stateDir.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST(Kernel, AddressAndMtuOfADevice) {
  EXPECT_EQ(firstAddress("lo")->text(), "127.0.0.1");
  EXPECT_GT(*mtuOf("lo"), 1500);
  EXPECT_EQ(firstAddress("nosuchdevice").error().field, "--underlay-device");
  EXPECT_EQ(mtuOf("nosuchdevice").error().field, "--underlay-device");
}

TEST(Enrolment, TheAddressForBgpIsReadStrictly) {
  const auto with = [](const std::string& bgp) {
    return parseEnrolment(Json{{"site", "w"},
                               {"host", "h"},
                               {"asn", 1},
                               {"ca", ""},
                               {"certificate", ""},
                               {"controllers", {{{"api", "10.1.0.10:8443"}, {"bgp", bgp}}}}}
                              .dump());
  };
  const auto good = with("10.1.0.10:1790");
  ASSERT_TRUE(good) << good.error().text();
  EXPECT_EQ(good->controllers[0].bgp, (net::Endpoint{ip("10.1.0.10"), 1790}));
  for (const auto* bad : {"", "10.1.0.10", "10.1.0.10:", "10.1.0.10:0", "10.1.0.10:65536",
                          "10.1.0.10:17x", "x:1790", ":1790"})
    EXPECT_FALSE(with(bad)) << bad;
  EXPECT_EQ(with("[2001:db8::1]:1790").error().text(),
            "controllers.bgp: \"[2001:db8::1]:1790\" is IPv6; hosts speak BGP over IPv4 only, so "
            "far");
}

TEST(Enrolment, NonsenseIsRefused) {
  for (
      const auto* bad :
      {"", "[]", "{}",
       R"({"site":"w","host":"h","asn":1,"ca":"","certificate":"","controllers":[]})",
       R"({"site":"w","host":"h","asn":0,"ca":"","certificate":"","controllers":[{"api":"x","bgp":"10.0.0.1:1"}]})",
       R"({"site":"w","host":"h","asn":1,"ca":"","certificate":"","controllers":[{"api":"x","bgp":"10.0.0.1"}]})"})
    EXPECT_FALSE(parseEnrolment(bad)) << bad;
}

class OptionsTest : public ::testing::Test {
 protected:
  static Result<std::optional<Options>> parse(std::vector<const char*> words) {
    words.insert(words.begin(), "agent");
    return parseOptions(static_cast<int>(words.size()), words.data());
  }
  static std::string wrong(const std::vector<const char*>& words) {
    const auto parsed = parse(words);
    return parsed ? "accepted" : parsed.error().text();
  }
};

TEST_F(OptionsTest, AllThatALabGives) {
  const auto parsed = parse({"--host",
                             "h1",
                             "--controller",
                             "https://10.1.0.10:8443/",
                             "--controller",
                             "https://10.1.0.11:8443",
                             "--ca",
                             "ca.pem",
                             "--join-token",
                             "t",
                             "--state",
                             "/s",
                             "--socket",
                             "/s/a.sock",
                             "--underlay-device",
                             "eth0",
                             "--underlay-address",
                             "10.1.0.21",
                             "--pin-dir",
                             "/sys/fs/bpf/x",
                             "--log-level",
                             "info"});
  ASSERT_TRUE(parsed) << parsed.error().text();
  const auto& options = **parsed;
  EXPECT_EQ(options.controllers,
            (std::vector<std::string>{"https://10.1.0.10:8443", "https://10.1.0.11:8443"}));
  EXPECT_EQ(options.underlayAddress->text(), "10.1.0.21");
  EXPECT_EQ(options.pinDir, "/sys/fs/bpf/x");
  EXPECT_FALSE(options.teardown);
}

TEST_F(OptionsTest, WhatIsWrongIsNamed) {
  const std::string example = ": are needed; \"hawser agent --help\" has an example";
  EXPECT_EQ(wrong({}), "--host, --controller, --underlay-device" + example);
  EXPECT_EQ(wrong({"--underlay-device", "eth0"}), "--host, --controller" + example);
  EXPECT_EQ(wrong({"--underlay-device", "eth0", "--host", "h"}), "--controller: is needed");
  EXPECT_EQ(wrong({"--underlay-device", "eth0", "--host", "h", "--controller", "http://x"}),
            "--controller: \"http://x\" is no https:// URL");
  const auto complete = [&](const char* device, const char* option, const char* value) {
    return wrong(
        {"--underlay-device", device, "--host", "h", "--controller", "https://x", option, value});
  };
  EXPECT_TRUE(complete("eth0", "--underlay-address", "10.1.0").starts_with("--underlay-address: "));
  EXPECT_TRUE(wrong({"--log-level", "loud"}).starts_with("--log-level: "));
  EXPECT_NE(wrong({"--no-such-option"}).find("--no-such-option"), std::string::npos);
  EXPECT_EQ(complete("a-very-long-device-name", "--log-level", "info"),
            "--underlay-device: \"a-very-long-device-name\" is no device name");
}

TEST_F(OptionsTest, TeardownNeedsTheDeviceOnly) {
  const auto parsed = parse({"--teardown", "--underlay-device", "eth0"});
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_TRUE((*parsed)->teardown);
}

}  // namespace
}  // namespace hawser::agent::test
