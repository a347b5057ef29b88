#include "socket/ops.h"

#include <net/if.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#ifndef HAWSER_VERSION
#define HAWSER_VERSION "unknown"
#endif

namespace hawser::agent {
namespace {

constexpr std::int64_t kMaxWaitMs = 120000;
constexpr std::int64_t kDefaultWaitMs = 10000;
constexpr std::size_t kMaxText = 512;
constexpr std::int64_t kMostConnections = 100000;

// Reads fields of a request; the first that is wrong is the error.
class Fields {
 public:
  explicit Fields(const Json& json, std::string place = {})
      : json_(json), place_(std::move(place)) {}

  std::string text(const std::string& key, bool needed = false) {
    const auto found = json_.find(key);
    if (found == json_.end()) {
      if (needed) wrong(key, "is needed");
      return {};
    }
    if (!found->is_string()) return wrong(key, "must be text"), std::string();
    auto value = found->get<std::string>();
    if (value.size() > kMaxText) wrong(key, "is too long");
    if (needed && value.empty()) wrong(key, "is empty");
    return value;
  }
  std::int64_t number(const std::string& key, std::int64_t otherwise, std::int64_t most) {
    const auto found = json_.find(key);
    if (found == json_.end()) return otherwise;
    if (!found->is_number_integer() || found->get<std::int64_t>() < 0 ||
        found->get<std::int64_t>() > most)
      return wrong(key, "must be a number in 0.." + std::to_string(most)), otherwise;
    return found->get<std::int64_t>();
  }
  bool flag(const std::string& key) {
    const auto found = json_.find(key);
    if (found == json_.end()) return false;
    if (!found->is_boolean()) return wrong(key, "must be true or false"), false;
    return found->get<bool>();
  }
  void wrong(const std::string& key, const std::string& why) {
    if (!error_) error_ = Error{ErrorCode::kInvalid, why, place_ + key};
  }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  const Json& json_;
  std::string place_;
  std::optional<Error> error_;
};

Result<Plug> plugOf(const Json& request) {
  Fields fields(request);
  Plug plug{.device = fields.text("device", true),
            .containerId = fields.text("containerId", true),
            .ifname = fields.text("ifname"),
            .owner = fields.text("owner"),
            .port = fields.text("port"),
            .workload = {},
            .tap = fields.flag("tap")};
  if (plug.device.size() >= IFNAMSIZ) fields.wrong("device", "is no device name");
  if (fields.error()) return std::unexpected(*fields.error());
  const auto workload = request.find("workload");
  if (plug.port.empty() == (workload == request.end()))
    return invalid("one of port and workload is needed", "port");
  if (workload == request.end()) return plug;
  if (!workload->is_object()) return invalid("must be an object", "workload");
  Fields inner(*workload, "workload.");
  plug.workload = model::WorkloadRef{inner.text("kind", true), inner.text("namespace"),
                                     inner.text("name", true)};
  if (inner.error()) return std::unexpected(*inner.error());
  return plug;
}

using Which = std::function<bool(const Plug&)>;

// {device}, or {containerId, ifname?}.
Result<Which> whichOf(const Json& request) {
  Fields fields(request);
  const auto device = fields.text("device");
  const auto container = fields.text("containerId");
  const auto ifname = fields.text("ifname");
  if (fields.error()) return std::unexpected(*fields.error());
  if (device.empty() && container.empty())
    return invalid("device or containerId is needed", "device");
  return Which([=](const Plug& plug) {
    return (device.empty() || plug.device == device) &&
           (container.empty() || plug.containerId == container) &&
           (ifname.empty() || plug.ifname == ifname);
  });
}

using Attachment = std::pair<std::string, std::string>;  // containerId, ifname

Result<std::set<Attachment>> keepOf(const Json& request) {
  const auto keep = request.find("keep");
  // Not there is not the same as none: it would remove everything.
  if (keep == request.end() || !keep->is_array()) return invalid("must be a list", "keep");
  std::set<Attachment> out;
  for (std::size_t i = 0; i < keep->size(); ++i) {
    const auto place = "keep[" + std::to_string(i) + "]";
    if (!(*keep)[i].is_object()) return invalid("must be an object", place);
    Fields fields((*keep)[i], place + ".");
    out.emplace(fields.text("containerId", true), fields.text("ifname", true));
    if (fields.error()) return std::unexpected(*fields.error());
  }
  return out;
}

}  // namespace

std::function<void()> Operations::handle(const Json& request, Answer answer) {
  Fields fields(request);
  const auto op = fields.text("op", true);
  if (fields.error()) return answer(std::unexpected(*fields.error())), nullptr;
  if (op == "plug") return plug(request, answer);
  answer(inspect(op, request));
  return nullptr;
}

std::function<void()> Operations::plug(const Json& request, const Answer& answer) {
  const auto plug = plugOf(request);
  if (!plug) return answer(std::unexpected(plug.error())), nullptr;
  Fields fields(request);
  const auto wait = fields.number("waitMs", kDefaultWaitMs, kMaxWaitMs);
  if (fields.error()) return answer(std::unexpected(*fields.error())), nullptr;
  if (!deps_.agent.hasDevice(plug->device))
    return answer(fail(ErrorCode::kNotFound, "there is no device " + plug->device, "device")),
           nullptr;
  return deps_.agent.plug(*plug, std::chrono::milliseconds(wait), answer);
}

Result<Json> Operations::inspect(const std::string& op, const Json& request) {
  auto& agent = deps_.agent;
  if (op == "ping") return Json{{"host", agent.config().host}, {"version", HAWSER_VERSION}};
  if (op == "status") return statusJson(agent, deps_.surroundings());
  if (op == "ports") return portsJson(agent, deps_.plane);
  if (op == "vrfs") return vrfsJson(agent);
  if (op == "rules") return rulesJson(agent, deps_.plane);
  if (op == "metrics") return Json{{"text", deps_.metrics.prometheus()}};
  if (op == "gc") return collect(request);
  if (op == "drops") {
    Json counts = Json::object();
    for (const auto& drop : deps_.plane.drops()) counts[drop.reason] = drop.packets;
    return Json{{"counts", counts}, {"recent", deps_.drops.json(agent)}};
  }
  Fields fields(request);
  if (op == "routes" || op == "maps") {
    const auto vrf = fields.text("vrf");
    if (fields.error()) return std::unexpected(*fields.error());
    return op == "routes" ? routesJson(agent, vrf) : mapRoutesJson(agent, deps_.plane, vrf);
  }
  if (op == "connections") {
    const auto port = fields.text("port");
    const auto limit = fields.number("limit", 1000, kMostConnections);
    if (fields.error()) return std::unexpected(*fields.error());
    return connectionsJson(agent, deps_.plane, port, static_cast<std::size_t>(limit));
  }
  if (op == "unplug" || op == "check") {
    const auto which = whichOf(request);
    if (!which) return std::unexpected(which.error());
    if (op == "check") return agent.check(*which);
    return Json{{"unplugged", agent.unplug(*which)}};
  }
  return invalid("there is no operation \"" + op + "\"", "op");
}

// CNI's GC: what `owner` attached and does not list any more goes, with its devices.
Result<Json> Operations::collect(const Json& request) {
  Fields fields(request);
  const auto owner = fields.text("owner", true);
  if (fields.error()) return std::unexpected(*fields.error());
  const auto keep = keepOf(request);
  if (!keep) return std::unexpected(keep.error());
  const auto stale = [&](const Plug& plug) {
    return plug.owner == owner && !keep->contains({plug.containerId, plug.ifname});
  };
  auto removed = Json::array();
  std::vector<std::string> devices;
  for (const auto& plug : deps_.agent.state().plugs())
    if (stale(plug)) {
      removed.push_back(
          {{"containerId", plug.containerId}, {"ifname", plug.ifname}, {"device", plug.device}});
      devices.push_back(plug.device);
    }
  (void)deps_.agent.unplug(stale);
  // Behind the removal of the ports, which is posted too.
  for (const auto& device : devices)
    deps_.loop.post([remove = deps_.removeDevice, device] { remove(device); });
  return Json{{"removed", removed}};
}

}  // namespace hawser::agent
