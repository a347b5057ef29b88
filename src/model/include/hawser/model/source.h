// Objects as people write them, with the place of every mistake. Pure; any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hawser/model/object.h"

namespace hawser::model {

// Where an object was read.
struct Place {
  std::string source;                       // file, or "standard input"
  std::shared_ptr<const std::string> text;  // all of it
  std::size_t document = 0;
  std::string item = {};  // in a list: "items[3]"
  // "db.yaml:12", with the line of a field of the object, or of its nearest parent.
  [[nodiscard]] std::string of(const std::string& field) const;
};
struct Read {
  Object object;
  Place place;
};

// Lists ({"kind": "NetworkList", "items": […]}) stand for their items. The first mistake ends it;
// Error.field: the place, kind and name, field.
[[nodiscard]] Result<std::vector<Read>> readObjects(const std::string& source,
                                                    const std::string& text,
                                                    const std::string& project);

// An error about several objects names "objects[3].spec…" or "networks/default/db spec…"; this puts
// the place in the file before it.
[[nodiscard]] Error placed(Error error, const std::vector<Read>& read);

}  // namespace hawser::model
