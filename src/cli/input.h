// Objects from files, with the place of every mistake.
#pragma once

#include <istream>
#include <string>
#include <vector>

#include "hawser/model/object.h"

namespace hawser::cli {

struct Read {
  model::Object object;
  std::string place;  // "db.yaml, document 2"
};

// Each of `files` is a file, a folder (its *.yaml, *.yml and *.json, by name) or "-". Lists
// ({"kind": "NetworkList", "items": […]}) stand for their items. The first mistake ends it.
[[nodiscard]] Result<std::vector<Read>> readObjects(const std::vector<std::string>& files,
                                                    std::istream& in, const std::string& project);

// An error of POST /apply names "objects[3].spec…" or "networks/default/db spec…"; this puts the
// place in the file before it.
[[nodiscard]] Error placed(Error error, const std::vector<Read>& read);

// "networks/db" or "net", "db": kind and name. "project/name" as a name gives the project too.
[[nodiscard]] Result<model::ObjectKey> parseTarget(const std::string& kind, const std::string& name,
                                                   const std::string& project);

}  // namespace hawser::cli
