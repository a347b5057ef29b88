// `hawser kube ctl`: looks at and changes the pods of a cluster that lives in a state folder; what
// kubectl is for a real one.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <ctime>

#include "commands.h"
#include "hawser/kube/state_dir.h"

namespace hawser::kube {
namespace {

ObjectName parsePodName(const std::string& text) {
  const auto cut = text.find('/');
  return cut == std::string::npos ? ObjectName{"default", text}
                                  : ObjectName{text.substr(0, cut), text.substr(cut + 1)};
}

Json merged(const StateDir& dir) {
  auto list = Json::array();
  const auto statuses = dir.statuses();
  for (auto [name, pod] : dir.pods()) {
    if (const auto found = statuses.find(name); found != statuses.end())
      pod["status"] = found->second;
    list.push_back(std::move(pod));
  }
  return list;
}

void printTable(const Json& pods) {
  fmt::print("{:<12} {:<20} {:<10} {:<5} {:<15} {}\n", "NAMESPACE", "NAME", "STATUS", "READY",
             "ADDRESS", "NODE");
  for (const auto& json : pods) {
    const auto pod = parsePod(json);
    if (!pod) continue;
    const auto status = json.value("status", Json::object());
    fmt::print("{:<12} {:<20} {:<10} {:<5} {:<15} {}\n", pod->name.space, pod->name.name,
               pod->deleting ? "Terminating" : status.value("phase", "Pending"),
               pod->ready ? "yes" : "no", status.value("podIP", "-"), pod->node);
  }
}

Result<Json> findPod(const StateDir& dir, const ObjectName& name) {
  const auto pods = dir.pods();
  const auto found = pods.find(name);
  if (found == pods.end())
    return fail(ErrorCode::kNotFound, fmt::format("there is no pod {}", name.text()));
  return found->second;
}

Result<void> deletePod(const StateDir& dir, const ObjectName& name) {
  auto pod = findPod(dir, name);
  if (!pod) return std::unexpected(pod.error());
  (*pod)["metadata"]["deletionTimestamp"] = std::to_string(std::time(nullptr));
  return dir.writePod(name, *pod);
}

Result<void> labelPod(const StateDir& dir, const ObjectName& name,
                      const std::vector<std::string>& labels) {
  auto pod = findPod(dir, name);
  if (!pod) return std::unexpected(pod.error());
  for (const auto& label : labels) {
    const auto cut = label.find('=');
    if (cut != std::string::npos)
      (*pod)["metadata"]["labels"][label.substr(0, cut)] = label.substr(cut + 1);
    else if (label.ends_with('-'))
      (*pod)["metadata"]["labels"].erase(label.substr(0, label.size() - 1));
    else
      return invalid(fmt::format("\"{}\" is neither KEY=VALUE nor KEY-", label));
  }
  return dir.writePod(name, *pod);
}

}  // namespace

int ctlMain(int argc, char** argv) {
  CLI::App app{"Pods of a cluster that lives in a state folder", "hawser kube ctl"};
  std::string state, podName, output;
  std::vector<std::string> labels;
  app.add_option("--state", state, "folder with pods/ and status/")->required();
  app.require_subcommand(1);
  auto* get = app.add_subcommand("get", "lists pods");
  get->add_option("-o,--output", output, "json")->check(CLI::IsMember({"json"}));
  auto* remove = app.add_subcommand("delete", "deletes a pod; its controller starts another");
  remove->add_option("pod", podName, "NAMESPACE/NAME, or NAME in default")->required();
  auto* label = app.add_subcommand("label", "sets or removes labels of a pod");
  label->add_option("pod", podName, "NAMESPACE/NAME, or NAME in default")->required();
  label->add_option("labels", labels, "KEY=VALUE sets, KEY- removes")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  if (!std::filesystem::is_directory(std::filesystem::path(state) / "pods"))
    return complain({ErrorCode::kNotFound, "holds no cluster (no pods/ in it)", state});
  const auto dir = StateDir::open(state);
  if (!dir) return complain(dir.error());
  Result<void> done;
  if (get->parsed())
    output == "json" ? fmt::print("{}\n", merged(*dir).dump(1)) : printTable(merged(*dir));
  if (remove->parsed()) done = deletePod(*dir, parsePodName(podName));
  if (label->parsed()) done = labelPod(*dir, parsePodName(podName), labels);
  return done ? 0 : complain(done.error());
}

}  // namespace hawser::kube
