// A lab's contexts in a person's own configuration.
#pragma once

#include <string>
#include <vector>

#include "hawser/base/result.h"
#include "lab.h"

namespace hawser::lab {

// Merges the lab's contexts into $HAWSER_CONFIG, else ~/.config/hawser/config.yaml, as
// <lab>-<site>; which file is noted in the lab's folder. The file.
[[nodiscard]] Result<std::string> installContexts(const Lab& lab);

// Takes the contexts out again that point into the lab's folder `run`, and no others; a file in
// which nothing else is goes. What was done, a line a file, and what could not be.
[[nodiscard]] std::vector<std::string> removeContexts(const std::string& run);

}  // namespace hawser::lab
