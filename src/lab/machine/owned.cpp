#include "machine/owned.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "hawser/base/file.h"
#include "hawser/model/object.h"

namespace hawser::lab {

namespace fs = std::filesystem;

namespace {

std::string claimFile(const std::string& run, const std::string& name) {
  return run + "/netns/" + name;
}

std::string identityOf(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return fmt::format("{}:{}", status.st_dev, status.st_ino);
}

// A name alone, without the identity, is never enough for the namespace that all else runs in.
bool isOurOwn(const std::string& identity) {
  return identity == identityOf("/proc/1/ns/net") || identity == identityOf("/proc/self/ns/net");
}

bool claimed(const std::string& run, const std::string& name) {
  const auto text = readFile(claimFile(run, name));
  const auto now = identityOf(netnsPath(name));
  if (!text || now.empty()) return false;
  return text->empty() ? !isOurOwn(now) : *text == now;
}

std::set<std::string> podNetns(const std::string& run) {
  std::set<std::string> out;
  std::error_code ignored;
  for (const auto& site : fs::directory_iterator(run + "/data", ignored)) {
    if (!site.path().filename().string().starts_with("kube-")) continue;
    for (const auto& file : fs::directory_iterator(site.path() / "status", ignored)) {
      const auto status = model::Json::parse(readFile(file.path()).value_or(""), nullptr, false);
      if (!status.is_object()) continue;
      const auto netns = status.value("netns", model::Json());
      if (netns.is_string() && !netns.get<std::string>().empty()) out.insert(netns);
    }
  }
  return out;
}

std::vector<std::string> labFolders(const std::string& run) {
  std::vector<std::string> out;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(fs::path(run).parent_path(), ignored))
    if (entry.is_directory(ignored)) out.push_back(entry.path().string());
  return out;
}

}  // namespace

Result<void> makeNetns(const std::string& run, const std::string& name) {
  if (netnsExists(name))
    return fail(ErrorCode::kExists, fmt::format("the network namespace \"{}\" exists already; it "
                                                "is {}",
                                                name, ownerText(run, name)));
  std::error_code error;
  fs::create_directories(run + "/netns", error);
  if (auto written = writeFile(claimFile(run, name), "", {.durable = false}); !written)
    return written;
  if (auto made = addNetns(name); !made) {
    // Somebody was faster. Whatever else is there, half made, is ours.
    if (made.error().message.find("File exists") != std::string::npos)
      fs::remove(claimFile(run, name), error);
    return made;
  }
  return writeFile(claimFile(run, name), identityOf(netnsPath(name)), {.durable = false});
}

void dropNetns(const std::string& run, const std::string& name) {
  removeNetns(name);
  std::error_code ignored;
  fs::remove(claimFile(run, name), ignored);
}

std::vector<std::string> ownNetns(const std::string& run) {
  std::set<std::string> out;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(run + "/netns", ignored))
    if (auto name = entry.path().filename().string(); claimed(run, name))
      out.insert(std::move(name));
  const auto others = labFolders(run);
  for (const auto& name : podNetns(run))
    if (netnsExists(name) && !isOurOwn(identityOf(netnsPath(name))) &&
        std::ranges::none_of(
            others, [&](const std::string& other) { return other != run && claimed(other, name); }))
      out.insert(name);
  return {out.begin(), out.end()};
}

std::string netnsOwner(const std::string& run, const std::string& name) {
  const auto folders = labFolders(run);
  for (const auto& folder : folders)
    if (claimed(folder, name)) return fs::path(folder).filename();
  for (const auto& folder : folders)
    if (podNetns(folder).contains(name)) return fs::path(folder).filename();
  return {};
}

std::string ownerText(const std::string& run, const std::string& name) {
  const auto owner = netnsOwner(run, name);
  return owner.empty() ? "of no lab" : fmt::format("of the lab \"{}\"", owner);
}

std::vector<pid_t> markedProcesses(const std::string& run) {
  const auto mark = fmt::format("{}={}", kLabMark, run);
  std::vector<pid_t> out;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream in(entry.path() / "environ", std::ios::binary);
    for (std::string variable; std::getline(in, variable, '\0');)
      if (variable == mark) {
        out.push_back(static_cast<pid_t>(std::stol(name)));
        break;
      }
  }
  return out;
}

}  // namespace hawser::lab
