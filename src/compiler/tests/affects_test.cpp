// Which changes of objects ask for another compilation: those that could change its result, and no
// others.
#include "fixture.h"

namespace hawser::compiler {
namespace {

using namespace test;
using model::Kind;
using model::Object;

constexpr const char* kMore = R"(
kind: Project
metadata: {name: default}
---
kind: AddressPool
metadata: {name: pool}
spec: {prefixes: [185.22.96.0/24]}
---
kind: FloatingIP
metadata: {name: f}
spec: {network: Public, address: 185.22.97.10, port: nginx-a}
---
kind: Router
metadata: {name: r}
spec: {networks: [leonardo, nginx]}
---
kind: SecurityGroup
metadata: {name: g}
spec: {rules: [{direction: ingress}]}
---
kind: Peer
metadata: {name: dc1}
spec: {role: site, site: dc1, address: 10.1.0.10, asn: 64512}
---
kind: Link
metadata: {name: l}
spec: {peer: dc1, network: leonardo, remoteNetwork: default/db, routeTarget: "64512:9000001", remotePrefixes: [10.20.0.0/16], accepted: true}
---
kind: Quota
metadata: {name: default}
spec: {ports: 10}
---
kind: Token
metadata: {name: t}
spec: {role: reader, hash: "0000000000000000000000000000000000000000000000000000000000000000"}
)";

class Affects : public testing::Test {
 protected:
  Affects() {
    world_.add(kLeonardo);
    world_.add(kMore);
    before_ = world_.compile();  // numbers the identities
  }
  // The object with a status of its own; what affects() says of it, and whether it was right to
  // say no.
  bool withStatus(Kind kind, const std::string& name, const model::Json& patch) {
    return with(kind, name, [&](Object& object) { object.status.merge_patch(patch); });
  }
  template <class Change>
  bool with(Kind kind, const std::string& name, Change change) {
    const model::ObjectKey key{kind, model::info(kind).projectScoped ? "default" : "", name};
    const auto was = world_.objects.at(key);
    auto now = std::make_shared<Object>(*was);
    change(*now);
    const bool said = affects(was.get(), now.get());
    auto objects = world_.objects;
    objects[key] = now;
    EXPECT_TRUE(said || same(compiler::compile(objects), before_)) << key.text();
    return said;
  }
  static bool same(const Compiled& a, const Compiled& b) {
    return a.slices == b.slices && a.peers == b.peers && a.warnings == b.warnings &&
           a.missingIdentities == b.missingIdentities;
  }

  World world_;
  Compiled before_;
};

TEST_F(Affects, EveryKindIsHere) {
  std::set<Kind> kinds;
  for (const auto& [key, object] : world_.objects) kinds.insert(key.kind);
  EXPECT_EQ(kinds.size(), model::kinds().size());
}

// Without an object the result is another, or the kind is one that nobody reads.
TEST_F(Affects, WhatComesOrGoes) {
  std::set<Kind> without;
  for (const auto& [key, object] : world_.objects) {
    auto fewer = world_.objects;
    fewer.erase(key);
    const bool said = affects(object.get(), nullptr);
    EXPECT_EQ(said, affects(nullptr, object.get())) << key.text();
    EXPECT_TRUE(said || same(compiler::compile(fewer), before_)) << key.text();
    if (!said) without.insert(key.kind);
  }
  EXPECT_EQ(without, (std::set{Kind::kProject, Kind::kAddressPool, Kind::kQuota, Kind::kToken}));
}

TEST_F(Affects, WhatIsOnlyReportedDoesNot) {
  for (const auto& [key, object] : world_.objects)
    for (const auto& report : {model::Json{{"message", "17 of 18"}}, model::Json{{"host", "node1"}},
                               model::Json{{"ports", 7}}, model::Json{{"connected", true}},
                               model::Json{{"agentVersion", "0.2"}},
                               model::Json{{"answer", "waits"}}, model::Json{{"theirOffer", 3}}})
      EXPECT_FALSE(withStatus(key.kind, key.name, report)) << key.text() << " " << report;
  EXPECT_FALSE(withStatus(Kind::kPort, "leonardo-a", {{"phase", "up"}}));
  EXPECT_FALSE(withStatus(Kind::kLink, "l", {{"phase", "pending"}})) << "no more than none";
}

TEST_F(Affects, WhatTheApiGaveOutDoes) {
  EXPECT_TRUE(withStatus(Kind::kPort, "leonardo-a", {{"addresses", {"10.10.0.9"}}}));
  EXPECT_TRUE(withStatus(Kind::kPort, "leonardo-a", {{"mac", "02:00:00:00:00:07"}}));
  EXPECT_TRUE(withStatus(Kind::kNetwork, "leonardo", {{"id", 77}}));
  EXPECT_TRUE(withStatus(Kind::kNetwork, "leonardo", {{"autoRouteTarget", "64513:8000077"}}));
  EXPECT_TRUE(withStatus(Kind::kLink, "l", {{"phase", "established"}}));
}

TEST_F(Affects, APortThatIsAnotherDoes) {
  EXPECT_TRUE(with(Kind::kPort, "leonardo-a", [](Object& port) { port.metadata.uid = "new"; }));
}

TEST_F(Affects, LabelsAndVersionsDoNot) {
  for (const auto& [key, object] : world_.objects)
    EXPECT_FALSE(with(key.kind, key.name, [](Object& changed) {
      changed.metadata.labels["a"] = "b";
      changed.metadata.annotations["a"] = "b";
      changed.metadata.owner = "kube/x";
      changed.metadata.resourceVersion += 7;
    })) << key.text();
}

TEST_F(Affects, ASpecDoes) {
  for (const auto& [key, object] : world_.objects) {
    const bool read = key.kind != Kind::kProject && key.kind != Kind::kAddressPool &&
                      key.kind != Kind::kQuota && key.kind != Kind::kToken;
    EXPECT_EQ(
        with(key.kind, key.name, [](Object& changed) { changed.spec["description"] = "other"; }),
        read)
        << key.text();
  }
}

}  // namespace
}  // namespace hawser::compiler
