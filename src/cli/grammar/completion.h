// Shell completion: what can stand in the place of the last word. Pure, but for `Names`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hawser/base/result.h"

namespace hawser::cli {

// The command line's grammar, as much of it as completion needs.
struct Grammar {
  struct Option {
    std::vector<std::string> names;  // "-o", "--output"
    bool takesValue = false;
  };
  std::string name;
  std::vector<Grammar> commands;
  std::vector<Option> options;
  std::vector<std::string> arguments;  // "KIND", "NAME"; the last may come again
};

// Names of things: "networks" (any plural of a kind), or "contexts".
using Names = std::function<std::vector<std::string>(const std::string& what)>;

// `words` after the program's name, the last one unfinished, maybe empty. Sorted.
[[nodiscard]] std::vector<std::string> candidates(const Grammar& grammar,
                                                  const std::vector<std::string>& words,
                                                  const Names& names);
// The value that `words` give a global option such as "--context"; empty: none.
[[nodiscard]] std::string valueOf(const std::vector<std::string>& words, const std::string& option);

// The script that makes bash, zsh or fish ask `hawser __complete`.
[[nodiscard]] Result<std::string> completionScript(const std::string& shell);

}  // namespace hawser::cli
