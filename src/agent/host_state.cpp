#include "host_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hawser/base/check.h"
#include "hawser/base/file.h"
#include "hawser/base/log.h"

namespace hawser::agent {
namespace {

constexpr std::uint32_t kFirstLabel =
    1000;  // below: reserved (RFC 7274), or set by hand on routers
constexpr std::uint32_t kLastLabel = 0xfffff;
constexpr std::uint32_t kLastId = 0x7fffffff;
constexpr std::uint32_t kLastRd = 0xffff;  // type 1: two bytes (RFC 4364, 4.2)

// The next number from `next` on that is not in `used`; round and round.
std::uint32_t take(std::uint32_t& next, std::uint32_t first, std::uint32_t last,
                   const std::set<std::uint32_t>& used) {
  HAWSER_CHECK(used.size() <= last - first, "more ports on one host than numbers");
  while (true) {
    const auto number = std::clamp(next, first, last);
    next = number == last ? first : number + 1;
    if (!used.contains(number)) return number;
  }
}

Json workloadJson(const model::WorkloadRef& workload) {
  return {{"kind", workload.kind}, {"namespace", workload.space}, {"name", workload.name}};
}

}  // namespace

Result<HostState> HostState::load(const std::filesystem::path& folder) {
  HostState state(folder);
  const auto path = folder / "state.json";
  const auto text = readFile(path);
  if (!text && text.error().code == ErrorCode::kNotFound) return state;
  if (!text) return std::unexpected(text.error());
  try {
    state.read(Json::parse(*text));
    state.restored_ = true;
    return state;
  } catch (const std::exception& error) {
    // A host that lost power may find it empty. The datapath's maps are gone then too.
    log::error("agent", "{} is not readable and was set aside: {}", path.string(), error.what());
    std::error_code ignored;
    std::filesystem::rename(path, path.string() + ".bad", ignored);
    return HostState(folder);
  }
}

void HostState::read(const Json& json) {
  nextId_ = json.at("nextId").get<std::uint32_t>();
  nextLabel_ = json.at("nextLabel").get<std::uint32_t>();
  nextRd_ = json.at("nextRd").get<std::uint32_t>();
  for (const auto& [uid, one] : json.at("ports").items()) {
    PortNumbers numbers;
    numbers.id = datapath::PortId(one.at("id").get<std::uint32_t>());
    const auto label = net::Label::make(one.at("label").get<std::uint32_t>());
    if (!label) throw std::invalid_argument(label.error().message);
    numbers.label = *label;
    numbers.name = one.at("name").get<std::string>();
    for (const auto& pair : one.at("rds"))
      numbers.rds[net::VrfId(pair.at(0).get<std::uint32_t>())] = pair.at(1).get<std::uint16_t>();
    use(numbers);
    ports_[uid] = std::move(numbers);
  }
  for (const auto& one : json.at("plugs")) {
    Plug plug{.device = one.at("device").get<std::string>(),
              .containerId = one.at("containerId").get<std::string>(),
              .ifname = one.value("ifname", ""),
              .owner = one.value("owner", ""),
              .port = one.value("port", ""),
              .workload = {},
              .tap = one.value("tap", false)};
    if (const auto workload = one.find("workload"); workload != one.end())
      plug.workload = model::WorkloadRef{workload->at("kind").get<std::string>(),
                                         workload->at("namespace").get<std::string>(),
                                         workload->at("name").get<std::string>()};
    plugs_.push_back(std::move(plug));
  }
}

Json HostState::toJson() const {
  Json json{{"nextId", nextId_},
            {"nextLabel", nextLabel_},
            {"nextRd", nextRd_},
            {"ports", Json::object()},
            {"plugs", Json::array()}};
  for (const auto& [uid, numbers] : ports_) {
    auto rds = Json::array();
    for (const auto& [vrf, number] : numbers.rds) {
      auto pair = Json::array();
      pair.push_back(vrf.value());
      pair.push_back(number);
      rds.push_back(std::move(pair));
    }
    json["ports"][uid] = {{"id", numbers.id.value()},
                          {"label", numbers.label.value()},
                          {"name", numbers.name},
                          {"rds", rds}};
  }
  for (const auto& plug : plugs_) {
    Json one{{"device", plug.device}, {"containerId", plug.containerId},
             {"ifname", plug.ifname}, {"owner", plug.owner},
             {"port", plug.port},     {"tap", plug.tap}};
    if (plug.workload) one["workload"] = workloadJson(*plug.workload);
    json["plugs"].push_back(std::move(one));
  }
  return json;
}

Result<void> HostState::save() {
  if (!changed_) return {};
  auto written = writeFile(folder_ / "state.json", toJson().dump(1), {.durable = false});
  if (written) changed_ = false;
  return written;
}

const PortNumbers& HostState::numbers(const std::string& uid, const std::string& name) {
  const auto found = ports_.find(uid);
  if (found != ports_.end()) return found->second;
  PortNumbers numbers;
  numbers.id = datapath::PortId(take(nextId_, 1, kLastId, ids_));
  numbers.label = *net::Label::make(take(nextLabel_, kFirstLabel, kLastLabel, labels_));
  numbers.name = name;
  use(numbers);
  changed_ = true;
  return ports_.emplace(uid, std::move(numbers)).first->second;
}

const PortNumbers* HostState::find(const std::string& uid) const {
  const auto found = ports_.find(uid);
  return found == ports_.end() ? nullptr : &found->second;
}

std::uint16_t HostState::rdNumber(const std::string& uid, net::VrfId vrf) {
  const auto port = ports_.find(uid);
  HAWSER_CHECK(port != ports_.end(), "a route distinguisher for a port without numbers");
  const auto found = port->second.rds.find(vrf);
  if (found != port->second.rds.end()) return found->second;
  const auto number = static_cast<std::uint16_t>(take(nextRd_, 1, kLastRd, rds_));
  rds_.insert(number);
  port->second.rds[vrf] = number;
  changed_ = true;
  return number;
}

std::vector<std::string> HostState::uids() const {
  std::vector<std::string> out;
  for (const auto& [uid, numbers] : ports_) out.push_back(uid);
  return out;
}

void HostState::use(const PortNumbers& numbers) {
  ids_.insert(numbers.id.value());
  labels_.insert(numbers.label.value());
  for (const auto& [vrf, number] : numbers.rds) rds_.insert(number);
}

void HostState::forget(const std::string& uid) {
  const auto found = ports_.find(uid);
  if (found == ports_.end()) return;
  ids_.erase(found->second.id.value());
  labels_.erase(found->second.label.value());
  for (const auto& [vrf, number] : found->second.rds) rds_.erase(number);
  ports_.erase(found);
  changed_ = true;
}

void HostState::addPlug(Plug plug) {
  const auto same = std::find(plugs_.begin(), plugs_.end(), plug);
  if (same != plugs_.end()) return;
  (void)removePlug(plug.device);
  plugs_.push_back(std::move(plug));
  changed_ = true;
}

bool HostState::removePlug(const std::string& device) {
  const bool removed =
      std::erase_if(plugs_, [&](const Plug& plug) { return plug.device == device; }) > 0;
  changed_ |= removed;
  return removed;
}

Result<void> HostState::saveSlice(const model::Slice& slice) const {
  return writeFile(folder_ / "slice.json", model::toJson(slice).dump(), {.durable = false});
}

std::optional<model::Slice> HostState::loadSlice() const {
  const auto text = readFile(folder_ / "slice.json");
  if (!text) {
    if (text.error().code != ErrorCode::kNotFound)
      log::error("agent", "the slice that was kept is lost: {}", text.error().text());
    return std::nullopt;
  }
  const auto json = Json::parse(*text, nullptr, false);
  auto slice = model::parseSlice(json);
  if (slice) return std::move(*slice);
  log::warn("agent", "the slice kept in {} is not readable: {}", folder_.string(),
            slice.error().text());
  return std::nullopt;
}

}  // namespace hawser::agent
