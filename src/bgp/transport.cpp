// Transport over Boost.Asio. One template serves TCP and TLS; a stream object lives as long as an
// operation on it is pending, so each handler holds a shared pointer, and `closed_` cuts the way
// back to the owner.
//
// Bounds: a handshake ends within 5 s, at most 128 handshakes run at once and 4 with one address,
// so that strangers do not keep hosts out; a lingering close ends after 2 s.
#include "transport.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <deque>
#include <map>

#include "hawser/base/log.h"

namespace hawser::bgp {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using TlsStream = asio::ssl::stream<Tcp::socket>;
using ErrorCodeOf = boost::system::error_code;

namespace {

constexpr std::chrono::seconds kHandshakeLimit{5};
constexpr std::chrono::seconds kLingerLimit{2};
constexpr int kMaxHandshakes = 128, kMaxHandshakesOfOne = 4;

asio::io_context& contextOf(io::Loop& loop) {
  return *static_cast<asio::io_context*>(loop.native());
}

asio::ip::address toAsio(const net::IpAddress& address) {
  if (address.isV4()) return asio::ip::address_v4(address.v4().value());
  return asio::ip::address_v6(address.v6().bytes());
}

net::IpAddress fromAsio(const asio::ip::address& address) {
  if (address.is_v4()) return net::Ipv4Address(address.to_v4().to_uint());
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) {
    return net::Ipv4Address(asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_uint());
  }
  return net::Ipv6Address(v6.to_bytes());
}

Result<void> setMd5(int fd, const net::IpAddress& peer, const std::string& key) {
  if (key.size() > TCP_MD5SIG_MAXKEYLEN)
    return invalid("an MD5 key has at most 80 bytes", "md5Key");
  tcp_md5sig option{};
  if (peer.isV4()) {
    sockaddr_in sin{};
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(peer.v4().value());
    std::memcpy(&option.tcpm_addr, &sin, sizeof sin);
  } else {
    sockaddr_in6 sin6{};
    sin6.sin6_family = AF_INET6;
    std::memcpy(&sin6.sin6_addr, peer.v6().bytes().data(), 16);
    std::memcpy(&option.tcpm_addr, &sin6, sizeof sin6);
  }
  option.tcpm_keylen = static_cast<std::uint16_t>(key.size());
  std::memcpy(option.tcpm_key, key.data(), key.size());
  if (::setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &option, sizeof option) != 0) {
    // Removing a key that is not there is no error to us.
    if (key.empty() && errno == ENOENT) return {};
    return failErrno("TCP-MD5 for " + peer.text(), errno);
  }
  return {};
}

}  // namespace

class TlsContext {
 public:
  asio::ssl::context context{asio::ssl::context::tls};
};

Result<std::shared_ptr<TlsContext>> makeTlsContext(const TlsCredentials& credentials) {
  auto made = std::make_shared<TlsContext>();
  auto& context = made->context;
  ErrorCodeOf error;
  const auto step = [&](const char* what) -> Result<void> {
    if (error) return invalid(fmt::format("BGP over TLS: {}: {}", what, error.message()));
    return {};
  };
  ::SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_3_VERSION);
  context.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, error);
  if (auto ok = step("verify mode"); !ok) return std::unexpected(ok.error());
  context.add_certificate_authority(asio::buffer(credentials.ca), error);
  if (auto ok = step("certificate authority"); !ok) return std::unexpected(ok.error());
  context.use_certificate_chain(asio::buffer(credentials.certificate), error);
  if (auto ok = step("certificate"); !ok) return std::unexpected(ok.error());
  context.use_private_key(asio::buffer(credentials.key), asio::ssl::context::pem, error);
  if (auto ok = step("private key"); !ok) return std::unexpected(ok.error());
  return made;
}

