// The kube-network-manager: a source of Kubernetes objects → the label mode's translation → the
// API, by owner.
#include "hawser/kube/main.h"

#include <fmt/core.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <set>
#include <string_view>

#include "commands.h"
#include "hawser/base/file.h"
#include "hawser/base/log.h"
#include "manifest_source.h"
#include "reconciler.h"

namespace hawser::kube {
namespace {

struct Settings {
  std::string server, caFile, tokenFile, state, cluster = "kubernetes", logLevel = "info";
  std::vector<std::filesystem::path> manifests;
  std::vector<std::string> nodes, clusterServices;
  LabelSettings labels;
  bool validate = false;
};

void addOptions(CLI::App& app, Settings& settings) {
  app.add_option("--manifests", settings.manifests,
                 "folder of manifests to follow; may be repeated")
      ->required();
  app.add_flag("--validate", settings.validate, "only check the manifests");
  app.add_option("--server", settings.server, "URL of the site's controller");
  app.add_option("--ca", settings.caFile, "file with the site's CA certificate");
  app.add_option("--token", settings.tokenFile, "file with the API token");
  app.add_option("--state", settings.state, "folder that keeps the pods");
  app.add_option("--nodes", settings.nodes, "nodes that pods may be bound to")->delimiter(',');
  app.add_option("--cluster", settings.cluster,
                 "name of the cluster: objects are owned by kube/NAME");
  app.add_option("--pod-cidr", settings.labels.podCidr, "prefix of the pods' addresses");
  app.add_option("--service-cidr", settings.labels.serviceCidr, "prefix of the cluster IPs");
  app.add_option("--public-network", settings.labels.publicNetwork,
                 "network of external IPs, PROJECT/NAME");
  app.add_option("--network-label", settings.labels.networkLabel,
                 "label that chooses a pod's network");
  app.add_option("--uses-label", settings.labels.usesLabel,
                 "label or annotation that names used service networks");
  app.add_option("--cluster-service", settings.clusterServices,
                 "NAMESPACE/LABEL of a service network that all pods reach");
  app.add_option("--log-level", settings.logLevel, "debug, info, warn or error");
}

Result<api::ClientConfig> clientConfig(const Settings& settings) {
  if (settings.server.empty()) return invalid("is required", "--server");
  api::ClientConfig config;
  config.url = settings.server;
  const auto ca = readFile(settings.caFile);
  if (!ca) return invalid(ca.error().text(), "--ca");
  const auto token = readFile(settings.tokenFile);
  if (!token) return invalid(token.error().text(), "--token");
  config.caPem = *ca;
  config.token = token->substr(0, token->find_last_not_of(" \n\r\t") + 1);
  return config;
}

Result<LabelSettings> labelSettings(const Settings& settings) {
  auto labels = settings.labels;
  labels.owner = "kube/" + settings.cluster;
  for (const auto& text : settings.clusterServices) {
    const auto cut = text.find('/');
    if (cut == std::string::npos || cut == 0 || cut + 1 == text.size())
      return invalid(fmt::format("\"{}\" is not NAMESPACE/LABEL", text), "--cluster-service");
    labels.clusterServices.insert({text.substr(0, cut), text.substr(cut + 1)});
  }
  const auto& publicNetwork = labels.publicNetwork;
  if (const auto cut = publicNetwork.find('/');
      !publicNetwork.empty() &&
      (cut == 0 || cut == std::string::npos || cut + 1 == publicNetwork.size()))
    return invalid(fmt::format("\"{}\" is not PROJECT/NAME", publicNetwork), "--public-network");
  for (const auto& [flag, text] :
       {std::pair{"--pod-cidr", labels.podCidr}, std::pair{"--service-cidr", labels.serviceCidr}})
    if (const auto prefix = net::IpPrefix::parse(text); !prefix)
      return invalid(prefix.error().message, flag);
  return labels;
}

// Translates what the source has, hands it to the reconciler, and keeps the report up to date.
class Manager {
 public:
  Manager(io::Loop& loop, const Settings& settings, const LabelSettings& labels,
          const api::ClientConfig& config, const StateDir& dir)
      : labels_(labels),
        dir_(dir),
        reconciler_(loop, config, labels.owner),
        source_(loop, settings.manifests, dir, settings.nodes) {}

  Result<void> start() {
    reconciler_.onReport([this] { report(); });
    return source_.start([this] { translateAll(); });
  }

 private:
  void translateAll() {
    auto translation = translate(source_.state(), labels_);
    const std::set<std::string> problems(translation.problems.begin(), translation.problems.end());
    for (const auto& problem : problems)
      if (!problems_.contains(problem)) log::warn("kube", "{}", problem);
    problems_ = problems;
    reconciler_.want(std::move(translation.objects));
    report();
  }

  void report() {
    Json now{{"manifests", source_.problem()},
             {"problems", problems_},
             {"failures", reconciler_.failures()},
             {"inSync", reconciler_.inSync()}};
    if (now == told_) return;
    if (const auto written = dir_.writeReport(now); !written)
      log::error("kube", "{}", written.error().text());
    told_ = std::move(now);
  }

  const LabelSettings& labels_;
  const StateDir& dir_;
  Reconciler reconciler_;
  ManifestSource source_;
  std::set<std::string> problems_;
  Json told_;
};

Result<void> runManager(const Settings& settings) {
  const auto labels = labelSettings(settings);
  if (!labels) return std::unexpected(labels.error());
  if (auto manifests = readManifests(settings.manifests); !manifests)
    return std::unexpected(manifests.error());
  if (settings.validate) return {};
  const auto config = clientConfig(settings);
  if (!config) return std::unexpected(config.error());
  if (settings.state.empty()) return invalid("is required", "--state");
  const auto dir = StateDir::open(settings.state);
  if (!dir) return std::unexpected(dir.error());
  const auto lock = FileLock::take(dir->root() / "manager.lock", "hawser kube");
  if (!lock) return std::unexpected(lock.error());

  io::Loop loop;
  Manager manager(loop, settings, *labels, *config, *dir);
  if (auto started = manager.start(); !started) return started;
  loop.onSignals({SIGTERM, SIGINT}, [&](int) { loop.stop(); });
  log::info("kube", "following {} with owner {}", settings.server, labels->owner);
  loop.run();
  return {};
}

}  // namespace

int complain(const Error& error) {
  fmt::print(stderr, "hawser: {}\n", error.text());
  return 1;
}

int kubeMain(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "node") return nodeMain(argc - 1, argv + 1);
  if (argc > 1 && std::string_view(argv[1]) == "ctl") return ctlMain(argc - 1, argv + 1);
  CLI::App app{"Joins a Kubernetes cluster's pods and services to this site's networks",
               "hawser kube"};
  app.footer(
      "Also: hawser kube node (runs pods of a state folder), hawser kube ctl (looks at and changes "
      "them).\n"
      "Examples:\n  hawser kube --manifests manifests/ --validate\n"
      "  hawser kube --manifests manifests/ --state /var/lib/hawser/kube --nodes node1,node2 \\\n"
      "    --server https://10.2.0.10:8443 --ca ca.pem --token kube.token\n"
      "The token: hawser token issue kube --role admin > kube.token");
  Settings settings;
  addOptions(app, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  if (!log::setLevel(settings.logLevel))
    return complain({ErrorCode::kInvalid, "is debug, info, warn or error", "--log-level"});
  ::signal(SIGPIPE, SIG_IGN);
  const auto done = runManager(settings);
  return done ? 0 : complain(done.error());
}

}  // namespace hawser::kube
