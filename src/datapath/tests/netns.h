// Network namespaces for tests: held by a file descriptor only, without a name, so that nothing of
// them is left when the test ends, however it ends.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "hawser/base/check.h"

namespace hawser::datapath::test {

class Netns {
 public:
  Netns() {
    const int before = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    HAWSER_CHECK(unshare(CLONE_NEWNET) == 0, "tests of the datapath need root");
    fd_ = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    HAWSER_CHECK(setns(before, CLONE_NEWNET) == 0, "back to the namespace before");
    close(before);
    sh("ip link set lo up");
  }
  Netns(const Netns&) = delete;
  Netns& operator=(const Netns&) = delete;
  ~Netns() { close(fd_); }

  // Runs `call` with this thread in the namespace; sockets made there stay there.
  template <class Call>
  auto in(Call call) const {
    struct Scope {
      explicit Scope(int fd) : before(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) {
        HAWSER_CHECK(setns(fd, CLONE_NEWNET) == 0, "enter the namespace");
      }
      ~Scope() {
        HAWSER_CHECK(setns(before, CLONE_NEWNET) == 0, "leave the namespace");
        close(before);
      }
      int before;
    } scope(fd_);
    return call();
  }
  // A shell command there; its exit code.
  int tryShell(const std::string& command) const {
    return in([&] { return WEXITSTATUS(std::system(command.c_str())); });
  }
  void sh(const std::string& command) const { HAWSER_CHECK(tryShell(command) == 0, command); }
  // For `ip link set … netns PATH`.
  [[nodiscard]] std::string path() const {
    return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_);
  }

 private:
  int fd_ = -1;
};

// A bpffs that only this process and its children see; it ends with them, however they end.
inline const std::string& bpffs() {
  static const std::string directory = [] {
    HAWSER_CHECK(unshare(CLONE_NEWNS) == 0, "tests of the datapath need root");
    HAWSER_CHECK(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    const std::string path = "/sys/fs/bpf";
    HAWSER_CHECK(mount("bpf", path.c_str(), "bpf", 0, nullptr) == 0, "mount a bpffs");
    return path;
  }();
  return directory;
}

}  // namespace hawser::datapath::test
