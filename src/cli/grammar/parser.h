// The command line's grammar. Every command is declared by one function with its help and examples;
// parsing chooses what run() then does.
#pragma once

#include <functional>
#include <string>

#include "session.h"

namespace CLI {
class App;
}

namespace hawser::cli {

struct Chosen {
  std::function<Result<int>(Session&)> action;
};

void addObjectCommands(CLI::App& app, Chosen& chosen);
void addLookCommands(CLI::App& app, Chosen& chosen);
void addSiteCommands(CLI::App& app, Chosen& chosen, const Globals& globals);

}  // namespace hawser::cli
