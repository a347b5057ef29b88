#include "lab.h"

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "hawser/agent/attach.h"
#include "hawser/base/file.h"
#include "machine/owned.h"
#include "topology/images.h"

namespace hawser::lab {

using std::chrono::milliseconds;
using std::chrono::seconds;

Lab::Lab(Topology topology, State state)
    : topology_(std::move(topology)), store_(topology_.name, std::move(state)) {}

Result<std::unique_ptr<Lab>> Lab::open(const std::string& name) {
  auto state = Store::load(name);
  if (!state) return std::unexpected(state.error());
  auto topology = parseTopology(state->document, state->folder);
  if (!topology) return std::unexpected(topology.error());
  return std::make_unique<Lab>(std::move(*topology), std::move(*state));
}

// ---- processes ----

Result<void> Lab::start(const ProcessPlan& plan) {
  const auto where = paths();
  auto environment = plan.environment;
  environment[kLabMark] = where.run;
  const auto id = launch({plan.command, environment, plan.netns, where.log(plan.name)});
  if (!id) return std::unexpected(id.error());
  return change([&](State& state) { state.processes[plan.name] = {plan, *id, true}; });
}

Result<void> Lab::startAgain(const std::string& process) {
  const auto now = state();
  const auto found = now.processes.find(process);
  if (found == now.processes.end())
    return fail(ErrorCode::kNotFound, fmt::format("the lab has no process \"{}\"", process));
  if (alive(found->second.id))
    return fail(ErrorCode::kConflict, fmt::format("{} is running", process));
  return start(found->second.plan);
}

milliseconds Lab::grace(ProcessKind kind) const {
  switch (kind) {
    case ProcessKind::kNode:  // its pods end first
      return seconds(12);
    case ProcessKind::kGateway:
      return seconds(6);
    default:
      return seconds(5);
  }
}

Result<void> Lab::stop(const std::string& process, bool kill) {
  const auto now = state();
  const auto found = now.processes.find(process);
  if (found == now.processes.end())
    return fail(ErrorCode::kNotFound, fmt::format("the lab has no process \"{}\"", process));
  const auto& record = found->second;
  if (!alive(record.id))
    return fail(ErrorCode::kConflict, fmt::format("{} is not running", process));
  if (auto noted = change([&](State& s) { s.processes[process].wanted = false; }); !noted)
    return noted;
  if (kill) {
    // A power failure takes the machine with the script that runs it.
    signalProcess(record.id, SIGKILL);
    (void)waitForEnd(record.id, seconds(5));
  } else {
    endProcess(record.id, grace(record.plan.kind));
  }
  return {};
}

bool Lab::running(const std::string& process) const {
  const auto now = state();
  const auto found = now.processes.find(process);
  return found != now.processes.end() && alive(found->second.id);
}

std::unexpected<Error> Lab::ended(const std::string& process, const std::string& what) const {
  const auto log = paths().log(process);
  return fail(ErrorCode::kUnavailable,
              fmt::format("{} {}; the end of {}:\n{}", process, what, log, lastLines(log, 12)));
}

Result<void> Lab::waitReady(const std::string& process) const {
  const auto now = state();
  const auto record = now.processes.find(process);
  if (record == now.processes.end()) return {};
  const auto& plan = record->second.plan;
  std::function<bool()> ready;
  auto limit = milliseconds(30000);
  if (plan.kind == ProcessKind::kController) {
    for (const auto& site : topology_.sites)
      if (site.controller.name == process)
        ready = [this, &site] {
          auto api = client(site);
          return api && api->call("GET", "/api/v1/whoami");
        };
  } else if (plan.kind == ProcessKind::kAgent) {
    ready = [socket = now.paths.socket(process)] {
      return agent::callAgent(socket, {{"op", "ping"}}, milliseconds(1000)).has_value();
    };
  } else if (plan.kind == ProcessKind::kGateway) {
    limit = milliseconds(90000);
    ready = [&] {
      const auto done =
          run({now.paths.scripts + "/gateway", "wait", "--name", process, "--timeout", "5"}, {},
              plan.environment);
      return done && done->status == 0;
    };
  }
  if (!ready) return {};
  const auto dead = [&] { return !running(process); };
  if (waitUntil(ready, limit, dead)) return {};
  return ended(process,
               dead() ? "has ended" : fmt::format("is not ready after {} s", limit.count() / 1000));
}

// ---- sites ----

std::string Lab::siteUrl(const Site& site) const {
  for (const auto& forward : state().forwards)
    if (forward.name == site.name) return fmt::format("https://127.0.0.1:{}", forward.listen);
  return apiUrl(site);
}

Result<api::Client> Lab::client(const Site& site) const {
  const auto ca = readFile(paths().caFile(site));
  if (!ca) return std::unexpected(ca.error());
  const auto token = readFile(paths().data(site.controller.name) + "/admin.token");
  if (!token) return std::unexpected(token.error());
  api::ClientConfig config;
  config.url = siteUrl(site);
  config.caPem = *ca;
  config.token = token->substr(0, token->find_last_not_of(" \r\n\t") + 1);
  return api::Client(std::move(config));
}

const Site& Lab::siteOf(const Workload& workload) const { return *topology_.site(workload.site); }

// ---- workloads ----

namespace {

agent::AttachRequest attachRequest(const Topology& topology, const Paths& paths,
                                   const Workload& workload, const std::string& host) {
  agent::AttachRequest request;
  request.socket = paths.socket(host);
  request.netnsPath = netnsPath(netnsName(topology, workload.name));
  request.containerId = netnsName(topology, workload.name);
  request.port = workload.port;
  request.owner = "lab/" + topology.name;
  request.hostNetnsPath = netnsPath(netnsName(topology, host));
  return request;
}

}  // namespace

Result<void> Lab::attach(const Workload& workload, const std::string& host) {
  const auto netns = netnsName(topology_, workload.name);
  if (!netnsExists(netns)) {
    if (auto made = makeNetns(paths().run, netns); !made) return made;
  } else if (const auto own = ownNetns(paths().run); !std::ranges::binary_search(own, netns)) {
    return fail(ErrorCode::kExists, fmt::format("the network namespace \"{}\" is {}", netns,
                                                ownerText(paths().run, netns)));
  }
  const auto attached = agent::attachNamespace(attachRequest(topology_, paths(), workload, host));
  if (!attached)
    return fail(attached.error().code, attached.error().text(),
                fmt::format("workload {} on {}", workload.name, host));
  return change([&](State& state) {
    state.workloads[workload.name] = {host, true, attached->mac, attached->addresses};
  });
}

Result<void> Lab::detach(const Workload& workload) {
  const auto record = state().workloads[workload.name];
  if (!record.attached) return {};
  const auto detached =
      agent::detachNamespace(attachRequest(topology_, paths(), workload, record.host));
  // An agent that is away finds the device gone when it is back.
  if (!detached && detached.error().code != ErrorCode::kUnavailable) return detached;
  return change([&](State& state) { state.workloads[workload.name].attached = false; });
}

Result<void> Lab::startWorkload(const Workload& workload) {
  if (workload.image.empty()) return {};
  auto images = readImages(workload.images);
  if (!images) return std::unexpected(images.error());
  if (workload.state) {
    std::error_code ignored;
    std::filesystem::create_directories(paths().run + "/disks", ignored);
  }
  return start(planWorkload(topology_, workload, (*images)[workload.image], paths()));
}

Result<void> Lab::move(const Workload& workload, const std::string& host) {
  const auto& site = siteOf(workload);
  auto api = client(site);
  if (!api) return std::unexpected(api.error());
  if (running(workload.name))
    if (auto stopped = stop(workload.name, false); !stopped) return stopped;
  if (auto detached = detach(workload); !detached) return detached;
  const auto cut = workload.port.find('/');
  const model::ObjectKey key{model::Kind::kPort, workload.port.substr(0, cut),
                             workload.port.substr(cut + 1)};
  if (auto moved = api->patch(key, {{"spec", {{"host", host}}}}); !moved)
    return fail(moved.error().code, moved.error().text(), key.text());
  if (auto attached = attach(workload, host); !attached) return attached;
  return startWorkload(workload);
}

Result<void> together(std::vector<std::function<Result<void>()>> work) {
  std::vector<Result<void>> results(work.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < work.size(); ++i)
    threads.emplace_back([&, i] { results[i] = work[i](); });
  for (auto& thread : threads) thread.join();
  for (const auto& result : results)
    if (!result) return result;
  return {};
}

}  // namespace hawser::lab
