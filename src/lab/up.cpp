// Bringing a lab up. The order is that of who needs whom; what does not need each other runs side
// by side:
//
//   images ─┐
//   underlay → gateways (their machines boot meanwhile)
//            → controllers → hosts, tokens → agents ─┐
//                          → objects ────────────────┴→ workloads, pods → all sessions up, pods
//                                                       ready, the gateways have their routes
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "hawser/base/file.h"
#include "machine/forward.h"
#include "machine/owned.h"
#include "machine/underlay.h"
#include "objects.h"
#include "progress.h"
#include "ready.h"
#include "runner.h"
#include "topology/images.h"

namespace hawser::lab {

namespace fs = std::filesystem;
namespace {

class Up {
 public:
  Up(Lab& lab, const UpOptions& options) : lab_(lab), options_(options) {}

  Result<void> run() {
    if (auto made = folders(); !made) return made;
    const std::vector<std::tuple<const char*, const char*, Result<void> (Up::*)()>> steps{
        {"making the underlay and images", "underlay and images", &Up::ground},
        {"starting gateways and controllers", "controllers ready", &Up::controllers},
        {"applying objects, starting agents", "objects applied, agents started",
         &Up::objectsAndAgents},
        {"starting workloads and pods", "workloads and pods started", &Up::workloads},
        {"waiting for BGP sessions", "BGP sessions up", &Up::sessions},
        {"waiting for pods", "pods ready", &Up::pods},
        {"waiting for routes", "routes at the gateways", &Up::routes},
    };
    for (const auto& [doing, text, step] : steps) {
      progress_.begin(doing);
      const auto done = (this->*step)();
      progress_.end();
      if (interrupted()) return fail(ErrorCode::kUnavailable, "interrupted");
      if (!done) return done;
      if (!skipped_) say(text);
      skipped_ = false;
    }
    return lab_.change([](State& state) { state.phase = "up"; });
  }

  void say(const std::string& text) { progress_.say(text); }

 private:
  const Topology& topology() const { return lab_.topology(); }

  Result<void> folders() {
    const auto paths = lab_.paths();
    std::error_code error;
    for (const char* folder : {"logs/pods", "data", "sockets", "gateways"})
      if (fs::create_directories(paths.run + "/" + folder, error); error)
        return failErrno("create " + paths.run + "/" + folder, error.value());
    for (const char* secret : {"data", "sockets"})
      fs::permissions(paths.run + "/" + secret, fs::perms::owner_all, error);
    for (const auto& site : topology().sites)
      if (site.kube) {
        fs::create_directories(paths.kubeState(site), error);
        fs::create_directory_symlink(paths.kubeState(site), paths.run + "/data/kube", error);
      }
    if (auto saved = lab_.change([](State&) {}); !saved) return saved;
    // The disks are as fast as memory, and gone at once with the lab.
    if (auto mounted = mountMemory(paths.run + "/disks"); !mounted) return mounted;
    return mountBpf(paths.run + "/bpf");
  }

  // ---- what all stands on ----
  Result<void> ground() {
    return together({[this] { return makeUnderlay(lab_.paths().run, planUnderlay(topology())); },
                     [this] { return rootfs(); }, [this] { return gatewayImage(); }});
  }
  Result<void> rootfs() {
    bool needed = false;
    for (const auto& site : topology().sites) needed = needed || site.kube;
    for (const auto& workload : topology().workloads) needed = needed || !workload.image.empty();
    if (!needed) return {};
    auto tree = runOrFail({lab_.paths().scripts + "/rootfs"});
    if (!tree) return std::unexpected(tree.error());
    while (!tree->empty() && tree->back() == '\n') tree->pop_back();
    const auto line = tree->rfind('\n');
    const auto path = line == std::string::npos ? *tree : tree->substr(line + 1);
    return lab_.change([&](State& state) { state.paths.rootfs = path; });
  }
  Result<void> gatewayImage() {
    if (topology().gateways.empty()) return {};
    const auto image = runOrFail({lab_.paths().scripts + "/gateway-image"});
    return image ? Result<void>() : std::unexpected(image.error());
  }

