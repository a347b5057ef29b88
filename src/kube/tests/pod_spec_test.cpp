#include "pod_spec.h"

#include <gtest/gtest.h>

#include "manifest_source.h"

namespace hawser::kube {
namespace {

using model::Json;

// The error for a pod whose one container has this, in YAML's flow style.
std::string errorOf(const std::string& container) {
  const auto documents = model::parseDocuments("{containers: [" + container + "]}");
  EXPECT_TRUE(documents) << documents.error().text();
  const auto good = checkPodSpec((*documents)[0], "spec");
  return good ? "" : good.error().text();
}

TEST(PodSpec, WhatANodeCanRun) {
  EXPECT_EQ(errorOf("{name: a, image: nginx}"), "");
  EXPECT_EQ(errorOf(R"({name: a, image: nginx, command: [sh, -c], args: ["true"],
      ports: [{name: http, containerPort: 80}],
      env: [{name: A, value: "1"}, {name: B}, {name: C, valueFrom: {fieldRef: {fieldPath: status.podIP}}}],
      readinessProbe: {httpGet: {port: http, path: /}, periodSeconds: 1, initialDelaySeconds: 0}})"),
            "");
  EXPECT_EQ(errorOf("{name: a, image: b, readinessProbe: {tcpSocket: {port: 80}}}"), "");
  EXPECT_EQ(errorOf("{name: a, image: b, readinessProbe: {exec: {command: [x]}}}"), "");
}

TEST(PodSpec, MistakesNameTheField) {
  const std::pair<const char*, const char*> kMistakes[]{
      {"{image: b}", "spec.containers[0].name"},
      {"{name: a}", "spec.containers[0].image"},
      {"7", "spec.containers[0]"},
      {"{name: a, image: b}, {name: a, image: c}", "spec.containers[1].name"},
      {"{name: a, image: b, command: sh}", "spec.containers[0].command"},
      {"{name: a, image: b, args: [sh, 1]}", "spec.containers[0].args[1]"},
      {"{name: a, image: b, env: {A: 1}}", "spec.containers[0].env"},
      {"{name: a, image: b, env: [{name: A, value: 1}]}", "spec.containers[0].env[0].value"},
      {"{name: a, image: b, env: [{value: x}]}", "spec.containers[0].env[0].name"},
      {"{name: a, image: b, env: [{name: A, valueFrom: {secretKeyRef: {}}}]}",
       "spec.containers[0].env[0].valueFrom"},
      {"{name: a, image: b, env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.x}}}]}",
       "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath"},
      {"{name: a, image: b, envFrom: []}", "spec.containers[0].envFrom"},
      {"{name: a, image: b, ports: [{containerPort: 70000}]}",
       "spec.containers[0].ports[0].containerPort"},
      {"{name: a, image: b, ports: 80}", "spec.containers[0].ports"},
      {"{name: a, image: b, readinessProbe: {}}", "spec.containers[0].readinessProbe"},
      {"{name: a, image: b, readinessProbe: {tcpSocket: {port: 0}}}",
       "spec.containers[0].readinessProbe.tcpSocket.port"},
      {"{name: a, image: b, readinessProbe: {httpGet: {port: http}}}",
       "spec.containers[0].readinessProbe.httpGet.port"},
      {"{name: a, image: b, readinessProbe: {httpGet: {port: 1, scheme: FTP}}}",
       "spec.containers[0].readinessProbe.httpGet.scheme"},
      {"{name: a, image: b, readinessProbe: {exec: {command: []}}}",
       "spec.containers[0].readinessProbe.exec.command"},
      {"{name: a, image: b, readinessProbe: {exec: {command: [x]}, periodSeconds: 0}}",
       "spec.containers[0].readinessProbe.periodSeconds"},
      {"{name: a, image: b, readinessProbe: {exec: {command: [x]}, tcpSocket: {port: 1}}}",
       "spec.containers[0].readinessProbe"}};
  for (const auto& [container, field] : kMistakes)
    EXPECT_TRUE(errorOf(container).starts_with(std::string(field) + ": "))
        << container << " gives \"" << errorOf(container) << "\"";
  EXPECT_FALSE(checkPodSpec(Json(), "spec"));
  EXPECT_FALSE(checkPodSpec(Json{{"containers", Json::array()}}, "spec"));
}

// Whatever JSON comes from a file or a server, reading it is an error or an answer.
TEST(AnyJson, IsNeverAnException) {
  const auto good =
      Json::parse(R"({"metadata": {"name": "a", "namespace": "b", "labels": {"x": "y"},
      "annotations": {"x": "y"}, "deletionTimestamp": "t"},
    "spec": {"nodeName": "n", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
      "externalIPs": ["1.2.3.4"], "selector": {"x": "y"}, "type": "LoadBalancer",
      "loadBalancerIP": "1.2.3.5", "ports": [{"port": 1, "targetPort": 2, "protocol": "TCP"}],
      "containers": [{"name": "c", "image": "i", "env": [{"name": "A"}], "args": ["x"],
        "ports": [{"name": "p", "containerPort": 1}],
        "readinessProbe": {"httpGet": {"port": 1, "path": "/"}}}]},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})");
  ASSERT_TRUE(parsePod(good));
  ASSERT_TRUE(parseService(good)) << parseService(good).error().text();
  const auto flat = good.flatten();
  for (const auto& bad : {Json(7), Json("x"), Json::array({7}), Json(nullptr), Json{{"k", 7}}}) {
    for (const auto& [path, value] : flat.items()) {
      // Each place on the way to a leaf, too.
      for (auto place = Json::json_pointer(path);; place = place.parent_pointer()) {
        auto copy = good;
        copy[place] = bad;
        EXPECT_NO_THROW({
          (void)parsePod(copy);
          (void)parseService(copy);
          if (copy.is_object() && copy.contains("spec")) (void)checkPodSpec(copy["spec"], "spec");
        }) << copy.dump();
        if (place.empty()) break;
      }
    }
  }
}

