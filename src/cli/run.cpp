// One run of the command line: parse, choose the context, do it, tell the error.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

#include "grammar/completion.h"
#include "grammar/parser.h"
#include "views/columns.h"

namespace hawser::cli {

namespace {

constexpr std::chrono::milliseconds kCompletionPatience{1500};

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

constexpr const char* kGlobals =
    "Everywhere: -o table|wide|json|yaml|name, --context, --project, --server, --ca, --token\n"
    "(\"hawser --help\").";

// Options of the parent may stand after the command, too; the help says so. What has no examples of
// its own shows those of the group around it.
void settle(CLI::App& app, const std::string& around) {
  for (auto* command : app.get_subcommands([](CLI::App*) { return true; })) {
    command->fallthrough();
    const auto own = command->get_footer();
    const auto examples = own.empty() ? around : own;
    settle(*command, examples);
    command->footer(examples + (examples.empty() ? "" : "\n") + kGlobals);
  }
}

std::vector<std::string> commandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

// An option of the command so far or of one around it. `-ojson` and `--output=json` are `-o` and
// `--output` with their values.
const CLI::Option* optionOf(const CLI::App& here, const std::string& word) {
  const bool isLong = word.starts_with("--");
  const auto name = isLong ? word.substr(0, word.find('=')) : word.substr(0, 2);
  for (const auto* scope = &here; scope != nullptr; scope = scope->get_parent())
    if (const auto* option = scope->get_option_no_throw(name); option != nullptr) return option;
  return nullptr;
}

std::string unknownOption(const CLI::App& here, const std::string& path, const std::string& word) {
  std::vector<std::string> names;
  for (const auto* scope = &here; scope != nullptr; scope = scope->get_parent())
    for (const auto* option : scope->get_options())
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  const auto given = word.substr(0, word.find('='));
  auto near = model::nearest(given, names);
  // The beginning of a name is that name rather than a slip of another.
  if (given.size() > 2)
    if (const auto begun =
            std::find_if(names.begin(), names.end(),
                         [&](const std::string& name) { return name.starts_with(given); });
        begun != names.end())
      near = *begun;
  return fmt::format(
      "\"{}\" has no option {}; {}", path, word,
      near.empty() ? fmt::format("see \"{} --help\"", path) : fmt::format("is it {}?", near));
}

struct Mistake {
  std::string text;         // empty: none
  bool unfinished = false;  // only a group: "hawser link"
};

// An unknown option, command, or command of a command, with the nearest that there is.
Mistake mistakeIn(const CLI::App& app, const std::vector<std::string>& programs,
                  const std::vector<std::string>& arguments) {
  const CLI::App* here = &app;
  std::string path = "hawser";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& word = arguments[i];
    if (word == "--") return {};
    if (word.size() > 1 && word.starts_with('-')) {
      const auto* option = optionOf(*here, word);
      if (option == nullptr) return {unknownOption(*here, path, word)};
      const bool given =
          word.starts_with("--") ? word.find('=') != std::string::npos : word.size() > 2;
      if (!given && option->get_items_expected_max() > 0) ++i;
      continue;
    }
    auto names = commandNames(*here);
    if (names.empty()) continue;
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      if (here == &app) names.insert(names.end(), programs.begin(), programs.end());
      const auto near = model::nearest(word, names);
      return {fmt::format("no command \"{} {}\"; {}", path, word,
                          near.empty() ? fmt::format("see \"{} --help\"", path)
                                       : fmt::format("is it \"{} {}\"?", path, near))};
    }
    here = here->get_subcommand(word);
    path += " " + word;
  }
  if (commandNames(*here).empty()) return {};
  return {fmt::format("say what: see \"{} --help\"", path), true};
}

Grammar grammarOf(const CLI::App& app) {
  Grammar grammar;
  grammar.name = app.get_name();
  for (const auto* option : app.get_options()) {
    if (option->get_positional()) {
      grammar.arguments.push_back(option->get_name(true));
      continue;
    }
    auto& made = grammar.options.emplace_back();
    for (const auto& name : option->get_snames()) made.names.push_back("-" + name);
    for (const auto& name : option->get_lnames()) made.names.push_back("--" + name);
    made.takesValue = option->get_items_expected_max() > 0;
  }
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    grammar.commands.push_back(grammarOf(*command));
  return grammar;
}

// `hawser __complete WORD…`: whatever goes wrong, a shell gets no words rather than an error.
int complete(const CLI::App& app, const std::vector<std::string>& words, Environment& environment) {
  Globals globals;
  globals.context = valueOf(words, "--context");
  globals.project = valueOf(words, "--project");
  Session session(globals, environment);
  const bool ready = session.prepare().has_value();
  session.setTimeout(kCompletionPatience);
  const auto names = [&](const std::string& what) {
    std::vector<std::string> found;
    if (!ready) return found;
    if (what == "contexts") {
      for (const auto& [name, context] : session.config().contexts) found.push_back(name);
      return found;
    }
    const auto kind = model::parseKind(what);
    const auto list = kind ? session.list(*kind, session.project())
                           : Result<model::Json>(std::unexpected(kind.error()));
    if (!list) return found;
    for (const auto& item : list->at("items")) found.push_back(textAt(item, "metadata.name"));
    return found;
  };
  auto grammar = grammarOf(app);
  for (const auto& program : environment.programs)
    grammar.commands.push_back({program, {}, {}, {}});
  grammar.commands.push_back({"help", {}, {}, {}});
  for (const auto& word : candidates(grammar, words, names)) environment.out << word << "\n";
  return kGood;
}

std::string programsText(const std::vector<std::string>& programs) {
  if (programs.empty()) return kFooter;
  std::string text = "Programs of their own (\"hawser PROGRAM --help\"):";
  for (const auto& program : programs) text += " " + program;
  return text + "\n\n" + kFooter;
}

bool asksForHelp(const std::vector<std::string>& arguments) {
  return std::any_of(arguments.begin(), arguments.end(), [](const auto& word) {
    return word == "-h" || word == "--help" || word == "--version";
  });
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

std::function<std::string(const std::string&)> wholeNumber(std::uint64_t least,
                                                           std::uint64_t most) {
  return [least, most](const std::string& text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    const bool good = error == std::errc() && rest == end && number >= least && number <= most;
    return good ? std::string()
                : fmt::format("\"{}\" is not a number from {} to {}", text, least, most);
  };
}

int run(const std::vector<std::string>& given, Environment& environment) {
  CLI::App app{"Hawser joins the networks of separate clouds.", "hawser"};
  app.footer(programsText(environment.programs));
  Globals globals;
  Chosen chosen;
  addGlobals(app, globals);
  addObjectCommands(app, chosen);
  addLookCommands(app, chosen);
  addSiteCommands(app, chosen, globals);
  app.require_subcommand(1);
  app.set_version_flag("--version", "hawser " HAWSER_VERSION);
  settle(app, {});
  if (!given.empty() && given.front() == "__complete")
    return complete(app, {given.begin() + 1, given.end()}, environment);
  const auto arguments = withoutHelpCommand(given);
  if (const auto mistake = mistakeIn(app, environment.programs, arguments);
      !mistake.text.empty() && !(mistake.unfinished && asksForHelp(arguments)))
    return complain(environment, mistake.text);
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
