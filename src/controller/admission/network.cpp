// Networks and Links. Their route targets are in targets.cpp.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "admission/addresses.h"
#include "admission/admission.h"
#include "federation/link_state.h"

namespace hawser::controller {

using model::Kind;
using model::Object;

namespace {

// Grows over removal and creation too, hence the clock.
std::uint64_t offerNumber() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

// Addresses that no workload can have (RFC 6890, 2.2.2).
struct Special {
  const char *prefix, *why;
};
constexpr std::array kSpecial{
    Special{"0.0.0.0/8", "which is no address of anybody (RFC 1122, 3.2.1.3)"},
    Special{"127.0.0.0/8", "the loopback, which leaves no workload (RFC 1122, 3.2.1.3)"},
    Special{"169.254.0.0/16", "link-local (RFC 3927), where the metadata address is"},
    Special{"224.0.0.0/4", "multicast (RFC 5771)"},
    Special{"240.0.0.0/4", "kept for later use (RFC 1112, 4) and never sent"}};

// The datapath carries IPv4; a network that no packet of its workloads would leave is refused.
Result<void> carried(const net::IpPrefix& prefix, const std::string& field) {
  if (!prefix.address().isV4())
    return invalid(fmt::format("{} is IPv6, which hosts do not carry yet", prefix.text()), field);
  for (const auto& special : kSpecial)
    if (net::IpPrefix::parse(special.prefix)->overlaps(prefix))
      return invalid(fmt::format("{} overlaps {}, {}", prefix.text(), special.prefix, special.why),
                     field);
  return {};
}

}  // namespace

Result<void> Admitting::addressPool() {
  const auto spec = model::AddressPoolSpec::from(object_);
  for (std::size_t i = 0; i < spec.prefixes.size(); ++i)
    if (auto good = carried(spec.prefixes[i], fmt::format("spec.prefixes[{}]", i)); !good)
      return good;
  return {};
}

Result<void> Admitting::network() {
  const auto spec = model::NetworkSpec::from(object_);
  if (auto left = quotaLeft("networks"); !left) return left;
  for (std::size_t i = 0; i < spec.subnets.size(); ++i)
    if (auto good = carried(spec.subnets[i].prefix, fmt::format("spec.subnets[{}].prefix", i));
        !good)
      return good;
  if (spec.external && !fromAdmin() &&
      (before_ == nullptr || !model::NetworkSpec::from(*before_).external))
    return fail(ErrorCode::kForbidden, "only an administrator may make a network external",
                "spec.external");
  if (!spec.addressPool.empty() && !staging_.find({Kind::kAddressPool, {}, spec.addressPool}))
    return invalid(fmt::format("address pool \"{}\" does not exist", spec.addressPool),
                   "spec.addressPool");
  if (auto numbered = networkNumber(); !numbered) return numbered;
  if (auto targets = networkTargets(); !targets) return targets;
  if (before_ == nullptr) return {};
  if (auto hold = subnetsStillHold(spec); !hold) return hold;
  const auto same = [&](const char* field) {
    return before_->spec.value(field, model::Json()) == object_.spec.value(field, model::Json());
  };
  return same("subnets") && same("addressPool") ? Result<void>{} : stillApart();
}

// Of a changed network: no port may lose its place.
Result<void> Admitting::subnetsStillHold(const model::NetworkSpec& spec) {
  if (before_->spec.value("subnets", model::Json()) == object_.spec.value("subnets", model::Json()))
    return {};
  Result<void> result;
  for (const auto kind : {Kind::kPort, Kind::kFloatingIp, Kind::kService})
    for (const auto& key : ledger_.users(object_.key(), kind)) {
      const auto found = staging_.find(key);
      if (!found || !result) continue;
      const auto& user = *found;
      std::vector<net::IpAddress> addresses;
      if (kind == Kind::kPort) addresses = model::PortStatus::from(user).addresses;
      if (kind == Kind::kService) addresses = model::ServiceSpec::from(user).addresses;
      if (kind == Kind::kFloatingIp)
        if (const auto one = model::FloatingIpSpec::from(user).address) addresses = {*one};
      for (const auto& address : addresses) {
        const auto* subnet = subnetOf(spec, address);
        if (subnet == nullptr ||
            (subnet->gateway == address || (kind == Kind::kPort && reserved(*subnet, address))))
          result = fail(ErrorCode::kConflict,
                        fmt::format("{} has {}, for which there is no room any more",
                                    user.key().text(), address.text()),
                        "spec.subnets");
      }
    }
  return result;
}

Result<void> Admitting::link() {
  auto spec = model::LinkSpec::from(object_);
  const auto peer = staging_.find({Kind::kPeer, {}, spec.peer});
  if (!peer) return invalid(fmt::format("peer \"{}\" does not exist", spec.peer), "spec.peer");
  const auto peerSpec = model::PeerSpec::from(*peer);
  if (peerSpec.role != "site")
    return invalid(fmt::format("peer \"{}\" is a gateway; Links are between sites", spec.peer),
                   "spec.peer");
  if (peerSpec.apiUrl.empty())
    return invalid(fmt::format("peer \"{}\" has no spec.api, over which sites agree", spec.peer),
                   "spec.peer");
  const auto network = networkAt(spec.network, "spec.network");
  if (!network) return std::unexpected(network.error());
  const auto slash = spec.remoteNetwork.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == spec.remoteNetwork.size())
    return invalid("name the other site's network as PROJECT/NAME", "spec.remoteNetwork");
  const bool more = before_ == nullptr || model::LinkSpec::from(*before_).peer != spec.peer;
  if (more && ledger_.users({Kind::kPeer, {}, spec.peer}).size() >= kMaxLinks)
    return fail(ErrorCode::kForbidden,
                fmt::format("peer \"{}\" has {} Links, as many as two sites can tell each other of",
                            spec.peer, kMaxLinks),
                "spec.peer");
  if (const auto other = otherWith(Ledger::linkOf(spec)))
    return fail(ErrorCode::kExists, fmt::format("{} joins these networks already", other->text()),
                "spec.remoteNetwork");
  if (!fromSystem()) {
    // To write a Link is to propose it; which side did stays as it is.
    object_.spec["proposedByUs"] =
        before_ == nullptr || model::LinkSpec::from(*before_).proposedByUs;
    if (before_ == nullptr) object_.spec["accepted"] = true;
    const bool agreed = before_ != nullptr && model::LinkSpec::from(*before_).accepted;
    // A new agreement is a new offer, which earlier refusals do not meet.
    if (object_.spec.value("accepted", false) && !agreed) {
      object_.status["offer"] = offerNumber();
      if (object_.status.value("phase", "") == "withdrawn")
        object_.status.update({{"phase", "proposed"}, {"message", ""}, {"answer", "none"}});
    }
  }
  if (before_ == nullptr) object_.status["phase"] = fromSystem() ? "pending" : "proposed";
  if (auto fits = linkPrefixes(spec, model::NetworkSpec::from(**network)); !fits) return fits;
  if (auto fits = linkApart(spec, object_.key(), **network, "spec.remotePrefixes"); !fits)
    return fits;
  return linkTarget(spec);
}

Result<void> Admitting::linkPrefixes(const model::LinkSpec& spec,
                                     const model::NetworkSpec& network) {
  for (std::size_t i = 0; i < spec.localPrefixes.size(); ++i) {
    const auto& prefix = spec.localPrefixes[i];
    const bool inside =
        std::any_of(network.subnets.begin(), network.subnets.end(),
                    [&](const auto& subnet) { return subnet.prefix.contains(prefix); });
    if (!inside)
      return invalid(
          fmt::format("{} is outside the subnets of {}", prefix.text(), spec.network.text()),
          fmt::format("spec.localPrefixes[{}]", i));
  }
  return {};
}

}  // namespace hawser::controller
