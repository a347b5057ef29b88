// A TCP stream between two namespaces, in threads of its own, that checks every byte.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "netns.h"

namespace hawser::datapath::test {

inline sockaddr_in socketAddress(const std::string& address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  HAWSER_CHECK(inet_pton(AF_INET, address.c_str(), &out.sin_addr) == 1, address);
  return out;
}
inline int listenIn(const Netns& net, std::uint16_t port) {
  return net.in([&] {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    const auto address = socketAddress("0.0.0.0", port);
    HAWSER_CHECK(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0,
                 "bind");
    HAWSER_CHECK(listen(fd, 64) == 0, "listen");
    return fd;
  });
}
// A connected socket, or -errno.
inline int connectFrom(const Netns& net, const std::string& to, std::uint16_t port) {
  return net.in([&] {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{5, 0};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    const auto address = socketAddress(to, port);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
    const int error = errno;
    close(fd);
    return -error;
  });
}

class Stream {
 public:
  // Connects; `ok()` tells whether that worked. The receiver listens on `port`; `to` may be
  // another address that leads there.
  Stream(const Netns& sender, const Netns& receiver, const std::string& to, std::uint16_t port,
         std::uint16_t listenPort = 0) {
    const int listener = listenIn(receiver, listenPort != 0 ? listenPort : port);
    out_ = connectFrom(sender, to, port);
    pollfd ready{listener, POLLIN, 0};
    if (out_ >= 0 && poll(&ready, 1, 5000) == 1) in_ = accept(listener, nullptr, nullptr);
    close(listener);
    if (!ok()) return;
    writer_ = std::thread([this] { write(); });
    reader_ = std::thread([this] { read(); });
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { (void)finish(); }

  [[nodiscard]] bool ok() const { return out_ >= 0 && in_ >= 0; }
  [[nodiscard]] std::uint64_t received() const { return received_; }
  // Until the receiver has `bytes` more; false when the stream breaks (5 seconds without data).
  [[nodiscard]] bool waitFor(std::uint64_t bytes) const {
    const auto goal = received_ + bytes;
    for (auto seen = received_.load(); seen < goal && !broken_; seen = received_)
      received_.wait(seen);
    return !broken_;
  }
  // Ends the stream; whether every byte that was sent arrived, in order.
  bool finish() {
    stop_ = true;
    if (writer_.joinable()) writer_.join();
    if (reader_.joinable()) reader_.join();
    for (auto* fd : {&out_, &in_}) {
      if (*fd >= 0) close(*fd);
      *fd = -1;
    }
    return !broken_ && sent_ == received_ && sent_ > 0;
  }

 private:
  void write() {
    std::vector<unsigned char> chunk(65536);
    while (!stop_) {
      for (std::size_t i = 0; i < chunk.size(); ++i)
        chunk[i] = static_cast<unsigned char>((sent_ + i) % 251);
      const auto done = ::send(out_, chunk.data(), chunk.size(), MSG_NOSIGNAL);
      if (done <= 0) {
        broken_ = true;
        break;
      }
      sent_ += static_cast<std::uint64_t>(done);
    }
    shutdown(out_, SHUT_WR);
  }
  void read() {
    std::vector<unsigned char> chunk(262144);
    const timeval limit{5, 0};
    setsockopt(in_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    for (;;) {
      const auto done = recv(in_, chunk.data(), chunk.size(), 0);
      if (done < 0) {
        broken_ = true;
        ++received_;  // wakes waitFor()
      }
      for (std::size_t i = 0; done > 0 && i < static_cast<std::size_t>(done); ++i)
        if (chunk[i] != (received_ + i) % 251) broken_ = true;
      if (done > 0) received_ += static_cast<std::uint64_t>(done);
      received_.notify_all();
      if (done <= 0) return;
    }
  }

  int out_ = -1, in_ = -1;
  std::atomic<std::uint64_t> sent_ = 0, received_ = 0;
  std::atomic<bool> stop_ = false, broken_ = false;
  std::thread writer_, reader_;
};

// UDP requests one after the other, each answered before the next goes out: one packet lost is one
// request lost.
class Echo {
 public:
  Echo(const Netns& client, const Netns& server, const std::string& to, std::uint16_t port)
      : client_(socketIn(client)), server_(socketIn(server)) {
    const auto here = socketAddress("0.0.0.0", port);
    HAWSER_CHECK(bind(server_, reinterpret_cast<const sockaddr*>(&here), sizeof(here)) == 0,
                 "bind");
    const auto there = socketAddress(to, port);
    HAWSER_CHECK(connect(client_, reinterpret_cast<const sockaddr*>(&there), sizeof(there)) == 0,
                 "connect");
    answering_ = std::thread([this] { answer(); });
    asking_ = std::thread([this] { ask(); });
  }
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;
  ~Echo() {
    stop_ = true;
    asking_.join();
    answering_.join();
    close(client_);
    close(server_);
  }
  // Until `count` more requests were answered or lost; false when any was lost.
  [[nodiscard]] bool waitFor(std::uint64_t count) const {
    const auto goal = done_ + count;
    for (auto seen = done_.load(); seen < goal; seen = done_) done_.wait(seen);
    return lost_ == 0;
  }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  static int socketIn(const Netns& net) {
    return net.in([] {
      const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      const timeval limit{1, 0};
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
      return fd;
    });
  }
  void ask() {
    for (std::uint64_t number = 1; !stop_; ++number, ++done_, done_.notify_all()) {
      std::uint64_t answered = 0;
      const bool sent = ::send(client_, &number, sizeof(number), 0) == sizeof(number);
      if (!sent || recv(client_, &answered, sizeof(answered), 0) != sizeof(answered) ||
          answered != number)
        ++lost_;
    }
  }
  void answer() {
    while (!stop_) {
      std::uint64_t number = 0;
      sockaddr_in from{};
      socklen_t length = sizeof(from);
      const auto size = recvfrom(server_, &number, sizeof(number), 0,
                                 reinterpret_cast<sockaddr*>(&from), &length);
      if (size == sizeof(number))
        (void)sendto(server_, &number, sizeof(number), 0, reinterpret_cast<const sockaddr*>(&from),
                     length);
    }
  }

  int client_, server_;
  std::atomic<std::uint64_t> done_ = 0, lost_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread answering_, asking_;
};

}  // namespace hawser::datapath::test
