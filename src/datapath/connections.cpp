#include "connections.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <ctime>

#include "bpf_map.h"
#include "convert.h"
#include "hawser/base/log.h"

namespace hawser::datapath {
namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint32_t kBatch = 1024;
constexpr std::uint32_t kSweepBatches = 64;  // the whole default table in 4 s

std::uint64_t nowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}
std::chrono::seconds idleOf(const hw_conn& conn, std::uint64_t now) {
  return std::chrono::seconds(now > conn.last_seen ? (now - conn.last_seen) / 1'000'000'000U : 0);
}

// One batch after `cursor`, which moves on; false at the end of the table. After an error it is at
// the beginning.
Result<bool> nextBatch(int map, std::optional<std::uint32_t>& cursor,
                       std::vector<hw_conn_key>& keys, std::vector<hw_conn>& values) {
  int error = ENOSPC;
  // A hash bucket has to fit whole (ENOSPC otherwise).
  for (std::uint32_t room = kBatch; room <= kBatch * 64 && error == ENOSPC; room *= 4) {
    keys.resize(room);
    values.resize(room);
    std::uint32_t count = room;
    std::uint32_t next = 0;
    const int done = bpf_map_lookup_batch(map, cursor ? &*cursor : nullptr, &next, keys.data(),
                                          values.data(), &count, nullptr);
    error = done < 0 ? errno : 0;
    if (error != 0 && error != ENOENT) continue;
    keys.resize(count);
    values.resize(count);
    cursor = error == 0 ? std::optional(next) : std::nullopt;
    return error == 0;
  }
  keys.clear();
  values.clear();
  cursor.reset();
  return failErrno("read the map conns", error);
}

template <class Visit>
Result<void> forEachConnection(int map, Visit visit) {
  std::optional<std::uint32_t> cursor;
  std::vector<hw_conn_key> keys;
  std::vector<hw_conn> values;
  for (;;) {
    const auto more = nextBatch(map, cursor, keys, values);
    if (!more) return std::unexpected(more.error());
    for (std::size_t i = 0; i < keys.size(); ++i) visit(keys[i], values[i]);
    if (!*more) return {};
  }
}

Connection toConnection(const hw_conn_key& key, const hw_conn& conn) {
  Connection out;
  out.port = PortId(key.port);
  out.protocol = key.protocol;
  out.inbound = (conn.flags & HW_CONN_INBOUND) != 0;
  out.local = fromAddr(key.local);
  out.remote = fromAddr(key.remote);
  out.localPort = ntohs(key.local_port_be);
  out.remotePort = ntohs(key.remote_port_be);
  if ((conn.flags & HW_CONN_TRANSLATED) != 0) {
    out.translated = fromAddr(conn.outside);
    out.translatedPort = ntohs(conn.outside_port_be);
  }
  out.state = stateName(conn.flags);
  out.ruleId = conn.rule_id;
  out.packetsIn = conn.packets_in;
  out.packetsOut = conn.packets_out;
  out.bytesIn = conn.bytes_in;
  out.bytesOut = conn.bytes_out;
  return out;
}

}  // namespace

std::chrono::seconds idleLimit(std::uint8_t protocol, std::uint8_t flags, bool pressed) {
  if (pressed && (protocol != kTcp || stateName(flags) != "established"))
    return std::chrono::seconds(10);
  using std::chrono::seconds;
  const bool replied = (flags & HW_CONN_REPLIED) != 0;
  if (protocol == kTcp) {
    const unsigned fins = flags & (HW_CONN_FIN_IN | HW_CONN_FIN_OUT);
    if ((flags & HW_CONN_RESET) != 0 || fins == (HW_CONN_FIN_IN | HW_CONN_FIN_OUT))
      return seconds(10);
    if (fins != 0) return seconds(240);
    return replied ? seconds(7440) : seconds(60);
  }
  if (protocol == kUdp) return replied ? seconds(300) : seconds(60);
  return replied ? seconds(60) : seconds(30);
}

std::string stateName(std::uint8_t flags) {
  if ((flags & (HW_CONN_FIN_IN | HW_CONN_FIN_OUT | HW_CONN_RESET)) != 0) return "closing";
  return (flags & HW_CONN_REPLIED) != 0 ? "established" : "new";
}

Connections::Connections(const Programs& programs, std::uint32_t limitPerPort)
    : conns_(programs.map("conns")),
      outside_(programs.map("outside")),
      loads_(programs, limitPerPort) {}

Result<ConnectionList> Connections::view(std::optional<PortId> port, std::size_t limit,
                                         const NextHopById& nextHop) const {
  ConnectionList out;
  const auto now = nowNs();
  const auto read = forEachConnection(conns_, [&](const hw_conn_key& key, const hw_conn& conn) {
    if (port && key.port != port->value()) return;
    if (++out.total > limit) return;
    auto& one = out.connections.emplace_back(toConnection(key, conn));
    one.nextHop = nextHop(conn.next_hop);
    one.idle = idleOf(conn, now);
  });
  if (!read) return std::unexpected(read.error());
  return out;
}

void Connections::erase(const hw_conn_key& key, const hw_conn& conn) {
  if ((conn.flags & HW_CONN_TRANSLATED) != 0) {
    auto other = key;
    other.local = conn.outside;
    other.local_port_be = conn.outside_port_be;
    (void)bpf_map_delete_elem(outside_, &other);
  }
  (void)bpf_map_delete_elem(conns_, &key);
}

Result<std::size_t> Connections::sweep() {
  std::size_t gone = 0;
  std::vector<hw_conn_key> keys;
  std::vector<hw_conn> values;
  const auto now = nowNs();
  Result<bool> more = true;
  for (std::uint32_t batch = 0; batch < kSweepBatches && more && *more; ++batch) {
    if (!cursor_) loads_.startPass();
    more = nextBatch(conns_, cursor_, keys, values);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const bool pressed = loads_.pressed(keys[i].port);
      if (idleOf(values[i], now) < idleLimit(keys[i].protocol, values[i].flags, pressed)) {
        loads_.seen(keys[i], values[i]);
        continue;
      }
      erase(keys[i], values[i]);
      loads_.erased(keys[i], values[i]);
      ++gone;
    }
  }
  if (more && !*more) loads_.endPass();
  loads_.flush(now);
  if (!more) return std::unexpected(more.error());
  return gone;
}

void Connections::forget(PortId port) {
  std::vector<std::pair<hw_conn_key, hw_conn>> gone;
  const auto read = forEachConnection(conns_, [&](const hw_conn_key& key, const hw_conn& conn) {
    if (key.port == port.value()) gone.emplace_back(key, conn);
  });
  if (!read)
    log::error("datapath", "connections of port {} are left to age: {}", port.value(),
               read.error().text());
  for (const auto& [key, conn] : gone) erase(key, conn);
  loads_.remove(port);
}

}  // namespace hawser::datapath
