// What is said of answers that a kernel rarely gives. Devices, addresses and routes of a real one:
// src/agent/tests/attach_test.cpp and src/datapath/tests.
#include "hawser/netlink/netlink.h"

#include <gtest/gtest.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "fake_kernel.h"

namespace hawser::netlink::test {
namespace {

constexpr std::uint32_t kParent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);

class NetlinkTest : public testing::Test {
 protected:
  using Kernel = FakeKernel;
  Result<bool> ask() { return kernel.socket().hasFilters(7, kParent); }
  void sayFilter(std::uint32_t sequence = 1) const {
    kernel.say(
        Kernel::message(RTM_NEWTFILTER, Kernel::Bytes(sizeof(tcmsg)), sequence, NLM_F_MULTI));
  }
  Kernel kernel;
};

TEST_F(NetlinkTest, ADumpIsWhatCameBeforeItsEnd) {
  kernel.say(Kernel::end(NLMSG_DONE, 0));
  EXPECT_EQ(ask(), false);
  sayFilter(2);
  kernel.say(Kernel::end(NLMSG_DONE, 0, 2));
  EXPECT_EQ(ask(), true);
}

TEST_F(NetlinkTest, ARefusalIsNoEmptyAnswer) {
  kernel.say(Kernel::end(NLMSG_ERROR, ENOMEM));
  const auto answer = ask();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "list filters of device 7: Cannot allocate memory");
}

TEST_F(NetlinkTest, ADumpThatFailsHalfWayIsAnError) {
  sayFilter();
  kernel.say(Kernel::end(NLMSG_DONE, ENOBUFS));
  EXPECT_FALSE(ask());
}

TEST_F(NetlinkTest, CodesTellWhatIsMissingOrThere) {
  kernel.say(Kernel::end(NLMSG_ERROR, ENODEV));
  const auto link = kernel.socket().link("x");
  ASSERT_TRUE(link) << link.error().text();
  EXPECT_FALSE(*link);
  kernel.say(Kernel::end(NLMSG_ERROR, EEXIST, 2));
  EXPECT_EQ(kernel.socket().addVeth({"x", "y"}).error().code, ErrorCode::kExists);
}

TEST_F(NetlinkTest, NoAnswerIsAnError) {
  kernel.say({});
  EXPECT_FALSE(ask());
  sayFilter(2);
  kernel.hangUp();
  EXPECT_FALSE(ask()) << "what has come is not all";
}

TEST_F(NetlinkTest, WhatIsCutShortIsAnError) {
  auto filter = Kernel::message(RTM_NEWTFILTER, Kernel::Bytes(sizeof(tcmsg)));
  filter.pop_back();
  kernel.say(filter);
  EXPECT_FALSE(ask());
  kernel.say(Kernel::Bytes(NLMSG_HDRLEN - 1));
  EXPECT_FALSE(ask());
  kernel.say(Kernel::message(RTM_NEWTFILTER, Kernel::Bytes(70000), 3));
  EXPECT_FALSE(ask()) << "more than there is room for";
}

TEST_F(NetlinkTest, TheRestOfAnExchangeThatFailedIsPassedOver) {
  kernel.say(Kernel::end(NLMSG_ERROR, ENOMEM));
  EXPECT_FALSE(ask());
  sayFilter(1);
  kernel.say(Kernel::end(NLMSG_DONE, 0, 1));
  kernel.say(Kernel::end(NLMSG_DONE, 0, 2));
  EXPECT_EQ(ask(), false);
}

TEST_F(NetlinkTest, ASignalDoesNotEndIt) {
  static std::atomic<int> interrupted;
  interrupted = 0;
  struct sigaction count{};
  count.sa_handler = [](int) { ++interrupted; };  // no SA_RESTART
  struct sigaction before{};
  ASSERT_EQ(::sigaction(SIGUSR1, &count, &before), 0);
  const auto asking = ::pthread_self();
  std::thread other([&] {
    for (int i = 0; i < 50; ++i) {
      const int already = interrupted;
      ::pthread_kill(asking, SIGUSR1);
      while (interrupted == already) std::this_thread::yield();
    }
    kernel.say(Kernel::end(NLMSG_DONE, 0));
  });
  EXPECT_EQ(ask(), false);
  other.join();
  EXPECT_EQ(::sigaction(SIGUSR1, &before, nullptr), 0);
}

}  // namespace
}  // namespace hawser::netlink::test
