// A server with objects in memory, and clients over loopback.
#pragma once

#include <gtest/gtest.h>

#include <thread>

#include "../curl.h"
#include "hawser/api/client.h"
#include "hawser/api/pki.h"
#include "hawser/api/rest.h"

namespace hawser::api {

using namespace std::chrono_literals;
using model::Json;
using model::Kind;
using model::Object;

// Refuses one name, and removal of networks that a port names.
class TestAdmission final : public Admission {
 public:
  Result<void> admit(const Staging&, Object& object, const Object*) override {
    if (object.metadata.name == "forbidden") return invalid("not this one", "metadata.name");
    if (object.kind == Kind::kNetwork && !object.status.contains("id")) object.status["id"] = 7;
    return {};
  }
  Result<void> removed(const Staging& staging, const Object& object) override {
    Result<void> result;
    if (object.kind != Kind::kNetwork) return result;
    staging.forEach(Kind::kPort, [&](const Object& port) {
      if (port.spec["network"] == object.metadata.name)
        result = fail(ErrorCode::kConflict, "port " + port.metadata.name + " still uses it");
    });
    return result;
  }
};

class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ca = makeCa("test CA", 24h).value();
    store = store::openSqlite(":memory:").value();
    objects = Objects::open(*store, admission).value();
    rest = std::make_unique<Rest>(loop, *objects, fingerprint(ca.certificate).value());
    server = Server::open(loop,
                          {.address = net::IpAddress::parse("127.0.0.1").value(),
                           .port = 0,
                           .caPem = ca.certificate,
                           .certificate = issue(ca, "controller:test", {"127.0.0.1"}, 24h).value()},
                          [this](const HttpRequest& request, const ReplyPtr& reply) {
                            const auto caller = rest->authenticate(request);
                            if (!caller) return reply->error(caller.error());
                            if (request.path == "/throws") throw std::runtime_error("on purpose");
                            if (request.path == "/whoami")
                              return reply->json(200, {{"name", caller->name}});
                            if (!rest->handle(request, *caller, reply))
                              reply->error({ErrorCode::kNotFound, "no such path", {}});
                          })
                 .value();
    addToken("admin", {{"role", "admin"}});
    addToken("reader", {{"role", "reader"}});
    addToken("member", {{"role", "member"}, {"project", "p1"}});
    for (const auto* project : {"p1", "p2"}) put("Project", {}, project, model::Json::object());
    thread = std::thread([this] { loop.run(); });
  }
  void TearDown() override {
    loop.stop();
    thread.join();
  }

  void put(const std::string& kind, const std::string& project, const std::string& name,
           const model::Json& spec) {
    auto outcome =
        objects->commit({{Write::Op::kApply, object(kind, project, name, spec)}}, Caller::system());
    ASSERT_TRUE(outcome) << outcome.error().text();
  }
  void addToken(const std::string& name, model::Json spec) {
    spec["hash"] = sha256Hex("secret-" + name);
    put("Token", {}, name, spec);
  }
  static Object object(const std::string& kind, const std::string& project, const std::string& name,
                       const model::Json& spec) {
    model::Json json{{"kind", kind}, {"metadata", {{"name", name}}}, {"spec", spec}};
    if (!project.empty()) json["metadata"]["project"] = project;
    auto parsed = model::parseObject(json);
    EXPECT_TRUE(parsed) << parsed.error().text();
    return parsed.value();
  }
  static Object network(const std::string& name, const std::string& prefix = "10.0.0.0/24",
                        const std::string& project = "p1") {
    return object("Network", project, name, {{"subnets", {{{"prefix", prefix}}}}});
  }
  [[nodiscard]] ClientConfig config(const std::string& who) const {
    ClientConfig made;
    made.url = "https://127.0.0.1:" + std::to_string(server->port());
    made.caPem = ca.certificate;
    made.token = "secret-" + who;
    return made;
  }
  // A request whose body is no object of ours: the status and the answer.
  [[nodiscard]] std::pair<long, std::string> send(const std::string& method,
                                                  const std::string& path,
                                                  const std::string& body) const {
    const auto wanted = config("admin");
    const auto curl = makeCurl(wanted);
    curl_slist* headers = ::curl_slist_append(nullptr, "Authorization: Bearer secret-admin");
    std::string answer;
    ::curl_easy_setopt(curl.get(), CURLOPT_URL, (wanted.url + path).c_str());
    ::curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers);
    ::curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(body.size()));
    ::curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
    ::curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
    ::curl_easy_setopt(
        curl.get(), CURLOPT_WRITEFUNCTION,
        +[](const char* data, std::size_t size, std::size_t count, void* to) {
          static_cast<std::string*>(to)->append(data, size * count);
          return size * count;
        });
    ::curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
    long status = 0;
    if (::curl_easy_perform(curl.get()) == CURLE_OK)
      ::curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    ::curl_slist_free_all(headers);
    return {status, answer};
  }
  [[nodiscard]] Client client(const std::string& who = "admin") const {
    return Client(config(who));
  }

  io::Loop loop;
  KeyPair ca;
  std::unique_ptr<store::Store> store;
  TestAdmission admission;
  std::unique_ptr<Objects> objects;
  std::unique_ptr<Rest> rest;
  std::unique_ptr<Server> server;
  std::thread thread;
};

}  // namespace hawser::api
