// Contexts: which site the command line talks to, and as whom. Kept in $HAWSER_CONFIG, else
// ~/.config/hawser/config.yaml:
//   current: kubernetes
//   contexts:
//     kubernetes: {server: "https://10.2.0.10:8443", ca: ca.pem, tokenFile: admin.token, project:
//     default}
// `ca` is a file or the PEM text itself. Paths are relative to the file's folder.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "hawser/base/result.h"
#include "hawser/model/object.h"

namespace hawser::cli {

struct Context {
  std::string server;
  std::string ca;         // file or PEM text
  std::string token;      // the secret, or
  std::string tokenFile;  // the file that holds it
  std::string project;    // "": default
};

struct Config {
  std::string current;
  std::map<std::string, Context> contexts;
};

[[nodiscard]] Result<Config> parseConfig(const std::string& text);
[[nodiscard]] model::Json toJson(const Config& config);

// A file that is not there is an empty configuration; errors name the file.
[[nodiscard]] Result<Config> loadConfig(const std::filesystem::path& path);
// Replaces the file by a rename, mode 0600; makes its folder.
[[nodiscard]] Result<void> saveConfig(const std::filesystem::path& path, const Config& config);

}  // namespace hawser::cli
