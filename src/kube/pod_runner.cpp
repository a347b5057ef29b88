#include "pod_runner.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "hawser/base/log.h"

namespace hawser::kube {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

bool succeeded(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

std::string endText(int status) {
  return WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                             : fmt::format("status {}", WEXITSTATUS(status));
}

std::vector<std::string> strings(const Json& list) {
  std::vector<std::string> out;
  for (const auto& item : list)
    if (item.is_string())
      out.push_back(item.get<std::string>());
    else
      out.push_back(item.dump());
  return out;
}

Json containersOf(const Json& pod) {
  return pod.value("spec", Json::object()).value("containers", Json::array());
}

Duration after(const Json& probe, const char* field, int otherwise) {
  return seconds(probe.value(field, otherwise));
}

}  // namespace

Result<std::map<std::string, Image>> readImages(const fs::path& file) {
  const auto text = readFile(file);
  if (!text) return std::unexpected(text.error());
  const auto documents = model::parseDocuments(*text);
  if (!documents) return invalid(documents.error().text(), file.string());
  if (documents->size() != 1 || !(*documents)[0].contains("images"))
    return invalid("holds no `images`", file.string());
  std::map<std::string, Image> images;
  for (const auto& [name, json] : (*documents)[0]["images"].items()) {
    auto& image = images[name];
    image.command = strings(json.value("command", Json::array()));
    image.user = json.value("user", "");
    const auto bind = json.value("bind", Json::object());
    for (const auto& [source, target] : bind.items())
      image.bind[fs::absolute(file.parent_path() / source).lexically_normal().string()] =
          target.get<std::string>();
  }
  return images;
}

PodRunner::PodRunner(io::Loop& loop, const NodeSettings& settings, ObjectName name, Json pod,
                     std::function<void()> changed)
    : loop_(loop),
      settings_(settings),
      name_(std::move(name)),
      pod_(std::move(pod)),
      changed_(std::move(changed)),
      timer_(loop) {
  netns_ = settings_.namespacePrefix + name_.space + "-" + name_.name;
  containerId_ = fmt::format("{}-{}-{:x}", name_.space, name_.name,
                             std::hash<std::string>{}(pod_.dump()) & 0xffffffU);
  for (const auto& spec : containersOf(pod_)) {
    auto container = std::make_unique<Container>();
    container->spec = spec;
    container->timer = std::make_unique<io::Timer>(loop_);
    container->probeTimer = std::make_unique<io::Timer>(loop_);
    containers_.push_back(std::move(container));
  }
  // The namespace may be left from a run that was killed.
  auto made = Process::start(
      loop_,
      {.argv =
           {"sh", "-c",
            "ip netns del \"$1\" 2>/dev/null; ip netns add \"$1\" && ip -n \"$1\" link set lo up",
            "sh", netns_},
       .environment = {},
       .input = {},
       .logFile = {}},
      [this](int status, const std::string& output) {
        if (succeeded(status)) return addNetwork();
        problem_ = "network namespace: " + output;
        log::error("node", "pod {}: {}", name_.text(), problem_);
        changed_();
      });
  if (made)
    cni_ = std::move(*made);
  else
    problem_ = made.error().text();
}

PodRunner::~PodRunner() = default;

void PodRunner::setPhase(Phase phase) {
  phase_ = phase;
  changed_();
}

Command PodRunner::cniCommand(const std::string& verb) const {
  Json config{{"cniVersion", "1.0.0"},
              {"name", "hawser"},
              {"type", "hawser-cni"},
              {"agentSocket", settings_.agentSocket}};
  return {
      .argv = {settings_.cni},
      .environment = {"CNI_COMMAND=" + verb, "CNI_CONTAINERID=" + containerId_,
                      "CNI_NETNS=/run/netns/" + netns_, "CNI_IFNAME=eth0",
                      "CNI_PATH=" + fs::path(settings_.cni).parent_path().string(),
                      fmt::format("CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE={};K8S_POD_NAME={}",
                                  name_.space, name_.name)},
      .input = config.dump(),
      .logFile = {}};
}

void PodRunner::addNetwork() {
  if (phase_ != Phase::kStarting) return maybeDetach();
  auto started = Process::start(
      loop_, cniCommand("ADD"),
      [this](int status, const std::string& output) { networkAdded(status, output); });
  if (started)
    cni_ = std::move(*started);
  else
    networkAdded(1, started.error().text());
}

void PodRunner::networkAdded(int status, const std::string& output) {
  if (phase_ != Phase::kStarting) return maybeDetach();
  const auto result = Json::parse(output, nullptr, false);
  const bool good =
      succeeded(status) && result.is_object() && result.contains("ips") && !result["ips"].empty();
  if (!good) {
    const auto problem = result.is_object()
                             ? result.value("msg", output) + " " + result.value("details", "")
                             : output;
    if (problem != problem_) log::warn("node", "pod {}: CNI ADD: {}", name_.text(), problem);
    problem_ = problem;
    changed_();
    timer_.start(milliseconds(500), [this] { addNetwork(); });
    return;
  }
  problem_.clear();
  const auto address = result["ips"][0].value("address", "");
  address_ = address.substr(0, address.find('/'));
  setPhase(Phase::kRunning);
  for (auto& container : containers_) startContainer(*container);
}

std::string PodRunner::fieldRef(const std::string& path) const {
  if (path == "metadata.name") return name_.name;
  if (path == "metadata.namespace") return name_.space;
  if (path == "status.podIP") return address_;
  if (path == "spec.nodeName") return settings_.node;
  return {};
}

Command PodRunner::containerCommand(const Container& container) const {
  const auto imageName = container.spec.value("image", "");
  const auto found = settings_.images.find(imageName.substr(0, imageName.find(':')));
  if (found == settings_.images.end()) return {};
  const auto& image = found->second;
  const auto log = settings_.logs / fmt::format("{}_{}_{}.log", name_.space, name_.name,
                                                container.spec.value("name", "c"));
  Command command{.argv = {settings_.containerTool, "--die-with-parent", "--rootfs",
                           settings_.rootfs, "--netns", netns_, "--hostname", name_.name},
                  .environment = {},
                  .input = {},
                  .logFile = log.string()};
  const auto option = [&](const std::string& name, const std::string& value) {
    command.argv.push_back(name);
    command.argv.push_back(value);
  };
  if (!image.user.empty()) option("--user", image.user);
  for (const auto& [source, target] : image.bind) option("--bind", source + ":" + target + ":ro");
  const auto environment = container.spec.value("env", Json::array());
  for (const auto& variable : environment) {
    auto value =
        variable.contains("value") ? strings(Json::array({variable["value"]}))[0] : std::string();
    if (variable.contains("valueFrom"))
      value =
          fieldRef(variable["valueFrom"].value("fieldRef", Json::object()).value("fieldPath", ""));
    option("--env", variable.value("name", "") + "=" + value);
  }
  command.argv.emplace_back("--");
  auto words = strings(container.spec.value("command", Json::array()));
  const auto arguments = strings(container.spec.value("args", Json::array()));
  if (words.empty()) words = image.command;
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  return command;
}

void PodRunner::startContainer(Container& container) {
  if (phase_ != Phase::kRunning) return;
  const auto command = containerCommand(container);
  if (command.argv.empty()) {
    problem_ = fmt::format("image \"{}\" is not known", container.spec.value("image", ""));
    log::error("node", "pod {}: {}", name_.text(), problem_);
    return changed_();
  }
  auto started = Process::start(loop_, command, [this, &container](int status, const std::string&) {
    containerEnded(container, status);
  });
  if (!started) {
    log::error("node", "pod {}: {}", name_.text(), started.error().text());
    return container.timer->start(seconds(1), [this, &container] { startContainer(container); });
  }
  container.process = std::move(*started);
  if (container.spec.contains("readinessProbe"))
    scheduleProbe(container, after(container.spec["readinessProbe"], "initialDelaySeconds", 0) +
                                 milliseconds(100));
  else
    container.ready = true;
  changed_();
}

void PodRunner::containerEnded(Container& container, int status) {
  container.process.reset();
  container.probeTimer->cancel();
  container.ready = false;
  if (phase_ != Phase::kRunning && phase_ != Phase::kDraining) return maybeDetach();
  ++container.restarts;
  const auto wait = std::min<unsigned>(1U << std::min(container.restarts, 5U), 10U);
  log::warn("node", "pod {}: container {} ended with {}; again in {} s", name_.text(),
            container.spec.value("name", "?"), endText(status), wait);
  changed_();
  container.timer->start(seconds(wait), [this, &container] { startContainer(container); });
}

void PodRunner::scheduleProbe(Container& container, Duration wait) {
  container.probeTimer->start(wait, [this, &container] { probe(container); });
}

// From inside the pod's namespace, as no route leads from the node to its pods here.
void PodRunner::probe(Container& container) {
  const auto& spec = container.spec["readinessProbe"];
  const auto timeout = std::to_string(spec.value("timeoutSeconds", 1));
  std::vector<std::string> argv{"ip", "netns", "exec", netns_};
  if (spec.contains("httpGet")) {
    const auto& http = spec["httpGet"];
    const auto url = fmt::format("http://{}:{}{}", address_,
                                 strings(Json::array({http.value("port", Json(80))}))[0],
                                 http.value("path", "/"));
    argv.insert(argv.end(), {"curl", "--silent", "--fail", "--output", "/dev/null", "--noproxy",
                             "*", "--max-time", timeout, url});
  } else if (spec.contains("tcpSocket")) {
    const auto port = strings(Json::array({spec["tcpSocket"].value("port", Json(0))}))[0];
    argv.insert(argv.end(), {"timeout", timeout, "bash", "-c",
                             fmt::format("exec 3<>/dev/tcp/{}/{}", address_, port)});
  } else {
    return probed(container, true);
  }
  auto started = Process::start(
      loop_, {.argv = argv, .environment = {}, .input = {}, .logFile = {}},
      [this, &container](int status, const std::string&) { probed(container, succeeded(status)); });
  if (started)
    container.probe = std::move(*started);
  else
    probed(container, false);
}

void PodRunner::probed(Container& container, bool good) {
  const auto& spec = container.spec["readinessProbe"];
  const bool before = container.ready;
  container.failures = good ? 0 : container.failures + 1;
  if (good && container.process) container.ready = true;
  if (container.failures >= spec.value("failureThreshold", 3U)) container.ready = false;
  if (before != container.ready) changed_();
  if (phase_ != Phase::kRunning) return;
  // While it is not ready, look more often: a start-up should not wait for the next full period.
  scheduleProbe(container,
                container.ready ? after(spec, "periodSeconds", 10) : Duration(milliseconds(250)));
}

void PodRunner::remove() {
  if (phase_ == Phase::kStarting) {
    timer_.cancel();
    setPhase(Phase::kStopping);
    return maybeDetach();
  }
  if (phase_ != Phase::kRunning) return;
  setPhase(Phase::kDraining);
  timer_.start(settings_.drain, [this] { stop(); });
}

void PodRunner::stop() {
  setPhase(Phase::kStopping);
  for (auto& container : containers_) {
    container->timer->cancel();
    container->probeTimer->cancel();
    if (container->process) container->process->signal(SIGTERM);
  }
  timer_.start(seconds(5), [this] {
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
  timer_.cancel();
  phase_ = Phase::kDetaching;
  auto started =
      Process::start(loop_, cniCommand("DEL"),
                     [this](int status, const std::string& output) { detached(status, output); });
  if (started)
    cni_ = std::move(*started);
  else
    detached(1, started.error().text());
}

void PodRunner::detached(int status, const std::string& output) {
  if (!succeeded(status)) {
    if (output != problem_) log::warn("node", "pod {}: CNI DEL: {}", name_.text(), output);
    problem_ = output;
    timer_.start(milliseconds(500), [this] {
      phase_ = Phase::kStopping;
      maybeDetach();
    });
    return;
  }
  auto removed = Process::start(
      loop_,
      {.argv = {"ip", "netns", "del", netns_}, .environment = {}, .input = {}, .logFile = {}},
      [this](int, const std::string&) { setPhase(Phase::kGone); });
  if (removed)
    cni_ = std::move(*removed);
  else
    setPhase(Phase::kGone);
}

bool PodRunner::ready() const {
  return phase_ == Phase::kRunning && std::all_of(containers_.begin(), containers_.end(),
                                                  [](const auto& c) { return c->ready; });
}

Json PodRunner::status() const {
  auto containers = Json::array();
  for (const auto& container : containers_)
    containers.push_back({{"name", container->spec.value("name", "")},
                          {"ready", container->ready},
                          {"restartCount", container->restarts}});
  Json status{{"phase", phase_ == Phase::kStarting ? "Pending" : "Running"},
              {"podIP", address_},
              {"hostIP", settings_.node},
              {"conditions", {{{"type", "Ready"}, {"status", ready() ? "True" : "False"}}}},
              {"containerStatuses", containers},
              {"netns", netns_}};
  if (!problem_.empty()) status["message"] = problem_;
  return status;
}

}  // namespace hawser::kube
