#include "hawser/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

namespace hawser::log {
namespace {

std::atomic<Level>& threshold() {
  static std::atomic<Level> level{Level::kInfo};
  return level;
}

spdlog::logger& sink() {
  static const auto logger = [] {
    auto made = spdlog::stderr_logger_mt("hawser");
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum toSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

void setLevel(Level level) { threshold() = level; }

bool setLevel(std::string_view name) {
  if (name == "debug")
    setLevel(Level::kDebug);
  else if (name == "info")
    setLevel(Level::kInfo);
  else if (name == "warn")
    setLevel(Level::kWarn);
  else if (name == "error")
    setLevel(Level::kError);
  else
    return false;
  return true;
}

bool enabled(Level level) { return level >= threshold().load(std::memory_order_relaxed); }

void write(Level level, std::string_view component, std::string_view message) {
  if (enabled(level)) sink().log(toSpdlog(level), "{}: {}", component, message);
}

}  // namespace hawser::log
