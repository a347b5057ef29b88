// Objects made from the OpenAPI document: whatever the schema describes is accepted and kept, and
// every value of another type is refused with its path. So the document and the validation cannot
// say different things.
#include <gtest/gtest.h>

#include <functional>

#include "generate.h"

namespace hawser::model {
namespace {

using namespace test;

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
