#include "input.h"

#include <gtest/gtest.h>

#include <map>

namespace hawser::cni {
namespace {

using Variables = std::map<std::string, std::string>;

Variables podAdd() {
  return {{"CNI_COMMAND", "ADD"},
          {"CNI_CONTAINERID", "c0ffee"},
          {"CNI_NETNS", "/run/netns/x"},
          {"CNI_IFNAME", "eth0"},
          {"CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-1;OTHER=2"}};
}

Outcome<Environment> parse(const Variables& variables) {
  return parseEnvironment([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  });
}

TEST(CniEnvironment, WhatAKubeletGives) {
  const auto environment = parse(podAdd());
  ASSERT_TRUE(environment) << environment.error().message;
  EXPECT_EQ(environment->command, Command::kAdd);
  EXPECT_EQ(environment->containerId, "c0ffee");
  EXPECT_EQ(environment->netns, "/run/netns/x");
  EXPECT_EQ(environment->ifname, "eth0");
  EXPECT_EQ(environment->podSpace, "default");
  EXPECT_EQ(environment->podName, "web-1");
}

TEST(CniEnvironment, WithoutKubernetesAPortIsNamed) {
  auto variables = podAdd();
  variables["CNI_ARGS"] = "HAWSER_PORT=shop/web";
  ASSERT_TRUE(parse(variables));
  EXPECT_EQ(parse(variables)->port, "shop/web");
  for (const auto* bad : {"HAWSER_PORT=web", "HAWSER_PORT=/web", "HAWSER_PORT=shop/"}) {
    variables["CNI_ARGS"] = bad;
    ASSERT_FALSE(parse(variables)) << bad;
  }
}

TEST(CniEnvironment, NamesWhatIsMissing) {
  for (const auto* name : {"CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"}) {
    auto variables = podAdd();
    variables.erase(name);
    const auto environment = parse(variables);
    ASSERT_FALSE(environment) << name;
    EXPECT_EQ(environment.error().code, Code::kInvalidEnvironment);
    EXPECT_NE(environment.error().message.find(name), std::string::npos)
        << environment.error().message;
  }
}

TEST(CniEnvironment, RefusesWhatCannotBe) {
  for (const auto& [name, value] : Variables{{"CNI_COMMAND", "add"},
                                             {"CNI_CONTAINERID", "-x"},
                                             {"CNI_IFNAME", "sixteen-letters-"},
                                             {"CNI_ARGS", "K8S_POD_NAMESPACE=default"}}) {
    auto variables = podAdd();
    variables[name] = value;
    EXPECT_FALSE(parse(variables)) << name << "=" << value;
  }
  for (const auto* bad : {"..", "a/b", "a b", "a:b"}) {
    auto variables = podAdd();
    variables["CNI_IFNAME"] = bad;
    EXPECT_FALSE(parse(variables)) << bad;
  }
  auto variables = podAdd();
  variables["CNI_CONTAINERID"] = "a/../b";
  EXPECT_FALSE(parse(variables));
  variables = podAdd();
  variables["CNI_ARGS"] += ";rubbish";
  EXPECT_FALSE(parse(variables));
}

TEST(CniEnvironment, EachCommandNeedsItsOwn) {
  EXPECT_TRUE(parse({{"CNI_COMMAND", "GC"}}));
  EXPECT_TRUE(parse({{"CNI_COMMAND", "STATUS"}}));
  EXPECT_TRUE(parse({{"CNI_COMMAND", "VERSION"}}));
  EXPECT_FALSE(parse({{"CNI_COMMAND", "DEL"}}));
  // The namespace may be gone by then, and so may the pod's name.
  EXPECT_TRUE(parse({{"CNI_COMMAND", "DEL"}, {"CNI_CONTAINERID", "a"}, {"CNI_IFNAME", "eth0"}}));
  auto check = podAdd();
  check["CNI_COMMAND"] = "CHECK";
  check.erase("CNI_ARGS");
  EXPECT_TRUE(parse(check));
  check.erase("CNI_NETNS");
  EXPECT_FALSE(parse(check));
}

std::string config(const std::string& more = {}, const std::string& version = "1.1.0") {
  return R"({"cniVersion":")" + version + R"(","name":"hawser","type":"hawser-cni")" +
         (more.empty() ? "" : "," + more) + "}";
}

Code codeOf(const std::string& text, Command command = Command::kAdd) {
  const auto parsed = parseConfig(text, command);
  return parsed ? Code{} : parsed.error().code;
}
std::string messageOf(const std::string& text, Command command = Command::kAdd) {
  const auto parsed = parseConfig(text, command);
  return parsed ? "" : parsed.error().message;
}

TEST(CniConfig, DefaultsAndSettings) {
  const auto plain = parseConfig(config(), Command::kAdd);
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->name, "hawser");
  EXPECT_EQ(plain->agentSocket, "/run/hawser/agent.sock");
  EXPECT_EQ(plain->wait, std::chrono::seconds(10));
  const auto set = parseConfig(
      config(R"("agentSocket":"/x/y.sock","waitMs":250,"dns":{"nameservers":["10.0.0.1"]})"),
      Command::kAdd);
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->agentSocket, "/x/y.sock");
  EXPECT_EQ(set->wait, std::chrono::milliseconds(250));
  EXPECT_EQ(set->dns["nameservers"][0], "10.0.0.1");
}

