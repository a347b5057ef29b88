// Filters on devices beside those of others, and what is done when the kernel does not answer.
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "../../netlink/tests/fake_kernel.h"
#include "bench.h"

namespace hawser::datapath {
namespace {

using namespace test;  // NOLINT: the vocabulary of these tests
using netlink::test::FakeKernel;

class Attach : public Bench {
 protected:
  // Somebody else's, on the same qdisc as ours.
  void addForeignFilter() const {
    net_.sh("tc filter add dev v1 egress prio 1 protocol ip u32 match u32 0 0 flowid 1:1");
  }
  [[nodiscard]] bool foreignFilterIsThere() const {
    return net_.tryShell("tc filter show dev v1 egress | grep -q u32") == 0;
  }
  [[nodiscard]] bool ours() const {
    return net_.in([this] { return attachedIngress(indexOf("v1")).value().has_value(); });
  }
  Result<void> detach(netlink::Socket& netlink) const {
    return net_.in([&] { return detachIngress(netlink, findDevice("v1")->index); });
  }
  Result<void> detach() const {
    return net_.in([&] { return detachIngress(findDevice("v1")->index); });
  }
  static void sayFilter(const FakeKernel& kernel, std::uint32_t sequence) {
    kernel.say(FakeKernel::message(RTM_NEWTFILTER, FakeKernel::Bytes(sizeof(tcmsg)), sequence));
    kernel.say(FakeKernel::end(NLMSG_DONE, 0, sequence));
  }
  [[nodiscard]] bool hasQdisc() const {
    return net_.tryShell("tc qdisc show dev v1 | grep -q clsact") == 0;
  }
};

TEST_F(Attach, TheQdiscGoesWithTheLastFilter) {
  ASSERT_TRUE(detach());
  EXPECT_FALSE(hasQdisc());
  EXPECT_FALSE(ours());
  EXPECT_TRUE(detach()) << "nothing to do";
}

TEST_F(Attach, FiltersOfOthersStay) {
  addForeignFilter();
  ASSERT_TRUE(detach());
  EXPECT_TRUE(foreignFilterIsThere());
  EXPECT_FALSE(ours());
}

// What the kernel does not tell may be somebody's: the qdisc stays.
TEST_F(Attach, AQuestionWithoutAnswerKeepsTheQdisc) {
  addForeignFilter();
  FakeKernel kernel;
  sayFilter(kernel, 1);
  kernel.say(FakeKernel::end(NLMSG_ERROR, ENOMEM, 2));
  const auto detached = detach(kernel.socket());
  ASSERT_FALSE(detached);
  EXPECT_NE(detached.error().message.find("Cannot allocate memory"), std::string::npos);
  EXPECT_TRUE(foreignFilterIsThere());
  EXPECT_FALSE(ours()) << "ours went first";
}

TEST_F(Attach, AFilterThatCannotBeLookedForStays) {
  FakeKernel kernel;
  kernel.say(FakeKernel::end(NLMSG_ERROR, ENOBUFS));
  EXPECT_FALSE(detach(kernel.socket()));
  kernel.hangUp();
  EXPECT_FALSE(detach(kernel.socket()));
  EXPECT_TRUE(ours());
}

TEST_F(Attach, TheFarEndOfAVethIsTold) {
  const Netns other;
  net_.sh("ip link add x0 type veth peer name x1 netns " + other.path());
  net_.in([] {
    EXPECT_TRUE(findDevice("x0")->peerElsewhere);
    EXPECT_FALSE(findDevice("v1")->peerElsewhere) << "both ends are here";
    EXPECT_FALSE(findDevice("lo")->peerElsewhere);
    EXPECT_EQ(findDevice("none").error().code, ErrorCode::kNotFound);
  });
}

}  // namespace
}  // namespace hawser::datapath
