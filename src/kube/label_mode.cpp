#include "hawser/kube/label_mode.h"

#include <fmt/core.h>

#include <algorithm>

namespace hawser::kube {
namespace {

using model::Kind;

std::string labelOr(const Labels& labels, const std::string& key, const std::string& otherwise) {
  const auto found = labels.find(key);
  return found == labels.end() || found->second.empty() ? otherwise : found->second;
}

// The network of a pod and that of a service: names of Network objects in the namespace's project.
std::string podNetwork(const Pod& pod, const LabelSettings& settings) {
  return labelOr(pod.labels, settings.networkLabel, "default-network");
}
std::string serviceNetwork(const std::string& label) { return "service-" + label; }

std::string_view protocolText(model::Protocol protocol) {
  switch (protocol) {
    case model::Protocol::kUdp:
      return "udp";
    case model::Protocol::kSctp:
      return "sctp";
    default:
      return "tcp";
  }
}

class Translator {
 public:
  Translator(const ClusterState& state, const LabelSettings& settings)
      : state_(state), settings_(settings) {}

  Translation run() {
    add(Kind::kAddressPool, {}, settings_.podPool, {{"prefixes", {settings_.podCidr}}});
    for (const auto& [name, pod] : state_.pods) addPod(pod);
    for (const auto& [name, service] : state_.services) addService(service);
    for (const auto& [network, users] : users_) addPolicy(network, users);
    return std::move(result_);
  }

 private:
  void problem(std::string_view kind, const ObjectName& name, const std::string& what) {
    result_.problems.push_back(fmt::format("{}/{}: {}", kind, name.text(), what));
  }

  // Through the model's own parser, so that defaults are filled in as the API fills them and a diff
  // compares like with like.
  bool add(Kind kind, const std::string& project, const std::string& name, model::Json spec) {
    const auto& kindInfo = model::info(kind);
    model::Json json{
        {"kind", kindInfo.name}, {"metadata", {{"name", name}}}, {"spec", std::move(spec)}};
    if (kindInfo.projectScoped) json["metadata"]["project"] = project;
    json["metadata"]["owner"] = settings_.owner;
    auto parsed = model::parseObject(json);
    if (!parsed) {
      result_.problems.push_back(fmt::format("{}: {}", model::ObjectKey{kind, project, name}.text(),
                                             parsed.error().text()));
      return false;
    }
    const auto key = parsed->key();
    result_.objects[key] = std::make_shared<model::Object>(std::move(*parsed));
    return true;
  }

  void addProject(const std::string& space) {
    if (!result_.objects.contains({Kind::kProject, {}, space}))
      add(Kind::kProject, {}, space, model::Json::object());
  }

  // False: there is no such network, and why is told (once). A pod's label may name what is a
  // service network ("service-x"): the first has the name.
  bool addNetwork(const std::string& space, const std::string& name, bool ofPods) {
    const ObjectName key{space, name};
    if (const auto known = networks_.find(key); known != networks_.end()) {
      if (known->second && *known->second != ofPods)
        result_.problems.push_back(
            fmt::format("networks/{}: is a network of {}, and cannot be one of {} too", key.text(),
                        ofPods ? "services" : "pods", ofPods ? "pods" : "services"));
      return known->second == ofPods;
    }
    addProject(space);
    model::Json spec{
        {"subnets", {{{"prefix", ofPods ? settings_.podCidr : settings_.serviceCidr}}}}};
    if (ofPods) spec["addressPool"] = settings_.podPool;
    const bool added = add(Kind::kNetwork, space, name, std::move(spec));
    networks_[key] = added ? std::optional(ofPods) : std::nullopt;
    return added;
  }

  // The label's value, or the annotation's; a JSON list or one name.
  std::vector<std::string> usesOf(const Pod& pod) {
    auto text = labelOr(pod.labels, settings_.usesLabel, "");
    if (text.empty()) text = labelOr(pod.annotations, settings_.usesLabel, "");
    if (text.empty()) return {};
    if (text.front() != '[') return {text};
    const auto list = model::Json::parse(text, nullptr, false);
    std::vector<std::string> names;
    if (list.is_discarded() || !list.is_array()) {
      problem("pods", pod.name,
              fmt::format("{} is neither a name nor a JSON list of names: {}", settings_.usesLabel,
                          text));
      return {};
    }
    for (const auto& item : list)
      if (item.is_string())
        names.push_back(item.get<std::string>());
      else
        problem("pods", pod.name,
                fmt::format("{}: {} is not a string", settings_.usesLabel, item.dump()));
    return names;
  }

  void addPod(const Pod& pod) {
    if (pod.hostNetwork || pod.finished) return;
    const auto network = podNetwork(pod, settings_);
    if (!addNetwork(pod.name.space, network, true)) return;
    const ObjectName user{pod.name.space, network};
    for (const auto& used : usesOf(pod)) users_[{pod.name.space, used}].insert(user);
    for (const auto& used : settings_.clusterServices) users_[used].insert(user);
    if (pod.node.empty()) return;  // not scheduled yet
    add(Kind::kPort, pod.name.space, pod.name.name,
        {{"network", network},
         {"host", pod.node},
         {"hostname", pod.name.name},
         {"workload", {{"kind", "pod"}, {"namespace", pod.name.space}, {"name", pod.name.name}}}});
  }

