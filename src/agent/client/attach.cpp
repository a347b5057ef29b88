// A workload's network namespace and its port.
//
// Order of an attachment: the pair first (its inner end straight in the workload's namespace),
// because the agent attaches programs to a device that exists; then "plug", which waits for the
// port and programs the host; then MAC, MTU, address and routes inside, from the agent's answer.
// The inner end stays down until then, so nothing with a wrong source ever leaves it.
//
// Inside there is a /32 and a default route: workloads reach even their subnet's neighbours through
// the datapath, which answers ARP for every address.
#include "hawser/agent/attach.h"

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "hawser/netlink/netlink.h"

namespace hawser::agent {
namespace {

// FNV-1a, 64 bits: the name must be the same in every process and version.
std::uint64_t hashOf(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  return hash;
}

Result<netlink::Socket> openIn(const std::string& netnsPath) {
  return netnsPath.empty() ? netlink::Socket::open() : netlink::Socket::open(netnsPath);
}

Result<void> checkRequest(const AttachRequest& request) {
  if (request.containerId.empty()) return invalid("is empty", "containerId");
  if (request.ifname.empty() || request.ifname.size() > 15 ||
      request.ifname.find_first_of("/: \t\n") != std::string::npos || request.ifname == "." ||
      request.ifname == "..")
    return invalid("\"" + request.ifname + "\" is no device name", "ifname");
  return {};
}

Json plugRequest(const AttachRequest& request, const std::string& device) {
  Json json{{"op", "plug"},
            {"containerId", request.containerId},
            {"ifname", request.ifname},
            {"device", device},
            {"waitMs", request.wait.count()}};
  if (!request.owner.empty()) json["owner"] = request.owner;
  if (request.port.empty())
    json["workload"] = {{"kind", request.workloadKind},
                        {"namespace", request.workloadSpace},
                        {"name", request.workloadName}};
  else
    json["port"] = request.port;
  return json;
}

Result<Attached> readAnswer(const Json& answer, const std::string& device) {
  try {
    Attached attached;
    attached.port = answer.at("port").get<std::string>();
    attached.uid = answer.at("uid").get<std::string>();
    attached.mac = answer.at("mac").get<std::string>();
    attached.addresses = answer.at("addresses").get<std::vector<std::string>>();
    attached.gateway = answer.value("gateway", "");
    attached.mtu = answer.at("mtu").get<std::uint32_t>();
    attached.hostname = answer.value("hostname", "");
    attached.host = answer.value("host", "");
    attached.device = device;
    return attached;
  } catch (const std::exception& error) {
    return fail(ErrorCode::kInternal,
                std::string("the agent's answer is not understood: ") + error.what());
  }
}

// The parsed form of what attachNamespace configures inside.
struct Inside {
  net::MacAddress mac;
  std::vector<net::IpAddress> addresses;
  std::optional<net::IpAddress> gateway;
};

Result<Inside> insideOf(const Attached& attached) {
  Inside inside;
  const auto mac = net::MacAddress::parse(attached.mac);
  if (!mac) return std::unexpected(mac.error());
  inside.mac = *mac;
  for (const auto& text : attached.addresses) {
    const auto address = net::IpAddress::parse(text);
    if (!address) return std::unexpected(address.error());
    inside.addresses.push_back(*address);
  }
  if (!attached.gateway.empty()) {
    const auto gateway = net::IpAddress::parse(attached.gateway);
    if (!gateway) return std::unexpected(gateway.error());
    inside.gateway = *gateway;
  }
  return inside;
}

Result<void> addRoutes(netlink::Socket& socket, int index, const Inside& inside, bool v4) {
  const net::IpAddress any =
      v4 ? net::IpAddress(net::Ipv4Address()) : net::IpAddress(net::Ipv6Address());
  const auto everywhere = net::IpPrefix::truncated(any, 0);
  const bool hasGateway = inside.gateway && inside.gateway->isV4() == v4;
  if (!hasGateway) return socket.addRoute(index, everywhere, std::nullopt);
  if (auto added = socket.addRoute(index, net::IpPrefix::host(*inside.gateway), std::nullopt);
      !added)
    return added;
  return socket.addRoute(index, everywhere, inside.gateway);
}

Result<void> configureInside(netlink::Socket& socket, const std::string& ifname,
                             const Attached& attached) {
  const auto inside = insideOf(attached);
  if (!inside) return std::unexpected(inside.error());
  const auto link = socket.link(ifname);
  if (!link) return std::unexpected(link.error());
  if (!*link) return fail(ErrorCode::kNotFound, "device " + ifname + " is gone");
  const int index = (*link)->index;
  if (auto changed =
          socket.changeLink(index, {.mtu = attached.mtu, .mac = inside->mac, .up = true});
      !changed)
    return changed;
  std::array<bool, 2> families{};
  for (const auto& address : inside->addresses) {
    if (auto added = socket.addAddress(index, address); !added) return added;
    families[address.isV4() ? 0 : 1] = true;
  }
  for (const bool v4 : {true, false})
    if (families[v4 ? 0 : 1])
      if (auto added = addRoutes(socket, index, *inside, v4); !added) return added;
  return {};
}

// Makes the pair. A device of this name on the host is what an earlier attempt left: its name
// belongs to this attachment alone.
Result<void> makePair(netlink::Socket& host, const AttachRequest& request,
                      const std::string& device) {
  const auto netns = netlink::openNetns(request.netnsPath);
  if (!netns) return std::unexpected(netns.error());
  const netlink::VethSpec spec{device, request.ifname, netns->get()};
  auto made = host.addVeth(spec);
  if (!made && made.error().code == ErrorCode::kExists) {
    const auto stale = host.removeLink(device);
    if (!stale) return std::unexpected(stale.error());
    if (!*stale)
      return fail(ErrorCode::kExists,
                  "device " + request.ifname + " exists already in " + request.netnsPath, "ifname");
    made = host.addVeth(spec);
  }
  if (!made) return made;
  const auto link = host.link(device);
  if (!link) return std::unexpected(link.error());
  if (!*link) return fail(ErrorCode::kNotFound, "device " + device + " is gone");
  const int index = (*link)->index;
  // A host without IPv6 refuses this one; there is nothing to silence then.
  (void)host.changeLink(index, {.mtu = {}, .mac = {}, .noLinkLocal = true});
  return host.changeLink(index, {.mtu = {}, .mac = {}, .up = true});
}

constexpr std::uint32_t kHostMtu = 65535;  // the most that a veth takes

Result<Attached> plugAndConfigure(netlink::Socket& host, netlink::Socket& inside,
                                  const AttachRequest& request, const std::string& device) {
  const auto answer = callAgent(request.socket, plugRequest(request, device),
                                request.wait + std::chrono::seconds(2));
  if (!answer) return std::unexpected(answer.error());
  auto attached = readAnswer(*answer, device);
  if (!attached) return attached;
  const auto link = host.link(device);
  if (!link) return std::unexpected(link.error());
  if (!*link) return fail(ErrorCode::kNotFound, "device " + device + " is gone");
  // A veth hands on no more than the other side's MTU, in silence. The host's side takes all, so
  // that the datapath sees what is too big and says so (RFC 1191).
  if (auto changed = host.changeLink((*link)->index, {.mtu = kHostMtu, .mac = {}}); !changed)
    return std::unexpected(changed.error());
  if (auto configured = configureInside(inside, request.ifname, *attached); !configured)
    return std::unexpected(configured.error());
  return attached;
}

Json unplugRequest(const std::string& device) { return {{"op", "unplug"}, {"device", device}}; }

}  // namespace

std::string hostDeviceName(const std::string& containerId, const std::string& ifname) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto hash = hashOf(containerId + '\0' + ifname);
  std::string name = "hw";
  for (unsigned i = 0; i < 11; ++i) name += digits[(hash >> (60U - 4U * i)) & 0xfU];
  return name;
}

