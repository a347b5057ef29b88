// From the OpenAPI document of Kubernetes 1.31 (core/v1 and apps/v1).
#include "manifest_fields.h"

#include <fmt/core.h>

#include <algorithm>

namespace hawser::kube {
namespace {

using Names = std::vector<std::string>;

const Names& serviceNames() {
  static const Names kNames{"allocateLoadBalancerNodePorts",
                            "clusterIP",
                            "clusterIPs",
                            "externalIPs",
                            "externalName",
                            "externalTrafficPolicy",
                            "healthCheckNodePort",
                            "internalTrafficPolicy",
                            "ipFamilies",
                            "ipFamilyPolicy",
                            "loadBalancerClass",
                            "loadBalancerIP",
                            "loadBalancerSourceRanges",
                            "ports",
                            "publishNotReadyAddresses",
                            "selector",
                            "sessionAffinity",
                            "sessionAffinityConfig",
                            "trafficDistribution",
                            "type"};
  return kNames;
}

const Names& controllerNames(const std::string& kind) {
  static const Names kSets{"minReadySeconds", "replicas", "selector", "template"};
  static const Names kDeployment{"minReadySeconds",
                                 "paused",
                                 "progressDeadlineSeconds",
                                 "replicas",
                                 "revisionHistoryLimit",
                                 "selector",
                                 "strategy",
                                 "template"};
  return kind == "Deployment" ? kDeployment : kSets;
}

const Names& podNames() {
  static const Names kNames{"activeDeadlineSeconds",
                            "affinity",
                            "automountServiceAccountToken",
                            "containers",
                            "dnsConfig",
                            "dnsPolicy",
                            "enableServiceLinks",
                            "ephemeralContainers",
                            "hostAliases",
                            "hostIPC",
                            "hostNetwork",
                            "hostPID",
                            "hostUsers",
                            "hostname",
                            "imagePullSecrets",
                            "initContainers",
                            "nodeName",
                            "nodeSelector",
                            "os",
                            "overhead",
                            "preemptionPolicy",
                            "priority",
                            "priorityClassName",
                            "readinessGates",
                            "resourceClaims",
                            "restartPolicy",
                            "runtimeClassName",
                            "schedulerName",
                            "schedulingGates",
                            "securityContext",
                            "serviceAccount",
                            "serviceAccountName",
                            "setHostnameAsFQDN",
                            "shareProcessNamespace",
                            "subdomain",
                            "terminationGracePeriodSeconds",
                            "tolerations",
                            "topologySpreadConstraints",
                            "volumes"};
  return kNames;
}

const Names& containerNames() {
  static const Names kNames{"args",
                            "command",
                            "env",
                            "envFrom",
                            "image",
                            "imagePullPolicy",
                            "lifecycle",
                            "livenessProbe",
                            "name",
                            "ports",
                            "readinessProbe",
                            "resizePolicy",
                            "resources",
                            "restartPolicy",
                            "securityContext",
                            "startupProbe",
                            "stdin",
                            "stdinOnce",
                            "terminationMessagePath",
                            "terminationMessagePolicy",
                            "tty",
                            "volumeDevices",
                            "volumeMounts",
                            "workingDir"};
  return kNames;
}

const Names kServicePort{"appProtocol", "name", "nodePort", "port", "protocol", "targetPort"};
const Names kContainerPort{"containerPort", "hostIP", "hostPort", "name", "protocol"};
const Names kVariable{"name", "value", "valueFrom"};
const Names kProbe{"exec",
                   "failureThreshold",
                   "grpc",
                   "httpGet",
                   "initialDelaySeconds",
                   "periodSeconds",
                   "successThreshold",
                   "tcpSocket",
                   "terminationGracePeriodSeconds",
                   "timeoutSeconds"};
const Names kTemplate{"metadata", "spec"};

Result<void> known(const Json& json, const Names& names, const std::string& path) {
  if (!json.is_object()) return {};
  for (const auto& [name, value] : json.items()) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const auto near = model::nearest(name, names);
    return invalid(near.empty() ? std::string("unknown field")
                                : fmt::format("unknown field; did you mean \"{}\"?", near),
                   path + "." + name);
  }
  return {};
}

Result<void> knownInEach(const Json& list, const Names& names, const std::string& path) {
  for (std::size_t i = 0; i < listOf(list).size(); ++i)
    if (auto good = known(list[i], names, fmt::format("{}[{}]", path, i)); !good) return good;
  return {};
}

Result<void> podFields(const Json& spec, const std::string& path) {
  if (auto good = known(spec, podNames(), path); !good) return good;
  for (const auto* field : {"initContainers", "containers"}) {
    const auto& list = listOf(member(spec, field));
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto where = fmt::format("{}.{}[{}]", path, field, i);
      if (auto good = known(list[i], containerNames(), where); !good) return good;
      if (auto good = knownInEach(member(list[i], "ports"), kContainerPort, where + ".ports");
          !good)
        return good;
      if (auto good = knownInEach(member(list[i], "env"), kVariable, where + ".env"); !good)
        return good;
      for (const auto* probe : {"readinessProbe", "livenessProbe", "startupProbe"})
        if (auto good = known(member(list[i], probe), kProbe, where + "." + probe); !good)
          return good;
    }
  }
  return {};
}

}  // namespace

Result<void> checkFields(const std::string& kind, const Json& spec) {
  if (kind == "Namespace") return {};
  if (kind == "Pod") return podFields(spec, "spec");
  if (kind == "Service") {
    if (auto good = known(spec, serviceNames(), "spec"); !good) return good;
    return knownInEach(member(spec, "ports"), kServicePort, "spec.ports");
  }
  if (auto good = known(spec, controllerNames(kind), "spec"); !good) return good;
  const auto& podTemplate = member(spec, "template");
  if (auto good = known(podTemplate, kTemplate, "spec.template"); !good) return good;
  return podFields(member(podTemplate, "spec"), "spec.template.spec");
}

}  // namespace hawser::kube
