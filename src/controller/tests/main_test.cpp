// The command line: what is wrong is said in one line with its flag, and nothing is made.
#include "hawser/controller/main.h"

#include <gmock/gmock.h>

#include "site.h"

namespace hawser::controller::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Outcome {
  int code;
  std::string error;
};

Outcome run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "controller");
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  ::testing::internal::CaptureStderr();
  const int code = controllerMain(static_cast<int>(argv.size()), argv.data());
  return {code, ::testing::internal::GetCapturedStderr()};
}

TEST(CommandLine, MistakesNameTheirFlag) {
  const Folder folder;
  const auto data = folder.path() + "/data";
  std::map<std::string, std::string> flags{{"--site", "one"},        {"--asn", "64512"},
                                           {"--data", data},         {"--api", "127.3.1.1:0"},
                                           {"--bgp", "127.3.1.1:0"}, {"--bgp-tls", "127.3.1.1:0"}};
  const auto with = [&](const std::string& flag, const std::string& value) {
    auto changed = flags;
    changed[flag] = value;
    std::vector<std::string> arguments;
    for (const auto& [name, text] : changed) {
      arguments.push_back(name);
      arguments.push_back(text);
    }
    return run(arguments);
  };
  for (const auto& [flag, value] :
       std::vector<std::pair<std::string, std::string>>{{"--asn", "0"},
                                                        {"--asn", "many"},
                                                        {"--site", "Not A Name"},
                                                        {"--site", std::string(41, 's')},
                                                        {"--api", "nowhere"},
                                                        {"--api", "127.0.0.1:99999"},
                                                        {"--api", "127.0.0.1:"},
                                                        {"--api", "0.0.0.0"},
                                                        {"--bgp", "[::1"},
                                                        {"--bgp-tls", "127.0.0.1:x"},
                                                        {"--bgp-tls", "[2001:db8::1]:1790"},
                                                        {"--bgp-tls", "2001:db8::1"},
                                                        {"--router-id", "0.0.0.0"},
                                                        {"--underlay-mtu", "1000"},
                                                        {"--log-level", "loud"}}) {
    const auto outcome = with(flag, value);
    EXPECT_EQ(outcome.code, 1) << flag << " " << value;
    EXPECT_THAT(outcome.error, StartsWith("hawser: " + flag + ": ")) << value;
    EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1) << outcome.error;
  }
  EXPECT_FALSE(std::filesystem::exists(data));
  const auto missing = run({"--site", "one"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.error, HasSubstr("--"));
  EXPECT_EQ(run({"--unknown"}).code, 1);
}

TEST(CommandLine, APortInUseIsSaid) {
  Site site("one", 64512, "127.3.1.1");
  const Folder folder;
  const auto outcome = run({"--site", "two", "--asn", "64513", "--data", folder.path(), "--api",
                            "127.3.1.1:" + site.url().substr(site.url().rfind(':') + 1), "--bgp",
                            "127.3.1.1:0", "--bgp-tls", "127.3.1.1:0"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.error, HasSubstr("--api: listen on 127.3.1.1"));
}

}  // namespace
}  // namespace hawser::controller::test