Result<Attached> attachNamespace(const AttachRequest& request) {
  if (auto good = checkRequest(request); !good) return std::unexpected(good.error());
  // Asked first, so that an agent that is away costs nothing but this.
  if (const auto status = callAgent(request.socket, {{"op", "ping"}}, std::chrono::seconds(2));
      !status)
    return std::unexpected(status.error());
  auto host = openIn(request.hostNetnsPath);
  if (!host) return std::unexpected(host.error());
  auto inside = openIn(request.netnsPath);
  if (!inside) return std::unexpected(inside.error());
  const auto device = hostDeviceName(request.containerId, request.ifname);
  if (auto made = makePair(*host, request, device); !made) return std::unexpected(made.error());
  auto attached = plugAndConfigure(*host, *inside, request, device);
  if (!attached) {
    // The first error is the one to tell.
    (void)callAgent(request.socket, unplugRequest(device), std::chrono::seconds(2));
    (void)host->removeLink(device);
  }
  return attached;
}

Result<void> detachNamespace(const AttachRequest& request) {
  if (auto good = checkRequest(request); !good) return good;
  const auto device = hostDeviceName(request.containerId, request.ifname);
  // The agent first: its routes go before the device does.
  const auto unplugged = callAgent(request.socket, unplugRequest(device), std::chrono::seconds(5));
  auto host = openIn(request.hostNetnsPath);
  if (!host) return std::unexpected(host.error());
  if (const auto removed = host->removeLink(device); !removed)
    return std::unexpected(removed.error());
  if (!unplugged && unplugged.error().code != ErrorCode::kNotFound)
    return std::unexpected(unplugged.error());
  return {};
}

Result<Attached> checkNamespace(const AttachRequest& request) {
  if (auto good = checkRequest(request); !good) return std::unexpected(good.error());
  const auto device = hostDeviceName(request.containerId, request.ifname);
  const auto answer =
      callAgent(request.socket, {{"op", "check"}, {"device", device}}, std::chrono::seconds(5));
  if (!answer) return std::unexpected(answer.error());
  auto attached = readAnswer(*answer, device);
  if (!attached) return attached;
  const auto wanted = insideOf(*attached);
  if (!wanted) return std::unexpected(wanted.error());
  auto inside = openIn(request.netnsPath);
  if (!inside) return std::unexpected(inside.error());
  const auto link = inside->link(request.ifname);
  if (!link) return std::unexpected(link.error());
  if (!*link) return fail(ErrorCode::kNotFound, "device " + request.ifname + " is gone");
  if (!(*link)->up) return fail(ErrorCode::kConflict, "device " + request.ifname + " is down");
  if ((*link)->mac != wanted->mac)
    return fail(ErrorCode::kConflict, request.ifname + " has MAC " + (*link)->mac.text() +
                                          " instead of " + attached->mac);
  for (const auto& address : wanted->addresses) {
    const auto has = inside->hasAddress((*link)->index, address);
    if (!has) return std::unexpected(has.error());
    if (!*has)
      return fail(ErrorCode::kConflict, request.ifname + " lacks the address " + address.text());
    const auto route = inside->hasDefaultRoute((*link)->index, address.isV4());
    if (!route) return std::unexpected(route.error());
    if (!*route) return fail(ErrorCode::kConflict, request.ifname + " has no default route");
  }
  return attached;
}

}  // namespace hawser::agent
