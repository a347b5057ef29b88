#include "commands.h"

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "hawser/base/file.h"
#include "topology/images.h"

namespace hawser::lab {

namespace fs = std::filesystem;

namespace {

std::string joinWords(const std::vector<std::string>& words) {
  if (words.size() == 1) return words[0];  // a whole shell command
  std::string out;
  for (const auto& word : words) {
    std::string quoted = "'";
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    out += (out.empty() ? "" : " ") + quoted + "'";
  }
  return out;
}

Result<std::string> namespaceOf(const Topology& topology,
                                const std::map<std::string, std::string>& pods,
                                const std::string& node) {
  if (const auto pod = pods.find(node); pod != pods.end()) return pod->second;
  std::vector<std::string> known{"transit"};
  for (const auto& site : topology.sites) {
    known.push_back(site.controller.name);
    for (const auto& host : site.hosts) known.push_back(host.name);
  }
  if (topology.outside) {
    known.emplace_back("outside");
    for (const auto& host : topology.outside->hosts) known.push_back(host.name);
  }
  for (const auto& workload : topology.workloads) known.push_back(workload.name);
  for (const auto& gateway : topology.gateways) known.push_back("gw-" + gateway.name);
  if (std::find(known.begin(), known.end(), node) != known.end()) return netnsName(topology, node);
  for (const auto& [name, netns] : pods) known.push_back(name);
  for (const auto& gateway : topology.gateways) known.push_back(gateway.name);
  const auto near = model::nearest(node, known);
  return fail(ErrorCode::kNotFound,
              fmt::format("the lab has no node \"{}\"{}", node,
                          near.empty() ? "" : fmt::format("; is it \"{}\"?", near)));
}

}  // namespace

Result<Entry> entryOf(const Topology& topology, const State& state,
                      const std::map<std::string, std::string>& pods, const std::string& node,
                      bool netnsOnly, const std::vector<std::string>& command) {
  const auto process = state.processes.find(node);
  const bool recorded = process != state.processes.end();
  Entry entry;
  if (recorded && process->second.plan.kind == ProcessKind::kGateway && !netnsOnly) {
    entry.command = {
        state.paths.scripts + "/gateway", "sh", "--name", node, "--", joinWords(command)};
    entry.environment = process->second.plan.environment;
    return entry;
  }
  if (recorded && process->second.plan.kind == ProcessKind::kWorkload && !netnsOnly &&
      alive(process->second.id)) {
    entry.command = {state.paths.scripts + "/container", "--exec",
                     std::to_string(process->second.id.pid), "--"};
  } else {
    const bool gateway = recorded && process->second.plan.kind == ProcessKind::kGateway;
    const auto netns = namespaceOf(topology, pods, gateway ? "gw-" + node : node);
    if (!netns) return std::unexpected(netns.error());
    entry.command = {"nsenter", "--net=" + netnsPath(*netns)};
    if (recorded && process->second.plan.kind == ProcessKind::kAgent)
      entry.environment["HAWSER_AGENT_SOCKET"] = state.paths.socket(node);
  }
  entry.command.insert(entry.command.end(), command.begin(), command.end());
  return entry;
}

std::map<std::string, std::string> podNamespaces(const Lab& lab) {
  std::map<std::string, std::string> out;
  for (const auto& pod : statusJson(lab)["pods"]) {
    const auto netns = pod["netns"].get<std::string>();
    const auto space = pod["namespace"].get<std::string>(), name = pod["name"].get<std::string>();
    if (netns.empty()) continue;
    out[space + "/" + name] = netns;
    out.emplace(space + "_" + name, netns);
    out.emplace(name, netns);
  }
  return out;
}

Error execIn(const Lab& lab, const std::string& node, bool netnsOnly,
             const std::vector<std::string>& command) {
  const auto entry =
      entryOf(lab.topology(), lab.state(), podNamespaces(lab), node, netnsOnly, command);
  if (!entry) return entry.error();
  for (const auto& [key, value] : entry->environment) ::setenv(key.c_str(), value.c_str(), 1);
  // `hawser` itself is found, wherever it was built.
  const auto programs = fs::path(lab.paths().hawser).parent_path().string();
  const char* path = std::getenv("PATH");
  ::setenv("PATH", (path == nullptr ? programs : programs + ":" + path).c_str(), 1);
  std::vector<char*> argv;
  auto words = entry->command;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  return failErrno("run " + words[0], errno).error();
}

Result<void> control(const std::string& name, const std::string& what, const std::string& process,
                     bool wait) {
  const auto lock = LabLock::take(name);
  if (!lock) return std::unexpected(lock.error());
  auto lab = Lab::open(name);
  if (!lab) return std::unexpected(lab.error());
  if (what == "stop" || what == "kill") return (*lab)->stop(process, what == "kill");
  if (what == "restart" && (*lab)->running(process))
    if (auto stopped = (*lab)->stop(process, false); !stopped) return stopped;
  if (auto started = (*lab)->startAgain(process); !started) return started;
  return wait ? (*lab)->waitReady(process) : Result<void>();
}

Result<void> moveWorkload(const std::string& name, const std::string& workload,
                          const std::string& host) {
  const auto lock = LabLock::take(name);
  if (!lock) return std::unexpected(lock.error());
  auto lab = Lab::open(name);
  if (!lab) return std::unexpected(lab.error());
  const auto* found = (*lab)->topology().workload(workload);
  if (found == nullptr)
    return fail(ErrorCode::kNotFound, fmt::format("the lab has no workload \"{}\"", workload));
  const auto& hosts = (*lab)->siteOf(*found).hosts;
  if (std::none_of(hosts.begin(), hosts.end(), [&](const Host& one) { return one.name == host; }))
    return fail(ErrorCode::kNotFound, fmt::format("site {} has no host \"{}\"", found->site, host));
  const auto state = (*lab)->state();
  const auto record = state.workloads.find(workload);
  if (record != state.workloads.end() && record->second.attached && record->second.host == host)
    return fail(ErrorCode::kConflict, fmt::format("{} is on {} already", workload, host));
  return (*lab)->move(*found, host);
}

Result<void> printLogs(const Lab& lab, const std::string& process, std::size_t lines, bool follow) {
  const fs::path folder = lab.paths().run + "/logs";
  std::vector<std::string> files;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored))
    if (entry.is_regular_file() && (process.empty() || entry.path().stem() == process))
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  if (files.empty())
    return fail(ErrorCode::kNotFound,
                process.empty()
                    ? fmt::format("there are no logs in {}", folder.string())
                    : fmt::format("there is no log of \"{}\" in {}", process, folder.string()));
  std::vector<std::string> command{"tail", "-n", std::to_string(lines)};
  if (follow) command.emplace_back("-F");
  command.insert(command.end(), files.begin(), files.end());
  std::vector<char*> argv;
  for (auto& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  return failErrno("run tail", errno);
}

}  // namespace hawser::lab
