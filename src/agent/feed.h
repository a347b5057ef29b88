// What goes between the agent and the controller's API: slices in, reports out. Neither ever blocks
// the loop.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "hawser/api/client.h"
#include "hawser/io/loop.h"
#include "hawser/model/slice.h"

namespace hawser::agent {

// Follows the slice at one controller; at the next one when it does not answer. A slice that is not
// understood is said and left out, the one before stays in force.
class SliceFeed {
 public:
  SliceFeed(io::Loop& loop, std::vector<api::ClientConfig> controllers, std::string host,
            std::function<void(model::Slice)> slice, std::function<void(bool connected)> state);
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] const std::string& controller() const { return controllers_[current_].url; }
  [[nodiscard]] const std::string& lastError() const { return lastError_; }

 private:
  void follow();
  void received(const model::Json& line);
  void changed(bool connected, const Error& why);

  io::Loop& loop_;
  std::vector<api::ClientConfig> controllers_;
  std::string path_;
  std::function<void(model::Slice)> slice_;
  std::function<void(bool)> state_;
  std::size_t current_ = 0;
  bool connected_ = false;
  std::string lastError_;
  io::Timer next_;
  std::unique_ptr<api::LineWatcher> watcher_;
};

// Puts the newest report, once a controller takes it; those it overtook are never sent. A thread of
// its own. send() from any thread.
class Reporter {
 public:
  Reporter(std::vector<api::ClientConfig> controllers, const std::string& host);
  ~Reporter();  // waits for a call that is under way: at most its timeout
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;
  void send(model::Json report);

 private:
  void work();
  [[nodiscard]] bool put(const model::Json& report);

  std::vector<api::Client> clients_;
  std::string path_;
  std::size_t current_ = 0;
  std::string lastError_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<model::Json> waiting_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace hawser::agent
