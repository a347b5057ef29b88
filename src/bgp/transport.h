// Byte streams between BGP speakers: TCP, with TCP-MD5 (RFC 2385) where asked, and TLS with
// certificates on both sides between Hawser processes. Private to the module; one loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "hawser/bgp/speaker.h"
#include "hawser/io/loop.h"
#include "hawser/wire/message.h"

namespace hawser::bgp {

class Transport {
 public:
  virtual ~Transport() = default;
  // Starts reading. After `closed` (once, not for our own close()) nothing is called any more.
  virtual void start(std::function<void(wire::ByteView)> data,
                     std::function<void(const std::string&)> closed) = 0;
  virtual void send(wire::Bytes bytes) = 0;
  [[nodiscard]] virtual std::size_t unsent() const = 0;  // bytes
  virtual void onDrained(std::function<void()> drained) = 0;
  // linger: what was sent before still goes out (a NOTIFICATION), for at most 2 s.
  virtual void close(bool linger) = 0;
  [[nodiscard]] virtual net::IpAddress remoteAddress() const = 0;
  [[nodiscard]] virtual net::IpAddress localAddress() const = 0;
  [[nodiscard]] virtual const PeerCertificate& certificate() const = 0;  // empty without TLS
};

class TlsContext;  // OpenSSL stays in the .cpp
[[nodiscard]] Result<std::shared_ptr<TlsContext>> makeTlsContext(const TlsCredentials& credentials);

struct ConnectOptions {
  net::IpAddress address;
  std::uint16_t port = 179;
  std::optional<net::IpAddress> local;
  std::string md5Key;
  std::shared_ptr<TlsContext> tls;  // null: plain
};

// One attempt; destroyed: cancelled, `done` is not called.
class Connector {
 public:
  using Done = std::function<void(Result<std::shared_ptr<Transport>>)>;
  virtual ~Connector() = default;
  [[nodiscard]] static std::unique_ptr<Connector> start(io::Loop& loop, ConnectOptions options,
                                                        Done done);
};

class Listener {
 public:
  // `welcome` is asked before anything is read from the connection (plain) or the handshake (TLS).
  struct Options {
    net::IpAddress address;
    std::uint16_t port = 0;
    std::shared_ptr<TlsContext> tls;
    std::function<bool(const net::IpAddress& from)> welcome;
    std::function<void(std::shared_ptr<Transport>)> accepted;
  };
  virtual ~Listener() = default;
  [[nodiscard]] static Result<std::unique_ptr<Listener>> open(io::Loop& loop, Options options);
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  virtual Result<void> setMd5Key(const net::IpAddress& peer, const std::string& key) = 0;
};

}  // namespace hawser::bgp
