// An agent's socket for tests: keeps plugs as the real one does, answers with addresses that the
// test chose, and notes what it was asked.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace hawser::cni {

using Json = nlohmann::json;

class FakeAgent {
 public:
  explicit FakeAgent(std::string path);
  ~FakeAgent();
  FakeAgent(const FakeAgent&) = delete;
  FakeAgent& operator=(const FakeAgent&) = delete;

  // Answers instead of the agent's own; an empty value: the agent's own.
  void onRequest(std::function<Json(const Json&)> handler);
  [[nodiscard]] std::vector<Json> requests(const std::string& op) const;
  [[nodiscard]] std::vector<std::string> plugged() const;  // devices

 private:
  void run();
  void serve(int connection);
  Json answer(const Json& request);
  Json answerPlugged(const Json& plug) const;

  std::string path_;
  int listener_ = -1, stop_[2] = {-1, -1};
  mutable std::mutex mutex_;
  std::function<Json(const Json&)> handler_;
  std::vector<Json> requests_;
  std::map<std::string, Json> plugs_;  // by device
  std::thread thread_;
};

}  // namespace hawser::cni
