// One event loop a thread. Everything but post() and stop() is called on the loop's own thread.
// Built on Boost.Asio, which stays out of this header.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "hawser/base/clock.h"

namespace hawser::io {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();                             // until stop()
  void stop();                            // any thread
  void post(std::function<void()> task);  // any thread; tasks run in order
  // Runs what is ready and waits at most `limit` for more; for tests.
  void runFor(std::chrono::milliseconds limit);
  [[nodiscard]] const Clock& clock() const;
  // SIGINT and SIGTERM call this instead of ending the process.
  void onSignals(std::vector<int> signals, std::function<void(int)> handler);
  // The boost::asio::io_context, for the .cpp files that need sockets.
  [[nodiscard]] void* native();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One-shot; start() again moves it. Destruction cancels. The callback may destroy or restart the
// timer.
class Timer {
 public:
  explicit Timer(Loop& loop);
  ~Timer();
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;
  void start(Duration after, std::function<void()> expired);
  void cancel();
  [[nodiscard]] bool pending() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Calls `readable` whenever the descriptor is readable, until destroyed. Does not own the
// descriptor.
class FdWatcher {
 public:
  FdWatcher(Loop& loop, int fd, std::function<void()> readable);
  ~FdWatcher();
  FdWatcher(FdWatcher&&) noexcept;
  FdWatcher& operator=(FdWatcher&&) noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace hawser::io
