// Who may do what: tokens, certificates, owners.
#include "fixture.h"

namespace hawser::api {
namespace {

using AccessTest = ApiTest;

TEST_F(AccessTest, RolesDecide) {
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

TEST_F(AccessTest, AnOwnerKeepsWhatIsIts) {
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

TEST_F(AccessTest, CertificatesOfHostsAndOfStrangers) {
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

TEST_F(AccessTest, AHostsCertificateCannotServe) {
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

TEST_F(AccessTest, KeysOfPeersAreForAdministrators) {
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

TEST_F(AccessTest, ATokenThatIsOverOpensNothing) {
  addToken("late", {{"role", "reader"}, {"expires", "2020-01-01T00:00:00Z"}});
  addToken("early", {{"role", "reader"}, {"expires", "2099-01-01T00:00:00Z"}});
  EXPECT_EQ(client("late").list(Kind::kNetwork).error().code, ErrorCode::kUnauthorized);
  EXPECT_TRUE(client("early").list(Kind::kNetwork));
}

// Found by its hash, through every change of the Tokens and after a restart.
TEST_F(AccessTest, ATokenIsWhatItsObjectSays) {
  auto admin = client();
  EXPECT_TRUE(client("reader").list(Kind::kNetwork));
  ASSERT_TRUE(admin.patch({Kind::kToken, {}, "reader"},
                          {{"spec", {{"hash", sha256Hex("secret-changed")}}}}));
  EXPECT_EQ(client("reader").list(Kind::kNetwork).error().code, ErrorCode::kUnauthorized);
  EXPECT_TRUE(client("changed").list(Kind::kNetwork));
  ASSERT_TRUE(admin.patch({Kind::kToken, {}, "reader"}, {{"spec", {{"role", "admin"}}}}));
  EXPECT_TRUE(client("changed").create(network("a")));
  TestAdmission again;
  const auto reopened = Objects::open(*store, again).value();
  EXPECT_EQ(reopened->tokenOf("secret-changed")->metadata.name, "reader");
  EXPECT_FALSE(reopened->tokenOf("secret-reader"));
  ASSERT_TRUE(admin.remove({Kind::kToken, {}, "reader"}));
  EXPECT_EQ(client("changed").list(Kind::kNetwork).error().code, ErrorCode::kUnauthorized);
  EXPECT_FALSE(admin.create(
      object("Token", {}, "forbidden", {{"role", "reader"}, {"hash", sha256Hex("secret-x")}})));
  EXPECT_EQ(client("x").list(Kind::kNetwork).error().code, ErrorCode::kUnauthorized);
}

}  // namespace
}  // namespace hawser::api