  // ---- controllers ----
  Result<void> controllers() {
    const auto paths = lab_.paths();
    for (const auto& gateway : topology().gateways) {
      if (auto made = runOrFail(gatewayConfig(topology(), gateway, paths)); !made)
        return std::unexpected(made.error());
      if (auto started = lab_.start(planGateway(topology(), gateway, paths)); !started)
        return started;
    }
    if (auto started = forwards(); !started) return started;
    for (const auto& site : topology().sites)
      if (auto started = lab_.start(planController(topology(), site, paths)); !started)
        return started;
    for (const auto& site : topology().sites)
      if (auto ready = lab_.waitReady(site.controller.name); !ready) return ready;
    return contexts();
  }

  Result<void> forwards() {
    auto wanted = planForwards(topology());
    const auto ports = freePorts(wanted.size());
    if (!ports) return std::unexpected(ports.error());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i].listen == 0) wanted[i].listen = (*ports)[i];
    if (auto saved = lab_.change([&](State& state) { state.forwards = wanted; }); !saved)
      return saved;
    return lab_.start(planForward(wanted, lab_.paths()));
  }

  Result<void> contexts() {
    const auto paths = lab_.paths();
    Json contexts = Json::object();
    for (const auto& site : topology().sites)
      contexts[site.name] = {{"server", lab_.siteUrl(site)},
                             {"ca", paths.caFile(site)},
                             {"tokenFile", paths.data(site.controller.name) + "/admin.token"},
                             {"project", "default"}};
    const Json config{{"current", topology().sites.front().name}, {"contexts", contexts}};
    return writeFile(paths.run + "/config.yaml", model::toYaml(config), {.durable = false});
  }

  // ---- objects and agents ----
  Result<void> objectsAndAgents() {
    const auto values = placeholdersOf(lab_);
    if (!values) return std::unexpected(values.error());
    std::vector<std::function<Result<void>()>> work;
    for (const auto& site : topology().sites)
      work.emplace_back([this, &site, &values]() -> Result<void> {
        if (auto made = hosts(site); !made) return made;
        for (const auto& host : site.hosts)
          if (auto started = lab_.start(planAgent(topology(), site, host, lab_.paths())); !started)
            return started;
        if (auto applied = applyObjects(lab_, site, *values); !applied) return applied;
        return agentsReady(site);
      });
    return together(std::move(work));
  }

  Result<std::string> issue(api::Client& api, const Json& wanted, const std::string& file) {
    const auto issued = api.call("POST", "/api/v1/tokens/issue", wanted);
    if (!issued) return std::unexpected(issued.error());
    const auto secret = issued->value("token", "");
    if (auto written = writeFile(file, secret + "\n", {.durable = false}); !written)
      return std::unexpected(written.error());
    return secret;
  }

  // Host objects and, for each, a token to join with once.
  Result<void> hosts(const Site& site) {
    auto api = lab_.client(site);
    if (!api) return std::unexpected(api.error());
    if (auto applied = applyHosts(*api, site); !applied) return applied;
    for (const auto& host : site.hosts)
      if (auto token = issue(*api,
                             {{"name", "join-" + host.name},
                              {"role", "host"},
                              {"host", host.name},
                              {"hostAddress", host.address.text()},
                              {"ttlSeconds", 600}},
                             lab_.paths().data(host.name) + ".join");
          !token)
        return std::unexpected(token.error());
    if (!site.kube) return {};
    const auto token = issue(*api, {{"name", "kube-" + site.name}, {"role", "admin"}},
                             lab_.paths().kubeState(site) + ".token");
    return token ? Result<void>() : std::unexpected(token.error());
  }

  Result<void> agentsReady(const Site& site) {
    for (const auto& host : site.hosts)
      if (auto ready = lab_.waitReady(host.name); !ready) return ready;
    return {};
  }

  // ---- workloads ----
  Result<void> workloads() {
    const auto paths = lab_.paths();
    for (const auto& site : topology().sites) {
      if (!site.kube) continue;
      if (auto started = lab_.start(planKube(topology(), site, paths)); !started) return started;
      for (const auto& host : site.hosts)
        if (auto started = lab_.start(planKubeNode(topology(), site, host, paths)); !started)
          return started;
    }
    std::vector<std::function<Result<void>()>> work;
    for (const auto& workload : topology().workloads)
      work.emplace_back([this, &workload]() -> Result<void> {
        if (auto attached = lab_.attach(workload, workload.host); !attached) return attached;
        return lab_.startWorkload(workload);
      });
    return together(std::move(work));
  }

