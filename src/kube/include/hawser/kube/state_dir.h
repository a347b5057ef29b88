// The folder in which a cluster without an API server keeps its pods:
//
//   pods/<namespace>_<name>.json     what is to run: a v1 Pod; written by the manifest source and
//   by
//                                    `hawser kube ctl`
//   status/<namespace>_<name>.json   what runs: a v1 PodStatus, with "node" and "netns"; written by
//                                    the node that the pod is bound to
//   manager.json                     what `hawser kube` has to say: errors of the manifests, what
//                                    could not be translated, what the API refused
//   manager.lock, node-<name>.lock   held by those that run
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
  // {"manifests": error, "problems": [...], "failures": [...], "inSync": bool}
  [[nodiscard]] Result<void> writeReport(const Json& report) const;
  [[nodiscard]] Json report() const;  // {} when there is none
  void removePod(const ObjectName& name) const;
  void removeStatus(const ObjectName& name) const;
  [[nodiscard]] std::filesystem::path nodeLock(const std::string& node) const {
    return root_ / ("node-" + node + ".lock");
  }
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  [[nodiscard]] std::filesystem::path podsPath() const { return root_ / "pods"; }
  [[nodiscard]] std::filesystem::path statusPath() const { return root_ / "status"; }

 private:
  explicit StateDir(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path root_;
};

// Held until it goes out of scope or the process ends. kExists: somebody else holds it,
// a second later still.
class FileLock {
 public:
  [[nodiscard]] static Result<FileLock> take(const std::filesystem::path& path,
                                             const std::string& what);
  // Whether somebody holds it; nothing: there is no such file.
  [[nodiscard]] static std::optional<bool> held(const std::filesystem::path& path);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;

 private:
  FileLock() = default;
  int fd_ = -1;
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

}  // namespace hawser::kube
