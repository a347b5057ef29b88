// The server, by Boost.Beast over TLS 1.3. One Session a connection: requests one after the other
// (no pipelining beyond what the parser buffers), each answered by a Reply that holds the session
// alive. A stream takes the connection over until it ends.
//
// Bounds: those of ConnectionLimits and Deadlines, 16 KiB headers, 8 MB unsent in a stream. A
// request's headers say who asks; only then is it known how long a body may be.
#include "hawser/api/server.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "hawser/base/log.h"
#include "hawser/io/certificate.h"
#include "http.h"

namespace hawser::api {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using ErrorOf = boost::system::error_code;

namespace {

constexpr std::size_t kMaxUnsent = 8U << 20U;
constexpr std::uint32_t kMaxHeaders = 16384;
constexpr std::chrono::seconds kLinger{2};

class Session;

struct Shared {
  explicit Shared(asio::io_context& io) : acceptor(io), pause(io) {}
  asio::ssl::context tls{asio::ssl::context::tls_server};
  Tcp::acceptor acceptor;
  asio::steady_timer pause;
  Handler handler;
  std::function<std::string(const HttpRequest&)> who;
  Deadlines deadlines;
  Connections connections;
  std::set<Session*> streams;
  bool closed = false;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Tcp::socket socket, std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)),
        stream_(std::move(socket), shared_->tls),
        timer_(stream_.get_executor()) {}
  ~Session() {
    shared_->connections.close(id_);
    shared_->streams.erase(this);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void run() {
    ErrorOf ignored;
    const auto endpoint = stream_.lowest_layer().remote_endpoint(ignored);
    if (auto parsed = net::IpAddress::parse(endpoint.address().to_string())) from_ = *parsed;
    const auto id = shared_->connections.open(from_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->shut();
    });
    if (!id) return shut();
    id_ = *id;
    deadline(shared_->deadlines.handshake);
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [self = shared_from_this()](const ErrorOf& error) {
                              if (error) return self->shut();
                              self->identify();
                              self->readRequest();
                            });
  }

  void respond(int status, const std::string& contentType, std::string body) {
    if (answered_ || over_) return;
    answered_ = true;
    auto response =
        std::make_shared<http::response<http::string_body>>(static_cast<http::status>(status), 11);
    response->set(http::field::content_type, contentType);
    response->keep_alive(keepAlive_);
    response->body() = std::move(body);
    response->prepare_payload();
    deadlineToSend(response->body().size());
    http::async_write(stream_, *response,
                      [self = shared_from_this(), response](const ErrorOf& error, std::size_t) {
                        if (error) return self->shut();
                        if (self->keepAlive_) return self->readRequest();
                        if (self->parser_->is_done()) return self->shut();
                        self->deadline(kLinger);
                        self->linger();
                      });
  }

  void beginStream(std::function<void()> gone) {
    if (answered_ || over_) {
      if (over_ && gone) gone();
      return;
    }
    answered_ = true;
    streaming_ = true;
    shared_->streams.insert(this);
    gone_ = std::move(gone);
    write(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    // Nothing more is expected from the client but its going.
    stream_.async_read_some(
        asio::buffer(sink_),
        [self = shared_from_this()](const ErrorOf&, std::size_t) { self->shut(); });
  }

  void streamLine(const std::string& json) {
    if (!streaming_ || over_ || ending_) return;
    if (unsent_ > kMaxUnsent) return shut();
    write(fmt::format("{:x}\r\n{}\n\r\n", json.size() + 1, json));
  }

  void endStream() {
    if (!streaming_ || over_ || ending_) return;
    ending_ = true;
    write("0\r\n\r\n");
  }

  // The stream of somebody who is not who they were ends.
  void recheck() {
    if (shared_->who && shared_->who(request_) != who_) endStream();
  }

 private:
  void identify() {
    X509* certificate = ::SSL_get1_peer_certificate(stream_.native_handle());
    if (certificate == nullptr) return;
    auto shown = io::certificateOf(certificate);
    clientName_ = std::move(shown.commonName);
    clientCertificate_ = std::move(shown.fingerprint);
    ::X509_free(certificate);
    STACK_OF(X509)* chain = ::SSL_get0_verified_chain(stream_.native_handle());
    if (chain == nullptr || sk_X509_num(chain) == 0) return;
    clientAuthority_ = io::certificateOf(sk_X509_value(chain, sk_X509_num(chain) - 1)).fingerprint;
  }

  void deadlineToSend(std::size_t size) {
    const auto& limits = shared_->deadlines;
    deadline(limits.write + std::chrono::seconds(size / limits.slowest));
  }

  void deadline(std::chrono::milliseconds limit) {
    timer_.expires_after(limit);
    timer_.async_wait([weak = weak_from_this()](const ErrorOf& error) {
      if (const auto self = weak.lock(); self && !error) self->shut();
    });
  }

  void readRequest() {
    answered_ = false;
    deadline(shared_->deadlines.request);
    parser_.emplace();
    parser_->body_limit(boost::none);  // set when it is known who asks
    parser_->header_limit(kMaxHeaders);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](const ErrorOf& error, std::size_t) {
                              if (error) return self->shut();
                              self->readBody();
                            });
  }

  void readBody() {
    auto& books = shared_->connections;
    request_ = HttpRequest{};
    readHeaders(parser_->get());
    if (shared_->who) who_ = shared_->who(request_);
    books.setKnown(id_, !shared_->who || !who_.empty());
    const auto limit = books.bodyLimit(id_);
    const auto length = parser_->content_length();
    if (length && *length > limit) return refuseBody(limit);
    const auto needed = parser_->is_done() ? 0
                        : length           ? static_cast<std::size_t>(*length)
                                           : limit;  // or chunked
    if (!books.reserve(id_, needed)) {
      keepAlive_ = false;
      const Error busy{ErrorCode::kUnavailable, "too much is being sent at once; try again", {}};
      return respond(httpStatus(busy.code), "application/json", errorJson(busy).dump());
    }
    parser_->body_limit(limit);
    deadline(shared_->deadlines.body);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this(), limit](const ErrorOf& error, std::size_t) {
                       self->timer_.cancel();
                       if (error == http::error::body_limit) return self->refuseBody(limit);
                       if (error) return self->shut();
                       self->dispatch();
                     });
  }

  // Who still sends would lose our answer by a reset.
  void linger() {
    stream_.async_read_some(asio::buffer(sink_),
                            [self = shared_from_this()](const ErrorOf& error, std::size_t) {
                              if (error || self->over_) return self->shut();
                              self->linger();
                            });
  }

  void refuseBody(std::size_t limit) {
    keepAlive_ = false;
    shared_->connections.release(id_);
    respond(413, "application/json",
            errorJson({ErrorCode::kInvalid,
                       fmt::format("a request of yours has at most {} bytes", limit), "body"})
                .dump());
  }

  void readHeaders(const http::request<http::string_body>& message) {
    request_.method = std::string(message.method_string());
    parseTarget(message.target(), request_);
    request_.from = from_;
    request_.clientName = clientName_;
    request_.clientAuthority = clientAuthority_;
    request_.clientCertificate = clientCertificate_;
    const std::string_view authorization = message[http::field::authorization];
    if (authorization.starts_with("Bearer "))
      request_.bearer = std::string(authorization.substr(7));
    keepAlive_ = message.keep_alive();
  }

  void dispatch();

  void write(std::string text) {
    unsent_ += text.size();
    queue_.push_back(std::move(text));
    if (!writing_) writeNext();
  }

  void writeNext() {
    writing_ = true;
    deadlineToSend(queue_.front().size());
    asio::async_write(stream_, asio::buffer(queue_.front()),
                      [self = shared_from_this()](const ErrorOf& error, std::size_t size) {
                        self->writing_ = false;
                        self->timer_.cancel();
                        if (error || self->over_) return self->shut();
                        self->unsent_ -= size;
                        self->queue_.pop_front();
                        if (!self->queue_.empty()) return self->writeNext();
                        if (self->ending_) self->shut();
                      });
  }

  void shut() {
    if (over_) return;
    over_ = true;
    shared_->streams.erase(this);
    timer_.cancel();
    ErrorOf ignored;
    stream_.lowest_layer().close(ignored);
    const auto gone = std::move(gone_);
    gone_ = nullptr;
    if (gone) gone();
  }

  std::shared_ptr<Shared> shared_;
  Connections::Id id_ = 0;  // in its books
  asio::ssl::stream<Tcp::socket> stream_;
  asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  HttpRequest request_;  // its head, until the next
  std::string who_;
  std::string clientName_, clientAuthority_, clientCertificate_;
  net::IpAddress from_;
  bool keepAlive_ = true, answered_ = false, over_ = false;
  bool streaming_ = false, ending_ = false, writing_ = false;
  std::function<void()> gone_;
  std::deque<std::string> queue_;
  std::size_t unsent_ = 0;
  std::array<char, 4096> sink_{};
};

