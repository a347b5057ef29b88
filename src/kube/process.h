// A child process of the node runner: started with an argument list, its end told on the loop. It
// dies with its parent.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hawser/base/result.h"
#include "hawser/io/loop.h"

namespace hawser::kube {

struct Command {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // "NAME=value", added to ours
  std::string input;                     // for its standard input (at most 64 KiB)
  std::string logFile;  // standard output and error are appended here; empty: output is collected
};

class Process {
 public:
  // status as waitpid gives it; output: what it printed, when it was collected.
  using Exited = std::function<void(int status, const std::string& output)>;
  [[nodiscard]] static Result<std::unique_ptr<Process>> start(io::Loop& loop,
                                                              const Command& command,
                                                              Exited exited);
  ~Process();  // SIGKILL and reap when it still runs; no callback
  void signal(int number) const;
  [[nodiscard]] pid_t pid() const { return pid_; }  // -1 when it has ended

 private:
  Process() = default;
  void reap(const Exited& exited);
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int output_ = -1;
  std::optional<io::FdWatcher> watcher_;
};

}  // namespace hawser::kube
