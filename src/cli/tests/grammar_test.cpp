// Help, mistakes on the command line, completion, and the small pure parts.
#include <algorithm>

#include "commands.h"
#include "fixture.h"
#include "grammar/completion.h"
#include "input.h"

namespace hawser::cli {
namespace {

using model::Kind;

class CompletionTest : public CliTest {
 protected:
  std::string complete(std::vector<std::string> words) {
    words.insert(words.begin(), "__complete");
    auto out = hawser(words).out;
    std::replace(out.begin(), out.end(), '\n', ' ');
    return out;
  }
};

TEST_F(CliTest, HelpIsForNewcomers) {
  const auto help = hawser({}).out;
  for (const auto* part : {"First steps:", "apply", "routes", "trace", "lab", "context set"})
    EXPECT_NE(help.find(part), std::string::npos) << part;
  EXPECT_EQ(hawser({"help"}).out, help);
  EXPECT_EQ(hawser({"--help"}).out, help);
  for (const auto* command :
       {"apply", "get", "describe", "delete", "watch", "explain", "routes", "bgp", "trace",
        "datapath", "link", "token", "context", "completion", "status", "version"}) {
    const auto told = hawser({"help", command});
    EXPECT_NE(told.out.find("--context, --project"), std::string::npos) << command;
    EXPECT_EQ(told.status, kGood);
    EXPECT_NE(told.out.find("Examples:"), std::string::npos) << command;
    EXPECT_EQ(told.out, hawser({command, "--help"}).out);
  }
  for (const auto& [group, command] : {std::pair{"link", "propose"}, {"datapath", "drops"}}) {
    const auto told = hawser({group, command, "--help"}).out;
    EXPECT_NE(told.find("Examples:"), std::string::npos) << told;
    EXPECT_NE(told.find("--context, --project"), std::string::npos) << told;
  }
  EXPECT_NE(hawser({"status", "--help"}).out.find("how the site is"), std::string::npos);
  EXPECT_TRUE(hawser({"version"}).out.starts_with("hawser "));
  EXPECT_EQ(hawser({"--version"}).out, hawser({"version"}).out);
  EXPECT_EQ(hawser({"--version"}).status, kGood);
  EXPECT_TRUE(model::Json::parse(hawser({"version", "-o", "json"}).out).contains("version"));
}

TEST_F(CliTest, MistakesAreOneLineAndStatusOne) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"gte", "networks"}, "hawser: no command \"hawser gte\"; is it \"hawser get\"?\n"},
      {{"cntroller"}, "hawser: no command \"hawser cntroller\"; is it \"hawser controller\"?\n"},
      {{"--context", "x", "zzzzzz"},
       "hawser: no command \"hawser zzzzzz\"; see \"hawser --help\"\n"},
      {{"link", "acept"},
       "hawser: no command \"hawser link acept\"; is it \"hawser link accept\"?\n"},
      {{"--context", "x"}, "hawser: say what: see \"hawser --help\"\n"},
      {{"apply"}, "hawser: --file is required\n"},
      {{"get", "networks", "--selectr", "a=b"},
       "hawser: \"hawser get\" has no option --selectr; is it --selector?\n"},
      {{"get", "networks", "--projct=x"},
       "hawser: \"hawser get\" has no option --projct=x; is it --project?\n"},
      {{"routes", "-z"},
       "hawser: \"hawser routes\" has no option -z; see \"hawser routes --help\"\n"},
      {{"get", "ports", "--al"},
       "hawser: \"hawser get\" has no option --al; is it --all-projects?\n"},
      {{"watch", "ports", "--count", "x"},
       "hawser: --count: \"x\" is not a number from 0 to 4294967295\n"},
      {{"datapath", "connections", "--limit", "-1"},
       "hawser: --limit: \"-1\" is not a number from 1 to 100000\n"},
      {{"link", "propose", "a", "--peer", "b", "--remote-network", "c/d", "--wait", "1h"},
       "hawser: --wait: \"1h\" is not a number from 0 to 3600\n"},
      {{"docker", "--help"}, "hawser: no command \"hawser docker\"; see \"hawser --help\"\n"},
      {{"help", "docker"}, "hawser: no command \"hawser docker\"; see \"hawser --help\"\n"},
  };
  for (const auto& [arguments, expected] : cases) {
    const auto done = hawser(arguments);
    EXPECT_EQ(done.status, kBad);
    EXPECT_EQ(done.err, expected);
    EXPECT_EQ(done.out, "");
  }
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"get", "networks", "--bogus"}, {"get"}, {"version", "extra"}, {"completion", "tcsh"}}) {
    const auto done = hawser(arguments);
    EXPECT_EQ(done.status, kBad) << arguments.front();
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
  }
}

