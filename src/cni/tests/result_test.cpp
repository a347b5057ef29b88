#include "result.h"

#include <gtest/gtest.h>

namespace hawser::cni {
namespace {

Config config(const std::string& version = "1.1.0") {
  Config out;
  out.cniVersion = version;
  out.name = "hawser";
  return out;
}
Environment environment() {
  Environment out;
  out.command = Command::kAdd;
  out.containerId = "c0ffee";
  out.netns = "/run/netns/x";
  out.ifname = "eth0";
  return out;
}
agent::Attached attached() {
  return {.port = "default/web-1",
          .uid = "u",
          .mac = "02:00:0a:00:00:01",
          .addresses = {"10.10.0.5", "fd00::5"},
          .gateway = "10.10.0.1",
          .mtu = 1446,
          .hostname = "web-1",
          .host = "node1",
          .device = "hw0123456789a"};
}

TEST(CniResult, Newest) {
  const auto result = addResult(config(), environment(), attached());
  const auto expected = Json::parse(R"({
    "cniVersion": "1.1.0",
    "interfaces": [
      {"name": "hw0123456789a", "mtu": 1446},
      {"name": "eth0", "mac": "02:00:0a:00:00:01", "mtu": 1446, "sandbox": "/run/netns/x"}],
    "ips": [
      {"address": "10.10.0.5/32", "gateway": "10.10.0.1", "interface": 1},
      {"address": "fd00::5/128", "interface": 1}],
    "routes": [{"dst": "0.0.0.0/0", "gw": "10.10.0.1"}, {"dst": "::/0"}],
    "dns": {}})");
  EXPECT_EQ(result, expected) << result.dump(1);
}

TEST(CniResult, OlderVersionsHaveTheFamilyAndNoMtu) {
  for (const auto* version : {"0.3.1", "0.4.0"}) {
    const auto result = addResult(config(version), environment(), attached());
    EXPECT_EQ(result["cniVersion"], version);
    EXPECT_EQ(result["ips"][0]["version"], "4");
    EXPECT_EQ(result["ips"][1]["version"], "6");
    EXPECT_FALSE(result["interfaces"][1].contains("mtu"));
  }
  const auto result = addResult(config("1.0.0"), environment(), attached());
  EXPECT_FALSE(result["ips"][0].contains("version"));
  EXPECT_FALSE(result["interfaces"][1].contains("mtu"));
}

TEST(CniResult, AChainsEarlierResultComesFirst) {
  auto chained = config();
  chained.dns = {{"nameservers", {"1.1.1.1"}}};
  chained.prevResult = Json::parse(R"({"interfaces": [{"name": "lo", "sandbox": "/run/netns/x"}],
    "ips": [{"address": "127.0.0.1/8", "interface": 0}], "dns": {"nameservers": ["2.2.2.2"]},
    "vendor": 7})");
  const auto result = addResult(chained, environment(), attached());
  EXPECT_EQ(result["interfaces"].size(), 3U);
  EXPECT_EQ(result["interfaces"][0]["name"], "lo");
  EXPECT_EQ(result["ips"][0]["interface"], 0);
  EXPECT_EQ(result["ips"][1]["interface"], 2);
  EXPECT_EQ(result["dns"]["nameservers"][0], "2.2.2.2");
  EXPECT_EQ(result["vendor"], 7);
  chained.prevResult = nullptr;
  EXPECT_EQ(addResult(chained, environment(), attached())["dns"]["nameservers"][0], "1.1.1.1");
}

class CniCheck : public testing::Test {
 protected:
  CniCheck() { config_.prevResult = addResult(config_, environment(), attached()); }
  std::string changed() const {
    const auto same = compareWithPrevious(config_, environment(), attached());
    if (same) return {};
    EXPECT_EQ(same.error().code, Code::kChanged);
    return same.error().message;
  }
  Config config_ = config();
};

TEST_F(CniCheck, TheResultOfAddPasses) { EXPECT_EQ(changed(), ""); }

TEST_F(CniCheck, WhatTheRestOfAChainAddedIsTheirs) {
  config_.prevResult["interfaces"].push_back({{"name", "wg0"}, {"sandbox", "/run/netns/x"}});
  config_.prevResult["ips"].push_back({{"address", "9.9.9.9/32"}, {"interface", 2}});
  EXPECT_EQ(changed(), "");
}

TEST_F(CniCheck, TellsWhatIsNotAsItWas) {
  auto& previous = config_.prevResult;
  const auto good = previous;
  previous["interfaces"][1]["mac"] = "02:00:00:00:00:99";
  EXPECT_NE(changed().find("MAC"), std::string::npos);
  previous = good;
  previous["interfaces"][1]["sandbox"] = "/run/netns/other";
  EXPECT_NE(changed().find("sandbox"), std::string::npos);
  previous = good;
  previous["ips"][0]["address"] = "10.10.0.6/32";
  EXPECT_NE(changed().find("10.10.0.5/32"), std::string::npos);
  previous = good;
  previous["ips"].erase(1);
  EXPECT_NE(changed().find("fd00::5/128"), std::string::npos);
  previous = good;
  previous["interfaces"].erase(1);
  EXPECT_NE(changed().find("no interface eth0"), std::string::npos);
  previous = Json::parse(R"({"interfaces": [3, {"name": 4}], "ips": ["x", {"interface": []}]})");
  EXPECT_NE(changed(), "");
  previous = Json::object();
  EXPECT_NE(changed(), "");
}

TEST(CniErrors, Shape) {
  EXPECT_EQ(errorResult("1.0.0", {Code::kDecoding, "m", ""}),
            Json::parse(R"({"cniVersion":"1.0.0","code":6,"msg":"m"})"));
  EXPECT_EQ(errorResult("1.0.0", {Code::kUnavailable, "m", "d"})["details"], "d");
}

TEST(CniErrors, CodesOfTheClientsErrors) {
  const auto code = [](ErrorCode from) { return toFailure({from, "m", "f"}).code; };
  EXPECT_EQ(code(ErrorCode::kUnavailable), Code::kTryAgainLater);
  EXPECT_EQ(code(ErrorCode::kTimeout), Code::kTryAgainLater);
  EXPECT_EQ(code(ErrorCode::kInvalid), Code::kInvalidConfig);
  EXPECT_EQ(code(ErrorCode::kForbidden), Code::kIo);
  EXPECT_EQ(code(ErrorCode::kInternal), Code::kInternal);
  EXPECT_EQ(toFailure({ErrorCode::kInvalid, "m", "f"}).message, "f: m");
}

TEST(CniVersion, ListsAll) {
  const auto json = versionResult("1.1.0");
  EXPECT_EQ(json["supportedVersions"], Json::parse(R"(["0.3.1","0.4.0","1.0.0","1.1.0"])"));
}

}  // namespace
}  // namespace hawser::cni
