// The whole path over loopback: client, TLS, server, REST, objects, store.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

namespace hawser::api {
namespace {

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

TEST_F(ApiTest, QueriesHoldWhatIsKnown) {
  for (const auto* good : {"", "?labelSelector=", "?labelSelector=a%3Db,c!%3Dd,e", "?owner=x"})
    EXPECT_EQ(send("GET", std::string("/api/v1/networks") + good, "").first, 200) << good;
  for (const auto* bad : {"?wacth=true", "?labelSelector=a%3Db,,", "?labelSelector=%3Db",
                          "?labelSelector=,", "?dryRun=true"})
    EXPECT_EQ(send("GET", std::string("/api/v1/networks") + bad, "").first, 400) << bad;
  EXPECT_EQ(send("GET", "/api/v1/projects/p1?x=1", "").first, 400);
  EXPECT_NE(send("GET", "/api/v1/networks?wacth=true", "").second.find("?wacth"),
            std::string::npos);
}

TEST_F(ApiTest, DryRunsChangeNothingAndFalseIsNone) {
  auto admin = client();
  const auto body = model::toJson(network("a")).dump();
  const auto path = std::string("/api/v1/projects/p1/networks");
  EXPECT_EQ(send("POST", path + "?dryRun=true", body).first, 201);
  EXPECT_FALSE(admin.get(network("a").key()));
  EXPECT_EQ(send("POST", path + "?dryRun=maybe", body).first, 400);
  EXPECT_EQ(send("POST", path + "?dryrun=true", body).first, 400) << "not a change by mistake";
  EXPECT_EQ(send("POST", "/api/v1/apply?dryrun=true", R"({"objects": []})").first, 400);
  EXPECT_EQ(send("POST", path + "?dryRun=false", body).first, 201);
  EXPECT_TRUE(admin.get(network("a").key()));
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
