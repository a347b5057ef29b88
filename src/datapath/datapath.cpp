// The eBPF forwarding plane. The wanted state lies in RouteTable and PortTable, each a mirror of
// its maps; this file joins them with the underlay's filter, the events and the counters.
//
// Restart: maps are pinned and filters stay, so packets pass while nobody runs. open() adopts the
// maps, puts the new program on the underlay device in one step in place of the old one, and
// setPort() does the same for its device. What the agent does not set again goes with prune().
#include "hawser/datapath/datapath.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "connections.h"
#include "filter_watch.h"
#include "hawser/base/log.h"
#include "port_table.h"
#include "programs.h"
#include "route_table.h"
#include "router_table.h"

namespace hawser::datapath {
namespace {

constexpr std::array<std::string_view, HW_DROP_REASON_COUNT> kDropReasonNames = {
    "",
#define HAWSER_NAME(number, name) #name,
    HW_DROP_REASONS(HAWSER_NAME)
#undef HAWSER_NAME
};
static_assert(kDropReasonNames[HW_DROP_other_vrf] == "other_vrf");

std::string reasonName(std::uint8_t reason) {
  return std::string(reason < kDropReasonNames.size() ? kDropReasonNames[reason] : "");
}

DropEvent toEvent(const hw_event& event) {
  DropEvent out;
  out.reason = reasonName(event.reason);
  out.port = PortId(event.port);
  out.source = fromAddr(event.source);
  out.destination = fromAddr(event.destination);
  out.protocol = event.protocol;
  out.sourcePort = event.source_port;
  out.destinationPort = event.destination_port;
  out.ruleId = event.rule_id;
  return out;
}

struct RingBufferFree {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

hw_settings readSettings(int map) {
  hw_settings out{};
  const std::uint32_t zero = 0;
  (void)bpf_map_lookup_elem(map, &zero, &out);
  return out;
}

void leave(int device) {
  if (const auto detached = detachIngress(device); !detached)
    log::error("datapath", "device {}: {}", device, detached.error().text());
}

Result<void> checkConfig(const Config& config) {
  if (!config.underlayAddress.isV4())
    return invalid("the underlay is IPv4", config.underlayAddress.text());
  if (config.underlayMtu < 576) return invalid("is below 576", "underlayMtu");
  if (config.maxPorts == 0 || config.maxRoutes == 0 || config.maxNextHops == 0 ||
      config.maxConnections == 0 || config.maxRules == 0)
    return invalid("map sizes are at least 1", "maxPorts");
  return {};
}

std::uint32_t connectionsPerPort(const Config& config) {
  const auto wanted =
      config.maxConnectionsPerPort != 0 ? config.maxConnectionsPerPort : config.maxConnections / 8;
  return std::clamp<std::uint32_t>(wanted, 1, config.maxConnections);
}

}  // namespace

struct Datapath::Impl {
  Impl(const Config& configuration, Programs loaded)
      : config(configuration),
        programs(std::move(loaded)),
        settingsMap(programs.map("settings")),
        settings(readSettings(settingsMap)),
        routes(programs, settings.last_next_hop),
        routers(programs),
        ports(programs),
        connections(programs, connectionsPerPort(config)) {}

  Result<void> start() {
    const auto device = findDevice(config.underlayDevice);
    if (!device) return std::unexpected(device.error());
    const auto before = settings;
    settings.abi_version = HW_ABI_VERSION;
    settings.underlay_ifindex = static_cast<std::uint32_t>(device->index);
    settings.underlay_address_be = v4Be(config.underlayAddress);
    settings.underlay_mtu = config.underlayMtu;
    if (auto written = writeSettings(); !written) return written;
    if (auto attached = attachIngress(device->index, programs.fromUnderlay()); !attached)
      return attached;
    if (before.underlay_ifindex != 0 && before.underlay_ifindex != settings.underlay_ifindex)
      leave(static_cast<int>(before.underlay_ifindex));
    ring.reset(ring_buffer__new(programs.map("events"), &Impl::onEvent, this, nullptr));
    if (!ring) return failErrno("open the ring buffer of events", errno);
    auto watching = FilterWatch::open();
    if (!watching) return std::unexpected(watching.error());
    watch.emplace(std::move(*watching));
    return {};
  }

