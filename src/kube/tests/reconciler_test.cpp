#include "reconciler.h"

#include <gtest/gtest.h>

namespace hawser::kube {
namespace {

using model::Json;
using model::Kind;

constexpr const char* kOwner = "kube/test";

model::ObjectPtr object(Kind kind, const std::string& name, Json spec,
                        const std::string& owner = kOwner) {
  auto made = std::make_shared<model::Object>();
  made->kind = kind;
  made->metadata.name = name;
  if (model::info(kind).projectScoped) made->metadata.project = "default";
  made->metadata.owner = owner;
  made->spec = std::move(spec);
  return made;
}

model::ObjectMap mapOf(std::initializer_list<model::ObjectPtr> objects) {
  model::ObjectMap map;
  for (const auto& item : objects) map[item->key()] = item;
  return map;
}

const Json kNetwork{{"subnets", {{{"prefix", "10.10.0.0/16"}}}}};

TEST(Diff, CreatesInReferenceOrderAndRemovesTheOtherWayRound) {
  const auto all =
      mapOf({object(Kind::kPort, "p", {{"network", "n"}}), object(Kind::kNetwork, "n", kNetwork),
             object(Kind::kProject, "default", Json::object()),
             object(Kind::kPolicy, "x", {{"rules", Json::array()}})});
  const auto up = diff(all, {}, kOwner);
  ASSERT_EQ(up.apply.size(), 4U);
  EXPECT_EQ(up.apply.front().kind, Kind::kProject);
  EXPECT_EQ(up.apply.back().kind, Kind::kPolicy);
  const auto down = diff({}, all, kOwner);
  ASSERT_EQ(down.remove.size(), 4U);
  EXPECT_EQ(down.remove.front().kind, Kind::kPolicy);
  EXPECT_EQ(down.remove.back().kind, Kind::kProject);
}

TEST(Diff, EqualIsNothing) {
  const auto all = mapOf({object(Kind::kNetwork, "n", kNetwork)});
  EXPECT_TRUE(diff(all, all, kOwner).empty());
}

TEST(Diff, FieldsOfOthersInOurObjectsStay) {
  auto spec = kNetwork;
  spec["routeTargets"] = {{"both", {"64512:100"}}};
  const auto actual = mapOf({object(Kind::kNetwork, "n", spec)});
  EXPECT_TRUE(diff(mapOf({object(Kind::kNetwork, "n", kNetwork)}), actual, kOwner).empty());
  EXPECT_TRUE(diff({}, actual, kOwner).remove.empty())
      << "a network with a person's route targets stays";
}

TEST(Diff, ObjectsOfOthersAreUsedNotTouched) {
  const auto theirs = mapOf({object(Kind::kNetwork, "n", {{"subnets", Json::array()}}, "")});
  EXPECT_TRUE(diff(mapOf({object(Kind::kNetwork, "n", kNetwork)}), theirs, kOwner).empty());
  EXPECT_TRUE(diff({}, theirs, kOwner).empty());
}

TEST(Diff, ChangedBackendsAreWritten) {
  const Json two{{"backends", {{{"port", "a"}}, {{"port", "b"}}}}};
  const Json none{{"backends", Json::array()}};
  EXPECT_EQ(diff(mapOf({object(Kind::kService, "s", none)}),
                 mapOf({object(Kind::kService, "s", two)}), kOwner)
                .apply.size(),
            1U);
}

}  // namespace
}  // namespace hawser::kube
