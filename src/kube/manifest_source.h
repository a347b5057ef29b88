// A cluster from a folder of manifests: reads and watches them, and does what
// kube-controller-manager and kube-scheduler would: keeps as many pods as each
// ReplicationController wants, and binds them to nodes.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hawser/kube/source.h"
#include "hawser/kube/state_dir.h"

namespace hawser::kube {

struct Controller {  // ReplicationController, ReplicaSet or Deployment
  ObjectName name;
  std::uint32_t replicas = 1;
  Labels selector;
  Json podTemplate;  // metadata and spec of its pods
  friend bool operator==(const Controller&, const Controller&) = default;
};

struct Manifests {
  std::map<ObjectName, Controller> controllers;
  std::map<ObjectName, Service> services;
  std::map<ObjectName, Json> pods;
};

// All *.yaml, *.yml and *.json of the folders. Errors begin with the file: "nginx-rc.yaml: line 3,
// column 7: …".
[[nodiscard]] Result<Manifests> readManifests(const std::vector<std::filesystem::path>& folders);

// What has to be done so that the pods are what the manifests want. Pure.
struct Plan {
  std::map<ObjectName, Json> create;
  std::map<ObjectName, Json> update;  // the pods as they are to be
  std::vector<ObjectName> remove;     // mark with a deletionTimestamp
};
[[nodiscard]] Plan plan(const Manifests& manifests, const std::map<ObjectName, Json>& pods,
                        const std::map<ObjectName, Json>& statuses,
                        const std::vector<std::string>& nodes,
                        const std::function<std::string()>& randomSuffix);

class ManifestSource final : public ObjectSource {
 public:
  ManifestSource(io::Loop& loop, std::vector<std::filesystem::path> folders, StateDir dir,
                 std::vector<std::string> nodes);
  Result<void> start(std::function<void()> changed) override;
  [[nodiscard]] const ClusterState& state() const override { return state_; }
  // Why the manifests as they are now are not followed; empty: they are.
  [[nodiscard]] const std::string& problem() const { return lastError_; }

 private:
  void refresh();
  void readFolders();
  void control();
  void rebuildState();

  io::Loop& loop_;
  std::vector<std::filesystem::path> folders_;
  StateDir dir_;
  std::vector<std::string> nodes_;
  Manifests manifests_;
  std::string lastError_;
  ClusterState state_;
  std::function<void()> changed_;
  std::unique_ptr<FolderWatcher> manifestWatcher_, stateWatcher_;
  io::Timer resync_, settle_;
};

}  // namespace hawser::kube
