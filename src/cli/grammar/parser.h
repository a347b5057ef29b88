// The command line's grammar. Every command is declared by one function with its help and examples;
// parsing chooses what run() then does.
#pragma once

#include <cstdint>
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

// A check of an option: a whole number in the range; the message names value and range.
[[nodiscard]] std::function<std::string(const std::string&)> wholeNumber(std::uint64_t least,
                                                                         std::uint64_t most);

void addObjectCommands(CLI::App& app, Chosen& chosen);
void addLookCommands(CLI::App& app, Chosen& chosen);
void addSiteCommands(CLI::App& app, Chosen& chosen, const Globals& globals);

}  // namespace hawser::cli
