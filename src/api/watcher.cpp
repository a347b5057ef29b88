// Watches: a thread runs one HTTP stream after the other; what it reads is posted to the loop. The
// thread sleeps in curl_multi_poll, so that ending is immediate.
#include <atomic>
#include <map>
#include <thread>

#include "curl.h"
#include "hawser/api/client.h"
#include "hawser/base/log.h"

namespace hawser::api {

using model::Json;

namespace {

constexpr std::chrono::milliseconds kFirstBackoff{100};
constexpr std::chrono::milliseconds kLastBackoff{2000};
constexpr std::size_t kMaxLine = 64U << 20U;

// Interruptible streaming GETs.
class StreamRunner {
 public:
  explicit StreamRunner(ClientConfig config)
      : config_(std::move(config)), multi_(::curl_multi_init()) {}
  ~StreamRunner() { ::curl_multi_cleanup(multi_); }
  StreamRunner(const StreamRunner&) = delete;
  StreamRunner& operator=(const StreamRunner&) = delete;

  void interrupt() {
    stop_ = true;
    ::curl_multi_wakeup(multi_);
  }
  [[nodiscard]] bool stopped() const { return stop_; }
  [[nodiscard]] const ClientConfig& config() const { return config_; }

  void pause(std::chrono::milliseconds time) {
    if (!stop_) ::curl_multi_poll(multi_, nullptr, 0, static_cast<int>(time.count()), nullptr);
  }

  // Until the stream ends. `line` gets each JSON value.
  Error run(const std::string& path, std::function<void(Json)> line) {
    State state{this, {}, {}, std::move(line)};
    const auto handle = makeCurl(config_);
    const auto headers = makeHeaders(config_, false);
    const std::string url = config_.url + path;
    CURL* curl = handle.get();
    state.curl = curl;
    ::curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    // The server sends a bookmark every 5 s.
    ::curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    ::curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 15L);
    ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &StreamRunner::write);
    ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &state);
    ::curl_multi_add_handle(multi_, curl);
    CURLcode code = CURLE_OK;
    int running = 1;
    while (running > 0 && !stop_) {
      ::curl_multi_perform(multi_, &running);
      if (running > 0) ::curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
    int left = 0;
    while (const CURLMsg* message = ::curl_multi_info_read(multi_, &left))
      if (message->msg == CURLMSG_DONE) code = message->data.result;
    long status = 0;
    ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    ::curl_multi_remove_handle(multi_, curl);
    if (status >= 400) {
      auto error = errorOf(status, state.buffer);
      if (status == 410) error.code = ErrorCode::kConflict;
      return error;
    }
    if (code != CURLE_OK) return unreachable(config_, code);
    return {ErrorCode::kUnavailable, config_.url + ": the stream ended", {}};
  }

 private:
  struct State {
    StreamRunner* runner;
    CURL* curl;
    std::string buffer;
    std::function<void(Json)> line;
  };

  static std::size_t write(const char* data, std::size_t size, std::size_t count, void* to) {
    auto& state = *static_cast<State*>(to);
    state.buffer.append(data, size * count);
    long status = 0;
    ::curl_easy_getinfo(state.curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 400) return state.buffer.size() > 65536 ? 0 : size * count;
    std::size_t start = 0;
    for (auto end = state.buffer.find('\n'); end != std::string::npos;
         end = state.buffer.find('\n', start)) {
      auto json = model::parseJson(std::string_view(state.buffer).substr(start, end - start));
      if (!json) return 0;  // not our server
      state.line(std::move(*json));
      start = end + 1;
    }
    state.buffer.erase(0, start);
    return state.buffer.size() > kMaxLine ? 0 : size * count;
  }

  ClientConfig config_;
  CURLM* multi_;
  std::atomic<bool> stop_{false};
};

}  // namespace

struct LineWatcher::Impl {
  Impl(io::Loop& toLoop, ClientConfig config, std::string streamPath,
       std::function<void(const Json&)> onLine, std::function<void(bool, const Error&)> onState)
      : loop(toLoop),
        runner(std::move(config)),
        path(std::move(streamPath)),
        line(std::move(onLine)),
        state(std::move(onState)),
        thread([this] { work(); }) {}

  void work() {
    auto backoff = kFirstBackoff;
    while (!runner.stopped()) {
      bool connected = false;
      const auto error = runner.run(path, [&](Json json) {
        if (!connected) say(true, {});
        connected = true;
        post([this, json = std::move(json)] { line(json); });
      });
      if (runner.stopped()) return;
      say(false, error);
      backoff = connected ? kFirstBackoff : std::min(backoff * 2, kLastBackoff);
      runner.pause(backoff);
    }
  }

