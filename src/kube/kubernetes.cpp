#include "hawser/kube/kubernetes.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "json_access.h"

namespace hawser::kube {
namespace {

Result<Labels> parseLabels(const Json& json, const std::string& path) {
  Labels labels;
  if (json.is_null()) return labels;
  if (!json.is_object()) return invalid("must be an object of strings", path);
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) return invalid("must be a string (quote it)", path + "." + key);
    labels[key] = value.get<std::string>();
  }
  return labels;
}

bool alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// RFC 1123 names, as Kubernetes has them: a subdomain, or one label of it. They become names of
// files and of network namespaces.
bool validName(std::string_view text, bool dots) {
  if (text.empty() || text.size() > (dots ? 253U : 63U)) return false;
  return alnum(text.front()) && alnum(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return alnum(c) || c == '-' || (dots && c == '.'); });
}

Result<std::uint16_t> parsePort(const Json& json, const std::string& path) {
  if (!json.is_number_integer()) return invalid("must be a number from 1 to 65535", path);
  const auto value = json.get<std::int64_t>();
  if (value < 1 || value > 65535)
    return invalid(fmt::format("{} is not a port (1 to 65535)", value), path);
  return static_cast<std::uint16_t>(value);
}

Result<model::Protocol> parseProtocol(const Json& json, const std::string& path) {
  if (json.is_null()) return model::Protocol::kTcp;
  const auto text = textOf(json);
  if (text == "TCP") return model::Protocol::kTcp;
  if (text == "UDP") return model::Protocol::kUdp;
  if (text == "SCTP") return model::Protocol::kSctp;
  return invalid(fmt::format("\"{}\" is not TCP, UDP or SCTP", text), path);
}

Result<void> parseContainerPorts(const Json& containers, Pod& pod) {
  if (containers.is_null()) return {};
  if (!containers.is_array()) return invalid("must be a list", "spec.containers");
  for (std::size_t c = 0; c < containers.size(); ++c) {
    const auto& ports = member(containers[c], "ports");
    if (!ports.is_null() && !ports.is_array())
      return invalid("must be a list", fmt::format("spec.containers[{}].ports", c));
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const auto path = fmt::format("spec.containers[{}].ports[{}]", c, i);
      const auto name = textOf(member(ports[i], "name"));
      if (name.empty()) continue;
      const auto number = parsePort(member(ports[i], "containerPort"), path + ".containerPort");
      if (!number) return std::unexpected(number.error());
      const auto protocol = parseProtocol(member(ports[i], "protocol"), path + ".protocol");
      if (!protocol) return std::unexpected(protocol.error());
      pod.namedPorts[{name, *protocol}] = *number;
    }
  }
  return {};
}

bool isReady(const Json& status) {
  const auto& conditions = listOf(member(status, "conditions"));
  return std::any_of(conditions.begin(), conditions.end(), [](const Json& condition) {
    return textOf(member(condition, "type")) == "Ready" &&
           textOf(member(condition, "status")) == "True";
  });
}

Result<std::vector<std::string>> parseAddresses(const Json& json, const std::string& path) {
  std::vector<std::string> addresses;
  if (json.is_null()) return addresses;
  if (!json.is_array()) return invalid("must be a list of addresses", path);
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto parsed = net::IpAddress::parse(textOf(json[i]));
    if (!parsed) return invalid(parsed.error().message, fmt::format("{}[{}]", path, i));
    if (std::find(addresses.begin(), addresses.end(), parsed->text()) == addresses.end())
      addresses.push_back(parsed->text());
  }
  return addresses;
}

Result<ServicePort> parseServicePort(const Json& json, const std::string& path) {
  ServicePort port;
  port.name = textOf(member(json, "name"));
  const auto number = parsePort(member(json, "port"), path + ".port");
  if (!number) return std::unexpected(number.error());
  port.port = *number;
  const auto protocol = parseProtocol(member(json, "protocol"), path + ".protocol");
  if (!protocol) return std::unexpected(protocol.error());
  port.protocol = *protocol;
  const auto& target = member(json, "targetPort");
  if (target.is_null()) {
    port.targetPort = port.port;
  } else if (target.is_string()) {
    port.targetPort = target.get<std::string>();
  } else {
    const auto targetNumber = parsePort(target, path + ".targetPort");
    if (!targetNumber) return std::unexpected(targetNumber.error());
    port.targetPort = *targetNumber;
  }
  return port;
}

void addOnce(std::vector<std::string>& list, const std::string& address) {
  if (std::find(list.begin(), list.end(), address) == list.end()) list.push_back(address);
}

