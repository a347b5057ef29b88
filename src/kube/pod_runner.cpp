#include "pod_runner.h"

#include <fmt/core.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "hawser/base/log.h"
#include "json_access.h"

namespace hawser::kube {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr milliseconds kRetry{500};

bool succeeded(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

std::string endText(int status) {
  return WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                             : fmt::format("status {}", WEXITSTATUS(status));
}

Duration after(const Json& probe, const char* field, int otherwise) {
  return seconds(numberOf(member(probe, field), 0, 86400, otherwise));
}

Command ipCommand(std::vector<std::string> argv) {
  return {.argv = std::move(argv), .environment = {}, .input = {}, .logFile = {}};
}

// A CNI error's message and details, or the text itself.
std::string cniProblem(const std::string& output) {
  const auto json = Json::parse(output, nullptr, false);
  if (!json.is_object()) return output.empty() ? "no answer" : output;
  const auto details = textOf(json, "details");
  return textOf(json, "msg") + (details.empty() ? "" : " (" + details + ")");
}

std::string idOf(const ObjectName& name, const Json& pod) {
  const auto uid = textOf(member(pod, "metadata"), "uid");
  return fmt::format("{}-{}-{:x}", name.space, name.name,
                     std::hash<std::string>{}(uid) & 0xffffffffU);
}

bool namespaceExists(const std::string& name) {
  std::error_code ignored;
  return std::filesystem::exists("/run/netns/" + name, ignored);
}

}  // namespace

std::string namespaceOf(const NodeSettings& settings, const ObjectName& name) {
  return settings.namespacePrefix + name.space + "_" + name.name;
}

PodRunner::PodRunner(io::Loop& loop, const NodeSettings& settings, ObjectName name, Json pod,
                     std::function<void()> changed)
    : loop_(loop), settings_(settings), changed_(std::move(changed)), timer_(loop) {
  context_ = {.name = name,
              .uid = textOf(member(pod, "metadata"), "uid"),
              .netns = namespaceOf(settings, name),
              .containerId = idOf(name, pod),
              .address = {}};
  foreign_ = namespaceExists(context_.netns);
  const auto& spec = member(pod, "spec");
  grace_ = seconds(std::min<std::int64_t>(
      numberOf(member(spec, "terminationGracePeriodSeconds"), 0, 3600, 30), 5));
  for (const auto& one : listOf(member(spec, "containers"))) {
    auto container = std::make_unique<Container>();
    container->spec = one;
    container->timer = std::make_unique<io::Timer>(loop_);
    container->probeTimer = std::make_unique<io::Timer>(loop_);
    containers_.push_back(std::move(container));
  }
}

PodRunner::~PodRunner() = default;

void PodRunner::setPhase(Phase phase) {
  phase_ = phase;
  changed_();
}

void PodRunner::run(const Command& command, std::function<void(int, const std::string&)> done) {
  helper_.reset();  // one that still runs is not wanted any more
  auto started = Process::start(loop_, command, done);
  if (started)
    helper_ = std::move(*started);
  else
    loop_.post([done = std::move(done), why = started.error().text(),
                alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) done(1 << 8, why);
    });
}

void PodRunner::start() { makeNamespace(); }

// One that is there before is somebody else's: what an earlier run left, its statuses told, and it
// is gone by now. A second attempt begins with a new one; its devices go with the old.
void PodRunner::makeNamespace() {
  if (foreign_ && namespaceExists(context_.netns))
    return retryStart(
        fmt::format("the network namespace {} exists and is not this node's", context_.netns));
  if (std::exchange(foreign_, false)) changed_();
  run(ipCommand({"sh", "-c",
                 // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one script
                 "[ -z \"$2\" ] || ip netns del \"$1\" 2>/dev/null; ip netns add \"$1\" || exit; "
                 "ip -n \"$1\" link set lo up || { ip netns del \"$1\"; exit 1; }",
                 "sh", context_.netns, made_ ? "again" : ""}),
      [this](int status, const std::string& output) {
        made_ = made_ || succeeded(status);
        if (phase_ != Phase::kStarting) return;
        if (succeeded(status)) return addNetwork();
        retryStart("network namespace: " + output);
      });
}

void PodRunner::addNetwork() {
  run(cniCommand(settings_, context_, "ADD"),
      [this](int status, const std::string& output) { networkAdded(status, output); });
}

void PodRunner::networkAdded(int status, const std::string& output) {
  if (phase_ != Phase::kStarting) return;
  const auto result = Json::parse(output, nullptr, false);
  const auto& ips = listOf(member(result, "ips"));
  if (!succeeded(status) || ips.empty()) return retryStart("CNI ADD: " + cniProblem(output));
  problem_.clear();
  const auto address = textOf(ips[0], "address");
  context_.address = address.substr(0, address.find('/'));
  setPhase(Phase::kRunning);
  for (auto& container : containers_) startContainer(*container);
}

// From the namespace on: what failed half-way may have left something in it.
void PodRunner::retryStart(const std::string& problem) {
  if (problem != problem_) log::warn("node", "pod {}: {}", context_.name.text(), problem);
  problem_ = problem;
  changed_();
  timer_.start(kRetry, [this] { makeNamespace(); });
}

