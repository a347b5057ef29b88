#include "container.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace hawser::kube {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

NodeSettings settings() {
  NodeSettings out;
  out.node = "node1";
  out.cni = "/opt/cni/hawser-cni";
  out.agentSocket = "/run/agent.sock";
  out.containerTool = "/opt/container";
  out.rootfs = "/root-tree";
  out.logs = "/logs";
  out.images["nginx"] = {
      .bind = {{"/host/nginx", "/nginx"}}, .command = {"/nginx/run"}, .user = "www-data"};
  return out;
}
PodContext pod() {
  return {.name = {"shop", "web-1"},
          .uid = "u1",
          .netns = "x-shop_web-1",
          .containerId = "shop-web-1-7",
          .address = "10.10.0.5"};
}

TEST(Container, TheImagesCommandUnlessThePodHasOne) {
  auto container = Json::parse(R"({"name": "c", "image": "nginx:1.25", "args": ["-v"], "env": [
    {"name": "A", "value": "x y"}, {"name": "E"},
    {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]})");
  auto command = containerCommand(settings(), pod(), container);
  ASSERT_TRUE(command) << command.error().text();
  EXPECT_EQ(command->argv, (Words{"/opt/container",
                                  "--die-with-parent",
                                  "--rootfs",
                                  "/root-tree",
                                  "--netns",
                                  "x-shop_web-1",
                                  "--hostname",
                                  "web-1",
                                  "--user",
                                  "www-data",
                                  "--bind",
                                  "/host/nginx:/nginx:ro",
                                  "--env",
                                  "A=x y",
                                  "--env",
                                  "E=",
                                  "--env",
                                  "IP=10.10.0.5",
                                  "--env",
                                  "NODE=node1",
                                  "--",
                                  "/nginx/run",
                                  "-v"}));
  EXPECT_EQ(command->logFile, "/logs/shop_web-1_c.log");
  container["command"] = {"sh"};
  command = containerCommand(settings(), pod(), container);
  EXPECT_EQ(command->argv[command->argv.size() - 2], "sh");
  container["image"] = "apache";
  EXPECT_EQ(containerCommand(settings(), pod(), container).error().code, ErrorCode::kNotFound);
}

TEST(Container, CniCommand) {
  const auto command = cniCommand(settings(), pod(), "ADD");
  const auto has = [&](const std::string& variable) {
    return std::find(command.environment.begin(), command.environment.end(), variable) !=
           command.environment.end();
  };
  EXPECT_TRUE(has("CNI_COMMAND=ADD"));
  EXPECT_TRUE(has("CNI_NETNS=/run/netns/x-shop_web-1"));
  EXPECT_TRUE(has("CNI_CONTAINERID=shop-web-1-7"));
  EXPECT_TRUE(has("CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-1"));
  const auto config = Json::parse(command.input);
  EXPECT_EQ(config["agentSocket"], "/run/agent.sock");
  EXPECT_EQ(config["type"], "hawser-cni");
}

Words probe(const char* json) {
  return probeCommand(settings(), pod(),
                      {{"ports", {{{"name", "http"}, {"containerPort", 8080}}}},
                       {"readinessProbe", Json::parse(json)}},
                      42);
}

TEST(Container, Probes) {
  auto argv = probe(R"({"httpGet": {"port": "http", "path": "/x", "httpHeaders": [
      {"name": "Host", "value": "a.example"}]}, "timeoutSeconds": 5})");
  EXPECT_EQ(argv[1], "--net=/run/netns/x-shop_web-1");
  EXPECT_EQ(argv.back(), "http://10.10.0.5:8080/x");
  EXPECT_NE(std::find(argv.begin(), argv.end(), "Host: a.example"), argv.end());
  EXPECT_EQ(*(std::find(argv.begin(), argv.end(), "--max-time") + 1), "5");
  EXPECT_EQ(probe(R"({"httpGet": {"port": 81, "scheme": "HTTPS", "path": "y"}})").back(),
            "https://10.10.0.5:81/y");
  argv = probe(R"({"tcpSocket": {"port": 5432}})");
  EXPECT_EQ(argv.back(), "5432");
  EXPECT_EQ(argv[argv.size() - 2], "10.10.0.5");
  EXPECT_EQ(probe(R"({"exec": {"command": ["pg_isready", "-q"]}})"),
            (Words{"timeout", "1", "/opt/container", "--exec", "42", "--", "pg_isready", "-q"}));
  EXPECT_TRUE(probeCommand(settings(), pod(), Json::object(), 42).empty());
}

TEST(Images, MistakesNameTheFileAndTheField) {
  std::string pattern = (fs::temp_directory_path() / "hawser-images-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path folder = pattern;
  const auto errorOf = [&](const std::string& text) {
    std::ofstream(folder / "images.yaml") << text;
    const auto images = readImages(folder / "images.yaml");
    return images ? std::string() : images.error().text();
  };
  fs::create_directory(folder / "app");
  EXPECT_EQ(errorOf("images: {a: {command: [x], bind: {app: /app}}}"), "");
  EXPECT_NE(errorOf("images: {a: {}}").find("images.a.command"), std::string::npos);
  EXPECT_NE(errorOf("images: {a: 7}").find("images.a"), std::string::npos);
  EXPECT_NE(errorOf("images: {a: {command: [x], bind: {none: /app}}}").find("images.a.bind.none"),
            std::string::npos);
  EXPECT_NE(errorOf("images: {a: {command: [x], bind: {app: app}}}").find("absolute"),
            std::string::npos);
  EXPECT_NE(errorOf("imges: {}").find("images.yaml: images"), std::string::npos);
  EXPECT_NE(errorOf("images: [").find("line"), std::string::npos);
  EXPECT_FALSE(readImages(folder / "no.yaml"));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace hawser::kube