  void say(bool connected, const Error& error) {
    if (state) post([this, connected, error] { state(connected, error); });
  }
  void post(std::function<void()> task) {
    loop.post([weak = weak, task = std::move(task)] {
      if (!weak.expired()) task();
    });
  }

  io::Loop& loop;
  StreamRunner runner;
  std::string path;
  std::function<void(const Json&)> line;
  std::function<void(bool, const Error&)> state;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);  // the loop's
  const std::weak_ptr<bool> weak = alive;                      // the thread's
  std::thread thread;
};

LineWatcher::LineWatcher(io::Loop& loop, ClientConfig config, std::string path,
                         std::function<void(const Json&)> line,
                         std::function<void(bool connected, const Error& why)> state)
    : impl_(std::make_unique<Impl>(loop, std::move(config), std::move(path), std::move(line),
                                   std::move(state))) {}
LineWatcher::~LineWatcher() {
  impl_->alive.reset();
  impl_->runner.interrupt();
  impl_->thread.join();
}

struct ObjectWatcher::Impl {
  Impl(io::Loop& toLoop, ClientConfig config, model::Kind watched, std::string inProject,
       Callbacks toCall)
      : loop(toLoop),
        runner(config),
        client(std::move(config)),
        kind(watched),
        project(std::move(inProject)),
        callbacks(std::move(toCall)),
        thread([this] { work(); }) {}

  void work() {
    auto backoff = kFirstBackoff;
    std::string said;
    while (!runner.stopped()) {
      const auto error = listAndWatch(backoff);
      if (runner.stopped()) return;
      if (error.message != said && error.code != ErrorCode::kConflict)
        log::warn("api", "watch of {}: {}", model::info(kind).plural, error.text());
      said = error.message;
      runner.pause(backoff);
      backoff = std::min(backoff * 2, kLastBackoff);
    }
  }

  Error listAndWatch(std::chrono::milliseconds& backoff) {
    if (revision == 0) {
      auto list = client.list(kind, project);
      if (!list) return list.error();
      relisted(*list);
    }
    const auto& info = model::info(kind);
    std::string path = "/api/v1/";
    if (info.projectScoped && !project.empty()) path += "projects/" + project + "/";
    path += fmt::format("{}?watch=true&resourceVersion={}", info.plural, revision);
    auto error = runner.run(path, [&](const Json& event) {
      backoff = kFirstBackoff;
      take(event);
    });
    if (error.code == ErrorCode::kConflict) revision = 0;  // too old: list again
    return error;
  }

  void relisted(Client::List& list) {
    std::map<model::ObjectKey, std::uint64_t> now;
    for (auto& object : list.items) {
      const auto key = object.key();
      now[key] = object.metadata.resourceVersion;
      const auto old = known.find(key);
      if (old != known.end() && old->second == object.metadata.resourceVersion) continue;
      post([this, object = std::move(object)] { callbacks.changed(object); });
    }
    for (const auto& [key, version] : known)
      if (!now.contains(key)) post([this, key] { callbacks.removed(key); });
    known = std::move(now);
    revision = list.resourceVersion;
    if (callbacks.synced) post([this] { callbacks.synced(); });
  }

  void take(const Json& event) {
    const auto type = event.value("type", "");
    if (type == "BOOKMARK") {
      revision = event.value("resourceVersion", revision);
      return;
    }
    auto object = model::parseObject(event.at("object"));
    if (!object) {
      log::warn("api", "watch: {}", object.error().text());
      return;
    }
    const auto key = object->key();
    revision = std::max(revision, event.value("resourceVersion", object->metadata.resourceVersion));
    if (type == "DELETED") {
      known.erase(key);
      post([this, key] { callbacks.removed(key); });
    } else {
      known[key] = object->metadata.resourceVersion;
      post([this, changed = std::move(*object)] { callbacks.changed(changed); });
    }
  }

  void post(std::function<void()> task) {
    loop.post([weak = weak, task = std::move(task)] {
      if (!weak.expired()) task();
    });
  }

  io::Loop& loop;
  StreamRunner runner;
  Client client;
  model::Kind kind;
  std::string project;
  Callbacks callbacks;
  std::map<model::ObjectKey, std::uint64_t> known;
  std::uint64_t revision = 0;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);  // the loop's
  const std::weak_ptr<bool> weak = alive;                      // the thread's
  std::thread thread;
};

ObjectWatcher::ObjectWatcher(io::Loop& loop, ClientConfig config, model::Kind kind,
                             std::string project, Callbacks callbacks)
    : impl_(std::make_unique<Impl>(loop, std::move(config), kind, std::move(project),
                                   std::move(callbacks))) {}
ObjectWatcher::~ObjectWatcher() {
  impl_->alive.reset();
  impl_->runner.interrupt();
  impl_->thread.join();
}

}  // namespace hawser::api
