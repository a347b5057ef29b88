#include "session.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace bench {

namespace {

constexpr std::uint8_t kOpen = 1, kUpdate = 2, kNotification = 3, kKeepalive = 4;
constexpr std::uint32_t kBase = 0x0a000000;       // 10.0.0.0: the table
constexpr std::uint32_t kExtraBase = 0xac100000;  // 172.16.0.0: the single routes
constexpr std::uint32_t kExtraVrf = 60000;
constexpr std::uint16_t kTargetAs = 64512;

void put(Bytes& out, std::uint64_t value, int size) {
  for (int i = size - 1; i >= 0; --i)
    out.push_back(static_cast<std::uint8_t>(value >> static_cast<unsigned>(8 * i)));
}

std::uint32_t get(std::span<const std::uint8_t> bytes, std::size_t at, std::size_t size) {
  if (at + size > bytes.size()) die("a message is cut short");
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = (value << 8U) | bytes[at + i];
  return value;
}

std::size_t beginMessage(Bytes& out, std::uint8_t type) {
  const auto start = out.size();
  out.insert(out.end(), 16, 0xff);
  put(out, 0, 2);
  out.push_back(type);
  return start;
}

void patch(Bytes& out, std::size_t at, std::size_t value) {
  out[at] = static_cast<std::uint8_t>(value >> 8U);
  out[at + 1] = static_cast<std::uint8_t>(value);
}

// /32 with one label: 120 bits.
void putNlri(Bytes& out, const Plan& plan, std::uint32_t index) {
  out.push_back(120);
  put(out, (plan.label(index) << 4U) | 1U, 3);
  put(out, 0, 2);  // RD type 0
  put(out, kTargetAs, 2);
  put(out, plan.vrf(index), 4);
  put(out, plan.address(index), 4);
}

void putAttributes(Bytes& out, std::uint32_t med, std::uint32_t vrf) {
  out.insert(out.end(), {0x40, 1, 1, 0});      // ORIGIN IGP
  out.insert(out.end(), {0x40, 2, 14, 2, 3});  // AS_PATH, three ASes
  for (const std::uint32_t asn : {65001U, 65002U, 65003U}) put(out, asn, 4);
  out.insert(out.end(), {0x80, 4, 4});  // MED: tells the attribute sets apart
  put(out, med, 4);
  out.insert(out.end(), {0x40, 5, 4, 0, 0, 0, 100});  // LOCAL_PREF
  out.insert(out.end(), {0xc0, 8, 8});                // communities
  put(out, 0xfde80001, 4);
  put(out, 0xfde80002, 4);
  out.insert(out.end(), {0xc0, 16, 16, 0, 2});  // route target, MPLSoUDP
  put(out, kTargetAs, 2);
  put(out, vrf, 4);
  out.insert(out.end(), {3, 0x0c, 0, 0, 0, 0, 0, 13});
}

}  // namespace

void die(const std::string& why) {
  std::fprintf(stderr, "bench_bgp_load: %s\n", why.c_str());
  std::exit(1);
}

std::uint32_t Plan::vrf(std::uint32_t index) const {
  return index >= routes ? kExtraVrf : index / perVrf + 1;
}
std::uint32_t Plan::address(std::uint32_t index) const {
  if (index >= routes) return kExtraBase + (index - routes);
  return kBase + (tenants ? index % perVrf : index);
}
std::uint32_t Plan::find(std::uint32_t vrfNumber, std::uint32_t prefix) const {
  std::uint32_t index = total();
  if (vrfNumber == kExtraVrf) {
    index = routes + (prefix - kExtraBase);
  } else {
    index = tenants ? (vrfNumber - 1) * perVrf + (prefix - kBase) : prefix - kBase;
  }
  if (index >= total() || vrf(index) != vrfNumber || address(index) != prefix) return total();
  return index;
}

