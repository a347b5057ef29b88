// Label selectors as the API knows them: "a=b,c!=d,e". Pure.
#pragma once

#include <map>
#include <string>

namespace hawser::cli {

// True when every term holds; an empty selector selects all.
[[nodiscard]] bool selects(const std::string& selector,
                           const std::map<std::string, std::string>& labels);

}  // namespace hawser::cli
