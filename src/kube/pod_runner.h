// One pod on its node: network namespace, CNI, containers, readiness, and the end of all that.
// States go only forward:
//
//   starting (namespace, CNI ADD; retried) → running (containers restarted when they end, probed) →
//   draining (not ready, still serving) → stopping (TERM, then KILL) → detaching (CNI DEL; retried)
//   → gone
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "container.h"

namespace hawser::kube {

class PodRunner {
 public:
  // `changed`: the status is new, or the pod is gone(). Nothing is done before start().
  PodRunner(io::Loop& loop, const NodeSettings& settings, ObjectName name, Json pod,
            std::function<void()> changed);
  ~PodRunner();  // kills what runs
  void start();
  void remove();   // begins the end
  void abandon();  // remove(), and a DEL that fails is not waited for: the node itself ends
  [[nodiscard]] bool gone() const { return phase_ == Phase::kGone; }
  [[nodiscard]] const std::string& uid() const { return context_.uid; }
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

  void makeNamespace();
  void addNetwork();
  void networkAdded(int status, const std::string& output);
  void retryStart(const std::string& problem);
  void startContainer(Container& container);
  void containerEnded(Container& container, int status);
  void scheduleProbe(Container& container, Duration after);
  void probe(Container& container);
  void probed(Container& container, bool good);
  void stop();
  void maybeDetach();
  void detach();
  void detached(int status, const std::string& output);
  void removeNamespace();
  void setPhase(Phase phase);
  // The one helper process of the pod; `done` gets its status and output, or why it did not start.
  void run(const Command& command, std::function<void(int, const std::string&)> done);
  [[nodiscard]] bool ready() const;

  io::Loop& loop_;
  const NodeSettings& settings_;
  PodContext context_;
  Duration grace_{};  // between TERM and KILL
  std::function<void()> changed_;
  std::string problem_;
  Phase phase_ = Phase::kStarting;
  bool abandoned_ = false;
  bool foreign_ = false;  // a namespace of the name is there that this run did not make
  bool made_ = false;
  std::vector<std::unique_ptr<Container>> containers_;
  std::unique_ptr<Process> helper_;
  io::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// How pods' network namespaces are called: '_' is in no name of Kubernetes.
[[nodiscard]] std::string namespaceOf(const NodeSettings& settings, const ObjectName& name);

}  // namespace hawser::kube
