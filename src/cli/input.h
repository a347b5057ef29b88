// Objects from files, with the place of every mistake.
#pragma once

#include <istream>
#include <string>
#include <vector>

#include "hawser/model/source.h"

namespace hawser::cli {

using model::Read;

// Each of `files` is a file, a folder (its *.yaml, *.yml and *.json, by name) or "-". Lists
// ({"kind": "NetworkList", "items": […]}) stand for their items. The first mistake ends it.
[[nodiscard]] Result<std::vector<Read>> readObjects(const std::vector<std::string>& files,
                                                    std::istream& in, const std::string& project);

// "networks/db" or "net", "db": kind and name. "project/name" as a name gives the project too.
[[nodiscard]] Result<model::ObjectKey> parseTarget(const std::string& kind, const std::string& name,
                                                   const std::string& project);

}  // namespace hawser::cli