void appendAnnouncements(Bytes& out, const Plan& plan, std::uint32_t first, std::uint32_t last) {
  for (auto index = first; index < last;) {
    const auto med = plan.med(index);
    const auto vrf = plan.vrf(index);
    const auto start = beginMessage(out, kUpdate);
    put(out, 0, 2);  // no withdrawn routes
    put(out, 0, 2);
    const auto attributes = out.size();
    putAttributes(out, med, vrf);
    out.insert(out.end(), {0x90, 14, 0, 0});  // MP_REACH_NLRI, extended length
    const auto reach = out.size();
    out.insert(out.end(), {0, 1, 128, 12, 0, 0, 0, 0, 0, 0, 0, 0});
    put(out, kNextHop, 4);
    out.push_back(0);
    for (; index < last && plan.med(index) == med && plan.vrf(index) == vrf; ++index)
      putNlri(out, plan, index);
    patch(out, reach - 2, out.size() - reach);
    patch(out, attributes - 2, out.size() - attributes);
    patch(out, start + 16, out.size() - start);
  }
}

void appendWithdrawals(Bytes& out, const Plan& plan, std::uint32_t first, std::uint32_t last) {
  constexpr std::uint32_t kAtOnce = 200;
  for (auto index = first; index < last;) {
    const auto start = beginMessage(out, kUpdate);
    put(out, 0, 2);
    put(out, 0, 2);
    const auto attributes = out.size();
    out.insert(out.end(), {0x90, 15, 0, 0});
    const auto unreach = out.size();
    out.insert(out.end(), {0, 1, 128});
    for (std::uint32_t i = 0; i < kAtOnce && index < last; ++i, ++index) putNlri(out, plan, index);
    patch(out, unreach - 2, out.size() - unreach);
    patch(out, attributes - 2, out.size() - attributes);
    patch(out, start + 16, out.size() - start);
  }
}

// ---- what comes back ----

struct Tally::Attributes {
  std::uint32_t med = 0;
  bool hasMed = false;
  std::uint32_t target = 0;  // number of the route target, 0: none
};

void Tally::mark(std::uint32_t index, bool present) {
  if (seen_[index] == present) return;
  seen_[index] = present;
  held_ += present ? 1U : ~0U;
}

void Tally::update(std::span<const std::uint8_t> body) {
  ++updates_;
  std::size_t at = 2 + get(body, 0, 2);
  const auto end = at + 2 + get(body, at, 2);
  at += 2;
  Attributes attributes;
  std::span<const std::uint8_t> announced, withdrawn;
  while (at < end) {
    const auto flags = get(body, at, 1), type = get(body, at + 1, 1);
    const std::size_t lengthSize = (flags & 0x10U) != 0 ? 2 : 1;
    const auto length = get(body, at + 2, lengthSize);
    at += 2 + lengthSize;
    if (at + length > body.size()) die("an attribute is cut short");
    const auto value = body.subspan(at, length);
    at += length;
    if (type == 4) {
      attributes.med = get(value, 0, 4);
      attributes.hasMed = true;
    } else if (type == 16) {
      for (std::size_t i = 0; i + 8 <= value.size(); i += 8)
        if (value[i] == 0 && value[i + 1] == 2) attributes.target = get(value, i + 4, 4);
    } else if (type == 14) {
      announced = value;
    } else if (type == 15) {
      withdrawn = value;
    }
  }
  if (!withdrawn.empty()) unreach(withdrawn);
  if (!announced.empty()) reach(announced, attributes);
}

void Tally::reach(std::span<const std::uint8_t> value, const Attributes& attributes) {
  if (get(value, 0, 3) != 0x000180) return;
  const auto hopSize = get(value, 3, 1);
  if (hopSize != 12 || get(value, 12, 4) != kNextHop) die("a route has lost its next hop");
  for (std::size_t at = 4 + hopSize + 1; at < value.size(); at += 16) {
    const auto index = plan_.find(get(value, at + 8, 4), get(value, at + 12, 4));
    if (get(value, at, 1) != 120 || index == plan_.total()) die("a route that nobody announced");
    if (get(value, at + 1, 3) >> 4U != plan_.label(index)) die("a route has lost its label");
    if (!attributes.hasMed || attributes.med != plan_.med(index)) die("a route has lost its MED");
    if (attributes.target != plan_.vrf(index)) die("a route has lost its route target");
    mark(index, true);
  }
}

