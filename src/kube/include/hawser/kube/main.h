// `hawser kube`: the kube-network-manager, and the small cluster it can run from a folder of
// manifests.
#pragma once

namespace hawser::kube {
// argv[0] is the program's name for messages, the rest its arguments. Returns the exit status.
[[nodiscard]] int kubeMain(int argc, char** argv);
}  // namespace hawser::kube
