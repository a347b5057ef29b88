// `hawser`: hands over to the programs that are part of this build, else runs the command line.
#include <signal.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "hawser/cli/cli.h"
#ifdef HAWSER_WITH_AGENT
#include "hawser/agent/local.h"
#include "hawser/agent/main.h"
#endif
#ifdef HAWSER_WITH_CONTROLLER
#include "hawser/controller/main.h"
#endif
#ifdef HAWSER_WITH_KUBE
#include "hawser/kube/main.h"
#endif
#ifdef HAWSER_WITH_LAB
#include "hawser/lab/main.h"
#endif

namespace {

struct Program {
  std::string_view name;
  int (*main)(int, char**);  // null: not part of this build
};

constexpr std::array kPrograms{
    Program{"controller",
#ifdef HAWSER_WITH_CONTROLLER
            &hawser::controller::controllerMain},
#else
            nullptr},
#endif
    Program{"agent",
#ifdef HAWSER_WITH_AGENT
            &hawser::agent::agentMain},
#else
            nullptr},
#endif
    Program{"kube",
#ifdef HAWSER_WITH_KUBE
            &hawser::kube::kubeMain},
#else
            nullptr},
#endif
    Program{"lab",
#ifdef HAWSER_WITH_LAB
            &hawser::lab::labMain},
#else
            nullptr},
#endif
};

}  // namespace

int main(int argc, char** argv) {
  hawser::cli::Environment environment{std::cin,
                                       std::cout,
                                       std::cerr,
                                       [](const std::string& name) {
                                         const char* value = std::getenv(name.c_str());
                                         return std::string(value == nullptr ? "" : value);
                                       },
                                       {},
                                       {}};
#ifdef HAWSER_WITH_AGENT
  environment.agent = [](const std::string& socket, const hawser::model::Json& request) {
    return hawser::agent::callAgent(socket, request);
  };
#endif
  for (const auto& program : kPrograms) {
    environment.programs.emplace_back(program.name);
    if (argc < 2 || program.name != argv[1]) continue;
    if (program.main != nullptr) return program.main(argc - 1, argv + 1);
    std::cerr << "hawser: this build has no \"" << program.name << "\"\n";
    return 1;
  }
  // A reader that went away ("hawser get ports | head -1") ends it by a failed write.
  ::signal(SIGPIPE, SIG_IGN);
  return hawser::cli::run(std::vector<std::string>(argv + 1, argv + argc), environment);
}