namespace {

template <class Stream>
class StreamTransport final : public Transport,
                              public std::enable_shared_from_this<StreamTransport<Stream>> {
 public:
  StreamTransport(Stream stream, std::shared_ptr<TlsContext> tls, PeerCertificate certificate)
      : tls_(std::move(tls)),
        stream_(std::move(stream)),
        linger_(stream_.get_executor()),
        certificate_(std::move(certificate)) {
    ErrorCodeOf ignored;
    auto& socket = stream_.lowest_layer();
    socket.set_option(Tcp::no_delay(true), ignored);
    remote_ = fromAsio(socket.remote_endpoint(ignored).address());
    local_ = fromAsio(socket.local_endpoint(ignored).address());
  }

  void start(std::function<void(wire::ByteView)> data,
             std::function<void(const std::string&)> closed) override {
    data_ = std::move(data);
    closedHandler_ = std::move(closed);
    read();
  }

  void send(wire::Bytes bytes) override {
    if (closed_ || lingering_) return;
    unsent_ += bytes.size();
    queue_.push_back(std::move(bytes));
    if (!writing_) write();
  }

  [[nodiscard]] std::size_t unsent() const override { return unsent_; }
  void onDrained(std::function<void()> drained) override { drained_ = std::move(drained); }

  void close(bool linger) override {
    if (closed_) return;
    data_ = nullptr;
    closedHandler_ = nullptr;
    drained_ = nullptr;
    if (!linger || queue_.empty()) return shut();
    lingering_ = true;
    linger_.expires_after(kLingerLimit);
    linger_.async_wait([self = this->shared_from_this()](const ErrorCodeOf& error) {
      if (!error) self->shut();
    });
  }

  [[nodiscard]] net::IpAddress remoteAddress() const override { return remote_; }
  [[nodiscard]] net::IpAddress localAddress() const override { return local_; }
  [[nodiscard]] const PeerCertificate& certificate() const override { return certificate_; }

 private:
  void read() {
    stream_.async_read_some(asio::buffer(buffer_), [self = this->shared_from_this()](
                                                       const ErrorCodeOf& error, std::size_t size) {
      if (self->closed_) return;
      if (error) return self->broke(error);
      if (self->data_) {
        // Kept alive: the owner may drop or replace its handlers in here.
        const auto data = self->data_;
        data(wire::ByteView(self->buffer_.data(), size));
      }
      if (!self->closed_) self->read();
    });
  }

  void write() {
    writing_ = true;
    std::vector<asio::const_buffer> buffers;
    inFlight_ = std::min<std::size_t>(queue_.size(), 32);
    for (std::size_t i = 0; i < inFlight_; ++i) buffers.push_back(asio::buffer(queue_[i]));
    asio::async_write(
        stream_, buffers,
        [self = this->shared_from_this()](const ErrorCodeOf& error, std::size_t size) {
          self->writing_ = false;
          if (self->closed_) return;
          if (error) return self->broke(error);
          self->unsent_ -= size;
          self->queue_.erase(self->queue_.begin(),
                             self->queue_.begin() + static_cast<std::ptrdiff_t>(self->inFlight_));
          if (!self->queue_.empty()) return self->write();
          if (self->lingering_) return self->shut();
          if (self->drained_) {
            const auto drained = self->drained_;
            drained();
          }
        });
  }

  void broke(const ErrorCodeOf& error) {
    const auto handler = std::move(closedHandler_);
    shut();
    if (handler) {
      handler(error == asio::error::eof ? std::string("the peer closed the connection")
                                        : error.message());
    }
  }

  void shut() {
    if (closed_) return;
    closed_ = true;
    linger_.cancel();
    ErrorCodeOf ignored;
    stream_.lowest_layer().shutdown(Tcp::socket::shutdown_both, ignored);
    stream_.lowest_layer().close(ignored);
  }

  std::shared_ptr<TlsContext> tls_;  // outlives the stream
  Stream stream_;
  asio::steady_timer linger_;
  PeerCertificate certificate_;
  net::IpAddress remote_, local_;
  std::array<std::uint8_t, 65536> buffer_{};
  std::deque<wire::Bytes> queue_;
  std::size_t unsent_ = 0, inFlight_ = 0;
  bool writing_ = false, closed_ = false, lingering_ = false;
  std::function<void(wire::ByteView)> data_;
  std::function<void(const std::string&)> closedHandler_;
  std::function<void()> drained_;
};

PeerCertificate certificateOf(TlsStream& stream) {
  X509* certificate = ::SSL_get1_peer_certificate(stream.native_handle());
  auto out = io::certificateOf(certificate);
  ::X509_free(certificate);
  return out;
}

// A TLS handshake in either role, bounded in time. `done` gets an empty pointer and a reason when
// it fails.
class Handshake : public std::enable_shared_from_this<Handshake> {
 public:
  using Done = std::function<void(std::shared_ptr<Transport>, const std::string& reason)>;

