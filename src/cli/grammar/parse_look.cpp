#include <CLI/CLI.hpp>
#include <memory>

#include "commands.h"
#include "grammar/parser.h"

namespace hawser::cli {

namespace {

void addBgp(CLI::App& app, Chosen& chosen) {
  auto* bgp = app.add_subcommand("bgp", "Sessions and routes of the site's BGP speaker");
  bgp->require_subcommand(1);
  bgp->footer("Examples:\n  hawser bgp peers\n  hawser bgp routes --prefix 10.0.100.0/24 -o wide");
  bgp->add_subcommand("peers", "Sessions, what they carry and why they ended")->callback([&chosen] {
    chosen.action = bgpPeers;
  });
  auto options = std::make_shared<BgpRoutesOptions>();
  auto* routes = bgp->add_subcommand("routes", "All paths, and the rule that decided about each");
  routes->add_option("--family", options->family, "vpnv4, vpnv6 or rtc");
  routes->add_option("--prefix", options->prefix, "only routes inside it");
  routes->add_option("--route-target", options->routeTarget, "only routes that carry it");
  routes->callback([&chosen, options] {
    chosen.action = [options](Session& session) { return bgpRoutes(session, *options); };
  });
}

void addTrace(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<TraceOptions>();
  auto* command =
      app.add_subcommand("trace", "Tell a packet's way there and back, or what blocks it");
  command
      ->add_option("FROM", options->from,
                   "a port (NAME, PROJECT/NAME, pods/NAMESPACE/NAME)\nor its address; "
                   "PROJECT/NETWORK@ADDRESS: somebody outside")
      ->required();
  command->add_option("TO", options->to, "a port, a service or an address")->required();
  command->add_option("--port", options->port, "destination port; needed but for icmp and any")
      ->check(wholeNumber(0, 65535));
  command->add_option("--protocol", options->protocol, "tcp (the default), udp, sctp, icmp or any");
  command->footer(
      "Exit status: 0 it reaches, 3 it is blocked, 1 that is not known, or the question is wrong.\n"
      "Examples:\n  hawser trace web-1 10.0.100.11 --port 5432\n"
      "  hawser trace pods/default/nginx-1 10.254.98.15 --port 8000\n"
      "  hawser trace web-1 web-2 --protocol icmp");
  command->callback([&chosen, options] {
    chosen.action = [options](Session& session) { return trace(session, *options); };
  });
}

struct Look {
  const char *name, *help;
};
constexpr Look kDatapath[] = {{"status", "the agent: site, controller, BGP, slice"},
                              {"ports", "ports of this host, their devices and counters"},
                              {"vrfs", "networks that this host holds"},
                              {"routes", "their routes and where they go"},
                              {"maps", "the same, read back from the BPF maps"},
                              {"connections", "connections in the table"},
                              {"rules", "rules of the ports and how often each decided"},
                              {"drops", "what was dropped, why, and the latest, by rules too"}};

void addDatapath(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<DatapathOptions>();
  auto* group = app.add_subcommand("datapath", "Look inside this host's agent");
  group->require_subcommand(1);
  group->add_option("--socket", options->socket, "unix socket of the agent")
      ->envname("HAWSER_AGENT_SOCKET")
      ->capture_default_str();
  group->footer(
      "Examples:\n  hawser datapath ports\n  hawser datapath routes --vrf default/leonardo\n"
      "  hawser datapath connections --port default/web-1 -o wide\n  hawser datapath drops\n"
      "  hawser lab exec LAB HOST -- hawser datapath ports");
  for (const auto& look : kDatapath) {
    const std::string op = look.name;
    auto* command = group->add_subcommand(op, look.help);
    if (op == "routes" || op == "maps")
      command->add_option("--vrf", options->vrf, "only this one: PROJECT/NETWORK or its number");
    if (op == "connections") {
      command->add_option("--port", options->port, "only of this one: PROJECT/PORT");
      command->add_option("--limit", options->limit, "at most so many")
          ->check(wholeNumber(1, 100000));
    }
    command->callback([&chosen, options, op] {
      chosen.action = [options, op](Session& session) {
        auto wanted = *options;
        wanted.op = op;
        return datapath(session, wanted);
      };
    });
  }
}

}  // namespace

void addLookCommands(CLI::App& app, Chosen& chosen) {
  auto network = std::make_shared<std::string>();
  auto* command = app.add_subcommand("routes", "Show a network's routing table");
  command->add_option("NETWORK", *network, "none: all of the project; PROJECT/NAME: of another");
  command->footer(
      "Several lines of a prefix are its ECMP set.\n"
      "Examples:\n  hawser routes leonardo\n  hawser routes --project demo -o wide");
  command->callback([&chosen, network] {
    chosen.action = [network](Session& session) { return routes(session, *network); };
  });
  addBgp(app, chosen);
  addTrace(app, chosen);
  auto* site = app.add_subcommand("status", "Tell who you are here and how the site is");
  site->footer(
      "Examples:\n  hawser status\n  hawser --context kubernetes status\n"
      "  hawser status -o json");
  site->callback([&chosen] { chosen.action = status; });
  addDatapath(app, chosen);
}

}  // namespace hawser::cli
