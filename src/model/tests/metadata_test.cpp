// Names, labels and versions: what every object carries.
#include <gtest/gtest.h>

#include <set>

#include "build.h"

namespace hawser::model {
namespace {

using namespace test;

std::string errorWith(const std::string& metadata) {
  const auto made =
      parseObject(yaml("{kind: Network, metadata: " + metadata + ", spec: {}}"), "default");
  return made ? std::string() : made.error().text();
}

TEST(Metadata, ComesBackWhole) {
  const auto json = yaml(
      "{kind: Network, metadata: {name: db, project: database, labels: {tier: data, zone: a}, "
      "annotations: {note: \"any text: 1, 2\"}, owner: kube/kubernetes, uid: u1, resourceVersion: "
      "18446744073709551615, created: \"2026-01-31T12:00:00Z\"}, spec: {}, status: {id: 7}}");
  const auto made = parseObject(json);
  ASSERT_TRUE(made) << made.error().text();
  const auto& metadata = made->metadata;
  EXPECT_EQ(metadata.labels.at("zone"), "a");
  EXPECT_EQ(metadata.annotations.at("note"), "any text: 1, 2");
  EXPECT_EQ(metadata.owner, "kube/kubernetes");
  EXPECT_EQ(metadata.uid, "u1");
  EXPECT_EQ(metadata.resourceVersion, 18446744073709551615ULL);
  EXPECT_EQ(metadata.created, "2026-01-31T12:00:00Z");
  EXPECT_EQ(made->status["id"], 7U);
  const auto out = toJson(*made);
  EXPECT_EQ(out["metadata"], json["metadata"]);
  EXPECT_EQ(out["apiVersion"], "hawser/v1");
  EXPECT_EQ(out["status"], json["status"]);
}

TEST(Metadata, WhatIsEmptyIsNotWritten) {
  const auto out = toJson(parsed(Kind::kNetwork, "{}"));
  EXPECT_EQ(out["metadata"], (Json{{"name", "x"}, {"project", "default"}}));
  EXPECT_FALSE(out.contains("status"));
}

TEST(Metadata, Names) {
  for (const auto* good :
       {"a", "A", "0", "a-b", "a.b", "a_b", "Public", "nginx.public", "a1-b2.c3"})
    EXPECT_EQ(errorWith(std::string("{name: \"") + good + "\"}"), "") << good;
  for (const auto* bad :
       {"", "-a", "a-", ".a", "a.", "_a", "a_", "a b", "a/b", "a..b", "ä", "a\\tb", "a:b", "%61"})
    EXPECT_EQ(errorWith(std::string("{name: \"") + bad + "\"}").find("metadata.name: "), 0U) << bad;
  EXPECT_EQ(errorWith("{name: " + std::string(253, 'a') + "}"), "");
  EXPECT_EQ(errorWith("{name: " + std::string(254, 'a') + "}").find("metadata.name: "), 0U);
  EXPECT_EQ(errorWith("{name: 7}").find("metadata.name: 7:"), 0U);
}

TEST(Metadata, Projects) {
  EXPECT_EQ(errorWith("{name: a, project: \"\"}"), "") << "the default one";
  EXPECT_EQ(errorWith("{name: a, project: \"a/b\"}").find("metadata.project: "), 0U);
  EXPECT_EQ(errorWith("{name: a, project: 7}").find("metadata.project: "), 0U);
  const auto host =
      parseObject(yaml("{kind: Host, metadata: {name: a}, spec: {address: 1.1.1.1}}"), "default");
  ASSERT_TRUE(host);
  EXPECT_EQ(host->metadata.project, "") << "hosts are nobody's";
}

TEST(Metadata, LabelsAndVersions) {
  EXPECT_EQ(errorWith("{name: a, labels: {x: 1}}"), "metadata.labels.x: 1 is not text");
  EXPECT_EQ(errorWith("{name: a, labels: [x]}"), "metadata.labels: [\"x\"] is not an object");
  EXPECT_EQ(errorWith("{name: a, annotations: {x: {}}}"), "metadata.annotations.x: {} is not text");
  EXPECT_EQ(errorWith("{name: a, resourceVersion: x}"),
            "metadata.resourceVersion: \"x\" is not a version");
  EXPECT_EQ(errorWith("{name: a, resourceVersion: -1}"),
            "metadata.resourceVersion: -1 is not a version");
  EXPECT_EQ(errorWith("{name: a, owner: 1}"), "metadata.owner: 1 is not text");
  EXPECT_EQ(errorWith("{name: a, lables: {}}"),
            "metadata.lables: unknown field; did you mean \"labels\"?");
}

TEST(Object, WhatIsNone) {
  EXPECT_FALSE(parseObject(Json(7)));
  EXPECT_FALSE(parseObject(Json::array()));
  EXPECT_EQ(parseObject(yaml("{kind: 7, metadata: {name: a}}")).error().text(),
            "kind: 7 is not text");
  EXPECT_EQ(parseObject(yaml("{kind: Network, metadata: [], spec: {}}")).error().text(),
            "metadata: is required");
  EXPECT_EQ(parseObject(yaml("{kind: Network, metadata: {name: a}, spec: 7}"), "p").error().text(),
            "spec: 7 is not an object");
  EXPECT_TRUE(parseObject(yaml("{kind: Network, metadata: {name: a}, spec: null}"), "p"));
  EXPECT_TRUE(parseObject(yaml("{kind: Network, metadata: {name: a}, status: 7}"), "p"))
      << "a status is the API's, whatever a file says";
}

TEST(ObjectKey, OrdersByKindThenProject) {
  const ObjectKey host{Kind::kHost, "", "z"}, a{Kind::kNetwork, "a", "z"},
      b{Kind::kNetwork, "b", "a"};
  EXPECT_LT(host, a);
  EXPECT_LT(a, b);
  EXPECT_EQ(host.text(), "hosts/z");
  EXPECT_EQ(b.text(), "networks/b/a");
}

// Long values are shown short: a message fits a line.
TEST(Errors, ShowNoMoreThanNeeded) {
  const auto text = errorOf(Kind::kNetwork, "{external: " + std::string(3000, 'x') + "}");
  EXPECT_LT(text.size(), 160U);
  EXPECT_NE(text.find("..."), std::string::npos);
}

// Tenants share what belongs to no project; everything else is theirs.
TEST(Kinds, WhichBelongToAProject) {
  std::set<std::string_view> shared;
  for (const auto& kind : kinds())
    if (!kind.projectScoped) shared.insert(kind.name);
  EXPECT_EQ(shared, (std::set<std::string_view>{"Site", "Host", "Project", "AddressPool", "Peer",
                                                "Identity", "Token"}));
}

TEST(Errors, ShowTheBeginningOfWhatIsLong) {
  const auto shown = [](const Json& name) {
    return parseObject({{"kind", name}, {"metadata", {{"name", "a"}}}}).error().message;
  };
  // 80 characters with the brackets are shown, of more the first 77.
  EXPECT_EQ(shown(Json::array({std::string(76, 'x')})),
            "[\"" + std::string(76, 'x') + "\"] is not text");
  EXPECT_EQ(shown(Json::array({std::string(77, 'x')})),
            "[\"" + std::string(75, 'x') + "... is not text");
  EXPECT_EQ(shown(Json::array({"\xc3\xa9"})), "[\"\xc3\xa9\"] is not text") << "as it was written";
  EXPECT_EQ(shown(Json::array({"\xff"})), "[\"\xef\xbf\xbd\"] is not text")
      << "what is no UTF-8 is replaced";
}

TEST(Lists, HaveALimit) {
  const auto with = [](std::size_t count) {
    return parseObject({{"kind", "Service"},
                        {"metadata", {{"name", "a"}}},
                        {"spec", {{"network", "n"}, {"addresses", Json(count, "10.0.0.1")}}}},
                       "default")
        .error()
        .text();
  };
  EXPECT_EQ(with(100000), "spec.addresses[1]: 10.0.0.1 is there twice");
  EXPECT_EQ(with(100001), "spec.addresses: has more than 100000 items");
}

}  // namespace
}  // namespace hawser::model
