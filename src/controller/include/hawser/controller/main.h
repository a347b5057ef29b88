// `hawser controller …`: the assembly of one site as a process (docs/modules/controller.md).
#pragma once

namespace hawser::controller {

// Returns the process's exit code; errors are one line "hawser: place: message" on stderr.
[[nodiscard]] int controllerMain(int argc, char** argv);

}  // namespace hawser::controller
