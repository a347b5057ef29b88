// The requests of the unix socket (docs/modules/agent.md).
#pragma once

#include <functional>
#include <string>

#include "socket/server.h"
#include "socket/views.h"

namespace hawser::agent {

class Operations {
 public:
  struct Dependencies {
    io::Loop& loop;
    Agent& agent;
    datapath::Plane& plane;
    DropLog& drops;
    const Metrics& metrics;
    std::function<Surroundings()> surroundings;
    std::function<void(const std::string& device)> removeDevice;  // GC; after its routes went
  };
  explicit Operations(Dependencies dependencies) : deps_(std::move(dependencies)) {}
  // Checks the request whole before it acts. The answer to "plug" may come later.
  std::function<void()> handle(const Json& request, Answer answer);

 private:
  [[nodiscard]] Result<Json> inspect(const std::string& op, const Json& request);
  [[nodiscard]] std::function<void()> plug(const Json& request, const Answer& answer);
  [[nodiscard]] Result<Json> collect(const Json& request);

  Dependencies deps_;
};

}  // namespace hawser::agent
