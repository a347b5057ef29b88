// One port's connections do not push out those of others.
#include <limits>

#include "abi/abi.h"
#include "bench.h"
#include "bpf_map.h"

namespace hawser::datapath {
namespace {

using namespace test;  // NOLINT: the vocabulary of these tests

constexpr int kLimit = 512;  // an eighth of the bench's table

class PortLimit : public Bench {
 protected:
  void SetUp() override {
    Bench::SetUp();
    route("10.0.0.0/24", {via(2000)});
    (void)plane_->sweep();
  }
  // `count` connections that port 1 opens; how many got through.
  int open(int count, int first = 0) {
    return net_.in([&] {
      const auto index = findDevice("v1")->index;
      const int fd = bpf_prog_get_fd_by_id(attachedIngress(index)->value_or(0));
      int passed = 0;
      for (int i = first; i < first + count; ++i) {
        Spec spec{.destination = "10.0.0.99",
                  .sport = static_cast<std::uint16_t>(i),
                  .dport = static_cast<std::uint16_t>(i >> 16)};
        if (runProgram(fd, frame(spec), index).verdict == kRedirect) ++passed;
      }
      close(fd);
      return passed;
    });
  }
  [[nodiscard]] int pinned(const std::string& map) const {
    return bpf_obj_get(
        (config_.pinDirectory + "/v" + std::to_string(HW_ABI_VERSION) + "/" + map).c_str());
  }
  // Those of port 1 were used `seconds` ago; with `flags` too.
  void age(int seconds, std::uint8_t flags = 0) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int map = pinned("conns");
    forEachEntry<hw_conn_key, hw_conn>(map, [&](const hw_conn_key& key, hw_conn conn) {
      if (key.port != 1) return;
      conn.last_seen = static_cast<std::uint64_t>(now.tv_sec - seconds) * 1'000'000'000U;
      conn.flags |= flags;
      ASSERT_EQ(bpf_map_update_elem(map, &key, &conn, BPF_EXIST), 0);
    });
    close(map);
  }
  // As the table does it when it has no room.
  void evict(std::size_t count) {
    const int map = pinned("conns");
    forEachEntry<hw_conn_key, hw_conn>(map, [&](const hw_conn_key& key, const hw_conn&) {
      if (key.port == 1 && count > 0 && bpf_map_delete_elem(map, &key) == 0) --count;
    });
    close(map);
  }
};

TEST_F(PortLimit, AFloodLeavesTheConnectionsOfOthers) {
  // Port 2 serves 10.254.98.15:8000; a client in the other host is connected, and idle.
  ASSERT_TRUE(plane_->setTranslations(
      PortId(2), {{VrfId(7), ip("10.254.98.15"), kTcp, 8000, ip("10.0.0.12"), 8080}}));
  const Spec request{.source = "10.0.0.50",
                     .destination = "10.254.98.15",
                     .protocol = kTcp,
                     .sport = 5555,
                     .dport = 8000};
  ASSERT_EQ(receive(request, {.label = 1002}).verdict, kRedirect);
  ASSERT_TRUE(plane_->setTranslations(PortId(2), {}));  // only the connection knows it now
  EXPECT_EQ(open(9000), kLimit);
  EXPECT_EQ(dropped("port_limit"), 9000U - kLimit);
  auto more = request;
  more.flags = kAck;
  const auto in = parse(receive(more, {.label = 1002}).frame);
  EXPECT_EQ(in.destination, "10.0.0.12");
  EXPECT_EQ(in.dport, 8080);
  EXPECT_EQ(connections(PortId(2)).size(), 1U);
  EXPECT_EQ(plane_->evicted(), 0U);
}

TEST_F(PortLimit, ConnectionsOfAFullPortGoOn) {
  ASSERT_EQ(open(kLimit), kLimit);
  plane_->drainEvents([](const DropEvent&) {});
  EXPECT_EQ(open(1, kLimit), 0);
  std::vector<DropEvent> events;
  plane_->drainEvents([&](const DropEvent& event) { events.push_back(event); });
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].reason, "port_limit");
  EXPECT_EQ(events[0].port, PortId(1));
  EXPECT_EQ(open(kLimit), kLimit) << "those that exist";
  EXPECT_EQ(run("v2", frame({.source = "10.0.0.12",
                             .destination = "10.0.0.99",
                             .sourceMac = "02:00:00:00:00:02"}))
                .verdict,
            kRedirect)
      << "another port";
  EXPECT_EQ(receive({.source = "10.0.0.99", .destination = "10.0.0.11", .dport = 9}).verdict, kShot)
      << "towards the port too";
}

