#include "hawser/kube/label_mode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

namespace hawser::kube {
namespace {

using model::Kind;
using model::ObjectKey;

Pod pod(const std::string& name, Labels labels, bool ready = true,
        const std::string& node = "node1") {
  Pod out;
  out.name = {"default", name};
  out.labels = std::move(labels);
  out.ready = ready;
  out.node = node;
  return out;
}

Service service(const std::string& name, Labels selector, std::vector<std::string> clusterIps,
                std::vector<std::string> externalIps = {}) {
  Service out;
  out.name = {"default", name};
  out.labels = {{"name", name}};
  out.selector = std::move(selector);
  out.clusterIps = std::move(clusterIps);
  out.externalIps = std::move(externalIps);
  out.ports = {{.name = "http",
                .protocol = model::Protocol::kTcp,
                .port = 80,
                .targetPort = std::uint16_t{8080}}};
  return out;
}

LabelSettings settings() {
  LabelSettings out;
  out.owner = "kube/test";
  return out;
}

ClusterState leonardo() {
  ClusterState state;
  for (const auto* name : {"leonardo-a", "leonardo-b"})
    state.pods[{"default", name}] = pod(name, {{"name", "leonardo"}});
  state.pods[{"default", "nginx-a"}] = pod("nginx-a", {{"name", "nginx"}, {"uses", "leonardo"}});
  state.services[{"default", "leonardo"}] =
      service("leonardo", {{"name", "leonardo"}}, {"10.254.98.15"});
  state.services[{"default", "nginx"}] =
      service("nginx", {{"name", "nginx"}}, {"10.254.98.16"}, {"185.22.97.188", "185.22.97.189"});
  return state;
}

const model::Object& at(const Translation& translation, Kind kind, const std::string& name) {
  const auto found = translation.objects.find({kind, "default", name});
  if (found == translation.objects.end()) throw std::runtime_error("no " + name);
  return *found->second;
}
bool has(const Translation& translation, Kind kind, const std::string& name) {
  return translation.objects.contains({kind, "default", name});
}

TEST(LabelMode, TheScenario) {
  const auto out = translate(leonardo(), settings());
  EXPECT_TRUE(out.problems.empty());
  EXPECT_EQ(at(out, Kind::kPort, "leonardo-a").spec["network"], "leonardo");
  EXPECT_EQ(at(out, Kind::kPort, "nginx-a").spec["network"], "nginx");
  EXPECT_EQ(at(out, Kind::kPort, "nginx-a").spec["host"], "node1");
  EXPECT_EQ(at(out, Kind::kService, "leonardo").spec["network"], "service-leonardo");
  EXPECT_EQ(at(out, Kind::kService, "leonardo").spec["backends"].size(), 2U);
  EXPECT_EQ(at(out, Kind::kService, "nginx.public").spec["network"], "default/Public");
  EXPECT_EQ(at(out, Kind::kService, "nginx.public").spec["addresses"].size(), 2U);
  EXPECT_TRUE(has(out, Kind::kNetwork, "service-nginx"));
  const auto policy = model::PolicySpec::from(at(out, Kind::kPolicy, "uses-service-leonardo"));
  ASSERT_EQ(policy.rules.size(), 1U);
  EXPECT_EQ(policy.rules[0].fromNetwork->text(), "default/nginx");
  EXPECT_EQ(policy.rules[0].toNetwork->text(), "default/service-leonardo");
  EXPECT_FALSE(has(out, Kind::kPolicy, "uses-service-nginx"));
}

TEST(LabelMode, PortBecomesTargetPort) {
  const auto out = translate(leonardo(), settings());
  const auto spec = model::ServiceSpec::from(at(out, Kind::kService, "leonardo"));
  ASSERT_EQ(spec.ports.size(), 1U);
  EXPECT_EQ(spec.ports[0].port, 80);
  EXPECT_EQ(spec.ports[0].targetPort, 8080);
}

TEST(LabelMode, NamedTargetPortIsEachPodsOwn) {
  auto state = leonardo();
  state.services.begin()->second.ports[0].targetPort = std::string("web");
  state.pods[{"default", "leonardo-a"}].namedPorts[{"web", model::Protocol::kTcp}] = 8001;
  state.pods[{"default", "leonardo-b"}].namedPorts[{"web", model::Protocol::kTcp}] = 8002;
  const auto spec =
      model::ServiceSpec::from(at(translate(state, settings()), Kind::kService, "leonardo"));
  ASSERT_EQ(spec.backends.size(), 2U);
  EXPECT_EQ(spec.backends[0].targetPorts.at("http"), 8001);
  EXPECT_EQ(spec.backends[1].targetPorts.at("http"), 8002);
}

TEST(LabelMode, PodWithoutTheNamedPortIsNoBackendAndIsTold) {
  auto state = leonardo();
  state.services.begin()->second.ports[0].targetPort = std::string("web");
  state.pods[{"default", "leonardo-a"}].namedPorts[{"web", model::Protocol::kTcp}] = 8001;
  const auto out = translate(state, settings());
  EXPECT_EQ(at(out, Kind::kService, "leonardo").spec["backends"].size(), 1U);
  ASSERT_EQ(out.problems.size(), 1U);
  EXPECT_NE(out.problems[0].find("leonardo-b"), std::string::npos);
}

TEST(LabelMode, OnlyReadyPodsServe) {
  auto state = leonardo();
  state.pods[{"default", "leonardo-a"}].ready = false;
  state.pods[{"default", "leonardo-b"}].deleting = true;
  auto spec =
      model::ServiceSpec::from(at(translate(state, settings()), Kind::kService, "leonardo"));
  ASSERT_EQ(spec.backends.size(), 2U);
  EXPECT_FALSE(spec.backends[0].ready);
  EXPECT_FALSE(spec.backends[1].ready);
  state.services[{"default", "leonardo"}].publishNotReady = true;
  spec = model::ServiceSpec::from(at(translate(state, settings()), Kind::kService, "leonardo"));
  EXPECT_TRUE(spec.backends[0].ready);
  EXPECT_FALSE(spec.backends[1].ready) << "a pod that is being deleted never serves";
}

TEST(LabelMode, ServiceWithoutPodsExistsWithoutBackends) {
  auto state = leonardo();
  std::erase_if(state.pods,
                [](const auto& item) { return item.first.name.starts_with("leonardo"); });
  const auto out = translate(state, settings());
  EXPECT_TRUE(at(out, Kind::kService, "leonardo").spec["backends"].empty());
}

TEST(LabelMode, RelabelledPodChangesNetworkAndBackends) {
  auto state = leonardo();
  state.pods[{"default", "leonardo-a"}].labels["name"] = "nginx";
  const auto out = translate(state, settings());
  EXPECT_EQ(at(out, Kind::kPort, "leonardo-a").spec["network"], "nginx");
  EXPECT_EQ(at(out, Kind::kService, "leonardo").spec["backends"].size(), 1U);
  EXPECT_EQ(at(out, Kind::kService, "nginx").spec["backends"].size(), 2U);
}

TEST(LabelMode, RelabelledServiceChangesItsNetwork) {
  auto state = leonardo();
  state.services[{"default", "leonardo"}].labels["name"] = "app";
  const auto out = translate(state, settings());
  EXPECT_EQ(at(out, Kind::kService, "leonardo").spec["network"], "service-app");
  EXPECT_FALSE(has(out, Kind::kNetwork, "service-leonardo"));
  EXPECT_FALSE(has(out, Kind::kPolicy, "uses-service-leonardo"))
      << "nginx still names the old network";
}

TEST(LabelMode, UsesMayBeAListInAnAnnotation) {
  auto state = leonardo();
  auto& user = state.pods[{"default", "nginx-a"}];
  user.labels.erase("uses");
  user.annotations["uses"] = R"(["leonardo", "nginx"])";
  auto out = translate(state, settings());
  EXPECT_TRUE(has(out, Kind::kPolicy, "uses-service-leonardo"));
  EXPECT_TRUE(has(out, Kind::kPolicy, "uses-service-nginx"));
  user.annotations["uses"] = R"(["leonardo", 7)";
  out = translate(state, settings());
  EXPECT_FALSE(has(out, Kind::kPolicy, "uses-service-leonardo"));
  ASSERT_EQ(out.problems.size(), 1U);
}

TEST(LabelMode, ClusterServicesAreForAllNetworks) {
  auto state = leonardo();
  auto with = settings();
  with.clusterServices.insert({"default", "nginx"});
  const auto policy =
      model::PolicySpec::from(at(translate(state, with), Kind::kPolicy, "uses-service-nginx"));
  EXPECT_EQ(policy.rules.size(), 2U);
}

TEST(LabelMode, HostNetworkFinishedAndUnscheduledPodsGetNoPort) {
  auto state = leonardo();
  state.pods[{"default", "leonardo-a"}].hostNetwork = true;
  state.pods[{"default", "leonardo-b"}].finished = true;
  state.pods[{"default", "nginx-a"}].node.clear();
  const auto out = translate(state, settings());
  for (const auto& [key, object] : out.objects) EXPECT_NE(key.kind, Kind::kPort);
  EXPECT_TRUE(at(out, Kind::kService, "leonardo").spec["backends"].empty());
}

TEST(LabelMode, BadAddressIsToldAndTheRestGoesOn) {
  auto state = leonardo();
  state.services[{"default", "leonardo"}].clusterIps = {"10.254.98.300"};
  const auto out = translate(state, settings());
  EXPECT_FALSE(out.problems.empty());
  EXPECT_TRUE(has(out, Kind::kService, "nginx"));
}

TEST(LabelMode, OneNameCannotBeANetworkOfPodsAndOfServices) {
  auto state = leonardo();
  state.pods[{"default", "odd"}] = pod("odd", {{"name", "service-nginx"}});
  const auto out = translate(state, settings());
  EXPECT_TRUE(has(out, Kind::kPort, "odd"));
  EXPECT_FALSE(has(out, Kind::kService, "nginx"));
  EXPECT_TRUE(has(out, Kind::kService, "leonardo")) << "the rest goes on";
  ASSERT_EQ(out.problems.size(), 1U);
  EXPECT_NE(out.problems[0].find("networks/default/service-nginx"), std::string::npos);
}

TEST(LabelMode, LabelThatIsNoNameOfANetworkIsToldOnce) {
  auto state = leonardo();
  state.pods[{"default", "odd-1"}] = pod("odd-1", {{"name", "a/b"}});
  state.pods[{"default", "odd-2"}] = pod("odd-2", {{"name", "a/b"}});
  const auto out = translate(state, settings());
  EXPECT_FALSE(has(out, Kind::kPort, "odd-1"));
  EXPECT_EQ(out.problems.size(), 1U);
}

TEST(LabelMode, WhatIsNotSupportedIsTold) {
  const auto problems = [](const std::function<void(Service&)>& change) {
    auto state = leonardo();
    change(state.services.at({"default", "leonardo"}));
    return translate(state, settings()).problems;
  };
  EXPECT_EQ(problems([](Service& s) { s.clientAffinity = true; }).size(), 1U);
  EXPECT_EQ(problems([](Service& s) { s.clusterIps.clear(); }).size(), 1U);
  EXPECT_EQ(problems([](Service& s) { s.kind = ServiceKind::kLoadBalancer; }).size(), 1U);
  EXPECT_TRUE(problems([](Service& s) {
                s.kind = ServiceKind::kHeadless;
                s.clusterIps.clear();
              }).empty());
  EXPECT_TRUE(problems([](Service& s) {
                s.kind = ServiceKind::kExternalName;
                s.clusterIps.clear();
              }).empty());
}

TEST(LabelMode, PodThatLacksOneOfTwoNamedPortsIsNoBackend) {
  auto state = leonardo();
  auto& service = state.services.at({"default", "leonardo"});
  service.ports.push_back({.name = "admin",
                           .protocol = model::Protocol::kTcp,
                           .port = 81,
                           .targetPort = std::string("admin")});
  state.pods.at({"default", "leonardo-a"}).namedPorts[{"admin", model::Protocol::kTcp}] = 9000;
  const auto out = translate(state, settings());
  EXPECT_EQ(at(out, Kind::kService, "leonardo").spec["backends"].size(), 1U);
  EXPECT_EQ(out.problems.size(), 1U);
}

TEST(LabelMode, ServicesOfOneLabelShareTheirNetwork) {
  auto state = leonardo();
  auto second = service("leonardo-admin", {{"name", "leonardo"}}, {"10.254.98.17"});
  second.labels = {{"name", "leonardo"}};
  state.services[second.name] = second;
  auto out = translate(state, settings());
  EXPECT_EQ(at(out, Kind::kService, "leonardo-admin").spec["network"], "service-leonardo");
  state.services.erase({"default", "leonardo"});
  out = translate(state, settings());
  EXPECT_TRUE(has(out, Kind::kNetwork, "service-leonardo"));
  EXPECT_TRUE(has(out, Kind::kPolicy, "uses-service-leonardo"));
}

TEST(LabelMode, NamespacesAreApart) {
  auto state = leonardo();
  Pod other = pod("nginx-a", {{"name", "nginx"}, {"uses", "leonardo"}});
  other.name.space = "shop";
  state.pods[other.name] = other;
  const auto out = translate(state, settings());
  EXPECT_TRUE(out.objects.contains({Kind::kNetwork, "shop", "nginx"}));
  EXPECT_FALSE(out.objects.contains({Kind::kPolicy, "shop", "uses-service-leonardo"}));
  const auto policy = model::PolicySpec::from(at(out, Kind::kPolicy, "uses-service-leonardo"));
  EXPECT_EQ(policy.rules.size(), 1U) << "the other namespace's label means its own service";
  EXPECT_EQ(at(out, Kind::kService, "nginx").spec["backends"].size(), 1U);
}

// Whatever the order of events, the state decides: a removed object takes with it exactly what was
// there for it.
TEST(LabelMode, RemovalInAnyOrderEndsEmpty) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    auto state = leonardo();
    while (!state.pods.empty() || !state.services.empty()) {
      const bool takePod = state.services.empty() || (!state.pods.empty() && random() % 2 == 0);
      if (takePod)
        state.pods.erase(
            std::next(state.pods.begin(), static_cast<long>(random() % state.pods.size())));
      else
        state.services.erase(
            std::next(state.services.begin(), static_cast<long>(random() % state.services.size())));
      for (const auto& [key, object] : translate(state, settings()).objects) {
        if (key.kind != Kind::kPolicy) continue;
        for (const auto& rule : model::PolicySpec::from(*object).rules) {
          EXPECT_TRUE(translate(state, settings())
                          .objects.contains({Kind::kNetwork, "default", rule.toNetwork->name}));
          EXPECT_TRUE(translate(state, settings())
                          .objects.contains({Kind::kNetwork, "default", rule.fromNetwork->name}));
        }
      }
    }
    const auto out = translate(state, settings());
    EXPECT_EQ(out.objects.size(), 1U) << "only the address pool is left";
  }
}

}  // namespace
}  // namespace hawser::kube
