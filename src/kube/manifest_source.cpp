#include "manifest_source.h"

#include <random>

#include "hawser/base/log.h"
#include "hawser/base/time.h"
#include "json_access.h"

namespace hawser::kube {
namespace {

// Five letters as Kubernetes uses them: no vowels, so that no words come out.
std::string randomSuffix() {
  static constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  static std::mt19937 generator{std::random_device{}()};
  std::uniform_int_distribution<std::size_t> pick(0, kLetters.size() - 1);
  std::string suffix;
  for (int i = 0; i < 5; ++i) suffix += kLetters[pick(generator)];
  return suffix;
}

}  // namespace

ManifestSource::ManifestSource(io::Loop& loop, std::vector<std::filesystem::path> folders,
                               StateDir dir, std::vector<std::string> nodes)
    : loop_(loop),
      folders_(std::move(folders)),
      dir_(std::move(dir)),
      nodes_(std::move(nodes)),
      resync_(loop),
      settle_(loop) {}

Result<void> ManifestSource::start(std::function<void()> changed) {
  auto manifests = readManifests(folders_);
  if (!manifests) return std::unexpected(manifests.error());
  manifests_ = std::move(*manifests);
  changed_ = std::move(changed);
  // An editor writes a file in several steps: look a moment after the last of them.
  auto watcher = FolderWatcher::create(loop_, folders_, [this] {
    settle_.start(std::chrono::milliseconds(50), [this] { readFolders(); });
  });
  if (!watcher) return std::unexpected(watcher.error());
  manifestWatcher_ = std::move(*watcher);
  auto stateWatcher =
      FolderWatcher::create(loop_, {dir_.podsPath(), dir_.statusPath()}, [this] { refresh(); });
  if (!stateWatcher) return std::unexpected(stateWatcher.error());
  stateWatcher_ = std::move(*stateWatcher);
  refresh();
  return {};
}

// A folder that has become wrong changes nothing until it is right again.
void ManifestSource::readFolders() {
  auto manifests = readManifests(folders_);
  if (!manifests) {
    if (lastError_ != manifests.error().text())
      log::error("kube", "{}; going on with the manifests as they were", manifests.error().text());
    lastError_ = manifests.error().text();
  } else {
    if (!lastError_.empty()) log::info("kube", "the manifests are good again");
    lastError_.clear();
    manifests_ = std::move(*manifests);
  }
  refresh();
}

void ManifestSource::refresh() {
  control();
  rebuildState();
  changed_();
  resync_.start(std::chrono::seconds(5), [this] { readFolders(); });
}

void ManifestSource::control() {
  auto pods = dir_.pods();
  const auto statuses = dir_.statuses();
  for (const auto& [name, pod] : pods)
    if (!member(member(pod, "metadata"), "deletionTimestamp").is_null() && !statuses.contains(name))
      dir_.removePod(name);
  const auto todo = plan(manifests_, pods, statuses, nodes_, randomSuffix);
  for (auto [name, pod] : todo.create) {
    pod["metadata"]["creationTimestamp"] = timeText();
    pod["metadata"]["uid"] = name.text() + "/" + randomSuffix() + randomSuffix();
    if (const auto written = dir_.writePod(name, pod); !written)
      log::error("kube", "{}", written.error().text());
  }
  for (const auto& [name, pod] : todo.update)
    if (const auto written = dir_.writePod(name, pod); !written)
      log::error("kube", "{}", written.error().text());
  for (const auto& name : todo.remove) {
    auto& pod = pods[name];
    pod["metadata"]["deletionTimestamp"] = timeText();
    if (const auto written = dir_.writePod(name, pod); !written)
      log::error("kube", "{}", written.error().text());
  }
}

void ManifestSource::rebuildState() {
  ClusterState state;
  state.services = manifests_.services;
  const auto statuses = dir_.statuses();
  for (auto [name, json] : dir_.pods()) {
    if (const auto status = statuses.find(name); status != statuses.end())
      json["status"] = status->second;
    auto pod = parsePod(json);
    if (!pod) {
      log::warn("kube", "pods/{}: {}", name.text(), pod.error().text());
      continue;
    }
    // A node whose runner has died says nothing any more; its containers died with it.
    if (pod->ready && FileLock::held(dir_.nodeLock(pod->node)) == false) pod->ready = false;
    state.pods[name] = std::move(*pod);
  }
  state_ = std::move(state);
}

}  // namespace hawser::kube
