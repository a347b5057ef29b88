#include "hawser/base/metrics.h"

#include <algorithm>

namespace hawser {

Counter& Metrics::counter(std::string_view name, std::string_view labels) {
  const std::lock_guard lock(mutex_);
  auto& slot = counters_[{std::string(name), std::string(labels)}];
  if (!slot) slot = std::make_unique<Counter>();
  return *slot;
}

std::string Metrics::prometheus() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [key, counter] : counters_) {
    std::string name = "hawser_" + key.first;
    std::replace_if(name.begin(), name.end(), [](char c) { return c == '.' || c == '-'; }, '_');
    out += name;
    if (!key.second.empty()) out += "{" + key.second + "}";
    out += " " + std::to_string(counter->value()) + "\n";
  }
  return out;
}

}  // namespace hawser
