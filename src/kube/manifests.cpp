// Reading manifests, and the pure half of the small cluster: which pods to make and which to
// remove.
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "hawser/base/file.h"
#include "json_access.h"
#include "manifest_fields.h"
#include "manifest_source.h"
#include "pod_spec.h"

namespace hawser::kube {

namespace fs = std::filesystem;

namespace {

Result<Labels> stringMap(const Json& json, const std::string& path) {
  Labels labels;
  if (!json.is_object()) return invalid("must be an object of strings", path);
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) return invalid("must be a string (quote it)", path + "." + key);
    labels[key] = value.get<std::string>();
  }
  return labels;
}

Result<std::uint32_t> parseReplicas(const Json& json) {
  if (json.is_null()) return 1U;
  if (!json.is_number_unsigned()) return invalid("must be a number, 0 or more", "spec.replicas");
  const auto count = json.get<std::uint64_t>();
  if (count > 10000) return invalid(fmt::format("{} is more than 10000", count), "spec.replicas");
  return static_cast<std::uint32_t>(count);
}

Result<Labels> parseSelector(const Json& spec) {
  const auto& selector = member(spec, "selector");
  if (selector.is_null()) return Labels{};
  if (!member(selector, "matchExpressions").is_null())
    return invalid("is not supported: use matchLabels", "spec.selector.matchExpressions");
  const auto& labels = member(selector, "matchLabels");
  return labels.is_null() ? stringMap(selector, "spec.selector")
                          : stringMap(labels, "spec.selector.matchLabels");
}

Result<Controller> parseController(const Json& document, const ObjectName& name) {
  const auto& spec = member(document, "spec");
  Controller controller;
  controller.name = name;
  const auto replicas = parseReplicas(member(spec, "replicas"));
  if (!replicas) return std::unexpected(replicas.error());
  controller.replicas = *replicas;
  const auto& podTemplate = member(spec, "template");
  if (!podTemplate.is_object()) return invalid("is required", "spec.template");
  if (!member(podTemplate, "metadata").is_object())
    return invalid("is required", "spec.template.metadata");
  controller.podTemplate = podTemplate;
  const auto& templateLabels = member(podTemplate["metadata"], "labels");
  const auto labels = stringMap(templateLabels.is_null() ? Json::object() : templateLabels,
                                "spec.template.metadata.labels");
  if (!labels) return std::unexpected(labels.error());
  const auto chosen = parseSelector(spec);
  if (!chosen) return std::unexpected(chosen.error());
  controller.selector = chosen->empty() ? *labels : *chosen;
  if (!matches(controller.selector, *labels))
    return invalid("must be matched by the labels of spec.template", "spec.selector");
  if (auto good = checkPodSpec(member(podTemplate, "spec"), "spec.template.spec"); !good)
    return std::unexpected(good.error());
  auto pod = controller.podTemplate;
  pod["metadata"]["name"] = name.name;
  if (const auto parsed = parsePod(pod); !parsed)
    return invalid(parsed.error().message, "spec.template." + parsed.error().field);
  return controller;
}

// As Kubernetes has it: only what has no address of its own may do without.
Result<void> hasPorts(const Service& service) {
  if (!service.ports.empty() || service.kind == ServiceKind::kHeadless ||
      service.kind == ServiceKind::kExternalName)
    return {};
  return invalid("is required", "spec.ports");
}

Result<void> addDocument(const Json& document, Manifests& manifests) {
  if (!document.is_object()) return invalid("is not an object with kind and metadata");
  const auto& kind = member(document, "kind");
  if (!kind.is_string()) return invalid("is required", "kind");
  const auto name = parseObjectName(member(document, "metadata"));
  if (!name) return std::unexpected(name.error());
  const auto text = kind.get<std::string>();
  bool fresh = true;
  if (text == "ReplicationController" || text == "ReplicaSet" || text == "Deployment") {
    auto controller = parseController(document, *name);
    if (!controller) return std::unexpected(controller.error());
    fresh = manifests.controllers.emplace(*name, std::move(*controller)).second;
  } else if (text == "Service") {
    auto service = parseService(document);
    if (!service) return std::unexpected(service.error());
    fresh = manifests.services.emplace(*name, std::move(*service)).second;
  } else if (text == "Pod") {
    if (const auto pod = parsePod(document); !pod) return std::unexpected(pod.error());
    if (auto good = checkPodSpec(member(document, "spec"), "spec"); !good) return good;
    fresh = manifests.pods.emplace(*name, document).second;
  } else if (text != "Namespace") {  // namespaces come into being with their first object
    std::vector<std::string> known{
        "ReplicationController", "ReplicaSet", "Deployment", "Service", "Pod", "Namespace"};
    const auto near = model::nearest(text, known);
    return invalid(near.empty()
                       ? fmt::format("\"{}\" is not a kind that a manifest folder can hold", text)
                       : fmt::format("\"{}\" is not known; did you mean \"{}\"?", text, near),
                   "kind");
  }
  if (auto good = checkFields(text, member(document, "spec")); !good) return good;
  if (text == "Service")
    if (auto good = hasPorts(manifests.services.at(*name)); !good) return good;
  if (!fresh)
    return invalid(fmt::format("{} {} is there twice", text, name->text()), "metadata.name");
  return {};
}

