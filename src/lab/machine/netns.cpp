// Network namespaces, settings and mounts.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "machine/machine.h"

namespace hawser::lab {

namespace fs = std::filesystem;

std::string netnsPath(const std::string& name) { return "/run/netns/" + name; }

bool netnsExists(const std::string& name) {
  std::error_code ignored;
  return fs::exists(netnsPath(name), ignored);
}

std::vector<std::string> netnsWithPrefix(const std::string& prefix) {
  std::vector<std::string> out;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/run/netns", ignored))
    if (auto name = entry.path().filename().string(); name.starts_with(prefix))
      out.push_back(std::move(name));
  return out;
}

Result<void> addNetns(const std::string& name) {
  auto made = runOrFail({"ip", "-batch", "-"}, fmt::format("netns add {0}\n", name));
  if (!made) return std::unexpected(made.error());
  made = runOrFail({"ip", "-n", name, "link", "set", "lo", "up"});
  if (!made) return std::unexpected(made.error());
  return {};
}

void removeNetns(const std::string& name) {
  const auto path = netnsPath(name);
  ::umount2(path.c_str(), MNT_DETACH);
  ::unlink(path.c_str());
}

std::vector<pid_t> processesIn(const std::vector<std::string>& names) {
  std::set<std::pair<dev_t, ino_t>> wanted;
  struct stat status{};
  for (const auto& name : names)
    if (::stat(netnsPath(name).c_str(), &status) == 0) wanted.emplace(status.st_dev, status.st_ino);
  std::vector<pid_t> out;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") == std::string::npos &&
        ::stat((entry.path() / "ns/net").c_str(), &status) == 0 &&
        wanted.contains({status.st_dev, status.st_ino}))
      out.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return out;
}

Result<void> inNetns(const std::string& name, const std::function<Result<void>()>& work) {
  Result<void> result;
  std::thread([&] {
    const int fd = ::open(netnsPath(name).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      result = failErrno("open " + netnsPath(name), errno);
      return;
    }
    const int entered = ::setns(fd, CLONE_NEWNET);
    const int why = errno;
    ::close(fd);
    result = entered < 0 ? Result<void>(failErrno("enter " + name, why)) : work();
  }).join();
  return result;
}

Result<void> writeSysctl(const std::string& name, const std::string& value) {
  const auto path = "/proc/sys/" + name;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return failErrno("open " + path, errno);
  const auto n = ::write(fd, value.data(), value.size());
  const int why = errno;
  ::close(fd);
  if (n < 0) return failErrno("write " + path, why);
  return {};
}

namespace {
Result<void> mountOn(const std::string& folder, const char* type, unsigned long flags) {
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  if (::mount("hawser-lab", folder.c_str(), type, flags, "mode=0700") < 0)
    return failErrno(fmt::format("mount a {} filesystem on {}", type, folder), errno);
  return {};
}
}  // namespace

Result<void> mountBpf(const std::string& folder) {
  return mountOn(folder, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC);
}
Result<void> mountMemory(const std::string& folder) { return mountOn(folder, "tmpfs", 0); }

bool isMountPoint(const std::string& folder) {
  std::ifstream in("/proc/self/mounts");
  for (std::string line; std::getline(in, line);)
    if (line.find(" " + folder + " ") != std::string::npos) return true;
  return false;
}

void unmount(const std::string& folder) {
  while (isMountPoint(folder))
    if (::umount2(folder.c_str(), MNT_DETACH) < 0) return;
}

}  // namespace hawser::lab
