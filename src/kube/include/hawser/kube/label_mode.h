// The label mode: pods and services to Hawser's objects, with the semantics of the
// kube-network-manager of 2015. Pure.
//
// The label `name` of a pod chooses its network within its namespace; the label (or annotation)
// `uses`, a string or a JSON list, names the service networks of the namespace that the whole pod
// network may reach; a service's own label `name` chooses the network its cluster IPs live in
// ("service-<name>"). External IPs live in the public network. Everything is computed from the
// whole state each time, so nothing depends on the order in which objects came or go.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "hawser/kube/kubernetes.h"
#include "hawser/model/object.h"

namespace hawser::kube {

struct LabelSettings {
  std::string owner;  // "kube/<cluster>": marks what is ours
  std::string networkLabel = "name";
  std::string usesLabel = "uses";
  std::string podPool = "kube-pods";  // AddressPool: pod addresses are unique in the cluster
  std::string podCidr = "10.10.0.0/16";
  std::string serviceCidr = "10.254.0.0/16";
  std::string publicNetwork =
      "default/Public";  // made by the operator; "": external IPs are left alone
  std::set<ObjectName>
      clusterServices;  // service networks that every pod network may reach: namespace/label
};

struct ClusterState {
  std::map<ObjectName, Pod> pods;
  std::map<ObjectName, Service> services;
};

struct Translation {
  model::ObjectMap objects;           // what is to exist, all with our owner
  std::vector<std::string> problems;  // "services/default/x: …": shown to people, the rest goes on
};

[[nodiscard]] Translation translate(const ClusterState& state, const LabelSettings& settings);

}  // namespace hawser::kube
