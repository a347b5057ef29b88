#include "pod_spec.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>

#include "json_access.h"

namespace hawser::kube {
namespace {

Result<void> checkWords(const Json& json, const std::string& path) {
  if (json.is_null()) return {};
  if (!json.is_array()) return invalid("must be a list of strings", path);
  for (std::size_t i = 0; i < json.size(); ++i)
    if (!json[i].is_string())
      return invalid("must be a string (quote it)", fmt::format("{}[{}]", path, i));
  return {};
}

bool knownFieldPath(const std::string& path) {
  static constexpr std::array kKnown{"metadata.name", "metadata.namespace", "metadata.uid",
                                     "status.podIP", "spec.nodeName"};
  return std::find(kKnown.begin(), kKnown.end(), path) != kKnown.end();
}

Result<void> checkVariable(const Json& variable, const std::string& path) {
  if (textOf(variable, "name").empty()) return invalid("is required", path + ".name");
  const auto& value = member(variable, "value");
  if (!value.is_null() && !value.is_string())
    return invalid("must be a string (quote it)", path + ".value");
  const auto& from = member(variable, "valueFrom");
  if (from.is_null()) return {};
  if (!value.is_null()) return invalid("may not stand beside value", path + ".valueFrom");
  const auto& field = member(from, "fieldRef");
  if (field.is_null()) return invalid("only fieldRef is supported", path + ".valueFrom");
  if (!knownFieldPath(textOf(field, "fieldPath")))
    return invalid(
        fmt::format("\"{}\" is not a field that is known here", textOf(field, "fieldPath")),
        path + ".valueFrom.fieldRef.fieldPath");
  return {};
}

Result<void> checkEnvironment(const Json& container, const std::string& path) {
  if (!member(container, "envFrom").is_null())
    return invalid("is not supported: use env", path + ".envFrom");
  const auto& variables = member(container, "env");
  if (variables.is_null()) return {};
  if (!variables.is_array()) return invalid("must be a list", path + ".env");
  for (std::size_t i = 0; i < variables.size(); ++i)
    if (auto good = checkVariable(variables[i], fmt::format("{}.env[{}]", path, i)); !good)
      return good;
  return {};
}

// A number, or the name of one of the container's ports.
Result<void> checkProbePort(const Json& port, const std::set<std::string>& names,
                            const std::string& path) {
  if (port.is_null()) return invalid("is required", path);
  if (port.is_string()) {
    if (names.contains(port.get<std::string>())) return {};
    return invalid(fmt::format("the container has no port named \"{}\"", port.get<std::string>()),
                   path);
  }
  if (numberOf(port, 1, 65535, 0) == 0)
    return invalid(fmt::format("{} is not a port (1 to 65535)", port.dump()), path);
  return {};
}

Result<void> checkProbe(const Json& probe, const std::set<std::string>& names,
                        const std::string& path) {
  if (probe.is_null()) return {};
  const auto& exec = member(probe, "exec");
  const auto& http = member(probe, "httpGet");
  const auto& tcp = member(probe, "tcpSocket");
  if (exec.is_null() + http.is_null() + tcp.is_null() != 2)
    return invalid("needs one of exec, httpGet and tcpSocket", path);
  if (!exec.is_null()) {
    const auto& command = member(exec, "command");
    if (!command.is_array() || command.empty())
      return invalid("is required", path + ".exec.command");
    if (auto good = checkWords(command, path + ".exec.command"); !good) return good;
  }
  if (!http.is_null()) {
    if (auto good = checkProbePort(member(http, "port"), names, path + ".httpGet.port"); !good)
      return good;
    const auto& scheme = member(http, "scheme");
    if (!scheme.is_null() && scheme != "HTTP" && scheme != "HTTPS")
      return invalid("is HTTP or HTTPS", path + ".httpGet.scheme");
  }
  if (!tcp.is_null())
    if (auto good = checkProbePort(member(tcp, "port"), names, path + ".tcpSocket.port"); !good)
      return good;
  for (const auto* field : {"initialDelaySeconds", "periodSeconds", "timeoutSeconds",
                            "failureThreshold", "successThreshold"}) {
    const auto& value = member(probe, field);
    const bool delay = std::string_view(field) == "initialDelaySeconds";
    if (!value.is_null() && numberOf(value, delay ? 0 : 1, 86400, -1) < 0)
      return invalid(fmt::format("must be a number from {} to 86400", delay ? 0 : 1),
                     path + "." + field);
  }
  return {};
}

Result<void> checkContainer(const Json& container, const std::string& path) {
  if (!container.is_object()) return invalid("must be an object", path);
  for (const auto* field : {"name", "image"})
    if (textOf(container, field).empty())
      return invalid("is required", fmt::format("{}.{}", path, field));
  for (const auto* field : {"command", "args"})
    if (auto good = checkWords(member(container, field), fmt::format("{}.{}", path, field)); !good)
      return good;
  if (auto good = checkEnvironment(container, path); !good) return good;
  std::set<std::string> names;
  const auto& ports = member(container, "ports");
  if (!ports.is_null() && !ports.is_array()) return invalid("must be a list", path + ".ports");
  for (std::size_t i = 0; i < listOf(ports).size(); ++i) {
    if (numberOf(member(ports[i], "containerPort"), 1, 65535, 0) == 0)
      return invalid("must be a number from 1 to 65535",
                     fmt::format("{}.ports[{}].containerPort", path, i));
    names.insert(textOf(ports[i], "name"));
  }
  names.erase("");
  return checkProbe(member(container, "readinessProbe"), names, path + ".readinessProbe");
}

}  // namespace

Result<void> checkPodSpec(const Json& spec, const std::string& path) {
  if (!spec.is_object()) return invalid("is required", path);
  const auto& containers = member(spec, "containers");
  if (!containers.is_array() || containers.empty())
    return invalid("must be a list of at least one container", path + ".containers");
  std::set<std::string> names;
  for (std::size_t i = 0; i < containers.size(); ++i) {
    const auto where = fmt::format("{}.containers[{}]", path, i);
    if (auto good = checkContainer(containers[i], where); !good) return good;
    if (!names.insert(textOf(containers[i], "name")).second)
      return invalid(fmt::format("\"{}\" is there twice", textOf(containers[i], "name")),
                     where + ".name");
  }
  const auto& node = member(spec, "nodeName");
  if (!node.is_null() && !node.is_string()) return invalid("must be a string", path + ".nodeName");
  return {};
}

}  // namespace hawser::kube
