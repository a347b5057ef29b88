// A site's API in the process: the real server, REST and objects over SQLite in memory, with an
// admission that lets everything pass but one name, and a few canned answers where the controller
// would compute.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "hawser/api/pki.h"
#include "hawser/api/rest.h"
#include "hawser/cli/cli.h"

namespace hawser::cli {

class LenientAdmission final : public api::Admission {
 public:
  Result<void> admit(const api::Staging&, model::Object& object, const model::Object*) override {
    if (object.metadata.name == "forbidden") return invalid("not this one", "metadata.name");
    return {};
  }
  Result<void> removed(const api::Staging& staging, const model::Object& object) override {
    Result<void> result;
    if (object.kind != model::Kind::kNetwork) return result;
    staging.forEach(model::Kind::kPort, [&](const model::Object& port) {
      if (port.spec["network"] == object.metadata.name)
        result = fail(ErrorCode::kConflict, "port " + port.metadata.name + " still uses it");
    });
    return result;
  }
};

class CliTest : public ::testing::Test {
 protected:
  struct Outcome {
    int status = 0;
    std::string out, err;
  };

  void SetUp() override {
    using namespace std::chrono_literals;
    ca = api::makeCa("test CA", 24h).value();
    store = store::openSqlite(":memory:").value();
    objects = api::Objects::open(*store, admission).value();
    rest = std::make_unique<api::Rest>(loop, *objects, api::fingerprint(ca.certificate).value());
    server = api::Server::open(
                 loop,
                 {.address = net::IpAddress::parse("127.0.0.1").value(),
                  .port = 0,
                  .caPem = ca.certificate,
                  .certificate = api::issue(ca, "controller:test", {"127.0.0.1"}, 24h).value()},
                 [this](const api::HttpRequest& request, const api::ReplyPtr& reply) {
                   serve(request, reply);
                 })
                 .value();
    put("Token", "", "admin", {{"role", "admin"}, {"hash", api::sha256Hex("secret")}});
    put("Token", "", "reader", {{"role", "reader"}, {"hash", api::sha256Hex("read")}});
    put("Project", "", "default", model::Json::object());
    put("Project", "", "demo", model::Json::object());
    thread = std::thread([this] { loop.run(); });
    folder = std::filesystem::temp_directory_path() /
             ("hawser-cli-" + std::to_string(::getpid()) + "-" + std::to_string(++made));
    std::filesystem::create_directories(folder);
    url = "https://127.0.0.1:" + std::to_string(server->port());
    write("ca.pem", ca.certificate);
    write("token", "secret\n");
    variables["HAWSER_CONFIG"] = (folder / "config.yaml").string();
    write("config.yaml", "current: here\ncontexts:\n  here: {server: \"" + url +
                             "\", ca: ca.pem, tokenFile: token}\n");
  }
  void TearDown() override {
    loop.stop();
    thread.join();
    std::filesystem::remove_all(folder);
  }

  void serve(const api::HttpRequest& request, const api::ReplyPtr& reply) {
    const auto caller = rest->authenticate(request);
    if (!caller) return reply->error(caller.error());
    const auto call = request.method + " " + request.path;
    if (const auto canned = answers.find(call); canned != answers.end()) {
      lastBody = model::Json::parse(request.body, nullptr, false);
      lastQuery = request.query;
      return reply->json(200, canned->second);
    }
    if (!rest->handle(request, *caller, reply))
      reply->error({ErrorCode::kNotFound, request.path + ": no such path", {}});
  }

  void put(const std::string& kind, const std::string& project, const std::string& name,
           const model::Json& spec, const model::Json& status = model::Json::object()) {
    model::Json json{{"kind", kind}, {"metadata", {{"name", name}}}, {"spec", spec}};
    if (!project.empty()) json["metadata"]["project"] = project;
    const auto parsed = model::parseObject(json);
    ASSERT_TRUE(parsed) << parsed.error().text();
    auto object = *parsed;
    ASSERT_TRUE(objects->commit({{api::Write::Op::kApply, object}}, api::Caller::system()));
    if (status.empty()) return;
    object.status = status;
    ASSERT_TRUE(objects->commit({{api::Write::Op::kStatus, object}}, api::Caller::system()));
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  }

  Outcome hawser(const std::vector<std::string>& arguments, const std::string& input = {}) {
    std::istringstream in(input);
    std::ostringstream out, err;
    Environment environment{in,
                            out,
                            err,
                            [this](const std::string& name) {
                              const auto found = variables.find(name);
                              return found == variables.end() ? std::string() : found->second;
                            },
                            agent,
                            {"controller", "agent", "kube", "lab"}};
    const int status = run(arguments, environment);
    return {status, out.str(), err.str()};
  }

  static inline int made = 0;  // NOLINT: numbers the folders of one process
  io::Loop loop;
  api::KeyPair ca;
  std::unique_ptr<store::Store> store;
  LenientAdmission admission;
  std::unique_ptr<api::Objects> objects;
  std::unique_ptr<api::Rest> rest;
  std::unique_ptr<api::Server> server;
  std::thread thread;
  std::filesystem::path folder;
  std::string url;
  std::map<std::string, std::string> variables;
  std::function<Result<model::Json>(const std::string&, const model::Json&)> agent;
  // Set before the call that needs them; the loop's thread reads them then.
  std::map<std::string, model::Json> answers;
  model::Json lastBody;
  std::map<std::string, std::string> lastQuery;
};

}  // namespace hawser::cli
