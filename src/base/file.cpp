#include "hawser/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "hawser/base/fd.h"

namespace hawser {
namespace {

Result<void> fill(const std::string& path, const std::string& text, const WriteOptions& options) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, options.mode));
  if (!fd) return failErrno("create " + path, errno);
  std::size_t written = 0;
  while (written < text.size()) {
    const auto count = ::write(fd.get(), text.data() + written, text.size() - written);
    if (count >= 0)
      written += static_cast<std::size_t>(count);
    else if (errno != EINTR)
      return failErrno("write " + path, errno);
  }
  if (::fchmod(fd.get(), options.mode) != 0) return failErrno("chmod " + path, errno);
  if (options.durable && ::fsync(fd.get()) != 0) return failErrno("sync " + path, errno);
  return {};
}

Result<void> syncFolder(const std::filesystem::path& folder) {
  const Fd fd(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return failErrno("open " + folder.string(), errno);
  if (::fsync(fd.get()) != 0) return failErrno("sync " + folder.string(), errno);
  return {};
}

}  // namespace

Result<std::string> readFile(const std::filesystem::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return failErrno("open " + path.string(), errno);
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    const auto count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count == 0) return text;
    if (count > 0)
      text.append(buffer.data(), static_cast<std::size_t>(count));
    else if (errno != EINTR)
      return failErrno("read " + path.string(), errno);
  }
}

Result<void> writeFile(const std::filesystem::path& path, const std::string& text,
                       const WriteOptions& options) {
  // Two processes that write the same file do not write into each other's.
  const auto temporary = path.string() + ".new" + std::to_string(::getpid());
  auto done = fill(temporary, text, options);
  if (done && ::rename(temporary.c_str(), path.c_str()) != 0)
    done = failErrno("rename " + temporary, errno);
  if (!done) {
    (void)::unlink(temporary.c_str());
    return done;
  }
  return options.durable ? syncFolder(path.parent_path()) : Result<void>();
}

}  // namespace hawser
