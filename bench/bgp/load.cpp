// bench_bgp_load DAEMON LOCAL SINKS ROUTES PID [tenants]
//
// Plays one route injector and SINKS receivers against the route reflector at DAEMON (AS 64512; its
// clients are the receivers; process PID). The sessions come from the address LOCAL and those after
// it. Every receiver ticks off each route and checks it, so a figure is only printed for a complete
// and correct delivery. One line of JSON on stdout:
//   wall, cpu            seconds from the first byte sent until the last receiver has all
//   single               median milliseconds from one new route's write to the last receiver
//   withdrawWall, withdrawCpu    the same for the withdrawal of everything
//   received, updates    bytes and UPDATEs at all receivers; memory: bytes a route above idle at
//   the peak
#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>

#include "session.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kLimit{240}, kProbeLimit{30};

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// CPU seconds of all threads of a process (nanosecond counts of the scheduler).
double cpuOf(const std::string& pid) {
  const std::string tasks = "/proc/" + pid + "/task";
  DIR* folder = ::opendir(tasks.c_str());
  if (folder == nullptr) die("process " + pid + " is gone");
  std::uint64_t sum = 0;
  while (const auto* entry = ::readdir(folder)) {
    std::uint64_t one = 0;
    if (std::ifstream(tasks + "/" + entry->d_name + "/schedstat") >> one) sum += one;
  }
  ::closedir(folder);
  return static_cast<double>(sum) / 1e9;
}

std::uint64_t memoryOf(const std::string& pid, const char* field) {
  std::ifstream status("/proc/" + pid + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field)) return std::stoull(line.substr(std::strlen(field) + 1)) * 1024;
  return 0;
}

std::string addressAfter(const std::string& first, std::uint32_t offset) {
  in_addr address{};
  if (::inet_pton(AF_INET, first.c_str(), &address) != 1) die("not an address: " + first);
  address.s_addr = htonl(ntohl(address.s_addr) + offset);
  std::string text(INET_ADDRSTRLEN, '\0');
  return ::inet_ntop(AF_INET, &address, text.data(), INET_ADDRSTRLEN);
}

class Load {
 public:
  Load(const Plan& plan, const std::string& daemon, const std::string& local, std::uint32_t sinks,
       std::string pid)
      : plan_(plan), pid_(std::move(pid)), injector_(local, daemon, 64512) {
    for (std::uint32_t i = 0; i < sinks; ++i) {
      sinks_.emplace_back(addressAfter(local, i + 1), daemon, 64512);
      tallies_.emplace_back(plan);
    }
  }

  // Sends the bytes and turns the crank until the condition holds for every receiver.
  void play(const Bytes& bytes, const std::function<bool(const Tally&)>& done, const char* what,
            std::chrono::seconds limit = kLimit) {
    const auto deadline = Clock::now() + limit;
    std::size_t sent = 0;
    while (sent < bytes.size() || !std::all_of(tallies_.begin(), tallies_.end(), done)) {
      if (Clock::now() > deadline) die(std::string("not done in time: ") + what + held());
      turn(bytes, sent);
    }
  }

  [[nodiscard]] double cpu() const { return cpuOf(pid_); }
  [[nodiscard]] std::uint64_t bytesIn() const {
    std::uint64_t sum = 0;
    for (const auto& sink : sinks_) sum += sink.bytesIn();
    return sum;
  }
  [[nodiscard]] std::uint64_t updates() const {
    std::uint64_t sum = 0;
    for (const auto& tally : tallies_) sum += tally.updates();
    return sum;
  }

 private:
  void turn(const Bytes& bytes, std::size_t& sent) {
    std::vector<pollfd> waiting;
    const auto events = static_cast<short>(sent < bytes.size() ? POLLIN | POLLOUT : POLLIN);
    waiting.push_back({injector_.fd(), events, 0});
    for (const auto& sink : sinks_) waiting.push_back({sink.fd(), POLLIN, 0});
    ::poll(waiting.data(), waiting.size(), 1000);
    if ((waiting[0].revents & POLLIN) != 0) injector_.receive(nullptr);
    if ((waiting[0].revents & POLLOUT) != 0) sent = injector_.write(bytes, sent);
    for (std::size_t i = 0; i < sinks_.size(); ++i)
      if (waiting[i + 1].revents != 0) sinks_[i].receive(&tallies_[i]);
    if (since(lastKeepalive_) < 20) return;
    lastKeepalive_ = Clock::now();
    // In the middle of an UPDATE that is half written a KEEPALIVE would be garbage.
    if (sent == bytes.size()) injector_.keepalive();
    for (auto& sink : sinks_) sink.keepalive();
  }

