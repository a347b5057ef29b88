#include <gtest/gtest.h>

#include <fstream>

#include "manifest_source.h"

namespace hawser::kube {
namespace {

namespace fs = std::filesystem;

constexpr const char* kController = R"(apiVersion: v1
kind: ReplicationController
metadata: {name: web}
spec:
  replicas: 3
  selector: {name: web}
  template:
    metadata: {labels: {name: web}}
    spec:
      containers:
        - name: web
          image: nginx
          ports: [{name: http, containerPort: 80}]
)";

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "hawser-manifests-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  void TearDown() override { fs::remove_all(path_); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
  }
  std::string errorOf() const {
    const auto manifests = readManifests({path_});
    return manifests ? "" : manifests.error().text();
  }
  fs::path path_;
};

std::function<std::string()> counter() {
  return [n = 0]() mutable { return std::to_string(n++); };
}

TEST_F(Folder, ReadsControllersServicesAndPods) {
  write("a.yaml", std::string(kController) +
                      "---\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.254.0.1, "
                      "selector: {name: web}, "
                      "ports: [{port: 80, targetPort: http}]}\n");
  const auto manifests = readManifests({path_});
  ASSERT_TRUE(manifests) << manifests.error().text();
  EXPECT_EQ(manifests->controllers.at({"default", "web"}).replicas, 3U);
  EXPECT_EQ(std::get<std::string>(manifests->services.at({"default", "web"}).ports[0].targetPort),
            "http");
}

TEST_F(Folder, WhatIsNotYamlIsToldWithItsPlace) {
  write("broken.yaml", "kind: Service\n  metadata: [\n");
  const auto error = errorOf();
  EXPECT_NE(error.find("broken.yaml"), std::string::npos) << error;
  EXPECT_NE(error.find("line"), std::string::npos) << error;
}

TEST_F(Folder, MistakesNameTheField) {
  write("a.yaml", "kind: Servce\nmetadata: {name: x}\n");
  EXPECT_NE(errorOf().find("did you mean \"Service\""), std::string::npos) << errorOf();
  write("a.yaml", "kind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 70000}]}\n");
  EXPECT_NE(errorOf().find("spec.ports[0].port"), std::string::npos) << errorOf();
  write("a.yaml", "kind: Service\nmetadata: {name: x}\nspec: {clusterIP: 10.254.98.256}\n");
  EXPECT_NE(errorOf().find("spec.clusterIP"), std::string::npos) << errorOf();
  write("a.yaml", "kind: ReplicationController\nmetadata: {name: x}\nspec: {replicas: -1}\n");
  EXPECT_NE(errorOf().find("spec.replicas"), std::string::npos) << errorOf();
  write("a.yaml",
        "kind: ReplicationController\nmetadata: {name: x}\nspec: {selector: {a: b}, template: "
        "{metadata: {labels: {a: c}}}}\n");
  EXPECT_NE(errorOf().find("spec.selector"), std::string::npos) << errorOf();
  write("a.yaml", kController);
  write("b.yaml", kController);
  EXPECT_NE(errorOf().find("there twice"), std::string::npos) << errorOf();
}

