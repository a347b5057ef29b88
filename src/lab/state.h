// What a lab has made, in <run>/lab.json, written at every step: whoever comes later, also after a
// crash, finds all of it.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "machine/machine.h"
#include "topology/plan.h"

namespace hawser::lab {

struct ProcessRecord {
  ProcessPlan plan;
  ProcessId id;
  bool wanted = false;  // false: stopped by a person
};

struct WorkloadRecord {
  std::string host;  // where it is attached, or last was
  bool attached = false;
  std::string mac;
  std::vector<std::string> addresses;
};

struct State {
  std::string phase = "starting";  // then "up", then "down" while it is taken down
  std::string file;                // the lab file, for people
  std::string folder;              // that its paths are relative to
  Json document = Json::object();  // the file, `extends` resolved
  Paths paths;
  std::map<std::string, ProcessRecord> processes;
  std::map<std::string, WorkloadRecord> workloads;
  std::vector<Forward> forwards;
};

[[nodiscard]] Json toJson(const State& state);
[[nodiscard]] Result<State> stateFromJson(const Json& json);

// $HAWSER_RUN or /run/hawser, then /lab/<name>.
[[nodiscard]] std::string runFolder(const std::string& name);

// Held while a command changes a lab. Gone with the process.
class LabLock {
 public:
  // kConflict when another command holds it.
  [[nodiscard]] static Result<LabLock> take(const std::string& name);
  LabLock(LabLock&& other) noexcept;
  LabLock& operator=(LabLock&&) = delete;
  ~LabLock();
  void remove();  // the file too
  // Whether somebody holds it now.
  [[nodiscard]] static bool held(const std::string& name);

 private:
  LabLock(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  std::string path_;
};

// A lab's state in memory, saved at every change. Any thread.
class Store {
 public:
  Store(std::string name, State state) : name_(std::move(name)), state_(std::move(state)) {}
  // kNotFound when there is no such lab.
  [[nodiscard]] static Result<State> load(const std::string& name);

  [[nodiscard]] State snapshot() const;
  [[nodiscard]] Result<void> change(const std::function<void(State&)>& change);

 private:
  std::string name_;
  mutable std::mutex mutex_;
  State state_;
};

}  // namespace hawser::lab