void PodRunner::startContainer(Container& container) {
  if (phase_ != Phase::kRunning) return;
  const auto command = containerCommand(settings_, context_, container.spec);
  if (!command) {
    problem_ = command.error().text();
    log::error("node", "pod {}: {}", context_.name.text(), problem_);
    return changed_();
  }
  auto started = Process::start(
      loop_, *command,
      [this, &container](int status, const std::string&) { containerEnded(container, status); });
  if (!started) {
    log::error("node", "pod {}: {}", context_.name.text(), started.error().text());
    return container.timer->start(seconds(1), [this, &container] { startContainer(container); });
  }
  container.process = std::move(*started);
  container.failures = 0;
  const auto& probe = member(container.spec, "readinessProbe");
  if (probe.is_object())
    scheduleProbe(container, after(probe, "initialDelaySeconds", 0) + milliseconds(100));
  else
    container.ready = true;
  changed_();
}

void PodRunner::containerEnded(Container& container, int status) {
  container.process.reset();
  container.probe.reset();
  container.probeTimer->cancel();
  container.ready = false;
  if (phase_ != Phase::kRunning && phase_ != Phase::kDraining) return maybeDetach();
  ++container.restarts;
  const auto wait = std::min<unsigned>(1U << std::min(container.restarts, 5U), 10U);
  log::warn("node", "pod {}: container {} ended with {}; again in {} s", context_.name.text(),
            textOf(container.spec, "name"), endText(status), wait);
  changed_();
  container.timer->start(seconds(wait), [this, &container] { startContainer(container); });
}

void PodRunner::scheduleProbe(Container& container, Duration wait) {
  container.probeTimer->start(wait, [this, &container] { probe(container); });
}

void PodRunner::probe(Container& container) {
  if (phase_ != Phase::kRunning || !container.process) return;
  const auto argv = probeCommand(settings_, context_, container.spec, container.process->pid());
  if (argv.empty()) return probed(container, true);
  auto started = Process::start(
      loop_, {.argv = argv, .environment = {}, .input = {}, .logFile = {}},
      [this, &container](int status, const std::string&) { probed(container, succeeded(status)); });
  if (started)
    container.probe = std::move(*started);
  else
    probed(container, false);
}

void PodRunner::probed(Container& container, bool good) {
  const auto& spec = member(container.spec, "readinessProbe");
  const bool before = container.ready;
  container.failures = good ? 0 : container.failures + 1;
  if (good && container.process) container.ready = true;
  if (container.failures >= numberOf(member(spec, "failureThreshold"), 1, 86400, 3))
    container.ready = false;
  if (before != container.ready) changed_();
  if (phase_ != Phase::kRunning) return;
  // While it is not ready, look more often: a start-up should not wait for the next full period.
  scheduleProbe(container,
                container.ready ? after(spec, "periodSeconds", 10) : Duration(milliseconds(250)));
}

void PodRunner::remove() {
  if (phase_ == Phase::kStarting) {
    helper_.reset();
    setPhase(Phase::kStopping);
    return maybeDetach();
  }
  if (phase_ != Phase::kRunning) return;
  setPhase(Phase::kDraining);
  timer_.start(settings_.drain, [this] { stop(); });
}

void PodRunner::abandon() {
  abandoned_ = true;
  remove();
}

void PodRunner::stop() {
  setPhase(Phase::kStopping);
  for (auto& container : containers_) {
    container->timer->cancel();
    container->probeTimer->cancel();
    container->probe.reset();
    if (container->process) container->process->signal(SIGTERM);
  }
  timer_.start(grace_, [this] {
    for (auto& container : containers_) container->process.reset();  // kills
    maybeDetach();
  });
  maybeDetach();
}

void PodRunner::maybeDetach() {
  if (phase_ != Phase::kStopping) return;
  if (std::any_of(containers_.begin(), containers_.end(),
                  [](const auto& c) { return c->process != nullptr; }))
    return;
  phase_ = Phase::kDetaching;
  detach();
}

void PodRunner::detach() {
  timer_.cancel();
  run(cniCommand(settings_, context_, "DEL"),
      [this](int status, const std::string& output) { detached(status, output); });
}

void PodRunner::detached(int status, const std::string& output) {
  if (succeeded(status)) return removeNamespace();
  const auto problem = "CNI DEL: " + cniProblem(output);
  if (problem != problem_) log::warn("node", "pod {}: {}", context_.name.text(), problem);
  problem_ = problem;
  // The device goes with the namespace, and the agent sees that once it is there again.
  if (abandoned_) return removeNamespace();
  changed_();
  timer_.start(kRetry, [this] { detach(); });
}

void PodRunner::removeNamespace() {
  if (foreign_) return setPhase(Phase::kGone);
  run(ipCommand({"ip", "netns", "del", context_.netns}),
      [this](int, const std::string&) { setPhase(Phase::kGone); });
}

bool PodRunner::ready() const {
  return phase_ == Phase::kRunning && std::all_of(containers_.begin(), containers_.end(),
                                                  [](const auto& c) { return c->ready; });
}

Json PodRunner::status() const {
  auto containers = Json::array();
  for (const auto& container : containers_)
    containers.push_back({{"name", textOf(container->spec, "name")},
                          {"ready", container->ready},
                          {"restartCount", container->restarts}});
  Json status{{"phase", phase_ == Phase::kStarting ? "Pending" : "Running"},
              {"podIP", context_.address},
              {"conditions", {{{"type", "Ready"}, {"status", ready() ? "True" : "False"}}}},
              {"containerStatuses", containers},
              {"node", settings_.node},
              {"netns", foreign_ ? "" : context_.netns},
              {"containerId", context_.containerId}};
  if (!problem_.empty()) status["message"] = problem_;
  return status;
}

}  // namespace hawser::kube
