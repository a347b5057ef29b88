// Objects made from the OpenAPI document: whatever the schema describes is accepted and kept, and
// every value of another type is refused with its path. So the document and the validation cannot
// say different things.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "build.h"

namespace hawser::model {
namespace {

using namespace test;

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  Json value(const Json& schema) {
    if (schema.contains("enum")) return schema["enum"][pick(schema["enum"].size())];
    const auto type = schema["type"].get<std::string>();
    if (type == "boolean") return pick(2) == 0;
    if (type == "integer") return integer(schema);
    if (type == "string") return text(schema.value("format", ""));
    if (type == "array") return list(schema["items"]);
    return object(schema);
  }

  // Required fields always, others half of the time.
  Json object(const Json& schema) {
    auto out = Json::object();
    if (schema.contains("properties")) {
      const auto required = schema.value("required", Json::array());
      for (const auto& [name, field] : schema["properties"].items())
        if (std::find(required.begin(), required.end(), name) != required.end() || pick(2) == 0)
          out[name] = value(field);
    } else {
      for (std::size_t i = pick(3); i > 0; --i)
        out["key" + std::to_string(i)] = value(schema["additionalProperties"]);
    }
    return out;
  }

 private:
  std::size_t pick(std::size_t n) { return random_() % n; }

  Json integer(const Json& schema) {
    const auto least = schema.value("minimum", std::int64_t{1});
    const auto most = schema.value("maximum", std::int64_t{65535});
    if (pick(4) == 0) return least;
    if (pick(4) == 0) return most;
    return least +
           static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most - least + 1));
  }
  Json list(const Json& items) {
    auto out = Json::array();
    for (std::size_t i = pick(3); i > 0; --i) out.push_back(value(items));
    return out;
  }
  // A new one each time, so that nothing is there twice and no ranges overlap.
  Json text(const std::string& format) {
    const auto n = ++count_;
    const auto hex = [](unsigned byte) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      return std::string{kDigits[byte >> 4U & 15U], kDigits[byte & 15U]};
    };
    const auto quad = std::to_string(n / 250 % 250) + "." + std::to_string(n % 250 + 1);
    if (format == "ip-address") return "10.9." + quad;
    if (format == "ip-prefix") return "10." + quad + ".0/24";
    if (format == "mac-address") return "02:00:00:00:" + hex(n / 256) + ":" + hex(n % 256);
    if (format == "route-target") return "64512:" + std::to_string(n);
    if (format == "port-range")
      return std::to_string(n % 60000) + "-" + std::to_string(n % 60000 + 5);
    if (format == "reference")
      return (pick(2) == 0 ? "project/" : "") + ("name" + std::to_string(n));
    return "name" + std::to_string(n);
  }

  std::mt19937 random_;
  unsigned count_ = 0;
};

Json specSchema(Kind kind) {
  static const auto kSchemas = openApi()["components"]["schemas"];
  return kSchemas[std::string(info(kind).name)]["properties"]["spec"];
}

// What no schema of one field can say.
void satisfy(Kind kind, Json& spec) {
  const auto each = [&](const char* name, const std::function<void(Json&)>& visit) {
    if (spec.contains(name))
      for (auto& item : spec[name]) visit(item);
  };
  switch (kind) {
    case Kind::kNetwork:
      each("subnets", [](Json& subnet) { subnet.erase("gateway"); });
      break;
    case Kind::kService: {
      int port = 0;
      each("ports", [&](Json& item) {
        item["port"] = ++port;
        item["name"] = "p" + std::to_string(port);
      });
      each("backends", [](Json& backend) { backend.erase("targetPorts"); });
      break;
    }
    case Kind::kPolicy:
      each("rules", [](Json& rule) {
        rule["from"] = {{"network", "a"}};
        rule["to"] = {{"network", "b"}};
        rule["protocol"] = "tcp";
      });
      break;
    case Kind::kSecurityGroup:
      each("rules", [](Json& rule) {
        rule["protocol"] = "udp";
        rule.erase("remoteGroup");
        rule.erase("remoteNetwork");
      });
      break;
    case Kind::kPeer:
      spec["site"] = "other";
      spec["holdTime"] = 30;
      if (spec.contains("api")) spec["api"]["url"] = "https://10.1.0.10:8443";
      break;
    case Kind::kToken:
      spec["project"] = "p";
      spec["host"] = "h";
      spec["hash"] = std::string(64, '0');
      spec.erase("expires");
      break;
    default:
      break;
  }
}

Json made(Kind kind, const Json& spec) {
  return {{"kind", info(kind).name}, {"metadata", {{"name", "x"}}}, {"spec", spec}};
}