  Handshake(Tcp::socket socket, std::shared_ptr<TlsContext> tls)
      : tls_(std::move(tls)),
        stream_(std::move(socket), tls_->context),
        timer_(stream_.get_executor()) {}

  void run(asio::ssl::stream_base::handshake_type role, Done done) {
    done_ = std::move(done);
    timer_.expires_after(kHandshakeLimit);
    timer_.async_wait([self = shared_from_this()](const ErrorCodeOf& error) {
      if (!error) self->finish(nullptr, "no TLS handshake within 5 s");
    });
    stream_.async_handshake(role, [self = shared_from_this()](const ErrorCodeOf& error) {
      if (error) return self->finish(nullptr, "TLS handshake: " + error.message());
      if (!self->done_) return;
      auto certificate = certificateOf(self->stream_);
      self->finish(std::make_shared<StreamTransport<TlsStream>>(std::move(self->stream_),
                                                                self->tls_, std::move(certificate)),
                   {});
    });
  }

  void cancel() {
    done_ = nullptr;
    timer_.cancel();
    ErrorCodeOf ignored;
    stream_.lowest_layer().close(ignored);
  }

 private:
  void finish(std::shared_ptr<Transport> transport, const std::string& reason) {
    const auto done = std::move(done_);
    done_ = nullptr;
    timer_.cancel();
    if (!transport) {
      ErrorCodeOf ignored;
      stream_.lowest_layer().close(ignored);
    }
    if (done) done(std::move(transport), reason);
  }

  std::shared_ptr<TlsContext> tls_;
  TlsStream stream_;
  asio::steady_timer timer_;
  Done done_;
};

class ConnectorImpl final : public Connector {
 public:
  ConnectorImpl(io::Loop& loop, ConnectOptions options, Done done)
      : shared_(std::make_shared<Shared>(contextOf(loop), std::move(options), std::move(done))) {}
  ~ConnectorImpl() override { shared_->cancel(); }
  void go(io::Loop& loop) {
    if (auto ready = shared_->prepare(); !ready) {
      loop.post(
          [shared = shared_, error = ready.error()] { shared->finish(std::unexpected(error)); });
      return;
    }
    shared_->connect();
  }

 private:
  struct Shared : std::enable_shared_from_this<Shared> {
    Shared(asio::io_context& context, ConnectOptions opts, Done whenDone)
        : options(std::move(opts)), done(std::move(whenDone)), socket(context) {}

    Result<void> prepare() {
      ErrorCodeOf error;
      const auto remote = toAsio(options.address);
      socket.open(remote.is_v4() ? Tcp::v4() : Tcp::v6(), error);
      if (error) return fail(ErrorCode::kUnavailable, error.message());
      if (!options.md5Key.empty()) {
        if (auto set = setMd5(socket.native_handle(), options.address, options.md5Key); !set)
          return set;
      }
      if (options.local) {
        socket.bind({toAsio(*options.local), 0}, error);
        if (error) {
          return fail(ErrorCode::kUnavailable,
                      fmt::format("bind to {}: {}", options.local->text(), error.message()));
        }
      }
      return {};
    }

    void connect() {
      socket.async_connect(
          {toAsio(options.address), options.port},
          [self = shared_from_this()](const ErrorCodeOf& error) { self->connected(error); });
    }

    void connected(const ErrorCodeOf& error) {
      if (!done) return;
      if (error) return finish(fail(ErrorCode::kUnavailable, "connect: " + error.message()));
      if (!options.tls) {
        return finish(std::make_shared<StreamTransport<Tcp::socket>>(std::move(socket), nullptr,
                                                                     PeerCertificate{}));
      }
      handshake = std::make_shared<Handshake>(std::move(socket), options.tls);
      handshake->run(
          asio::ssl::stream_base::client,
          [weak = weak_from_this()](std::shared_ptr<Transport> made, const std::string& reason) {
            const auto self = weak.lock();
            if (!self) return;
            if (made) return self->finish(std::move(made));
            self->finish(fail(ErrorCode::kUnavailable, reason));
          });
    }

