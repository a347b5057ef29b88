// The manifest source on a folder that changes, and the reconciler against a real API server.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "hawser/api/objects.h"
#include "hawser/api/pki.h"
#include "hawser/api/rest.h"
#include "hawser/api/server.h"
#include "hawser/base/time.h"
#include "manifest_source.h"
#include "reconciler.h"

namespace hawser::kube {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using model::Kind;

constexpr const char* kWeb = R"(kind: ReplicationController
metadata: {name: web}
spec:
  replicas: 2
  template:
    metadata: {labels: {name: web}}
    spec: {containers: [{name: web, image: nginx}]}
)";
constexpr const char* kService =
    "kind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.254.0.1, selector: {name: web}, "
    "ports: [{port: 80}]}\n";

bool eventually(io::Loop& loop, const std::function<bool()>& so) {
  for (const auto end = std::chrono::steady_clock::now() + 10s;
       std::chrono::steady_clock::now() < end; loop.runFor(2ms))
    if (so()) return true;
  return so();
}

class SourceTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "hawser-source-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    fs::create_directory(folder_ / "manifests");
    dir_ = StateDir::open(folder_ / "state").value();
  }
  void TearDown() override {
    source_.reset();
    fs::remove_all(folder_);
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / "manifests" / name) << text;
  }
  Result<void> start() {
    source_ = std::make_unique<ManifestSource>(loop_, std::vector<fs::path>{folder_ / "manifests"},
                                               *dir_, std::vector<std::string>{"n1", "n2"});
    return source_->start([] {});
  }
  const ClusterState& state() const { return source_->state(); }
  void setReady(const ObjectName& name) const {
    ASSERT_TRUE(dir_->writeStatus(
        name, {{"phase", "Running"}, {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}));
  }

  fs::path folder_;
  io::Loop loop_;
  std::optional<StateDir> dir_;
  std::unique_ptr<ManifestSource> source_;
};

TEST_F(SourceTest, FollowsTheFolder) {
  write("web.yaml", kWeb);
  ASSERT_TRUE(start());
  EXPECT_TRUE(eventually(loop_, [&] { return state().pods.size() == 2; }));
  write("svc.yaml", kService);
  EXPECT_TRUE(eventually(loop_, [&] { return state().services.size() == 1; }));
  fs::remove(folder_ / "manifests" / "svc.yaml");
  fs::remove(folder_ / "manifests" / "web.yaml");
  EXPECT_TRUE(eventually(loop_, [&] { return state().services.empty() && state().pods.empty(); }));
}

TEST_F(SourceTest, WrongAtTheStartIsAnError) {
  write("web.yaml", "kind: [\n");
  const auto started = start();
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().text().starts_with("web.yaml: line ")) << started.error().text();
}

TEST_F(SourceTest, WrongLaterKeepsTheLastGoodState) {
  write("web.yaml", kWeb);
  write("svc.yaml", kService);
  ASSERT_TRUE(start());
  ASSERT_TRUE(eventually(loop_, [&] { return state().pods.size() == 2; }));
  write("svc.yaml", "kind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 99999}]}\n");
  EXPECT_TRUE(eventually(loop_, [&] { return !source_->problem().empty(); }));
  EXPECT_NE(source_->problem().find("svc.yaml: spec.ports[0].port"), std::string::npos)
      << source_->problem();
  EXPECT_EQ(state().services.size(), 1U);
  // Pods are still looked after.
  const auto victim = state().pods.begin()->first;
  auto pod = dir_->pods().at(victim);
  pod["metadata"]["deletionTimestamp"] = timeText();
  ASSERT_TRUE(dir_->writePod(victim, pod));
  EXPECT_TRUE(eventually(
      loop_, [&] { return !state().pods.contains(victim) && state().pods.size() == 2; }));
  write("svc.yaml", kService);
  EXPECT_TRUE(eventually(loop_, [&] { return source_->problem().empty(); }));
}

