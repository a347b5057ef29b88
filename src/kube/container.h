// What a node runs for a container of a pod: commands, as argument lists. Pure but for the images
// file.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hawser/kube/kubernetes.h"
#include "process.h"

namespace hawser::kube {

struct Image {
  std::map<std::string, std::string> bind;  // host directory → path in the container, read only
  std::vector<std::string> command;
  std::string user;
};
// The file's `images`; directories are relative to the file. Errors begin with the file and name
// the field.
[[nodiscard]] Result<std::map<std::string, Image>> readImages(const std::filesystem::path& file);

struct NodeSettings {
  std::string node;
  std::string cni;  // hawser-cni
  std::string agentSocket;
  std::string containerTool;  // scripts/container
  std::string rootfs;
  std::string namespacePrefix;  // of pods' network namespaces
  std::filesystem::path logs;
  std::map<std::string, Image> images;
  Duration drain =
      std::chrono::milliseconds(1000);  // between "not ready" and TERM: time for routes to go
};

struct PodContext {
  ObjectName name;
  std::string uid;
  std::string netns;        // name of its network namespace
  std::string containerId;  // for CNI
  std::string address;      // empty until CNI has given it
};

// One of CNI's verbs for the pod's eth0.
[[nodiscard]] Command cniCommand(const NodeSettings& settings, const PodContext& pod,
                                 const std::string& verb);
// kNotFound: the image is not known.
[[nodiscard]] Result<Command> containerCommand(const NodeSettings& settings, const PodContext& pod,
                                               const Json& container);
// Exit status 0: ready. From inside the pod's network namespace, as no route leads from a node to
// its pods; exec from inside the container, whose container tool is the process `running`. Empty:
// the container has no probe.
[[nodiscard]] std::vector<std::string> probeCommand(const NodeSettings& settings,
                                                    const PodContext& pod, const Json& container,
                                                    pid_t running);

}  // namespace hawser::kube
