// One workload's noise does not silence what is told, or answered, to others.
#include <sched.h>

#include <map>

#include "bench.h"

namespace hawser::datapath {
namespace {

using namespace test;  // NOLINT: the vocabulary of these tests

// Budgets are counted by CPU: the test stays on one.
class Noise : public Bench {
 protected:
  void SetUp() override {
    Bench::SetUp();
    ASSERT_EQ(sched_getaffinity(0, sizeof(before_), &before_), 0);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  }
  void TearDown() override {
    (void)sched_setaffinity(0, sizeof(before_), &before_);
    Bench::TearDown();
  }
  // `count` times the same packet from port 1; how many were answered.
  int flood(const Spec& spec, int count) {
    return net_.in([&] {
      const auto packet = frame(spec);
      const auto index = findDevice("v1")->index;
      const int fd = bpf_prog_get_fd_by_id(attachedIngress(index)->value_or(0));
      int answered = 0;
      for (int i = 0; i < count; ++i)
        if (runProgram(fd, packet, index).verdict == kRedirect) ++answered;
      close(fd);
      return answered;
    });
  }
  std::map<PortId, int> told() {
    std::map<PortId, int> out;
    plane_->drainEvents([&](const DropEvent& event) { ++out[event.port]; });
    return out;
  }
  static Spec ofPortTwo() {
    return {.source = "10.0.0.12", .destination = "203.0.113.5", .sourceMac = "02:00:00:00:00:02"};
  }

 private:
  cpu_set_t before_{};
};

TEST_F(Noise, EventsOfOthersAreStillTold) {
  RuleSet deny;
  deny.defaultEgress = Action::kDeny;
  ASSERT_TRUE(plane_->setRules(PortId(1), deny));
  route("10.0.0.0/24", {via(2000)});
  EXPECT_EQ(flood({}, 500), 0);
  EXPECT_EQ(dropped("policy"), 500U);
  (void)run("v2", frame(ofPortTwo()));
  auto events = told();
  EXPECT_EQ(events[PortId(2)], 1);
  EXPECT_GE(events[PortId(1)], 100);
  EXPECT_LT(events[PortId(1)], 500) << "the noise itself is limited";
}

TEST_F(Noise, OthersAreStillAnswered) {
  const int answered = flood({.destination = "203.0.113.5"}, 6000);
  EXPECT_GE(answered, 1000);
  EXPECT_LT(answered, 6000) << "the noise itself is limited";
  const auto out = run("v2", frame(ofPortTwo()));
  EXPECT_EQ(out.verdict, kRedirect);
  EXPECT_EQ(parse(out.frame).icmpType, 3);
}

TEST_F(Noise, CountersOfPacketsStayWhatTheyAre) {
  const int answered = flood({.destination = "203.0.113.5"}, 3);
  EXPECT_EQ(answered, 3);
  for (const auto& one : plane_->portCounters()) {
    if (one.port != PortId(1)) continue;
    EXPECT_EQ(one.packetsOut, 3U);
    EXPECT_EQ(one.packetsIn, 0U);
  }
}

}  // namespace
}  // namespace hawser::datapath
