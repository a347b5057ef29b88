// Client of the API, over HTTPS by libcurl. Client calls block (a few ms beside the server; 10 s at
// most) and may be used from any one thread at a time. Watcher has a thread of its own and calls
// back on the loop.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hawser/io/loop.h"
#include "hawser/model/object.h"

namespace hawser::api {

struct ClientConfig {
  std::string url;    // "https://10.2.0.10:8443"
  std::string caPem;  // trust anchor of the site; the server's name is not checked, its signature
                      // by this CA is
  std::string token;  // bearer secret, or
  std::string certificatePem, keyPem;  // a host's certificate
  std::chrono::milliseconds timeout{10000};
  // Once true, a Client's call ends within a second (kUnavailable), whatever it waits for.
  std::shared_ptr<const std::atomic<bool>> abort = nullptr;
};

class Client {
 public:
  explicit Client(ClientConfig config);
  ~Client();
  Client(Client&&) noexcept;
  [[nodiscard]] const ClientConfig& config() const;

  // Raw calls: `path` begins with "/api/v1/". An HTTP error becomes Error with the server's code,
  // message and field; a server that is not there: kUnavailable with its URL in the message.
  [[nodiscard]] Result<model::Json> call(const std::string& method, const std::string& path,
                                         const std::optional<model::Json>& body = std::nullopt);

  [[nodiscard]] Result<model::Object> get(const model::ObjectKey& key);
  struct List {
    std::vector<model::Object> items;
    std::uint64_t resourceVersion = 0;
  };
  [[nodiscard]] Result<List> list(model::Kind kind,
                                  const std::string& project = {});  // "": all projects
  [[nodiscard]] Result<model::Object> create(const model::Object& object);
  [[nodiscard]] Result<model::Object> update(const model::Object& object);
  [[nodiscard]] Result<model::Object> patch(const model::ObjectKey& key,
                                            const model::Json& mergePatch);  // RFC 7386
  [[nodiscard]] Result<void> remove(const model::ObjectKey& key);
  // All or nothing, creates or updates: one transaction. Result: "created", "configured" or
  // "unchanged" for each.
  [[nodiscard]] Result<std::vector<std::string>> apply(const std::vector<model::Object>& objects,
                                                       bool dryRun = false);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The certificate authority of the API at `url`, as its server shows it, if it is the one with this
// fingerprint ("sha256:…"); how a site that is known by its pin alone becomes a `caPem`. Blocks
// like a Client; of `config`, url, timeout and abort count. kForbidden: another authority is there.
[[nodiscard]] Result<std::string> fetchAuthority(const ClientConfig& config,
                                                 const std::string& pin);

// Follows a stream of JSON lines at `path` (a watch). Reconnects with backoff (100 ms to 2 s);
// `line` gets every JSON value, `state` every change of being connected (and the error when it is
// not). For object watches use ObjectWatcher.
class LineWatcher {
 public:
  LineWatcher(io::Loop& loop, ClientConfig config, std::string path,
              std::function<void(const model::Json&)> line,
              std::function<void(bool connected, const Error& why)> state = {});
  ~LineWatcher();  // joins its thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// List and watch of a kind: `changed` for each object that is new or changed, `removed` for those
// that went, `synced` after the first list and after each relist (what vanished meanwhile has been
// reported by then).
class ObjectWatcher {
 public:
  struct Callbacks {
    std::function<void(const model::Object&)> changed;
    std::function<void(const model::ObjectKey&)> removed;
    std::function<void()> synced;
  };
  ObjectWatcher(io::Loop& loop, ClientConfig config, model::Kind kind, std::string project,
                Callbacks callbacks);
  ~ObjectWatcher();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hawser::api
