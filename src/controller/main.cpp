// `hawser controller`: the command line, signals, and one loop.
#include "hawser/controller/main.h"

#include <fmt/core.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>

#include "hawser/base/log.h"
#include "hawser/controller/controller.h"
#include "hawser/net/endpoint.h"

namespace hawser::controller {
namespace {

// An address, with or without a port.
Result<net::Endpoint> endpointOf(const std::string& text, std::uint16_t otherwise,
                                 const std::string& flag) {
  auto endpoint = net::Endpoint::parse(text, otherwise);
  if (!endpoint) return invalid(endpoint.error().message, flag);
  return endpoint;
}

struct Options {
  std::string site, asn, data, api, bgp, bgpTls, routerId, level = "info";
  std::uint16_t underlayMtu = 1500;
};

Result<Config> configOf(const Options& options) {
  Config config;
  config.site = options.site;
  config.dataDirectory = options.data;
  config.underlayMtu = options.underlayMtu;
  const auto asn = net::parseAsn(options.asn);
  if (!asn) return invalid(asn.error().message, "--asn");
  config.asn = *asn;
  const auto api = endpointOf(options.api, 8443, "--api");
  if (!api) return std::unexpected(api.error());
  const auto bgp = endpointOf(options.bgp, 179, "--bgp");
  if (!bgp) return std::unexpected(bgp.error());
  const auto tls = endpointOf(options.bgpTls, 1790, "--bgp-tls");
  if (!tls) return std::unexpected(tls.error());
  config.apiAddress = api->address;
  config.apiPort = api->port;
  config.bgpAddress = bgp->address;
  config.bgpPort = bgp->port;
  config.bgpTlsAddress = tls->address;
  config.bgpTlsPort = tls->port;
  if (!options.routerId.empty()) {
    const auto id = net::Ipv4Address::parse(options.routerId);
    if (!id || id->value() == 0)
      return invalid(id ? "must not be 0.0.0.0" : id.error().message, "--router-id");
    config.routerId = *id;
  }
  if (options.underlayMtu < 1280) return invalid("is less than 1280", "--underlay-mtu");
  if (!log::setLevel(std::string_view(options.level)))
    return invalid(fmt::format("\"{}\" is not one of debug, info, warn, error", options.level),
                   "--log-level");
  return config;
}

// The API alone may hold 1024 connections; the usual soft limit is 1024 files.
void allowManyFiles() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = std::max(files.rlim_cur, std::min<rlim_t>(files.rlim_max, 65536));
  (void)::setrlimit(RLIMIT_NOFILE, &files);
}

int failWith(const Error& error) {
  fmt::print(stderr, "hawser: {}\n", error.text());
  return 1;
}

}  // namespace

int controllerMain(int argc, char** argv) {
  Options options;
  CLI::App app{"The controller of one site: API, BGP route reflector, federation.",
               "hawser controller"};
  app.add_option("--site", options.site, "name of the site")->required();
  app.add_option("--asn", options.asn, "its AS number; no other site may have it")->required();
  app.add_option("--data", options.data, "folder for authority, tokens and objects")->required();
  app.add_option("--api", options.api, "ADDR[:8443] of the API (HTTPS)")->required();
  app.add_option("--bgp", options.bgp, "ADDR[:179] for gateways and other sites")->required();
  app.add_option("--bgp-tls", options.bgpTls, "ADDR[:1790] for the site's hosts")->required();
  app.add_option("--router-id", options.routerId, "BGP identifier; default: the BGP address");
  app.add_option("--underlay-mtu", options.underlayMtu,
                 "bytes of an IP packet on the underlay, for a new site")
      ->capture_default_str();
  app.add_option("--log-level", options.level, "debug, info, warn or error")->capture_default_str();
  app.footer(
      "Example:\n  hawser controller --site dc1 --asn 64512 --data /var/lib/hawser \\\n"
      "    --api 10.1.0.10 --bgp 10.1.0.10 --bgp-tls 10.1.0.10\n"
      "The first administrator's token is then in /var/lib/hawser/admin.token.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "hawser: controller: {}\n", error.what());
    return 1;
  }
  auto config = configOf(options);
  if (!config) return failWith(config.error());
  std::signal(SIGPIPE, SIG_IGN);
  allowManyFiles();
  io::Loop loop;
  auto controller = Controller::open(loop, *config);
  if (!controller) return failWith(controller.error());
  loop.onSignals({SIGINT, SIGTERM}, [&](int) {
    (*controller)->stop();
    loop.stop();
  });
  fmt::print("ready site={} asn={} api=https://{} bgp={} bgp-tls={}\n", options.site, options.asn,
             net::Endpoint{config->apiAddress, (*controller)->apiPort()}.text(),
             net::Endpoint{config->bgpAddress, (*controller)->bgpPort()}.text(),
             net::Endpoint{config->bgpTlsAddress, (*controller)->bgpTlsPort()}.text());
  std::fflush(stdout);
  loop.run();
  log::info("controller", "ended; hosts and peers keep the routes until the next start");
  return 0;
}

}  // namespace hawser::controller
