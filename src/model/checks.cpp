// Rules between the fields of one object.
#include <fmt/core.h>

#include <set>

#include "hawser/model/specs.h"
#include "schema.h"

namespace hawser::model {
namespace {

Result<void> checkNetwork(const Object& object) {
  const auto spec = NetworkSpec::from(object);
  for (std::size_t i = 0; i < spec.subnets.size(); ++i) {
    const auto& subnet = spec.subnets[i];
    const auto path = fmt::format("spec.subnets[{}]", i);
    if (subnet.gateway && !subnet.prefix.contains(*subnet.gateway))
      return invalid(fmt::format("{} is outside {}", subnet.gateway->text(), subnet.prefix.text()),
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
  return refuseTwice(PortSpec::from(object).addresses, "spec.addresses");
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
  return {};
}

}  // namespace

Result<void> checkKind(const Object& object) {
  switch (object.kind) {
    case Kind::kNetwork:
      return checkNetwork(object);
    case Kind::kPort:
      return checkPort(object);
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
    default:
      return {};
  }
}

}  // namespace hawser::model