    void finish(Result<std::shared_ptr<Transport>> result) {
      const auto callback = std::move(done);
      done = nullptr;
      if (callback) callback(std::move(result));
    }

    void cancel() {
      done = nullptr;
      ErrorCodeOf ignored;
      socket.close(ignored);
      if (handshake) handshake->cancel();
    }

    ConnectOptions options;
    Done done;
    Tcp::socket socket;
    std::shared_ptr<Handshake> handshake;
  };
  std::shared_ptr<Shared> shared_;
};

class ListenerImpl final : public Listener {
 public:
  ListenerImpl(io::Loop& loop, Options options)
      : shared_(std::make_shared<Shared>(contextOf(loop), std::move(options))) {}
  ~ListenerImpl() override {
    shared_->closed = true;
    ErrorCodeOf ignored;
    shared_->acceptor.close(ignored);
  }

  Result<void> open() {
    auto& acceptor = shared_->acceptor;
    const Tcp::endpoint endpoint(toAsio(shared_->options.address), shared_->options.port);
    ErrorCodeOf error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(128, error);
    if (error) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("listen on {} port {}: {}", shared_->options.address.text(),
                              shared_->options.port, error.message()));
    }
    shared_->accept();
    return {};
  }

  [[nodiscard]] std::uint16_t port() const override {
    ErrorCodeOf ignored;
    return shared_->acceptor.local_endpoint(ignored).port();
  }
  Result<void> setMd5Key(const net::IpAddress& peer, const std::string& key) override {
    return setMd5(shared_->acceptor.native_handle(), peer, key);
  }

 private:
  struct Shared : std::enable_shared_from_this<Shared> {
    Shared(asio::io_context& context, Options opts)
        : options(std::move(opts)), acceptor(context), pause(context) {}

    void accept() {
      acceptor.async_accept(
          [self = shared_from_this()](const ErrorCodeOf& error, Tcp::socket socket) {
            if (self->closed) return;
            if (error) {
              // Out of descriptors, say: not in a spin.
              self->pause.expires_after(std::chrono::milliseconds(200));
              self->pause.async_wait([self](const ErrorCodeOf&) {
                if (!self->closed) self->accept();
              });
              return;
            }
            self->take(std::move(socket));
            self->accept();
          });
    }

    void take(Tcp::socket socket) {
      ErrorCodeOf error;
      const auto from = fromAsio(socket.remote_endpoint(error).address());
      if (error || (options.welcome && !options.welcome(from))) return;
      if (!options.tls) {
        options.accepted(std::make_shared<StreamTransport<Tcp::socket>>(std::move(socket), nullptr,
                                                                        PeerCertificate{}));
        return;
      }
      const auto ofThis = handshakesOf.find(from);
      if (handshakes >= kMaxHandshakes ||
          (ofThis != handshakesOf.end() && ofThis->second >= kMaxHandshakesOfOne))
        return;
      ++handshakes;
      ++handshakesOf[from];
      std::make_shared<Handshake>(std::move(socket), options.tls)
          ->run(asio::ssl::stream_base::server,
                [self = shared_from_this(), from](std::shared_ptr<Transport> made,
                                                  const std::string& reason) {
                  --self->handshakes;
                  if (--self->handshakesOf[from] == 0) self->handshakesOf.erase(from);
                  if (self->closed) return;
                  if (made) return self->options.accepted(std::move(made));
                  log::info("bgp", "connection from {}: {}", from.text(), reason);
                });
    }

    Options options;
    Tcp::acceptor acceptor;
    asio::steady_timer pause;
    int handshakes = 0;
    std::map<net::IpAddress, int> handshakesOf;
    bool closed = false;
  };
  std::shared_ptr<Shared> shared_;
};

}  // namespace

std::unique_ptr<Connector> Connector::start(io::Loop& loop, ConnectOptions options, Done done) {
  auto made = std::make_unique<ConnectorImpl>(loop, std::move(options), std::move(done));
  made->go(loop);
  return made;
}

Result<std::unique_ptr<Listener>> Listener::open(io::Loop& loop, Options options) {
  auto made = std::make_unique<ListenerImpl>(loop, std::move(options));
  if (auto opened = made->open(); !opened) return std::unexpected(opened.error());
  return made;
}

}  // namespace hawser::bgp
