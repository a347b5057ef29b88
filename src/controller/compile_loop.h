// Objects to slices and peer intents, again after every commit that matters; what came of a burst
// of commits is compiled once, on the next turn of the loop.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "hawser/api/objects.h"
#include "hawser/base/metrics.h"
#include "hawser/compiler/compiler.h"
#include "hawser/io/loop.h"

namespace hawser::controller {

class CompileLoop {
 public:
  // Lives as long as `objects`, whose changes it follows.
  CompileLoop(io::Loop& loop, api::Objects& objects, Metrics& metrics);
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

  io::Loop& loop_;
  api::Objects& objects_;
  Metrics& metrics_;
  compiler::Compiled compiled_;
  Callback callback_;
  bool scheduled_ = false, running_ = false;
  std::uint64_t lastMicroseconds_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Can the change alter slices or peers? Phases, reports and tokens cannot.
[[nodiscard]] bool matters(const api::Change& change);

}  // namespace hawser::controller
