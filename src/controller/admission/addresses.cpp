#include "admission/addresses.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

namespace hawser::controller {
namespace {

using model::Kind;
using model::Object;
using model::Ref;

constexpr std::uint64_t kMaxScan = 1U << 24U;

net::IpAddress lastOf(const net::IpPrefix& prefix) {
  const int hostBits = prefix.address().bits() - prefix.length();
  const auto count = hostBits >= 63 ? ~std::uint64_t{0} >> 1U : (std::uint64_t{1} << hostBits) - 1;
  return prefix.address().plus(count);
}

}  // namespace

std::map<net::IpAddress, std::string> usedAddresses(const api::Staging& staging,
                                                    const Object& network,
                                                    const model::ObjectKey& except) {
  std::set<Ref> networks{{network.metadata.project, network.metadata.name}};
  if (const auto pool = network.spec.value("addressPool", ""); !pool.empty())
    staging.forEach(Kind::kNetwork, [&](const Object& other) {
      if (other.spec.value("addressPool", "") == pool)
        networks.insert({other.metadata.project, other.metadata.name});
    });
  std::map<net::IpAddress, std::string> used;
  const auto visit = [&](Kind kind, const auto& addressesOf) {
    staging.forEach(kind, [&](const Object& object) {
      if (object.key() == except) return;
      const auto& named = object.spec["network"].get_ref<const std::string&>();
      if (!networks.contains(Ref::parse(named, object.metadata.project))) return;
      for (const auto& address : addressesOf(object)) used.emplace(address, object.key().text());
    });
  };
  visit(Kind::kPort, [](const Object& port) { return model::PortStatus::from(port).addresses; });
  visit(Kind::kService, [](const Object& one) { return model::ServiceSpec::from(one).addresses; });
  visit(Kind::kFloatingIp, [](const Object& one) {
    const auto address = model::FloatingIpSpec::from(one).address;
    return address ? std::vector{*address} : std::vector<net::IpAddress>{};
  });
  return used;
}

net::IpAddress gatewayOf(const model::Subnet& subnet) {
  return subnet.gateway.value_or(subnet.prefix.address().plus(1));
}

const model::Subnet* subnetOf(const model::NetworkSpec& spec, const net::IpAddress& address) {
  const auto found =
      std::find_if(spec.subnets.begin(), spec.subnets.end(),
                   [&](const model::Subnet& subnet) { return subnet.prefix.contains(address); });
  return found == spec.subnets.end() ? nullptr : &*found;
}

std::optional<std::string> reserved(const model::Subnet& subnet, const net::IpAddress& address) {
  // A subnet of one or two addresses (RFC 3021) has neither network nor broadcast address.
  const bool small = subnet.prefix.length() >= subnet.prefix.address().bits() - 1;
  if (address == gatewayOf(subnet) && (!small || subnet.gateway)) return "the gateway's";
  if (small) return std::nullopt;
  if (address == subnet.prefix.address()) return "the network's own";
  if (address.isV4() && address == lastOf(subnet.prefix)) return "the broadcast address";
  return std::nullopt;
}

std::optional<net::IpAddress> allocate(const model::NetworkSpec& spec,
                                       const std::optional<model::AddressPoolSpec>& pool, bool v4,
                                       const std::map<net::IpAddress, std::string>& used) {
  const auto inPool = [&](const net::IpAddress& address) {
    return !pool || std::any_of(pool->prefixes.begin(), pool->prefixes.end(),
                                [&](const auto& prefix) { return prefix.contains(address); });
  };
  for (const auto& subnet : spec.subnets) {
    if (subnet.prefix.address().isV4() != v4) continue;
    const auto last = lastOf(subnet.prefix);
    auto address = subnet.prefix.address();
    for (std::uint64_t i = 0; i < kMaxScan; ++i, address = address.plus(1)) {
      if (!used.contains(address) && !reserved(subnet, address) && inPool(address)) return address;
      if (address == last) break;
    }
  }
  return std::nullopt;
}

}  // namespace hawser::controller