TEST_F(Folder, AnyShapeOfDocumentIsAnErrorWithItsPlace) {
  const std::pair<const char*, const char*> kMistakes[]{
      {"7\n", "is not an object"},
      {"kind: Pod\n", "metadata.name"},
      {"kind: Pod\nmetadata: 7\n", "metadata.name"},
      {"kind: Pod\nmetadata: {name: A_b}\n", "metadata.name"},
      {"kind: Pod\nmetadata: {name: a}\n", "spec"},
      {"kind: Pod\nmetadata: {name: a, labels: {x: 1}}\n", "metadata.labels.x"},
      {"kind: Service\nmetadata: {name: a}\nspec: {ports: 80}\n", "spec.ports"},
      {"kind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80, protocol: ICMP}]}\n",
       "spec.ports[0].protocol"},
      {"kind: Service\nmetadata: {name: a}\nspec: {externalIPs: [1.2.3]}\n", "spec.externalIPs[0]"},
      {"kind: ReplicaSet\nmetadata: {name: a}\nspec: {template: 7}\n", "spec.template"},
      {"kind: ReplicaSet\nmetadata: {name: a}\nspec: {template: {metadata: 7}}\n",
       "spec.template.metadata"},
      {"kind: ReplicaSet\nmetadata: {name: a}\nspec: {selector: {matchExpressions: []}, template: "
       "{metadata: {labels: {a: b}}}}\n",
       "spec.selector.matchExpressions"},
      {"kind: ReplicaSet\nmetadata: {name: a}\nspec: {template: {metadata: {labels: {a: b}}, spec: "
       "{containers: [{name: x}]}}}\n",
       "spec.template.spec.containers[0].image"},
      {"kind: Service\nmetadata: {name: a}\nspec: {prots: [{port: 80}]}\n",
       "spec.prots: unknown field; did you mean \"ports\"?"},
      {"kind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80, target: 8080}]}\n",
       "spec.ports[0].target: unknown field"},
      {"kind: Service\nmetadata: {name: a}\nspec: {clusterIP: 10.254.0.1}\n",
       "spec.ports: is required"},
      {"kind: ReplicaSet\nmetadata: {name: a}\nspec: {replica: 2, template: {metadata: {labels: "
       "{a: "
       "b}}, spec: {containers: [{name: x, image: y}]}}}\n",
       "spec.replica: unknown field; did you mean \"replicas\"?"},
      {"kind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: x, image: y, port: []}]}\n",
       "spec.containers[0].port: unknown field"},
      {"kind: ConfigMap\nmetadata: {name: a}\n", "kind"}};
  for (const auto& [text, place] : kMistakes) {
    write("a.yaml", text);
    EXPECT_TRUE(errorOf().starts_with(std::string("a.yaml: ") + place))
        << text << "gives: " << errorOf();
  }
}

TEST_F(Folder, WhatKubernetesKnowsIsTaken) {
  write("a.yaml",
        "kind: Service\nmetadata: {name: a}\nspec: {clusterIP: None, ipFamilyPolicy: SingleStack}\n"
        "---\nkind: Service\nmetadata: {name: b}\nspec: {type: ExternalName, externalName: x.org}\n"
        "---\nkind: Deployment\nmetadata: {name: c}\nspec: {strategy: {type: Recreate}, template: "
        "{metadata: {labels: {a: b}}, spec: {restartPolicy: Always, containers: [{name: x, image: "
        "y, resources: {limits: {cpu: 1}}}]}}}\n");
  EXPECT_EQ(errorOf(), "");
}

TEST_F(Folder, OtherProgramsSettingsAreLeftAlone) {
  write("images.yaml", "images: {nginx: {command: [nginx]}}\n");
  EXPECT_EQ(errorOf(), "");
}

class Planned : public Folder {
 protected:
  Manifests manifests(unsigned replicas) {
    auto text = std::string(kController);
    text.replace(text.find("replicas: 3"), 11, "replicas: " + std::to_string(replicas));
    write("a.yaml", text);
    return *readManifests({path_});
  }
  void carryOut(const Plan& todo) {
    for (const auto& [name, pod] : todo.create) pods_[name] = pod;
    for (const auto& [name, pod] : todo.update) pods_[name] = pod;
    for (const auto& name : todo.remove) pods_[name]["metadata"]["deletionTimestamp"] = "now";
  }
  std::size_t live() const {
    return static_cast<std::size_t>(std::count_if(pods_.begin(), pods_.end(), [](const auto& item) {
      return !item.second["metadata"].contains("deletionTimestamp");
    }));
  }
  std::map<ObjectName, Json> pods_, statuses_;
  std::vector<std::string> nodes_{"n1", "n2", "n3"};
  std::function<std::string()> suffix_ = counter();
};

TEST_F(Planned, SpreadsPodsOverNodesAndIsSettledThen) {
  const auto wanted = manifests(3);
  carryOut(plan(wanted, pods_, statuses_, nodes_, suffix_));
  std::set<std::string> used;
  for (const auto& [name, pod] : pods_) used.insert(pod["spec"]["nodeName"].get<std::string>());
  EXPECT_EQ(used.size(), 3U);
  const auto again = plan(wanted, pods_, statuses_, nodes_, suffix_);
  EXPECT_TRUE(again.create.empty());
  EXPECT_TRUE(again.remove.empty());
}

