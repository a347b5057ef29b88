#pragma once

namespace hawser::lab {

// `hawser lab`: a topology file in; hosts, underlay, controllers, agents and workloads out. argv[0]
// is the name of the command.
[[nodiscard]] int labMain(int argc, char** argv);

}  // namespace hawser::lab
