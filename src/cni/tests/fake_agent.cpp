#include "fake_agent.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

namespace hawser::cni {
namespace {

Json failed(const char* code, const std::string& message) {
  return {{"error", {{"code", code}, {"message", message}}}};
}

}  // namespace

FakeAgent::FakeAgent(std::string path) : path_(std::move(path)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
  ::unlink(path_.c_str());
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 16) != 0 || ::pipe(stop_) != 0)
    throw std::runtime_error("fake agent at " + path_ + ": " + std::strerror(errno));
  thread_ = std::thread([this] { run(); });
}

FakeAgent::~FakeAgent() {
  ::close(stop_[1]);
  thread_.join();
  ::close(stop_[0]);
  ::close(listener_);
  ::unlink(path_.c_str());
}

void FakeAgent::run() {
  while (true) {
    std::array<pollfd, 2> waiting{pollfd{listener_, POLLIN, 0}, pollfd{stop_[0], POLLIN, 0}};
    ::poll(waiting.data(), waiting.size(), -1);
    if (waiting[1].revents != 0) return;
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    serve(connection);
    ::close(connection);
  }
}

void FakeAgent::serve(int connection) {
  std::string line;
  std::array<char, 4096> buffer;
  while (line.empty() || line.back() != '\n') {
    const auto count = ::recv(connection, buffer.data(), buffer.size(), 0);
    if (count <= 0) return;
    line.append(buffer.data(), static_cast<std::size_t>(count));
  }
  const auto text = answer(Json::parse(line)).dump() + "\n";
  (void)!::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
}

Json FakeAgent::answerPlugged(const Json& plug) const {
  return {{"port", "default/web-1"},    {"uid", "7"},
          {"mac", "02:00:0a:0a:00:05"}, {"addresses", {"10.10.0.5"}},
          {"gateway", "10.10.0.1"},     {"mtu", 1446},
          {"hostname", "web-1"},        {"host", "node1"},
          {"device", plug.at("device")}};
}

Json FakeAgent::answer(const Json& request) {
  const std::lock_guard lock(mutex_);
  requests_.push_back(request);
  if (handler_)
    if (auto special = handler_(request); !special.is_null()) return special;
  const auto op = request.at("op").get<std::string>();
  if (op == "ping") return {{"ok", true}};
  if (op == "plug") {
    plugs_[request.at("device").get<std::string>()] = request;
    return answerPlugged(request);
  }
  if (op == "gc") {
    std::erase_if(plugs_, [&](const auto& entry) {
      const auto& plug = entry.second;
      const Json id{{"containerId", plug["containerId"]}, {"ifname", plug["ifname"]}};
      const auto& keep = request.at("keep");
      return plug["owner"] == request.at("owner") &&
             std::find(keep.begin(), keep.end(), id) == keep.end();
    });
    return {{"removed", Json::array()}};
  }
  const auto found = plugs_.find(request.at("device").get<std::string>());
  if (found == plugs_.end()) return failed("notFound", "nothing is plugged under that name");
  if (op == "check") return answerPlugged(found->second);
  if (op == "unplug") {
    plugs_.erase(found);
    return {{"ok", true}};
  }
  return failed("invalid", "unknown op");
}

void FakeAgent::onRequest(std::function<Json(const Json&)> handler) {
  const std::lock_guard lock(mutex_);
  handler_ = std::move(handler);
}

std::vector<Json> FakeAgent::requests(const std::string& op) const {
  const std::lock_guard lock(mutex_);
  std::vector<Json> out;
  std::copy_if(requests_.begin(), requests_.end(), std::back_inserter(out),
               [&](const Json& one) { return one["op"] == op; });
  return out;
}

std::vector<std::string> FakeAgent::plugged() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [device, plug] : plugs_) out.push_back(device);
  return out;
}

}  // namespace hawser::cni
