#include "container.h"

#include <fmt/core.h>

#include "hawser/base/file.h"
#include "hawser/kube/state_dir.h"
#include "json_access.h"

namespace hawser::kube {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> words(const Json& list) {
  std::vector<std::string> out;
  for (const auto& item : listOf(list))
    out.push_back(item.is_string() ? textOf(item) : item.dump());
  return out;
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

Result<Image> parseImage(const Json& json, const fs::path& folder, const std::string& path) {
  if (!json.is_object()) return invalid("must be an object", path);
  Image image;
  image.user = textOf(json, "user");
  image.command = words(member(json, "command"));
  if (image.command.empty()) return invalid("is required", path + ".command");
  const auto& bind = member(json, "bind");
  if (bind.is_null()) return image;
  if (!bind.is_object()) return invalid("must be an object", path + ".bind");
  for (const auto& [source, target] : bind.items()) {
    if (!textOf(target).starts_with('/'))
      return invalid("must be an absolute path", path + ".bind." + source);
    const auto directory = fs::absolute(folder / source).lexically_normal();
    if (!fs::exists(directory))
      return invalid(directory.string() + " does not exist", path + ".bind." + source);
    image.bind[directory.string()] = textOf(target);
  }
  return image;
}

std::string fieldOf(const NodeSettings& settings, const PodContext& pod, const std::string& path) {
  if (path == "metadata.name") return pod.name.name;
  if (path == "metadata.namespace") return pod.name.space;
  if (path == "metadata.uid") return pod.uid;
  if (path == "status.podIP") return pod.address;
  if (path == "spec.nodeName") return settings.node;
  return {};
}

std::string valueOf(const NodeSettings& settings, const PodContext& pod, const Json& variable) {
  const auto& field = member(member(variable, "valueFrom"), "fieldRef");
  return field.is_object() ? fieldOf(settings, pod, textOf(field, "fieldPath"))
                           : textOf(variable, "value");
}

// A probe's port: a number, or the name of one of the container's.
std::string portOf(const Json& port, const Json& container) {
  if (!port.is_string()) return port.dump();
  for (const auto& one : listOf(member(container, "ports")))
    if (textOf(one, "name") == port.get<std::string>()) return member(one, "containerPort").dump();
  return port.get<std::string>();
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

std::vector<std::string> httpProbe(const Json& http, const std::string& address,
                                   const std::string& port, const std::string& timeout) {
  const auto host = textOf(http, "host").empty() ? address : textOf(http, "host");
  const auto path = textOf(http, "path");
  const bool secure = textOf(http, "scheme") == "HTTPS";
  std::vector<std::string> argv{"curl",      "--silent",  "--insecure", "--fail",     "--output",
                                "/dev/null", "--noproxy", "*",          "--max-time", timeout};
  for (const auto& header : listOf(member(http, "httpHeaders")))
    append(argv, {"--header", textOf(header, "name") + ": " + textOf(header, "value")});
  argv.push_back(fmt::format("{}://{}:{}{}{}", secure ? "https" : "http", bracketed(host), port,
                             path.starts_with('/') ? "" : "/", path));
  return argv;
}

}  // namespace

Result<std::map<std::string, Image>> readImages(const fs::path& file) {
  const auto text = readFile(file);
  if (!text) return std::unexpected(text.error());
  const auto documents = model::parseDocuments(*text);
  if (!documents) return invalid(documents.error().text(), file.string());
  if (documents->size() != 1 || !member((*documents)[0], "images").is_object())
    return invalid("images: is required", file.string());
  std::map<std::string, Image> images;
  for (const auto& [name, json] : (*documents)[0]["images"].items()) {
    auto image = parseImage(json, file.parent_path(), "images." + name);
    if (!image) return invalid(image.error().text(), file.string());
    images[name] = std::move(*image);
  }
  return images;
}

Command cniCommand(const NodeSettings& settings, const PodContext& pod, const std::string& verb) {
  const Json config{{"cniVersion", "1.0.0"},
                    {"name", "hawser"},
                    {"type", "hawser-cni"},
                    {"agentSocket", settings.agentSocket}};
  return {
      .argv = {settings.cni},
      .environment = {"CNI_COMMAND=" + verb, "CNI_CONTAINERID=" + pod.containerId,
                      "CNI_NETNS=/run/netns/" + pod.netns, "CNI_IFNAME=eth0",
                      "CNI_PATH=" + fs::path(settings.cni).parent_path().string(),
                      fmt::format("CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE={};K8S_POD_NAME={}",
                                  pod.name.space, pod.name.name)},
      .input = config.dump(),
      .logFile = {}};
}

Result<Command> containerCommand(const NodeSettings& settings, const PodContext& pod,
                                 const Json& container) {
  const auto imageName = textOf(container, "image");
  const auto found = settings.images.find(imageName.substr(0, imageName.find(':')));
  if (found == settings.images.end())
    return fail(ErrorCode::kNotFound, fmt::format("image \"{}\" is not known", imageName));
  const auto& image = found->second;
  const auto log = settings.logs / fmt::format("{}_{}_{}.log", pod.name.space, pod.name.name,
                                               textOf(container, "name"));
  Command command{.argv = {settings.containerTool, "--die-with-parent", "--rootfs", settings.rootfs,
                           "--netns", pod.netns, "--hostname", pod.name.name},
                  .environment = {},
                  .input = {},
                  .logFile = log.string()};
  auto& argv = command.argv;
  if (!image.user.empty()) append(argv, {"--user", image.user});
  for (const auto& [source, target] : image.bind)
    append(argv, {"--bind", source + ":" + target + ":ro"});
  for (const auto& variable : listOf(member(container, "env")))
    append(argv, {"--env", textOf(variable, "name") + "=" + valueOf(settings, pod, variable)});
  argv.emplace_back("--");
  const auto own = words(member(container, "command"));
  append(argv, own.empty() ? image.command : own);
  append(argv, words(member(container, "args")));
  return command;
}

std::vector<std::string> probeCommand(const NodeSettings& settings, const PodContext& pod,
                                      const Json& container, pid_t running) {
  const auto& probe = member(container, "readinessProbe");
  if (!probe.is_object()) return {};
  const auto timeout = std::to_string(numberOf(member(probe, "timeoutSeconds"), 1, 86400, 1));
  std::vector<std::string> argv{"nsenter", "--net=/run/netns/" + pod.netns};
  if (const auto& http = member(probe, "httpGet"); http.is_object()) {
    append(argv, httpProbe(http, pod.address, portOf(member(http, "port"), container), timeout));
  } else if (const auto& tcp = member(probe, "tcpSocket"); tcp.is_object()) {
    append(argv, {"timeout", timeout, "bash", "-c", "exec 3<>\"/dev/tcp/$0/$1\"", pod.address,
                  portOf(member(tcp, "port"), container)});
  } else if (const auto& exec = member(probe, "exec"); exec.is_object()) {
    argv = {"timeout", timeout, settings.containerTool, "--exec", std::to_string(running), "--"};
    append(argv, words(member(exec, "command")));
  } else {
    return {};
  }
  return argv;
}

}  // namespace hawser::kube