  // The pod's own numbers for target ports that are names. A pod that lacks one is no backend: the
  // connections that it would get could only be refused.
  std::optional<model::Json> targetsOf(const Service& service, const Pod& pod) {
    auto targets = model::Json::object();
    bool complete = true;
    for (const auto& port : service.ports) {
      const auto* wanted = std::get_if<std::string>(&port.targetPort);
      if (wanted == nullptr) continue;
      const auto found = pod.namedPorts.find({*wanted, port.protocol});
      if (found != pod.namedPorts.end()) {
        targets[portName(service, port)] = found->second;
        continue;
      }
      complete = false;
      problem("services", service.name,
              fmt::format("pod {} has no {} port named \"{}\"", pod.name.name,
                          protocolText(port.protocol), *wanted));
    }
    if (!complete) return std::nullopt;
    return targets;
  }

  model::Json backendsOf(const Service& service) {
    auto backends = model::Json::array();
    for (const auto& [name, pod] : state_.pods) {
      if (name.space != service.name.space || pod.hostNetwork || pod.finished || pod.node.empty())
        continue;
      if (!matches(service.selector, pod.labels)) continue;
      const auto targets = targetsOf(service, pod);
      if (!targets) continue;
      model::Json backend{{"port", name.name},
                          {"ready", !pod.deleting && (pod.ready || service.publishNotReady)}};
      if (!targets->empty()) backend["targetPorts"] = *targets;
      backends.push_back(std::move(backend));
    }
    return backends;
  }

  // Ports are told apart by name; the only port of a service may have none in Kubernetes.
  static std::string portName(const Service& service, const ServicePort& port) {
    if (!port.name.empty()) return port.name;
    return service.ports.size() == 1
               ? std::string("port")
               : fmt::format("p{}-{}", port.port, protocolText(port.protocol));
  }

  // What Kubernetes would give and we do not: told, so that nobody waits for it.
  void tellGaps(const Service& service) {
    if (service.clientAffinity)
      problem("services", service.name,
              "sessionAffinity ClientIP is not supported: each connection has its own backend");
    if (service.kind == ServiceKind::kLoadBalancer && service.externalIps.empty())
      problem("services", service.name,
              "type LoadBalancer without loadBalancerIP or externalIPs gets no public address");
    if (service.kind != ServiceKind::kHeadless && service.clusterIps.empty())
      problem("services", service.name, "has no clusterIP: the service has no address inside");
    if (!service.externalIps.empty() && settings_.publicNetwork.empty())
      problem("services", service.name, "has external IPs, but there is no public network");
  }

  static model::Json portsOf(const Service& service) {
    auto ports = model::Json::array();
    for (const auto& port : service.ports) {
      model::Json item{{"name", portName(service, port)},
                       {"protocol", protocolText(port.protocol)},
                       {"port", port.port}};
      if (const auto* number = std::get_if<std::uint16_t>(&port.targetPort))
        item["targetPort"] = *number;
      ports.push_back(std::move(item));
    }
    return ports;
  }

  void addService(const Service& service) {
    if (service.kind == ServiceKind::kExternalName) return;
    tellGaps(service);
    if (service.ports.empty() || (service.clusterIps.empty() && service.externalIps.empty()))
      return;
    const auto ports = portsOf(service);
    const auto backends = backendsOf(service);
    const auto& space = service.name.space;
    const auto spec = [&](const std::string& network, const std::vector<std::string>& addresses) {
      return model::Json{
          {"network", network}, {"addresses", addresses}, {"ports", ports}, {"backends", backends}};
    };
    addProject(space);
    if (!service.clusterIps.empty()) {
      const auto network =
          serviceNetwork(labelOr(service.labels, settings_.networkLabel, "default"));
      if (addNetwork(space, network, false))
        add(Kind::kService, space, service.name.name, spec(network, service.clusterIps));
    }
    if (!service.externalIps.empty() && !settings_.publicNetwork.empty())
      add(Kind::kService, space, service.name.name + ".public",
          spec(settings_.publicNetwork, service.externalIps));
  }

  // One policy a service network: the pod networks that use it may open connections to it, not the
  // other way round. It exists only while the service network does, so that the order of pods and
  // services does not matter.
  void addPolicy(const ObjectName& used, const std::set<ObjectName>& users) {
    const auto network = serviceNetwork(used.name);
    const auto known = networks_.find({used.space, network});
    if (known == networks_.end() || known->second != false) return;
    auto rules = model::Json::array();
    for (const auto& user : users)
      rules.push_back({{"from", {{"network", user.text()}}},
                       {"to", {{"network", used.space + "/" + network}}},
                       {"action", "allow"}});
    add(Kind::kPolicy, used.space, "uses-" + network, {{"rules", rules}});
  }

  const ClusterState& state_;
  const LabelSettings& settings_;
  Translation result_;
  // Of pods (true) or of services; nothing: refused.
  std::map<ObjectName, std::optional<bool>> networks_;
  std::map<ObjectName, std::set<ObjectName>> users_;  // service network label → pod networks
};

}  // namespace

Translation translate(const ClusterState& state, const LabelSettings& settings) {
  return Translator(state, settings).run();
}

}  // namespace hawser::kube
