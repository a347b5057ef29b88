// Workload namespaces and veth pairs of the kernel, the socket, and the agent behind it with a
// recording plane. Needs root; everything happens in two network namespaces made for it.
#include "hawser/agent/attach.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <fstream>
#include <future>
#include <thread>

#include "fake_plane.h"
#include "hawser/netlink/netlink.h"
#include "kernel.h"
#include "socket/ops.h"

namespace hawser::agent::test {
namespace {

// A network namespace without a name: alive as long as a process sleeps in it.
class Namespace {
 public:
  Namespace() {
    std::array<int, 2> ready{}, end{};
    if (::pipe2(ready.data(), O_CLOEXEC) != 0 || ::pipe2(end.data(), O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(end[1]);
      const char done = ::unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
      (void)!::write(ready[1], &done, 1);
      char nothing;
      (void)!::read(end[0], &nothing, 1);  // until the test has ended, however it ends
      ::_exit(0);
    }
    ::close(ready[1]);
    ::close(end[0]);
    hold_ = Fd(end[1]);
    char done = 'n';
    good_ = ::read(ready[0], &done, 1) == 1 && done == 'y';
    ::close(ready[0]);
  }
  ~Namespace() {
    hold_ = Fd();
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  }
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::string path() const { return "/proc/" + std::to_string(pid_) + "/ns/net"; }

 private:
  pid_t pid_ = -1;
  Fd hold_;
  bool good_ = false;
};

// Devices of the host's namespace, as the agent's thread there sees them.
class NamespaceDevices final : public Devices {
 public:
  explicit NamespaceDevices(std::string netns) : netns_(std::move(netns)) {}
  int indexOf(const std::string& name) const override {
    auto socket = netlink::Socket::open(netns_);
    const auto link = socket->link(name);
    return link && *link ? (*link)->index : 0;
  }

 private:
  std::string netns_;
};

class AttachTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_TRUE(host.good() && workload.good());
    devices = std::make_unique<NamespaceDevices>(host.path());
    agent = std::make_unique<Agent>(loop, Agent::Config{"h1", ip("10.1.0.11").v4()}, plane, sink,
                                    *devices, state, metrics);
    operations = std::make_unique<Operations>(
        Operations::Dependencies{.loop = loop,
                                 .agent = *agent,
                                 .plane = fake,
                                 .drops = drops,
                                 .metrics = metrics,
                                 .surroundings = [] { return Surroundings(); },
                                 .removeDevice = [](const std::string&) {}});
    server = LocalServer::open(loop, folder.path() / "agent.sock",
                               [this](const Json& json, Answer answer) {
                                 return operations->handle(json, std::move(answer));
                               })
                 .value();
    auto all = slice();
    all.ports[0].mtu = 1400;
    agent->applySlice(all, true);
    thread = std::thread([this] { loop.run(); });
    request.socket = folder.path() / "agent.sock";
    request.netnsPath = workload.path();
    request.hostNetnsPath = host.path();
    request.containerId = "container-1";
    request.workloadKind = "pod";
    request.workloadSpace = "default";
    request.workloadName = "a";
    request.wait = 5s;
  }
  void TearDown() override {
    if (!thread.joinable()) return;
    loop.stop();
    thread.join();
  }
  std::optional<netlink::LinkInfo> linkIn(const std::string& netns, const std::string& name) {
    return netlink::Socket::open(netns)->link(name).value();
  }
  std::size_t plugs() {
    std::promise<std::size_t> count;
    loop.post([&] { count.set_value(state.plugs().size()); });
    return count.get_future().get();
  }

