#include "topology/images.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "topology/reader.h"

namespace hawser::lab {

using model::Json;
namespace fs = std::filesystem;

Result<std::string> readText(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::error_code ignored;
  if (!in || fs::is_directory(file, ignored))
    return failErrno("open " + file.string(), errno == 0 ? EISDIR : errno);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Result<void> writeText(const fs::path& file, const std::string& text, unsigned mode) {
  const auto temporary = fmt::format("{}.{}.new", file.string(), ::getpid());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return failErrno("create " + temporary, errno);
  ::fchmod(fd, mode);
  std::size_t done = 0;
  while (done < text.size()) {
    const auto n = ::write(fd, text.data() + done, text.size() - done);
    if (n <= 0) {
      const int why = errno;
      ::close(fd);
      ::unlink(temporary.c_str());
      return failErrno("write " + temporary, why);
    }
    done += static_cast<std::size_t>(n);
  }
  ::close(fd);
  if (::rename(temporary.c_str(), file.c_str()) < 0)
    return failErrno("rename to " + file.string(), errno);
  return {};
}

Result<std::map<std::string, Image>> readImages(const fs::path& file) {
  const auto text = readText(file);
  if (!text) return std::unexpected(text.error());
  const auto documents = model::parseDocuments(*text);
  if (!documents) return std::unexpected(documents.error());
  if (documents->size() != 1 || !(*documents)[0].is_object() ||
      !(*documents)[0].contains("images") || !(*documents)[0]["images"].is_object())
    return invalid("holds no \"images\"", file.string());
  std::map<std::string, Image> images;
  Problem problem;
  for (const auto& [name, json] : (*documents)[0]["images"].items()) {
    Reader reader(json, "images." + name, problem);
    auto& image = images[name];
    image.command = reader.texts("command");
    if (image.command.empty()) reader.note("command", "is empty");
    image.user = reader.text("user");
    const auto* bind = reader.take("bind");
    const Json none = Json::object();
    for (const auto& [source, target] :
         (bind != nullptr && bind->is_object() ? *bind : none).items()) {
      if (!target.is_string()) {
        reader.note("bind." + source, "is not a path");
        continue;
      }
      image.bind[fs::absolute(file.parent_path() / source).lexically_normal().string()] =
          target.get<std::string>();
    }
    reader.done();
  }
  if (problem.first()) return std::unexpected(*problem.first());
  return images;
}

}  // namespace hawser::lab
