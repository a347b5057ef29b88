// What `up` prints: a line when a step is done, and, of a step that takes long, one now and then
// that says what is waited for.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace hawser::lab {

// Any thread.
class Progress {
 public:
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void say(const std::string& text);
  void begin(const std::string& doing);
  void detail(const std::string& missing);  // of the step that was begun
  void end();

 private:
  void tell();  // the thread
  void print(const std::string& text) const;

  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string doing_, missing_;
  std::chrono::steady_clock::time_point next_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace hawser::lab
