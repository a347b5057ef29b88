#include <CLI/CLI.hpp>
#include <memory>

#include "commands.h"
#include "grammar/parser.h"

namespace hawser::cli {

namespace {

void addApply(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<ApplyOptions>();
  auto* command = app.add_subcommand("apply", "Make objects be as files say: all of them or none");
  command->add_option("-f,--file", options->files, "file, folder, or - for standard input")
      ->required();
  command->add_flag("--dry-run", options->dryRun, "let the site check them, change nothing");
  command->footer(
      "Examples:\n  hawser apply -f network.yaml\n  hawser apply -f objects/ --dry-run\n"
      "  hawser get network db -o yaml | sed s/10.0/10.9/ | hawser apply -f -");
  command->callback([&chosen, options] {
    chosen.action = [options](Session& session) { return apply(session, *options); };
  });
}

void addGet(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<GetOptions>();
  auto* command = app.add_subcommand("get", "Show objects of a kind as a table, JSON or YAML");
  command->add_option("KIND", options->kind, "\"hawser explain\" lists the kinds")->required();
  command->add_option("NAME", options->names, "none: all; PROJECT/NAME names another project");
  command->add_flag("-A,--all-projects", options->allProjects, "of every project");
  command->add_option("-l,--selector", options->selector, "labels: a=b,c!=d,e");
  command->add_flag("-w,--watch", options->watch, "then every change, until Ctrl-C");
  command->footer(
      "Examples:\n  hawser get networks\n  hawser get ports -A -o wide\n  hawser get port web-1 -o "
      "yaml\n  hawser get services -l tier=front --watch");
  command->callback([&chosen, options] {
    chosen.action = [options](Session& session) { return get(session, *options); };
  });
}

void addWatch(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<GetOptions>();
  auto* command = app.add_subcommand("watch", "Follow the changes of a kind, until Ctrl-C");
  command->add_option("KIND", options->kind, "what to follow")->required();
  command->add_option("NAME", options->names, "only these");
  command->add_flag("-A,--all-projects", options->allProjects, "of every project");
  command->add_option("-l,--selector", options->selector, "labels: a=b,c!=d,e");
  command->add_option("--count", options->count, "end after so many lines")
      ->check(wholeNumber(0, 0xffffffff));
  command->footer(
      "Examples:\n  hawser watch ports -A\n  hawser watch links -o json | jq .object.status");
  command->callback([&chosen, options] {
    chosen.action = [options](Session& session) { return watch(session, *options); };
  });
}

void addDelete(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<DeleteOptions>();
  auto* command = app.add_subcommand("delete", "Remove objects, by name or as files list them");
  command->add_option("KIND", options->kind, "kind, or KIND/NAME");
  command->add_option("NAME", options->names, "which");
  command->add_option("-f,--file", options->files, "file, folder, or - for standard input");
  command->add_flag("--ignore-missing", options->ignoreMissing, "what is gone already is fine");
  command->footer("Examples:\n  hawser delete port web-1 web-2\n  hawser delete -f objects/");
  command->callback([&chosen, options] {
    chosen.action = [options](Session& session) { return remove(session, *options); };
  });
}

}  // namespace

void addObjectCommands(CLI::App& app, Chosen& chosen) {
  addApply(app, chosen);
  addGet(app, chosen);
  auto one = std::make_shared<OneOptions>();
  auto* command = app.add_subcommand("describe", "Tell all about an object and what belongs to it");
  command->add_option("KIND", one->kind, "kind, or KIND/NAME")->required();
  command->add_option("NAME", one->name, "which");
  command->footer("Examples:\n  hawser describe port web-1\n  hawser describe peer mx1");
  command->callback([&chosen, one] {
    chosen.action = [one](Session& session) { return describe(session, *one); };
  });
  addDelete(app, chosen);
  addWatch(app, chosen);
  auto kind = std::make_shared<std::string>();
  command = app.add_subcommand("explain", "Tell the fields of a kind; without one, the kinds");
  command->add_option("KIND", *kind, "what to explain: KIND, or KIND.FIELD");
  command->footer(
      "Examples:\n  hawser explain\n  hawser explain network\n"
      "  hawser explain network.spec.subnets");
  command->callback([&chosen, kind] {
    chosen.action = [kind](Session& session) { return explain(session, *kind); };
  });
}

}  // namespace hawser::cli
