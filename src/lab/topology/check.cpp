// What of a topology needs more than one place of the file.
#include <fmt/core.h>

#include <functional>
#include <set>

#include "topology/reader.h"
#include "topology/topology.h"

namespace hawser::lab {
namespace {

class Checker {
 public:
  explicit Checker(const Topology& topology) : topology_(topology) {}

  Result<void> run() {
    for (const char* reserved : {"transit", "outside", "forward"})
      names_[reserved] = "what the lab itself makes";
    for (std::size_t i = 0; i < topology_.sites.size(); ++i)
      site(fmt::format("sites[{}]", i), topology_.sites[i]);
    if (topology_.outside) outside(*topology_.outside);
    for (std::size_t i = 0; i < topology_.gateways.size(); ++i)
      gateway(fmt::format("gateways[{}]", i), topology_.gateways[i]);
    for (std::size_t i = 0; i < topology_.workloads.size(); ++i)
      workload(fmt::format("workloads[{}]", i), topology_.workloads[i]);
    for (std::size_t i = 0; i < topology_.exposes.size(); ++i)
      expose(fmt::format("expose[{}]", i), topology_.exposes[i]);
    if (problem_.first()) return std::unexpected(*problem_.first());
    return {};
  }

 private:
  void unique(std::map<std::string, std::string>& seen, const std::string& value,
              const std::string& path, const std::string& what) {
    const auto [found, fresh] = seen.emplace(value, path);
    if (!fresh)
      problem_.note(path, fmt::format("{} \"{}\" is also that of {}", what, value, found->second));
  }

  static std::string known(const std::string& wanted, const std::vector<std::string>& names) {
    const auto near = model::nearest(wanted, names);
    return near.empty() ? std::string() : fmt::format("; is it \"{}\"?", near);
  }

  void subnet(const net::IpPrefix& prefix, const std::string& path, bool mayRepeat = false) {
    for (const auto& [other, where] : subnets_) {
      if (mayRepeat && other == prefix && where.starts_with("gateways")) return;
      if (other.overlaps(prefix))
        return problem_.note(
            path, fmt::format("{} overlaps {} of {}", prefix.text(), other.text(), where));
    }
    subnets_.emplace_back(prefix, path);
  }

  // An address for a node: inside, not the subnet's own, its broadcast or the router's, not taken.
  void address(const net::IpAddress& address, const net::IpPrefix& within, const std::string& path,
               std::optional<net::IpAddress> router) {
    const auto last = within.address().plus((std::uint64_t{1} << (32 - within.length())) - 1);
    if (!within.contains(address))
      return problem_.note(path, fmt::format("{} is not inside {}", address.text(), within.text()));
    if (address == within.address() || address == last)
      return problem_.note(
          path, fmt::format("{} is the subnet's own or its broadcast address", address.text()));
    if (router && address == *router)
      return problem_.note(path, fmt::format("{} is the router's address", address.text()));
    unique(addresses_, address.text(), path, "address");
  }

  void node(const std::string& name, const std::string& path) {
    unique(names_, name, path, "name");
  }

  void site(const std::string& path, const Site& site) {
    unique(sites_, site.name, path + ".name", "name");
    unique(asns_, std::to_string(site.asn), path + ".asn", "AS number");
    subnet(site.underlay, path + ".underlay");
    const auto router = transitAddress(site.underlay);
    node(site.controller.name, path + ".controller.name");
    address(site.controller.address, site.underlay, path + ".controller.address", router);
    for (std::size_t i = 0; i < site.hosts.size(); ++i) {
      const auto at = fmt::format("{}.hosts[{}]", path, i);
      node(site.hosts[i].name, at + ".name");
      address(site.hosts[i].address, site.underlay, at + ".address", router);
    }
    if (site.kube && site.hosts.empty()) problem_.note(path + ".kube", "the site has no hosts");
    if (site.kube && site.kube->podCidr.overlaps(site.kube->serviceCidr))
      problem_.note(path + ".kube.serviceCidr",
                    fmt::format("{} overlaps the pods' {}", site.kube->serviceCidr.text(),
                                site.kube->podCidr.text()));
  }

