// One run of the command line: parse, choose the context, do it, tell the error.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "parser.h"

namespace hawser::cli {

namespace {

constexpr const char* kFooter =
    "First steps:\n"
    "  hawser context set mysite --server https://10.2.0.10:8443 --ca ca.pem --token-file "
    "admin.token\n"
    "  hawser status\n"
    "  hawser explain network\n"
    "  hawser apply -f network.yaml\n"
    "  hawser get networks\n\n"
    "\"hawser COMMAND --help\" tells more, with examples. Exit status: 0 good, 1 error, 3 "
    "\"trace\"\n"
    "found that the packet is blocked.";

// `error` in one line, without CLI11's advice.
int complain(Environment& environment, std::string message) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  message.erase(message.find_last_not_of(' ') + 1);
  environment.err << "hawser: " << message << "\n";
  return kBad;
}

void addGlobals(CLI::App& app, Globals& globals) {
  app.add_option("--context", globals.context, "which site; default: the current context");
  app.add_option("--server", globals.server, "URL of the controller, instead of the context's");
  app.add_option("--ca", globals.ca, "the site's CA certificate: a file or the PEM text");
  app.add_option("--token", globals.token, "the secret that opens the API");
  app.add_option("--project", globals.project, "project; default: the context's, else \"default\"");
  app.add_option("-o,--output", globals.output, "table, wide, json, yaml or name");
}

// Options of the parent may stand after the command, too.
void settle(CLI::App& app) {
  for (auto* command : app.get_subcommands([](CLI::App*) { return true; })) {
    command->fallthrough();
    settle(*command);
  }
}

std::vector<std::string> commandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

// Words that are no options and no values of global options: the commands, then their arguments.
std::vector<std::string> words(const std::vector<std::string>& arguments) {
  static const std::set<std::string> kTakeValue{"--context", "--server", "--ca",    "--token",
                                                "--project", "-o",       "--output"};
  std::vector<std::string> found;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (kTakeValue.contains(arguments[i]))
      ++i;
    else if (!arguments[i].starts_with('-'))
      found.push_back(arguments[i]);
  }
  return found;
}

// An unknown command, or command of a command, with the nearest that there is.
std::string unknownCommand(const CLI::App& app, const std::vector<std::string>& programs,
                           const std::vector<std::string>& arguments) {
  const CLI::App* here = &app;
  std::string path = "hawser";
  for (const auto& word : words(arguments)) {
    auto names = commandNames(*here);
    if (names.empty()) return {};
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      if (here == &app) names.insert(names.end(), programs.begin(), programs.end());
      const auto near = model::nearest(word, names);
      return fmt::format("no command \"{} {}\"; {}", path, word,
                         near.empty() ? fmt::format("see \"{} --help\"", path)
                                      : fmt::format("is it \"{} {}\"?", path, near));
    }
    here = here->get_subcommand(word);
    path += " " + word;
  }
  if (here->get_require_subcommand_min() > 0 && !commandNames(*here).empty())
    return fmt::format("say what: see \"{} --help\"", path);
  return {};
}

std::string programsText(const std::vector<std::string>& programs) {
  if (programs.empty()) return kFooter;
  std::string text = "Programs of their own (\"hawser PROGRAM --help\"):";
  for (const auto& program : programs) text += " " + program;
  return text + "\n\n" + kFooter;
}

bool asksForHelp(const std::vector<std::string>& arguments) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [](const auto& word) { return word == "-h" || word == "--help"; });
}

// "hawser help apply" is "hawser apply --help".
std::vector<std::string> withoutHelpCommand(std::vector<std::string> arguments) {
  if (arguments.empty()) return {"--help"};
  if (arguments.front() != "help") return arguments;
  arguments.erase(arguments.begin());
  arguments.emplace_back("--help");
  return arguments;
}

}  // namespace

int run(const std::vector<std::string>& given, Environment& environment) {
  CLI::App app{"Hawser joins the networks of separate clouds.", "hawser"};
  app.footer(programsText(environment.programs));
  Globals globals;
  Chosen chosen;
  addGlobals(app, globals);
  addObjectCommands(app, chosen);
  app.require_subcommand(1);
  settle(app);
  const auto arguments = withoutHelpCommand(given);
  if (const auto unknown = unknownCommand(app, environment.programs, arguments);
      !unknown.empty() && !asksForHelp(arguments))
    return complain(environment, unknown);
  try {
    auto reversed = arguments;
    std::reverse(reversed.begin(), reversed.end());
    app.parse(reversed);
  } catch (const CLI::Success& success) {
    return app.exit(success, environment.out, environment.err);
  } catch (const CLI::ParseError& error) {
    return complain(environment, error.what());
  }
  Session session(globals, environment);
  if (const auto ready = session.prepare(); !ready)
    return complain(environment, ready.error().text());
  const auto done = chosen.action(session);
  environment.out.flush();
  return done ? *done : complain(environment, done.error().text());
}

}  // namespace hawser::cli
