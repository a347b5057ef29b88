// `hawser lab`: its command line.
#include "hawser/lab/main.h"

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "commands.h"
#include "contexts.h"
#include "hawser/base/file.h"
#include "machine/forward.h"
#include "objects.h"
#include "runner.h"
#include "topology/images.h"

namespace hawser::lab {

namespace fs = std::filesystem;

namespace {

constexpr const char* kExamples = R"(Examples:
  hawser lab up examples/leonardo/lab.yaml
  hawser lab status leonardo
  export HAWSER_CONFIG=/run/hawser/lab/leonardo/config.yaml
  hawser --context kubernetes get ports -A
  hawser lab exec leonardo client -- curl -s http://185.22.97.188/
  hawser lab kill leonardo ctl-k8s; hawser lab start leonardo ctl-k8s
  hawser lab move leonardo pg1 compute2
  hawser lab down leonardo)";

struct Example {
  const char *command, *text;
};
constexpr Example kExampleOf[] = {
    {"up",
     "  hawser lab up examples/leonardo/lab.yaml\n"
     "  hawser lab up --check examples/leonardo/lab.yaml"},
    {"down", "  hawser lab down leonardo\n  hawser lab down examples/leonardo/lab.yaml"},
    {"status", "  hawser lab status\n  hawser lab status leonardo -o json"},
    {"exec",
     "  hawser lab exec leonardo client -- curl -s http://185.22.97.188/\n"
     "  hawser lab exec leonardo node1 -- hawser datapath ports"},
    {"logs", "  hawser lab logs leonardo ctl-k8s -n 50\n  hawser lab logs leonardo --follow"},
    {"context", "  hawser lab context leonardo > my.yaml\n  hawser lab context leonardo --install"},
    {"stop", "  hawser lab stop leonardo ctl-k8s"},
    {"start", "  hawser lab start leonardo ctl-k8s"},
    {"kill", "  hawser lab kill leonardo ctl-k8s"},
    {"restart", "  hawser lab restart leonardo node1"},
    {"move", "  hawser lab move leonardo pg1 compute2"}};

struct Arguments {
  std::string name, second, third, output = "table";
  std::vector<std::string> words;
  bool noWait = false, check = false, netnsOnly = false, install = false, follow = false;
  unsigned lines = 20, timeout = 120;
};

int complain(const Error& error) {
  fmt::print(stderr, "hawser: {}\n", error.text());
  return 1;
}
Error needsRoot() {
  return {ErrorCode::kForbidden, "must be root: a lab is made of network namespaces", "lab"};
}
int ended(const Result<void>& result) { return result ? 0 : complain(result.error()); }

// The folder with container, gateway and the rest: $HAWSER_HOME/scripts, or beside the build.
Result<std::string> scriptsFolder(const fs::path& executable) {
  std::vector<fs::path> candidates;
  if (const char* home = std::getenv("HAWSER_HOME"); home != nullptr && *home != 0)
    candidates.push_back(fs::path(home) / "scripts");
  candidates.push_back(executable.parent_path() / "../../scripts");
  std::error_code ignored;
  for (const auto& candidate : candidates)
    if (fs::exists(candidate / "container", ignored))
      return fs::weakly_canonical(candidate).string();
  return fail(ErrorCode::kNotFound, fmt::format("no scripts/container at {}; set HAWSER_HOME",
                                                candidates.front().string()));
}

// NAME, or the lab file that says it.
Result<std::string> nameOf(const std::string& text) {
  if (validName(text, 16)) return text;
  const auto file = readLabFile(text);
  if (!file) return std::unexpected(file.error());
  return file->topology.name;
}

int up(const Arguments& arguments) {
  const auto file = readLabFile(arguments.name);
  if (!file) return complain(file.error());
  if (arguments.check) {
    if (const auto good = checkObjects(*file); !good) return complain(good.error());
    fmt::print("{} describes the lab \"{}\", and its objects would be accepted\n", arguments.name,
               file->topology.name);
    return 0;
  }
  if (::geteuid() != 0) return complain(needsRoot());
  std::error_code error;
  UpOptions options;
  options.hawser = fs::read_symlink("/proc/self/exe", error).string();
  const auto scripts = scriptsFolder(options.hawser);
  if (!scripts) return complain(scripts.error());
  options.scripts = *scripts;
  options.wait = !arguments.noWait;
  options.timeout = std::chrono::seconds(arguments.timeout);
  return ended(bringUp(*file, arguments.name, options));
}

int down(const Arguments& arguments) {
  const auto name = nameOf(arguments.name);
  if (!name) return complain(name.error());
  const auto done = takeDown(*name);
  if (!done) return complain(done.error());
  for (const auto& line : *done) fmt::print("{}\n", line);
  fmt::print("the lab \"{}\" is down; nothing of it is left\n", *name);
  return 0;
}

int list() {
  std::error_code ignored;
  bool any = false;
  for (const auto& entry :
       fs::directory_iterator(fs::path(runFolder("x")).parent_path(), ignored)) {
    const auto state = Store::load(entry.path().filename().string());
    if (!state) continue;
    const auto name = entry.path().filename().string();
    fmt::print("{} {}, from {}\n", name, healthOf(name, *state).summary, state->file);
    any = true;
  }
  if (!any) fmt::print("no lab is up\n");
  return 0;
}

int status(const Arguments& arguments) {
  if (arguments.name.empty()) return list();
  const auto lab = Lab::open(arguments.name);
  if (!lab) return complain(lab.error());
  const auto json = statusJson(**lab);
  fmt::print("{}", arguments.output == "json"   ? json.dump(2) + "\n"
                   : arguments.output == "yaml" ? model::toYaml(json)
                                                : statusText(json, arguments.output == "wide"));
  return json["good"].get<bool>() ? 0 : 1;
}

int context(const Arguments& arguments) {
  const auto lab = Lab::open(arguments.name);
  if (!lab) return complain(lab.error());
  if (!arguments.install) {
    const auto text = readFile((*lab)->paths().run + "/config.yaml");
    if (!text) return complain(text.error());
    fmt::print("{}", *text);
    return 0;
  }
  const auto file = installContexts(**lab);
  if (!file) return complain(file.error());
  for (const auto& site : (*lab)->topology().sites)
    fmt::print("context {}-{} is in {}\n", arguments.name, site.name, *file);
  return 0;
}

int exec(const Arguments& arguments) {
  const auto lab = Lab::open(arguments.name);
  if (!lab) return complain(lab.error());
  auto words = arguments.words;
  if (words.empty()) words = {"sh"};
  return complain(execIn(**lab, arguments.second, arguments.netnsOnly, words));
}

int logs(const Arguments& arguments) {
  const auto lab = Lab::open(arguments.name);
  if (!lab) return complain(lab.error());
  return ended(printLogs(**lab, arguments.second, arguments.lines, arguments.follow));
}

int forward(const Arguments& arguments) {
  std::vector<Forward> forwards;
  for (const auto& text : arguments.words) {
    auto parsed = parseForward(text);
    if (!parsed) return complain(parsed.error());
    forwards.push_back(std::move(*parsed));
  }
  return ended(serveForwards(forwards));
}

class Commands {
 public:
  Commands(CLI::App& app, Arguments& arguments) : app_(app), arguments_(arguments) {
    addUpDown();
    addLooking();
    addChanging();
    app_.require_subcommand(1);
    app_.footer(kExamples);
    for (const auto& [command, text] : kExampleOf)
      app_.get_subcommand(command)->footer(std::string("Examples:\n") + text);
  }
  int run() const {
    // Files are checked for anybody; what is of a lab is root's.
    const auto* up = app_.get_subcommand("up");
    if (!up->parsed() && ::geteuid() != 0) return complain(needsRoot());
    return chosen_();
  }

