// Objects to slices and peer intents, again after every commit that matters; what came of a burst
// of commits is compiled once, on the next turn of the loop.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "hawser/api/objects.h"
#include "hawser/base/metrics.h"
#include "hawser/compiler/compiler.h"
#include "hawser/io/loop.h"

namespace hawser::controller {

class CompileLoop {
 public:
  struct Times {
    std::chrono::milliseconds retry{1000};  // after identities could not be stored
    // An identity that no port has had for so long is removed, with the next compilation. Routes
    // that carry it are gone by then, but for those of hosts and sites that are cut off, which
    // have no newer rules either.
    std::chrono::milliseconds idle = std::chrono::hours(24);
  };
  // Lives as long as `objects`, whose changes it follows.
  CompileLoop(io::Loop& loop, api::Objects& objects, Metrics& metrics)
      : CompileLoop(loop, objects, metrics, Times{}) {}
  CompileLoop(io::Loop& loop, api::Objects& objects, Metrics& metrics, Times times);
  ~CompileLoop();
  CompileLoop(const CompileLoop&) = delete;
  CompileLoop& operator=(const CompileLoop&) = delete;

  // Hosts whose slice is new or different; peers may have changed whether or not any has.
  using Callback = std::function<void(const std::set<std::string>& hosts)>;
  void onCompiled(Callback callback) { callback_ = std::move(callback); }

  void run();  // now; first called before anything is served
  [[nodiscard]] const compiler::Compiled& current() const { return compiled_; }
  [[nodiscard]] std::uint64_t lastMicroseconds() const { return lastMicroseconds_; }

 private:
  void schedule();
  [[nodiscard]] bool allocateIdentities();
  void removeIdleIdentities();

  io::Loop& loop_;
  api::Objects& objects_;
  Metrics& metrics_;
  Times times_;
  io::Timer retry_;
  std::map<std::string, TimePoint> idleSince_;  // identities; from our start on
  std::string allocationError_;                 // what the log has been told
  compiler::Compiled compiled_;
  Callback callback_;
  bool scheduled_ = false, running_ = false;
  std::uint64_t lastMicroseconds_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hawser::controller
