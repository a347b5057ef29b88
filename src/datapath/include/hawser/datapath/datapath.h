// The host's forwarding plane: what is wanted, reconciled into BPF maps and programs
// (docs/modules/datapath.md).
//
// All calls on one thread. Setters change the wanted state and write the maps at once; what was
// adopted from an earlier run and has not been set again since open() stays in force until prune().
// Programs and maps outlive the process, so established traffic passes while nobody runs;
// teardown() removes everything that is ours.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "hawser/base/result.h"
#include "hawser/net/address.h"
#include "hawser/net/vpn.h"
#include "hawser/net/vrf.h"

namespace hawser::datapath {

using net::VrfId;
using PortId =
    Strong<struct PortIdTag, std::uint32_t>;  // stable across restarts: connections are keyed by it

inline constexpr net::MacAddress kGatewayMac{{0x00, 0x00, 0x5e, 0x00, 0x01, 0x00}};
// Bytes added outside the workload's IP packet.
inline constexpr int kMplsInUdpOverhead = 32;
inline constexpr int kMplsInGreOverhead = 28;

struct Config {
  std::string pinDirectory;  // in a bpffs, one a host: /sys/fs/bpf/hawser/<host>
  std::string underlayDevice;
  net::IpAddress underlayAddress;  // outer source; tunnels to it are ours
  std::uint16_t underlayMtu = 1500;
  std::uint32_t maxPorts = 4096, maxRoutes = 262144, maxNextHops = 65536, maxConnections = 262144,
                maxRules = 65536;
  std::uint32_t maxConnectionsPerPort = 0;  // 0: an eighth of maxConnections
};

// A workload's device: host side of a veth pair, or a TAP.
struct Port {
  PortId id;
  std::string name;    // "project/port", for people
  std::string device;  // in the agent's network namespace
  VrfId vrf;
  net::MacAddress mac;
  std::vector<net::IpAddress> addresses;  // the only sources it may use (anti-spoofing), with `mac`
  std::vector<net::IpAddress> gateways;   // answered: ARP with kGatewayMac, ping
  net::Label label;                       // tunnel packets with it are for this port
  net::Identity identity;
  std::uint16_t mtu = 1468;
  bool antiSpoof = true;
  bool tap = false;
  friend bool operator==(const Port&, const Port&) = default;
};

struct LocalPort {
  PortId port;
  friend auto operator<=>(const LocalPort&, const LocalPort&) = default;
};
struct Tunnel {
  net::Encapsulation encapsulation = net::Encapsulation::kMplsInUdp;
  net::IpAddress remote;
  net::Label label;
  friend auto operator<=>(const Tunnel&, const Tunnel&) = default;
};
// No backend behind this address: TCP and UDP are refused at once (ICMP port unreachable).
struct Refuse {
  friend auto operator<=>(const Refuse&, const Refuse&) = default;
};
using NextHop = std::variant<LocalPort, Tunnel, Refuse>;

struct Member {
  NextHop nextHop;
  std::uint16_t weight = 1;
  friend bool operator==(const Member&, const Member&) = default;
};
struct Route {
  VrfId vrf;
  net::IpPrefix prefix;
  std::vector<Member> members;  // ECMP; spread by flow hash over 64 buckets
  net::Identity identity;       // of the workloads behind it; rules see it
  // Several workloads have the address by design. A member that goes is then a backend that leaves,
  // not a workload that moved: connections that have it keep it for 2 to 3 s more, counted by
  // Plane::sweep(), to end what they are at; new ones do not get it. Else they follow at once.
  bool anycast = false;
  friend bool operator==(const Route&, const Route&) = default;
};

// Destination translation at the backend's port: packets for `address`:`port` that reach `port` (by
// label, or from a local sender) go to `targetAddress`:`targetPort`, answers are translated back.
// `vrf` is where the address lives and where answers are routed. A floating IP has protocol 0 and
// ports 0: every packet, and `outbound` then makes connections that the workload opens (to what
// `vrf` can reach and its own VRF cannot) leave with that address.
struct Translation {
  VrfId vrf;
  net::IpAddress address;
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
  net::IpAddress targetAddress;
  std::uint16_t targetPort = 0;
  bool outbound = false;
  friend auto operator<=>(const Translation&, const Translation&) = default;
};

enum class Direction : std::uint8_t { kIngress, kEgress };  // into, out of the workload
enum class Action : std::uint8_t { kAllow, kDeny, kPass /* go on with the next tier */ };
struct Rule {
  std::uint32_t id = 0;   // unique on the host; hits are counted by it
  std::uint8_t tier = 0;  // lower first; within a tier the order of the list
  Direction direction = Direction::kIngress;
  bool anyPeer = true;  // otherwise one of these:
  std::vector<net::Identity> identities = {};
  std::vector<net::IpPrefix> prefixes = {};
  std::uint8_t protocol = 0;    // 0: any
  std::uint16_t portFirst = 0;  // destination port (ICMP: type); 0..65535: any
  std::uint16_t portLast = 65535;
  Action action = Action::kAllow;
  bool log = false;
  friend bool operator==(const Rule&, const Rule&) = default;
};
struct RuleSet {
  std::vector<Rule> rules = {};
  Action defaultIngress = Action::kAllow;
  Action defaultEgress = Action::kAllow;
  friend bool operator==(const RuleSet&, const RuleSet&) = default;
};

struct Connection {
  PortId port;
  std::uint8_t protocol = 0;
  bool inbound = false;          // opened towards the workload
  net::IpAddress local, remote;  // as the workload sees them
  std::uint16_t localPort = 0, remotePort = 0;
  net::IpAddress translated;  // the address outside, if translated
  std::uint16_t translatedPort = 0;
  std::optional<NextHop> nextHop;  // towards the remote
  std::string state;               // "new", "established", "closing"
  std::uint32_t ruleId = 0;
  std::uint64_t packetsIn = 0, packetsOut = 0, bytesIn = 0, bytesOut = 0;
  std::chrono::seconds idle{0};
};
struct DropCount {
  std::string reason;  // names of bpf/abi/drop_reasons.h
  std::uint64_t packets = 0;
};
struct DropEvent {
  std::string reason;
  PortId port;
  net::IpAddress source, destination;
  std::uint8_t protocol = 0;
  std::uint16_t sourcePort = 0, destinationPort = 0;
  std::uint32_t ruleId = 0;
};
struct RuleHit {
  std::uint32_t id = 0;
  std::uint64_t packets = 0;  // connections or dropped packets that the rule decided
};
struct PortCounters {
  PortId port;
  std::uint64_t packetsIn = 0, bytesIn = 0, packetsOut = 0, bytesOut = 0;
};
struct ConnectionList {
  std::vector<Connection> connections;
  std::size_t total = 0;  // of which those are a part
};

// What upkeep found. What failed is not as wanted: a port whose filter is away has no policy, and
// without the underlay's the host hears no tunnel.
struct Mended {
  std::size_t mended = 0;
  std::size_t failed = 0;  // tried again each time
  Error error;             // of one that failed
  void fail(Error why) {
    if (failed++ == 0) error = std::move(why);
  }
  Mended& operator+=(const Mended& other) {
    if (failed == 0) error = other.error;
    mended += other.mended;
    failed += other.failed;
    return *this;
  }
};

// What the agent needs of a forwarding plane; Datapath is the eBPF one, tests may record calls
// instead.
class ForwardingPlane {
 public:
  virtual ~ForwardingPlane() = default;
  // Attaches programs to the device. Until its first setRules a port passes nothing.
  [[nodiscard]] virtual Result<void> setPort(const Port& port) = 0;
  virtual void removePort(PortId port) = 0;
  [[nodiscard]] virtual Result<void> setRoute(const Route& route) = 0;
  virtual void removeRoute(VrfId vrf, const net::IpPrefix& prefix) = 0;
  // The routers of the VRF: hosts that may send packets from sources without an identity, whichever
  // of them the routes lead to. In place of those of before.
  [[nodiscard]] virtual Result<void> setRouters(VrfId vrf,
                                                const std::set<net::IpAddress>& routers) = 0;
  [[nodiscard]] virtual Result<void> setTranslations(PortId port,
                                                     const std::vector<Translation>& all) = 0;
  [[nodiscard]] virtual Result<void> setRules(PortId port, const RuleSet& rules) = 0;
  // In sync: what was adopted and not set again goes.
  virtual void prune() = 0;
};

// The plane as who runs it sees it: upkeep, and what can be read back.
class Plane : public ForwardingPlane {
 public:
  // Ages connections and lingering next hops out; call every second. Returns how many connections
  // went. An error: it could not look at all that it meant to, and begins anew the next time.
  [[nodiscard]] virtual Result<std::size_t> sweep() = 0;
  // Connections that went for want of room in the table, as sweep() found out, since open().
  [[nodiscard]] virtual std::uint64_t evicted() const = 0;
  // Compares all with the wanted state and mends what drifted: entries of maps and filters.
  [[nodiscard]] virtual Mended reconcile() = 0;
  // Becomes readable when somebody changed a TC filter of a device; mendFilters() then looks at our
  // own on those, on all if it cannot tell which, and puts them back. -1: it never does.
  [[nodiscard]] virtual int filterFd() const = 0;
  [[nodiscard]] virtual Mended mendFilters() = 0;
  // Ring buffer of logged drops: becomes readable; drain calls back for each. -1: there are none.
  [[nodiscard]] virtual int eventFd() const = 0;
  virtual void drainEvents(const std::function<void(const DropEvent&)>& visit) = 0;