 private:
  using Act = int (*)(const Arguments&);
  CLI::App* add(const char* name, const char* what, Act act) {
    auto* command = app_.add_subcommand(name, what);
    command->callback([this, act] { chosen_ = [this, act] { return act(arguments_); }; });
    return command;
  }
  CLI::App* onLab(const char* name, const char* what, Act act, bool required = true) {
    auto* command = add(name, what, act);
    auto* option = command->add_option("LAB", arguments_.name, "name of the lab");
    if (required) option->required();
    return command;
  }

  void addUpDown() {
    auto* upCommand = add("up", "bring up the lab that a file describes", up);
    upCommand->add_option("FILE", arguments_.name, "the lab file (docs/lab-file.md)")->required();
    upCommand->add_flag("--no-wait", arguments_.noWait, "do not wait for BGP sessions and pods");
    upCommand->add_flag("--check", arguments_.check,
                        "only check the file and the objects in it, as the controllers would");
    upCommand->add_option("--timeout", arguments_.timeout, "seconds to wait for each step")
        ->capture_default_str();
    auto* downCommand = add("down", "take a lab down; nothing of it stays", down);
    downCommand->add_option("LAB", arguments_.name, "name of the lab, or its file")->required();
  }

  void addLooking() {
    onLab("status", "processes, hosts, workloads, pods of a lab; without a name, the labs", status,
          false)
        ->add_option("-o,--output", arguments_.output, "table, wide, json or yaml")
        ->check(CLI::IsMember({"table", "wide", "json", "yaml"}));
    auto* execCommand = onLab("exec", "run a command in a node, workload or pod", exec);
    execCommand->add_option("NODE", arguments_.second, "host, workload, gateway, pod, transit…")
        ->required();
    execCommand->add_option("COMMAND", arguments_.words, "after \"--\"; default: sh");
    execCommand->add_flag("--netns-only", arguments_.netnsOnly,
                          "in the network namespace only, with this machine's files");
    auto* logsCommand = onLab("logs", "what processes wrote", logs);
    logsCommand->add_option("PROCESS", arguments_.second, "one of `status`; default: all");
    logsCommand->add_option("-n,--lines", arguments_.lines, "of each")->capture_default_str();
    logsCommand->add_flag("-f,--follow", arguments_.follow, "go on as they write");
    onLab("context", "print the CLI's contexts for a lab", context)
        ->add_flag("--install", arguments_.install, "merge them into your own configuration");
  }

