#pragma once

namespace hawser::agent {

// `hawser agent`: the host's side. argv[0] is the name of the command.
[[nodiscard]] int agentMain(int argc, char** argv);

}  // namespace hawser::agent
