// Files as people write them, with one mistake each: the place and the words.
#include <gtest/gtest.h>

#include "build.h"

namespace hawser::model {
namespace {

using namespace test;

// What `hawser apply` would say of a text: the first document that is wrong, or "".
std::string complaint(std::string_view text) {
  const auto documents = parseDocuments(text);
  if (!documents) return documents.error().text();
  for (const auto& document : *documents)
    if (const auto object = parseObject(document, "default"); !object) return object.error().text();
  return {};
}

TEST(Mistakes, OfYamlHaveLineAndColumn) {
  struct Row {
    const char* text;
    const char* place;
  };
  for (const auto& row : {
           Row{"kind: Network\nmetadata: {name: a\nspec: {}\n", "line 3"},
           Row{"kind: Network\n\tmetadata: {name: a}\n", "line 2"},
           Row{"kind: Network\nmetadata:\n  name: a\n bad: 1\n", "line 4"},
           Row{"a: 'unfinished\n", "line"},
           Row{"a: \"\\q\"\n", "line 1"},
           Row{"- a\nb: 1\n", "line 2"},
           Row{"a: b: c\n", "line 1"},
           Row{"a: *nothing\n", "line 1"},
           Row{"{a: 1}}\n", "line 1"},
           Row{"a: 1\n---\nb: 1\nb: 2\n", "line 4, column 1"},
       }) {
    const auto got = parseDocuments(row.text);
    ASSERT_FALSE(got) << row.text;
    EXPECT_EQ(got.error().field.find(row.place), 0U) << row.text << got.error().text();
    EXPECT_FALSE(got.error().message.empty());
  }
}

TEST(Mistakes, OfOtherFiles) {
  EXPECT_EQ(complaint("<html></html>"),
            "\"<html></html>\" is not an object with kind, metadata and spec");
  EXPECT_EQ(complaint("just text"), "\"just text\" is not an object with kind, metadata and spec");
  EXPECT_EQ(complaint("[1, 2]"), "[1,2] is not an object with kind, metadata and spec");
  EXPECT_NE(complaint("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {}\n")
                .find("\"Pod\" is not a kind; did you mean \"Port\"?"),
            std::string::npos);
  EXPECT_EQ(complaint(""), "") << "nothing to do is no mistake";
}

TEST(Mistakes, OfKubernetesHabits) {
  EXPECT_EQ(complaint("kind: Network\nmetadata: {name: a, namespace: b}\n"),
            "metadata.namespace: unknown field");
  EXPECT_EQ(complaint("kind: Network\nmetadata: {name: a}\ndata: {}\n"), "data: unknown field");
  EXPECT_EQ(complaint("kind: Service\nmetadata: {name: a}\nspec: {network: n, selector: {}}\n"),
            "spec.selector: unknown field");
  EXPECT_EQ(complaint("kind: Service\nmetadata: {name: a}\n"
                      "spec: {network: n, ports: [{port: 80, protocol: TCP}]}\n"),
            "spec.ports[0].protocol: \"TCP\" is not known; did you mean \"tcp\"?");
  EXPECT_EQ(complaint("kind: Service\nmetadata: {name: a}\n"
                      "spec: {network: n, ports: [{port: 80, targetport: 8000}]}\n"),
            "spec.ports[0].targetport: unknown field; did you mean \"targetPort\"?");
}

TEST(Mistakes, OfTheListInEveryOperatorsMind) {
  EXPECT_EQ(complaint("kind: Network\nmetadata: {name: a}\n"
                      "spec: {subnets: [{prefix: 10.0.0.0/8}, {prefix: 10.1.0.0/16}]}\n"),
            "spec.subnets[1].prefix: 10.1.0.0/16 overlaps 10.0.0.0/8");
  EXPECT_EQ(complaint("kind: Network\nmetadata: {name: a}\n"
                      "spec: {subnets: [{prefix: 10.0.0.5/24}]}\n"),
            "spec.subnets[0].prefix: 10.0.0.5/24 has host bits set; did you mean 10.0.0.0/24?");
  EXPECT_EQ(complaint("kind: Network\nmetadata: {name: a}\nspec: {subnet: 10.0.0.0/24}\n"),
            "spec.subnet: unknown field; did you mean \"subnets\"?");
  EXPECT_EQ(complaint("kind: Port\nmetadata: {name: a}\nspec: {network: n, adresses: []}\n"),
            "spec.adresses: unknown field; did you mean \"addresses\"?");
  EXPECT_EQ(complaint("kind: Port\nmetadata: {name: a}\nspec: {network: n, addresses: 10.0.0.1}\n"),
            "spec.addresses: \"10.0.0.1\" is not a list");
  EXPECT_EQ(complaint("kind: FloatingIP\nmetadata: {name: a}\nspec: {}\n"),
            "spec.network: is required");
  EXPECT_EQ(complaint("kind: Link\nmetadata: {name: a}\nspec: {peer: p}\n"),
            "spec.network: is required");
}

// yaml-cpp reads both without a complaint: half a file must not pass for a whole one.
TEST(Mistakes, FilesThatAreCutOff) {
  for (const auto* text : {"a: 'unfinished\n", "a: \"unfinished\n", "a: 'x", "b: 1\na: 'x\n",
                           "b: 1\nc:\n  - 'x\n", "{a: 1", "[a, b", "a: [1,\n", "a: {b: 1\n"})
    EXPECT_FALSE(parseDocuments(text)) << text;
  const auto errorOf = [](std::string_view text) { return parseDocuments(text).error().text(); };
  EXPECT_EQ(errorOf("b: 1\na: 'x\n"), "line 2, column 6: is not YAML: a quoted text has no end");
  EXPECT_EQ(errorOf("kind: ["), "line 1, column 8: is not YAML: end of sequence flow not found")
      << "the end of the text, not what lies behind it";
  const std::string whole =
      "kind: Network\nmetadata: {name: \"a\"}\nspec: {description: 'one and only'}\n";
  EXPECT_EQ(complaint(whole), "");
  const auto quote = whole.rfind('\'');
  for (auto size = whole.find('\''); ++size <= quote;)
    EXPECT_NE(complaint(whole.substr(0, size)), "") << whole.substr(0, size);
}

TEST(Mistakes, DocumentsNeedAMark) {
  EXPECT_FALSE(parseDocuments("- a\nb: 1\n"));
  EXPECT_FALSE(parseDocuments("a: 1\n---\n- a\nb: 1\n"));
  EXPECT_EQ(parseDocuments("a: 1\n---\nb: 1\n")->size(), 2U);
  EXPECT_EQ(parseDocuments("a: 1\n...\nb: 1\n")->size(), 2U);
  EXPECT_EQ(parseDocuments("a: 1\n...\n# a comment\n\nb: 1\n")->size(), 2U);
  EXPECT_EQ(parseDocuments("a: 1\n...\n---\nb: 1\n...\n")->size(), 2U);
  EXPECT_EQ(parseDocuments("--- {a: 1}\n--- {b: 1}\n")->size(), 2U);
  EXPECT_EQ(parseDocuments("# first\n---\na: 1\n---\n# nothing\n")->size(), 1U);
  EXPECT_EQ(parseDocuments("{\"a\": 1}\n{\"b\": 2}\n")->size(), 2U) << "JSON lines";
  EXPECT_EQ(parseDocuments("%YAML 1.2\n---\na: 1\n")->size(), 1U);
  EXPECT_EQ(parseDocuments("a: |\n  text\n  ...\nb: 1\n")->at(0)["a"], "text\n...\n");
  EXPECT_EQ(parseDocuments("a: |\n  text")->at(0)["a"].get<std::string>().substr(0, 4), "text");
  EXPECT_EQ(parseDocuments("a: \"two\n  lines\"\n")->at(0)["a"], "two lines");
  EXPECT_TRUE(parseDocuments("...\n")->empty());
  EXPECT_TRUE(parseDocuments("\n\n")->empty());
}

// Each line is looked at once, however many documents there are.
TEST(Mistakes, ManyDocumentsAreReadInOneGo) {
  std::string text;
  for (int i = 0; i < 50000; ++i) text += "---\n- a\n";
  EXPECT_EQ(parseDocuments(text)->size(), 50000U);
}

// The second of two documents is judged too, and named by its own path.
TEST(Mistakes, InALaterDocument) {
  EXPECT_EQ(complaint("kind: Network\nmetadata: {name: a}\n---\nkind: Network\nmetadata: {}\n"),
            "metadata.name: is required");
}

TEST(Nearest, TakesTheClosestAndOnlyWhatIsClose) {
  const std::vector<std::string> known{"network", "networks", "addresses", "host", "hostname"};
  EXPECT_EQ(nearest("network", known), "network");
  EXPECT_EQ(nearest("Networks", known), "networks");
  EXPECT_EQ(nearest("netwrok", known), "network");
  EXPECT_EQ(nearest("hosts", known), "host");
  EXPECT_EQ(nearest("hostnames", known), "hostname");
  EXPECT_EQ(nearest("adresses", known), "addresses");
  EXPECT_EQ(nearest("xyz", known), "");
  EXPECT_EQ(nearest("", known), "");
  EXPECT_EQ(nearest("a", known), "") << "one letter is near to everything, so to nothing";
  EXPECT_EQ(nearest("network", {}), "");
}

}  // namespace
}  // namespace hawser::model
