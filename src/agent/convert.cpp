#include "convert.h"

#include <algorithm>

#include "hawser/base/check.h"
#include "hawser/net/anycast.h"

namespace hawser::agent {
namespace {

std::uint8_t number(model::Protocol protocol) { return static_cast<std::uint8_t>(protocol); }

bool isFloating(const model::SliceTranslation& translation) {
  return translation.protocol == model::Protocol::kAny && translation.port == 0;
}

datapath::Rule toRule(const model::SliceRule& rule) {
  datapath::Rule out;
  out.id = rule.id;
  out.tier = rule.tier;
  out.direction = rule.ingress ? datapath::Direction::kIngress : datapath::Direction::kEgress;
  out.anyPeer = rule.anyPeer;
  out.identities = rule.identities;
  out.prefixes = rule.prefixes;
  out.protocol = number(rule.protocol);
  out.portFirst = rule.ports.first;
  out.portLast = rule.ports.last;
  out.log = rule.log;
  out.action = !rule.allow ? datapath::Action::kDeny
               : rule.pass ? datapath::Action::kPass
                           : datapath::Action::kAllow;
  return out;
}

}  // namespace

datapath::Port toPort(const model::SlicePort& port, const PortNumbers& numbers, const Plug& plug) {
  datapath::Port out;
  out.id = numbers.id;
  out.name = port.name;
  out.device = plug.device;
  out.vrf = port.vrf;
  out.mac = port.mac;
  out.addresses = port.addresses;
  out.gateways = port.gateways;
  out.label = numbers.label;
  out.identity = port.identity;
  out.mtu = port.mtu;
  out.antiSpoof = port.portSecurity;
  out.tap = plug.tap;
  return out;
}

datapath::RuleSet toRules(const model::SlicePort& port) {
  datapath::RuleSet out;
  out.rules.reserve(port.rules.size());
  for (const auto& rule : port.rules) out.rules.push_back(toRule(rule));
  // The datapath evaluates by tier; within a tier the slice's order stays.
  std::stable_sort(
      out.rules.begin(), out.rules.end(),
      [](const datapath::Rule& a, const datapath::Rule& b) { return a.tier < b.tier; });
  return out;
}

std::vector<datapath::Translation> toTranslations(const model::SlicePort& port) {
  std::vector<datapath::Translation> out;
  for (const auto& one : port.translations) {
    const auto target =
        std::find_if(port.addresses.begin(), port.addresses.end(),
                     [&](const auto& address) { return address.isV4() == one.address.isV4(); });
    if (target == port.addresses.end()) continue;  // no address of that family to lead to
    datapath::Translation translation;
    translation.vrf = one.vrf;
    translation.address = one.address;
    translation.protocol = number(one.protocol);
    translation.port = one.port;
    translation.targetAddress = *target;
    translation.targetPort = one.targetPort;
    translation.outbound = isFloating(one);
    out.push_back(translation);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::shared_ptr<const wire::PathAttributes> AttributeSets::get(
    const std::set<net::RouteTarget>& targets,
    const std::vector<net::Encapsulation>& encapsulations, const net::Identity& identity,
    bool anycast) {
  std::vector<net::ExtendedCommunity> communities;
  for (const auto& target : targets) communities.push_back(target.community());
  for (const auto encapsulation : encapsulations)
    if (encapsulation != net::Encapsulation::kVxlan)  // for layer 2 only (RFC 8365)
      communities.push_back(net::encapsulationCommunity(encapsulation));
  if (identity.number != 0) communities.push_back(net::identityCommunity(identity));
  if (anycast) communities.push_back(net::anycastCommunity());
  auto& set = sets_[communities];
  if (!set) {
    auto made = std::make_shared<wire::PathAttributes>();
    made->origin = wire::Origin::kIgp;
    made->nextHop = nextHop_;
    made->localPref = 100;  // RFC 4271, 5.1.5: always there on internal sessions
    made->extendedCommunities = communities;
    set = std::move(made);
  }
  return set;
}

void AttributeSets::dropUnused() {
  std::erase_if(sets_, [](const auto& entry) { return entry.second.use_count() == 1; });
}

std::vector<Origination> originations(const model::Slice& slice, const model::SlicePort& port,
                                      HostState& state, net::Ipv4Address underlay,
                                      AttributeSets& attributes) {
  const auto* numbers = state.find(port.uid);
  HAWSER_CHECK(numbers != nullptr, "a port without numbers cannot be announced");
  std::map<std::pair<net::VrfId, net::IpAddress>, bool> addresses;  // -> a service's
  for (const auto& address : port.addresses) addresses[{port.vrf, address}] = false;
  for (const auto& translation : port.translations)
    addresses[{translation.vrf, translation.address}] |= !isFloating(translation);
  std::vector<Origination> out;
  for (const auto& [where, anycast] : addresses) {
    const auto& [vrf, address] = where;
    // The sessions carry VPNv4 only.
    if (!address.isV4()) continue;
    const auto found = std::find_if(slice.vrfs.begin(), slice.vrfs.end(),
                                    [id = vrf](const auto& one) { return one.id == id; });
    if (found == slice.vrfs.end()) continue;  // a network that has just gone
    Origination one;
    one.key.family = wire::kVpnv4;
    one.key.rd = net::RouteDistinguisher::ofAddress(underlay, state.rdNumber(port.uid, vrf));
    one.key.prefix = net::IpPrefix::host(address);
    one.label = numbers->label;
    one.attributes =
        attributes.get(found->exportTargets, slice.encapsulations, port.identity, anycast);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace hawser::agent