  // ---- waiting ----
  Result<void> until(const std::string& what, const std::function<std::string()>& missing) {
    std::string last;
    const bool good = waitUntil(
        [&] {
          last = missing();
          progress_.detail(last);
          return last.empty();
        },
        options_.timeout, [&] { return !dead().empty(); });
    if (good) return {};
    if (const auto process = dead(); !process.empty()) return lab_.ended(process, "has ended");
    return fail(ErrorCode::kTimeout,
                fmt::format("{}: {} after {} s", what, last, options_.timeout.count()));
  }
  // A process that should run and does not.
  std::string dead() const {
    for (const auto& [name, record] : lab_.state().processes)
      if (record.wanted && record.plan.kind != ProcessKind::kWorkload && !alive(record.id))
        return name;
    return {};
  }

  Result<void> sessions() {
    if (!options_.wait) return skip();
    return until("BGP", [this] { return sessionsMissing(lab_); });
  }
  Result<void> pods() {
    const auto& sites = topology().sites;
    if (!options_.wait ||
        std::ranges::none_of(sites, [](const Site& site) { return site.kube.has_value(); }))
      return skip();
    return until("pods", [this] { return podsMissing(lab_); });
  }
  Result<void> routes() {
    if (!options_.wait || topology().gateways.empty()) return skip();
    return until("routes", [this] { return routesMissing(lab_); });
  }
  Result<void> skip() {
    skipped_ = true;
    return {};
  }

  Lab& lab_;
  const UpOptions& options_;
  Progress progress_;
  bool skipped_ = false;
};

Result<void> requirements(const LabFile& file) {
  const auto& topology = file.topology;
  if (::geteuid() != 0) return fail(ErrorCode::kForbidden, "must be root: a lab makes namespaces");
  const auto run = runFolder(topology.name);
  const auto state = Store::load(topology.name);
  if (state && state->phase == "up")
    return fail(
        ErrorCode::kExists,
        fmt::format("the lab \"{0}\" is up already; `hawser lab down {0}` ends it", topology.name));
  if (fs::exists(run))
    return fail(ErrorCode::kExists,
                fmt::format("something of an earlier lab \"{0}\" is left; `hawser lab down {0}` "
                            "removes it",
                            topology.name));
  auto names = planUnderlay(topology).namespaces;
  for (const auto& workload : topology.workloads)
    names.push_back({netnsName(topology, workload.name), workload.name, {}, {}, {}});
  for (const auto& plan : names)
    if (netnsExists(plan.name))
      return fail(ErrorCode::kExists,
                  fmt::format("the network namespace \"{}\", which {} would have, exists; it is {}",
                              plan.name, plan.node, ownerText(run, plan.name)));
  return checkObjects(file);
}

}  // namespace

Result<void> bringUp(const LabFile& file, const std::string& path, const UpOptions& options) {
  const auto& topology = file.topology;
  auto lock = LabLock::take(topology.name);
  if (!lock) return std::unexpected(lock.error());
  if (auto good = requirements(file); !good) {
    if (!fs::exists(runFolder(topology.name))) lock->remove();
    return good;
  }
  State state;
  state.file = fs::absolute(path).string();
  state.folder = file.folder.string();
  state.document = file.json;
  state.paths = {runFolder(topology.name),
                 options.scripts,
                 options.hawser,
                 fs::path(options.hawser).parent_path().string() + "/hawser-cni",
                 {}};
  Lab lab(topology, std::move(state));
  catchInterrupts();
  Up up(lab, options);
  const auto done = up.run();
  if (done) {
    ignoreInterrupts();
    up.say(fmt::format("the lab \"{0}\" is up: hawser lab status {0}", topology.name));
    fmt::print("export HAWSER_CONFIG={}/config.yaml\n", runFolder(topology.name));
    return {};
  }
  // The logs go with the rest, so what matters of them is in the error by now.
  up.say(fmt::format("{}; taking down what was made",
                     done.error().message == "interrupted" ? "interrupted" : "failed"));
  {
    const auto release = std::move(*lock);
  }
  holdInterrupts();
  if (auto down = takeDown(topology.name); !down)
    fmt::print(stderr, "hawser: {}\n", down.error().text());
  return done;
}

}  // namespace hawser::lab