void Tally::unreach(std::span<const std::uint8_t> value) {
  if (get(value, 0, 3) != 0x000180) return;
  for (std::size_t at = 3; at < value.size(); at += 16) {
    const auto index = plan_.find(get(value, at + 8, 4), get(value, at + 12, 4));
    if (get(value, at, 1) != 120 || index == plan_.total()) die("a withdrawal of an unknown route");
    mark(index, false);
  }
}

// ---- sessions ----

Session::Session(const std::string& local, const std::string& daemon, std::uint32_t asn) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in from{}, to{};
  from.sin_family = to.sin_family = AF_INET;
  ::inet_pton(AF_INET, local.c_str(), &from.sin_addr);
  ::inet_pton(AF_INET, daemon.c_str(), &to.sin_addr);
  to.sin_port = htons(179);
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0) die("bind to " + local);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    die("connect to " + daemon + ": " + std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  handshake(asn, local);
}

Session::Session(Session&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)),
      bytesIn_(other.bytesIn_),
      opened_(other.opened_),
      up_(other.up_) {}

Session::~Session() {
  if (fd_ >= 0) ::close(fd_);
}

void Session::handshake(std::uint32_t asn, const std::string& local) {
  Bytes open;
  const auto start = beginMessage(open, kOpen);
  open.push_back(4);
  put(open, asn, 2);
  put(open, 240, 2);  // hold time
  in_addr id{};
  ::inet_pton(AF_INET, local.c_str(), &id);
  put(open, ntohl(id.s_addr), 4);
  open.insert(open.end(), {16, 2, 14, 1, 4, 0, 1, 0, 128, 2, 0, 65, 4});  // VPNv4, refresh, AS4
  put(open, asn, 4);
  patch(open, start + 16, open.size() - start);
  if (write(open, 0) != open.size()) die("OPEN was not sent");
  keepalive();
  while (!up_) {
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, 20000) <= 0) die("no session with " + local + " within 20 s");
    receive(nullptr);
  }
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
}

void Session::receive(Tally* tally) {
  std::array<std::uint8_t, 262144> chunk;
  const auto size = ::recv(fd_, chunk.data(), chunk.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) die("the daemon closed a session");
  bytesIn_ += static_cast<std::uint64_t>(size);
  buffer_.insert(buffer_.end(), chunk.begin(), chunk.begin() + size);
  messages(tally);
}

void Session::messages(Tally* tally) {
  std::size_t used = 0;
  while (buffer_.size() - used >= 19) {
    const auto rest = std::span<const std::uint8_t>(buffer_).subspan(used);
    const auto length = get(rest, 16, 2);
    if (length < 19) die("a message of less than 19 bytes");
    if (rest.size() < length) break;
    const auto type = rest[18];
    if (type == kNotification)
      die("NOTIFICATION " + std::to_string(get(rest, 19, 1)) + "/" +
          std::to_string(get(rest, 20, 1)));
    opened_ = opened_ || type == kOpen;
    up_ = up_ || (opened_ && type == kKeepalive);
    if (type == kUpdate && tally != nullptr) tally->update(rest.subspan(19, length - 19));
    used += length;
  }
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used));
}

std::size_t Session::write(const Bytes& bytes, std::size_t offset) {
  const auto size = ::send(fd_, bytes.data() + offset, bytes.size() - offset, MSG_NOSIGNAL);
  if (size < 0 && errno != EAGAIN && errno != EINTR)
    die("write: " + std::string(std::strerror(errno)));
  return offset + static_cast<std::size_t>(std::max<std::ptrdiff_t>(size, 0));
}

void Session::keepalive() {
  Bytes message;
  const auto start = beginMessage(message, kKeepalive);
  patch(message, start + 16, message.size() - start);
  (void)write(message, 0);
}

}  // namespace bench
