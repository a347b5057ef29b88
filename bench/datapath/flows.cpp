// bench_flows server PORT | bulk ADDRESS PORT SECONDS | connects ADDRESS PORT SECONDS
//                         | pings ADDRESS PORT COUNT
//
// TCP traffic between two workloads. The client prints one number: bulk: bytes a second, taken from
// what the server says it got; connects: connections a second, each with a byte there and back;
// pings: median microseconds for a byte there and back on one connection.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "bench_flows: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}
double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}
sockaddr_in endpoint(const char* address, const char* port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(static_cast<std::uint16_t>(std::strtoul(port, nullptr, 10)));
  if (::inet_pton(AF_INET, address, &made.sin_addr) != 1) die(address);
  return made;
}

int connectTo(const sockaddr_in& to) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  const timeval limit{10, 0};
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) die("connect");
  return fd;
}

// 'b': takes all and answers how much it was; 'p': gives each byte back.
void serve(int fd) {
  std::vector<char> buffer(1 << 18);
  char kind = 0;
  if (::recv(fd, &kind, 1, 0) != 1) return;
  std::uint64_t sum = 0;
  for (;;) {
    const auto size = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (size <= 0) break;
    sum += static_cast<std::uint64_t>(size);
    if (kind == 'p' && ::send(fd, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) < 0)
      return;
  }
  if (kind == 'b') (void)::send(fd, &sum, sizeof sum, MSG_NOSIGNAL);
}

[[noreturn]] void server(const char* port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto at = endpoint("0.0.0.0", port);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) die("bind");
  if (::listen(listener, 1024) != 0) die("listen");
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    const int fd = ::accept(listener, nullptr, nullptr);
    if (fd < 0) die("accept");
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    serve(fd);
    ::close(fd);
  }
}

double bulk(const sockaddr_in& to, double seconds) {
  const int fd = connectTo(to);
  const std::vector<char> block(1 << 18, 'x');
  if (::send(fd, "b", 1, MSG_NOSIGNAL) != 1) die("send");
  std::uint64_t sent = 0, got = 0;
  const auto start = Clock::now();
  while (since(start) < seconds) {
    const auto size = ::send(fd, block.data(), block.size(), MSG_NOSIGNAL);
    if (size < 0) die("send");
    sent += static_cast<std::uint64_t>(size);
  }
  ::shutdown(fd, SHUT_WR);
  if (::recv(fd, &got, sizeof got, MSG_WAITALL) != sizeof got) die("the server's count");
  const auto took = since(start);
  if (got != sent) die("bytes were lost");
  ::close(fd);
  return static_cast<double>(got) / took;
}

void roundTrip(int fd) {
  char byte = 'x';
  if (::send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || ::recv(fd, &byte, 1, 0) != 1) die("round trip");
}

double connects(const sockaddr_in& to, double seconds) {
  std::uint64_t count = 0;
  const linger reset{1, 0};  // no TIME_WAIT: the ports would run out
  const auto start = Clock::now();
  while (since(start) < seconds) {
    const int fd = connectTo(to);
    if (::send(fd, "p", 1, MSG_NOSIGNAL) != 1) die("send");
    roundTrip(fd);
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    ::close(fd);
    ++count;
  }
  return static_cast<double>(count) / since(start);
}

double pings(const sockaddr_in& to, std::size_t count) {
  const int fd = connectTo(to);
  if (::send(fd, "p", 1, MSG_NOSIGNAL) != 1) die("send");
  std::vector<double> times;
  for (std::size_t i = 0; i < count; ++i) {
    const auto start = Clock::now();
    roundTrip(fd);
    times.push_back(since(start) * 1e6);
  }
  ::close(fd);
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "server" && argc == 3) server(argv[2]);
  if (argc != 5) die("usage: see the head of flows.cpp");
  const auto to = endpoint(argv[2], argv[3]);
  const double amount = std::strtod(argv[4], nullptr);
  if (what == "bulk") {
    std::printf("%.1f\n", bulk(to, amount));
  } else if (what == "connects") {
    std::printf("%.1f\n", connects(to, amount));
  } else if (what == "pings") {
    std::printf("%.3f\n", pings(to, static_cast<std::size_t>(amount)));
  } else {
    die("usage: see the head of flows.cpp");
  }
  return 0;
}
