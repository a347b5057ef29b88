// The lab's file as values: what docs/lab-file.md describes, checked. Nothing of the machine is
// touched before the whole file is known to be good.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hawser/base/result.h"
#include "hawser/model/object.h"
#include "hawser/net/address.h"

namespace hawser::lab {

using model::Json;

struct Host {
  std::string name;
  net::IpAddress address;
};

struct Kube {
  std::vector<std::string> manifests;  // folders
  std::string images;                  // file
  net::IpPrefix podCidr, serviceCidr;
  std::string publicNetwork;  // "project/name" or empty
};

struct Site {
  std::string name;
  std::uint32_t asn = 0;
  net::IpPrefix underlay;  // its last usable address is the transit router's
  Host controller;
  std::vector<Host> hosts;
  std::vector<std::string> objects;  // files, applied in this order
  std::optional<Kube> kube;
};

// Address of an interface and the length of its subnet.
struct InterfaceAddress {
  net::IpAddress address;
  int length = 0;
  [[nodiscard]] net::IpPrefix subnet() const { return net::IpPrefix::truncated(address, length); }
  [[nodiscard]] std::string text() const;
};

struct Gateway {
  std::string name;
  std::uint32_t asn = 0;
  InterfaceAddress address, outside;  // underlay side, outside
  std::vector<std::string> peers;     // sites whose controller it talks to
  std::vector<std::string> tunnels;   // sites to whose hosts it has tunnels
  std::string vrf;
  std::vector<std::string> routeTargets;
  std::string rd;             // route distinguisher; unique, so that both gateways' routes are seen
  unsigned holdTime = 9;      // seconds, of BGP
  bool defaultRoute = false;  // towards the outside router
};

struct OutsideRoute {
  net::IpPrefix to;
  std::vector<net::IpAddress> via;  // several: spread per flow
};
struct OutsideHost {
  std::string name;
  net::IpAddress address;
  std::vector<OutsideRoute> routes;
};
struct Outside {
  net::IpPrefix network;
  std::optional<net::IpAddress>
      router;  // an address that answers: where the gateways' default goes
  std::vector<OutsideHost> hosts;
};

struct Workload {
  std::string name, site, host;
  std::string port;   // "project/name"
  std::string image;  // empty: a bare network namespace
  std::string images;
  std::map<std::string, std::string> environment;
  bool state = false;  // keeps its disk when it is stopped or moved
  std::string hostname;
};

// A port of this machine's loopback that leads into the lab.
struct Expose {
  std::string name;
  std::string from;  // node in whose namespace the connection is opened
  net::IpAddress address;
  std::uint16_t port = 0;
  std::uint16_t listen = 0;  // 0: any free one
};

struct Topology {
  std::string name;
  unsigned mtu = 1500;  // of the underlay, bytes
  std::vector<Site> sites;
  std::vector<Gateway> gateways;
  std::optional<Outside> outside;
  std::vector<Workload> workloads;
  std::vector<Expose> exposes;

  [[nodiscard]] const Site* site(const std::string& name) const;
  [[nodiscard]] const Workload* workload(const std::string& name) const;
};

// The address that the transit router has in an underlay subnet: the last usable one.
[[nodiscard]] net::IpAddress transitAddress(const net::IpPrefix& subnet);

// Names of lab, nodes: [a-z0-9]([-a-z0-9]*[a-z0-9])?, at most `most`.
[[nodiscard]] bool validName(const std::string& name, std::size_t most);

// Pure. `base`: the folder that relative paths are relative to. Error.field is the path in the
// file: "workloads[2].host".
[[nodiscard]] Result<Topology> parseTopology(const Json& json, const std::filesystem::path& base);
// What needs the whole: references, overlaps, names and addresses that are there twice.
[[nodiscard]] Result<void> checkTopology(const Topology& topology);

// `over` laid over `base`: maps field by field, lists of things with names by name, other values
// and lists replaced.
[[nodiscard]] Json overlay(Json base, const Json& over);

struct LabFile {
  Topology topology;
  Json json;  // the whole file, `extends` resolved
  std::filesystem::path folder;
  std::string path, text;  // as given; text is empty where lines would be those of another file
  // With the file and, where it is known, the line before the field.
  [[nodiscard]] Error placed(Error error) const;
};
// Reads, resolves `extends`, parses, checks, and looks that the files it names exist. Error.field
// begins with the file and, where it is known, the line.
[[nodiscard]] Result<LabFile> readLabFile(const std::filesystem::path& file);

}  // namespace hawser::lab
