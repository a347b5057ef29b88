// The whole path over loopback: client, TLS, server, REST, objects, store.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "../curl.h"
#include "hawser/api/client.h"
#include "hawser/api/pki.h"
#include "hawser/api/rest.h"

namespace hawser::api {
namespace {

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
  [[nodiscard]] std::vector<std::string> told(const std::string& who, const std::string& path,
                                              std::uint64_t until);
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

TEST_F(ApiTest, CreateGetUpdatePatchDelete) {
  auto admin = client();
  auto created = admin.create(network("a"));
  ASSERT_TRUE(created) << created.error().text();
  EXPECT_EQ(created->status["id"], 7);
  EXPECT_GT(created->metadata.resourceVersion, 0U);
  EXPECT_FALSE(created->metadata.uid.empty());
  EXPECT_EQ(admin.create(network("a")).error().code, ErrorCode::kExists);

  auto changed = *created;
  changed.metadata.labels["tier"] = "db";
  auto updated = admin.update(changed);
  ASSERT_TRUE(updated) << updated.error().text();
  EXPECT_EQ(updated->metadata.uid, created->metadata.uid);
  // The old version is refused now.
  const auto stale = admin.update(changed);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, ErrorCode::kConflict);
  EXPECT_EQ(stale.error().field, "metadata.resourceVersion");

