// The objects of one snapshot, parsed once and found by what the compiler asks for: a network's
// ports, a port's services, a host's ports. Every question is a lookup, so that the whole
// compilation stays near linear.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "hawser/compiler/compiler.h"

namespace hawser::compiler {

struct NetworkInfo {
  model::Ref ref;
  model::NetworkSpec spec;
  model::NetworkStatus status;
  std::set<model::Ref> joined;  // by policies and routers: they import each other
  std::set<net::RouteTarget> linkTargets;
  std::set<net::Identity> identities;         // of its ports
  std::set<net::Identity> serviceIdentities;  // of the backends of services in it
  std::set<net::IpAddress> refused;           // service addresses seen from it that nobody serves
  [[nodiscard]] net::VrfId vrf() const { return net::VrfId(status.id); }
};

struct ServiceInfo {
  std::string source;  // "services/default/leonardo"
  model::ServiceSpec spec;
};

struct PortInfo {
  model::ObjectPtr object;
  model::PortSpec spec;
  model::PortStatus status;
  net::Identity identity;
  std::vector<std::pair<const ServiceInfo*, const model::Backend*>>
      services;  // that it is a ready backend of
  std::vector<std::pair<std::string, model::FloatingIpSpec>> floatingIps;
  [[nodiscard]] const std::vector<net::IpAddress>& addresses() const {
    return status.addresses.empty() ? spec.addresses : status.addresses;
  }
};

struct LinkInfo {
  model::Ref ref;
  model::LinkSpec spec;
};

struct PolicyInfo {
  std::string source;
  model::PolicySpec spec;
};

class Index {
 public:
  Index(const model::ObjectMap& objects, Compiled& out);

  std::string site;
  model::SiteSpec siteSpec;
  std::map<std::string, model::HostSpec> hosts;
  std::map<model::Ref, NetworkInfo> networks;
  std::map<model::Ref, PortInfo> ports;
  std::map<std::string, std::vector<PortInfo*>> portsByHost;
  std::map<model::Ref, model::SecurityGroupSpec> groups;
  std::map<model::Ref, std::set<net::Identity>> identitiesByGroup;
  std::vector<ServiceInfo> services;
  std::vector<PolicyInfo> policies;
  std::map<model::Ref, std::set<std::size_t>> policiesByNetwork;
  std::map<std::string, model::PeerSpec> peers;
  std::map<std::string, std::vector<LinkInfo>> linksByPeer;  // accepted and established

  [[nodiscard]] NetworkInfo* network(const model::Ref& ref);

 private:
  void read(const model::Object& object);
  void readLink(const model::Object& object);
  void readIdentity(const model::Object& object);
  void connect(Compiled& out);
  void tellSharedTargets(Compiled& out) const;
  void join(const model::Ref& a, const model::Ref& b);
  void placePort(PortInfo& port, Compiled& out);
  void placeService(const ServiceInfo& service, Compiled& out);

  struct Numbered {
    std::string name;  // of the Identity
    std::uint32_t number = 0;
  };
  std::map<IdentityLabels, Numbered> numbers_;
  std::vector<std::pair<std::string, std::vector<model::Ref>>> routers_;
  std::vector<std::pair<std::string, model::FloatingIpSpec>> floatingIps_;
};

[[nodiscard]] IdentityLabels identityLabels(const PortInfo& port);

}  // namespace hawser::compiler
