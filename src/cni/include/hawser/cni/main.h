// hawser-cni: the CNI plugin (docs/modules/cni.md). What to do comes by the environment and
// standard input, not by arguments; the answer is one JSON document on standard output.
#pragma once

namespace hawser::cni {
// Returns the exit status: 0, or 1 after a CNI error.
[[nodiscard]] int cniMain(int argc, char** argv);
}  // namespace hawser::cni
