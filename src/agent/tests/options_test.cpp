// The command line of the agent: what is missing is told at once, and the help is enough to start.
#include "options.h"

#include <gtest/gtest.h>

namespace hawser::agent {
namespace {

Result<std::optional<Options>> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "agent");
  return parseOptions(static_cast<int>(words.size()), words.data());
}

TEST(Options, AllThatIsMissingIsNamedAtOnce) {
  EXPECT_EQ(parse({}).error().text(),
            "--host, --controller, --underlay-device: are needed; \"hawser agent --help\" has an "
            "example");
  EXPECT_EQ(parse({"--host", "n", "--underlay-device", "eth0"}).error().text(),
            "--controller: is needed");
  EXPECT_EQ(parse({"--teardown"}).error().text(), "--underlay-device: is needed");
  EXPECT_TRUE(parse({"--teardown", "--underlay-device", "eth0"}));
  EXPECT_FALSE(parse({"--host", "n", "--underlay-device", "eth0", "--controller", "http://x"}));
}

TEST(Options, DefaultsAndLists) {
  const auto options = parse({"--host", "n", "--underlay-device", "eth0", "--controller",
                              "https://a:8443/", "--controller", "https://b:8443"});
  ASSERT_TRUE(options) << options.error().text();
  EXPECT_EQ((*options)->controllers,
            (std::vector<std::string>{"https://a:8443", "https://b:8443"}));
  EXPECT_EQ((*options)->stateDir, "/var/lib/hawser/agent");
}

TEST(Options, TheHelpIsEnoughToStart) {
  ::testing::internal::CaptureStdout();
  const auto help = parse({"--help"});
  const auto text = ::testing::internal::GetCapturedStdout();
  ASSERT_TRUE(help);
  EXPECT_FALSE(*help);
  for (const auto* part : {"REQUIRED", "/var/lib/hawser/agent", "/sys/fs/bpf/hawser",
                           "--join-token join.token", "info", "hawser token issue"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

}  // namespace
}  // namespace hawser::agent