TEST_F(SourceTest, PodsOfANodeThatDiedAreNotReady) {
  write("web.yaml", kWeb);
  ASSERT_TRUE(start());
  ASSERT_TRUE(eventually(loop_, [&] { return state().pods.size() == 2; }));
  const auto pod = state().pods.begin()->second;
  {
    const auto lock = FileLock::take(dir_->nodeLock(pod.node), "node");
    ASSERT_TRUE(lock);
    EXPECT_FALSE(FileLock::take(dir_->nodeLock(pod.node), "node"));
    setReady(pod.name);
    EXPECT_TRUE(eventually(loop_, [&] { return state().pods.at(pod.name).ready; }));
  }
  setReady(pod.name);  // looked at when something changes, else every five seconds
  EXPECT_TRUE(eventually(loop_, [&] { return !state().pods.at(pod.name).ready; }));
}

// References, and one name that is never let in.
class Rules final : public api::Admission {
 public:
  Result<void> admit(const api::Staging& staging, model::Object& object,
                     const model::Object*) override {
    if (object.metadata.name == "refused") return invalid("not this one", "metadata.name");
    if (object.kind == Kind::kPort && !staging.find({Kind::kNetwork, object.metadata.project,
                                                     object.spec["network"].get<std::string>()}))
      return invalid("does not exist", "spec.network");
    return {};
  }
  Result<void> removed(const api::Staging& staging, const model::Object& object) override {
    Result<void> result;
    staging.forEach(Kind::kPort, [&](const model::Object& port) {
      if (object.kind == Kind::kNetwork && port.spec["network"] == object.metadata.name)
        result = fail(ErrorCode::kConflict, "in use");
    });
    return result;
  }
};

class ReconcilerTest : public testing::Test {
 protected:
  void SetUp() override {
    ca_ = api::makeCa("test CA", 24h).value();
    store_ = store::openSqlite(":memory:").value();
    objects_ = api::Objects::open(*store_, rules_).value();
    rest_ = std::make_unique<api::Rest>(serverLoop_, *objects_,
                                        api::fingerprint(ca_.certificate).value());
    server_ = api::Server::open(
                  serverLoop_,
                  {.address = net::IpAddress::parse("127.0.0.1").value(),
                   .port = 0,
                   .caPem = ca_.certificate,
                   .certificate = api::issue(ca_, "controller:test", {"127.0.0.1"}, 24h).value()},
                  [this](const api::HttpRequest& request, const api::ReplyPtr& reply) {
                    const auto caller = rest_->authenticate(request);
                    if (!caller) return reply->error(caller.error());
                    if (!rest_->handle(request, *caller, reply))
                      reply->error({ErrorCode::kNotFound, "no such path", {}});
                  })
                  .value();
    model::Json token{{"kind", "Token"},
                      {"metadata", {{"name", "kube"}}},
                      {"spec", {{"role", "admin"}, {"hash", api::sha256Hex("secret")}}}};
    ASSERT_TRUE(objects_->commit({{api::Write::Op::kApply, *model::parseObject(token)}},
                                 api::Caller::system()));
    thread_ = std::thread([this] { serverLoop_.run(); });
    config_.url = "https://127.0.0.1:" + std::to_string(server_->port());
    config_.caPem = ca_.certificate;
    config_.token = "secret";
    settings_.owner = "kube/test";
    reconciler_ = std::make_unique<Reconciler>(loop_, config_, settings_.owner);
  }
  void TearDown() override {
    reconciler_.reset();
    serverLoop_.stop();
    thread_.join();
  }
  void addPod(const std::string& name, const std::string& label) {
    Pod pod;
    pod.name = {"default", name};
    pod.labels = {{"name", label}};
    pod.node = "n1";
    pod.ready = true;
    state_.pods[pod.name] = pod;
  }
  void want() { reconciler_->want(translate(state_, settings_).objects); }
  bool exists(Kind kind, const std::string& name) const {
    api::Client client(config_);
    return client.get({kind, "default", name}).has_value();
  }

