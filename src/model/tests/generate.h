// Specs made from the OpenAPI document.
#pragma once

#include <functional>
#include <random>

#include "build.h"

namespace hawser::model::test {

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

  std::size_t pick(std::size_t n) { return random_() % n; }

 private:
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

inline Json specSchema(Kind kind) {
  static const auto kSchemas = openApi()["components"]["schemas"];
  return kSchemas[std::string(info(kind).name)]["properties"]["spec"];
}

// What no schema of one field can say.
inline void satisfy(Kind kind, Json& spec) {
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

inline Json made(Kind kind, const Json& spec) {
  return {{"kind", info(kind).name}, {"metadata", {{"name", "x"}}}, {"spec", spec}};
}

}  // namespace hawser::model::test