  void outside(const Outside& outside) {
    subnet(outside.network, "outside.network");
    if (outside.router) address(*outside.router, outside.network, "outside.router", std::nullopt);
    for (std::size_t i = 0; i < outside.hosts.size(); ++i) {
      const auto at = fmt::format("outside.hosts[{}]", i);
      const auto& host = outside.hosts[i];
      node(host.name, at + ".name");
      address(host.address, outside.network, at + ".address", outside.router);
      for (std::size_t r = 0; r < host.routes.size(); ++r)
        for (std::size_t v = 0; v < host.routes[r].via.size(); ++v)
          if (!outside.network.contains(host.routes[r].via[v]))
            problem_.note(fmt::format("{}.routes[{}].via[{}]", at, r, v),
                          fmt::format("{} is not inside {}", host.routes[r].via[v].text(),
                                      outside.network.text()));
    }
  }

  void siteReference(const std::string& name, const std::string& path) {
    if (topology_.site(name) != nullptr) return;
    std::vector<std::string> names;
    for (const auto& site : topology_.sites) names.push_back(site.name);
    problem_.note(path, fmt::format("no site \"{}\"{}", name, known(name, names)));
  }

  void gateway(const std::string& path, const Gateway& gateway) {
    node(gateway.name, path + ".name");
    node("gw-" + gateway.name, path + ".name");  // its namespace
    unique(rds_, gateway.rd, path + ".rd", "route distinguisher");
    if (asns_.contains(std::to_string(gateway.asn)))
      problem_.note(path + ".asn", fmt::format("AS number \"{}\" is also that of {}", gateway.asn,
                                               asns_.at(std::to_string(gateway.asn))));
    subnet(gateway.address.subnet(), path + ".address", true);
    address(gateway.address.address, gateway.address.subnet(), path + ".address",
            transitAddress(gateway.address.subnet()));
    if (!topology_.outside) return problem_.note(path + ".outside", "the lab has no outside");
    if (gateway.outside.subnet() != topology_.outside->network)
      problem_.note(path + ".outside",
                    fmt::format("{} is not an address of {}", gateway.outside.text(),
                                topology_.outside->network.text()));
    address(gateway.outside.address, topology_.outside->network, path + ".outside",
            topology_.outside->router);
    for (std::size_t i = 0; i < gateway.peers.size(); ++i)
      siteReference(gateway.peers[i], fmt::format("{}.peers[{}]", path, i));
    for (std::size_t i = 0; i < gateway.tunnels.size(); ++i)
      siteReference(gateway.tunnels[i], fmt::format("{}.tunnels[{}]", path, i));
  }

  void workload(const std::string& path, const Workload& workload) {
    node(workload.name, path + ".name");
    unique(ports_, workload.site + ":" + workload.port, path + ".port", "port");
    siteReference(workload.site, path + ".site");
    const auto* site = topology_.site(workload.site);
    if (site == nullptr) return;
    std::vector<std::string> names;
    for (const auto& host : site->hosts) names.push_back(host.name);
    if (std::find(names.begin(), names.end(), workload.host) == names.end())
      problem_.note(path + ".host", fmt::format("no host \"{}\" in site {}{}", workload.host,
                                                site->name, known(workload.host, names)));
  }

  void expose(const std::string& path, const Expose& expose) {
    unique(exposed_, expose.name, path + ".name", "name");
    if (topology_.site(expose.name) != nullptr)
      problem_.note(path + ".name", "is a site's name; the sites' APIs are exposed anyway");
    if (names_.contains(expose.from) && expose.from != "forward") return;
    std::vector<std::string> names;
    for (const auto& [name, where] : names_) names.push_back(name);
    problem_.note(path + ".from",
                  fmt::format("no node \"{}\"{}", expose.from, known(expose.from, names)));
  }

  const Topology& topology_;
  Problem problem_;
  std::map<std::string, std::string> sites_, names_, asns_, addresses_, rds_, ports_, exposed_;
  std::vector<std::pair<net::IpPrefix, std::string>> subnets_;
};

}  // namespace

Result<void> checkTopology(const Topology& topology) { return Checker(topology).run(); }

}  // namespace hawser::lab
