// bench_datapath_host PIN_DIR ADDRESS DEVICE MAC POD LABEL REMOTE REMOTE_POD REMOTE_LABEL
//
// One host of the datapath benchmark, in the network namespace that it is started in: the eBPF
// datapath on eth0 (ADDRESS), one workload POD behind DEVICE, and a route to REMOTE_POD through an
// MPLSoUDP tunnel to REMOTE. Policy is on, and lets everything pass. Prints "ready"; at the end of
// stdin prints the packets that were dropped, one reason a line, and removes everything.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "hawser/datapath/datapath.h"

namespace {

using namespace hawser;

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "bench_datapath_host: %s\n", why.c_str());
  std::exit(1);
}
template <class T>
T need(Result<T> result) {
  if (!result) die(result.error().text());
  return std::move(*result);
}
void need(const Result<void>& result) {
  if (!result) die(result.error().text());
}
net::IpAddress ip(const char* text) { return need(net::IpAddress::parse(text)); }
net::Label label(const char* text) {
  return need(net::Label::make(static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10))));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 10) die("usage: see the head of host.cpp");
  datapath::Config config;
  config.pinDirectory = argv[1];
  config.underlayDevice = "eth0";
  config.underlayAddress = ip(argv[2]);
  datapath::Datapath::teardown(config);  // what a killed run left
  auto plane = need(datapath::Datapath::open(config));

  datapath::Port port;
  port.id = datapath::PortId(1);
  port.name = "bench/pod";
  port.device = argv[3];
  port.vrf = datapath::VrfId(1);
  port.mac = need(net::MacAddress::parse(argv[4]));
  port.addresses = {ip(argv[5])};
  port.label = label(argv[6]);
  port.identity = {64512, 1};
  need(plane->setPort(port));
  datapath::RuleSet rules;
  rules.rules = {{.id = 1, .protocol = 6, .portFirst = 5000, .portLast = 6000}};
  need(plane->setRules(port.id, rules));
  const datapath::Tunnel tunnel{net::Encapsulation::kMplsInUdp, ip(argv[7]), label(argv[9])};
  need(plane->setRoute({port.vrf, net::IpPrefix::host(ip(argv[8])), {{tunnel, 1}}, {64512, 1}}));
  plane->prune();

  std::puts("ready");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  for (const auto& drop : plane->drops())
    if (drop.packets > 0)
      std::printf("%s %llu\n", drop.reason.c_str(), static_cast<unsigned long long>(drop.packets));
  plane.reset();
  datapath::Datapath::teardown(config);
  return 0;
}
