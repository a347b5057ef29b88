// From the file's JSON to values. What needs more than one place of the file is in check.cpp.
#include "topology/topology.h"

#include <fmt/core.h>

#include <algorithm>

#include "hawser/net/vpn.h"
#include "topology/reader.h"

namespace hawser::lab {

namespace fs = std::filesystem;

std::string InterfaceAddress::text() const { return fmt::format("{}/{}", address.text(), length); }

const Site* Topology::site(const std::string& wanted) const {
  const auto found = std::find_if(sites.begin(), sites.end(),
                                  [&](const Site& candidate) { return candidate.name == wanted; });
  return found == sites.end() ? nullptr : &*found;
}

const Workload* Topology::workload(const std::string& wanted) const {
  const auto found =
      std::find_if(workloads.begin(), workloads.end(),
                   [&](const Workload& candidate) { return candidate.name == wanted; });
  return found == workloads.end() ? nullptr : &*found;
}

net::IpAddress transitAddress(const net::IpPrefix& subnet) {
  const auto size = std::uint64_t{1} << (32 - subnet.length());
  return subnet.address().plus(size - 2);
}

bool validName(const std::string& name, std::size_t most) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= most && letter(name.front()) && letter(name.back()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || c == '-'; });
}

namespace {

Result<net::IpAddress> parseV4(std::string_view text) {
  auto address = net::IpAddress::parse(text);
  if (address && address->isV6()) return invalid("is not an IPv4 address; the underlay is IPv4");
  return address;
}

Result<net::IpPrefix> parseV4Prefix(std::string_view text) {
  if (text.find('/') == std::string_view::npos) return invalid("has no length (ADDRESS/LENGTH)");
  auto prefix = net::IpPrefix::parse(text);
  if (prefix && prefix->address().isV6()) return invalid("is not an IPv4 prefix");
  return prefix;
}

Result<net::IpPrefix> parseSubnet(std::string_view text) {
  auto prefix = parseV4Prefix(text);
  if (prefix && (prefix->length() < 8 || prefix->length() > 29))
    return invalid("is not a subnet of length 8 to 29");
  return prefix;
}

Result<InterfaceAddress> parseInterface(std::string_view text) {
  const auto cut = text.find('/');
  if (cut == std::string_view::npos) return invalid("has no length (ADDRESS/LENGTH)");
  const auto address = parseV4(text.substr(0, cut));
  if (!address) return std::unexpected(address.error());
  const auto whole = net::IpPrefix::parse(fmt::format("0.0.0.0{}", text.substr(cut)));
  if (!whole || whole->length() < 8 || whole->length() > 29)
    return invalid("has no length from 8 to 29");
  return InterfaceAddress{*address, whole->length()};
}

Result<std::string> parseTarget(std::string_view text) {
  const auto target = net::RouteTarget::parse(text);
  if (!target) return std::unexpected(target.error());
  return std::string(text);
}

class Parser {
 public:
  Parser(const Json& json, fs::path base) : json_(json), base_(std::move(base)) {}

  Result<Topology> run() {
    Reader reader(json_, "", problem_);
    out_.name = name(reader, "name", 16);
    reader.object("transit", [&](Reader& transit) {
      out_.mtu = static_cast<unsigned>(transit.number("mtu", 1280, 9000, 1500));
    });
    reader.list("sites", [&](Reader& item) { site(item); });
    reader.list("gateways", [&](Reader& item) { gateway(item); });
    reader.object("outside", [&](Reader& item) { outside(item); });
    reader.list("workloads", [&](Reader& item) { workload(item); });
    reader.list("expose", [&](Reader& item) { expose(item); });
    reader.done();
    if (out_.sites.empty()) problem_.note("sites", "there is no site");
    if (problem_.first()) return std::unexpected(*problem_.first());
    return std::move(out_);
  }

 private:
  std::string name(Reader& reader, const std::string& field, std::size_t most = 40) {
    auto text = reader.text(field, true);
    if (!text.empty() && !validName(text, most))
      reader.note(field, fmt::format("\"{}\" is not a name: at most {} of a-z, 0-9 and - inside",
                                     text, most));
    return text;
  }
  std::string file(const std::string& text) const {
    if (text.empty()) return {};
    return fs::absolute(base_ / text).lexically_normal().string();
  }
  std::vector<std::string> files(Reader& reader, const std::string& field) const {
    auto out = reader.texts(field);
    std::transform(out.begin(), out.end(), out.begin(),
                   [&](const std::string& text) { return file(text); });
    return out;
  }
  std::uint32_t asn(Reader& reader) {
    return static_cast<std::uint32_t>(reader.number("asn", 1, 4294967294U, 0, true));
  }
  Host host(Reader& reader) {
    auto hostName = name(reader, "name");
    return {std::move(hostName), reader.value("address", parseV4, true)};
  }