std::string ownerOf(const Json& pod) {
  return textOf(member(member(pod, "metadata"), "annotations"), "hawser.dev/controller");
}

bool deleting(const Json& pod) {
  return !member(member(pod, "metadata"), "deletionTimestamp").is_null();
}

bool ready(const std::map<ObjectName, Json>& statuses, const ObjectName& name) {
  const auto found = statuses.find(name);
  if (found == statuses.end()) return false;
  const auto parsed = parsePod({{"metadata", {{"name", name.name}}}, {"status", found->second}});
  return parsed && parsed->ready;
}

std::string nodeOf(const Json& pod) { return textOf(member(pod, "spec"), "nodeName"); }

// The node with the fewest pods of this controller, then the fewest pods, then the first by name.
std::string pickNode(const std::vector<std::string>& nodes, const std::string& owner,
                     const std::map<ObjectName, Json>& pods) {
  std::string chosen;
  std::pair<std::size_t, std::size_t> least;
  for (const auto& node : nodes) {
    std::pair<std::size_t, std::size_t> load{0, 0};
    for (const auto& [name, pod] : pods) {
      if (nodeOf(pod) != node || deleting(pod)) continue;
      ++load.second;
      if (ownerOf(pod) == owner) ++load.first;
    }
    if (chosen.empty() || load < least) {
      chosen = node;
      least = load;
    }
  }
  return chosen;
}

Json makePod(const Json& podTemplate, const ObjectName& name, const std::string& owner,
             const std::string& node) {
  auto pod = podTemplate;
  pod["apiVersion"] = "v1";
  pod["kind"] = "Pod";
  pod["metadata"]["namespace"] = name.space;
  pod["metadata"]["name"] = name.name;
  pod["metadata"]["annotations"]["hawser.dev/controller"] = owner;
  if (!pod["spec"].contains("nodeName") && !node.empty()) pod["spec"]["nodeName"] = node;
  return pod;
}

// What of a manifest its pod follows; kept in the pod, so that a change is seen after a restart
// too.
constexpr auto kFollowed = "hawser.dev/followed";
Json followed(const Json& manifest) {
  const auto& metadata = member(manifest, "metadata");
  Json parts{{"spec", member(manifest, "spec")}};
  for (const auto* part : {"labels", "annotations"})
    parts[part] = member(metadata, part).is_object() ? member(metadata, part) : Json::object();
  return parts;
}

class Planner {
 public:
  Planner(const std::map<ObjectName, Json>& pods, const std::map<ObjectName, Json>& statuses,
          const std::vector<std::string>& nodes, const std::function<std::string()>& suffix)
      : pods_(pods), statuses_(statuses), nodes_(nodes), suffix_(suffix) {}

  void controller(const Controller& wanted) {
    const auto owner = "rc/" + wanted.name.text();
    std::vector<ObjectName> live;
    for (const auto& [name, pod] : pods_) {
      if (name.space != wanted.name.space || ownerOf(pod) != owner || deleting(pod)) continue;
      kept_.insert(name);
      // A pod that was relabelled away runs on without its controller, which replaces it.
      const auto parsed = parsePod(pod);
      if (parsed && matches(wanted.selector, parsed->labels)) live.push_back(name);
    }
    for (; live.size() < wanted.replicas; live.push_back(create(wanted, owner))) {
    }
    // Surplus: those that are not ready go first, then the ones last in name.
    std::stable_sort(live.begin(), live.end(), [&](const ObjectName& a, const ObjectName& b) {
      return ready(statuses_, a) > ready(statuses_, b);
    });
    for (; live.size() > wanted.replicas; live.pop_back()) plan_.remove.push_back(live.back());
  }

