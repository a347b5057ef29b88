#include "state.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "hawser/base/file.h"
#include "topology/images.h"

namespace hawser::lab {

namespace fs = std::filesystem;

namespace {

constexpr std::array kKinds{ProcessKind::kForward, ProcessKind::kController, ProcessKind::kAgent,
                            ProcessKind::kKube,    ProcessKind::kNode,       ProcessKind::kGateway,
                            ProcessKind::kWorkload};

ProcessKind kindOf(const std::string& name) {
  for (const auto kind : kKinds)
    if (kindName(kind) == name) return kind;
  return ProcessKind::kWorkload;
}

Json toJson(const ProcessRecord& record) {
  return {{"name", record.plan.name},       {"kind", kindName(record.plan.kind)},
          {"node", record.plan.node},       {"netns", record.plan.netns},
          {"command", record.plan.command}, {"environment", record.plan.environment},
          {"pid", record.id.pid},           {"started", record.id.started},
          {"wanted", record.wanted}};
}

ProcessRecord processFrom(const Json& json) {
  ProcessRecord record;
  record.plan = {json.at("name"),  kindOf(json.at("kind")), json.at("node"),
                 json.at("netns"), json.at("command"),      json.at("environment")};
  record.id = {json.at("pid").get<pid_t>(), json.at("started").get<std::uint64_t>()};
  record.wanted = json.at("wanted");
  return record;
}

State stateFrom(const Json& json) {
  State state;
  state.phase = json.at("phase");
  state.file = json.at("file");
  state.folder = json.at("folder");
  state.document = json.at("document");
  const auto& paths = json.at("paths");
  state.paths = {paths.at("run"), paths.at("scripts"), paths.at("hawser"), paths.at("cni"),
                 paths.at("rootfs")};
  for (const auto& item : json.at("processes")) {
    auto record = processFrom(item);
    state.processes[record.plan.name] = std::move(record);
  }
  for (const auto& [name, item] : json.at("workloads").items())
    state.workloads[name] = {item.at("host"), item.at("attached"), item.at("mac"),
                             item.at("addresses")};
  for (const auto& item : json.at("forwards")) {
    const auto address = net::IpAddress::parse(item.at("address").get<std::string>());
    state.forwards.push_back({item.at("name"), item.at("listen"), item.at("netns"),
                              address.value_or(net::IpAddress()), item.at("port")});
  }
  return state;
}

}  // namespace

Json toJson(const State& state) {
  Json json{{"phase", state.phase},
            {"file", state.file},
            {"folder", state.folder},
            {"document", state.document},
            {"paths",
             {{"run", state.paths.run},
              {"scripts", state.paths.scripts},
              {"hawser", state.paths.hawser},
              {"cni", state.paths.cni},
              {"rootfs", state.paths.rootfs}}},
            {"processes", Json::array()},
            {"workloads", Json::object()},
            {"forwards", Json::array()}};
  for (const auto& [name, record] : state.processes) json["processes"].push_back(toJson(record));
  for (const auto& [name, record] : state.workloads)
    json["workloads"][name] = {{"host", record.host},
                               {"attached", record.attached},
                               {"mac", record.mac},
                               {"addresses", record.addresses}};
  for (const auto& forward : state.forwards)
    json["forwards"].push_back({{"name", forward.name},
                                {"listen", forward.listen},
                                {"netns", forward.netns},
                                {"address", forward.address.text()},
                                {"port", forward.port}});
  return json;
}

Result<State> stateFromJson(const Json& json) {
  try {
    return stateFrom(json);
  } catch (const Json::exception& error) {
    return invalid(error.what(), "lab.json");
  }
}

std::string runFolder(const std::string& name) {
  const char* base = std::getenv("HAWSER_RUN");
  return fmt::format("{}/lab/{}", base != nullptr && *base != 0 ? base : "/run/hawser", name);
}

Result<LabLock> LabLock::take(const std::string& name) {
  const auto path = runFolder(name) + ".lock";
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return failErrno("open " + path, errno);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return LabLock(fd, path);
  const int why = errno;
  ::close(fd);
  if (why != EWOULDBLOCK) return failErrno("lock " + path, why);
  return fail(
      ErrorCode::kConflict,
      fmt::format("another command is changing the lab \"{}\"; try again when it is done", name));
}

LabLock::LabLock(LabLock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

LabLock::~LabLock() {
  if (fd_ >= 0) ::close(fd_);
}

// Looked up, not tried: a command that wants the lock meanwhile would be refused.
bool LabLock::held(const std::string& name) {
  struct stat status{};
  if (::stat((runFolder(name) + ".lock").c_str(), &status) != 0) return false;
  const auto inode = fmt::format(":{} ", status.st_ino);
  std::ifstream in("/proc/locks");
  for (std::string line; std::getline(in, line);)
    if (line.find("FLOCK") != std::string::npos && line.find(inode) != std::string::npos)
      return true;
  return false;
}

void LabLock::remove() { ::unlink(path_.c_str()); }

Result<State> Store::load(const std::string& name) {
  const auto text = readFile(runFolder(name) + "/lab.json");
  if (!text) return fail(ErrorCode::kNotFound, fmt::format("there is no lab \"{}\" here", name));
  const auto json = Json::parse(*text, nullptr, false);
  if (json.is_discarded()) return invalid("is not JSON", runFolder(name) + "/lab.json");
  return stateFromJson(json);
}

State Store::snapshot() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

Result<void> Store::change(const std::function<void(State&)>& change) {
  const std::lock_guard lock(mutex_);
  change(state_);
  return writeFile(runFolder(name_) + "/lab.json", toJson(state_).dump(1), {.durable = false});
}

}  // namespace hawser::lab
