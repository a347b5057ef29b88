// The agent's unix socket: one JSON request a line in, one JSON answer a line out, in order. Who
// may connect is told by the socket's mode (0600). Slow, silent or broken clients cost memory that
// is bounded and never stop the loop. All on the loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "hawser/agent/local.h"
#include "hawser/io/loop.h"

namespace hawser::agent {

using Answer = std::function<void(const Result<Json>&)>;

inline constexpr std::size_t kMaxClients = 256;
inline constexpr std::chrono::seconds kClientSilence{
    60};  // without a whole request, or not reading

class LocalServer {
 public:
  // Answers at once or later, once. What it returns, if anything, is called when the client goes
  // before it has its answer.
  using Handler = std::function<std::function<void()>(const Json& request, Answer answer)>;

  // Replaces a socket that nobody listens on. kExists: somebody does, or the path is no socket.
  [[nodiscard]] static Result<std::unique_ptr<LocalServer>> open(io::Loop& loop,
                                                                 const std::string& path,
                                                                 Handler handler);
  ~LocalServer();  // removes the socket
  [[nodiscard]] std::size_t clients() const;

 private:
  struct Impl;
  explicit LocalServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace hawser::agent
