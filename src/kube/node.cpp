// `hawser kube node`: runs the pods of a state folder that are bound to one node, through CNI, as a
// kubelet does.
#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <map>

#include "commands.h"
#include "hawser/base/log.h"
#include "hawser/kube/state_dir.h"
#include "json_access.h"
#include "pod_runner.h"

namespace hawser::kube {
namespace {

class Node {
 public:
  Node(io::Loop& loop, StateDir dir, NodeSettings settings)
      : loop_(loop), dir_(std::move(dir)), settings_(std::move(settings)), resync_(loop) {}

  Result<void> start() {
    auto watcher = FolderWatcher::create(loop_, {dir_.podsPath()}, [this] { refresh(); });
    if (!watcher) return std::unexpected(watcher.error());
    watcher_ = std::move(*watcher);
    for (const auto& [name, status] : dir_.statuses())
      if (textOf(status, "node") == settings_.node) cleanUp(name, status);
    refresh();
    return {};
  }

  void stop(std::function<void()> stopped) {
    stopped_ = std::move(stopped);
    for (auto& [name, runner] : runners_) runner->abandon();
    collect();
  }

 private:
  // What an earlier run of this node left behind when it was killed: its containers died with it,
  // the attachment and the namespace did not. Its pods start anew once that is gone.
  void cleanUp(const ObjectName& name, const Json& status) {
    log::info("node", "pod {} is left from an earlier run: removed", name.text());
    const PodContext pod{.name = name,
                         .uid = {},
                         .netns = textOf(status, "netns"),
                         .containerId = textOf(status, "containerId"),
                         .address = {}};
    auto notReady = status;
    notReady["conditions"] = {{{"type", "Ready"}, {"status", "False"}}};
    if (const auto written = dir_.writeStatus(name, notReady); !written)
      log::error("node", "{}", written.error().text());
    const auto command = cniCommand(settings_, pod, "DEL");
    leftovers_[name] = nullptr;
    auto started = Process::start(loop_, command, [this, name, pod](int, const std::string&) {
      loop_.post([this, name, pod] { removeNamespace(name, pod.netns); });
    });
    if (started)
      leftovers_[name] = std::move(*started);
    else
      removeNamespace(name, pod.netns);
  }

  void removeNamespace(const ObjectName& name, const std::string& netns) {
    const auto done = [this, name] {
      loop_.post([this, name] {
        leftovers_.erase(name);
        dir_.removeStatus(name);
        refresh();
      });
    };
    auto started = Process::start(
        loop_,
        {.argv = {"ip", "netns", "del", netns}, .environment = {}, .input = {}, .logFile = {}},
        [done](int, const std::string&) { done(); });
    if (started)
      leftovers_[name] = std::move(*started);
    else
      done();
  }

  void refresh() {
    if (stopped_) return;
    const auto pods = dir_.pods();
    for (const auto& [name, pod] : pods) {
      if (textOf(member(pod, "spec"), "nodeName") != settings_.node || leftovers_.contains(name))
        continue;
      const auto& metadata = member(pod, "metadata");
      const bool deleting = !member(metadata, "deletionTimestamp").is_null();
      const auto found = runners_.find(name);
      if (found == runners_.end()) {
        if (!deleting) launch(name, pod);
      } else if (deleting || found->second->uid() != textOf(metadata, "uid")) {
        found->second->remove();
      }
    }
    for (auto& [name, runner] : runners_)
      if (!pods.contains(name)) runner->remove();
    resync_.start(std::chrono::seconds(5), [this] { refresh(); });
  }

  // The status is written first: it says what there is to clean up, should this process be killed.
  void launch(const ObjectName& name, const Json& pod) {
    log::info("node", "pod {} starts", name.text());
    auto& runner = runners_[name];
    runner =
        std::make_unique<PodRunner>(loop_, settings_, name, pod, [this, name] { report(name); });
    writeStatus(name, *runner);
    runner->start();
  }

  void writeStatus(const ObjectName& name, const PodRunner& runner) {
    if (const auto written = dir_.writeStatus(name, runner.status()); !written)
      log::error("node", "{}", written.error().text());
  }

  // Called from inside a runner: what destroys it is done a loop turn later.
  void report(const ObjectName& name) {
    loop_.post([this, name] {
      const auto found = runners_.find(name);
      if (found == runners_.end()) return;
      if (found->second->gone()) return collect();
      writeStatus(name, *found->second);
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
    if (!stopped_) return refresh();  // another pod of the name may wait
    if (runners_.empty()) stopped_();
  }

  io::Loop& loop_;
  StateDir dir_;
  NodeSettings settings_;
  std::map<ObjectName, std::unique_ptr<PodRunner>> runners_;
  std::map<ObjectName, std::unique_ptr<Process>> leftovers_;  // being cleaned up
  std::unique_ptr<FolderWatcher> watcher_;
  io::Timer resync_;
  std::function<void()> stopped_;
};

// Blank or foreign values here would show as pods that never start.
Result<void> checkPaths(const NodeSettings& settings) {
  for (const auto& [flag, path] :
       {std::pair{"--cni", settings.cni}, std::pair{"--container-tool", settings.containerTool}})
    if (::access(path.c_str(), X_OK) != 0)
      return invalid(fmt::format("{} is not an executable", path), flag);
  if (!std::filesystem::is_directory(settings.rootfs))
    return invalid(fmt::format("{} is not a directory", settings.rootfs), "--rootfs");
  return {};
}

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
  if (const auto good = checkPaths(settings); !good) return complain(good.error());
  const auto lock =
      FileLock::take(dir->nodeLock(settings.node), "hawser kube node --node " + settings.node);
  if (!lock) return complain(lock.error());
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