TEST_F(CompletionTest, CommandsOptionsKindsNames) {
  put("Network", "default", "app", model::Json::object());
  put("Network", "default", "api", model::Json::object());
  put("Network", "demo", "db", model::Json::object());
  EXPECT_EQ(complete({"de"}), "delete describe ");
  EXPECT_EQ(complete({"con"}), "context controller ");
  EXPECT_EQ(complete({"link", ""}), "accept list propose withdraw ");
  EXPECT_EQ(complete({"get", "netw"}), "networks ");
  EXPECT_EQ(complete({"get", "networks", "ap"}), "api app ");
  EXPECT_EQ(complete({"get", "-A", "-o", "json", "net", "app", ""}), "api app ");
  EXPECT_EQ(complete({"--project", "demo", "describe", "network", ""}), "db ");
  EXPECT_EQ(complete({"routes", ""}), "api app ");
  EXPECT_EQ(complete({"get", "networks", "-o", "y"}), "yaml ");
  EXPECT_EQ(complete({"--context", ""}), "here ");
  EXPECT_EQ(complete({"context", "use", ""}), "here ");
  EXPECT_EQ(complete({"apply", "--dr"}), "--dry-run ");
  EXPECT_EQ(complete({"get", "--proj"}), "--project ");
  EXPECT_EQ(complete({"completion", ""}), "bash fish zsh ");
  EXPECT_EQ(complete({"apply", "-f", "x"}), "");
  EXPECT_EQ(complete({"nonsense", "x", ""}).substr(0, 5), "agent");
}

TEST_F(CompletionTest, NoSiteNoNamesNoError) {
  variables["HAWSER_CONFIG"] = (folder / "none.yaml").string();
  EXPECT_EQ(complete({"get", "networks", ""}), "");
  EXPECT_EQ(complete({"get", "hos"}), "hosts ");
  write("broken.yaml", "- x");
  variables["HAWSER_CONFIG"] = (folder / "broken.yaml").string();
  const auto done = hawser({"__complete", "get", "networks", ""});
  EXPECT_EQ(done.status, kGood);
  EXPECT_EQ(done.err, "");
}

TEST(Completion, ScriptsAskTheProgram) {
  for (const auto* shell : {"bash", "zsh", "fish"})
    EXPECT_NE(completionScript(shell)->find("__complete"), std::string::npos);
  EXPECT_EQ(completionScript("tcsh").error().field, "SHELL");
}

TEST(Target, KindsAndNames) {
  EXPECT_EQ(parseTarget("net", "db", "demo")->text(), "networks/demo/db");
  EXPECT_EQ(parseTarget("networks/db", "", "demo")->text(), "networks/demo/db");
  EXPECT_EQ(parseTarget("network", "other/db", "demo")->text(), "networks/other/db");
  EXPECT_EQ(parseTarget("host", "node1", "demo")->text(), "hosts/node1");
  EXPECT_FALSE(parseTarget("host", "a/b", "demo"));
  EXPECT_FALSE(parseTarget("net/db", "db", "demo"));
  EXPECT_FALSE(parseTarget("banana", "db", "demo"));
}

TEST(Duration, UnitsAndLimits) {
  EXPECT_EQ(parseDuration("90", "f").value(), 90U);
  EXPECT_EQ(parseDuration("30m", "f").value(), 1800U);
  EXPECT_EQ(parseDuration("7d", "f").value(), 604800U);
  EXPECT_EQ(parseDuration("3651d", "f").error().field, "f");
  EXPECT_FALSE(parseDuration("", "f"));
  EXPECT_FALSE(parseDuration("18446744073709551616s", "f"));
}

}  // namespace
}  // namespace hawser::cli
