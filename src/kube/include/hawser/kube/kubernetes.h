// The parts of Kubernetes' objects (v1) that this adapter reads. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "hawser/base/result.h"
#include "hawser/model/object.h"
#include "hawser/model/specs.h"

namespace hawser::kube {

using model::Json;
using Labels = std::map<std::string, std::string>;

struct ObjectName {
  std::string space;  // namespace
  std::string name;
  [[nodiscard]] std::string text() const { return space + "/" + name; }
  friend auto operator<=>(const ObjectName&, const ObjectName&) = default;
};

struct Pod {
  ObjectName name;
  std::string uid;
  Labels labels, annotations;
  std::string node;
  bool hostNetwork = false;
  bool deleting = false;  // deletionTimestamp is set
  bool finished = false;  // Succeeded or Failed
  bool ready = false;
  std::map<std::pair<std::string, model::Protocol>, std::uint16_t>
      namedPorts;  // containers' ports by name
  friend bool operator==(const Pod&, const Pod&) = default;
};

struct ServicePort {
  std::string name;
  model::Protocol protocol = model::Protocol::kTcp;
  std::uint16_t port = 0;
  std::variant<std::uint16_t, std::string> targetPort;  // number, or the name of a container port
  friend bool operator==(const ServicePort&, const ServicePort&) = default;
};
enum class ServiceKind : std::uint8_t { kCluster, kLoadBalancer, kHeadless, kExternalName };
struct Service {
  ObjectName name;
  Labels labels, annotations;
  Labels selector;                       // empty: no pods are chosen
  std::vector<std::string> clusterIps;   // none for a headless service
  std::vector<std::string> externalIps;  // externalIPs, and loadBalancerIP of a LoadBalancer
  std::vector<ServicePort> ports;
  ServiceKind kind = ServiceKind::kCluster;
  bool publishNotReady = false;
  bool clientAffinity = false;  // sessionAffinity: ClientIP
  friend bool operator==(const Service&, const Service&) = default;
};

// Errors name the field: "spec.ports[0].port". JSON of any shape may be given.
[[nodiscard]] Result<ObjectName> parseObjectName(const Json& metadata);  // in "default" unless said
[[nodiscard]] Result<Pod> parsePod(const Json& json);
[[nodiscard]] Result<Service> parseService(const Json& json);
[[nodiscard]] bool matches(const Labels& selector,
                           const Labels& labels);  // an empty selector matches nothing

}  // namespace hawser::kube