// clusterIP and clusterIPs (the first of which is clusterIP), externalIPs and loadBalancerIP.
Result<void> readAddresses(const Json& spec, Service& service) {
  if (service.kind == ServiceKind::kExternalName) return {};
  const auto& clusterIp = member(spec, "clusterIP");
  if (service.kind != ServiceKind::kHeadless && !clusterIp.is_null() && clusterIp != "") {
    const auto first = parseAddresses(Json::array({clusterIp}), "spec.clusterIP");
    if (!first) return invalid(first.error().message, "spec.clusterIP");
    service.clusterIps = *first;
    const auto more = parseAddresses(member(spec, "clusterIPs"), "spec.clusterIPs");
    if (!more) return std::unexpected(more.error());
    for (const auto& address : *more) addOnce(service.clusterIps, address);
  }
  const auto external = parseAddresses(member(spec, "externalIPs"), "spec.externalIPs");
  if (!external) return std::unexpected(external.error());
  service.externalIps = *external;
  const auto& balancer = member(spec, "loadBalancerIP");
  if (service.kind != ServiceKind::kLoadBalancer || balancer.is_null() || balancer == "") return {};
  const auto one = parseAddresses(Json::array({balancer}), "spec.loadBalancerIP");
  if (!one) return invalid(one.error().message, "spec.loadBalancerIP");
  addOnce(service.externalIps, one->front());
  return {};
}

}  // namespace

Result<ObjectName> parseObjectName(const Json& metadata) {
  if (member(metadata, "name").is_null()) return invalid("is required", "metadata.name");
  ObjectName name{textOf(metadata, "namespace"), textOf(metadata, "name")};
  if (!validName(name.name, true))
    return invalid(fmt::format("{} is not a name: lower-case letters, digits, '-' and '.'",
                               member(metadata, "name").dump()),
                   "metadata.name");
  if (member(metadata, "namespace").is_null()) name.space = "default";
  if (!validName(name.space, false))
    return invalid(fmt::format("{} is not a name: lower-case letters, digits and '-'",
                               member(metadata, "namespace").dump()),
                   "metadata.namespace");
  return name;
}

Result<Pod> parsePod(const Json& json) {
  const auto& metadata = member(json, "metadata");
  const auto& spec = member(json, "spec");
  const auto& status = member(json, "status");
  const auto name = parseObjectName(metadata);
  if (!name) return std::unexpected(name.error());
  const auto labels = parseLabels(member(metadata, "labels"), "metadata.labels");
  if (!labels) return std::unexpected(labels.error());
  const auto annotations = parseLabels(member(metadata, "annotations"), "metadata.annotations");
  if (!annotations) return std::unexpected(annotations.error());

  Pod pod;
  pod.name = *name;
  pod.uid = textOf(member(metadata, "uid"));
  pod.labels = *labels;
  pod.annotations = *annotations;
  pod.node = textOf(member(spec, "nodeName"));
  pod.hostNetwork = member(spec, "hostNetwork") == Json(true);
  pod.deleting = !member(metadata, "deletionTimestamp").is_null();
  const auto phase = textOf(member(status, "phase"));
  pod.finished = phase == "Succeeded" || phase == "Failed";
  pod.ready = isReady(status);
  if (const auto ports = parseContainerPorts(member(spec, "containers"), pod); !ports)
    return std::unexpected(ports.error());
  return pod;
}

Result<Service> parseService(const Json& json) {
  const auto& metadata = member(json, "metadata");
  const auto& spec = member(json, "spec");
  const auto name = parseObjectName(metadata);
  if (!name) return std::unexpected(name.error());
  const auto labels = parseLabels(member(metadata, "labels"), "metadata.labels");
  if (!labels) return std::unexpected(labels.error());
  const auto selector = parseLabels(member(spec, "selector"), "spec.selector");
  if (!selector) return std::unexpected(selector.error());

  Service service;
  service.name = *name;
  service.labels = *labels;
  service.selector = *selector;
  service.publishNotReady = member(spec, "publishNotReadyAddresses") == Json(true);
  service.clientAffinity = textOf(spec, "sessionAffinity") == "ClientIP";
  const auto type = textOf(spec, "type");
  service.kind = type == "ExternalName"                ? ServiceKind::kExternalName
                 : textOf(spec, "clusterIP") == "None" ? ServiceKind::kHeadless
                 : type == "LoadBalancer"              ? ServiceKind::kLoadBalancer
                                                       : ServiceKind::kCluster;
  if (auto read = readAddresses(spec, service); !read) return std::unexpected(read.error());
  const auto& ports = member(spec, "ports");
  if (!ports.is_null() && !ports.is_array()) return invalid("must be a list", "spec.ports");
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const auto port = parseServicePort(ports[i], fmt::format("spec.ports[{}]", i));
    if (!port) return std::unexpected(port.error());
    service.ports.push_back(*port);
  }
  return service;
}

bool matches(const Labels& selector, const Labels& labels) {
  return !selector.empty() &&
         std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
           const auto found = labels.find(wanted.first);
           return found != labels.end() && found->second == wanted.second;
         });
}

}  // namespace hawser::kube
