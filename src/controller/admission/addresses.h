// Who has which address: of a network, or of all networks that draw from one pool.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admission/ledger.h"
#include "hawser/model/specs.h"

namespace hawser::controller {

// Addresses of a network, as the object under admission, `except`, finds them: its own are free. A
// network with a pool shares its numbers with every network of that pool.
struct Used {
  const Taken<net::IpAddress>& taken;
  model::ObjectKey except;
  std::vector<net::IpAddress> own;  // what the ledger has of `except`

  // The text of the object that has it.
  [[nodiscard]] std::optional<std::string> by(const net::IpAddress& address) const;
};

// Why a workload cannot have this address of the subnet (its network, gateway or broadcast
// address); nullopt: it can.
[[nodiscard]] std::optional<std::string> reserved(const model::Subnet& subnet,
                                                  const net::IpAddress& address);
// The subnet that holds the address, or null.
[[nodiscard]] const model::Subnet* subnetOf(const model::NetworkSpec& spec,
                                            const net::IpAddress& address);

// The lowest free address of the family; nullopt when the network has no subnet of it, or all are
// taken. `pool`, when given, is the AddressPool that the address must lie in too.
[[nodiscard]] std::optional<net::IpAddress> allocate(
    const model::NetworkSpec& spec, const std::optional<model::AddressPoolSpec>& pool, bool v4,
    const Used& used);

}  // namespace hawser::controller
