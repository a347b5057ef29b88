#include <gtest/gtest.h>

#include "hawser/model/object.h"

namespace hawser::model {
namespace {

void add(ObjectMap& objects, Kind kind, const std::string& project, const std::string& name) {
  objects[{kind, project, name}] = std::make_shared<Object>();
}

std::vector<std::string> names(const auto& range) {
  std::vector<std::string> out;
  for (const auto& [key, object] : range) out.push_back(key.project + "/" + key.name);
  return out;
}

TEST(OfKind, EveryKindHasItsOwn) {
  ObjectMap objects;
  EXPECT_TRUE(ofKind(objects, Kind::kHost).empty());
  for (const auto& info : kinds()) {
    add(objects, info.kind, "", "a");
    add(objects, info.kind, "p", "b");
  }
  for (const auto& info : kinds())
    EXPECT_EQ(names(ofKind(objects, info.kind)), (std::vector<std::string>{"/a", "p/b"}));
}

TEST(OfKind, OfOneProject) {
  ObjectMap objects;
  for (const auto* project : {"", "p", "p-2", "pa", "q"}) {
    add(objects, Kind::kPort, project, "");
    add(objects, Kind::kPort, project, "z");
  }
  add(objects, Kind::kNetwork, "p", "z");
  EXPECT_EQ(names(ofKind(objects, Kind::kPort, "p")), (std::vector<std::string>{"p/", "p/z"}));
  EXPECT_EQ(names(ofKind(objects, Kind::kPort, "")), (std::vector<std::string>{"/", "/z"}));
  EXPECT_EQ(names(ofKind(objects, Kind::kPort, "q")).size(), 2U);
  EXPECT_TRUE(ofKind(objects, Kind::kPort, "none").empty());
  EXPECT_EQ(names(ofKind(objects, Kind::kPort)).size(), 10U);
}

}  // namespace
}  // namespace hawser::model
