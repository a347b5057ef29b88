// The schemas of the OpenAPI document as a client's validator reads them: real objects fit, and an
// object that does not fit is refused by the API too, wherever it was damaged.
#include <gtest/gtest.h>

#include "generate.h"

namespace hawser::model {
namespace {

using namespace test;

// As much of JSON Schema as the document uses. Empty when `value` fits, else where it does not.
class Validator {
 public:
  std::string check(const Json& value, const Json& schema, const std::string& at) const {
    if (const auto ref = schema.find("$ref"); ref != schema.end())
      return check(value, document_.at(Json::json_pointer(ref->get<std::string>().substr(1))), at);
    if (!typeFits(value, schema.at("type").get<std::string>())) return at + ": type";
    if (const auto all = schema.find("enum");
        all != schema.end() && std::find(all->begin(), all->end(), value) == all->end())
      return at + ": enum";
    if (schema.contains("minimum") && (value < schema["minimum"] || value > schema["maximum"]))
      return at + ": limits";
    if (value.is_array()) return items(value, schema, at);
    if (value.is_object()) return fields(value, schema, at);
    return {};
  }
  std::string check(const Json& object) const {
    const auto kind = object.value("kind", "");
    return check(object, Json{{"$ref", "#/components/schemas/" + kind}}, kind);
  }