TEST(Names, AreThoseOfKubernetes) {
  const auto nameOf = [](const Json& metadata) { return parseObjectName(metadata); };
  EXPECT_EQ(nameOf({{"name", "web-1.a"}})->text(), "default/web-1.a");
  EXPECT_EQ(nameOf({{"name", "web"}, {"namespace", "shop"}})->text(), "shop/web");
  for (const auto* bad : {"", "Web", "a_b", "../x", "a/b", "-a", "a-", "a b"})
    EXPECT_EQ(nameOf({{"name", bad}}).error().field, "metadata.name") << bad;
  for (const auto* bad : {"", "a.b", "A"})
    EXPECT_EQ(nameOf({{"name", "a"}, {"namespace", bad}}).error().field, "metadata.namespace");
  EXPECT_FALSE(nameOf({{"name", 7}}));
  EXPECT_FALSE(nameOf(Json::object()));
}

TEST(Services, Kinds) {
  const auto service = [](const char* spec) {
    return parseService({{"metadata", {{"name", "s"}}}, {"spec", Json::parse(spec)}}).value();
  };
  auto one = service(R"({"clusterIP": "None", "ports": [{"port": 1}]})");
  EXPECT_EQ(one.kind, ServiceKind::kHeadless);
  EXPECT_TRUE(one.clusterIps.empty());
  one = service(R"({"type": "ExternalName", "externalName": "x", "externalIPs": ["1.1.1.1"]})");
  EXPECT_EQ(one.kind, ServiceKind::kExternalName);
  EXPECT_TRUE(one.externalIps.empty());
  one = service(R"({"type": "LoadBalancer", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1",
      "fd00::1"], "loadBalancerIP": "1.1.1.2", "externalIPs": ["1.1.1.1", "1.1.1.2"],
      "sessionAffinity": "ClientIP"})");
  EXPECT_EQ(one.clusterIps, (std::vector<std::string>{"10.0.0.1", "fd00::1"}));
  EXPECT_EQ(one.externalIps, (std::vector<std::string>{"1.1.1.1", "1.1.1.2"}));
  EXPECT_TRUE(one.clientAffinity);
  one = service(R"({"clusterIP": "10.0.0.1", "loadBalancerIP": "1.1.1.2"})");
  EXPECT_TRUE(one.externalIps.empty()) << "only a LoadBalancer has one";
}

}  // namespace
}  // namespace hawser::kube
