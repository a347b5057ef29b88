#include "hawser/agent/main.h"

#include <signal.h>

#include <cstdio>
#include <string>

#include "daemon.h"
#include "hawser/base/log.h"
#include "kernel.h"

namespace hawser::agent {
namespace {

Result<datapath::Config> datapathConfig(const Options& options, net::Ipv4Address underlay) {
  const auto mtu = mtuOf(options.underlayDevice);
  if (!mtu) return std::unexpected(mtu.error());
  datapath::Config config;
  config.pinDirectory = options.pinDir;
  config.underlayDevice = options.underlayDevice;
  config.underlayAddress = underlay;
  config.underlayMtu = *mtu;
  return config;
}

Result<void> teardown(const Options& options) {
  // Not under an agent that would only make it again.
  std::error_code ignored;
  if (std::filesystem::exists(options.stateDir, ignored))
    if (const auto lock = lockState(options.stateDir); !lock) return std::unexpected(lock.error());
  datapath::Config config;
  config.pinDirectory = options.pinDir;
  config.underlayDevice = options.underlayDevice;
  if (options.underlayAddress) config.underlayAddress = *options.underlayAddress;
  datapath::Datapath::teardown(config);
  return {};
}

Result<Enrolment> enrol(const Options& options) {
  auto known = loadEnrolment(options.stateDir);
  if (!known && known.error().code == ErrorCode::kNotFound) return join(options);
  if (known && known->host != options.host)
    return invalid("\"" + options.host + "\", but " + options.stateDir.string() + " belongs to \"" +
                       known->host + "\"",
                   "--host");
  return known;
}

Result<void> run(const Options& options) {
  const auto lock = lockState(options.stateDir);
  if (!lock) return std::unexpected(lock.error());
  auto state = HostState::load(options.stateDir);
  if (!state) return std::unexpected(state.error());
  const auto underlay =
      options.underlayAddress ? *options.underlayAddress : firstAddress(options.underlayDevice);
  if (!underlay) return std::unexpected(underlay.error());
  auto enrolment = enrol(options);
  if (!enrolment) return std::unexpected(enrolment.error());
  const auto config = datapathConfig(options, *underlay);
  if (!config) return std::unexpected(config.error());
  auto plane = datapath::Datapath::open(*config);
  if (!plane) return fail(plane.error().code, plane.error().text(), "datapath");

  (void)::signal(SIGPIPE, SIG_IGN);
  io::Loop loop;
  Daemon daemon(loop, {.options = options,
                       .underlay = *underlay,
                       .enrolment = std::move(*enrolment),
                       .state = std::move(*state),
                       .plane = std::move(*plane),
                       .devices = std::make_unique<KernelDevices>()});
  loop.onSignals({SIGINT, SIGTERM}, [&](int) {
    daemon.stop();
    loop.stop();
  });
  if (auto started = daemon.start(); !started) return started;
  std::printf("ready host=%s socket=%s\n", options.host.c_str(), options.socket.c_str());
  std::fflush(stdout);
  loop.run();
  return {};
}

}  // namespace

int agentMain(int argc, char** argv) {
  const auto options = parseOptions(argc, argv);
  if (options && !*options) return 0;  // help
  auto outcome = Result<void>();
  if (!options)
    outcome = std::unexpected(options.error());
  else if ((*options)->teardown)
    outcome = teardown(**options);
  else
    outcome = run(**options);
  if (outcome) return 0;
  std::fprintf(stderr, "hawser: %s\n", outcome.error().text().c_str());
  return 1;
}

}  // namespace hawser::agent