 private:
  static bool typeFits(const Json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    return type == "integer" && value.is_number_integer();
  }
  std::string items(const Json& value, const Json& schema, const std::string& at) const {
    for (std::size_t i = 0; i < value.size(); ++i)
      if (auto why = check(value[i], schema.at("items"), at + "[" + std::to_string(i) + "]");
          !why.empty())
        return why;
    return {};
  }
  std::string fields(const Json& value, const Json& schema, const std::string& at) const {
    for (const auto& name : schema.value("required", Json::array()))
      if (!value.contains(name.get<std::string>())) return at + ": required";
    const auto known = schema.value("properties", Json::object());
    const auto others = schema.value("additionalProperties", Json(true));
    for (const auto& [name, item] : value.items()) {
      if (!known.contains(name) && others == false) return at + "." + name + ": unknown";
      if (!known.contains(name) && others == true) continue;
      const auto& inner = known.contains(name) ? known[name] : others;
      if (auto why = check(item, inner, at + "." + name); !why.empty()) return why;
    }
    return {};
  }
  Json document_ = openApi();
};

TEST(Schemas, RealObjectsFit) {
  const Validator validator;
  Generator generator(31);
  for (const auto& kind : kinds())
    for (int round = 0; round < 40; ++round) {
      auto spec = generator.object(specSchema(kind.kind));
      satisfy(kind.kind, spec);
      auto json = made(kind.kind, spec);
      json["metadata"]["labels"] = {{"tier", "db"}};
      auto object = parseObject(json, "default");
      ASSERT_TRUE(object) << object.error().text();
      // As the API gives it: with defaults, in canonical form, with what it adds itself.
      object->metadata.uid = "1f0c";
      object->metadata.created = "2026-01-31T12:00:00Z";
      object->metadata.resourceVersion = 7;
      object->status = {{"phase", "up"}};
      EXPECT_EQ(validator.check(toJson(*object)), "") << toJson(*object).dump(1);
    }
}

// What is read although the schema names one form only: numbers as text and the other way round,
// null for absent, other spellings of the kind.
bool lenient(const Json& was, const Json& is) {
  return is.is_null() || (was.is_number() && is.is_string()) || (was.is_string() && is.is_number());
}

void eachPlace(const Json& json, const Json::json_pointer& at, std::vector<std::string>& out) {
  if (!at.empty()) out.push_back(at.to_string());
  if (json.is_object())
    for (const auto& [name, item] : json.items()) eachPlace(item, at / name, out);
  if (json.is_array())
    for (std::size_t i = 0; i < json.size(); ++i) eachPlace(json[i], at / i, out);
}

TEST(Schemas, WhatDoesNotFitIsRefused) {
  const Validator validator;
  Generator generator(37);
  std::size_t refused = 0;
  const std::vector<Json> values{1,
                                 -1,
                                 70000,
                                 1.5,
                                 true,
                                 "text",
                                 "",
                                 "x/",
                                 "a b",
                                 "\n",
                                 Json::array(),
                                 Json::object(),
                                 Json{1},
                                 Json{{"a", 1}},
                                 18446744073709551615ULL};
  for (const auto& kind : kinds())
    for (int round = 0; round < 60; ++round) {
      auto spec = generator.object(specSchema(kind.kind));
      satisfy(kind.kind, spec);
      const auto whole = made(kind.kind, spec);
      std::vector<std::string> places;
      eachPlace(whole, Json::json_pointer(), places);
      const Json::json_pointer place(places[generator.pick(places.size())]);
      if (place.to_string() == "/kind") continue;
      auto damaged = whole;
      const auto& value = values[generator.pick(values.size())];
      if (lenient(whole.at(place), value)) continue;
      damaged[place] = value;
      const auto why = validator.check(damaged);
      const auto object = parseObject(damaged, "default");
      if (!why.empty()) {
        ++refused;
        EXPECT_FALSE(object) << why << " in " << damaged.dump();
      }
      if (!object) {
        EXPECT_FALSE(object.error().field.empty()) << damaged.dump();
        EXPECT_FALSE(object.error().message.empty());
      } else {
        EXPECT_EQ(validator.check(toJson(*object)), "");
      }
    }
  EXPECT_GT(refused, 300U);
}

TEST(Schemas, EveryFieldIsDescribedAndOfAKnownType) {
  const auto document = openApi();
  std::size_t fields = 0;
  const std::function<void(const Json&, const std::string&)> walk = [&](const Json& schema,
                                                                        const std::string& at) {
    EXPECT_TRUE(schema.contains("type")) << at;
    const auto properties = schema.value("properties", Json::object());
    for (const auto& [name, field] : properties.items()) {
      ++fields;
      EXPECT_TRUE(field.contains("description")) << at << "." << name;
      walk(field, at + "." + name);
    }
    if (schema.contains("items")) walk(schema["items"], at + "[]");
  };
  for (const auto& kind : kinds()) {
    const auto& schema = document["components"]["schemas"][std::string(kind.name)];
    EXPECT_FALSE(schema["description"].get<std::string>().empty()) << kind.name;
    EXPECT_EQ(schema["properties"]["status"]["readOnly"], true) << kind.name;
    walk(schema["properties"]["spec"], std::string(kind.name));
  }
  EXPECT_GT(fields, 80U);
}

// ---- text and its formats ----

struct Format {
  std::vector<const char*> wrong;                            // refused, with the path of the field
  std::vector<std::pair<const char*, const char*>> spelled;  // other spelling and the kept form
};
const std::map<std::string, Format>& formats() {
  static const std::map<std::string, Format> kFormats{
      {"ip-address",
       {{"", "10.0.0", "10.0.0.0/8", "10.0.0.256", "localhost", " 10.0.0.1", "::g"},
        {{"2001:DB8:0:0::9", "2001:db8::9"}}}},
      {"ip-prefix",
       {{"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "/8", "::/129"},
        {{"192.0.2.77", "192.0.2.77/32"}, {"2001:DB8:F::/48", "2001:db8:f::/48"}}}},
      {"mac-address",
       {{"", "02:00:00:00:00", "02-00-00-00-00-01", "0200.0000.0001", "02:00:00:00:00:0g"},
        {{"02:AB:CD:EF:00:01", "02:ab:cd:ef:00:01"}}}},
      {"route-target",
       {{"", "64512", "0:1", "64512:x", "64512:4294967296", "4200000000:65536"},
        {{"target:64512:99999", "64512:99999"}}}},
      {"port-range",
       {{"", "x", "70000", "9-8", "80-", "1-2-3", "+80"}, {{"7-7", "7"}, {"080", "80"}}}},
      {"reference", {{"", "/", "a/", "/b", "a/b/c", "a b", "-a", "..", "a\nb"}, {}}},
      {"name", {{"", "/", "a/b", "a b", "-a", "a-", "a..b", "ä"}, {}}},
  };
  return kFormats;
}

void eachText(const Json& value, const Json& schema, const Json::json_pointer& at,
              const std::string& path,
              const std::function<void(const Json::json_pointer&, const std::string&,
                                       const std::string& format)>& visit) {
  if (value.is_string() && !schema.contains("enum")) visit(at, path, schema.value("format", ""));
  if (value.is_object() && schema.contains("properties"))
    for (const auto& [name, item] : value.items())
      eachText(item, schema["properties"][name], at / name, path + "." + name, visit);
  if (value.is_array())
    for (std::size_t i = 0; i < value.size(); ++i)
      eachText(value[i], schema["items"], at / i, path + "[" + std::to_string(i) + "]", visit);
}

// Every text of 20 objects of each kind.
void eachTextOfAll(unsigned seed,
                   const std::function<void(Kind, Json, const Json::json_pointer&,
                                            const std::string&, const std::string&)>& visit) {
  Generator generator(seed);
  for (const auto& kind : kinds())
    for (int round = 0; round < 20; ++round) {
      auto spec = generator.object(specSchema(kind.kind));
      satisfy(kind.kind, spec);
      eachText(spec, specSchema(kind.kind), Json::json_pointer(), "spec",
               [&](const auto& at, const auto& path, const auto& format) {
                 visit(kind.kind, spec, at, path, format);
               });
    }
}

TEST(Formats, EveryTextOfAnotherFormIsRefusedWithItsPath) {
  std::map<std::string, std::size_t> seen;
  eachTextOfAll(
      41, [&](Kind kind, Json spec, const auto& at, const auto& path, const auto& format) {
        const auto found = formats().find(format);
        if (found == formats().end()) return;
        for (const auto* wrong : found->second.wrong) {
          ++seen[format];
          spec[at] = wrong;
          const auto object = parseObject(made(kind, spec), "default");
          ASSERT_FALSE(object) << path << " took \"" << wrong << "\" as " << format;
          EXPECT_EQ(object.error().field, path) << wrong << ": " << object.error().message;
        }
      });
  for (const auto& [format, rows] : formats()) EXPECT_GT(seen[format], 20U) << format;
}

TEST(Formats, OtherSpellingsAreKeptInOneForm) {
  std::map<std::string, std::size_t> seen;
  eachTextOfAll(43,
                [&](Kind kind, Json spec, const auto& at, const auto& path, const auto& format) {
                  const auto found = formats().find(format);
                  if (found == formats().end()) return;
                  for (const auto& [spelled, kept] : found->second.spelled) {
                    spec[at] = spelled;
                    const auto object = parseObject(made(kind, spec), "default");
                    ASSERT_TRUE(object) << path << ": " << object.error().text();
                    EXPECT_EQ(object->spec.at(at), kept) << path;
                    ++seen[format];
                  }
                });
  for (const auto& [format, rows] : formats()) EXPECT_EQ(seen[format] > 0, !rows.spelled.empty());
}

TEST(Formats, ControlCharactersAreInNoText) {
  eachTextOfAll(47, [&](Kind kind, Json spec, const auto& at, const auto& path, const auto&) {
    for (const char c : {'\0', '\x1b', '\r', '\x7'}) {
      spec[at] = std::string("a") + c + "b";
      const auto object = parseObject(made(kind, spec), "default");
      ASSERT_FALSE(object) << path << " took character " << int{c};
      EXPECT_EQ(object.error().field, path);
    }
  });
}

// RFC 7386: null takes a field out, and what is absent gets its default.
TEST(Formats, NullIsAbsent) {
  Generator generator(53);
  for (const auto& kind : kinds())
    for (int round = 0; round < 20; ++round) {
      const auto schema = specSchema(kind.kind);
      auto spec = generator.object(schema);
      satisfy(kind.kind, spec);
      for (const auto& [name, value] : spec.items()) {
        auto absent = made(kind.kind, spec);
        absent["spec"].erase(name);
        auto null = made(kind.kind, spec);
        null["spec"][name] = nullptr;
        auto patched = made(kind.kind, spec);
        patched.merge_patch({{"spec", {{name, nullptr}}}});
        const auto a = parseObject(absent, "default"), b = parseObject(null, "default");
        ASSERT_EQ(a.has_value(), b.has_value()) << kind.name << "." << name;
        EXPECT_EQ(patched, absent);
        if (!a) {
          EXPECT_EQ(a.error().text(), b.error().text());
          continue;
        }
        EXPECT_EQ(a->spec, b->spec) << kind.name << "." << name;
        EXPECT_EQ(a->spec.contains(name), schema["properties"][name].contains("default"));
        if (a->spec.contains(name)) {
          EXPECT_EQ(a->spec[name], schema["properties"][name]["default"]);
        }
      }
    }
}

}  // namespace
}  // namespace hawser::model
