// The books of a server's connections: who holds how many, and how many bytes of bodies wait in
// memory. They keep room for hosts and people when a stranger, or one tenant, opens all it can.
// Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "hawser/net/address.h"

namespace hawser::api {

struct ConnectionLimits {
  std::size_t all = 1024;
  std::size_t perAddress = 256;
  // Of those who have not shown who they are (yet).
  std::size_t strangers = 512;
  std::size_t strangersPerAddress = 128;
  // Bytes: of one body, and of all bodies that are being read or handled.
  std::size_t body = 8U << 20U, bodies = 128U << 20U;
  std::size_t strangersBody = 64U << 10U, strangersBodies = 16U << 20U;
};

class Connections {
 public:
  using Id = std::uint64_t;
  explicit Connections(ConnectionLimits limits = {}) : limits_(limits) {}

  // A connection begins as a stranger's. Where strangers fill a limit, the oldest of the address
  // that has most of them makes room: its `shut` is called, and it is out of the books. nullopt:
  // there is no room.
  [[nodiscard]] std::optional<Id> open(const net::IpAddress& from, std::function<void()> shut);
  // The end, with what it had reserved. Of one that is out of the books: nothing.
  void close(Id id);
  // What the last request showed.
  void setKnown(Id id, bool known);

  [[nodiscard]] std::size_t bodyLimit(Id id) const;
  // Room for a body of so many bytes, until release(). False: there is none now.
  [[nodiscard]] bool reserve(Id id, std::size_t bytes);
  void release(Id id);

  [[nodiscard]] std::size_t count() const { return entries_.size(); }
  [[nodiscard]] std::size_t strangers() const { return strangers_; }

 private:
  struct Entry {
    net::IpAddress from;
    std::function<void()> shut;
    bool known = false;
    std::size_t reserved = 0;
    bool reservedAsStranger = false;
  };
  struct Counts {
    std::size_t all = 0, strangers = 0;
  };
  void evictAt(const net::IpAddress& address);
  void evictAnywhere();

  ConnectionLimits limits_;
  std::map<Id, Entry> entries_;  // oldest first
  std::map<net::IpAddress, Counts> counts_;
  std::size_t strangers_ = 0, reserved_ = 0, reservedByStrangers_ = 0;
  Id last_ = 0;
};

}  // namespace hawser::api