// Knows for itself whether it was used: the session may be at its next request when it goes.
class SessionReply final : public Reply {
 public:
  explicit SessionReply(std::shared_ptr<Session> session) : session_(std::move(session)) {}
  ~SessionReply() override {
    if (!used_) error({ErrorCode::kInternal, "no answer", {}});
  }
  SessionReply(const SessionReply&) = delete;
  SessionReply& operator=(const SessionReply&) = delete;
  void json(int status, const model::Json& body) override {
    text(status, "application/json",
         body.dump(-1, ' ', false, model::Json::error_handler_t::replace));
  }
  void text(int status, std::string contentType, std::string body) override {
    if (std::exchange(used_, true)) return;
    session_->respond(status, contentType, std::move(body));
  }
  void stream(std::function<void()> gone) override {
    if (std::exchange(used_, true)) return;
    session_->beginStream(std::move(gone));
  }
  void line(const std::string& json) override { session_->streamLine(json); }
  void end() override { session_->endStream(); }

 private:
  std::shared_ptr<Session> session_;
  bool used_ = false;
};

void Session::dispatch() {
  auto request = request_;
  request.body = std::move(parser_->get().body());
  // Handlers return their errors. Should one throw for all that, this request fails and nothing
  // else.
  const auto reply = std::make_shared<SessionReply>(shared_from_this());
  try {
    shared_->handler(request, reply);
  } catch (const std::exception& error) {
    log::error("api", "{} {}: {}", request.method, request.path, error.what());
    reply->error({ErrorCode::kInternal, "the server could not answer; its log says more", {}});
  }
  shared_->connections.release(id_);
}

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(io::Loop& loop)
      : shared_(std::make_shared<Shared>(*static_cast<asio::io_context*>(loop.native()))) {}
  ~ServerImpl() override {
    shared_->closed = true;
    ErrorOf ignored;
    shared_->acceptor.close(ignored);
    shared_->handler = [](const HttpRequest&, const ReplyPtr& reply) {
      reply->error({ErrorCode::kUnavailable, "the server is ending", {}});
    };
    shared_->who = nullptr;
  }

  Result<void> open(const ServerConfig& config, Handler handler) {
    shared_->handler = std::move(handler);
    shared_->who = config.who;
    shared_->deadlines = config.deadlines;
    shared_->connections = Connections(config.limits);
    ErrorOf error;
    auto& tls = shared_->tls;
    ::SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
    // A client certificate is optional, but one that the site's CA did not sign ends the handshake.
    tls.set_verify_mode(asio::ssl::verify_peer, error);
    if (!error) tls.add_certificate_authority(asio::buffer(config.caPem), error);
    if (!error) tls.use_certificate_chain(asio::buffer(config.certificate.certificate), error);
    if (!error)
      tls.use_private_key(asio::buffer(config.certificate.key), asio::ssl::context::pem, error);
    if (error) return invalid("API certificate: " + error.message());
    ::SSL_CTX_set_session_cache_mode(tls.native_handle(), SSL_SESS_CACHE_OFF);
    const Tcp::endpoint endpoint(asio::ip::make_address(config.address.text()), config.port);
    auto& acceptor = shared_->acceptor;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(256, error);
    if (error) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("listen on {} port {}: {}", config.address.text(), config.port,
                              error.message()));
    }
    accept(shared_);
    return {};
  }

  Result<void> trust(const std::string& caPem) override {
    ErrorOf error;
    shared_->tls.add_certificate_authority(asio::buffer(caPem), error);
    if (error) return invalid("certificate authority: " + error.message());
    return {};
  }
  void recheck() override {
    std::vector<std::shared_ptr<Session>> streams;
    for (auto* session : shared_->streams) streams.push_back(session->shared_from_this());
    for (const auto& session : streams) session->recheck();
  }
  [[nodiscard]] std::uint16_t port() const override {
    ErrorOf ignored;
    return shared_->acceptor.local_endpoint(ignored).port();
  }

 private:
  static void accept(const std::shared_ptr<Shared>& shared) {
    shared->acceptor.async_accept([shared](const ErrorOf& error, Tcp::socket socket) {
      if (shared->closed) return;
      if (error) {
        shared->pause.expires_after(std::chrono::milliseconds(200));
        shared->pause.async_wait([shared](const ErrorOf&) {
          if (!shared->closed) accept(shared);
        });
        return;
      }
      ErrorOf ignored;
      socket.set_option(Tcp::no_delay(true), ignored);
      std::make_shared<Session>(std::move(socket), shared)->run();
      accept(shared);
    });
  }

  std::shared_ptr<Shared> shared_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::open(io::Loop& loop, ServerConfig config, Handler handler) {
  auto server = std::make_unique<ServerImpl>(loop);
  if (auto opened = server->open(config, std::move(handler)); !opened)
    return std::unexpected(opened.error());
  return server;
}

}  // namespace hawser::api
