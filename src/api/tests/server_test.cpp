// Clients that are slow, silent or many, and bodies that are large: raw TLS against a server with
// short deadlines and small limits.
#include "hawser/api/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "hawser/api/pki.h"

namespace hawser::api {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto kLong = 10s;  // until a test gives up

// A TCP connection to the port, with TLS on it when asked.
class Raw {
 public:
  explicit Raw(std::uint16_t port, bool tls = true)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    if (!tls) return;
    context_ = ::SSL_CTX_new(::TLS_client_method());
    ssl_ = ::SSL_new(context_);
    ::SSL_set_fd(ssl_, fd_);
    EXPECT_EQ(::SSL_connect(ssl_), 1);
  }
  ~Raw() {
    ::SSL_free(ssl_);
    ::SSL_CTX_free(context_);
    ::close(fd_);
  }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  void send(const std::string& text) {
    ASSERT_EQ(::SSL_write(ssl_, text.data(), static_cast<int>(text.size())),
              static_cast<int>(text.size()));
  }
  // What comes until `enough` is in it, or the connection ends.
  std::string receive(const std::string& enough) {
    std::string all;
    std::array<char, 4096> part{};
    while (all.find(enough) == std::string::npos) {
      const auto size = ::SSL_read(ssl_, part.data(), part.size());
      if (size <= 0) break;
      all.append(part.data(), static_cast<std::size_t>(size));
    }
    return all;
  }
  // Ends the connection within the time, with nothing more to read?
  bool ends() {
    char one = 0;
    const auto begin = std::chrono::steady_clock::now();
    const auto size = ssl_ != nullptr ? ::SSL_read(ssl_, &one, 1) : ::recv(fd_, &one, 1, 0);
    return size <= 0 && std::chrono::steady_clock::now() - begin < kLong - 1s;
  }

 private:
  int fd_;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
};

std::string post(std::size_t length, const std::string& more = "Authorization: Bearer friend\r\n") {
  return "POST /echo HTTP/1.1\r\nHost: x\r\n" + more + "Content-Length: " + std::to_string(length) +
         "\r\n\r\n";
}
const std::string kGet = "GET /size HTTP/1.1\r\nHost: x\r\n\r\n";

class ServerTest : public ::testing::Test {
 protected:
  void serve(Deadlines deadlines, ConnectionLimits limits) {
    const auto ca = makeCa("test CA", 24h).value();
    ServerConfig config{.address = net::IpAddress::parse("127.0.0.1").value(),
                        .port = 0,
                        .caPem = ca.certificate,
                        .certificate = issue(ca, "controller:test", {"127.0.0.1"}, 24h).value(),
                        .who =
                            [this](const HttpRequest& request) {
                              return request.bearer == "friend" ? friend_ : "";
                            },
                        .deadlines = deadlines,
                        .limits = limits};
    server_ = Server::open(loop_, std::move(config),
                           [this](const HttpRequest& request, const ReplyPtr& reply) {
                             if (request.path == "/stream") return stream(reply);
                             if (request.path == "/follow") return follow(reply);
                             reply->text(200, "text/plain",
                                         "size " + std::to_string(request.body.size()) + ".");
                           })
                  .value();
    thread_ = std::thread([this] { loop_.run(); });
  }
  void TearDown() override {
    loop_.stop();
    thread_.join();
    followed_.clear();
  }
  void stream(const ReplyPtr& reply) {
    reply->stream([this] { gone_.set_value(); });
    reply->line(std::string(7U << 20U, 'x'));  // more than a socket holds, less than may wait
  }
  void follow(const ReplyPtr& reply) {
    reply->stream(nullptr);
    reply->line("{}");
    followed_.push_back(reply);
  }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }

  io::Loop loop_;
  std::string friend_ = "admin friend";
  std::unique_ptr<Server> server_;
  std::promise<void> gone_;
  std::vector<ReplyPtr> followed_;
  std::thread thread_;
};

TEST_F(ServerTest, WhoSaysNothingIsLeft) {
  serve({.handshake = 50ms, .request = 50ms, .body = 50ms}, {});
  EXPECT_TRUE(Raw(port(), false).ends()) << "no handshake";
  EXPECT_TRUE(Raw(port()).ends()) << "no request";
  Raw half(port());
  half.send("GET /size HT");
  EXPECT_TRUE(half.ends()) << "half a head";
  Raw body(port());
  body.send(post(10) + "12345");
  EXPECT_TRUE(body.ends()) << "half a body";
  Raw idle(port());
  idle.send(kGet);
  EXPECT_THAT(idle.receive("."), HasSubstr("size 0."));
  EXPECT_TRUE(idle.ends()) << "nothing after the first request";
}

