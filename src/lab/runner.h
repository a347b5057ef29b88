// `up` and `down`.
#pragma once

#include <string>

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

// Leaves no process, namespace, mount or file of the lab, whatever state it was in. kNotFound when
// there was nothing of it.
[[nodiscard]] Result<void> takeDown(const std::string& name);

}  // namespace hawser::lab
