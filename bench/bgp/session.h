// The load's side of a BGP session, and the routes that it plays: written for the benchmark, from
// the RFCs, without our codec. Plain blocking errors: a benchmark that cannot run says why and
// ends.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bench {

using Bytes = std::vector<std::uint8_t>;

[[noreturn]] void die(const std::string& why);

// The routes: index -> RD, prefix, label and attribute set, all computed, so that a sink can check
// whatever comes back. `perUpdate` routes that follow one another share an attribute set.
struct Plan {
  std::uint32_t routes = 100000;
  std::uint32_t perUpdate = 20;
  std::uint32_t perVrf = 1000;
  // The plan of tenants: every VRF holds the same prefixes, and each route has a label of its own
  // (a workload's). Otherwise prefixes differ and a VRF has one label, as classic PEs have it.
  bool tenants = false;
  static constexpr std::uint32_t kExtra = 256;  // single routes beside the table, for latency
  [[nodiscard]] std::uint32_t total() const { return routes + kExtra; }
  [[nodiscard]] std::uint32_t vrf(std::uint32_t index) const;
  [[nodiscard]] std::uint32_t address(std::uint32_t index) const;
  [[nodiscard]] std::uint32_t label(std::uint32_t index) const {
    return 16 + (tenants ? index : vrf(index));
  }
  [[nodiscard]] std::uint32_t med(std::uint32_t index) const { return index / perUpdate + 1; }
  // The index of (vrf, address), or total() if there is none.
  [[nodiscard]] std::uint32_t find(std::uint32_t vrfNumber, std::uint32_t prefix) const;
};
inline constexpr std::uint32_t kNextHop = 0x0afe0001;  // 10.254.0.1

// UPDATEs for the routes [first, last): announcements packed as the plan says, or withdrawals.
void appendAnnouncements(Bytes& out, const Plan& plan, std::uint32_t first, std::uint32_t last);
void appendWithdrawals(Bytes& out, const Plan& plan, std::uint32_t first, std::uint32_t last);

// What a sink has seen: one bit a route, checked against the plan.
class Tally {
 public:
  explicit Tally(const Plan& plan) : plan_(plan), seen_(plan.total(), false) {}
  // The body of an UPDATE. Ends the program when a route is not one of the plan's, or has lost its
  // label, next hop, MED or route target.
  void update(std::span<const std::uint8_t> body);
  [[nodiscard]] std::uint32_t held() const { return held_; }
  [[nodiscard]] bool has(std::uint32_t index) const { return seen_[index]; }
  [[nodiscard]] std::uint64_t updates() const { return updates_; }

 private:
  struct Attributes;
  void reach(std::span<const std::uint8_t> value, const Attributes& attributes);
  void unreach(std::span<const std::uint8_t> value);
  void mark(std::uint32_t index, bool present);
  Plan plan_;
  std::vector<bool> seen_;
  std::uint32_t held_ = 0;
  std::uint64_t updates_ = 0;
};

// One connection, non-blocking after the handshake.
class Session {
 public:
  // Connects from `local` to `daemon` port 179 and brings the session up, or ends the program.
  Session(const std::string& local, const std::string& daemon, std::uint32_t asn);
  Session(Session&& other) noexcept;
  Session& operator=(Session&&) = delete;
  ~Session();
  [[nodiscard]] int fd() const { return fd_; }
  // Reads what is there; UPDATEs go to the tally (null: they are ignored).
  void receive(Tally* tally);
  // Writes as much of `bytes` from `offset` as goes; the new offset.
  std::size_t write(const Bytes& bytes, std::size_t offset);
  void keepalive();
  [[nodiscard]] std::uint64_t bytesIn() const { return bytesIn_; }

 private:
  void handshake(std::uint32_t asn, const std::string& local);
  // Takes whole messages out of the buffer.
  void messages(Tally* tally);
  int fd_ = -1;
  Bytes buffer_;
  std::uint64_t bytesIn_ = 0;
  bool opened_ = false, up_ = false;
};

}  // namespace bench