TEST_F(PortLimit, WhatAgesOutMakesRoom) {
  ASSERT_EQ(open(kLimit), kLimit);
  EXPECT_EQ(plane_->sweep(), 0U);
  EXPECT_EQ(open(1, kLimit), 0) << "none was old";
  age(61);
  EXPECT_EQ(plane_->sweep(), static_cast<std::size_t>(kLimit));
  EXPECT_EQ(open(2 * kLimit, kLimit), kLimit);
  EXPECT_EQ(plane_->evicted(), 0U);
}

// Half full: what would live for minutes otherwise goes after ten seconds.
TEST_F(PortLimit, UnderPressureConnectionsAgeFaster) {
  ASSERT_EQ(open(kLimit / 2), kLimit / 2);
  age(11, HW_CONN_REPLIED);
  EXPECT_EQ(plane_->sweep(), 0U);
  ASSERT_EQ(open(1, kLimit), 1);
  EXPECT_EQ(plane_->sweep(), static_cast<std::size_t>(kLimit / 2));
}

TEST_F(PortLimit, EvictedOnesMakeRoomAndAreCounted) {
  ASSERT_EQ(open(kLimit), kLimit);
  (void)plane_->sweep();
  evict(100);
  EXPECT_EQ(plane_->sweep(), 0U);
  EXPECT_EQ(plane_->evicted(), 100U);
  EXPECT_EQ(open(200, kLimit), 100);
  (void)plane_->sweep();
  EXPECT_EQ(plane_->evicted(), 100U);
}

TEST_F(PortLimit, AnotherConnectionOfTheSamePortsCountsOnce) {
  Spec syn{.protocol = kTcp, .payload = {}};
  for (int i = 0; i < 2 * kLimit; ++i) {
    syn.flags = kSyn;
    ASSERT_EQ(send(syn).verdict, kRedirect);
    syn.flags = kRst;
    ASSERT_EQ(send(syn).verdict, kRedirect);
  }
  EXPECT_EQ(open(kLimit), kLimit - 1);
}

TEST_F(PortLimit, HoldsAfterARestart) {
  ASSERT_EQ(open(kLimit), kLimit);
  reopen();
  (void)plane_->sweep();
  EXPECT_EQ(open(100, kLimit), 0);
  EXPECT_EQ(open(kLimit), kLimit);
  EXPECT_EQ(plane_->evicted(), 0U);
}

TEST_F(PortLimit, LapsesWhenNobodySweeps) {
  ASSERT_EQ(open(kLimit), kLimit);
  const int map = pinned("upkeep");
  const std::uint32_t zero = 0;
  const std::uint64_t past = 1;
  ASSERT_EQ(bpf_map_update_elem(map, &zero, &past, BPF_ANY), 0);
  close(map);
  EXPECT_EQ(open(100, kLimit), 100);
  (void)plane_->sweep();
  EXPECT_EQ(open(100, kLimit + 100), 0) << "and holds again";
}

// The counts run on for ever, modulo 2^32.
TEST_F(PortLimit, CountsWrapRound) {
  plane_.reset();
  const std::uint32_t one = 1;
  const std::uint32_t near = std::numeric_limits<std::uint32_t>::max() - 10;
  const int map = pinned("port_opened");
  ASSERT_EQ(bpf_map_update_elem(map, &one, &near, BPF_EXIST), 0);
  close(map);
  reopen();
  (void)plane_->sweep();
  EXPECT_EQ(open(2 * kLimit), kLimit);
  (void)plane_->sweep();
  EXPECT_EQ(open(2 * kLimit), kLimit);
  EXPECT_EQ(plane_->evicted(), 0U);
  age(61);
  (void)plane_->sweep();
  EXPECT_EQ(open(2 * kLimit), kLimit);
}

TEST_F(PortLimit, APortThatComesBackStartsAfresh) {
  ASSERT_EQ(open(kLimit), kLimit);
  net_.in([this] { plane_->removePort(PortId(1)); });
  ASSERT_TRUE(plug(1));
  EXPECT_EQ(open(kLimit + 1), kLimit);
}

TEST_F(PortLimit, IsConfigured) {
  config_.maxConnectionsPerPort = 10;
  reopen();
  (void)plane_->sweep();
  EXPECT_EQ(open(20), 10);
}

}  // namespace
}  // namespace hawser::datapath
