// Counters and gauges, named "module.noun.verb", shown as Prometheus text
// ("hawser_module_noun_verb"). Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace hawser {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  void set(std::uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// One registry a process, passed down by reference; references to counters stay valid as long as it
// lives.
class Metrics {
 public:
  // labels in Prometheus form, e.g. `peer="k8s",reason="route-target"`, or empty.
  Counter& counter(std::string_view name, std::string_view labels = {});
  [[nodiscard]] std::string prometheus() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Counter>> counters_;
};

}  // namespace hawser
