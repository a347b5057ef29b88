#include <algorithm>
#include <iterator>

#include "hawser/agent/local.h"
#include "input.h"

namespace hawser::cni {
namespace {

constexpr const char* kValidAttachments = "cni.dev/valid-attachments";
constexpr int kMaxWaitMs = 10 * 60 * 1000;
constexpr int kMaxDepth = 64;  // of nested lists and objects: printing them is recursive

// Discarded when it is no JSON, or too deep.
Json parseJson(std::string_view text) {
  bool deep = false;
  auto json = Json::parse(
      text,
      [&](int depth, Json::parse_event_t, Json&) {
        deep |= depth > kMaxDepth;
        return !deep;
      },
      false);
  return deep ? Json(Json::value_t::discarded) : json;
}

std::unexpected<Failure> wrong(const std::string& field, const std::string& message) {
  return failure(Code::kInvalidConfig, field + ": " + message);
}

std::string describe(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const auto* findVersion(std::string_view version) {
  return std::find(std::begin(kVersions), std::end(kVersions), version);
}

// A configuration without a version is of 0.1.0, which had other results.
std::string versionOf(const Json& json) {
  const auto found = json.find("cniVersion");
  if (found == json.end()) return "0.1.0";
  return found->is_string() ? found->get<std::string>() : std::string();
}

Outcome<std::string> checkVersion(const Json& json, Command command) {
  const auto version = versionOf(json);
  if (version.empty()) return wrong("cniVersion", "must be a string");
  if (command == Command::kVersion) return version;
  if (findVersion(version) == std::end(kVersions)) {
    std::string known;
    for (const auto one : kVersions) known += (known.empty() ? "" : ", ") + std::string(one);
    return failure(Code::kIncompatibleVersion, "incompatible CNI versions",
                   "config is \"" + version + "\", plugin supports " + known);
  }
  const bool check = command == Command::kCheck;
  if ((check && !atLeast(version, "0.4.0")) ||
      ((command == Command::kGc || command == Command::kStatus) && !atLeast(version, "1.1.0")))
    return failure(
        Code::kIncompatibleVersion,
        "config version does not allow " + std::string(check                     ? "CHECK"
                                                       : command == Command::kGc ? "GC"
                                                                                 : "STATUS"),
        "cniVersion is " + version);
  return version;
}

Outcome<std::string> parseName(const Json& json) {
  const auto found = json.find("name");
  if (found == json.end() || !found->is_string() || found->get<std::string>().empty())
    return wrong("name", "is required");
  const auto name = found->get<std::string>();
  const auto alnum = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool good = alnum(name.front()) && std::all_of(name.begin(), name.end(), [&](char c) {
                      return alnum(c) || c == '_' || c == '.' || c == '-';
                    });
  if (!good)
    return wrong("name", describe(*found) +
                             " holds characters other than letters, digits, '_', '.' and '-'");
  return name;
}

Outcome<> readSettings(const Json& json, Config& config) {
  config.agentSocket = agent::kDefaultSocket;
  if (const auto socket = json.find("agentSocket"); socket != json.end()) {
    if (!socket->is_string() || !socket->get<std::string>().starts_with('/'))
      return wrong("agentSocket", "must be the absolute path of a unix socket");
    config.agentSocket = socket->get<std::string>();
    if (config.agentSocket.size() > 107)
      return wrong("agentSocket", "is longer than the 107 characters of a unix socket's path");
  }
  if (const auto wait = json.find("waitMs"); wait != json.end()) {
    if (!wait->is_number_integer() || *wait < 0 || *wait > kMaxWaitMs)
      return wrong("waitMs", "must be a number of milliseconds, 0 to 600000");
    config.wait = std::chrono::milliseconds(wait->get<int>());
  }
  if (const auto dns = json.find("dns"); dns != json.end() && !dns->is_null()) {
    if (!dns->is_object()) return wrong("dns", "must be an object");
    config.dns = *dns;
  }
  return {};
}

// Addresses are Hawser's to give: a configuration that delegates them elsewhere would be obeyed
// only in part.
Outcome<> refuseIpam(const Json& json) {
  const auto ipam = json.find("ipam");
  if (ipam == json.end() || !ipam->is_object() || ipam->empty()) return {};
  return failure(Code::kUnsupportedField, "unsupported field \"ipam\" with value " +
                                              describe(*ipam) + ": addresses come from the API");
}

Outcome<> readAttachments(const Json& json, Config& config) {
  const auto list = json.find(kValidAttachments);
  if (list == json.end()) return wrong(kValidAttachments, "is required");
  // No attachment at all may come as null from runtimes written in Go.
  if (list->is_null()) return {};
  if (!list->is_array()) return wrong(kValidAttachments, "must be a list");
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto& one = (*list)[i];
    const auto text = [&](const char* key) {
      const auto found = one.is_object() ? one.find(key) : one.end();
      return one.is_object() && found != one.end() && found->is_string() ? found->get<std::string>()
                                                                         : std::string();
    };
    Attachment attachment{text("containerID"), text("ifname")};
    if (attachment.containerId.empty() || attachment.ifname.empty())
      return wrong(std::string(kValidAttachments) + "[" + std::to_string(i) + "]",
                   "needs containerID and ifname");
    config.valid.push_back(std::move(attachment));
  }
  return {};
}

Outcome<> readPrevResult(const Json& json, Command command, Config& config) {
  const auto found = json.find("prevResult");
  const bool there = found != json.end() && !found->is_null();
  if (!there && command == Command::kCheck) return wrong("prevResult", "is required for CHECK");
  if (!there) return {};
  if (!found->is_object()) return wrong("prevResult", "must be an object");
  for (const auto* key : {"interfaces", "ips", "routes"})
    if (found->contains(key) && !(*found)[key].is_array() && !(*found)[key].is_null())
      return wrong(std::string("prevResult.") + key, "must be a list");
  config.prevResult = *found;
  return {};
}

}  // namespace

bool atLeast(std::string_view version, std::string_view other) {
  return findVersion(version) >= findVersion(other);
}

std::string answerVersion(std::string_view text) {
  const auto json = parseJson(text);
  if (!json.is_object()) return std::string(kNewest);
  const auto version = versionOf(json);
  return findVersion(version) == std::end(kVersions) ? std::string(kNewest) : version;
}

Outcome<Config> parseConfig(std::string_view text, Command command) {
  const auto json = parseJson(text);
  if (json.is_discarded())
    return failure(Code::kDecoding,
                   "the network configuration is not JSON, or nested deeper than 64");
  if (!json.is_object())
    return failure(Code::kDecoding, "the network configuration is not a JSON object");
  Config config;
  const auto version = checkVersion(json, command);
  if (!version) return std::unexpected(version.error());
  config.cniVersion = *version;
  if (command == Command::kVersion) return config;
  const auto name = parseName(json);
  if (!name) return std::unexpected(name.error());
  config.name = *name;
  auto read = readSettings(json, config);
  if (read && (command == Command::kAdd || command == Command::kStatus)) read = refuseIpam(json);
  if (read && command == Command::kGc) read = readAttachments(json, config);
  if (read && (command == Command::kAdd || command == Command::kCheck))
    read = readPrevResult(json, command, config);
  if (!read) return std::unexpected(read.error());
  return config;
}

}  // namespace hawser::cni
