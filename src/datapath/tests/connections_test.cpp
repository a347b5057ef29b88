// Ageing when the table cannot be read: no error is taken for its end.
#include "connections.h"

#include <fcntl.h>

#include "bench.h"
#include "port_table.h"
#include "route_table.h"

namespace hawser::datapath {
namespace {

using namespace test;  // NOLINT: the vocabulary of these tests

constexpr std::uint32_t kLimit = 100;

class ConnectionTable : public Bench {
 protected:
  void SetUp() override {
    Bench::SetUp();
    config_.pinDirectory = bpffs() + "/connections";
    auto loaded = net_.in([this] { return Programs::load(config_); });
    ASSERT_TRUE(loaded) << loaded.error().text();
    programs_.emplace(std::move(*loaded));
    table_.emplace(*programs_, kLimit);
    ports_.emplace(*programs_);
    routes_.emplace(*programs_, 0);
    ASSERT_TRUE(table_->expect(PortId(1)));
    ASSERT_TRUE(net_.in([this] { return ports_->set(portOf(1)); }));
    ASSERT_TRUE(ports_->setRules(PortId(1), allowAll()));
    ASSERT_TRUE(routes_->set({VrfId(7), prefix("10.0.0.0/24"), {via(2000)}, {}}));
  }
  void TearDown() override {
    net_.in([this] { Datapath::teardown(config_); });
    config_.pinDirectory = bpffs() + "/bench";
    Bench::TearDown();
  }
  void open(int count) {
    net_.in([&] {
      const auto index = findDevice("v1")->index;
      for (int i = 0; i < count; ++i) {
        const auto packet = frame({.sport = static_cast<std::uint16_t>(i)});
        EXPECT_EQ(runProgram(programs_->fromPort(), packet, index).verdict, kRedirect);
      }
    });
  }
  // From now on a read of the map is refused (EINVAL): its descriptor leads elsewhere.
  void breakTable() {
    const Fd other(::open("/dev/null", O_RDWR | O_CLOEXEC));
    ASSERT_GE(dup3(other.get(), programs_->map("conns"), O_CLOEXEC), 0);
  }
  [[nodiscard]] std::uint32_t allowed() const {
    const std::uint32_t port = 1;
    std::uint32_t out = 0;
    EXPECT_EQ(bpf_map_lookup_elem(programs_->map("port_allowed"), &port, &out), 0);
    return out;
  }
  static std::optional<NextHop> noNextHop(std::uint32_t) { return std::nullopt; }

  std::optional<Programs> programs_;
  std::optional<Connections> table_;
  std::optional<PortTable> ports_;
  std::optional<RouteTable> routes_;
};

TEST_F(ConnectionTable, ATableThatCannotBeReadIsNoEmptyOne) {
  open(10);
  ASSERT_EQ(table_->sweep(), 0U);
  EXPECT_EQ(table_->view(std::nullopt, 100, noNextHop)->total, 10U);
  const auto before = allowed();
  breakTable();
  const auto swept = table_->sweep();
  ASSERT_FALSE(swept);
  EXPECT_EQ(swept.error().message, "read the map conns: Invalid argument");
  EXPECT_FALSE(table_->view(std::nullopt, 100, noNextHop));
  EXPECT_EQ(allowed(), before) << "a pass that saw nothing gives nobody more room";
  EXPECT_EQ(table_->evicted(), 0U);
}

TEST_F(ConnectionTable, AtMostAsManyAsAskedForAreShown) {
  open(10);
  const auto some = table_->view(PortId(1), 3, noNextHop);
  ASSERT_TRUE(some);
  EXPECT_EQ(some->connections.size(), 3U);
  EXPECT_EQ(some->total, 10U);
  EXPECT_EQ(table_->view(PortId(2), 3, noNextHop)->total, 0U);
}

}  // namespace
}  // namespace hawser::datapath
