#include "hawser/model/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hawser::model {
namespace {

TEST(ReadObjects, ListsStandForTheirItems) {
  const auto read =
      readObjects("a.yaml",
                  "kind: NetworkList\nitems:\n- kind: Network\n  metadata: {name: a}\n"
                  "- kind: Network\n  metadata: {name: b, project: q}\n---\n"
                  "kind: Project\nmetadata: {name: q}\n",
                  "p");
  ASSERT_TRUE(read) << read.error().text();
  ASSERT_EQ(read->size(), 3U);
  EXPECT_EQ((*read)[0].object.key().text(), "networks/p/a");
  EXPECT_EQ((*read)[0].place.of("metadata.name"), "a.yaml:4");
  EXPECT_EQ((*read)[1].place.of(""), "a.yaml:5");
  EXPECT_EQ((*read)[2].place.of("spec.description"), "a.yaml:8");
}

TEST(ReadObjects, MistakesHaveTheirLine) {
  const auto mistake = [](const std::string& text) {
    const auto read = readObjects("a.yaml", text, "p");
    return read ? std::string() : read.error().field;
  };
  EXPECT_EQ(mistake("kind: ["), "a.yaml: line 1, column 8");
  EXPECT_EQ(
      mistake("kind: Project\nmetadata: {name: q}\n---\n# x\nkind: Host\nmetadata: {name: h}\n"
              "spec:\n  address: 10.0.0.300\n"),
      "a.yaml:8 (Host h): spec.address");
  EXPECT_EQ(mistake("kind: List\nitems:\n- kind: Network\n  metadata: {name: a}\n  spec: {x: 1}\n"),
            "a.yaml:5 (Network a): spec.x");
}

TEST(Placed, ErrorsOfTheSiteGetTheirFile) {
  Object object;
  object.kind = Kind::kNetwork;
  object.metadata.project = "p";
  object.metadata.name = "n";
  const auto text =
      std::make_shared<const std::string>("kind: Network\nmetadata: {name: n}\nspec:\n  x: 1\n");
  const std::vector<Read> read{{object, {"a.yaml", text}}};
  EXPECT_EQ(placed({ErrorCode::kInvalid, "m", "objects[0].spec.x"}, read).field,
            "a.yaml:4: networks/p/n spec.x");
  EXPECT_EQ(placed({ErrorCode::kInvalid, "m", "networks/p/n spec.x.y"}, read).field,
            "a.yaml:4: networks/p/n spec.x.y");
  EXPECT_EQ(placed({ErrorCode::kInvalid, "m", "networks/p/n"}, read).field,
            "a.yaml:1: networks/p/n");
  // What is not ours stays as it is.
  for (const auto* field :
       {"objects[9]", "objects[x]", "objects[", "objects[]", "networks/p/nn spec", ""})
    EXPECT_EQ(placed({ErrorCode::kInvalid, "m", field}, read).field, field);
}

TEST(LineOf, FindsFieldsAndParents) {
  const std::string yaml =
      "name: x\nsites:\n  - name: a\n    hosts:\n      - {name: h}\n  - name: b\n---\n\nname: y\n";
  EXPECT_EQ(lineOf(yaml, "name"), 1);
  EXPECT_EQ(lineOf(yaml, "sites[1].name"), 6);
  EXPECT_EQ(lineOf(yaml, "sites[0].hosts[0].address"), 5);
  EXPECT_EQ(lineOf(yaml, "sites[7].name"), 2);
  EXPECT_EQ(lineOf(yaml, "nothing"), 1);
  EXPECT_EQ(lineOf(yaml, "name", 1), 9);
  EXPECT_EQ(lineOf(yaml, "", 1), 9);
  EXPECT_EQ(lineOf(yaml, "name", 2), 0);
  EXPECT_EQ(lineOf("a: [", "a"), 0);
}

}  // namespace
}  // namespace hawser::model
