// `up` and `down`.
#pragma once

#include <string>
#include <vector>

#include "lab.h"

namespace hawser::lab {

struct UpOptions {
  std::string hawser;                 // this executable
  std::string scripts;                // folder of container, gateway, rootfs
  std::chrono::seconds timeout{120};  // for each thing that is waited for
  bool wait = true;  // until pods are ready and all sessions are up; else only until all is started
};

// Prints one line a step. When it fails, what it made is taken down again.
[[nodiscard]] Result<void> bringUp(const LabFile& file, const std::string& path,
                                   const UpOptions& options);

// Leaves no process, namespace, mount or file of the lab (machine/owned.h says what is its own),
// whatever state it was in, and touches nothing else. kNotFound when there was nothing of it. The
// first INT, TERM or HUP is answered with a line on standard error. What a person should know:
// contexts that went, namespaces that only have a name like the lab's and stay.
[[nodiscard]] Result<std::vector<std::string>> takeDown(const std::string& name);

}  // namespace hawser::lab