  void site(Reader& reader) {
    Site site;
    site.name = name(reader, "name", 24);
    site.asn = asn(reader);
    site.underlay = reader.value("underlay", parseSubnet, true);
    reader.object("controller", [&](Reader& item) { site.controller = host(item); }, true);
    reader.list("hosts", [&](Reader& item) { site.hosts.push_back(host(item)); });
    site.objects = files(reader, "objects");
    reader.object("kube", [&](Reader& item) {
      Kube kube;
      kube.manifests = files(item, "manifests");
      if (kube.manifests.empty()) item.note("manifests", "names no folder");
      kube.images = file(item.text("images", true));
      const auto pods = item.text("podCidr", false, "10.10.0.0/16");
      const auto services = item.text("serviceCidr", false, "10.254.0.0/16");
      for (const auto& [field, text, into] :
           {std::tuple{"podCidr", pods, &kube.podCidr},
            std::tuple{"serviceCidr", services, &kube.serviceCidr}}) {
        auto parsed = parseV4Prefix(text);
        if (parsed)
          *into = *parsed;
        else
          item.note(field, parsed.error().message);
      }
      kube.publicNetwork = item.text("publicNetwork");
      site.kube = std::move(kube);
    });
    out_.sites.push_back(std::move(site));
  }

  void gateway(Reader& reader) {
    Gateway gateway;
    gateway.name = name(reader, "name");
    gateway.asn = asn(reader);
    gateway.address = reader.value("address", parseInterface, true);
    gateway.outside = reader.value("outside", parseInterface, true);
    gateway.peers = reader.texts("peers");
    if (gateway.peers.empty()) reader.note("peers", "names no site");
    gateway.tunnels = reader.has("tunnels") ? reader.texts("tunnels") : gateway.peers;
    reader.take("tunnels");
    gateway.vrf = reader.text("vrf", false, "Public");
    gateway.routeTargets = reader.texts("routeTargets");
    if (gateway.routeTargets.empty()) reader.note("routeTargets", "names none");
    for (std::size_t i = 0; i < gateway.routeTargets.size(); ++i)
      if (const auto target = parseTarget(gateway.routeTargets[i]); !target)
        reader.note(fmt::format("routeTargets[{}]", i), target.error().message);
    gateway.rd =
        reader.text("rd", false, fmt::format("{}:{}", gateway.asn, out_.gateways.size() + 1));
    gateway.holdTime = static_cast<unsigned>(reader.number("holdTime", 3, 300, 9));
    gateway.defaultRoute = reader.flag("defaultRoute", true);
    out_.gateways.push_back(std::move(gateway));
  }

  void outside(Reader& reader) {
    Outside outside;
    outside.network = reader.value("network", parseSubnet, true);
    if (reader.has("router")) outside.router = reader.value("router", parseV4);
    reader.take("router");
    reader.list("hosts", [&](Reader& item) {
      OutsideHost client;
      client.name = name(item, "name");
      client.address = item.value("address", parseV4, true);
      item.list("routes", [&](Reader& entry) {
        OutsideRoute route;
        route.to = entry.value("to", net::IpPrefix::parse, true);
        const auto via = entry.texts("via");
        if (via.empty()) entry.note("via", "names no next hop");
        for (std::size_t i = 0; i < via.size(); ++i)
          if (auto hop = parseV4(via[i]))
            route.via.push_back(*hop);
          else
            entry.note(fmt::format("via[{}]", i), hop.error().message);
        client.routes.push_back(std::move(route));
      });
      outside.hosts.push_back(std::move(client));
    });
    out_.outside = std::move(outside);
  }

  void workload(Reader& reader) {
    Workload workload;
    workload.name = name(reader, "name");
    workload.site = reader.text("site", true);
    workload.host = reader.text("host", true);
    workload.port = reader.text("port", true);
    const auto cut = workload.port.find('/');
    if (!workload.port.empty() &&
        (cut == std::string::npos || cut == 0 || cut + 1 == workload.port.size()))
      reader.note("port", fmt::format("\"{}\" is not PROJECT/NAME", workload.port));
    workload.image = reader.text("image");
    workload.images = file(reader.text("images", !workload.image.empty()));
    if (const auto* environment = reader.take("env"); environment != nullptr) {
      if (!environment->is_object())
        reader.note("env", "is not a map");
      else
        for (const auto& [key, value] : environment->items()) {
          if (!value.is_string() && !value.is_number())
            reader.note("env." + key, "is neither text nor a number");
          else
            workload.environment[key] = value.is_string() ? value.get<std::string>() : value.dump();
        }
    }
    workload.state = reader.flag("state", false);
    workload.hostname = reader.text("hostname", false, workload.name);
    out_.workloads.push_back(std::move(workload));
  }

  void expose(Reader& reader) {
    Expose expose;
    expose.name = name(reader, "name");
    expose.from = reader.text("from", true);
    expose.address = reader.value("address", parseV4, true);
    expose.port = static_cast<std::uint16_t>(reader.number("port", 1, 65535, 0, true));
    expose.listen = static_cast<std::uint16_t>(reader.number("listen", 1, 65535, 0));
    out_.exposes.push_back(std::move(expose));
  }

  const Json& json_;
  fs::path base_;
  Problem problem_;
  Topology out_;
};

}  // namespace

Result<Topology> parseTopology(const Json& json, const fs::path& base) {
  if (!json.is_object()) return invalid("holds no fields");
  return Parser(json, base).run();
}

}  // namespace hawser::lab