  void addChanging() {
    for (const auto& [name, what] : std::initializer_list<std::pair<const char*, const char*>>{
             {"stop", "end a process (TERM)"},
             {"start", "start a stopped process again"},
             {"kill", "end a process at once (KILL)"},
             {"restart", "stop and start a process"}}) {
      auto* command = app_.add_subcommand(name, what);
      command->add_option("LAB", arguments_.name, "name of the lab")->required();
      command->add_option("PROCESS", arguments_.second, "one of `hawser lab status`")->required();
      command->add_flag("--no-wait", arguments_.noWait, "do not wait until it is ready");
      command->callback([this, verb = std::string(name)] {
        chosen_ = [this, verb] {
          return ended(control(arguments_.name, verb, arguments_.second, !arguments_.noWait));
        };
      });
    }
    auto* move =
        onLab("move", "move a workload to another host of its site", [](const Arguments& given) {
          return ended(moveWorkload(given.name, given.second, given.third));
        });
    move->add_option("WORKLOAD", arguments_.second, "its name in the lab file")->required();
    move->add_option("HOST", arguments_.third, "where to")->required();
    auto* forwardCommand = add("forward", "", forward);
    forwardCommand->add_option("FORWARD", arguments_.words, "LISTEN=NETNS:ADDRESS:PORT");
    forwardCommand->group("");  // the lab's own
  }

  CLI::App& app_;
  Arguments& arguments_;
  std::function<int()> chosen_;
};

std::string nearestTo(const std::string& given, const std::vector<std::string>& known,
                      const std::string& help) {
  const auto near = model::nearest(given, known);
  return near.empty() ? fmt::format("; see `{} --help`", help) : fmt::format("; is it {}?", near);
}

// CLI11 would only say that a subcommand is required, or that an argument was not expected.
std::optional<Error> mistakeIn(const CLI::App& app, const std::vector<std::string>& words) {
  if (words.empty() || words[0].starts_with('-')) return std::nullopt;
  std::vector<std::string> known;
  for (const auto* command : app.get_subcommands({})) known.push_back(command->get_name());
  if (std::ranges::find(known, words[0]) == known.end())
    return Error{ErrorCode::kInvalid,
                 fmt::format("there is no command \"{}\"{}", words[0],
                             nearestTo(words[0], known, "hawser lab")),
                 "lab"};
  const auto* command = app.get_subcommand(words[0]);
  std::vector<std::string> options;
  for (const auto* option : command->get_options())
    for (const auto& name : option->get_lnames()) options.push_back("--" + name);
  for (std::size_t i = 1; i < words.size() && words[i] != "--"; ++i) {
    const auto& word = words[i];
    if (!word.starts_with('-') || word.size() < 2) continue;
    const auto name = word.starts_with("--") ? word.substr(0, word.find('=')) : word.substr(0, 2);
    const auto* option = command->get_option_no_throw(name);
    if (option == nullptr)
      return Error{
          ErrorCode::kInvalid,
          fmt::format("there is no option {}{}", word,
                      words[0] == "exec" ? "; what is the command's stands after \"--\""
                                         : nearestTo(name, options, "hawser lab " + words[0])),
          "lab " + words[0]};
    if (option->get_items_expected_max() > 0 && name.size() == word.size()) ++i;
  }
  return std::nullopt;
}

}  // namespace

int labMain(int argc, char** argv) {
  CLI::App app{"Whole sites on this machine: hosts as network namespaces on a routed underlay",
               "hawser lab"};
  Arguments arguments;
  const Commands commands(app, arguments);
  if (const auto why = mistakeIn(app, {argv + 1, argv + argc})) return complain(*why);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return complain({ErrorCode::kInvalid, error.what(), "lab"});
  }
  return commands.run();
}

}  // namespace hawser::lab
