#include "hawser/kube/state_dir.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "hawser/base/file.h"
#include "hawser/base/log.h"

namespace hawser::kube {

namespace fs = std::filesystem;

namespace {

constexpr const char* kSuffix = ".json";
// What others say again after a crash; to be read by anybody.
constexpr WriteOptions kShown{.mode = 0644, .durable = false};

fs::path fileOf(const fs::path& folder, const ObjectName& name) {
  return folder / (name.space + "_" + name.name + kSuffix);
}

std::map<ObjectName, Json> readAll(const fs::path& folder) {
  std::map<ObjectName, Json> all;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder, error)) {
    if (file.path().extension() != kSuffix) continue;
    const auto stem = file.path().stem().string();
    const auto cut = stem.find('_');
    if (cut == std::string::npos) continue;
    const auto text = readFile(file.path());
    if (!text) continue;  // removed since it was listed
    auto json = Json::parse(*text, nullptr, false);
    if (json.is_discarded() || !json.is_object()) {
      log::warn("kube", "{}: not a JSON object; ignored", file.path().string());
      continue;
    }
    all[{stem.substr(0, cut), stem.substr(cut + 1)}] = std::move(json);
  }
  return all;
}

}  // namespace

// Open file description locks: they end with the process, and can be asked for without being taken.
Result<FileLock> FileLock::take(const fs::path& path, const std::string& what) {
  FileLock lock;
  lock.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock.fd_ < 0) return failErrno("open " + path.string(), errno);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  if (::fcntl(lock.fd_, F_OFD_SETLK, &whole) == 0) return lock;
  if (errno != EAGAIN && errno != EACCES) return failErrno("lock " + path.string(), errno);
  return fail(ErrorCode::kExists, what + " runs already", path.string());
}

std::optional<bool> FileLock::held(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  struct flock whole{};
  whole.l_type = F_WRLCK;
  const bool known = ::fcntl(fd, F_OFD_GETLK, &whole) == 0;
  ::close(fd);
  if (!known) return std::nullopt;
  return whole.l_type != F_UNLCK;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Result<StateDir> StateDir::open(const fs::path& root) {
  StateDir dir(root);
  for (const auto& folder : {dir.podsPath(), dir.statusPath()}) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return failErrno("create " + folder.string(), error.value());
  }
  return dir;
}

std::map<ObjectName, Json> StateDir::pods() const { return readAll(podsPath()); }
std::map<ObjectName, Json> StateDir::statuses() const { return readAll(statusPath()); }
Result<void> StateDir::writePod(const ObjectName& name, const Json& pod) const {
  return writeFile(fileOf(podsPath(), name), pod.dump(1), kShown);
}
Result<void> StateDir::writeStatus(const ObjectName& name, const Json& status) const {
  return writeFile(fileOf(statusPath(), name), status.dump(1), kShown);
}
Result<void> StateDir::writeReport(const Json& report) const {
  return writeFile(root_ / "manager.json", report.dump(1), kShown);
}
Json StateDir::report() const {
  const auto text = readFile(root_ / "manager.json");
  if (!text) return Json::object();
  auto json = Json::parse(*text, nullptr, false);
  return json.is_object() ? json : Json::object();
}
void StateDir::removePod(const ObjectName& name) const {
  std::error_code ignored;
  fs::remove(fileOf(podsPath(), name), ignored);
}
void StateDir::removeStatus(const ObjectName& name) const {
  std::error_code ignored;
  fs::remove(fileOf(statusPath(), name), ignored);
}

Result<std::unique_ptr<FolderWatcher>> FolderWatcher::create(io::Loop& loop,
                                                             const std::vector<fs::path>& folders,
                                                             std::function<void()> changed) {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) return failErrno("inotify_init1", errno);
  for (const auto& folder : folders) {
    if (::inotify_add_watch(fd, folder.c_str(),
                            IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE) < 0) {
      const int cause = errno;
      ::close(fd);
      return failErrno("watch " + folder.string(), cause);
    }
  }
  return std::unique_ptr<FolderWatcher>(new FolderWatcher(loop, fd, std::move(changed)));
}

FolderWatcher::FolderWatcher(io::Loop& loop, int fd, std::function<void()> changed) : fd_(fd) {
  watcher_.emplace(loop, fd, [fd, changed = std::move(changed)] {
    std::array<char, 16384> events{};
    while (::read(fd, events.data(), events.size()) > 0) {
    }
    changed();
  });
}

FolderWatcher::~FolderWatcher() {
  watcher_.reset();
  ::close(fd_);
}

}  // namespace hawser::kube