  // At most `limit` of them; the whole table is looked at.
  [[nodiscard]] virtual Result<ConnectionList> connections(std::optional<PortId> port,
                                                           std::size_t limit) const = 0;
  [[nodiscard]] virtual std::vector<DropCount> drops() const = 0;
  [[nodiscard]] virtual std::vector<RuleHit> ruleHits() const = 0;
  [[nodiscard]] virtual std::vector<PortCounters> portCounters() const = 0;
  // As the maps hold them.
  [[nodiscard]] virtual std::vector<Route> routes(std::optional<VrfId> vrf) const = 0;
};

class Datapath final : public Plane {
 public:
  // Loads programs, creates or adopts the maps, attaches to the underlay device.
  [[nodiscard]] static Result<std::unique_ptr<Datapath>> open(const Config& config);
  ~Datapath() override;

  Result<void> setPort(const Port& port) override;
  void removePort(PortId port) override;
  Result<void> setRoute(const Route& route) override;
  void removeRoute(VrfId vrf, const net::IpPrefix& prefix) override;
  Result<void> setRouters(VrfId vrf, const std::set<net::IpAddress>& routers) override;
  Result<void> setTranslations(PortId port, const std::vector<Translation>& all) override;
  Result<void> setRules(PortId port, const RuleSet& rules) override;
  void prune() override;

  Result<std::size_t> sweep() override;
  [[nodiscard]] std::uint64_t evicted() const override;
  Mended reconcile() override;
  [[nodiscard]] int filterFd() const override;
  Mended mendFilters() override;
  [[nodiscard]] int eventFd() const override;
  void drainEvents(const std::function<void(const DropEvent&)>& visit) override;
  [[nodiscard]] Result<ConnectionList> connections(std::optional<PortId> port,
                                                   std::size_t limit) const override;
  [[nodiscard]] std::vector<DropCount> drops() const override;
  [[nodiscard]] std::vector<RuleHit> ruleHits() const override;
  [[nodiscard]] std::vector<PortCounters> portCounters() const override;
  [[nodiscard]] std::vector<Route> routes(std::optional<VrfId> vrf) const override;
  // Removes programs, filters, maps and pins: nothing of ours stays on the host.
  static void teardown(const Config& config);

 private:
  struct Impl;
  explicit Datapath(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hawser::datapath