  io::Loop serverLoop_, loop_;
  api::KeyPair ca_;
  std::unique_ptr<store::Store> store_;
  Rules rules_;
  std::unique_ptr<api::Objects> objects_;
  std::unique_ptr<api::Rest> rest_;
  std::unique_ptr<api::Server> server_;
  std::thread thread_;
  api::ClientConfig config_;
  LabelSettings settings_;
  ClusterState state_;
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(ReconcilerTest, MakesTheApiAsWantedAndEmptyAgain) {
  addPod("a", "web");
  addPod("b", "db");
  want();
  ASSERT_TRUE(eventually(loop_, [&] { return reconciler_->inSync(); }));
  EXPECT_TRUE(exists(Kind::kPort, "a"));
  EXPECT_TRUE(exists(Kind::kNetwork, "db"));
  state_.pods.erase({"default", "b"});
  want();
  EXPECT_TRUE(eventually(loop_, [&] { return !exists(Kind::kNetwork, "db"); }));
  EXPECT_TRUE(exists(Kind::kPort, "a"));
  state_.pods.clear();
  want();
  EXPECT_TRUE(eventually(loop_, [&] { return !exists(Kind::kNetwork, "web"); }));
  EXPECT_TRUE(reconciler_->failures().empty());
  api::Client client(config_);
  EXPECT_FALSE(client.get({Kind::kProject, {}, "default"}));
}

TEST_F(ReconcilerTest, WhatIsRefusedIsToldAndDelaysNothing) {
  addPod("refused", "web");
  want();
  ASSERT_TRUE(eventually(loop_, [&] { return !reconciler_->failures().empty(); }));
  EXPECT_EQ(reconciler_->failures().size(), 1U);
  EXPECT_NE(reconciler_->failures().begin()->find("ports/default/refused"), std::string::npos);
  EXPECT_TRUE(exists(Kind::kNetwork, "web")) << "the rest went on";
  const auto start = std::chrono::steady_clock::now();
  addPod("good", "web");
  want();
  ASSERT_TRUE(eventually(loop_, [&] { return exists(Kind::kPort, "good"); }));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 900ms) << "waited for the retry";
  state_.pods.erase({"default", "refused"});
  want();
  EXPECT_TRUE(eventually(loop_, [&] { return reconciler_->inSync(); }));
}

TEST_F(ReconcilerTest, WhatSomebodyRemovesOrChangesIsPutRight) {
  addPod("a", "web");
  want();
  ASSERT_TRUE(eventually(loop_, [&] { return reconciler_->inSync(); }));
  api::Client client(config_);
  ASSERT_TRUE(client.remove({Kind::kPort, "default", "a"}));
  EXPECT_TRUE(eventually(loop_, [&] { return exists(Kind::kPort, "a"); }));
  ASSERT_TRUE(client.patch({Kind::kPort, "default", "a"}, {{"spec", {{"host", "elsewhere"}}}}));
  EXPECT_TRUE(eventually(loop_, [&] {
    const auto port = client.get({Kind::kPort, "default", "a"});
    return port && port->spec["host"] == "n1";
  }));
}

TEST_F(ReconcilerTest, APersonsRouteTargetsStay) {
  addPod("a", "web");
  want();
  ASSERT_TRUE(eventually(loop_, [&] { return reconciler_->inSync(); }));
  api::Client client(config_);
  ASSERT_TRUE(client.patch({Kind::kNetwork, "default", "web"},
                           {{"spec", {{"routeTargets", {{"both", {"64512:500"}}}}}}}));
  addPod("b", "web");
  want();
  ASSERT_TRUE(eventually(loop_, [&] { return exists(Kind::kPort, "b"); }));
  state_.pods.clear();
  want();
  ASSERT_TRUE(
      eventually(loop_, [&] { return !exists(Kind::kPort, "a") && !exists(Kind::kPort, "b"); }));
  EXPECT_TRUE(reconciler_->failures().empty());
  const auto kept = client.get({Kind::kNetwork, "default", "web"});
  ASSERT_TRUE(kept) << kept.error().text();
  EXPECT_EQ(kept->spec["routeTargets"]["both"], model::Json::array({"64512:500"}));
  EXPECT_TRUE(client.get({Kind::kProject, {}, "default"})) << "its network is still in it";
}

TEST(ReconcilerAlone, ApiThatIsAwayIsNoReasonToRemoveAnything) {
  io::Loop loop;
  api::ClientConfig config;
  config.url = "https://127.0.0.1:1";
  Reconciler reconciler(loop, config, "kube/test");
  reconciler.want({});
  loop.runFor(50ms);
  EXPECT_FALSE(reconciler.inSync());
}

}  // namespace
}  // namespace hawser::kube
