// The plugin's verbs. All work is the agent's and its client's (hawser/agent/attach.h); here the
// CNI protocol is put on and off.
//
// An ADD that is repeated for the same container and device finds what the first one made, checks
// it, and gives the same answer; a DEL of what is not there succeeds. So a runtime that was killed
// between a call and its answer may simply call again.
#include <errno.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "hawser/agent/attach.h"
#include "hawser/cni/main.h"
#include "result.h"

namespace hawser::cni {
namespace {

constexpr std::size_t kMaxConfig = 1U << 20U;
constexpr std::chrono::milliseconds kQuick{2000};

std::string ownerOf(const Config& config) { return "cni/" + config.name; }

agent::AttachRequest requestOf(const Config& config, const Environment& environment) {
  agent::AttachRequest request;
  request.socket = config.agentSocket;
  request.netnsPath = environment.netns;
  request.ifname = environment.ifname;
  request.containerId = environment.containerId;
  request.owner = ownerOf(config);
  request.wait = config.wait;
  if (!environment.port.empty()) {
    request.port = environment.port;
  } else {
    request.workloadKind = "pod";
    request.workloadSpace = environment.podSpace;
    request.workloadName = environment.podName;
  }
  return request;
}

// A namespace that is gone: nothing was made, nothing is left (code 3).
Outcome<> checkNetns(const std::string& path) {
  if (::access(path.c_str(), F_OK) == 0) return {};
  const int why = errno;
  return failure(why == ENOENT || why == ENOTDIR ? Code::kUnknownContainer : Code::kIo,
                 "network namespace " + path + ": " + std::strerror(why));
}

Outcome<Json> add(const Config& config, const Environment& environment) {
  if (auto there = checkNetns(environment.netns); !there) return std::unexpected(there.error());
  const auto request = requestOf(config, environment);
  auto attached = agent::checkNamespace(request);
  // No agent: no use in going on. All else is what ADD is to make, or to make again.
  if (!attached && attached.error().code != ErrorCode::kUnavailable)
    attached = agent::attachNamespace(request);
  if (attached) return addResult(config, environment, *attached);
  auto reason = toFailure(attached.error());
  // "Unknown container" would tell the runtime that it need not clean up.
  if (reason.code == Code::kUnknownContainer) reason.code = Code::kTryAgainLater;
  return std::unexpected(std::move(reason));
}

Outcome<Json> remove(const Config& config, const Environment& environment) {
  if (const auto done = agent::detachNamespace(requestOf(config, environment)); !done)
    return std::unexpected(toFailure(done.error()));
  return Json();
}

Outcome<Json> check(const Config& config, const Environment& environment) {
  if (auto there = checkNetns(environment.netns); !there) return std::unexpected(there.error());
  const auto attached = agent::checkNamespace(requestOf(config, environment));
  if (!attached) {
    auto reason = toFailure(attached.error());
    if (reason.code == Code::kUnknownContainer) reason.code = Code::kChanged;
    return std::unexpected(std::move(reason));
  }
  if (auto same = compareWithPrevious(config, environment, *attached); !same)
    return std::unexpected(same.error());
  return Json();
}

Outcome<Json> collectGarbage(const Config& config) {
  auto keep = Json::array();
  for (const auto& one : config.valid)
    keep.push_back({{"containerId", one.containerId}, {"ifname", one.ifname}});
  const auto done = agent::callAgent(
      config.agentSocket, {{"op", "gc"}, {"owner", ownerOf(config)}, {"keep", std::move(keep)}});
  if (!done) return std::unexpected(toFailure(done.error()));
  return Json();
}

Outcome<Json> status(const Config& config) {
  const auto answer = agent::callAgent(config.agentSocket, {{"op", "ping"}}, kQuick);
  if (answer) return Json();
  return failure(Code::kUnavailable, "ADD cannot be served", answer.error().text());
}

Outcome<Json> perform(const Config& config, const Environment& environment) {
  switch (environment.command) {
    case Command::kAdd:
      return add(config, environment);
    case Command::kDel:
      return remove(config, environment);
    case Command::kCheck:
      return check(config, environment);
    case Command::kGc:
      return collectGarbage(config);
    case Command::kStatus:
      return status(config);
    case Command::kVersion:
      break;
  }
  return versionResult(config.cniVersion);
}

Outcome<std::string> readInput() {
  std::string text;
  std::array<char, 16384> buffer;
  while (true) {
    const auto count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return failure(Code::kIo, std::string("read standard input: ") + std::strerror(errno));
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > kMaxConfig)
      return failure(Code::kDecoding, "the network configuration is longer than 1 MiB");
  }
}

// An empty answer (DEL, CHECK, GC, STATUS) prints nothing.
Outcome<Json> serve(std::string& version) {
  const auto environment = parseEnvironment([](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  });
  const bool asksVersion = environment && environment->command == Command::kVersion;
  const auto text = readInput();
  if (!text) return std::unexpected(text.error());
  version = answerVersion(*text);
  if (!environment) return std::unexpected(environment.error());
  if (asksVersion && text->find_first_not_of(" \t\r\n") == std::string::npos)
    return versionResult(kNewest);
  const auto config = parseConfig(*text, environment->command);
  if (!config) return std::unexpected(config.error());
  return perform(*config, *environment);
}

bool print(const Json& json) {
  const auto text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

}  // namespace

int cniMain(int argc, char** /*argv*/) {
  if (argc > 1) {
    std::fprintf(
        stderr,
        "hawser: this is a CNI plugin: it takes CNI_COMMAND and its other settings from the "
        "environment and the network configuration from standard input\n");
    return 1;
  }
  std::string version(kNewest);
  Outcome<Json> outcome;
  try {
    outcome = serve(version);
  } catch (const std::exception& error) {
    outcome = failure(Code::kInternal, error.what());
  }
  if (!outcome) {
    print(errorResult(version, outcome.error()));
    return 1;
  }
  return outcome->is_null() || print(*outcome) ? 0 : 1;
}

}  // namespace hawser::cni
