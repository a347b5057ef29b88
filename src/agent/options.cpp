#include "options.h"

#include <net/if.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "hawser/agent/local.h"
#include "hawser/base/log.h"

namespace hawser::agent {
namespace {

struct Raw {
  Options options;
  std::string underlayAddress;
  std::string logLevel = "info";
};

void define(CLI::App& app, Raw& raw) {
  auto& options = raw.options;
  options.socket = kDefaultSocket;
  options.stateDir = "/var/lib/hawser/agent";
  options.pinDir = "/sys/fs/bpf/hawser";
  app.add_option("--host", options.host, "REQUIRED: name of this host, as its Host object has it");
  app.add_option("--controller", options.controllers,
                 "REQUIRED: URL of a controller (https://ADDR:8443); may be given again");
  app.add_option("--underlay-device", options.underlayDevice,
                 "REQUIRED: device that leads to the other hosts");
  app.add_option("--ca", options.caFile,
                 "The site's certificate authority, a PEM file; needed at the first start only");
  app.add_option("--join-token", options.joinTokenFile,
                 "File with the one-time token; needed at the first start only");
  app.add_option("--underlay-address", raw.underlayAddress,
                 "IPv4 address of tunnels and BGP; default: the device's first");
  app.add_option("--state", options.stateDir, "Folder for what survives a restart")
      ->capture_default_str();
  app.add_option("--socket", options.socket, "Unix socket for hawser-cni and the CLI")
      ->capture_default_str();
  app.add_option("--pin-dir", options.pinDir, "Folder in a bpffs where the datapath stays")
      ->capture_default_str();
  app.add_flag("--teardown", options.teardown,
               "Remove every program, filter, map and pin of the datapath, and end");
  app.add_option("--log-level", raw.logLevel, "debug, info, warn or error")->capture_default_str();
  app.footer(
      "The first start joins the site, with a token of an administrator:\n"
      "  hawser token issue join-node4 --host node4 --host-address 10.2.0.14 > join.token\n"
      "Example, on node4:\n"
      "  hawser agent --host node4 --controller https://10.2.0.10:8443 --underlay-device eth0 \\\n"
      "    --ca ca.pem --join-token join.token\n"
      "Later starts need neither --ca nor --join-token. \"hawser datapath status\" looks inside.");
}

// All that is missing, at once.
Result<void> complete(const Options& options) {
  std::string missing;
  const auto need = [&](bool given, const char* name) {
    if (!given) missing += (missing.empty() ? "" : ", ") + std::string(name);
  };
  need(options.teardown || !options.host.empty(), "--host");
  need(options.teardown || !options.controllers.empty(), "--controller");
  need(!options.underlayDevice.empty(), "--underlay-device");
  if (missing.empty()) return {};
  const bool one = missing.find(',') == std::string::npos;
  return invalid(one ? "is needed" : "are needed; \"hawser agent --help\" has an example", missing);
}

Result<Options> checked(Raw raw) {
  auto& options = raw.options;
  if (!log::setLevel(raw.logLevel))
    return invalid("\"" + raw.logLevel + "\" is none of debug, info, warn, error", "--log-level");
  if (auto whole = complete(options); !whole) return std::unexpected(whole.error());
  if (options.underlayDevice.size() >= IFNAMSIZ)
    return invalid("\"" + options.underlayDevice + "\" is no device name", "--underlay-device");
  if (!raw.underlayAddress.empty()) {
    const auto address = net::Ipv4Address::parse(raw.underlayAddress);
    if (!address) return invalid(address.error().message, "--underlay-address");
    options.underlayAddress = *address;
  }
  if (options.teardown) return std::move(options);
  for (auto& url : options.controllers) {
    if (!url.starts_with("https://"))
      return invalid("\"" + url + "\" is no https:// URL", "--controller");
    while (url.ends_with('/')) url.pop_back();
  }
  return std::move(options);
}

}  // namespace

Result<std::optional<Options>> parseOptions(int argc, const char* const* argv) {
  CLI::App app("The host's side of Hawser: ports, BGP and the eBPF datapath", "hawser agent");
  Raw raw;
  define(app, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return invalid(error.what());
  }
  auto options = checked(std::move(raw));
  if (!options) return std::unexpected(options.error());
  return std::move(*options);
}

}  // namespace hawser::agent
