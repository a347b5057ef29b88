#include "progress.h"

#include <fmt/core.h>

#include <cstdio>

namespace hawser::lab {

using std::chrono::steady_clock;

namespace {
constexpr std::chrono::seconds kFirst{4}, kAgain{8};
}

Progress::Progress() : thread_([this] { tell(); }) {}

Progress::~Progress() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Progress::print(const std::string& text) const {
  const std::chrono::duration<double> elapsed = steady_clock::now() - began_;
  fmt::print("{:6.1f} s  {}\n", elapsed.count(), text);
  std::fflush(stdout);
}

void Progress::say(const std::string& text) {
  const std::lock_guard lock(mutex_);
  print(text);
}

void Progress::begin(const std::string& doing) {
  const std::lock_guard lock(mutex_);
  doing_ = doing;
  missing_.clear();
  next_ = steady_clock::now() + kFirst;
  changed_.notify_all();
}

void Progress::detail(const std::string& missing) {
  const std::lock_guard lock(mutex_);
  missing_ = missing;
}

void Progress::end() { begin({}); }

void Progress::tell() {
  std::unique_lock lock(mutex_);
  while (!over_) {
    if (doing_.empty()) {
      changed_.wait(lock);
      continue;
    }
    if (changed_.wait_until(lock, next_) == std::cv_status::no_timeout ||
        steady_clock::now() < next_)
      continue;
    print("  … " + doing_ + (missing_.empty() ? "" : ": " + missing_));
    next_ = steady_clock::now() + kAgain;
  }
}

}  // namespace hawser::lab
