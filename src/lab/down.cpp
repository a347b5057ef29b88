// Taking a lab down: by what is recorded, and by what is found, so that nothing is left even when
// the record is not whole.
#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "runner.h"

namespace hawser::lab {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// Who starts others goes first, so that nothing is started again meanwhile.
void endProcesses(const State& state) {
  const auto stage = [&](std::initializer_list<ProcessKind> kinds, milliseconds grace) {
    std::vector<std::function<Result<void>()>> work;
    for (const auto& [name, record] : state.processes)
      if (std::find(kinds.begin(), kinds.end(), record.plan.kind) != kinds.end())
        work.emplace_back([id = record.id, grace]() -> Result<void> {
          endProcess(id, grace);
          return {};
        });
    (void)together(std::move(work));
  };
  // Nothing of them is to stay, so nothing needs a clean end: containers and machines end with the
  // process that runs them. The agents and controllers get the chance to say what was wrong.
  stage({ProcessKind::kKube, ProcessKind::kNode}, milliseconds(0));
  stage({ProcessKind::kGateway, ProcessKind::kWorkload}, milliseconds(0));
  stage({ProcessKind::kAgent, ProcessKind::kController, ProcessKind::kForward}, seconds(2));
}

// What runs in the lab's namespaces though no record names it: containers of pods, a shell that
// somebody left open.
void endStrays(const std::vector<std::string>& namespaces) {
  const auto strays = [&] {
    auto out = processesIn(namespaces);
    std::erase(out, ::getpid());
    return out;
  };
  (void)waitUntil(
      [&] {
        const auto left = strays();
        for (const auto pid : left) ::kill(pid, SIGKILL);
        return left.empty();
      },
      seconds(5));
}

// The agents remove their programs; what they cannot reach goes with the namespaces and the mount.
void tearDownDatapaths(const State& state, const Topology& topology) {
  std::vector<std::function<Result<void>()>> work;
  for (const auto& site : topology.sites)
    for (const auto& host : site.hosts) {
      if (!state.processes.contains(host.name)) continue;
      work.emplace_back([&state, &topology, &host]() -> Result<void> {
        (void)run({"nsenter", "--net=" + netnsPath(netnsName(topology, host.name)),
                   state.paths.hawser, "agent", "--teardown", "--pin-dir",
                   state.paths.pins(host.name), "--underlay-device", "eth0"});
        return {};
      });
    }
  (void)together(std::move(work));
}

}  // namespace

Result<void> takeDown(const std::string& name) {
  if (!validName(name, 16)) return invalid(fmt::format("\"{}\" is not the name of a lab", name));
  auto lock = LabLock::take(name);
  if (!lock) return std::unexpected(lock.error());
  const auto run = runFolder(name);
  if (!fs::exists(run) && netnsWithPrefix(name + "-").empty()) {
    lock->remove();
    return fail(ErrorCode::kNotFound, fmt::format("there is no lab \"{}\"", name));
  }
  if (const auto state = Store::load(name)) {
    endProcesses(*state);
    if (const auto topology = parseTopology(state->document, state->folder))
      tearDownDatapaths(*state, *topology);
  }
  const auto namespaces = netnsWithPrefix(name + "-");
  endStrays(namespaces);
  for (const auto& space : namespaces) removeNetns(space);
  for (const char* mount : {"/bpf", "/disks"}) unmount(run + mount);
  std::error_code error;
  // Overlays of a container's disk are unmounted when its last process has been reaped.
  const bool removed = waitUntil(
      [&] {
        fs::remove_all(run, error);
        return !fs::exists(run);
      },
      seconds(5));
  lock->remove();
  if (!removed) return failErrno("remove " + run, error.value());
  return {};
}

}  // namespace hawser::lab