  auto patched = admin.patch(created->key(), {{"metadata", {{"labels", {{"tier", nullptr}}}}}});
  ASSERT_TRUE(patched) << patched.error().text();
  EXPECT_TRUE(patched->metadata.labels.empty());
  ASSERT_TRUE(admin.remove(created->key()));
  EXPECT_EQ(admin.get(created->key()).error().code, ErrorCode::kNotFound);
}

TEST_F(ApiTest, ErrorsNameTheField) {
  auto admin = client();
  const auto answer =
      admin.call("POST", "/api/v1/projects/p1/networks",
                 model::Json{{"kind", "Network"},
                             {"metadata", {{"name", "a"}}},
                             {"spec", {{"subnets", {{{"prefx", "10.0.0.0/24"}}}}}}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(answer.error().field, "spec.subnets[0].prefx");
  EXPECT_NE(answer.error().message.find("prefix"), std::string::npos);
}

// Any of these bodies once ended the process.
TEST_F(ApiTest, WhatCannotBeJsonIsRefusedAndNothingElseSuffers) {
  put("Network", "p1", "net", {{"subnets", {{{"prefix", "10.0.0.0/24"}}}}});
  std::string deep;
  for (int i = 0; i < 1'300'000; ++i) deep += R"({"a":)";
  for (const auto* method : {"POST", "PUT", "PATCH"}) {
    for (const std::string& body :
         {std::string("[1e999]"), deep, std::string("{\"spec\": -1e400}")}) {
      const auto path = std::string("/api/v1/projects/p1/networks") +
                        (std::string_view(method) == "POST" ? "" : "/net");
      const auto [status, answer] = send(method, path, body);
      EXPECT_EQ(status, 400) << method << " " << answer;
      EXPECT_NE(answer.find(body == deep ? "nested deeper" : "JSON"), std::string::npos) << answer;
    }
  }
  const auto [status, answer] = send("POST", "/throws", "{}");
  EXPECT_EQ(status, 500) << answer;
  EXPECT_TRUE(client().get({Kind::kNetwork, "p1", "net"}));
}

TEST_F(ApiTest, ApplyIsAllOrNothing) {
  auto admin = client();
  const auto bad = admin.apply({network("a"), network("forbidden")});
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().field.find("networks/p1/forbidden"), std::string::npos);
  EXPECT_FALSE(admin.get(network("a").key()));
  EXPECT_EQ(admin.apply({network("a"), network("b")}, true).value(),
            (std::vector<std::string>{"created", "created"}));
  EXPECT_FALSE(admin.get(network("a").key()));
  EXPECT_EQ(admin.apply({network("a"), network("b")}).value(),
            (std::vector<std::string>{"created", "created"}));
  EXPECT_EQ(admin.apply({network("a"), network("b", "10.1.0.0/24")}).value(),
            (std::vector<std::string>{"unchanged", "configured"}));
  const auto twice = admin.apply({network("a"), network("a")});
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().message.find("twice"), std::string::npos);
}

TEST_F(ApiTest, WhatIsInUseStays) {
  auto admin = client();
  ASSERT_TRUE(admin.apply({network("a"), object("Port", "p1", "x", {{"network", "a"}})}));
  const auto no = admin.remove(network("a").key());
  ASSERT_FALSE(no);
  EXPECT_NE(no.error().message.find("port x"), std::string::npos);
  ASSERT_TRUE(admin.remove({Kind::kPort, "p1", "x"}));
  EXPECT_TRUE(admin.remove(network("a").key()));
}

TEST_F(ApiTest, SeveralAreRemovedTogetherOrNone) {
  auto admin = client();
  const auto named = [](const char* kind, const char* name) {
    return Json{{"kind", kind}, {"metadata", {{"name", name}, {"project", "p1"}}}};
  };
  const auto remove = [&](const Json& which, bool ignoreMissing = false) {
    return admin.call("POST", "/api/v1/delete",
                      Json{{"objects", which}, {"ignoreMissing", ignoreMissing}});
  };
  ASSERT_TRUE(admin.apply(
      {network("a"), network("b", "10.1.0.0/24"), object("Port", "p1", "x", {{"network", "a"}})}));
  const auto used = remove({named("Network", "b"), named("Network", "a")});
  ASSERT_FALSE(used);
  EXPECT_EQ(used.error().field, "networks/p1/a");
  const auto gone = remove({named("Network", "b"), named("Network", "c")});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(admin.list(Kind::kNetwork)->items.size(), 2U) << "none";
  // In whatever order.
  EXPECT_EQ(remove({named("Network", "a"), named("Network", "c"), named("Port", "x")}, true)
                .value()["results"],
            Json({"deleted", "missing", "deleted"}));
  EXPECT_EQ(admin.list(Kind::kNetwork)->items.size(), 1U);
  EXPECT_EQ(remove({named("Network", "b"), named("Network", "b")}).error().field, "objects[1]");
  EXPECT_EQ(remove(Json::array({named("Netwrk", "b")})).error().field, "objects[0].kind");
  EXPECT_EQ(remove(Json::array({Json{{"kind", "Network"}}})).error().field,
            "objects[0].metadata.name");
  EXPECT_EQ(remove(7).error().field, "objects");
  EXPECT_EQ(
      client("reader")
          .call("POST", "/api/v1/delete", Json{{"objects", Json::array({named("Network", "b")})}})
          .error()
          .code,
      ErrorCode::kForbidden);
}

TEST_F(ApiTest, RolesDecide) {
  auto stranger = client("nobody");
  EXPECT_EQ(stranger.list(Kind::kNetwork).error().code, ErrorCode::kUnauthorized);
  auto none = config("");
  none.token.clear();
  EXPECT_EQ(Client(none).list(Kind::kNetwork).error().code, ErrorCode::kUnauthorized);

  ASSERT_TRUE(client().apply({network("a"), network("other", "10.2.0.0/24", "p2")}));
  auto reader = client("reader");
  EXPECT_EQ(reader.list(Kind::kNetwork)->items.size(), 2U);
  EXPECT_EQ(reader.list(Kind::kToken)->items.size(), 0U);
  EXPECT_EQ(reader.create(network("b")).error().code, ErrorCode::kForbidden);

  auto member = client("member");
  EXPECT_EQ(member.list(Kind::kNetwork)->items.size(), 1U);
  EXPECT_TRUE(member.create(network("b")));
  EXPECT_EQ(member.create(network("b", "10.3.0.0/24", "p2")).error().code, ErrorCode::kForbidden);
  EXPECT_EQ(member.get({Kind::kNetwork, "p2", "other"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(member.apply({network("c", "10.3.0.0/24", "p2")}).error().code, ErrorCode::kForbidden);
  EXPECT_EQ(member.create(object("Project", {}, "p3", model::Json::object())).error().code,
            ErrorCode::kForbidden);
}

TEST_F(ApiTest, AnOwnerKeepsWhatIsIts) {
  auto admin = client();
  auto member = client("member");
  const auto owned = [](const std::string& name, const std::string& owner) {
    auto made = network(name);
    made.metadata.owner = owner;
    return made;
  };
  ASSERT_TRUE(admin.create(owned("theirs", "kube/k")));
  const auto key = network("theirs").key();
  for (const auto& error :
       {member.update(owned("theirs", "kube/k")).error(), member.update(network("theirs")).error(),
        member.update(owned("theirs", "member")).error(),
        member.patch(key, {{"metadata", {{"labels", {{"a", "b"}}}}}}).error(),
        member.patch(key, {{"metadata", {{"owner", nullptr}}}}).error(), member.remove(key).error(),
        member.apply({network("theirs")}).error(), member.create(owned("new", "kube/k")).error(),
        member.create(owned("new", "members/x")).error()}) {
    EXPECT_EQ(error.code, ErrorCode::kForbidden) << error.text();
    EXPECT_NE(error.field.find("metadata.owner"), std::string::npos) << error.text();
  }
  EXPECT_EQ(admin.get(key)->metadata.owner, "kube/k");
  // Its own name, and what is below it.
  ASSERT_TRUE(member.create(owned("mine", "member/x")));
  ASSERT_TRUE(member.update(owned("mine", "member")));
  ASSERT_TRUE(member.update(network("mine")));
  ASSERT_TRUE(member.remove(network("mine").key()));
  ASSERT_TRUE(admin.update(network("theirs"))) << "an administrator may";
  ASSERT_TRUE(member.remove(key));
}

TEST_F(ApiTest, CertificatesOfHostsAndOfStrangers) {
  auto request = makeRequest("host:liar").value();
  auto host = config("");
  host.token.clear();
  host.certificatePem = sign(ca, request.csr, "host:node1", 24h).value();
  host.keyPem = request.key;
  EXPECT_EQ(Client(host).call("GET", "/whoami").value()["name"], "node1");

  const auto foreign = makeCa("foreign", 24h).value();
  auto stranger = config("");
  stranger.token.clear();
  const auto pair = issue(foreign, "host:node1", {}, 24h).value();
  stranger.certificatePem = pair.certificate;
  stranger.keyPem = pair.key;
  EXPECT_FALSE(Client(stranger).call("GET", "/whoami"));

  auto misled = config("admin");
  misled.caPem = foreign.certificate;
  const auto answer = Client(misled).list(Kind::kSite);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
}

TEST_F(ApiTest, AHostsCertificateCannotServe) {
  const auto impostor = issue(ca, "host:node1", {"127.0.0.1"}, 24h).value();
  io::Loop other;
  auto fake = Server::open(other,
                           {.address = net::IpAddress::parse("127.0.0.1").value(),
                            .port = 0,
                            .caPem = ca.certificate,
                            .certificate = impostor},
                           [](const HttpRequest&, const ReplyPtr& reply) { reply->json(200, {}); })
                  .value();
  std::thread runner([&] { other.run(); });
  auto to = config("admin");
  to.url = "https://127.0.0.1:" + std::to_string(fake->port());
  EXPECT_FALSE(Client(to).call("GET", "/whoami"));
  other.stop();
  runner.join();
}

TEST_F(ApiTest, WatchTellsChangesInOrder) {
  io::Loop mine;
  std::vector<std::string> seen;
  int synced = 0;
  ObjectWatcher watcher(
      mine, config("admin"), Kind::kNetwork, "p1",
      {[&](const Object& object) { seen.push_back("+" + object.metadata.name); },
       [&](const model::ObjectKey& key) { seen.push_back("-" + key.name); }, [&] { ++synced; }});
  const auto wait = [&](auto condition) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!condition() && std::chrono::steady_clock::now() < deadline) mine.runFor(20ms);
    return condition();
  };
  ASSERT_TRUE(wait([&] { return synced == 1; }));
  auto admin = client();
  ASSERT_TRUE(admin.create(network("a")));
  ASSERT_TRUE(admin.create(network("other", "10.2.0.0/24", "p2")));
  ASSERT_TRUE(admin.create(network("b", "10.1.0.0/24")));
  ASSERT_TRUE(admin.remove(network("a").key()));
  ASSERT_TRUE(wait([&] { return seen.size() == 3; }));
  EXPECT_EQ(seen, (std::vector<std::string>{"+a", "+b", "-a"}));
}

TEST_F(ApiTest, AVersionOfTheFutureIsToldAsSuch) {
  auto admin = client();
  auto made = admin.create(network("a")).value();
  const auto newest = admin.list(Kind::kNetwork)->resourceVersion;
  const auto [status, answer] =
      send("GET", "/api/v1/networks?watch=true&resourceVersion=" + std::to_string(newest + 1), "");
  EXPECT_EQ(status, 410);
  EXPECT_NE(
      answer.find(fmt::format("version {} is yet to come, the newest is {}", newest + 1, newest)),
      std::string::npos)
      << answer;
  made.metadata.resourceVersion = newest + 1;
  const auto error = admin.update(made).error();
  EXPECT_EQ(error.code, ErrorCode::kConflict);
  EXPECT_EQ(error.field, "metadata.resourceVersion");
  EXPECT_NE(error.message.find("is yet to come"), std::string::npos) << error.message;
}

TEST_F(ApiTest, KeysOfPeersAreForAdministrators) {
  auto admin = client();
  ASSERT_TRUE(admin.create(object(
      "Peer", {}, "mx",
      {{"role", "gateway"}, {"address", "10.3.0.1"}, {"asn", 64999}, {"md5Key", "between us"}})));
  const model::ObjectKey key{Kind::kPeer, {}, "mx"};
  EXPECT_EQ(admin.get(key)->spec["md5Key"], "between us");
  auto reader = client("reader");
  EXPECT_FALSE(reader.get(key)->spec.contains("md5Key"));
  EXPECT_FALSE(reader.list(Kind::kPeer)->items.at(0).spec.contains("md5Key"));
}

TEST_F(ApiTest, ATokenThatIsOverOpensNothing) {
  addToken("late", {{"role", "reader"}, {"expires", "2020-01-01T00:00:00Z"}});
  addToken("early", {{"role", "reader"}, {"expires", "2099-01-01T00:00:00Z"}});
  EXPECT_EQ(client("late").list(Kind::kNetwork).error().code, ErrorCode::kUnauthorized);
  EXPECT_TRUE(client("early").list(Kind::kNetwork));
}

// Who names a version means that one: nothing is made or removed in place of another.
TEST_F(ApiTest, AVersionHoldsForCreationAndRemovalToo) {
  auto admin = client();
  auto made = admin.create(network("a")).value();
  const auto path = std::string("/api/v1/projects/p1/networks/a?resourceVersion=");
  const auto version = made.metadata.resourceVersion;
  EXPECT_EQ(send("DELETE", path + std::to_string(version - 1), "").first, 409);
  EXPECT_EQ(send("DELETE", path + "x", "").first, 400);
  EXPECT_TRUE(admin.get(made.key()));
  EXPECT_EQ(send("DELETE", path + std::to_string(version), "").first, 200);
  const auto again = admin.apply({made});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_NE(again.error().text().find("metadata.resourceVersion"), std::string::npos)
      << again.error().text();
  made.metadata.resourceVersion = 0;
  EXPECT_TRUE(admin.apply({made}));
}

TEST_F(ApiTest, DryRunsChangeNothingAndFalseIsNone) {
  auto admin = client();
  const auto body = model::toJson(network("a")).dump();
  const auto path = std::string("/api/v1/projects/p1/networks");
  EXPECT_EQ(send("POST", path + "?dryRun=true", body).first, 201);
  EXPECT_FALSE(admin.get(network("a").key()));
  EXPECT_EQ(send("POST", path + "?dryRun=maybe", body).first, 400);
  EXPECT_EQ(send("POST", path + "?dryRun=false", body).first, 201);
  EXPECT_TRUE(admin.get(network("a").key()));
}

TEST_F(ApiTest, WatchResumesAfterARevision) {
  auto admin = client();
  const auto revision = admin.list(Kind::kNetwork)->resourceVersion;
  ASSERT_TRUE(admin.create(network("a")));
  io::Loop mine;
  std::vector<model::Json> lines;
  LineWatcher watcher(mine, config("admin"),
                      "/api/v1/networks?watch=true&resourceVersion=" + std::to_string(revision),
                      [&](const model::Json& line) { lines.push_back(line); });
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (lines.size() < 2 && std::chrono::steady_clock::now() < deadline) mine.runFor(20ms);
  ASSERT_GE(lines.size(), 2U);
  EXPECT_EQ(lines[0]["type"], "ADDED");
  EXPECT_EQ(lines[1]["type"], "BOOKMARK");
}

// What a watch at `path` tells until a bookmark at `until` or later: "TYPE name tier".
std::vector<std::string> ApiTest::told(const std::string& who, const std::string& path,
                                       std::uint64_t until) {
  io::Loop mine;
  std::vector<std::string> seen;
  bool over = false;
  LineWatcher watcher(mine, config(who), path, [&](const model::Json& line) {
    if (line["type"] == "BOOKMARK") {
      over = over || line["resourceVersion"] >= until;
      return;
    }
    const auto& metadata = line["object"]["metadata"];
    const auto labels = metadata.value("labels", model::Json::object());
    seen.push_back(fmt::format("{} {} {}", line["type"].get<std::string>(),
                               metadata["name"].get<std::string>(), labels.value("tier", "-")));
  });
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!over && std::chrono::steady_clock::now() < deadline) mine.runFor(20ms);
  EXPECT_TRUE(over);
  return seen;
}

TEST_F(ApiTest, WatchBySelectorTellsWhatComesAndGoes) {
  auto admin = client();
  const auto label = [&](const std::string& name, const model::Json& value) {
    const auto done =
        admin.patch({Kind::kNetwork, "p1", name}, {{"metadata", {{"labels", {{"tier", value}}}}}});
    ASSERT_TRUE(done) << done.error().text();
  };
  const auto revision = admin.list(Kind::kNetwork)->resourceVersion;
  ASSERT_TRUE(admin.create(network("a")));
  ASSERT_TRUE(admin.create(network("b", "10.1.0.0/24")));
  label("a", "db");     // begins to match
  label("a", "db");     // no change
  label("b", "web");    // never matches
  label("a", "cache");  // ceases to match
  label("a", "db");
  ASSERT_TRUE(
      admin.patch({Kind::kNetwork, "p1", "a"}, {{"metadata", {{"annotations", {{"note", "x"}}}}}}));
  label("a", nullptr);
  ASSERT_TRUE(admin.remove({Kind::kNetwork, "p1", "a"}));  // gone for this watch already
  label("b", "db");
  ASSERT_TRUE(admin.remove({Kind::kNetwork, "p1", "b"}));
  const auto path = fmt::format(
      "/api/v1/networks?watch=true&labelSelector=tier%3Ddb&resourceVersion={}", revision);
  EXPECT_EQ(told("admin", path, admin.list(Kind::kNetwork)->resourceVersion),
            (std::vector<std::string>{"ADDED a db", "DELETED a db", "ADDED a db", "MODIFIED a db",
                                      "DELETED a db", "ADDED b db", "DELETED b db"}));
}

TEST_F(ApiTest, WatchTellsAMemberWhatTheyMaySeeNoMore) {
  auto admin = client();
  auto shared = network("shared", "10.9.0.0/24", "p2");
  shared.spec["external"] = true;
  const auto revision = admin.list(Kind::kNetwork)->resourceVersion;
  ASSERT_TRUE(admin.apply({shared}));
  shared.spec["external"] = false;
  ASSERT_TRUE(admin.apply({shared}));
  shared.metadata.labels["tier"] = "hidden";
  ASSERT_TRUE(admin.apply({shared}));
  const auto path = fmt::format("/api/v1/networks?watch=true&resourceVersion={}", revision);
  EXPECT_EQ(told("member", path, admin.list(Kind::kNetwork)->resourceVersion),
            (std::vector<std::string>{"ADDED shared -", "DELETED shared -"}));
}

TEST_F(ApiTest, ServerAwayIsSaidWithItsAddress) {
  auto nowhere = config("admin");
  nowhere.url = "https://127.0.0.1:1";
  const auto answer = Client(nowhere).list(Kind::kSite);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(answer.error().message.find("127.0.0.1:1"), std::string::npos);
}

// Takes connections and says nothing.
class SilentServer {
 public:
  SilentServer() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    url = "https://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~SilentServer() { ::close(fd_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  [[nodiscard]] int accept() const { return ::accept(fd_, nullptr, nullptr); }
  std::string url;

