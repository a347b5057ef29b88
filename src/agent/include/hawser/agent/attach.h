// Joins a network namespace to its port: a veth pair by netlink, the agent's "plug", address and
// routes inside. Used by hawser-cni and by the lab. Blocking; a few milliseconds beside the agent's
// wait for the port.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "hawser/agent/local.h"
#include "hawser/base/result.h"

namespace hawser::agent {

struct AttachRequest {
  std::string socket = kDefaultSocket;
  std::string netnsPath;  // "/run/netns/x", "/proc/1234/ns/net"
  std::string ifname = "eth0";
  std::string containerId;  // unique on the host; with `ifname` it names the attachment
  // Who it is for: "project/port", or a workload as the Port object names it.
  std::string port;
  std::string workloadKind, workloadSpace, workloadName;  // "pod", namespace, name
  std::string owner;          // who looks after it ("cni/<network>"): what CNI's GC may remove
  std::string hostNetnsPath;  // where the agent runs; empty: here
  std::chrono::milliseconds wait{10000};  // for the port to be in the host's slice
};

struct Attached {
  std::string port, uid;  // "project/port"
  std::string mac;
  std::vector<std::string> addresses;
  std::string gateway;  // may be empty
  std::uint32_t mtu = 0;
  std::string hostname, host;
  std::string device;  // host side
};

// "hw" and 11 hex digits: the host side of (containerId, ifname).
[[nodiscard]] std::string hostDeviceName(const std::string& containerId, const std::string& ifname);

// What an earlier attempt under the same (containerId, ifname) left is replaced. A failure leaves
// nothing behind.
[[nodiscard]] Result<Attached> attachNamespace(const AttachRequest& request);
// Idempotent; fine when the namespace, the device or the port is gone already. Fails with
// kUnavailable when the agent is away, after having removed the devices.
[[nodiscard]] Result<void> detachNamespace(const AttachRequest& request);
// The attachment is as attachNamespace left it: plugged, device, MAC, addresses, default route.
[[nodiscard]] Result<Attached> checkNamespace(const AttachRequest& request);

}  // namespace hawser::agent
