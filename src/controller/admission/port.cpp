// Ports, floating IPs and services: who has which address.
#include <fmt/core.h>

#include <algorithm>

#include "admission/addresses.h"
#include "admission/admission.h"
#include "hawser/api/pki.h"

namespace hawser::controller {

using model::Kind;
using model::NetworkSpec;
using model::Object;

namespace {

std::optional<model::AddressPoolSpec> poolOf(const api::Staging& staging, const NetworkSpec& spec) {
  if (spec.addressPool.empty()) return std::nullopt;
  const auto pool = staging.find({Kind::kAddressPool, {}, spec.addressPool});
  return pool ? std::optional(model::AddressPoolSpec::from(*pool)) : std::nullopt;
}

std::string subnetsText(const NetworkSpec& spec) {
  std::string text;
  for (const auto& subnet : spec.subnets) text += (text.empty() ? "" : ", ") + subnet.prefix.text();
  return text.empty() ? "it has none" : text;
}

std::unexpected<Error> outside(const net::IpAddress& address, const Object& network,
                               const NetworkSpec& spec, const std::string& field) {
  return invalid(fmt::format("{} is outside the subnets of {} ({})", address.text(),
                             network.key().text(), subnetsText(spec)),
                 field);
}

std::unexpected<Error> taken(const net::IpAddress& address, const std::string& by,
                             const std::string& field) {
  return fail(ErrorCode::kExists, fmt::format("{} is in use by {}", address.text(), by), field);
}

net::MacAddress derivedMac(const std::string& seed) {
  const auto digest = api::sha256Hex(seed);
  std::array<std::uint8_t, 6> bytes{0x02};  // locally administered, unicast
  for (std::size_t i = 1; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(std::stoul(digest.substr(2 * i, 2), nullptr, 16));
  return net::MacAddress(bytes);
}

}  // namespace

// What binds a port to a host or a workload is the adapters' and administrators': with it a tenant
// could take the place of another's workload.
Result<void> Admitting::portOfTenant(const model::PortSpec& spec) {
  if (fromAdmin()) return {};
  const auto was = before_ != nullptr ? model::PortSpec::from(*before_) : model::PortSpec{};
  const char* field = spec.host != was.host              ? "spec.host"
                      : !(spec.workload == was.workload) ? "spec.workload"
                      : !spec.portSecurity && (before_ == nullptr || was.portSecurity)
                          ? "spec.portSecurity"
                          : nullptr;
  if (field == nullptr) return {};
  return fail(ErrorCode::kForbidden, "only an administrator or an adapter may set this", field);
}

Result<void> Admitting::port() {
  const auto spec = model::PortSpec::from(object_);
  if (auto may = portOfTenant(spec); !may) return may;
  if (auto left = quotaLeft("ports"); !left) return left;
  const auto network = networkAt(spec.network, "spec.network");
  if (!network) return std::unexpected(network.error());
  if (!spec.host.empty() && !staging_.find({Kind::kHost, {}, spec.host}))
    return invalid(fmt::format("host \"{}\" does not exist", spec.host), "spec.host");
  for (std::size_t i = 0; i < spec.securityGroups.size(); ++i) {
    const auto& group = spec.securityGroups[i];
    const auto field = fmt::format("spec.securityGroups[{}]", i);
    if (auto own = ownProject(group, field); !own) return own;
    if (!staging_.find({Kind::kSecurityGroup, group.project, group.name}))
      return invalid(fmt::format("security group \"{}\" does not exist", group.text()), field);
  }
  if (auto placed = portAddresses(spec, **network); !placed) return placed;
  if (auto mac = portMac(spec); !mac) return mac;
  const auto was = before_ != nullptr ? before_->spec.value("host", "") : std::string();
  if (before_ == nullptr || was != spec.host) {
    object_.status["phase"] = "pending";
    object_.status.erase("host");
  }
  return {};
}

// What the object has had in the network, if it has been there.
Used Admitting::usedIn(const Object& network) const {
  const model::Ref ref{network.metadata.project, network.metadata.name};
  Used used{ledger_.addresses(ref), object_.key(), {}};
  if (before_ == nullptr) return used;
  if (object_.kind == Kind::kPort) used.own = model::PortStatus::from(*before_).addresses;
  if (object_.kind == Kind::kFloatingIp)
    if (const auto had = model::FloatingIpSpec::from(*before_).address) used.own = {*had};
  return used;
}

Result<void> Admitting::portAddresses(const model::PortSpec& spec, const Object& network) {
  const auto networkSpec = NetworkSpec::from(network);
  const auto used = usedIn(network);
  auto addresses = spec.addresses;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const auto field = fmt::format("spec.addresses[{}]", i);
    const auto* subnet = subnetOf(networkSpec, addresses[i]);
    if (subnet == nullptr) return outside(addresses[i], network, networkSpec, field);
    if (const auto whose = reserved(*subnet, addresses[i]))
      return invalid(
          fmt::format("{} is {} in {}", addresses[i].text(), *whose, subnet->prefix.text()), field);
    if (const auto by = used.by(addresses[i])) return taken(addresses[i], *by, field);
  }
  if (addresses.empty()) {  // what was allocated stays, as long as it fits
    for (const auto& address : model::PortStatus::from(object_).addresses) {
      const auto* subnet = subnetOf(networkSpec, address);
      if (subnet != nullptr && !reserved(*subnet, address) && !used.by(address))
        addresses.push_back(address);
    }
  }
  if (addresses.empty() && networkSpec.external)
    return invalid("is required: an external network gives no addresses by itself",
                   "spec.addresses");
  if (addresses.empty()) {
    const auto pool = poolOf(staging_, networkSpec);
    for (const bool v4 : {true, false})
      if (const auto address = allocate(networkSpec, pool, v4, used)) addresses.push_back(*address);
    if (addresses.empty())
      return fail(ErrorCode::kExists,
                  fmt::format("no free address in the subnets of {} ({})", network.key().text(),
                              subnetsText(networkSpec)),
                  "spec.addresses");
  }
  object_.status["addresses"] = model::Json::array();
  for (const auto& address : addresses) object_.status["addresses"].push_back(address.text());
  return {};
}

Result<void> Admitting::portMac(const model::PortSpec& spec) {
  const auto usedBy = [&](const net::MacAddress& one) {
    return otherWith(Ledger::mac(spec.network, one));
  };
  auto mac = spec.mac.value_or(derivedMac(object_.metadata.uid));
  if (spec.mac) {
    if ((mac.bytes()[0] & 1U) != 0)
      return invalid(fmt::format("{} is a group address", mac.text()), "spec.mac");
    if (const auto by = usedBy(mac))
      return fail(ErrorCode::kExists, fmt::format("{} is in use by {}", mac.text(), by->text()),
                  "spec.mac");
  }
  for (int i = 0; usedBy(mac); ++i) mac = derivedMac(fmt::format("{} {}", object_.metadata.uid, i));
  object_.status["mac"] = mac.text();
  return {};
}

Result<void> Admitting::floatingIp() {
  auto spec = model::FloatingIpSpec::from(object_);
  if (auto left = quotaLeft("floatingIps"); !left) return left;
  const auto network = networkAt(spec.network, "spec.network", true);
  if (!network) return std::unexpected(network.error());
  const auto networkSpec = NetworkSpec::from(**network);
  if (!networkSpec.external)
    return invalid(fmt::format("{} is not external", (*network)->key().text()), "spec.network");
  if (spec.port)
    if (auto found = portAt(*spec.port, "spec.port"); !found) return std::unexpected(found.error());
  if (!spec.address && before_ != nullptr)
    spec.address = model::FloatingIpSpec::from(*before_).address;
  const auto used = usedIn(**network);
  if (!spec.address)
    spec.address = allocate(networkSpec, poolOf(staging_, networkSpec), true, used);
  if (!spec.address)
    return fail(ErrorCode::kExists,
                fmt::format("no free address in the subnets of {}", (*network)->key().text()),
                "spec.address");
  const auto* subnet = subnetOf(networkSpec, *spec.address);
  if (subnet == nullptr) return outside(*spec.address, **network, networkSpec, "spec.address");
  if (const auto whose = reserved(*subnet, *spec.address))
    return invalid(
        fmt::format("{} is {} in {}", spec.address->text(), *whose, subnet->prefix.text()),
        "spec.address");
  if (const auto by = used.by(*spec.address)) return taken(*spec.address, *by, "spec.address");
  object_.spec["address"] = spec.address->text();
  return {};
}

Result<void> Admitting::service() {
  const auto spec = model::ServiceSpec::from(object_);
  if (auto left = quotaLeft("services"); !left) return left;
  const auto network = networkAt(spec.network, "spec.network", true);
  if (!network) return std::unexpected(network.error());
  const auto networkSpec = NetworkSpec::from(**network);
  const auto used = usedIn(**network);
  for (std::size_t i = 0; i < spec.addresses.size(); ++i) {
    const auto& address = spec.addresses[i];
    const auto field = fmt::format("spec.addresses[{}]", i);
    const auto* subnet = subnetOf(networkSpec, address);
    if (subnet == nullptr) return outside(address, **network, networkSpec, field);
    // The first address of a network of services is a service's as a rule (Kubernetes' own), so
    // only a gateway that somebody asked for is in its way.
    if (subnet->gateway == address)
      return invalid(fmt::format("{} is the gateway's", address.text()), field);
    if (const auto whose = reserved(*subnet, address); whose && networkSpec.external)
      return invalid(fmt::format("{} is {} in {}", address.text(), *whose, subnet->prefix.text()),
                     field);
    if (const auto by = used.by(address)) return taken(address, *by, field);
  }
  for (std::size_t i = 0; i < spec.backends.size(); ++i)
    if (auto found = portAt(spec.backends[i].port, fmt::format("spec.backends[{}].port", i));
        !found)
      return std::unexpected(found.error());
  return {};
}

}  // namespace hawser::controller
