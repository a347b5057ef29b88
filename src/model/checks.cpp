// Rules between the fields of one object.
#include <fmt/core.h>

#include <set>

#include "hawser/base/time.h"
#include "hawser/model/specs.h"
#include "schema.h"

namespace hawser::model {
namespace {

// The first and last address of an IPv4 subnet belong to no interface (RFC 1122, 3.2.1.3; RFC 3021
// for /31).
bool isReserved(const net::IpPrefix& prefix, const net::IpAddress& address) {
  if (!address.isV4() || prefix.length() >= 31) return false;
  const auto last = prefix.address().plus((std::uint64_t{1} << (32 - prefix.length())) - 1);
  return address == prefix.address() || address == last;
}

Result<void> checkNetwork(const Object& object) {
  const auto spec = NetworkSpec::from(object);
  for (std::size_t i = 0; i < spec.subnets.size(); ++i) {
    const auto& subnet = spec.subnets[i];
    const auto path = fmt::format("spec.subnets[{}]", i);
    if (subnet.gateway && !subnet.prefix.contains(*subnet.gateway))
      return invalid(fmt::format("{} is outside {}", subnet.gateway->text(), subnet.prefix.text()),
                     path + ".gateway");
    if (subnet.gateway && isReserved(subnet.prefix, *subnet.gateway))
      return invalid(fmt::format("{} is the network or broadcast address of {}",
                                 subnet.gateway->text(), subnet.prefix.text()),
                     path + ".gateway");
    for (std::size_t j = 0; j < i; ++j)
      if (subnet.prefix.overlaps(spec.subnets[j].prefix))
        return invalid(
            fmt::format("{} overlaps {}", subnet.prefix.text(), spec.subnets[j].prefix.text()),
            path + ".prefix");
  }
  return {};
}

template <class T>
Result<void> refuseTwice(const std::vector<T>& items, const std::string& path) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (!seen.insert(items[i].text()).second)
      return invalid(fmt::format("{} is there twice", items[i].text()),
                     fmt::format("{}[{}]", path, i));
  return {};
}

// The address of a machine that packets can be sent to.
Result<void> checkReachable(const net::IpAddress& address) {
  const auto first = address.bytes()[0];
  const bool multicast = address.isV4() ? first >= 224 : first == 0xff;
  if (address.isUnspecified() || multicast)
    return invalid(fmt::format("{} is no machine's address", address.text()), "spec.address");
  return {};
}

Result<void> checkService(const Object& object) {
  const auto spec = ServiceSpec::from(object);
  if (auto twice = refuseTwice(spec.addresses, "spec.addresses"); !twice) return twice;
  std::set<std::pair<Protocol, std::uint16_t>> ports;
  std::set<std::string> names, backends;
  for (std::size_t i = 0; i < spec.ports.size(); ++i) {
    const auto& port = spec.ports[i];
    const auto path = fmt::format("spec.ports[{}]", i);
    if (!ports.insert({port.protocol, port.port}).second)
      return invalid(fmt::format("{}/{} is there twice", protocolName(port.protocol), port.port),
                     path + ".port");
    if (spec.ports.size() > 1 && port.name.empty())
      return invalid("is required when there are several ports", path + ".name");
    if (!names.insert(port.name).second)
      return invalid(fmt::format("\"{}\" is there twice", port.name), path + ".name");
  }
  for (std::size_t i = 0; i < spec.backends.size(); ++i) {
    const auto path = fmt::format("spec.backends[{}]", i);
    if (!backends.insert(spec.backends[i].port.text()).second)
      return invalid(fmt::format("{} is there twice", spec.backends[i].port.text()),
                     path + ".port");
    for (const auto& [name, target] : spec.backends[i].targetPorts)
      if (!names.contains(name))
        return invalid("the service has no port of that name", path + ".targetPorts." + name);
  }
  return {};
}

Result<void> checkPort(const Object& object) {
  const auto spec = PortSpec::from(object);
  if (spec.mac && (spec.mac->bytes()[0] & 1U) != 0)
    return invalid(fmt::format("{} is a multicast address", spec.mac->text()), "spec.mac");
  if (spec.mac == net::MacAddress())
    return invalid(fmt::format("{} is nobody's address", spec.mac->text()), "spec.mac");
  if (auto twice = refuseTwice(spec.addresses, "spec.addresses"); !twice) return twice;
  return refuseTwice(spec.securityGroups, "spec.securityGroups");
}

Result<void> checkHost(const Object& object) {
  return checkReachable(HostSpec::from(object).address);
}

Result<void> checkRouter(const Object& object) {
  return refuseTwice(RouterSpec::from(object).networks, "spec.networks");
}

Result<void> checkPool(const Object& object) {
  const auto spec = AddressPoolSpec::from(object);
  for (std::size_t i = 0; i < spec.prefixes.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (spec.prefixes[i].overlaps(spec.prefixes[j]))
        return invalid(
            fmt::format("{} overlaps {}", spec.prefixes[i].text(), spec.prefixes[j].text()),
            fmt::format("spec.prefixes[{}]", i));
  return {};
}

Result<void> checkPolicy(const Object& object) {
  const auto spec = PolicySpec::from(object);
  for (std::size_t i = 0; i < spec.rules.size(); ++i) {
    const auto path = fmt::format("spec.rules[{}]", i);
    if (!spec.rules[i].fromNetwork) return invalid("is required", path + ".from.network");
    if (!spec.rules[i].toNetwork) return invalid("is required", path + ".to.network");
    if (!spec.rules[i].ports.empty() && spec.rules[i].protocol == Protocol::kAny)
      return invalid("ports need a protocol that has them (tcp, udp, sctp)", path + ".ports");
  }
  return {};
}

Result<void> checkSecurityGroup(const Object& object) {
  const auto& rules = object.spec.value("rules", Json::array());
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto path = fmt::format("spec.rules[{}]", i);
    if (rules[i].contains("ports") &&
        (rules[i]["protocol"] == "any" || rules[i]["protocol"] == "icmp"))
      return invalid("ports need a protocol that has them (tcp, udp, sctp)", path + ".ports");
    const auto remotes = rules[i].contains("remotePrefix") + rules[i].contains("remoteGroup") +
                         rules[i].contains("remoteNetwork");
    if (remotes > 1)
      return invalid("only one of remotePrefix, remoteGroup and remoteNetwork", path);
  }
  return {};
}

Result<void> checkPeer(const Object& object) {
  const auto spec = PeerSpec::from(object);
  if (auto reachable = checkReachable(spec.address); !reachable) return reachable;
  if (spec.role == "site" && spec.site.empty())
    return invalid("is required for role site", "spec.site");
  if (spec.holdTime == 1 || spec.holdTime == 2)
    return invalid("must be 0 or at least 3 (RFC 4271, 4.2)", "spec.holdTime");
  if (spec.md5Key.size() > 80) return invalid("is longer than 80 bytes", "spec.md5Key");
  if (!spec.apiUrl.empty() && !spec.apiUrl.starts_with("https://"))
    return invalid("must begin with https://", "spec.api.url");
  return {};
}

Result<void> checkToken(const Object& object) {
  const auto spec = TokenSpec::from(object);
  if (spec.role == Role::kMember && spec.project.empty())
    return invalid("is required for role member", "spec.project");
  if (spec.role == Role::kHost && spec.host.empty())
    return invalid("is required for role host", "spec.host");
  if (spec.hash.size() != 64 ||
      spec.hash.find_first_not_of("0123456789abcdef") != std::string::npos)
    return invalid("must be a SHA-256 in 64 hex digits", "spec.hash");
  if (!spec.expires.empty() && !isTimeText(spec.expires))
    return invalid("must be a time like 2026-01-31T12:00:00Z", "spec.expires");
  return {};
}

}  // namespace

Result<void> checkKind(const Object& object) {
  switch (object.kind) {
    case Kind::kNetwork:
      return checkNetwork(object);
    case Kind::kHost:
      return checkHost(object);
    case Kind::kPort:
      return checkPort(object);
    case Kind::kRouter:
      return checkRouter(object);
    case Kind::kAddressPool:
      return checkPool(object);
    case Kind::kService:
      return checkService(object);
    case Kind::kPolicy:
      return checkPolicy(object);
    case Kind::kSecurityGroup:
      return checkSecurityGroup(object);
    case Kind::kPeer:
      return checkPeer(object);
    case Kind::kToken:
      return checkToken(object);
    case Kind::kSite:
    case Kind::kProject:
    case Kind::kFloatingIp:
    case Kind::kLink:
    case Kind::kQuota:
    case Kind::kIdentity:
      return {};
  }
  return {};
}

}  // namespace hawser::model