TEST_F(ServerTest, WhoDoesNotReadIsLeft) {
  serve({.write = 50ms, .slowest = 1U << 30U}, {});
  Raw client(port());
  client.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(gone_.get_future().wait_for(kLong), std::future_status::ready);
}

TEST_F(ServerTest, AStreamEndsWithWhoBeganIt) {
  serve({}, {});
  const auto begin = [](Raw& client) {
    client.send("GET /follow HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer friend\r\n\r\n");
    EXPECT_THAT(client.receive("{}"), HasSubstr("{}"));
  };
  const auto change = [this](const std::string& name) {
    loop_.post([this, name] {
      friend_ = name;
      server_->recheck();
      for (const auto& reply : followed_) reply->line("more");
    });
  };
  Raw first(port());
  begin(first);
  change("admin friend");
  EXPECT_THAT(first.receive("more"), HasSubstr("more")) << "nothing has changed";
  change("member friend of p");
  const auto rest = first.receive("0\r\n\r\n");
  EXPECT_THAT(rest, HasSubstr("0\r\n\r\n")) << "other rights";
  EXPECT_THAT(rest, ::testing::Not(HasSubstr("more")));
  EXPECT_TRUE(first.ends());
  Raw second(port());
  begin(second);
  change("");
  EXPECT_THAT(second.receive("0\r\n\r\n"), HasSubstr("0\r\n\r\n")) << "nobody any more";
}

TEST_F(ServerTest, ALongBodyIsForTheKnown) {
  serve({}, {.body = 1000, .strangersBody = 100});
  Raw friendly(port());
  friendly.send(post(1000) + std::string(1000, 'x'));
  EXPECT_THAT(friendly.receive("."), HasSubstr("size 1000."));
  friendly.send(post(100, "") + std::string(100, 'x'));
  EXPECT_THAT(friendly.receive("."), HasSubstr("size 100.")) << "the same connection, unknown now";
  Raw stranger(port());
  stranger.send(post(101, ""));  // answered before it sends any
  EXPECT_THAT(stranger.receive("}"), StartsWith("HTTP/1.1 413"));
  Raw wrong(port());
  wrong.send(post(101, "Authorization: Bearer guess\r\n"));
  EXPECT_THAT(wrong.receive("}"), HasSubstr("has at most 100 bytes"));
  Raw over(port());
  over.send(post(1001));
  EXPECT_THAT(over.receive("}"), HasSubstr("has at most 1000 bytes"));
  Raw chunked(port());
  chunked.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n60\r\n" +
               std::string(0x60, 'x') + "\r\n5\r\n12345\r\n0\r\n\r\n");
  EXPECT_THAT(chunked.receive("}"), StartsWith("HTTP/1.1 413"));
  Raw fits(port());
  fits.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n60\r\n" +
            std::string(0x60, 'x') + "\r\n0\r\n\r\n");
  EXPECT_THAT(fits.receive("."), HasSubstr("size 96."));
}

TEST_F(ServerTest, BodiesShareTheirRoom) {
  serve({}, {.body = 1000, .bodies = 1500});
  Raw first(port()), second(port());
  first.send(post(1000) + "x");
  std::string answer;
  // The first has its room once its head was read.
  for (const auto end = std::chrono::steady_clock::now() + kLong;
       !answer.starts_with("HTTP/1.1 503") && std::chrono::steady_clock::now() < end;) {
    Raw again(port());
    again.send(post(600) + std::string(600, 'y'));
    answer = again.receive("\r\n\r\n");
  }
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  second.send(post(500) + std::string(500, 'x'));
  EXPECT_THAT(second.receive("."), HasSubstr("size 500."));
  first.send(std::string(999, 'x'));
  EXPECT_THAT(first.receive("."), HasSubstr("size 1000."));
  second.send(post(1000) + std::string(1000, 'x'));
  EXPECT_THAT(second.receive("."), HasSubstr("size 1000.")) << "given back";
}

TEST_F(ServerTest, StrangersMakeRoomAndFriendsStay) {
  serve({}, {.strangersPerAddress = 2});
  Raw known(port());
  known.send(post(0));
  EXPECT_THAT(known.receive("."), HasSubstr("size 0."));
  Raw one(port()), two(port()), three(port());
  EXPECT_TRUE(one.ends());
  for (auto* alive : {&known, &two, &three}) {
    alive->send(post(0));
    EXPECT_THAT(alive->receive("."), HasSubstr("size 0."));
  }
}

}  // namespace
}  // namespace hawser::api
