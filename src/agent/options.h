// The command line of `hawser agent`.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hawser/base/result.h"
#include "hawser/net/address.h"

namespace hawser::agent {

struct Options {
  std::string host;
  std::vector<std::string> controllers;  // URLs, tried in this order
  std::filesystem::path caFile, joinTokenFile, stateDir;
  std::string socket;
  std::string underlayDevice;
  std::optional<net::Ipv4Address> underlayAddress;  // none: the device's first
  std::string pinDir;
  bool teardown = false;
};

// nullopt: help was asked for and has been printed. Sets the log level.
[[nodiscard]] Result<std::optional<Options>> parseOptions(int argc, const char* const* argv);

}  // namespace hawser::agent
