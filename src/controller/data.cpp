#include "data.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "hawser/base/file.h"

namespace hawser::controller {
namespace {

constexpr std::chrono::hours kAuthorityValidity{24 * 3650};

}  // namespace

DataDirectory::~DataDirectory() {
  store_.reset();
  if (lock_ >= 0) ::close(lock_);
}

Result<void> DataDirectory::lock() {
  const auto file = path_ + "/lock";
  lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0) return failErrno("open " + file, errno);
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0) return {};
  return fail(ErrorCode::kUnavailable, fmt::format("{} is in use by another controller", path_),
              "--data");
}

Result<void> DataDirectory::openAuthority(const std::string& site) {
  const auto certificate = path_ + "/ca.pem", key = path_ + "/ca.key";
  const bool haveKey = std::filesystem::exists(key);
  const bool haveCertificate = std::filesystem::exists(certificate);
  // The key is written first: a certificate without its key means that somebody took the key away.
  if (haveCertificate && !haveKey)
    return invalid("is missing beside ca.pem; the site's authority cannot be made again", key);
  if (haveCertificate) {
    auto certificateText = readFile(certificate);
    if (!certificateText) return std::unexpected(certificateText.error());
    auto keyText = readFile(key);
    if (!keyText) return std::unexpected(keyText.error());
    if (auto known = api::fingerprint(*certificateText); !known)
      return invalid(known.error().message, certificate);
    ca_ = {std::move(*certificateText), std::move(*keyText)};
    return {};
  }
  // Two sites may choose one name: the random part keeps their authorities apart for who trusts
  // both.
  auto made = api::makeCa(fmt::format("hawser {} {}", site, api::randomSecret().substr(0, 8)),
                          kAuthorityValidity);
  if (!made) return std::unexpected(made.error());
  if (auto written = writeFile(key, made->key, {.mode = 0600}); !written) return written;
  if (auto written = writeFile(certificate, made->certificate, {.mode = 0644}); !written)
    return written;
  ca_ = std::move(*made);
  return {};
}

Result<std::unique_ptr<DataDirectory>> DataDirectory::open(const std::string& path,
                                                           const std::string& site) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return invalid(fmt::format("{}: {}", path, error.message()), "--data");
  if (::chmod(path.c_str(), 0700) != 0) return failErrno("chmod " + path, errno);
  std::unique_ptr<DataDirectory> data(new DataDirectory());
  data->path_ = path;
  if (auto locked = data->lock(); !locked) return std::unexpected(locked.error());
  if (auto opened = data->openAuthority(site); !opened) return std::unexpected(opened.error());
  auto store = store::openSqlite(path + "/hawser.db");
  if (!store) return std::unexpected(store.error());
  data->store_ = std::move(*store);
  return data;
}

Result<std::string> DataDirectory::adminSecret() {
  const auto file = path_ + "/admin.token";
  if (std::filesystem::exists(file)) {
    auto text = readFile(file);
    if (!text) return text;
    while (!text->empty() && (text->back() == '\n' || text->back() == ' ')) text->pop_back();
    if (text->empty()) return invalid("is empty", file);
    return text;
  }
  auto secret = api::randomSecret();
  if (auto written = writeFile(file, secret + "\n", {.mode = 0600}); !written)
    return std::unexpected(written.error());
  return secret;
}

}  // namespace hawser::controller
