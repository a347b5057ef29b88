#include "socket/server.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "hawser/base/fd.h"
#include "hawser/base/log.h"

namespace hawser::agent {
namespace {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;
using SystemError = boost::system::error_code;

bool somebodyListens(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return false;
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
         errno == EAGAIN;  // its queue is full
}

Result<void> makeRoom(const std::string& path) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path))
    return invalid("\"" + path + "\" is no path for a unix socket (1 to 107 bytes)", "socket");
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return failErrno(path, errno);
  }
  if (!S_ISSOCK(info.st_mode))
    return fail(ErrorCode::kExists, path + " is there and is no socket", "socket");
  if (somebodyListens(path))
    return fail(ErrorCode::kExists, "an agent answers at " + path + " already", "socket");
  if (::unlink(path.c_str()) != 0) return failErrno("remove " + path, errno);
  return {};
}

// One client. Reading goes on while a request is being worked on, so that a client that goes is
// noticed; what it sends ahead is kept up to one request's size.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Local::socket socket, io::Loop& loop, const LocalServer::Handler& handler,
          std::function<void(Session*)> closed)
      : socket_(std::move(socket)), silence_(loop), handler_(handler), closed_(std::move(closed)) {}

  void start() {
    read();
    next();
  }

  void close() {
    if (!socket_.is_open()) return;
    SystemError ignored;
    socket_.close(ignored);
    silence_.cancel();
    if (const auto giveUp = std::exchange(giveUp_, {})) giveUp();
    if (const auto closed = std::exchange(closed_, {})) closed(this);
  }

 private:
  void read() {
    if (reading_ || ended_ || buffer_.size() >= kMaxRequest) return;
    reading_ = true;
    socket_.async_read_some(asio::buffer(chunk_), [self = shared_from_this()](
                                                      const SystemError& error, std::size_t size) {
      self->reading_ = false;
      if (!self->socket_.is_open()) return;
      if (error) return self->inputEnded();
      self->buffer_.append(self->chunk_.data(), size);
      self->read();
      self->next();
    });
  }

  // A client that closed its sending half may still read the answer to a request that is at hand;
  // one that waits for a port is taken to be gone.
  void inputEnded() {
    ended_ = true;
    if (giveUp_ || (!busy_ && buffer_.find('\n') == std::string::npos)) close();
  }

  void next() {
    if (busy_) return;
    const auto end = buffer_.find('\n', searched_);
    if (end == std::string::npos) {
      searched_ = buffer_.size();
      if (ended_) return close();
      if (buffer_.size() >= kMaxRequest) return refuse();
      silence_.start(kClientSilence, [self = weak_from_this()] {
        if (const auto session = self.lock()) session->close();
      });
      return;
    }
    silence_.cancel();
    const auto line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    searched_ = 0;
    busy_ = true;
    serve(line);
    read();
  }

  void refuse() {
    busy_ = ended_ = true;
    write(errorAnswer({ErrorCode::kInvalid, "the request is longer than 1 MiB", ""}));
  }

  void serve(const std::string& line) {
    const auto request = Json::parse(line, nullptr, false);
    if (!request.is_object())
      return write(errorAnswer({ErrorCode::kInvalid, "the request is no JSON object", ""}));
    auto answered = std::make_shared<bool>(false);
    auto giveUp =
        handler_(request, [self = weak_from_this(), answered](const Result<Json>& answer) {
          if (std::exchange(*answered, true)) return;
          if (const auto session = self.lock())
            session->write(answer ? *answer : errorAnswer(answer.error()));
        });
    if (!*answered) giveUp_ = std::move(giveUp);
    if (giveUp_ && ended_) close();
  }

  void write(const Json& answer) {
    giveUp_ = {};
    if (!socket_.is_open()) return;
    output_ = answer.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    silence_.start(kClientSilence, [self = weak_from_this()] {
      if (const auto session = self.lock()) session->close();
    });
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this()](const SystemError& error, std::size_t) {
                        if (error) return self->close();
                        self->output_ = {};
                        self->busy_ = false;
                        self->next();
                      });
  }

  Local::socket socket_;
  io::Timer silence_;
  const LocalServer::Handler& handler_;
  std::function<void(Session*)> closed_;
  std::function<void()> giveUp_;
  std::array<char, 16384> chunk_{};
  std::string buffer_, output_;
  std::size_t searched_ = 0;
  bool reading_ = false, busy_ = false, ended_ = false;
};

}  // namespace

struct LocalServer::Impl : std::enable_shared_from_this<Impl> {
  Impl(io::Loop& theLoop, std::string thePath, Handler theHandler)
      : loop(theLoop),
        path(std::move(thePath)),
        handler(std::move(theHandler)),
        acceptor(*static_cast<asio::io_context*>(loop.native())),
        pause(loop) {}

  Result<void> listen() {
    SystemError error;
    const Local::endpoint endpoint(path);
    acceptor.open(endpoint.protocol(), error);
    if (error) return fail(ErrorCode::kInternal, "unix socket: " + error.message(), "socket");
    const auto before = ::umask(0177);  // the socket is never open to others
    acceptor.bind(endpoint, error);
    ::umask(before);
    if (!error) acceptor.listen(128, error);
    if (error)
      return fail(ErrorCode::kInternal, "listen at " + path + ": " + error.message(), "socket");
    accept();
    return {};
  }

  void accept() {
    acceptor.async_accept(
        [weak = weak_from_this()](const SystemError& error, Local::socket socket) {
          const auto self = weak.lock();
          if (!self || error == asio::error::operation_aborted) return;
          if (error) {  // no descriptors left: not in a busy loop
            self->pause.start(std::chrono::milliseconds(100), [weak] {
              if (const auto again = weak.lock()) again->accept();
            });
            return;
          }
          self->admit(std::move(socket));
          self->accept();
        });
  }

  void admit(Local::socket socket) {
    if (sessions.size() >= kMaxClients) {
      log::warn("agent", "more than {} clients at {}: one is turned away", kMaxClients, path);
      return;
    }
    auto session = std::make_shared<Session>(
        std::move(socket), loop, handler, [weak = weak_from_this()](Session* gone) {
          if (const auto self = weak.lock())
            std::erase_if(self->sessions, [gone](const auto& one) { return one.get() == gone; });
        });
    sessions.insert(session);
    session->start();
  }

  io::Loop& loop;
  std::string path;
  Handler handler;
  Local::acceptor acceptor;
  io::Timer pause;
  std::set<std::shared_ptr<Session>> sessions;
};

Result<std::unique_ptr<LocalServer>> LocalServer::open(io::Loop& loop, const std::string& path,
                                                       Handler handler) {
  if (auto room = makeRoom(path); !room) return std::unexpected(room.error());
  auto impl = std::make_shared<Impl>(loop, path, std::move(handler));
  if (auto listening = impl->listen(); !listening) return std::unexpected(listening.error());
  return std::unique_ptr<LocalServer>(new LocalServer(std::move(impl)));
}

LocalServer::~LocalServer() {
  SystemError ignored;
  impl_->acceptor.close(ignored);
  ::unlink(impl_->path.c_str());
  for (const auto sessions = std::exchange(impl_->sessions, {}); const auto& session : sessions)
    session->close();
}

std::size_t LocalServer::clients() const { return impl_->sessions.size(); }

}  // namespace hawser::agent
