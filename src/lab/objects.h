// The objects files of a site: placeholders filled in, documents parsed, applied.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hawser/model/source.h"
#include "lab.h"

namespace hawser::lab {

// "site.<name>.apiUrl" → value.
using Placeholders = std::map<std::string, std::string>;
// "${site.kubernetes.apiUrl}" and the like. An unknown one is an error that names the line.
[[nodiscard]] Result<std::string> fillIn(const std::string& text, const Placeholders& values);
// The objects of one file. Error.field: the file, then the place in it.
[[nodiscard]] Result<std::vector<model::Read>> readObjects(const std::string& file,
                                                           const Placeholders& values);
// By the controller's own admission, with stand-ins for what is known only later, and what the lab
// file says of objects: that workloads' Ports are there and placed on their hosts, that gateways
// have Peers. Mistakes are found before anything is started; Error.field begins with file and line.
[[nodiscard]] Result<void> checkObjects(const LabFile& file);

[[nodiscard]] Result<Placeholders> placeholdersOf(const Lab& lab);
[[nodiscard]] Result<void> applyHosts(api::Client& api, const Site& site);
[[nodiscard]] Result<void> applyObjects(const Lab& lab, const Site& site,
                                        const Placeholders& values);

}  // namespace hawser::lab