TEST(CniConfig, UnknownFieldsAreLeftAlone) {
  EXPECT_TRUE(parseConfig(config(R"("ipMasq":true,"capabilities":{"x":1},"runtimeConfig":{},
                                    "args":{"cni":{}},"vendor.example/x":[1,2],"ipam":{})"),
                          Command::kAdd));
}

TEST(CniConfig, NotJson) {
  for (const auto* text : {"", "{", "x", "[1]", "\"x\"", "null", "{\"cniVersion\":\"1.0.0\"}}"})
    EXPECT_EQ(codeOf(text), Code::kDecoding) << text;
  EXPECT_EQ(codeOf(config("\"x\":" + std::string(5000, '[') + std::string(5000, ']'))),
            Code::kDecoding);
}

TEST(CniConfig, Versions) {
  for (const auto version : kVersions)
    EXPECT_TRUE(parseConfig(config("", std::string(version)), Command::kAdd)) << version;
  for (const auto* version : {"0.1.0", "0.3.0", "1.2.0", "2.0.0", "1.1", "rubbish"})
    EXPECT_EQ(codeOf(config("", version)), Code::kIncompatibleVersion) << version;
  EXPECT_EQ(codeOf(R"({"name":"hawser"})"), Code::kIncompatibleVersion) << "none is 0.1.0";
  EXPECT_EQ(codeOf(R"({"cniVersion":1,"name":"hawser"})"), Code::kInvalidConfig);
  // Commands are as old as the version that brought them.
  EXPECT_EQ(codeOf(config(R"("prevResult":{})", "0.3.1"), Command::kCheck),
            Code::kIncompatibleVersion);
  EXPECT_EQ(codeOf(config(R"("prevResult":{})", "0.4.0"), Command::kCheck), Code{});
  EXPECT_EQ(codeOf(config("", "1.0.0"), Command::kStatus), Code::kIncompatibleVersion);
  EXPECT_EQ(codeOf(config(R"("cni.dev/valid-attachments":[])", "1.0.0"), Command::kGc),
            Code::kIncompatibleVersion);
}

TEST(CniConfig, MistakesNameTheField) {
  EXPECT_EQ(codeOf(R"({"cniVersion":"1.0.0"})"), Code::kInvalidConfig);
  EXPECT_TRUE(messageOf(R"({"cniVersion":"1.0.0"})").starts_with("name:"));
  EXPECT_TRUE(messageOf(R"({"cniVersion":"1.0.0","name":"a b"})").starts_with("name:"));
  for (const auto* field : {"\"agentSocket\":7", "\"agentSocket\":\"relative\"", "\"waitMs\":-1",
                            "\"waitMs\":\"1s\"", "\"waitMs\":99999999999", "\"waitMs\":1.5",
                            "\"dns\":[]", "\"prevResult\":[]", "\"prevResult\":{\"ips\":{}}"}) {
    EXPECT_EQ(codeOf(config(field)), Code::kInvalidConfig) << field;
    const std::string key(field + 1, std::string_view(field).find('"', 1) - 1);
    EXPECT_TRUE(messageOf(config(field)).starts_with(key)) << messageOf(config(field));
  }
  const auto longPath = "\"agentSocket\":\"/" + std::string(200, 'x') + "\"";
  EXPECT_EQ(codeOf(config(longPath)), Code::kInvalidConfig);
}

TEST(CniConfig, IpamOfOthersIsRefusedWithKeyAndValue) {
  const auto text = config(R"("ipam":{"type":"host-local"})");
  EXPECT_EQ(codeOf(text), Code::kUnsupportedField);
  EXPECT_NE(messageOf(text).find(R"("ipam" with value {"type":"host-local"})"), std::string::npos);
  EXPECT_EQ(codeOf(text, Command::kDel), Code{}) << "what was made some other way can be removed";
}

TEST(CniConfig, CheckNeedsThePreviousResult) {
  EXPECT_EQ(codeOf(config(), Command::kCheck), Code::kInvalidConfig);
  EXPECT_EQ(codeOf(config(R"("prevResult":null)"), Command::kCheck), Code::kInvalidConfig);
}

TEST(CniConfig, GcNeverTakesAMissingListForAnEmptyOne) {
  EXPECT_EQ(codeOf(config(), Command::kGc), Code::kInvalidConfig);
  EXPECT_EQ(codeOf(config(R"("cni.dev/valid-attachments":{})"), Command::kGc),
            Code::kInvalidConfig);
  EXPECT_EQ(codeOf(config(R"("cni.dev/valid-attachments":[{"containerID":"a"}])"), Command::kGc),
            Code::kInvalidConfig);
  const auto parsed = parseConfig(
      config(R"("cni.dev/valid-attachments":[{"containerID":"a","ifname":"eth0"}])"), Command::kGc);
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->valid.size(), 1U);
  EXPECT_EQ(parsed->valid[0], (Attachment{"a", "eth0"}));
  EXPECT_TRUE(parseConfig(config(R"("cni.dev/valid-attachments":null)"), Command::kGc));
}

TEST(CniConfig, AnswersInTheCallersVersion) {
  EXPECT_EQ(answerVersion(config("", "0.4.0")), "0.4.0");
  EXPECT_EQ(answerVersion(config("", "9.0.0")), kNewest);
  EXPECT_EQ(answerVersion("{"), kNewest);
  EXPECT_EQ(answerVersion(R"({"cniVersion":{}})"), kNewest);
}

}  // namespace
}  // namespace hawser::cni
