// The folder in which a cluster without an API server keeps its pods:
//
//   pods/<namespace>_<name>.json     what is to run: a v1 Pod; written by the manifest source (and
//   `hawser kube ctl`) status/<namespace>_<name>.json   what runs: a v1 PodStatus; written by the
//   node that the pod is bound to
//
// Every write is a rename, so a reader sees whole files only. A pod is deleted by its
// deletionTimestamp; its node stops it and removes the status, and then the source removes the pod.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hawser/io/loop.h"
#include "hawser/kube/kubernetes.h"

namespace hawser::kube {

class StateDir {
 public:
  [[nodiscard]] static Result<StateDir> open(const std::filesystem::path& root);
  [[nodiscard]] std::map<ObjectName, Json> pods()
      const;  // unreadable files are logged and left out
  [[nodiscard]] std::map<ObjectName, Json> statuses() const;
  [[nodiscard]] Result<void> writePod(const ObjectName& name, const Json& pod) const;
  [[nodiscard]] Result<void> writeStatus(const ObjectName& name, const Json& status) const;
  void removePod(const ObjectName& name) const;
  void removeStatus(const ObjectName& name) const;
  [[nodiscard]] std::filesystem::path podsPath() const { return root_ / "pods"; }
  [[nodiscard]] std::filesystem::path statusPath() const { return root_ / "status"; }

 private:
  explicit StateDir(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path root_;
};

// Calls back after files in one of the folders changed (created, written, renamed, removed);
// several changes may be one call.
class FolderWatcher {
 public:
  [[nodiscard]] static Result<std::unique_ptr<FolderWatcher>> create(
      io::Loop& loop, const std::vector<std::filesystem::path>& folders,
      std::function<void()> changed);
  ~FolderWatcher();

 private:
  FolderWatcher(io::Loop& loop, int fd, std::function<void()> changed);
  int fd_;
  std::optional<io::FdWatcher> watcher_;  // gone before fd_ is closed
};

[[nodiscard]] Result<std::string> readFile(const std::filesystem::path& path);
[[nodiscard]] Result<void> writeFileAtomically(const std::filesystem::path& path,
                                               const std::string& text);

}  // namespace hawser::kube
