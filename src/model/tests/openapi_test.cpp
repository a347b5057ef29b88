// The OpenAPI document and the explanations say what validation does.
#include <gtest/gtest.h>

#include <functional>

#include "build.h"

namespace hawser::model {
namespace {

using namespace test;

void eachObject(const Json& json, const std::function<void(const Json&)>& visit) {
  if (json.is_object()) visit(json);
  if (json.is_structured())
    for (const auto& item : json) eachObject(item, visit);
}

TEST(OpenApi, IsOneDocument) {
  const auto document = openApi();
  EXPECT_EQ(document["openapi"], "3.0.3");
  EXPECT_TRUE(document["paths"].is_object());
  EXPECT_TRUE(document["components"]["securitySchemes"].contains("token"));
  EXPECT_EQ(Json::parse(document.dump()), document);
}

TEST(OpenApi, EveryReferenceLeadsSomewhere) {
  const auto document = openApi();
  std::size_t references = 0;
  eachObject(document, [&](const Json& json) {
    const auto found = json.find("$ref");
    if (found == json.end()) return;
    ++references;
    const auto pointer = found->get<std::string>().substr(1);
    EXPECT_TRUE(document.contains(Json::json_pointer(pointer))) << pointer;
  });
  EXPECT_GT(references, 100U);
}

TEST(OpenApi, EveryOperationHasAnAnswerAndAnError) {
  std::size_t operations = 0;
  const auto document = openApi();
  for (const auto& [path, methods] : document["paths"].items()) {
    EXPECT_EQ(path.front(), '/');
    for (const auto& [method, operation] : methods.items()) {
      if (method == "parameters") {
        ASSERT_TRUE(operation.is_array()) << path;
        continue;
      }
      ++operations;
      EXPECT_TRUE(operation["responses"].contains("default")) << method << path;
      EXPECT_EQ(operation["responses"].size(), 2U) << method << path;
      EXPECT_FALSE(operation["summary"].get<std::string>().empty()) << method << path;
      if (method == "post" || method == "put" || method == "patch") {
        EXPECT_TRUE(operation.contains("requestBody")) << method << path;
      }
    }
  }
  EXPECT_GT(operations, 16U * 5U);
}

// What stands in braces in a path is described, and nothing else is.
TEST(OpenApi, PathParametersAreThoseOfThePath) {
  const auto document = openApi();
  for (const auto& kind : kinds()) {
    const auto collection = (kind.projectScoped ? "/api/v1/projects/{project}/" : "/api/v1/") +
                            std::string(kind.plural);
    const auto& one = document["paths"][collection + "/{name}"];
    ASSERT_TRUE(one.is_object()) << collection;
    std::set<std::string> names;
    for (const auto& parameter : one["parameters"]) {
      EXPECT_EQ(parameter["in"], "path");
      EXPECT_EQ(parameter["required"], true);
      names.insert(parameter["name"].get<std::string>());
    }
    EXPECT_EQ(names, kind.projectScoped ? (std::set<std::string>{"project", "name"})
                                        : std::set<std::string>{"name"});
    for (const auto* method : {"get", "put", "patch", "delete"})
      EXPECT_TRUE(one.contains(method)) << collection << method;
    EXPECT_TRUE(document["paths"][collection].contains("post")) << collection;
    EXPECT_EQ(document["paths"].contains("/api/v1/" + std::string(kind.plural)), true)
        << "lists over all projects";
  }
}

// Each schema refuses what parseObject refuses: unknown fields and absent required ones.
TEST(OpenApi, SchemasAreClosedAndNameWhatIsRequired) {
  const auto schemas = openApi()["components"]["schemas"];
  for (const auto& kind : kinds()) {
    const auto& spec = schemas[std::string(kind.name)]["properties"]["spec"];
    EXPECT_EQ(spec["additionalProperties"], false) << kind.name;
    const auto empty = parseObject(object(kind.kind, "{}"), "default");
    const bool needs = spec.contains("required") && !spec["required"].empty();
    if (needs) {
      ASSERT_FALSE(empty) << kind.name;
      EXPECT_EQ(empty.error().message, "is required") << kind.name;
    } else {
      EXPECT_TRUE(empty) << kind.name << ": " << empty.error().text();
    }
    for (const auto& [name, field] : spec["properties"].items())
      EXPECT_TRUE(field.contains("type")) << kind.name << "." << name;
  }
}

TEST(OpenApi, DefaultsAndLimitsAreThoseOfValidation) {
  const auto schemas = openApi()["components"]["schemas"];
  const auto& peer = schemas["Peer"]["properties"]["spec"]["properties"];
  EXPECT_EQ(peer["port"]["default"], 179);
  EXPECT_EQ(peer["port"]["minimum"], 1);
  EXPECT_EQ(peer["port"]["maximum"], 65535);
  EXPECT_EQ(peer["role"]["enum"], Json::array({"gateway", "site"}));
  EXPECT_EQ(peer["families"]["items"]["enum"], Json::array({"vpnv4", "vpnv6", "rtc"}));
  const auto& service = schemas["Service"]["properties"]["spec"]["properties"];
  EXPECT_EQ(
      service["backends"]["items"]["properties"]["targetPorts"]["additionalProperties"]["maximum"],
      65535);
  const auto made = parsed(Kind::kPeer, "{role: gateway, address: 10.3.0.1, asn: 64999}");
  for (const auto& [name, field] : peer.items())
    if (field.contains("default")) {
      EXPECT_EQ(made.spec[name], field["default"]) << name;
    }
}

TEST(Explain, TellsTypeDefaultAndNeed) {
  const auto text = explain(Kind::kService);
  for (const auto* part :
       {"Service: Virtual addresses", "network  <name or project/name, required>", "ports  <list>",
        "protocol  <one of tcp, udp, sctp, default \"tcp\">", "port  <1 to 65535, required>",
        "ready  <true or false, default true>"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
  EXPECT_NE(explain(Kind::kSite).find("list of: MPLSoUDP, MPLSoGRE, VXLAN"), std::string::npos);
  EXPECT_NE(explain(Kind::kAddressPool).find("prefixes  <list of: prefix>"), std::string::npos);
}

TEST(Explain, NamesEveryFieldOfTheSchema) {
  const auto schemas = openApi()["components"]["schemas"];
  for (const auto& kind : kinds()) {
    const auto text = explain(kind.kind);
    for (const auto& [name, field] :
         schemas[std::string(kind.name)]["properties"]["spec"]["properties"].items())
      EXPECT_NE(text.find("  " + name + "  <"), std::string::npos) << kind.name << "." << name;
  }
}

}  // namespace
}  // namespace hawser::model