TEST_F(Planned, ScalesUpAndDown) {
  carryOut(plan(manifests(3), pods_, statuses_, nodes_, suffix_));
  carryOut(plan(manifests(5), pods_, statuses_, nodes_, suffix_));
  EXPECT_EQ(live(), 5U);
  carryOut(plan(manifests(2), pods_, statuses_, nodes_, suffix_));
  EXPECT_EQ(live(), 2U);
  carryOut(plan(manifests(0), pods_, statuses_, nodes_, suffix_));
  EXPECT_EQ(live(), 0U);
}

TEST_F(Planned, PodsThatAreNotReadyGoFirst) {
  carryOut(plan(manifests(2), pods_, statuses_, nodes_, suffix_));
  const auto readyOne = std::prev(pods_.end())->first;
  statuses_[readyOne] = {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}}};
  const auto todo = plan(manifests(1), pods_, statuses_, nodes_, suffix_);
  ASSERT_EQ(todo.remove.size(), 1U);
  EXPECT_NE(todo.remove[0], readyOne);
}

TEST_F(Planned, DeletedPodIsReplaced) {
  carryOut(plan(manifests(3), pods_, statuses_, nodes_, suffix_));
  pods_.begin()->second["metadata"]["deletionTimestamp"] = "now";
  EXPECT_EQ(plan(manifests(3), pods_, statuses_, nodes_, suffix_).create.size(), 1U);
}

TEST_F(Planned, RelabelledPodIsReplacedAndRunsOn) {
  carryOut(plan(manifests(3), pods_, statuses_, nodes_, suffix_));
  pods_.begin()->second["metadata"]["labels"]["name"] = "other";
  const auto todo = plan(manifests(3), pods_, statuses_, nodes_, suffix_);
  EXPECT_EQ(todo.create.size(), 1U);
  EXPECT_TRUE(todo.remove.empty());
}

class PlannedPod : public Planned {
 protected:
  Plan follow(const std::string& labels, const std::string& image = "web") {
    write("p.yaml", "kind: Pod\napiVersion: v1\nmetadata: {name: lat, labels: " + labels +
                        "}\nspec: {containers: [{name: c, image: " + image + "}]}\n");
    auto todo = plan(*readManifests({path_}), pods_, statuses_, nodes_, suffix_);
    carryOut(todo);
    return todo;
  }
  Json& pod() { return pods_.at({"default", "lat"}); }
  Json& labels() { return pod()["metadata"]["labels"]; }
};

TEST_F(PlannedPod, ChangedLabelsAreFollowed) {
  EXPECT_EQ(follow("{name: later, tier: a}").create.size(), 1U);
  const auto node = pod()["spec"]["nodeName"];
  auto todo = follow("{name: later, tier: a}");
  EXPECT_TRUE(todo.create.empty() && todo.update.empty() && todo.remove.empty());
  labels()["by-hand"] = "x";
  todo = follow("{name: gone, tier: a}");
  EXPECT_TRUE(todo.create.empty() && todo.remove.empty()) << "it runs on";
  EXPECT_EQ(labels(), Json({{"name", "gone"}, {"tier", "a"}, {"by-hand", "x"}}));
  follow("{name: gone}");
  EXPECT_EQ(labels(), Json({{"name", "gone"}, {"by-hand", "x"}}));
  EXPECT_EQ(pod()["spec"]["nodeName"], node);
  EXPECT_TRUE(follow("{name: gone}").update.empty());
}

// `hawser kube ctl label` holds until the manifest says something new.
TEST_F(PlannedPod, LabelsSetByHandStay) {
  follow("{name: later}");
  labels()["name"] = "moved";
  EXPECT_TRUE(follow("{name: later}").update.empty());
  EXPECT_EQ(labels()["name"], "moved");
}

TEST_F(PlannedPod, AnotherSpecIsAnotherPod) {
  follow("{name: later}");
  auto todo = follow("{name: later}", "other");
  EXPECT_EQ(todo.remove.size(), 1U);
  EXPECT_TRUE(follow("{name: later}", "other").remove.empty()) << "it is going already";
  pods_.clear();
  EXPECT_EQ(follow("{name: later}", "other").create.size(), 1U);
}

TEST_F(Planned, RemovedManifestTakesItsPods) {
  carryOut(plan(manifests(3), pods_, statuses_, nodes_, suffix_));
  EXPECT_EQ(plan(Manifests{}, pods_, statuses_, nodes_, suffix_).remove.size(), 3U);
}

}  // namespace
}  // namespace hawser::kube