  // Also keeps the ids of next hops from being used again after a restart.
  Result<void> writeSettings() {
    settings.last_next_hop = routes.lastNextHop();
    const std::uint32_t zero = 0;
    if (bpf_map_update_elem(settingsMap, &zero, &settings, BPF_ANY) < 0)
      return failErrno("write to the map settings", errno);
    return {};
  }

  [[nodiscard]] Mended mendUnderlay() const {
    Mended out;
    const auto mended =
        mendIngress(static_cast<int>(settings.underlay_ifindex), programs.fromUnderlay());
    if (!mended)
      out.fail({mended.error().code, mended.error().text(), config.underlayDevice});
    else if (*mended)
      ++out.mended;
    return out;
  }

  static int onEvent(void* self, void* data, std::size_t size) {
    const auto* impl = static_cast<const Impl*>(self);
    if (size >= sizeof(hw_event) && impl->visit != nullptr)
      (*impl->visit)(toEvent(*static_cast<const hw_event*>(data)));
    return 0;
  }

  Config config;
  Programs programs;
  int settingsMap;
  hw_settings settings;
  RouteTable routes;
  RouterTable routers;
  PortTable ports;
  Connections connections;
  std::unique_ptr<ring_buffer, RingBufferFree> ring;
  std::optional<FilterWatch> watch;
  const std::function<void(const DropEvent&)>* visit = nullptr;
};

Datapath::Datapath(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Datapath::~Datapath() = default;

Result<std::unique_ptr<Datapath>> Datapath::open(const Config& config) {
  if (auto good = checkConfig(config); !good) return std::unexpected(good.error());
  // Before anything is made: a wrong device must leave nothing behind.
  if (const auto device = findDevice(config.underlayDevice); !device)
    return std::unexpected(device.error());
  auto programs = Programs::load(config);
  if (!programs) return std::unexpected(programs.error());
  auto impl = std::make_unique<Impl>(config, std::move(*programs));
  if (auto started = impl->start(); !started) return std::unexpected(started.error());
  if (impl->programs.adopted())
    log::info("datapath", "adopted {} ports and {} routes", impl->ports.ids().size(),
              impl->routes.routes(std::nullopt).size());
  return std::unique_ptr<Datapath>(new Datapath(std::move(impl)));
}

Result<void> Datapath::setPort(const Port& port) {
  // Before its programs run.
  if (auto added = impl_->connections.expect(port.id); !added) return added;
  return impl_->ports.set(port);
}

void Datapath::removePort(PortId port) {
  impl_->ports.remove(port);
  impl_->routes.forgetPort(port);
  impl_->connections.forget(port);
}

Result<void> Datapath::setRoute(const Route& route) {
  const auto before = impl_->routes.lastNextHop();
  if (auto set = impl_->routes.set(route); !set) return set;
  return impl_->routes.lastNextHop() == before ? Result<void>{} : impl_->writeSettings();
}

void Datapath::removeRoute(VrfId vrf, const net::IpPrefix& prefix) {
  impl_->routes.remove(vrf, prefix);
}

Result<void> Datapath::setRouters(VrfId vrf, const std::set<net::IpAddress>& routers) {
  return impl_->routers.set(vrf, routers);
}

Result<void> Datapath::setTranslations(PortId port, const std::vector<Translation>& all) {
  return impl_->ports.setTranslations(port, all);
}

Result<void> Datapath::setRules(PortId port, const RuleSet& rules) {
  return impl_->ports.setRules(port, rules);
}

void Datapath::prune() {
  const auto before = impl_->ports.ids();
  impl_->ports.prune();
  impl_->routes.prune();
  impl_->routers.prune();
  const auto left = impl_->ports.ids();
  const std::set<PortId> after(left.begin(), left.end());
  for (const auto id : before)
    if (!after.contains(id)) impl_->connections.forget(id);
}

Result<std::size_t> Datapath::sweep() {
  impl_->routes.age();
  return impl_->connections.sweep();
}
std::uint64_t Datapath::evicted() const { return impl_->connections.evicted(); }

Mended Datapath::reconcile() {
  auto out = impl_->routes.reconcile();
  out += impl_->routers.reconcile();
  out += impl_->ports.reconcile();
  const auto now = readSettings(impl_->settingsMap);
  if (std::memcmp(&now, &impl_->settings, sizeof(now)) != 0) {
    if (const auto written = impl_->writeSettings(); !written)
      out.fail(written.error());
    else
      ++out.mended;
  }
  out += impl_->mendUnderlay();
  return out;
}

int Datapath::filterFd() const { return impl_->watch ? impl_->watch->fd() : -1; }

Mended Datapath::mendFilters() {
  if (!impl_->watch) return {};
  const auto changed = impl_->watch->drain();
  const auto which = [&](int device) { return changed.lost || changed.devices.contains(device); };
  auto out = impl_->ports.mendFilters(which);
  if (which(static_cast<int>(impl_->settings.underlay_ifindex))) out += impl_->mendUnderlay();
  return out;
}

int Datapath::eventFd() const { return ring_buffer__epoll_fd(impl_->ring.get()); }

void Datapath::drainEvents(const std::function<void(const DropEvent&)>& visit) {
  impl_->visit = &visit;
  (void)ring_buffer__consume(impl_->ring.get());
  impl_->visit = nullptr;
}

Result<ConnectionList> Datapath::connections(std::optional<PortId> port, std::size_t limit) const {
  return impl_->connections.view(port, limit,
                                 [this](std::uint32_t id) { return impl_->routes.nextHop(id); });
}

std::vector<DropCount> Datapath::drops() const {
  const auto cpus = static_cast<std::size_t>(std::max(libbpf_num_possible_cpus(), 1));
  std::vector<std::uint64_t> each(cpus);
  std::vector<DropCount> out;
  for (std::uint32_t reason = 1; reason < HW_DROP_REASON_COUNT; ++reason) {
    if (bpf_map_lookup_elem(impl_->programs.map("drops"), &reason, each.data()) < 0) continue;
    DropCount sum{.reason = std::string(kDropReasonNames[reason])};
    for (const auto one : each) sum.packets += one;
    out.push_back(std::move(sum));
  }
  return out;
}

std::vector<RuleHit> Datapath::ruleHits() const { return impl_->ports.hits(); }
std::vector<PortCounters> Datapath::portCounters() const { return impl_->ports.counters(); }
std::vector<Route> Datapath::routes(std::optional<VrfId> vrf) const {
  return impl_->routes.routes(vrf);
}

// Works without loading anything: the devices are read from the pinned maps, filters are known by
// handle, priority and the name of their program.
void Datapath::teardown(const Config& config) {
  if (const auto device = findDevice(config.underlayDevice)) leave(device->index);
  for (const auto& pins : Programs::allPins(config)) {
    if (const int fd = bpf_obj_get((pins + "/port_of_device").c_str()); fd >= 0) {
      forEachEntry<std::uint32_t, std::uint32_t>(
          fd, [](std::uint32_t ifindex, std::uint32_t) { leave(static_cast<int>(ifindex)); });
      (void)close(fd);
    }
    if (const int fd = bpf_obj_get((pins + "/settings").c_str()); fd >= 0) {
      leave(static_cast<int>(readSettings(fd).underlay_ifindex));
      (void)close(fd);
    }
  }
  Programs::removePins(config, true);
  std::error_code error;
  std::filesystem::remove(config.pinDirectory, error);  // when nothing else is in it
}

}  // namespace hawser::datapath