 private:
  int fd_;
};

TEST_F(ApiTest, ACallIsAborted) {
  const SilentServer silent;
  const auto flag = std::make_shared<std::atomic<bool>>(false);
  auto to = config("admin");
  to.url = silent.url;
  to.timeout = 60s;
  to.abort = flag;
  const auto begin = std::chrono::steady_clock::now();
  for (const bool authority : {false, true}) {
    *flag = false;
    std::thread ender([&] {
      const int connection = silent.accept();  // so the call is under way
      *flag = true;
      std::array<char, 1024> hello{};
      while (::read(connection, hello.data(), hello.size()) > 0) continue;
      ::close(connection);
    });
    const auto error =
        authority ? fetchAuthority(to, "sha256:00").error() : Client(to).list(Kind::kSite).error();
    EXPECT_EQ(error.code, ErrorCode::kUnavailable) << error.text();
    ender.join();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
}

TEST_F(ApiTest, OddRequests) {
  auto admin = client();
  EXPECT_EQ(admin.call("GET", "/api/v1/bananas").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(admin.call("POST", "/api/v1/networks/x", model::Json::object()));
  EXPECT_EQ(admin.call("GET", "/api/v1/networks/x").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(admin.call("GET", "/api/v1/networks?watch=true&resourceVersion=x").error().field,
            "resourceVersion");
  EXPECT_EQ(admin.call("GET", "/openapi.json").value()["openapi"].get<std::string>().substr(0, 1),
            "3");
}

TEST_F(ApiTest, ObjectsSurviveInTheStore) {
  ASSERT_TRUE(client().create(network("a")));
  TestAdmission again;
  const auto reopened = Objects::open(*store, again).value();
  const auto found = reopened->find(network("a").key());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->status["id"], 7);
}

}  // namespace
}  // namespace hawser::api
