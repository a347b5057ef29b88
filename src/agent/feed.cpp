#include "feed.h"

#include <nlohmann/json.hpp>

#include "hawser/base/log.h"

namespace hawser::agent {
namespace {

constexpr std::chrono::milliseconds kPatience{3000};  // with one controller, before the next
constexpr std::chrono::milliseconds kReportPause{1000};

}  // namespace

SliceFeed::SliceFeed(io::Loop& loop, std::vector<api::ClientConfig> controllers, std::string host,
                     std::function<void(model::Slice)> slice, std::function<void(bool)> state)
    : loop_(loop),
      controllers_(std::move(controllers)),
      path_("/api/v1/hosts/" + std::move(host) + "/slice?watch=true"),
      slice_(std::move(slice)),
      state_(std::move(state)),
      next_(loop) {
  follow();
}

void SliceFeed::follow() {
  watcher_ = std::make_unique<api::LineWatcher>(
      loop_, controllers_[current_], path_, [this](const model::Json& line) { received(line); },
      [this](bool connected, const Error& why) { changed(connected, why); });
}

void SliceFeed::received(const model::Json& line) {
  if (!line.is_object() || line.value("type", "") != "SLICE") return;  // a bookmark
  const auto found = line.find("slice");
  auto slice = found == line.end() ? Result<model::Slice>(invalid("is missing", "slice"))
                                   : model::parseSlice(*found);
  if (!slice) {
    log::error("agent", "a slice from {} is not understood: {}", controller(),
               slice.error().text());
    return;
  }
  slice_(std::move(*slice));
}

void SliceFeed::changed(bool connected, const Error& why) {
  if (connected) {
    log::info("agent", "slices come from {}", controller());
    lastError_.clear();
    next_.cancel();
  } else {
    if (connected_ || lastError_ != why.text())
      log::warn("agent", "no slices from {}: {}", controller(), why.text());
    lastError_ = why.text();
    if (controllers_.size() > 1 && !next_.pending())
      next_.start(kPatience, [this] {
        current_ = (current_ + 1) % controllers_.size();
        follow();
      });
  }
  const bool different = connected != connected_;
  connected_ = connected;
  if (different) state_(connected);
}

Reporter::Reporter(std::vector<api::ClientConfig> controllers, const std::string& host)
    : path_("/api/v1/hosts/" + host + "/report") {
  for (auto& config : controllers) {
    config.timeout = std::chrono::milliseconds(3000);
    clients_.emplace_back(std::move(config));
  }
  thread_ = std::thread([this] { work(); });
}

Reporter::~Reporter() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Reporter::send(model::Json report) {
  {
    const std::scoped_lock lock(mutex_);
    waiting_ = std::move(report);
  }
  wake_.notify_all();
}

void Reporter::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || waiting_; });
    if (stop_) return;
    const auto report = std::move(*waiting_);
    waiting_.reset();
    lock.unlock();
    const bool taken = put(report);
    lock.lock();
    if (taken) continue;
    if (!waiting_) waiting_ = report;  // otherwise there is a newer one
    wake_.wait_for(lock, kReportPause, [this] { return stop_; });
  }
}

bool Reporter::put(const model::Json& report) {
  const auto answer = clients_[current_].call("PUT", path_, report);
  if (answer) {
    lastError_.clear();
    return true;
  }
  if (lastError_ != answer.error().text())
    log::warn("agent", "report: {}; tried again", answer.error().text());
  lastError_ = answer.error().text();
  current_ = (current_ + 1) % clients_.size();
  return false;
}

}  // namespace hawser::agent
