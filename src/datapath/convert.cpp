#include "convert.h"

namespace hawser::datapath {

hw_next_hop toNextHop(VrfId vrf, const NextHop& nextHop) {
  hw_next_hop out{};
  out.vrf = vrf.value();
  if (const auto* local = std::get_if<LocalPort>(&nextHop)) {
    out.kind = HW_NH_LOCAL;
    out.port = local->port.value();
  } else if (const auto* tunnel = std::get_if<Tunnel>(&nextHop)) {
    out.kind = tunnel->encapsulation == net::Encapsulation::kGre ? HW_NH_GRE : HW_NH_UDP;
    out.remote_be = v4Be(tunnel->remote);
    out.label = tunnel->label.value();
  } else {
    out.kind = HW_NH_REFUSE;
  }
  return out;
}

std::optional<NextHop> fromNextHop(const hw_next_hop& nextHop) {
  switch (nextHop.kind) {
    case HW_NH_LOCAL:
      return LocalPort{PortId(nextHop.port)};
    case HW_NH_REFUSE:
      return Refuse{};
    case HW_NH_UDP:
    case HW_NH_GRE: {
      const auto label = net::Label::make(nextHop.label);
      if (!label) return std::nullopt;
      return Tunnel{
          nextHop.kind == HW_NH_GRE ? net::Encapsulation::kGre : net::Encapsulation::kMplsInUdp,
          fromV4Be(nextHop.remote_be), *label};
    }
    default:
      return std::nullopt;
  }
}

}  // namespace hawser::datapath
