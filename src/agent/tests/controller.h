// A controller in miniature on loopback, on a thread of its own: real HTTPS, real certificates, a
// real BGP speaker over TLS; what it hands out is what the test says.
#pragma once

#include <future>
#include <mutex>
#include <thread>

#include "fixture.h"
#include "hawser/api/pki.h"
#include "hawser/api/server.h"
#include "hawser/bgp/speaker.h"

namespace hawser::agent::test {

inline const std::string kToken = "one-time-secret";

class Controller {
 public:
  Controller() : ca_(api::makeCa("test CA", 24h).value()) {
    auto pair = api::issue(ca_, "controller:c1", {"127.0.0.1"}, 24h).value();
    server_ =
        api::Server::open(
            loop_,
            {.address = ip("127.0.0.1"), .port = 0, .caPem = ca_.certificate, .certificate = pair},
            [this](const api::HttpRequest& request, const api::ReplyPtr& reply) {
              handle(request, reply);
            })
            .value();
    pair_ = pair;
    startSpeaker(0, false);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Controller() {
    run([this] {
      speaker_.reset();
      server_.reset();
      watchers_.clear();
    });
    loop_.stop();
    thread_.join();
  }

  // On its thread, and waits.
  template <class Task>
  auto run(Task task) -> decltype(task()) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto future = packaged.get_future();
    loop_.post([&] { packaged(); });
    return future.get();
  }

  void setSlice(const model::Slice& slice) {
    run([&] {
      slice_ = slice;
      for (const auto& watcher : watchers_) watcher->line(sliceLine());
    });
  }
  // Routes as a host announced them, "prefix label".
  std::set<std::string> routes() {
    return run([this] {
      std::set<std::string> out;
      if (speaker_)
        speaker_->rib().forEachBest(
            wire::kVpnv4, [&](const rib::RouteKey& key, const rib::Path& path) {
              out.insert(key.prefix.text() + " " + std::to_string(path.label.value()) +
                         (path.stale ? " stale" : ""));
            });
      return out;
    });
  }
  void originate(const std::string& route, std::uint32_t labelValue,
                 const std::shared_ptr<const wire::PathAttributes>& attributes) {
    run([&] {
      const rib::RouteKey key{wire::kVpnv4, net::RouteDistinguisher::parse("10.1.0.12:1").value(),
                              prefix(route)};
      own_[key] = {label(labelValue), attributes};
      speaker_->originate(key, label(labelValue), attributes);
    });
  }
  // For when it starts again.
  void forget(const std::string& route) {
    run([&] {
      std::erase_if(own_, [&](const auto& one) { return one.first.prefix == prefix(route); });
    });
  }
  // Killed, and back on the same ports.
  void killSpeaker() {
    run([this] {
      speaker_->stop(true);
      speaker_.reset();
    });
  }
  void startSpeaker(std::uint16_t port, bool restarting) {
    bgp::SpeakerConfig config;
    config.asn = net::Asn(64512);
    config.routerId = ip("127.0.0.1").v4();
    config.clusterId = config.routerId;
    config.tlsListenAddress = ip("127.0.0.1");
    config.tlsListenPort = port;
    config.tls = bgp::TlsCredentials{ca_.certificate, pair_.certificate, pair_.key};
    config.restarting = restarting;
    config.selectionDeferral = 4s;
    if (restarting) config.awaited = {"host-h1"};
    config.authorize = [](const bgp::PeerCertificate& certificate,
                          const net::IpAddress& from) -> std::optional<bgp::PeerConfig> {
      if (certificate.commonName != "host:h1") return std::nullopt;
      bgp::PeerConfig peer;
      peer.name = "host-h1";
      peer.address = from;
      peer.remoteAs = net::Asn(64512);
      peer.routeReflectorClient = true;
      return peer;
    };
    speaker_ = std::make_unique<bgp::Speaker>(loop_, config, metrics_);
    for (const auto& [key, own] : own_) speaker_->originate(key, own.first, own.second);
    ASSERT_TRUE(speaker_->start());
    bgpPort = speaker_->tlsListenPort();
  }

  [[nodiscard]] std::string url() const {
    return "https://127.0.0.1:" + std::to_string(server_->port());
  }
  [[nodiscard]] const std::string& ca() const { return ca_.certificate; }
  Json lastReport() {
    return run([this] { return report_; });
  }
  std::size_t watchers() {
    return run([this] { return watchers_.size(); });
  }

  std::uint16_t bgpPort = 0;
  std::string joinHost = "h1";

 private:
  [[nodiscard]] std::string sliceLine() const {
    return Json{{"type", "SLICE"}, {"slice", model::toJson(*slice_)}}.dump();
  }
  void handle(const api::HttpRequest& request, const api::ReplyPtr& reply) {
    if (request.path == "/api/v1/join") return join(Json::parse(request.body), reply);
    if (request.clientName != "host:h1")
      return reply->error({ErrorCode::kUnauthorized, "who are you", ""});
    if (request.path == "/api/v1/hosts/h1/report" && request.method == "PUT") {
      report_ = Json::parse(request.body);
      return reply->json(200, Json::object());
    }
    if (request.path != "/api/v1/hosts/h1/slice")
      return reply->error({ErrorCode::kNotFound, "no such path", ""});
    watchers_.insert(reply);
    reply->stream([this, weak = std::weak_ptr(reply)] {
      if (const auto gone = weak.lock()) watchers_.erase(gone);
    });
    if (slice_) reply->line(sliceLine());
  }
  void join(const Json& body, const api::ReplyPtr& reply) {
    if (body.value("token", "") != kToken)
      return reply->error({ErrorCode::kUnauthorized, "the token is not good", "token"});
    const auto certificate =
        api::sign(ca_, body.at("csr").get<std::string>(), "host:" + joinHost, 24h);
    if (!certificate) return reply->error(certificate.error());
    reply->json(200, {{"certificate", *certificate},
                      {"ca", ca_.certificate},
                      {"site", "west"},
                      {"asn", 64512},
                      {"host", joinHost},
                      {"controllers",
                       {{{"api", url()}, {"bgp", "127.0.0.1:" + std::to_string(bgpPort)}}}}});
  }

  io::Loop loop_;
  Metrics metrics_;
  api::KeyPair ca_, pair_;
  std::unique_ptr<api::Server> server_;
  std::unique_ptr<bgp::Speaker> speaker_;
  std::map<rib::RouteKey, std::pair<net::Label, std::shared_ptr<const wire::PathAttributes>>> own_;
  std::optional<model::Slice> slice_;
  std::set<api::ReplyPtr> watchers_;
  Json report_;
  std::thread thread_;
};

}  // namespace hawser::agent::test
