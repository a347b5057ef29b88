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

namespace hawser::controller {
namespace {

struct Endpoint {
  net::IpAddress address;
  std::uint16_t port = 0;
};

// "10.1.0.10", "10.1.0.10:8443", "[2001:db8::1]:8443".
Result<Endpoint> parseEndpoint(const std::string& text, std::uint16_t otherwise,
                               const std::string& flag) {
  std::string host = text, port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string::npos) return invalid(fmt::format("\"{}\" lacks a ]", text), flag);
    host = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':')
        return invalid(fmt::format("\"{}\" is not [ADDRESS]:PORT", text), flag);
      port = text.substr(end + 2);
    }
  } else if (const auto colon = text.find(':');
             colon != std::string::npos && text.find(':', colon + 1) == std::string::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty())
      return invalid(fmt::format("\"{}\" has no port behind the colon", text), flag);
  }
  const auto address = net::IpAddress::parse(host);
  if (!address) return invalid(address.error().message, flag);
  Endpoint endpoint{*address, otherwise};
  if (port.empty()) return endpoint;
  if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
      std::stoul(port) > 65535)
    return invalid(fmt::format("\"{}\" is not a port", port), flag);
  endpoint.port = static_cast<std::uint16_t>(std::stoul(port));
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
  const auto api = parseEndpoint(options.api, 8443, "--api");
  if (!api) return std::unexpected(api.error());
  const auto bgp = parseEndpoint(options.bgp, 179, "--bgp");
  if (!bgp) return std::unexpected(bgp.error());
  const auto tls = parseEndpoint(options.bgpTls, 1790, "--bgp-tls");
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
  fmt::print("ready site={} asn={} api=https://{}:{} bgp={}:{} bgp-tls={}:{}\n", options.site,
             options.asn, config->apiAddress.text(), (*controller)->apiPort(),
             config->bgpAddress.text(), (*controller)->bgpPort(), config->bgpTlsAddress.text(),
             (*controller)->bgpTlsPort());
  std::fflush(stdout);
  loop.run();
  log::info("controller", "ended; hosts and peers keep the routes until the next start");
  return 0;
}

}  // namespace hawser::controller
