#include "hawser/kube/kubernetes.h"

#include <fmt/core.h>

#include <algorithm>

namespace hawser::kube {
namespace {

const Json& member(const Json& json, const char* name) {
  static const Json kNone;
  if (!json.is_object()) return kNone;
  const auto found = json.find(name);
  return found == json.end() ? kNone : *found;
}

std::string textOf(const Json& json) {
  return json.is_string() ? json.get<std::string>() : std::string();
}

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

Result<ObjectName> parseName(const Json& metadata) {
  ObjectName name{textOf(member(metadata, "namespace")), textOf(member(metadata, "name"))};
  if (name.name.empty()) return invalid("is required", "metadata.name");
  if (name.space.empty()) name.space = "default";
  return name;
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
  for (std::size_t c = 0; c < containers.size(); ++c) {
    const auto& ports = member(containers[c], "ports");
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
  const auto& conditions = member(status, "conditions");
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

}  // namespace

Result<Pod> parsePod(const Json& json) {
  const auto& metadata = member(json, "metadata");
  const auto& spec = member(json, "spec");
  const auto& status = member(json, "status");
  const auto name = parseName(metadata);
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
  const auto name = parseName(metadata);
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
  const bool external = textOf(member(spec, "type")) == "ExternalName";
  const auto clusterIp = textOf(member(spec, "clusterIP"));
  if (!external && !clusterIp.empty() && clusterIp != "None") {
    const auto parsed = net::IpAddress::parse(clusterIp);
    if (!parsed) return invalid(parsed.error().message, "spec.clusterIP");
    service.clusterIps.push_back(parsed->text());
    const auto more = parseAddresses(member(spec, "clusterIPs"), "spec.clusterIPs");
    if (!more) return std::unexpected(more.error());
    for (const auto& address : *more)
      if (address != service.clusterIps.front()) service.clusterIps.push_back(address);
  }
  const auto externalIps = parseAddresses(member(spec, "externalIPs"), "spec.externalIPs");
  if (!externalIps) return std::unexpected(externalIps.error());
  service.externalIps = *externalIps;
  const auto& ports = member(spec, "ports");
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
