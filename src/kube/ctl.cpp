// `hawser kube ctl`: looks at and changes the pods of a cluster that lives in a state folder; what
// kubectl is for a real one.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "hawser/base/time.h"
#include "hawser/kube/state_dir.h"
#include "json_access.h"

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
    const auto& status = member(json, "status");
    const auto text = [&](const char* field, const char* otherwise) {
      const auto value = textOf(status, field);
      return value.empty() ? std::string(otherwise) : value;
    };
    fmt::print("{:<12} {:<20} {:<10} {:<5} {:<15} {}\n", pod->name.space, pod->name.name,
               pod->deleting ? "Terminating" : text("phase", "Pending"), pod->ready ? "yes" : "no",
               text("podIP", "-"), pod->node);
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
  if (!member((*pod)["metadata"], "deletionTimestamp").is_null()) return {};
  (*pod)["metadata"]["deletionTimestamp"] = timeText();
  return dir.writePod(name, *pod);
}

// What `hawser kube` has to say; 1 when something is not as the manifests want it.
int printReport(const StateDir& dir, bool asJson) {
  const auto report = dir.report();
  const bool good = member(report, "inSync") == Json(true) && textOf(report, "manifests").empty() &&
                    listOf(member(report, "problems")).empty();
  if (asJson) {
    fmt::print("{}\n", report.dump(1));
    return good ? 0 : 1;
  }
  if (report.empty())
    return complain({ErrorCode::kUnavailable, "hawser kube has not reported", ""});
  if (const auto error = textOf(report, "manifests"); !error.empty())
    fmt::print("manifests: {} (going on with what they were)\n", error);
  for (const auto& [field, what] :
       {std::pair{"problems", "not translated"}, std::pair{"failures", "not in the API"}})
    for (const auto& text : listOf(member(report, field)))
      fmt::print("{}: {}\n", what, textOf(text));
  if (good) fmt::print("in sync\n");
  return good ? 0 : 1;
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
  auto* status = app.add_subcommand("status", "what could not be done; exit status 0: all is well");
  status->add_option("-o,--output", output, "json")->check(CLI::IsMember({"json"}));
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
  if (status->parsed()) return printReport(*dir, output == "json");
  Result<void> done;
  if (get->parsed())
    output == "json" ? fmt::print("{}\n", merged(*dir).dump(1)) : printTable(merged(*dir));
  if (remove->parsed()) done = deletePod(*dir, parsePodName(podName));
  if (label->parsed()) done = labelPod(*dir, parsePodName(podName), labels);
  return done ? 0 : complain(done.error());
}

}  // namespace hawser::kube
