// What on this machine is a lab's own. Nothing else is touched when the lab goes, whatever its
// name.
//
//   <run>/netns/<name>   written before the network namespace is made, empty; then it holds the
//                        namespace's device and inode: another one that got the name is not ours
//   <run>/data/kube-*/status/*.json   "netns": a pod's, by `hawser kube node`, written ahead too
//   HAWSER_LAB=<run>     in the environment of all that the lab starts, and so of what that starts
//
// `run`: the lab's folder, /run/hawser/lab/<lab>. Any thread.
#pragma once

#include <string>
#include <vector>

#include "machine/machine.h"

namespace hawser::lab {

inline constexpr const char* kLabMark = "HAWSER_LAB";

// A namespace with its loopback up, recorded as the lab's. kExists, saying whose it is, when there
// is one of the name.
[[nodiscard]] Result<void> makeNetns(const std::string& run, const std::string& name);
void dropNetns(const std::string& run, const std::string& name);

// Those that are there, sorted.
[[nodiscard]] std::vector<std::string> ownNetns(const std::string& run);
// The lab beside `run`, or `run`'s own, that the namespace is of; empty: none.
[[nodiscard]] std::string netnsOwner(const std::string& run, const std::string& name);
// For people: "of the lab \"x\"" or "of no lab".
[[nodiscard]] std::string ownerText(const std::string& run, const std::string& name);
// Processes of the lab that are not in any of its namespaces too.
[[nodiscard]] std::vector<pid_t> markedProcesses(const std::string& run);

}  // namespace hawser::lab
