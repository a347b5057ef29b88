// `hawser kube node`: runs the pods of a state folder that are bound to one node, through CNI, as a
// kubelet does.
#include <fmt/core.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <map>

#include "commands.h"
#include "hawser/base/log.h"
#include "pod_runner.h"

namespace hawser::kube {
namespace {

class Node {
 public:
  Node(io::Loop& loop, StateDir dir, NodeSettings settings)
      : loop_(loop),
        dir_(std::move(dir)),
        settings_(std::move(settings)),
        resync_(loop),
        settle_(loop) {}

  Result<void> start() {
    auto watcher = FolderWatcher::create(loop_, {dir_.podsPath()}, [this] { refresh(); });
    if (!watcher) return std::unexpected(watcher.error());
    watcher_ = std::move(*watcher);
    // What an earlier run of this node left is not running any more.
    for (const auto& [name, status] : dir_.statuses())
      if (status.value("hostIP", "") == settings_.node) dir_.removeStatus(name);
    refresh();
    return {};
  }

  void stop(std::function<void()> stopped) {
    stopped_ = std::move(stopped);
    for (auto& [name, runner] : runners_) runner->remove();
    collect();
  }

 private:
  void refresh() {
    if (stopped_) return;
    const auto pods = dir_.pods();
    for (const auto& [name, pod] : pods) {
      if (pod.value("spec", Json::object()).value("nodeName", "") != settings_.node) continue;
      const bool deleting = pod.value("metadata", Json::object()).contains("deletionTimestamp");
      const auto found = runners_.find(name);
      if (found != runners_.end()) {
        if (deleting) found->second->remove();
      } else if (!deleting) {
        log::info("node", "pod {} starts", name.text());
        auto& runner = runners_[name];
        runner = std::make_unique<PodRunner>(loop_, settings_, name, pod,
                                             [this, name] { report(name); });
      }
    }
    for (auto& [name, runner] : runners_)
      if (!pods.contains(name)) runner->remove();
    resync_.start(std::chrono::seconds(5), [this] { refresh(); });
  }

  // Called from inside a runner: what destroys it is done a loop turn later.
  void report(const ObjectName& name) {
    loop_.post([this, name] {
      const auto found = runners_.find(name);
      if (found == runners_.end()) return;
      if (found->second->gone()) return collect();
      if (const auto written = dir_.writeStatus(name, found->second->status()); !written)
        log::error("node", "{}", written.error().text());
    });
  }

  void collect() {
    for (auto it = runners_.begin(); it != runners_.end();) {
      if (!it->second->gone()) {
        ++it;
        continue;
      }
      log::info("node", "pod {} is gone", it->first.text());
      dir_.removeStatus(it->first);
      it = runners_.erase(it);
    }
    if (stopped_ && runners_.empty()) stopped_();
  }

  io::Loop& loop_;
  StateDir dir_;
  NodeSettings settings_;
  std::map<ObjectName, std::unique_ptr<PodRunner>> runners_;
  std::unique_ptr<FolderWatcher> watcher_;
  io::Timer resync_, settle_;
  std::function<void()> stopped_;
};

}  // namespace

int nodeMain(int argc, char** argv) {
  CLI::App app{"Runs the pods of a state folder that are bound to this node, through CNI",
               "hawser kube node"};
  NodeSettings settings;
  std::string state, images;
  unsigned drainMs = 1000;
  app.add_option("--node", settings.node, "name of this node")->required();
  app.add_option("--state", state, "folder with pods/ and status/")->required();
  app.add_option("--cni", settings.cni, "the CNI plugin's executable")->required();
  app.add_option("--agent-socket", settings.agentSocket, "socket of this node's agent")->required();
  app.add_option("--images", images, "what an image name runs (YAML)")->required();
  app.add_option("--rootfs", settings.rootfs, "tree in which containers run")->required();
  app.add_option("--container-tool", settings.containerTool, "scripts/container")->required();
  app.add_option("--netns-prefix", settings.namespacePrefix, "of the pods' network namespaces")
      ->required();
  app.add_option("--logs", settings.logs, "folder for the containers' output")->required();
  app.add_option("--drain-ms", drainMs,
                 "time between \"not ready\" and TERM of a pod that is deleted");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  settings.drain = std::chrono::milliseconds(drainMs);
  auto known = readImages(images);
  if (!known) return complain(known.error());
  settings.images = std::move(*known);
  auto dir = StateDir::open(state);
  if (!dir) return complain(dir.error());
  std::error_code error;
  std::filesystem::create_directories(settings.logs, error);
  if (error) return complain(failErrno("create " + settings.logs.string(), error.value()).error());

  ::signal(SIGPIPE, SIG_IGN);
  io::Loop loop;
  Node node(loop, std::move(*dir), std::move(settings));
  if (const auto started = node.start(); !started) return complain(started.error());
  loop.onSignals({SIGTERM, SIGINT}, [&](int) { node.stop([&] { loop.stop(); }); });
  loop.run();
  return 0;
}

}  // namespace hawser::kube
