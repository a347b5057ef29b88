#include "router_table.h"

#include "convert.h"

namespace hawser::datapath {

RouterTable::RouterTable(const Programs& programs) : senders_(programs.map("senders"), "senders") {}

Result<void> RouterTable::set(VrfId vrf, const std::set<net::IpAddress>& routers) {
  confirmed_.insert(vrf.value());
  std::set<std::uint32_t> wanted;
  for (const auto& router : routers)
    if (router.isV4()) wanted.insert(v4Be(router));
  senders_.eraseWithin(
      {vrf.value(), 0}, [&](const hw_sender& sender) { return sender.vrf == vrf.value(); },
      [&](const hw_sender& sender) { return !wanted.contains(sender.remote_be); });
  for (const auto remote : wanted)
    if (auto written = senders_.set({vrf.value(), remote}, 1); !written) return written;
  return {};
}

void RouterTable::prune() {
  senders_.eraseIf(
      [&](const hw_sender& sender, std::uint32_t) { return !confirmed_.contains(sender.vrf); });
}

}  // namespace hawser::datapath
