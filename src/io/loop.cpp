#include "hawser/io/loop.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace hawser::io {

namespace asio = boost::asio;

struct Loop::Impl {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  SteadyClock clock;
  std::unique_ptr<asio::signal_set> signals;
  std::function<void(int)> onSignal;

  void waitSignal() {
    signals->async_wait([this](const boost::system::error_code& error, int number) {
      if (error) return;
      waitSignal();
      onSignal(number);
    });
  }
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;
void Loop::run() { impl_->context.run(); }
void Loop::stop() { impl_->context.stop(); }
void Loop::post(std::function<void()> task) { asio::post(impl_->context, std::move(task)); }
void Loop::runFor(std::chrono::milliseconds limit) {
  impl_->context.restart();
  if (impl_->context.run_one_for(limit) > 0) impl_->context.poll();
}
const Clock& Loop::clock() const { return impl_->clock; }
void* Loop::native() { return &impl_->context; }

void Loop::onSignals(std::vector<int> signals, std::function<void(int)> handler) {
  impl_->signals = std::make_unique<asio::signal_set>(impl_->context);
  for (const int number : signals) impl_->signals->add(number);
  impl_->onSignal = std::move(handler);
  impl_->waitSignal();
}

struct Timer::Impl {
  explicit Impl(Loop& loop) : timer(*static_cast<asio::io_context*>(loop.native())) {}
  asio::steady_timer timer;
  std::uint64_t generation = 0;  // a cancelled wait may already be queued
  bool pending = false;
};

Timer::Timer(Loop& loop) : impl_(std::make_shared<Impl>(loop)) {}
Timer::~Timer() {
  if (impl_) cancel();
}
Timer::Timer(Timer&&) noexcept = default;
Timer& Timer::operator=(Timer&& other) noexcept {
  if (impl_ && impl_ != other.impl_) cancel();
  impl_ = std::move(other.impl_);
  return *this;
}

void Timer::start(Duration after, std::function<void()> expired) {
  const auto generation = ++impl_->generation;
  impl_->pending = true;
  impl_->timer.expires_after(after);
  impl_->timer.async_wait([weak = std::weak_ptr(impl_), generation,
                           expired = std::move(expired)](const boost::system::error_code& error) {
    const auto impl = weak.lock();
    if (error || !impl || impl->generation != generation) return;
    impl->pending = false;
    expired();
  });
}

void Timer::cancel() {
  ++impl_->generation;
  impl_->pending = false;
  impl_->timer.cancel();
}

bool Timer::pending() const { return impl_->pending; }

struct FdWatcher::Impl : std::enable_shared_from_this<FdWatcher::Impl> {
  Impl(Loop& loop, int fd, std::function<void()> call)
      : descriptor(*static_cast<asio::io_context*>(loop.native()), fd), readable(std::move(call)) {}
  // At once, not with the last reference: the owner may close the descriptor right after.
  void end() {
    if (!std::exchange(ended, true)) descriptor.release();
  }
  void wait() {
    if (ended) return;
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [weak = weak_from_this()](const boost::system::error_code& error) {
                            const auto impl = weak.lock();
                            if (error || !impl || impl->ended) return;
                            impl->readable();
                            impl->wait();
                          });
  }
  asio::posix::stream_descriptor descriptor;
  std::function<void()> readable;
  bool ended = false;
};

FdWatcher::FdWatcher(Loop& loop, int fd, std::function<void()> readable)
    : impl_(std::make_shared<Impl>(loop, fd, std::move(readable))) {
  impl_->wait();
}
FdWatcher::~FdWatcher() {
  if (impl_) impl_->end();
}
FdWatcher::FdWatcher(FdWatcher&&) noexcept = default;
FdWatcher& FdWatcher::operator=(FdWatcher&& other) noexcept {
  if (impl_ && impl_ != other.impl_) impl_->end();
  impl_ = std::move(other.impl_);
  return *this;
}

}  // namespace hawser::io