  [[nodiscard]] std::string held() const {
    std::string text;
    for (const auto& tally : tallies_) text += " " + std::to_string(tally.held());
    return "; held:" + text;
  }

  Plan plan_;
  std::string pid_;
  Session injector_;
  std::vector<Session> sinks_;
  std::vector<Tally> tallies_;
  Clock::time_point lastKeepalive_ = Clock::now();
};

// Milliseconds until a new single route is at every receiver: the median of 101.
double singleRoute(Load& load, const Plan& plan) {
  std::vector<double> times;
  for (std::uint32_t i = 1; i <= 101; ++i) {
    const auto index = plan.routes + i;
    Bytes bytes;
    appendAnnouncements(bytes, plan, index, index + 1);
    const auto start = Clock::now();
    load.play(bytes, [&](const Tally& tally) { return tally.has(index); }, "a single route");
    times.push_back(since(start) * 1000);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

void run(const Plan& plan, Load& load, const std::string& pid) {
  // One route there and away again: the way is open, start-up timers are over.
  Bytes probe, unprobe, table, withdrawals;
  appendAnnouncements(probe, plan, plan.routes, plan.routes + 1);
  appendWithdrawals(unprobe, plan, plan.routes, plan.routes + 1);
  appendAnnouncements(table, plan, 0, plan.routes);
  appendWithdrawals(withdrawals, plan, 0, plan.total());
  const auto has = [&](std::uint32_t count) {
    return [count](const Tally& tally) { return tally.held() == count; };
  };
  load.play(probe, has(1), "the probe", kProbeLimit);
  load.play(unprobe, has(0), "the probe's end", kProbeLimit);
  const auto idle = memoryOf(pid, "VmRSS:");
  const auto bytes = load.bytesIn(), updates = load.updates();

  auto cpu = load.cpu();
  auto start = Clock::now();
  load.play(table, has(plan.routes), "the table");
  const auto wall = since(start), cpuUsed = load.cpu() - cpu;
  const auto peak = memoryOf(pid, "VmHWM:");
  const auto gotBytes = static_cast<double>(load.bytesIn() - bytes);
  const auto gotUpdates = static_cast<double>(load.updates() - updates);
  const auto single = singleRoute(load, plan);
  cpu = load.cpu();
  start = Clock::now();
  load.play(withdrawals, has(0), "the withdrawal");
  const auto withdrawWall = since(start), withdrawCpu = load.cpu() - cpu;

  const double routes = plan.routes;
  std::printf(
      "{\"wall\": %.4f, \"cpu\": %.4f, \"single\": %.4f, \"withdrawWall\": %.4f, \"withdrawCpu\": "
      "%.4f, "
      "\"received\": %.0f, \"updates\": %.0f, \"memory\": %.0f}\n",
      wall, cpuUsed, single, withdrawWall, withdrawCpu, gotBytes, gotUpdates,
      (static_cast<double>(peak) - static_cast<double>(idle)) / routes);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  if (argc < 6) bench::die("usage: bench_bgp_load DAEMON LOCAL SINKS ROUTES PID [tenants]");
  bench::Plan plan;
  const auto sinks = static_cast<std::uint32_t>(std::stoul(argv[3]));
  plan.routes = static_cast<std::uint32_t>(std::stoul(argv[4]));
  plan.tenants = argc > 6 && std::string(argv[6]) == "tenants";
  if (sinks == 0 || plan.routes == 0 || plan.routes > 900000)
    bench::die("sinks and routes: 1 or more");
  bench::Load load(plan, argv[1], argv[2], sinks, argv[5]);
  bench::run(plan, load, argv[5]);
  return 0;
}