TEST(Generated, WhatTheSchemaDescribesIsAccepted) {
  Generator generator(7);
  for (const auto& kind : kinds())
    for (int round = 0; round < 80; ++round) {
      auto spec = generator.object(specSchema(kind.kind));
      satisfy(kind.kind, spec);
      const auto object = parseObject(made(kind.kind, spec), "default");
      ASSERT_TRUE(object) << object.error().text() << "\n" << spec.dump(1);
      // Nothing that was said is lost: what was added are defaults.
      for (const auto& [name, value] : spec.items())
        EXPECT_TRUE(object->spec.contains(name)) << kind.name << "." << name;
      const auto again = parseObject(toJson(*object));
      ASSERT_TRUE(again) << again.error().text();
      EXPECT_EQ(again->spec, object->spec);
      const auto throughYaml = parseDocuments(toYaml(toJson(*object)));
      ASSERT_TRUE(throughYaml) << throughYaml.error().text();
      EXPECT_EQ(parseObject(throughYaml->at(0))->spec, object->spec);
    }
}

void eachField(const Json& value, const Json& schema, const Json::json_pointer& at,
               const std::string& path,
               const std::function<void(const Json::json_pointer&, const std::string&,
                                        const Json& schema)>& visit) {
  if (schema.contains("properties") && value.is_object())
    for (const auto& [name, item] : value.items()) {
      visit(at / name, path + "." + name, schema["properties"][name]);
      eachField(item, schema["properties"][name], at / name, path + "." + name, visit);
    }
  if (schema.contains("items") && value.is_array())
    for (std::size_t i = 0; i < value.size(); ++i) {
      const auto place = path + "[" + std::to_string(i) + "]";
      visit(at / i, place, schema["items"]);
      eachField(value[i], schema["items"], at / i, place, visit);
    }
}

// A value that has not the type of the field; AS numbers and ports are read from text too.
Json ofAnotherType(const Json& schema) {
  const auto type = schema["type"].get<std::string>();
  if (type == "object") return Json::array({1});
  if (type == "array") return Json::object({{"a", 1}});
  return Json::array();
}

// Visits every field of 20 objects of each kind: (kind, spec, place, path, schema).
void eachGenerated(unsigned seed,
                   const std::function<void(const KindInfo&, const Json&, const Json::json_pointer&,
                                            const std::string&, const Json&)>& visit) {
  Generator generator(seed);
  for (const auto& kind : kinds())
    for (int round = 0; round < 20; ++round) {
      const auto schema = specSchema(kind.kind);
      auto spec = generator.object(schema);
      satisfy(kind.kind, spec);
      eachField(spec, schema, Json::json_pointer(), "spec",
                [&](const Json::json_pointer& at, const std::string& path, const Json& field) {
                  visit(kind, spec, at, path, field);
                });
    }
}

// With the value at the place put there instead, the object is refused, and `path` is named.
void expectRefused(const KindInfo& kind, Json spec, const Json::json_pointer& at, const Json& value,
                   const std::string& path) {
  spec[at] = value;
  const auto object = parseObject(made(kind.kind, spec), "default");
  ASSERT_FALSE(object) << kind.name << " " << path << " " << value;
  EXPECT_EQ(object.error().field, path) << kind.name << ": " << object.error().message;
  EXPECT_EQ(object.error().code, ErrorCode::kInvalid);
}

TEST(Generated, EveryValueOfAnotherTypeIsRefusedWithItsPath) {
  std::size_t fields = 0;
  eachGenerated(11, [&](const auto& kind, const auto& spec, const auto& at, const auto& path,
                        const auto& field) {
    ++fields;
    expectRefused(kind, spec, at, ofAnotherType(field), path);
  });
  EXPECT_GT(fields, 1000U);
}

TEST(Generated, EveryUnknownFieldIsRefusedWithItsPath) {
  eachGenerated(13, [](const auto& kind, const auto& spec, const auto& at, const auto& path,
                       const auto& field) {
    if (field.contains("properties"))
      expectRefused(kind, spec, at / "no-such-field", 1, path + ".no-such-field");
  });
}

TEST(Generated, IntegersBeyondTheirLimitsAreRefused) {
  eachGenerated(17, [](const auto& kind, const auto& spec, const auto& at, const auto& path,
                       const auto& field) {
    if (!field.contains("minimum")) return;
    expectRefused(kind, spec, at, field["minimum"].template get<std::int64_t>() - 1, path);
    expectRefused(kind, spec, at, field["maximum"].template get<std::int64_t>() + 1, path);
  });
}

// Every required field, at any depth.
TEST(Generated, EveryAbsentRequiredFieldIsTold) {
  std::size_t fields = 0;
  eachGenerated(19, [&](const auto& kind, const auto& spec, const auto& at, const auto& path,
                        const auto& field) {
    for (const auto& name : field.value("required", Json::array())) {
      ++fields;
      const auto text = name.template get<std::string>();
      expectRefused(kind, spec, at / text, nullptr, path + "." + text);
    }
  });
  EXPECT_GT(fields, 50U);
}

}  // namespace
}  // namespace hawser::model
