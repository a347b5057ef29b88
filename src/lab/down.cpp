// Taking a lab down: what it recorded and marked as its own, of that all, also when `up` was killed
// half way; and nothing that only has a name like it.
#include <fmt/ranges.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "contexts.h"
#include "machine/owned.h"
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

// What runs in the lab's namespaces, or was started by it, though no record names it: containers of
// pods, a shell that somebody left open, what `up` had no time to write down.
void endStrays(const std::string& run, const std::vector<std::string>& namespaces) {
  const auto strays = [&] {
    auto out = processesIn(namespaces);
    const auto marked = markedProcesses(run);
    out.insert(out.end(), marked.begin(), marked.end());
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
void tearDownDatapaths(const State& state, const Topology& topology,
                       const std::vector<std::string>& own) {
  std::vector<std::function<Result<void>()>> work;
  for (const auto& site : topology.sites)
    for (const auto& host : site.hosts) {
      const auto netns = netnsName(topology, host.name);
      if (!state.processes.contains(host.name) || !std::ranges::binary_search(own, netns)) continue;
      work.emplace_back([&state, &host, netns]() -> Result<void> {
        (void)run({"nsenter", "--net=" + netnsPath(netns), state.paths.hawser, "agent",
                   "--teardown", "--pin-dir", state.paths.pins(host.name), "--underlay-device",
                   "eth0"});
        return {};
      });
    }
  (void)together(std::move(work));
}

// By whose they are: `12 of the lab "x-2"`, `x-cc of no lab`.
std::vector<std::string> leftAlone(const std::string& name) {
  std::map<std::string, std::vector<std::string>> byOwner;
  for (const auto& one : netnsWithPrefix(name + "-"))
    byOwner[ownerText(runFolder(name), one)].push_back(one);
  std::vector<std::string> out;
  for (auto& [owner, names] : byOwner) {
    std::ranges::sort(names);
    const auto shown = names.size() > 3 ? fmt::format("{} and {} more", names[0], names.size() - 1)
                                        : fmt::format("{}", fmt::join(names, ", "));
    out.push_back(fmt::format("network namespaces left alone: {}, {}", shown, owner));
  }
  return out;
}

}  // namespace

Result<std::vector<std::string>> takeDown(const std::string& name) {
  if (!validName(name, 16)) return invalid(fmt::format("\"{}\" is not the name of a lab", name));
  auto lock = LabLock::take(name);
  if (!lock) return std::unexpected(lock.error());
  const auto run = runFolder(name);
  holdInterrupts();
  if (!fs::exists(run)) {
    lock->remove();
    std::string text = fmt::format("there is no lab \"{}\"", name);
    for (const auto& one : leftAlone(name)) text += "; " + one;
    return fail(ErrorCode::kNotFound, text);
  }
  if (const auto state = Store::load(name)) {
    // What a second `down` finds, should this one be killed, is told by `status`.
    (void)Store(name, *state).change([](State& now) { now.phase = "down"; });
    endProcesses(*state);
    if (const auto topology = parseTopology(state->document, state->folder))
      tearDownDatapaths(*state, *topology, ownNetns(run));
  }
  // Who still makes namespaces ends first.
  endStrays(run, {});
  const auto namespaces = ownNetns(run);
  endStrays(run, namespaces);
  for (const auto& space : namespaces) dropNetns(run, space);
  auto told = removeContexts(run);
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
  const auto others = leftAlone(name);
  told.insert(told.end(), others.begin(), others.end());
  return told;
}

}  // namespace hawser::lab
