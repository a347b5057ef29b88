// What a runtime gives the plugin: the environment and the network configuration (CNI 1.1.0,
// sections 2 and 4). Pure. Fields that we do not know are left alone, as the specification wants.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "failure.h"

namespace hawser::cni {

using Json = nlohmann::json;

enum class Command { kAdd, kDel, kCheck, kGc, kStatus, kVersion };

// Oldest first. The newest is spoken where the caller names none (VERSION, unreadable input).
inline constexpr std::string_view kVersions[] = {"0.3.1", "0.4.0", "1.0.0", "1.1.0"};
inline constexpr std::string_view kNewest = "1.1.0";
// Of two versions in kVersions: `version` is at least `other`.
[[nodiscard]] bool atLeast(std::string_view version, std::string_view other);

struct Environment {
  Command command = Command::kVersion;
  std::string containerId, netns, ifname;
  std::string podSpace, podName;  // K8S_POD_NAMESPACE, K8S_POD_NAME of CNI_ARGS
  std::string port;               // HAWSER_PORT of CNI_ARGS, "project/port": without Kubernetes
};
// `variable` gives a variable's value, or an empty string. All errors are kInvalidEnvironment.
[[nodiscard]] Outcome<Environment> parseEnvironment(
    const std::function<std::string(const char*)>& variable);

struct Attachment {
  std::string containerId, ifname;
  friend bool operator==(const Attachment&, const Attachment&) = default;
};

struct Config {
  std::string cniVersion;
  std::string name;  // of the network: attachments are owned by "cni/<name>"
  std::string agentSocket;
  std::chrono::milliseconds wait{10000};  // "waitMs": for the pod's port to reach this host
  Json dns;                               // handed through to the result; null: none
  Json prevResult;                        // null: none
  std::vector<Attachment> valid;          // GC: "cni.dev/valid-attachments"
};
// Errors: kDecoding (no JSON object), kIncompatibleVersion, kInvalidConfig with the field's name,
// kUnsupportedField with key and value.
[[nodiscard]] Outcome<Config> parseConfig(std::string_view text, Command command);
// The version to answer an unreadable or refused configuration with: its own where we speak it,
// else the newest.
[[nodiscard]] std::string answerVersion(std::string_view text);

}  // namespace hawser::cni
