#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "commands.h"
#include "grammar/completion.h"
#include "grammar/parser.h"

namespace hawser::cli {

namespace {

void addLink(CLI::App& app, Chosen& chosen) {
  auto* link = app.add_subcommand("link", "Stitch a network to one of another site, by agreement");
  link->require_subcommand(1);
  link->footer(
      "One site proposes, the other accepts; either withdraws. Both need a Peer of role site with\n"
      "\"api\".\n"
      "Examples:\n  hawser link propose db --peer kubernetes --remote-network default/leonardo\n"
      "  hawser --context kubernetes link accept --network default/leonardo\n"
      "  hawser link list\n  hawser link withdraw db-kubernetes");
  auto options = std::make_shared<LinkOptions>();
  auto* propose = link->add_subcommand("propose", "Offer a network of ours to another site");
  propose->add_option("NETWORK", options->network, "ours: NAME or PROJECT/NAME")->required();
  propose->add_option("--peer", options->peer, "the Peer that the other site is")->required();
  propose->add_option("--remote-network", options->remoteNetwork, "theirs: PROJECT/NAME")
      ->required();
  propose->add_option("--name", options->name, "of the Link; default: NETWORK-PEER");
  propose->add_option("--route-target", options->routeTarget, "default: one of ours is chosen");
  propose->add_option("--local-prefix", options->localPrefixes,
                      "what we send; default: the subnets");
  propose->add_option("--remote-prefix", options->remotePrefixes,
                      "what they may send; default: what they offer");
  propose->add_option("--wait", options->wait, "seconds for the other site's word; default: 3")
      ->check(wholeNumber(0, 3600));
  propose->callback([&chosen, options] {
    chosen.action = [options](Session& session) { return linkPropose(session, *options); };
  });
  auto* accept = link->add_subcommand("accept", "Agree to what another site proposes");
  accept->add_option("NAME", options->name, "the Link, as \"hawser link list\" shows it");
  accept->add_option("--network", options->network, "the one proposed for this network of ours");
  accept->add_option("--peer", options->peer, "the one proposed by this Peer");
  accept->callback([&chosen, options] {
    chosen.action = [options](Session& session) { return linkAccept(session, *options); };
  });
  auto* withdraw = link->add_subcommand("withdraw", "End a Link, or refuse one; routes go at once");
  withdraw->add_option("NAME", options->name, "the Link")->required();
  withdraw->callback([&chosen, options] {
    chosen.action = [options](Session& session) { return linkWithdraw(session, *options); };
  });
  link->add_subcommand("list", "Show the Links of all projects, or of --project")
      ->callback([&chosen] {
        chosen.action = [](Session& session) { return linkList(session, session.projectGiven()); };
      });
}

void addToken(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<TokenOptions>();
  auto* token = app.add_subcommand("token", "Secrets that open the API");
  token->require_subcommand(1);
  auto* issue = token->add_subcommand("issue", "Make a token; prints its secret, once");
  issue->add_option("NAME", options->name, "of the Token object")->required();
  issue->add_option("--role", options->role, "reader, member (of --project) or admin");
  issue->add_option("--ttl", options->ttl,
                    "how long it lives: 90s, 30m, 24h, 7d;\ndefault: forever, with --host 1h");
  issue->add_option("--host", options->host, "a one-time token for this host to join");
  issue->add_option("--host-address", options->hostAddress,
                    "underlay address of that host; needed for a new one");
  const auto* examples =
      "Examples:\n  hawser token issue ci --role member --project demo --ttl 24h > ci.token\n"
      "  hawser token issue join-node4 --host node4 --host-address 10.2.0.14\n"
      "  hawser delete token ci";
  token->footer(examples);
  issue->footer(examples);
  issue->callback([&chosen, options] {
    chosen.action = [options](Session& session) { return tokenIssue(session, *options); };
  });
}

void addContext(CLI::App& app, Chosen& chosen, const Globals& globals) {
  auto* context = app.add_subcommand("context", "Which sites this command line knows");
  context->require_subcommand(1);
  context->footer(
      "Kept in $HAWSER_CONFIG, else ~/.config/hawser/config.yaml.\n"
      "Examples:\n  hawser context set mysite --server https://10.2.0.10:8443 --ca ca.pem "
      "--token-file admin.token\n  hawser context list\n  hawser context use mysite");
  context->add_subcommand("list", "Show them; * is the current one")->callback([&chosen] {
    chosen.action = contextList;
  });
  auto options = std::make_shared<ContextOptions>();
  const auto add = [&](const char* name, const char* help, auto action) {
    auto* command = context->add_subcommand(name, help);
    command->add_option("NAME", options->name, "of the context")->required();
    command->callback([&chosen, action] { chosen.action = action; });
    return command;
  };
  add("use", "Make one the current",
      [options](Session& session) { return contextUse(session, options->name); });
  add("remove", "Forget one",
      [options](Session& session) { return contextRemove(session, options->name); });
  auto* set =
      add("set", "Make or change one, with --server, --ca, --token or --token-file, --project",
          [options, &globals](Session& session) {
            auto wanted = *options;
            wanted.server = globals.server;
            wanted.ca = globals.ca;
            wanted.token = globals.token;
            wanted.project = globals.project;
            return contextSet(session, wanted);
          });
  set->add_option("--token-file", options->tokenFile, "file that holds the token's secret");
}

void addCompletion(CLI::App& app, Chosen& chosen) {
  auto shell = std::make_shared<std::string>();
  auto* command = app.add_subcommand("completion", "Print the completion script of a shell");
  command->add_option("SHELL", *shell, "bash, zsh or fish")->required();
  command->footer(
      "Examples:\n  source <(hawser completion bash)\n"
      "  hawser completion zsh > ~/.zfunc/_hawser\n"
      "  hawser completion fish > ~/.config/fish/completions/hawser.fish");
  command->callback([&chosen, shell] {
    chosen.action = [shell](Session& session) -> Result<int> {
      const auto script = completionScript(*shell);
      if (!script) return std::unexpected(script.error());
      session.out() << *script;
      return kGood;
    };
  });
}

}  // namespace

void addSiteCommands(CLI::App& app, Chosen& chosen, const Globals& globals) {
  addLink(app, chosen);
  addToken(app, chosen);
  addContext(app, chosen, globals);
  addCompletion(app, chosen);
  auto* version = app.add_subcommand("version", "Print the version");
  version->footer("Examples:\n  hawser version\n  hawser version -o json");
  version->callback([&chosen] {
    chosen.action = [](Session& session) -> Result<int> {
      if (session.forPrograms())
        session.print({{"version", HAWSER_VERSION}});
      else
        session.out() << "hawser " << HAWSER_VERSION << "\n";
      return kGood;
    };
  });
}

}  // namespace hawser::cli
