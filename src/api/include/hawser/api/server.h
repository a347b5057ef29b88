// The HTTPS server on a loop: requests in, answers or streams of JSON lines out. Who may do what
// is not decided here. All on the loop's thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "hawser/api/connections.h"
#include "hawser/api/pki.h"
#include "hawser/io/loop.h"
#include "hawser/model/object.h"
#include "hawser/net/address.h"

namespace hawser::api {

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // decoded, without the query
  std::map<std::string, std::string> query;
  std::string body;
  std::string bearer;      // token of "Authorization: Bearer …"
  std::string clientName;  // common name of a client certificate that a trusted authority signed
  std::string clientAuthority;    // that authority's fingerprint, "sha256:…"
  std::string clientCertificate;  // the certificate's own
  net::IpAddress from;
};

// The answer to one request; may be given later, from the loop's thread. Dropped without an answer:
// 500. After the client went, everything is a no-op.
class Reply {
 public:
  virtual ~Reply() = default;
  virtual void json(int status, const model::Json& body) = 0;
  virtual void text(int status, std::string contentType, std::string body) = 0;
  // {"kind":"Error", …} with the status that fits the code.
  void error(const Error& error);
  // A stream of JSON lines begins; it ends with end(), or when the client goes (`gone` is called)
  // or does not read (8 MB wait).
  virtual void stream(std::function<void()> gone) = 0;
  virtual void line(const std::string& json) = 0;
  virtual void end() = 0;
};
using ReplyPtr = std::shared_ptr<Reply>;
using Handler = std::function<void(const HttpRequest&, ReplyPtr)>;

[[nodiscard]] int httpStatus(ErrorCode code);
[[nodiscard]] model::Json errorJson(const Error& error);

// A connection that is late is closed. To take what we send, a client has `write` and a second for
// each `slowest` bytes.
struct Deadlines {
  std::chrono::milliseconds handshake{5000};
  std::chrono::milliseconds request{30000};  // a request's headers, and so an idle connection
  std::chrono::milliseconds body{30000};
  std::chrono::milliseconds write{30000};
  std::size_t slowest = 64U << 10U;
};

struct ServerConfig {
  net::IpAddress address;
  std::uint16_t port = 8443;  // 0 picks one
  std::string caPem;          // signs hosts' client certificates
  KeyPair certificate;        // its chain and key
  // Who asks, in words that change with what they may; empty: a stranger. Called when the headers
  // are there, without the body. Null: everybody is known.
  std::function<std::string(const HttpRequest&)> who = nullptr;
  Deadlines deadlines = {};
  ConnectionLimits limits = {};
};

class Server {
 public:
  virtual ~Server() = default;
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(io::Loop& loop, ServerConfig config,
                                                            Handler handler);
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  // Client certificates of this authority are accepted too, from the next connection on (another
  // site's).
  [[nodiscard]] virtual Result<void> trust(const std::string& caPem) = 0;
  // Who is who has changed: streams end whose `who` is not what it was when they began.
  virtual void recheck() = 0;
};

}  // namespace hawser::api
