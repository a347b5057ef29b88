#include "programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "abi/abi.h"
#include "hawser.skel.h"
#include "hawser/base/check.h"
#include "hawser/base/log.h"

namespace hawser::datapath {
namespace {

namespace fs = std::filesystem;

// Not: constants, and the working memory of a packet, which is of no use to another run.
bool isPinned(const bpf_map* map) {
  const std::string_view name = bpf_map__name(map);
  return !bpf_map__is_internal(map) && name != "contexts";
}

int logLibbpf(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG || !log::enabled(log::Level::kDebug)) return 0;
  std::array<char, 512> line{};
  const int size = std::vsnprintf(line.data(), line.size(), format, arguments);
  std::string_view text(line.data());
  while (text.ends_with('\n')) text.remove_suffix(1);
  log::debug("datapath", "libbpf: {}", text);
  return size;
}

void setSizes(bpf_object* object, const Config& config) {
  const std::pair<const char*, std::uint32_t> sizes[] = {
      {"port_of_device", config.maxPorts}, {"ports", config.maxPorts},
      {"port_counters", config.maxPorts},  {"labels", config.maxPorts},
      {"floating", config.maxPorts},       {"port_addrs", config.maxPorts * 4},
      {"routes", config.maxRoutes},        {"groups", config.maxNextHops},
      {"next_hops", config.maxNextHops},   {"rules", config.maxRules},
      {"rule_hits", config.maxRules},      {"translations", config.maxRules},
      {"conns", config.maxConnections},    {"outside", config.maxConnections},
      {"senders", config.maxNextHops},     {"port_opened", config.maxPorts},
      {"port_allowed", config.maxPorts}};
  for (const auto& [name, size] : sizes)
    (void)bpf_map__set_max_entries(bpf_object__find_map_by_name(object, name), size);
}

// Whether the pinned map is what the object declares; a missing one is not.
bool sameMap(const bpf_map* map, const std::string& path) {
  const int fd = bpf_obj_get(path.c_str());
  if (fd < 0) return false;
  bpf_map_info info{};
  __u32 length = sizeof(info);
  const bool known = bpf_obj_get_info_by_fd(fd, &info, &length) == 0;
  close(fd);
  return known && info.type == bpf_map__type(map) && info.key_size == bpf_map__key_size(map) &&
         info.value_size == bpf_map__value_size(map) &&
         info.max_entries == bpf_map__max_entries(map);
}

bool allPinned(bpf_object* object, const std::string& directory) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    const std::string name = bpf_map__name(map);
    if (isPinned(map) && !sameMap(map, fmt::format("{}/{}", directory, name))) return false;
  }
  return true;
}

Result<void> makeDirectory(const Config& config, const std::string& directory) {
  std::error_code error;
  fs::path existing = directory;  // or the nearest above it: nothing is made outside of a bpffs
  while (!fs::exists(existing, error) && existing.has_relative_path())
    existing = existing.parent_path();
  struct statfs stat{};
  if (statfs(existing.c_str(), &stat) < 0) return failErrno(config.pinDirectory, errno);
  if (static_cast<unsigned long>(stat.f_type) != BPF_FS_MAGIC)
    return fail(ErrorCode::kInvalid, "is not in a bpffs (mount -t bpf bpf DIR)",
                config.pinDirectory);
  if (!fs::create_directories(directory, error) && error)
    return fail(ErrorCode::kInvalid, "cannot be made: " + error.message(), config.pinDirectory);
  return {};
}

}  // namespace

Programs::Programs(hawser_bpf* skeleton) : skeleton_(skeleton) {}
Programs::Programs(Programs&& other) noexcept
    : skeleton_(std::exchange(other.skeleton_, nullptr)), adopted_(other.adopted_) {}
Programs& Programs::operator=(Programs&& other) noexcept {
  std::swap(skeleton_, other.skeleton_);
  std::swap(adopted_, other.adopted_);
  return *this;
}
Programs::~Programs() {
  if (skeleton_ != nullptr) hawser_bpf__destroy(skeleton_);
}

Result<Programs> Programs::load(const Config& config,
                                const std::function<void(bpf_object*)>& adjust) {
  libbpf_set_print(logLibbpf);
  const auto directory = pinsOf(config);
  if (auto made = makeDirectory(config, directory); !made) return std::unexpected(made.error());
  Programs out(hawser_bpf__open());
  if (out.skeleton_ == nullptr) return failErrno("open the BPF programs", errno);
  bpf_object* object = out.skeleton_->obj;
  setSizes(object, config);
  if (adjust) adjust(object);
  out.adopted_ = allPinned(object, directory);
  removePins(config, !out.adopted_);
  if (auto made = makeDirectory(config, directory); !made) return std::unexpected(made.error());
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    const std::string name = bpf_map__name(map);
    if (isPinned(map))
      (void)bpf_map__set_pin_path(map, fmt::format("{}/{}", directory, name).c_str());
  }
  if (const int error = hawser_bpf__load(out.skeleton_); error < 0) {
    if (!out.adopted_) removePins(config, true);
    return failErrno("load the BPF programs", -error);
  }
  return out;
}

int Programs::fromPort() const { return bpf_program__fd(skeleton_->progs.hw_from_port); }
int Programs::fromUnderlay() const { return bpf_program__fd(skeleton_->progs.hw_from_underlay); }

int Programs::map(const char* name) const {
  const int fd = bpf_object__find_map_fd_by_name(skeleton_->obj, name);
  HAWSER_CHECK(fd >= 0, name);
  return fd;
}

std::string Programs::pinsOf(const Config& config) {
  return fmt::format("{}/v{}", config.pinDirectory, HW_ABI_VERSION);
}

void Programs::removePins(const Config& config, bool thisVersionToo) {
  std::error_code error;
  const auto ours = pinsOf(config);
  for (const auto& version : allPins(config))
    if (thisVersionToo || version != ours) fs::remove_all(version, error);
}

std::vector<std::string> Programs::allPins(const Config& config) {
  std::error_code error;
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(config.pinDirectory, error))
    if (entry.path().filename().string().starts_with("v")) out.push_back(entry.path().string());
  return out;
}

}  // namespace hawser::datapath
