#include "hawser/agent/local.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

#include "hawser/base/fd.h"

namespace hawser::agent {
namespace {

struct CodeName {
  ErrorCode code;
  std::string_view name;
};
constexpr std::array kCodeNames{CodeName{ErrorCode::kInvalid, "invalid"},
                                CodeName{ErrorCode::kNotFound, "notFound"},
                                CodeName{ErrorCode::kExists, "exists"},
                                CodeName{ErrorCode::kConflict, "conflict"},
                                CodeName{ErrorCode::kUnauthorized, "unauthorized"},
                                CodeName{ErrorCode::kForbidden, "forbidden"},
                                CodeName{ErrorCode::kUnavailable, "unavailable"},
                                CodeName{ErrorCode::kTimeout, "timeout"},
                                CodeName{ErrorCode::kInternal, "internal"}};

std::string textOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Error errorOf(const Json& json) {
  Error error{ErrorCode::kInternal, textOf(json, "message"), textOf(json, "field")};
  for (const auto& [code, name] : kCodeNames)
    if (name == textOf(json, "code")) error.code = code;
  return error;
}

Result<Fd> connectTo(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return invalid("\"" + path + "\" is too long for a unix socket", "socket");
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return failErrno("unix socket", errno);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return fd;
  if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN)
    return fail(ErrorCode::kUnavailable, "no agent answers at " + path);
  if (errno == EACCES) return fail(ErrorCode::kForbidden, "no permission to open " + path);
  return failErrno("connect to " + path, errno);
}

class Exchange {
 public:
  Exchange(int fd, std::chrono::milliseconds timeout)
      : fd_(fd), deadline_(std::chrono::steady_clock::now() + timeout) {}

  Result<void> send(const std::string& bytes) const {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const auto count = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count >= 0) {
        sent += static_cast<std::size_t>(count);
      } else if (errno == EAGAIN) {
        if (auto ready = wait(POLLOUT); !ready) return ready;
      } else if (errno == EPIPE) {
        return {};  // it has closed; its last words may still be readable
      } else if (errno != EINTR) {
        return failErrno("write to the agent", errno);
      }
    }
    return {};
  }

  Result<std::string> receiveLine() const {
    std::string line;
    std::array<char, 65536> buffer;
    while (true) {
      const auto count = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (count > 0) {
        line.append(buffer.data(), static_cast<std::size_t>(count));
        if (line.back() == '\n') return line;
        if (line.size() > kMaxAnswer)
          return fail(ErrorCode::kInternal, "the agent's answer is too long");
      } else if (count == 0 || errno == ECONNRESET) {
        return fail(ErrorCode::kUnavailable, "the agent closed the connection");
      } else if (errno == EAGAIN) {
        if (auto ready = wait(POLLIN); !ready) return std::unexpected(ready.error());
      } else if (errno != EINTR) {
        return failErrno("read from the agent", errno);
      }
    }
  }

 private:
  Result<void> wait(short events) const {
    while (true) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline_ - std::chrono::steady_clock::now());
      pollfd one{fd_, events, 0};
      const int ready = left.count() > 0 ? ::poll(&one, 1, static_cast<int>(left.count()) + 1) : 0;
      if (ready > 0) return {};
      if (ready == 0) return fail(ErrorCode::kTimeout, "the agent did not answer in time");
      if (errno != EINTR) return failErrno("wait for the agent", errno);
    }
  }

  int fd_;
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace

std::string_view codeName(ErrorCode code) {
  for (const auto& one : kCodeNames)
    if (one.code == code) return one.name;
  return "internal";
}

Json errorAnswer(const Error& error) {
  Json json{{"code", codeName(error.code)}, {"message", error.message}};
  if (!error.field.empty()) json["field"] = error.field;
  return {{"error", json}};
}

Result<Json> callAgent(const std::string& socketPath, const Json& request,
                       std::chrono::milliseconds timeout) {
  const auto fd = connectTo(socketPath);
  if (!fd) return std::unexpected(fd.error());
  const Exchange exchange(fd->get(), timeout);
  const auto text = request.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (text.size() > kMaxRequest) return invalid("the request is too long");
  if (auto sent = exchange.send(text); !sent) return std::unexpected(sent.error());
  const auto line = exchange.receiveLine();
  if (!line) return std::unexpected(line.error());
  auto answer = Json::parse(*line, nullptr, false);
  if (!answer.is_object())
    return fail(ErrorCode::kInternal, "the agent's answer is no JSON object");
  if (const auto error = answer.find("error"); error != answer.end() && error->is_object())
    return std::unexpected(errorOf(*error));
  return answer;
}

}  // namespace hawser::agent
