#include <algorithm>
#include <array>
#include <utility>

#include "input.h"

namespace hawser::cni {
namespace {

bool isAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::unexpected<Failure> wrong(const std::string& message, const std::string& details = {}) {
  return failure(Code::kInvalidEnvironment, message, details);
}

constexpr std::array kCommands{
    std::pair{"ADD", Command::kAdd},       std::pair{"DEL", Command::kDel},
    std::pair{"CHECK", Command::kCheck},   std::pair{"GC", Command::kGc},
    std::pair{"STATUS", Command::kStatus}, std::pair{"VERSION", Command::kVersion}};

Outcome<Command> parseCommand(const std::string& text) {
  if (text.empty()) return wrong("CNI_COMMAND is not set");
  for (const auto& [name, command] : kCommands)
    if (text == name) return command;
  return wrong("unknown CNI_COMMAND: " + text);
}

Outcome<> checkContainerId(const std::string& id) {
  if (id.empty()) return wrong("CNI_CONTAINERID is not set");
  const bool good = isAlnum(id.front()) && std::all_of(id.begin(), id.end(), [](char c) {
                      return isAlnum(c) || c == '_' || c == '.' || c == '-';
                    });
  if (!good)
    return wrong("CNI_CONTAINERID holds characters other than letters, digits, '_', '.' and '-'",
                 id);
  return {};
}

Outcome<> checkIfname(const std::string& name) {
  if (name.empty()) return wrong("CNI_IFNAME is not set");
  if (name.size() > 15) return wrong("CNI_IFNAME is longer than 15 characters", name);
  if (name == "." || name == ".." || name.find_first_of("/: \t\n\v\f\r") != std::string::npos)
    return wrong("CNI_IFNAME is no device name", name);
  return {};
}

// "K=V;K=V": keys of others are left alone, whatever IgnoreUnknown says.
Outcome<> readArgs(const std::string& text, Environment& environment) {
  const std::array known{std::pair{"K8S_POD_NAMESPACE", &environment.podSpace},
                         std::pair{"K8S_POD_NAME", &environment.podName},
                         std::pair{"HAWSER_PORT", &environment.port}};
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find(';', start), text.size());
    const auto pair = text.substr(start, end - start);
    start = end + 1;
    if (pair.empty()) continue;
    const auto cut = pair.find('=');
    if (cut == std::string::npos) return wrong("CNI_ARGS: \"" + pair + "\" is not KEY=VALUE");
    for (const auto& [key, target] : known)
      if (pair.compare(0, cut, key) == 0) *target = pair.substr(cut + 1);
  }
  return {};
}

Outcome<> checkWorkload(const Environment& environment) {
  if (!environment.port.empty()) {
    const auto cut = environment.port.find('/');
    if (cut == 0 || cut == std::string::npos || cut + 1 == environment.port.size())
      return wrong("CNI_ARGS: HAWSER_PORT is not PROJECT/PORT", environment.port);
    return {};
  }
  if (environment.podSpace.empty() || environment.podName.empty())
    return wrong("CNI_ARGS: K8S_POD_NAMESPACE and K8S_POD_NAME, or HAWSER_PORT, are required");
  return {};
}

}  // namespace

Outcome<Environment> parseEnvironment(const std::function<std::string(const char*)>& variable) {
  Environment environment;
  const auto command = parseCommand(variable("CNI_COMMAND"));
  if (!command) return std::unexpected(command.error());
  environment.command = *command;
  const bool add = *command == Command::kAdd, check = *command == Command::kCheck;
  if (!add && !check && *command != Command::kDel) return environment;

  environment.containerId = variable("CNI_CONTAINERID");
  environment.netns = variable("CNI_NETNS");
  environment.ifname = variable("CNI_IFNAME");
  if (auto good = checkContainerId(environment.containerId); !good)
    return std::unexpected(good.error());
  if (auto good = checkIfname(environment.ifname); !good) return std::unexpected(good.error());
  if ((add || check) && environment.netns.empty()) return wrong("CNI_NETNS is not set");
  if (auto read = readArgs(variable("CNI_ARGS"), environment); !read)
    return std::unexpected(read.error());
  if (add)
    if (auto good = checkWorkload(environment); !good) return std::unexpected(good.error());
  return environment;
}

}  // namespace hawser::cni
