#include "objects.h"

#include <fmt/core.h>

#include <algorithm>

#include "hawser/api/pki.h"
#include "hawser/base/file.h"
#include "hawser/controller/rehearsal.h"
#include "topology/images.h"

namespace hawser::lab {

Result<std::string> fillIn(const std::string& text, const Placeholders& values) {
  std::string out;
  std::size_t at = 0;
  for (;;) {
    const auto begin = text.find("${", at);
    out += text.substr(at, begin == std::string::npos ? begin : begin - at);
    if (begin == std::string::npos) return out;
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<long>(begin), '\n');
    const auto end = text.find('}', begin);
    if (end == std::string::npos)
      return invalid("\"${\" without \"}\"", fmt::format("line {}", line));
    const auto name = text.substr(begin + 2, end - begin - 2);
    const auto found = values.find(name);
    if (found == values.end()) {
      std::vector<std::string> known;
      for (const auto& [key, value] : values) known.push_back(key);
      const auto near = model::nearest(name, known);
      return invalid(fmt::format("unknown placeholder \"{}\"{}", name,
                                 near.empty() ? "" : fmt::format("; is it \"{}\"?", near)),
                     fmt::format("line {}", line));
    }
    out += found->second;
    at = end + 1;
  }
}

Result<std::vector<model::Read>> readObjects(const std::string& file, const Placeholders& values) {
  const auto raw = readFile(file);
  if (!raw) return std::unexpected(raw.error());
  const auto text = fillIn(*raw, values);
  if (!text) return invalid(text.error().message, file + ": " + text.error().field);
  return model::readObjects(file, *text, "default");
}

namespace {

std::vector<model::Object> objectsOf(const std::vector<model::Read>& read) {
  std::vector<model::Object> out;
  out.reserve(read.size());
  for (const auto& one : read) out.push_back(one.object);
  return out;
}

// The Host objects that `up` makes before a site's files are applied.
std::vector<model::Object> hostObjects(const Site& site) {
  std::vector<model::Object> out;
  for (const auto& host : site.hosts) {
    model::Object object;
    object.kind = model::Kind::kHost;
    object.metadata.name = host.name;
    object.spec = {{"address", host.address.text()}};
    out.push_back(std::move(object));
  }
  return out;
}

// The objects of a site's files; the last of a name counts, as it does when they are applied.
using SiteObjects = std::map<std::string, model::Read>;

Result<SiteObjects> rehearse(const Site& site, const Placeholders& values) {
  SiteObjects out;
  auto rehearsal =
      controller::Rehearsal::open(site.name, net::Asn(site.asn), site.controller.address);
  if (!rehearsal) return std::unexpected(rehearsal.error());
  if (auto made = rehearsal->apply(hostObjects(site)); !made) return std::unexpected(made.error());
  for (const auto& file : site.objects) {
    const auto read = readObjects(file, values);
    if (!read) return std::unexpected(read.error());
    if (const auto applied = rehearsal->apply(objectsOf(*read)); !applied)
      return std::unexpected(model::placed(applied.error(), *read));
    for (const auto& one : *read) out.insert_or_assign(one.object.key().text(), one);
  }
  return out;
}

constexpr std::string_view kPorts = "ports/";

Result<void> checkPort(const Workload& workload, const SiteObjects& objects,
                       const std::string& field) {
  const auto found = objects.find(std::string(kPorts) + workload.port);
  if (found == objects.end()) {
    std::vector<std::string> known;
    for (const auto& [key, read] : objects)
      if (key.starts_with(kPorts)) known.push_back(key.substr(kPorts.size()));
    const auto near = model::nearest(workload.port, known);
    return invalid(
        fmt::format("no Port \"{}\" in the objects of site {}{}", workload.port, workload.site,
                    near.empty() ? "" : fmt::format("; is it \"{}\"?", near)),
        field);
  }
  const auto& [object, place] = found->second;
  const auto host = object.spec.value("host", "");
  if (host == workload.host) return {};
  return invalid(
      fmt::format("the Port \"{}\" ({}) {}; the workload is on \"{}\"", workload.port,
                  place.of("spec.host"),
                  host.empty() ? "has no spec.host" : fmt::format("is placed on \"{}\"", host),
                  workload.host),
      field);
}

Result<void> checkPeer(const Gateway& gateway, const std::string& site, const SiteObjects& objects,
                       const std::string& field) {
  for (const auto& [key, read] : objects)
    if (read.object.kind == model::Kind::kPeer && read.object.spec.value("role", "") == "gateway" &&
        read.object.spec.value("address", "") == gateway.address.address.text())
      return {};
  return invalid(fmt::format("site {} has no Peer object of role gateway with the address {}", site,
                             gateway.address.address.text()),
                 field);
}

Result<void> checkReferences(const Topology& topology,
                             const std::map<std::string, SiteObjects>& objects) {
  for (std::size_t i = 0; i < topology.workloads.size(); ++i) {
    const auto& workload = topology.workloads[i];
    if (auto good =
            checkPort(workload, objects.at(workload.site), fmt::format("workloads[{}].port", i));
        !good)
      return good;
  }
  for (std::size_t i = 0; i < topology.gateways.size(); ++i) {
    const auto& gateway = topology.gateways[i];
    for (std::size_t p = 0; p < gateway.peers.size(); ++p)
      if (auto good = checkPeer(gateway, gateway.peers[p], objects.at(gateway.peers[p]),
                                fmt::format("gateways[{}].peers[{}]", i, p));
          !good)
        return good;
  }
  return {};
}

}  // namespace

Result<void> applyHosts(api::Client& api, const Site& site) {
  if (auto applied = api.apply(hostObjects(site)); !applied)
    return std::unexpected(applied.error());
  return {};
}

Result<void> checkObjects(const LabFile& file) {
  const auto& topology = file.topology;
  Placeholders values;
  for (const auto& site : topology.sites) {
    values["site." + site.name + ".apiUrl"] = apiUrl(site);
    values["site." + site.name + ".controller"] = site.controller.address.text();
    values["site." + site.name + ".caFingerprint"] = "sha256:" + std::string(64, '0');
  }
  std::map<std::string, SiteObjects> objects;
  for (const auto& site : topology.sites) {
    auto read = rehearse(site, values);
    if (!read) return std::unexpected(read.error());
    objects[site.name] = std::move(*read);
  }
  if (auto good = checkReferences(topology, objects); !good)
    return std::unexpected(file.placed(good.error()));
  return {};
}

Result<Placeholders> placeholdersOf(const Lab& lab) {
  Placeholders values;
  for (const auto& site : lab.topology().sites) {
    const auto ca = readFile(lab.paths().caFile(site));
    if (!ca) return std::unexpected(ca.error());
    const auto fingerprint = api::fingerprint(*ca);
    if (!fingerprint) return std::unexpected(fingerprint.error());
    values["site." + site.name + ".apiUrl"] = apiUrl(site);
    values["site." + site.name + ".controller"] = site.controller.address.text();
    values["site." + site.name + ".caFingerprint"] = *fingerprint;
  }
  return values;
}

Result<void> applyObjects(const Lab& lab, const Site& site, const Placeholders& values) {
  auto api = lab.client(site);
  if (!api) return std::unexpected(api.error());
  for (const auto& file : site.objects) {
    const auto read = readObjects(file, values);
    if (!read) return std::unexpected(read.error());
    if (const auto applied = api->apply(objectsOf(*read)); !applied)
      return std::unexpected(model::placed(applied.error(), *read));
  }
  return {};
}

}  // namespace hawser::lab
