#include "admission/ledger.h"

#include <fmt/core.h>

#include <limits>

namespace hawser::controller {

using model::Kind;
using model::Object;
using model::ObjectKey;
using model::Ref;

std::optional<net::IpAddress> successor(const net::IpAddress& address) {
  const auto next = address.plus(1);
  return address < next ? std::optional(next) : std::nullopt;
}
std::optional<net::RouteTarget> successor(const net::RouteTarget& target) {
  const auto asn = target.asn();
  if (!asn || target.number() == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  const auto next = net::RouteTarget::make(*asn, target.number() + 1);
  return next && target < *next ? std::optional(*next) : std::nullopt;
}
std::optional<std::uint32_t> successor(std::uint32_t number) {
  return number == std::numeric_limits<std::uint32_t>::max() ? std::nullopt
                                                             : std::optional(number + 1);
}

// What one object adds to the ledger.
struct Ledger::Facts {
  std::set<ObjectKey> names;
  std::vector<std::string> claims;
  Ref network;  // whose addresses these are
  std::vector<net::IpAddress> addresses;
  std::int64_t addressCount = 0;
  std::set<net::RouteTarget> targets;
  std::uint32_t networkId = 0;
  std::string pool;
  bool external = false;

  void name(Kind kind, const Ref& ref) { names.insert({kind, ref.project, ref.name}); }
  void nameUnlessEmpty(Kind kind, const std::string& name) {
    if (!name.empty()) names.insert({kind, {}, name});
  }
  void has(const Ref& ref, std::vector<net::IpAddress> those) {
    name(Kind::kNetwork, ref);
    network = ref;
    addresses = std::move(those);
    addressCount = static_cast<std::int64_t>(addresses.size());
  }
  void target(const std::set<net::RouteTarget>& those) {
    targets.insert(those.begin(), those.end());
  }

  void read(const Object& object, const model::NetworkSpec& spec) {
    const auto status = model::NetworkStatus::from(object);
    targets = {status.autoTarget};
    target(spec.importTargets);
    target(spec.exportTargets);
    networkId = status.id;
    pool = spec.addressPool;
    external = spec.external;
    nameUnlessEmpty(Kind::kAddressPool, pool);
  }
  void read(const Object& object, const model::PortSpec& spec) {
    const auto status = model::PortStatus::from(object);
    has(spec.network, status.addresses);
    claims.push_back(Ledger::mac(spec.network, status.mac));
    nameUnlessEmpty(Kind::kHost, spec.host);
    for (const auto& group : spec.securityGroups) name(Kind::kSecurityGroup, group);
  }
  void read(const model::FloatingIpSpec& spec) {
    has(spec.network, spec.address ? std::vector{*spec.address} : std::vector<net::IpAddress>{});
    addressCount = 1;
    if (spec.port) name(Kind::kPort, *spec.port);
  }
  void read(const model::ServiceSpec& spec) {
    has(spec.network, spec.addresses);
    for (const auto& backend : spec.backends) name(Kind::kPort, backend.port);
  }
  void read(const model::PolicySpec& spec) {
    for (const auto& rule : spec.rules) {
      if (rule.fromNetwork) name(Kind::kNetwork, *rule.fromNetwork);
      if (rule.toNetwork) name(Kind::kNetwork, *rule.toNetwork);
    }
  }
  void read(const model::SecurityGroupSpec& spec) {
    for (const auto& rule : spec.rules) {
      if (rule.remoteGroup) name(Kind::kSecurityGroup, *rule.remoteGroup);
      if (rule.remoteNetwork) name(Kind::kNetwork, *rule.remoteNetwork);
    }
  }
  void read(const model::PeerSpec& spec) {
    for (const auto* filter : {&spec.import, &spec.exportTo})
      if (filter->routeTargets) target(*filter->routeTargets);
  }
  void read(const model::LinkSpec& spec) {
    name(Kind::kNetwork, spec.network);
    nameUnlessEmpty(Kind::kPeer, spec.peer);
    claims.push_back(Ledger::linkOf(spec));
    targets = {spec.routeTarget};
  }
  void read(const model::TokenSpec& spec) {
    nameUnlessEmpty(Kind::kProject, spec.project);
    claims.push_back(Ledger::tokenHash(spec.hash));
  }
};

Ledger::Facts Ledger::factsOf(const Object& object) {
  Facts facts;
  switch (object.kind) {
    case Kind::kHost:
      facts.claims.push_back(hostAddress(model::HostSpec::from(object).address));
      break;
    case Kind::kNetwork:
      facts.read(object, model::NetworkSpec::from(object));
      break;
    case Kind::kPort:
      facts.read(object, model::PortSpec::from(object));
      break;
    case Kind::kFloatingIp:
      facts.read(model::FloatingIpSpec::from(object));
      break;
    case Kind::kService:
      facts.read(model::ServiceSpec::from(object));
      break;
    case Kind::kRouter:
      for (const auto& network : model::RouterSpec::from(object).networks)
        facts.name(Kind::kNetwork, network);
      break;
    case Kind::kPolicy:
      facts.read(model::PolicySpec::from(object));
      break;
    case Kind::kSecurityGroup:
      facts.read(model::SecurityGroupSpec::from(object));
      break;
    case Kind::kPeer:
      facts.read(model::PeerSpec::from(object));
      break;
    case Kind::kLink:
      facts.read(model::LinkSpec::from(object));
      break;
    case Kind::kToken:
      facts.read(model::TokenSpec::from(object));
      break;
    case Kind::kSite:
    case Kind::kProject:
    case Kind::kAddressPool:
    case Kind::kQuota:
    case Kind::kIdentity:
      break;
  }
  return facts;
}

void Ledger::reset(const model::ObjectMap& objects) {
  *this = {};
  for (const auto& [key, object] : objects) enter(*object);
}

void Ledger::change(const Object* before, const Object* now) {
  if (before != nullptr) strike(*before);
  if (now != nullptr) enter(*now);
}

void Ledger::enter(const Object& object) {
  const auto key = object.key();
  const auto facts = factsOf(object);
  for (const auto& named : facts.names) users_[named].insert(key);
  for (const auto& claim : facts.claims) claims_[claim].insert(key);
  for (const auto& target : facts.targets) targets_.add(target, key);
  ++counts_[{key.kind, key.project}];
  if (key.kind == Kind::kNetwork) {
    const Ref self{key.project, key.name};
    if (facts.networkId != 0) networkIds_.add(facts.networkId, key);
    if (facts.external) external_.insert(self);
    setPool(self, facts.pool);
  }
  if (facts.addressCount == 0) return;
  auto& network = networks_[facts.network];
  network.countByProject[key.project] += facts.addressCount;
  for (const auto& address : facts.addresses) {
    network.addresses.add(address, key);
    if (!network.pool.empty()) pools_[network.pool].add(address, key);
  }
}

void Ledger::strike(const Object& object) {
  const auto key = object.key();
  const auto facts = factsOf(object);
  const auto leave = [&](auto& map, const auto& name) {
    const auto at = map.find(name);
    if (at == map.end()) return;
    at->second.erase(key);
    if (at->second.empty()) map.erase(at);
  };
  for (const auto& named : facts.names) leave(users_, named);
  for (const auto& claim : facts.claims) leave(claims_, claim);
  for (const auto& target : facts.targets) targets_.drop(target, key);
  --counts_[{key.kind, key.project}];
  if (key.kind == Kind::kNetwork) {
    const Ref self{key.project, key.name};
    networkIds_.drop(facts.networkId, key);
    external_.erase(self);
    setPool(self, {});
    if (networks_[self].addresses.all().empty()) networks_.erase(self);
  }
  if (facts.addressCount == 0) return;
  auto& network = networks_[facts.network];
  network.countByProject[key.project] -= facts.addressCount;
  for (const auto& address : facts.addresses) {
    network.addresses.drop(address, key);
    if (!network.pool.empty()) pools_[network.pool].drop(address, key);
  }
}

// The addresses of a network move with it from pool to pool.
void Ledger::setPool(const Ref& ref, const std::string& pool) {
  auto& network = networks_[ref];
  if (network.pool == pool) return;
  for (const auto& [address, owners] : network.addresses.all())
    for (const auto& owner : owners) {
      if (!network.pool.empty()) pools_[network.pool].drop(address, owner);
      if (!pool.empty()) pools_[pool].add(address, owner);
    }
  network.pool = pool;
}

const Ledger::Keys& Ledger::users(const ObjectKey& key) const {
  static const Keys kNone;
  const auto at = users_.find(key);
  return at == users_.end() ? kNone : at->second;
}

std::vector<ObjectKey> Ledger::users(const ObjectKey& key, Kind kind) const {
  const auto& all = users(key);
  std::vector<ObjectKey> some;
  for (auto at = all.lower_bound({kind, {}, {}}); at != all.end() && at->kind == kind; ++at)
    some.push_back(*at);
  return some;
}

const Ledger::Keys& Ledger::claimants(const std::string& claim) const {
  static const Keys kNone;
  const auto at = claims_.find(claim);
  return at == claims_.end() ? kNone : at->second;
}

std::string Ledger::hostAddress(const net::IpAddress& address) { return "host " + address.text(); }
std::string Ledger::tokenHash(const std::string& hash) { return "token " + hash; }
std::string Ledger::mac(const Ref& network, const net::MacAddress& mac) {
  return fmt::format("mac {} {}", network.text(), mac.text());
}
std::string Ledger::linkOf(const model::LinkSpec& link) {
  return fmt::format("link {} {} {}", link.peer, link.network.text(), link.remoteNetwork);
}

const Taken<net::IpAddress>& Ledger::addresses(const Ref& network) const {
  static const Taken<net::IpAddress> kNone;
  const auto at = networks_.find(network);
  if (at == networks_.end()) return kNone;
  if (at->second.pool.empty()) return at->second.addresses;
  const auto pool = pools_.find(at->second.pool);
  return pool == pools_.end() ? kNone : pool->second;
}

std::int64_t Ledger::count(Kind kind, const std::string& project) const {
  const auto at = counts_.find({kind, project});
  return at == counts_.end() ? 0 : at->second;
}

std::int64_t Ledger::externalAddresses(const std::string& project) const {
  std::int64_t sum = 0;
  for (const auto& ref : external_) {
    const auto network = networks_.find(ref);
    if (network == networks_.end()) continue;
    const auto of = network->second.countByProject.find(project);
    if (of != network->second.countByProject.end()) sum += of->second;
  }
  return sum;
}

}  // namespace hawser::controller
