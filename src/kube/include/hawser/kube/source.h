// Where the cluster's objects come from: a folder of manifests today, a kube-apiserver behind the
// same interface.
#pragma once

#include <functional>

#include "hawser/base/result.h"
#include "hawser/kube/label_mode.h"

namespace hawser::kube {

// On one loop. After start() `changed` is called whenever the state may differ; state() is complete
// (never a half-read list) once the first `changed` came.
class ObjectSource {
 public:
  virtual ~ObjectSource() = default;
  [[nodiscard]] virtual Result<void> start(std::function<void()> changed) = 0;
  [[nodiscard]] virtual const ClusterState& state() const = 0;
};

}  // namespace hawser::kube