  Namespace host, workload;  // before there are threads
  TempFolder folder;
  Events events;
  RecordingPlane plane{events};
  FakePlane fake{plane};
  RecordingSink sink{events};
  io::Loop loop;
  Metrics metrics;
  DropLog drops{loop.clock()};
  HostState state = HostState::load(folder.path()).value();
  std::unique_ptr<NamespaceDevices> devices;
  std::unique_ptr<Agent> agent;
  std::unique_ptr<Operations> operations;
  std::unique_ptr<LocalServer> server;
  std::thread thread;
  AttachRequest request;
};

TEST_F(AttachTest, AttachedCheckedDetached) {
  const auto attached = attachNamespace(request);
  ASSERT_TRUE(attached) << attached.error().text();
  EXPECT_EQ(attached->port, "default/a");
  EXPECT_EQ(attached->device, hostDeviceName("container-1", "eth0"));
  const auto inside = linkIn(workload.path(), "eth0");
  ASSERT_TRUE(inside);
  EXPECT_TRUE(inside->up);
  EXPECT_EQ(inside->mac.text(), "02:00:00:00:00:01");
  EXPECT_EQ(inside->mtu, 1400U);
  const auto outside = linkIn(host.path(), attached->device);
  ASSERT_TRUE(outside);
  EXPECT_TRUE(outside->up);
  EXPECT_EQ(outside->mtu, 65535U);
  auto socket = netlink::Socket::open(workload.path()).value();
  EXPECT_TRUE(*socket.hasAddress(inside->index, ip("10.0.3.11")));
  EXPECT_FALSE(*socket.hasAddress(inside->index, ip("10.0.3.12")));
  EXPECT_TRUE(*socket.hasDefaultRoute(inside->index, true));
  EXPECT_FALSE(*socket.hasDefaultRoute(inside->index, false));
  const auto checked = checkNamespace(request);
  ASSERT_TRUE(checked) << checked.error().text();
  EXPECT_EQ(checked->addresses, attached->addresses);

  ASSERT_TRUE(detachNamespace(request));
  EXPECT_FALSE(linkIn(host.path(), attached->device));
  EXPECT_FALSE(linkIn(workload.path(), "eth0"));
  EXPECT_EQ(plugs(), 0U);
  EXPECT_EQ(checkNamespace(request).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(detachNamespace(request));  // once more is fine
}

TEST_F(AttachTest, WhatAnEarlierAttemptLeftIsReplaced) {
  ASSERT_TRUE(attachNamespace(request));
  const auto again = attachNamespace(request);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_TRUE(checkNamespace(request));
  EXPECT_EQ(plugs(), 1U);
}

TEST_F(AttachTest, AFailureLeavesNothing) {
  request.workloadName = "nobody";
  request.wait = 50ms;
  const auto failed = attachNamespace(request);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kTimeout);
  EXPECT_FALSE(linkIn(host.path(), hostDeviceName("container-1", "eth0")));
  EXPECT_FALSE(linkIn(workload.path(), "eth0"));
  EXPECT_EQ(plugs(), 0U);
}

TEST_F(AttachTest, ADeviceOfSomebodyElseInsideIsSaid) {
  ASSERT_TRUE(attachNamespace(request));
  auto second = request;
  second.containerId = "container-2";
  second.workloadName = "b";
  const auto failed = attachNamespace(second);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kExists);
  EXPECT_EQ(failed.error().field, "ifname");
  EXPECT_TRUE(checkNamespace(request));
}

TEST_F(AttachTest, CheckSeesWhatWasChangedInside) {
  ASSERT_TRUE(attachNamespace(request));
  auto socket = netlink::Socket::open(workload.path()).value();
  const auto inside = socket.link("eth0").value();
  const auto other = net::MacAddress::parse("02:00:00:00:00:99").value();
  ASSERT_TRUE(socket.changeLink(inside->index, {.mtu = {}, .mac = other}));
  const auto checked = checkNamespace(request);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kConflict);
  EXPECT_NE(checked.error().message.find("02:00:00:00:00:99"), std::string::npos);
}

TEST_F(AttachTest, WithoutAnAgentNothingIsMade) {
  request.socket = folder.path() / "nobody.sock";
  EXPECT_EQ(attachNamespace(request).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(linkIn(workload.path(), "eth0"));
}

TEST_F(AttachTest, DetachWithoutAnAgentStillRemovesTheDevice) {
  const auto attached = attachNamespace(request).value();
  auto away = request;
  away.socket = folder.path() / "nobody.sock";
  EXPECT_EQ(detachNamespace(away).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(linkIn(host.path(), attached.device));
}

TEST_F(AttachTest, ANamespaceThatIsGone) {
  ASSERT_TRUE(attachNamespace(request));
  auto gone = request;
  gone.netnsPath = "/run/netns/hawser-no-such";
  EXPECT_EQ(attachNamespace(gone).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(detachNamespace(gone));
  EXPECT_EQ(plugs(), 0U);
}

TEST(Attach, BadRequestsNameTheField) {
  AttachRequest request;
  EXPECT_EQ(attachNamespace(request).error().field, "containerId");
  request.containerId = "c";
  for (const std::string bad : {"", "..", "a/b", "a b", "sixteen-letters-"}) {
    request.ifname = bad;
    EXPECT_EQ(attachNamespace(request).error().field, "ifname") << bad;
    EXPECT_EQ(detachNamespace(request).error().field, "ifname") << bad;
  }
}

TEST(Attach, DeviceNamesAreStableAndFit) {
  EXPECT_EQ(hostDeviceName("c1", "eth0"), hostDeviceName("c1", "eth0"));
  EXPECT_NE(hostDeviceName("c1", "eth0"), hostDeviceName("c1", "eth1"));
  EXPECT_NE(hostDeviceName("c1e", "th0"), hostDeviceName("c1", "eth0"));
  EXPECT_EQ(hostDeviceName(std::string(1000, 'x'), "eth0").size(), 13U);
}

}  // namespace
}  // namespace hawser::agent::test
