// This machine: running commands, long-lived processes, network namespaces. Every function blocks
// until it has done its work; any thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "hawser/base/result.h"

namespace hawser::lab {

// From the first of these on, INT, TERM and HUP end every wait here and every command that `run` is
// running; the second forgets that there was one, and from then on they do nothing. After the third
// the first signal is only answered, on standard error, and the next one ends this process.
void catchInterrupts();
void ignoreInterrupts();
void holdInterrupts();
[[nodiscard]] bool interrupted();

struct Finished {
  int status = 0;      // exit status; 128 + signal
  std::string output;  // standard output and error
};
// Fails only when it cannot be started.
[[nodiscard]] Result<Finished> run(const std::vector<std::string>& command,
                                   const std::string& input = {},
                                   const std::map<std::string, std::string>& environment = {});
// The same, and a status other than 0 is an error with the last line of the output.
[[nodiscard]] Result<std::string> runOrFail(
    const std::vector<std::string>& command, const std::string& input = {},
    const std::map<std::string, std::string>& environment = {});

// A process for longer than its starter: pid and start time (clock ticks since boot) tell it from
// another one that got the same pid later.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t started = 0;
  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};
struct Launch {
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;  // added to ours
  std::string netns;                               // name; empty: this machine's own
  std::string log;                                 // standard output and error are appended
};
// In a session of its own, with no parent but init.
[[nodiscard]] Result<ProcessId> launch(const Launch& launch);
[[nodiscard]] bool alive(const ProcessId& process);  // a zombie is not
void signalProcess(const ProcessId& process, int number);
// True when it has ended within `limit`.
[[nodiscard]] bool waitForEnd(const ProcessId& process, std::chrono::milliseconds limit);
// TERM, and KILL for what is there after `grace` (0: KILL at once). Returns when it is gone.
void endProcess(const ProcessId& process, std::chrono::milliseconds grace);

// Polls `condition` until it holds; false after `limit`, and early when `hopeless` holds or after
// an interrupt.
[[nodiscard]] bool waitUntil(const std::function<bool()>& condition,
                             std::chrono::milliseconds limit,
                             const std::function<bool()>& hopeless = {});

[[nodiscard]] std::string netnsPath(const std::string& name);
[[nodiscard]] bool netnsExists(const std::string& name);
[[nodiscard]] std::vector<std::string> netnsWithPrefix(const std::string& prefix);
// Nobody's by record: a lab makes its namespaces by makeNetns (owned.h).
[[nodiscard]] Result<void> addNetns(const std::string& name);
void removeNetns(const std::string& name);
// Processes whose network namespace is one of these.
[[nodiscard]] std::vector<pid_t> processesIn(const std::vector<std::string>& names);
// Runs `work` on a thread inside the namespace.
[[nodiscard]] Result<void> inNetns(const std::string& name,
                                   const std::function<Result<void>()>& work);
// /proc/sys/<name> of the calling thread's network namespace.
[[nodiscard]] Result<void> writeSysctl(const std::string& name, const std::string& value);

[[nodiscard]] Result<void> mountBpf(const std::string& folder);
[[nodiscard]] Result<void> mountMemory(const std::string& folder);
[[nodiscard]] bool isMountPoint(const std::string& folder);
void unmount(const std::string& folder);

[[nodiscard]] std::string lastLines(const std::string& file, std::size_t count);

}  // namespace hawser::lab
