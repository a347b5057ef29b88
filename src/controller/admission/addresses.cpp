#include "admission/addresses.h"

#include <algorithm>
#include <utility>

namespace hawser::controller {
namespace {

net::IpAddress lastOf(const net::IpPrefix& prefix) {
  const int hostBits = prefix.address().bits() - prefix.length();
  const auto count = hostBits >= 63 ? ~std::uint64_t{0} >> 1U : (std::uint64_t{1} << hostBits) - 1;
  return prefix.address().plus(count);
}

// The parts of the subnet that the pool allows: of two prefixes one holds the other, or they have
// nothing in common. By address, the wider first.
std::vector<net::IpPrefix> allowed(const net::IpPrefix& subnet,
                                   const std::optional<model::AddressPoolSpec>& pool) {
  if (!pool) return {subnet};
  std::vector<net::IpPrefix> parts;
  for (const auto& prefix : pool->prefixes) {
    if (prefix.contains(subnet)) return {subnet};
    if (subnet.contains(prefix)) parts.push_back(prefix);
  }
  std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) {
    return std::pair(a.address(), a.length()) < std::pair(b.address(), b.length());
  });
  return parts;
}

std::optional<net::IpAddress> lowest(const model::Subnet& subnet, const net::IpPrefix& part,
                                     const Used& used) {
  const auto last = lastOf(part);
  std::optional<net::IpAddress> free(part.address());
  while (free) {
    free = used.taken.firstFree(*free);
    if (free && last < *free) free.reset();
    if (!free || !reserved(subnet, *free)) break;
    free = successor(*free);
  }
  for (const auto& address : used.own)
    if (part.contains(address) && (!free || address < *free) && !used.by(address) &&
        !reserved(subnet, address))
      free = address;
  return free;
}

}  // namespace

std::optional<std::string> Used::by(const net::IpAddress& address) const {
  for (const auto& owner : taken.of(address))
    if (owner != except) return owner.text();
  return std::nullopt;
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
  if (address == subnet.gatewayAddress() && (!small || subnet.gateway)) return "the gateway's";
  if (small) return std::nullopt;
  if (address == subnet.prefix.address()) return "the network's own";
  if (address.isV4() && address == lastOf(subnet.prefix)) return "the broadcast address";
  return std::nullopt;
}

std::optional<net::IpAddress> allocate(const model::NetworkSpec& spec,
                                       const std::optional<model::AddressPoolSpec>& pool, bool v4,
                                       const Used& used) {
  for (const auto& subnet : spec.subnets) {
    if (subnet.prefix.address().isV4() != v4) continue;
    for (const auto& part : allowed(subnet.prefix, pool))
      if (const auto address = lowest(subnet, part, used)) return address;
  }
  return std::nullopt;
}

}  // namespace hawser::controller
