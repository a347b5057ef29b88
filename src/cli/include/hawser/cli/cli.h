// The `hawser` command line: what a person or a script asks of a site's API, and of the agent of
// this host. Commands that are programs of their own (controller, agent, kube, lab) are not here:
// program/main.cpp hands over to them.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "hawser/model/object.h"

namespace hawser::cli {

// The surroundings of one run, so that tests can give their own.
struct Environment {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  // A variable of the environment; empty when it is not set.
  std::function<std::string(const std::string&)> variable;
  // Asks the agent at a unix socket; empty when this build has no agent.
  std::function<Result<model::Json>(const std::string& socket, const model::Json& request)> agent;
  std::vector<std::string> programs;  // names of the commands that are programs of their own
};

inline constexpr int kGood = 0;
inline constexpr int kBad = 1;  // an error, told in one line on `err`; a trace that is not known
inline constexpr int kBlocked = 3;  // `hawser trace`: the packet does not arrive

// Runs one command; `arguments` without the program's name. Returns the exit status. One thread;
// may block for the API (10 s at most), a watch until SIGINT or SIGTERM.
[[nodiscard]] int run(const std::vector<std::string>& arguments, Environment& environment);

}  // namespace hawser::cli
