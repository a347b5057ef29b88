#include "machine/forward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine/machine.h"

namespace hawser::lab {
namespace {

using std::chrono::milliseconds;

TEST(ParseForward, ReadsWhatThePlanWrites) {
  const auto forward = parseForward("4000=lab-ctl:10.1.0.10:8443");
  ASSERT_TRUE(forward) << forward.error().text();
  EXPECT_EQ(forward->listen, 4000);
  EXPECT_EQ(forward->netns, "lab-ctl");
  EXPECT_EQ(forward->address.text(), "10.1.0.10");
  EXPECT_EQ(forward->port, 8443);
  for (const char* wrong : {"", "x", "4000=a", "4000=a:10.0.0.1", "0=a:10.0.0.1:1", "1=a:10.0.0:1",
                            "1=a:10.0.0.1:70000", "a=b:10.0.0.1:1", ":1"})
    EXPECT_FALSE(parseForward(wrong)) << wrong;
}

TEST(FreePorts, AreDifferent) {
  const auto ports = freePorts(3);
  ASSERT_TRUE(ports);
  EXPECT_NE((*ports)[0], (*ports)[1]);
  EXPECT_NE((*ports)[1], (*ports)[2]);
}

// A server in a namespace, reached from outside of it; big answers come whole, half-closed
// connections too.
TEST(Forwards, LeadIntoANamespace) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto netns = "f" + std::to_string(::getpid());
  ASSERT_TRUE(addNetns(netns));
  const auto server = launch({{"python3", "-c",
                               "import socket\n"
                               "s = socket.create_server(('127.0.0.1', 7000))\n"
                               "while True:\n"
                               "  c, _ = s.accept()\n"
                               "  n = 0\n"
                               "  while True:\n"
                               "    d = c.recv(65536)\n"
                               "    if not d: break\n"
                               "    n += len(d)\n"
                               "  c.sendall(b'%d ' % n + b'y' * 1000000)\n"
                               "  c.close()\n"},
                              {},
                              netns,
                              "/dev/null"});
  ASSERT_TRUE(server);
  const auto port = freePorts(1)->front();
  const pid_t child = ::fork();
  if (child == 0) {
    const auto served = serveForwards({{"x", port, netns, net::Ipv4Address(0x7f000001), 7000}});
    ::_exit(served ? 0 : 1);
  }
  const std::string client =
      "import socket, sys\n"
      "c = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)\n"
      "c.sendall(b'x' * 500000)\n"
      "c.shutdown(socket.SHUT_WR)\n"
      "d = b''\n"
      "while True:\n"
      "  p = c.recv(65536)\n"
      "  if not p: break\n"
      "  d += p\n"
      "assert d == b'500000 ' + b'y' * 1000000, len(d)\n";
  EXPECT_TRUE(waitUntil(
      [&] {
        const auto done = run({"python3", "-c", client, std::to_string(port)});
        return done && done->status == 0;
      },
      milliseconds(10000)));
  ::kill(child, SIGTERM);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  endProcess(*server, milliseconds(0));
  removeNetns(netns);
}

}  // namespace
}  // namespace hawser::lab
