// What the agent asks of the kernel besides the datapath: devices, addresses, one agent a state.
#pragma once

#include <filesystem>
#include <string>

#include "hawser/base/fd.h"
#include "ports.h"

namespace hawser::agent {

class KernelDevices final : public Devices {
 public:
  [[nodiscard]] int indexOf(const std::string& name) const override;
  // A workload's device that its runtime left behind. Said when it cannot be.
  static void remove(const std::string& name);
};

// The device's first IPv4 address that is not link-local.
[[nodiscard]] Result<net::Ipv4Address> firstAddress(const std::string& device);
// Bytes. kNotFound: no such device.
[[nodiscard]] Result<std::uint16_t> mtuOf(const std::string& device);

// Makes the folder (0700) and locks it as long as the descriptor lives. kExists: another agent
// has it.
[[nodiscard]] Result<Fd> lockState(const std::filesystem::path& stateDir);

}  // namespace hawser::agent