  // A pod of its own follows its manifest as `kubectl apply` has it: what the manifest has changed
  // since it was followed last is changed, labels that others set stay. With another spec it is
  // another pod, as a static pod is.
  void single(const ObjectName& name, const Json& manifest) {
    kept_.insert(name);
    const auto owner = "manifest/" + name.text();
    const auto wanted = followed(manifest);
    const auto found = pods_.find(name);
    if (found == pods_.end()) {
      auto pod = makePod(manifest, name, owner, pickNode(nodes_, owner, all_()));
      pod["metadata"]["annotations"][kFollowed] = wanted.dump();
      return add(name, std::move(pod));
    }
    if (ownerOf(found->second) != owner || deleting(found->second)) return;
    auto pod = found->second;
    auto& metadata = pod["metadata"];
    const auto text = textOf(metadata["annotations"], kFollowed);
    const auto before = Json::parse(text, nullptr, false);
    if (before == wanted) return;
    if (before.is_object() && before["spec"] != wanted["spec"]) {
      plan_.remove.push_back(name);
      return;
    }
    for (const auto* part : {"labels", "annotations"}) {
      for (const auto& [key, value] : member(before, part).items())
        if (!wanted[part].contains(key)) metadata[part].erase(key);
      for (const auto& [key, value] : wanted[part].items()) metadata[part][key] = value;
    }
    metadata["annotations"][kFollowed] = wanted.dump();
    plan_.update[name] = std::move(pod);
  }

  Plan finish() {
    for (const auto& [name, pod] : pods_) {
      const auto owner = ownerOf(pod);
      if (!owner.empty() && !kept_.contains(name) && !deleting(pod)) plan_.remove.push_back(name);
    }
    return std::move(plan_);
  }

 private:
  std::map<ObjectName, Json> all_() const {
    auto all = pods_;
    all.insert(plan_.create.begin(), plan_.create.end());
    return all;
  }
  void add(const ObjectName& name, Json pod) { plan_.create[name] = std::move(pod); }

  ObjectName create(const Controller& wanted, const std::string& owner) {
    ObjectName name{wanted.name.space, {}};
    do {
      name.name = wanted.name.name + "-" + suffix_();
    } while (pods_.contains(name) || plan_.create.contains(name));
    add(name, makePod(wanted.podTemplate, name, owner, pickNode(nodes_, owner, all_())));
    return name;
  }

  const std::map<ObjectName, Json>& pods_;
  const std::map<ObjectName, Json>& statuses_;
  const std::vector<std::string>& nodes_;
  const std::function<std::string()>& suffix_;
  std::set<ObjectName> kept_;
  Plan plan_;
};

}  // namespace

Result<Manifests> readManifests(const std::vector<fs::path>& folders) {
  Manifests manifests;
  for (const auto& folder : folders) {
    std::error_code error;
    std::set<fs::path> files;
    for (const auto& file : fs::directory_iterator(folder, error))
      if (const auto extension = file.path().extension();
          extension == ".yaml" || extension == ".yml" || extension == ".json")
        files.insert(file.path());
    if (error) return failErrno("read " + folder.string(), error.value());
    for (const auto& file : files) {
      const auto text = readFile(file);
      if (!text) return std::unexpected(text.error());
      const auto documents = model::parseDocuments(*text);
      if (!documents) return invalid(documents.error().text(), file.filename().string());
      for (std::size_t i = 0; i < documents->size(); ++i) {
        const auto& document = (*documents)[i];
        // Settings of other programs may lie beside the manifests.
        if (document.is_object() && !document.contains("kind") && !document.contains("apiVersion"))
          continue;
        const auto added = addDocument(document, manifests);
        if (added) continue;
        const auto where = documents->size() == 1
                               ? file.filename().string()
                               : fmt::format("{} (document {})", file.filename().string(), i + 1);
        return invalid(added.error().text(), where);
      }
    }
  }
  return manifests;
}

Plan plan(const Manifests& manifests, const std::map<ObjectName, Json>& pods,
          const std::map<ObjectName, Json>& statuses, const std::vector<std::string>& nodes,
          const std::function<std::string()>& randomSuffix) {
  Planner planner(pods, statuses, nodes, randomSuffix);
  for (const auto& [name, controller] : manifests.controllers) planner.controller(controller);
  for (const auto& [name, pod] : manifests.pods) planner.single(name, pod);
  return planner.finish();
}

}  // namespace hawser::kube
