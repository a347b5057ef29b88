// TC filters on devices: ours alone (own handle and priority); others' stay as they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hawser/base/result.h"
#include "hawser/netlink/netlink.h"

namespace hawser::datapath {

inline constexpr std::uint32_t kFilterHandle = 0x4857;  // "HW"
inline constexpr std::uint32_t kFilterPriority = 4857;

struct Device {
  int index = 0;
  bool peerElsewhere = false;  // a veth whose other end is in another namespace
};
// By name, in this network namespace.
[[nodiscard]] Result<Device> findDevice(const std::string& name);

// Puts the program on the device's clsact ingress, in one step in place of an earlier one of ours.
// kNotFound: there is no such device.
[[nodiscard]] Result<void> attachIngress(int device, int program);
// The id of our program on the device's ingress; none when there is none, or not one of ours, or no
// such device.
[[nodiscard]] Result<std::optional<std::uint32_t>> attachedIngress(int device);
// Puts the program back when it is not on the device's ingress. Whether it was not.
[[nodiscard]] Result<bool> mendIngress(int device, int program);
// Takes our filter away, and the clsact qdisc when no filter is left on it: a question without an
// answer keeps it, since it may carry others' filters. `socket`: whom to ask.
[[nodiscard]] Result<void> detachIngress(int device);
[[nodiscard]] Result<void> detachIngress(netlink::Socket& socket, int device);
[[nodiscard]] std::uint32_t programId(int program);

}  // namespace hawser::datapath
