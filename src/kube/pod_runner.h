// One pod on its node: network namespace, CNI, containers, readiness, and the end of all that.
// States go only forward:
//
//   starting (CNI ADD, retried) → running (containers restarted when they end, probed) → draining
//   (not ready, still serving) → stopping (TERM, then KILL) → detaching (CNI DEL, retried) → gone
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hawser/kube/state_dir.h"
#include "process.h"

namespace hawser::kube {

struct Image {
  std::map<std::string, std::string> bind;  // host directory → path in the container, read only
  std::vector<std::string> command;
  std::string user;
};
// The file's `images`; directories are relative to the file.
[[nodiscard]] Result<std::map<std::string, Image>> readImages(const std::filesystem::path& file);

struct NodeSettings {
  std::string node;
  std::string cni;  // hawser-cni
  std::string agentSocket;
  std::string containerTool;  // scripts/container
  std::string rootfs;
  std::string namespacePrefix;  // of pods' network namespaces
  std::filesystem::path logs;
  std::map<std::string, Image> images;
  Duration drain =
      std::chrono::milliseconds(1000);  // between "not ready" and TERM: time for routes to go
};

class PodRunner {
 public:
  // `changed`: the status is new, or the pod is gone().
  PodRunner(io::Loop& loop, const NodeSettings& settings, ObjectName name, Json pod,
            std::function<void()> changed);
  ~PodRunner();
  void remove();  // begins the end
  [[nodiscard]] bool gone() const { return phase_ == Phase::kGone; }
  [[nodiscard]] Json status() const;

 private:
  enum class Phase { kStarting, kRunning, kDraining, kStopping, kDetaching, kGone };
  struct Container {
    Json spec;
    std::unique_ptr<Process> process, probe;
    std::unique_ptr<io::Timer> timer, probeTimer;
    unsigned restarts = 0;
    unsigned failures = 0;
    bool ready = false;
  };

  void addNetwork();
  void networkAdded(int status, const std::string& output);
  void startContainer(Container& container);
  void containerEnded(Container& container, int status);
  void scheduleProbe(Container& container, Duration after);
  void probe(Container& container);
  void probed(Container& container, bool good);
  void stop();
  void maybeDetach();
  void detached(int status, const std::string& output);
  void setPhase(Phase phase);
  [[nodiscard]] Command cniCommand(const std::string& verb) const;
  [[nodiscard]] Command containerCommand(const Container& container) const;
  [[nodiscard]] std::string fieldRef(const std::string& path) const;
  [[nodiscard]] bool ready() const;

  io::Loop& loop_;
  const NodeSettings& settings_;
  ObjectName name_;
  Json pod_;
  std::function<void()> changed_;
  std::string netns_, containerId_, address_, problem_;
  Phase phase_ = Phase::kStarting;
  std::vector<std::unique_ptr<Container>> containers_;
  std::unique_ptr<Process> cni_;
  io::Timer timer_;
};

}  // namespace hawser::kube
