// The subcommands of `hawser lab` but up and down. Each prints what a person asked for.
#pragma once

#include <string>
#include <vector>

#include "hawser/base/result.h"
#include "lab.h"

namespace hawser::lab {

// {name, phase, state, summary, good, file, run, processes, hosts, workloads, pods, forwards}
[[nodiscard]] Json statusJson(const Lab& lab);
[[nodiscard]] std::string statusText(const Json& status, bool wide);
// Whether the lab is what it should be: `state` in a word, `summary` for people ("is up", "is up in
// part: 3 of 5 processes run; ended: ctl, h1").
struct Health {
  std::string state, summary;
  bool good = false;  // up, or on the way there
};
[[nodiscard]] Health healthOf(const std::string& name, const State& state);

// How a command gets into a node; pure. `pods`: a pod's name ("default/nginx-a" or "nginx-a") →
// network namespace.
struct Entry {
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;
};
[[nodiscard]] Result<Entry> entryOf(const Topology& topology, const State& state,
                                    const std::map<std::string, std::string>& pods,
                                    const std::string& node, bool netnsOnly,
                                    const std::vector<std::string>& command);
[[nodiscard]] std::map<std::string, std::string> podNamespaces(const Lab& lab);
// Becomes the command; returns only when that fails.
[[nodiscard]] Error execIn(const Lab& lab, const std::string& node, bool netnsOnly,
                           const std::vector<std::string>& command);

// `what`: stop, start, kill or restart.
[[nodiscard]] Result<void> control(const std::string& lab, const std::string& what,
                                   const std::string& process, bool wait);
[[nodiscard]] Result<void> moveWorkload(const std::string& lab, const std::string& workload,
                                        const std::string& host);
[[nodiscard]] Result<void> printLogs(const Lab& lab, const std::string& process, std::size_t lines,
                                     bool follow);

}  // namespace hawser::lab
