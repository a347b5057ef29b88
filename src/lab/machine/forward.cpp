// Single-threaded on purpose: a thread that has entered a namespace opens sockets there, while the
// listening sockets, made before, stay in the machine's own.
#include "machine/forward.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <list>

#include "hawser/base/fd.h"
#include "machine/machine.h"

namespace hawser::lab {
namespace {

constexpr std::size_t kBuffer = 64U << 10U;
constexpr std::size_t kMostConnections = 512;

sockaddr_in socketAddress(std::uint32_t address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(address);
  return out;
}

Result<Fd> listenOn(std::uint16_t port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int one = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const auto address = socketAddress(INADDR_LOOPBACK, port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::listen(fd.get(), 64) < 0)
    return failErrno(fmt::format("listen on 127.0.0.1:{}", port), errno);
  return fd;
}

// Bytes on their way from one socket to the other.
struct Flow {
  std::string bytes;
  bool ended = false;  // the source will send no more
  bool told = false;   // and the target knows
};

struct Connection {
  Fd near, far;
  bool connecting = true;
  Flow out, in;  // near → far, far → near
  bool broken = false;
};

// False when the socket is broken.
bool take(int fd, Flow& flow) {
  if (flow.ended || flow.bytes.size() >= kBuffer) return true;
  std::array<char, 16384> buffer{};
  const auto n = ::recv(fd, buffer.data(), buffer.size(), 0);
  if (n > 0) flow.bytes.append(buffer.data(), static_cast<std::size_t>(n));
  if (n == 0) flow.ended = true;
  return n >= 0 || errno == EAGAIN || errno == EINTR;
}

bool give(int fd, Flow& flow) {
  if (!flow.bytes.empty()) {
    const auto n = ::send(fd, flow.bytes.data(), flow.bytes.size(), MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    flow.bytes.erase(0, static_cast<std::size_t>(n));
  }
  if (flow.bytes.empty() && flow.ended && !flow.told) {
    ::shutdown(fd, SHUT_WR);
    flow.told = true;
  }
  return true;
}

short wants(const Flow& from, const Flow& to) {
  short events = 0;
  if (!from.ended && from.bytes.size() < kBuffer) events |= POLLIN;
  if (!to.bytes.empty()) events |= POLLOUT;
  return events;
}

class Forwarder {
 public:
  explicit Forwarder(const std::vector<Forward>& forwards) : forwards_(forwards) {}

  Result<void> run() {
    for (const auto& forward : forwards_) {
      auto listener = listenOn(forward.listen);
      if (!listener) return std::unexpected(listener.error());
      listeners_.push_back(std::move(*listener));
    }
    sigset_t ends;
    ::sigemptyset(&ends);
    ::sigaddset(&ends, SIGTERM);
    ::sigaddset(&ends, SIGINT);
    ::sigprocmask(SIG_BLOCK, &ends, nullptr);
    const Fd signals(::signalfd(-1, &ends, SFD_CLOEXEC));
    fmt::print("ready\n");
    std::fflush(stdout);
    while (turn(signals.get())) {
    }
    return {};
  }

 private:
  bool turn(int signals) {
    std::vector<pollfd> fds{{signals, POLLIN, 0}};
    const bool room = connections_.size() < kMostConnections;
    for (const auto& listener : listeners_)
      fds.push_back({listener.get(), static_cast<short>(room ? POLLIN : 0), 0});
    const auto first = fds.size();
    for (const auto& one : connections_) {
      fds.push_back({one.near.get(), wants(one.out, one.in), 0});
      fds.push_back({one.far.get(), one.connecting ? short{POLLOUT} : wants(one.in, one.out), 0});
    }
    if (::poll(fds.data(), fds.size(), -1) < 0) return errno == EINTR;
    if (fds[0].revents != 0) return false;
    std::size_t at = first;
    for (auto& one : connections_) {
      serve(one, fds[at].revents, fds[at + 1].revents);
      at += 2;
    }
    connections_.remove_if(
        [](const Connection& one) { return one.broken || (one.out.told && one.in.told); });
    for (std::size_t i = 0; i < listeners_.size(); ++i)
      if (fds[i + 1].revents != 0) accept(listeners_[i].get(), forwards_[i]);
    return true;
  }

  static void serve(Connection& one, short near, short far) {
    if (one.connecting) {
      if (far == 0) return;
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(one.far.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      one.connecting = false;
      one.broken = error != 0;
      if (one.broken) return;
    }
    if ((near & (POLLIN | POLLHUP | POLLERR)) != 0 && !take(one.near.get(), one.out))
      one.broken = true;
    if ((far & (POLLIN | POLLHUP | POLLERR)) != 0 && !take(one.far.get(), one.in))
      one.broken = true;
    if (!give(one.far.get(), one.out) || !give(one.near.get(), one.in)) one.broken = true;
  }

  void accept(int listener, const Forward& forward) {
    Fd near(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (near.get() < 0) return;
    const Fd space(::open(netnsPath(forward.netns).c_str(), O_RDONLY | O_CLOEXEC));
    if (space.get() < 0 || ::setns(space.get(), CLONE_NEWNET) < 0) return;
    Fd far(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int one = 1;
    ::setsockopt(far.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ::setsockopt(near.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const auto address = socketAddress(forward.address.v4().value(), forward.port);
    if (::connect(far.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 &&
        errno != EINPROGRESS)
      return;
    Connection connection;
    connection.near = std::move(near);
    connection.far = std::move(far);
    connections_.push_back(std::move(connection));
  }

  const std::vector<Forward>& forwards_;
  std::vector<Fd> listeners_;
  std::list<Connection> connections_;
};

Result<std::uint16_t> portOf(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0)
    return invalid(fmt::format("\"{}\" is not a port", text));
  return port;
}

}  // namespace

Result<Forward> parseForward(const std::string& text) {
  const auto equals = text.find('=');
  const auto port = text.rfind(':');
  const auto address = port == std::string::npos || port == 0 ? port : text.rfind(':', port - 1);
  if (equals == std::string::npos || address == std::string::npos || address < equals)
    return invalid(fmt::format("\"{}\" is not LISTEN=NETNS:ADDRESS:PORT", text));
  Forward forward;
  const auto listen = portOf(std::string_view(text).substr(0, equals));
  const auto target = portOf(std::string_view(text).substr(port + 1));
  const auto to =
      net::Ipv4Address::parse(std::string_view(text).substr(address + 1, port - address - 1));
  if (!listen) return std::unexpected(listen.error());
  if (!target) return std::unexpected(target.error());
  if (!to) return std::unexpected(to.error());
  forward.listen = *listen;
  forward.netns = text.substr(equals + 1, address - equals - 1);
  forward.address = *to;
  forward.port = *target;
  return forward;
}

Result<void> serveForwards(const std::vector<Forward>& forwards) {
  return Forwarder(forwards).run();
}

Result<std::vector<std::uint16_t>> freePorts(std::size_t count) {
  std::vector<Fd> held;
  std::vector<std::uint16_t> ports;
  for (std::size_t i = 0; i < count; ++i) {
    auto listener = listenOn(0);
    if (!listener) return std::unexpected(listener.error());
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(listener->get(), reinterpret_cast<sockaddr*>(&address), &size);
    ports.push_back(ntohs(address.sin_port));
    held.push_back(std::move(*listener));
  }
  return ports;
}

}  // namespace hawser::lab
