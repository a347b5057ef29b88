// The tables of schema.cpp as an OpenAPI 3 document, and as text for people.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include "schema.h"

namespace hawser::model {
namespace {

struct TypeText {
  std::string_view json, format, people;
};
TypeText textOf(Type type) {
  switch (type) {
    case Type::kText:
      return {"string", "", "text"};
    case Type::kName:
      return {"string", "name", "name"};
    case Type::kRef:
      return {"string", "reference", "name or project/name"};
    case Type::kAddress:
      return {"string", "ip-address", "address"};
    case Type::kPrefix:
      return {"string", "ip-prefix", "prefix"};
    case Type::kMac:
      return {"string", "mac-address", "MAC address"};
    case Type::kRouteTarget:
      return {"string", "route-target", "route target"};
    case Type::kAsn:
      return {"integer", "uint32", "AS number"};
    case Type::kPorts:
      return {"string", "port-range", "port or range"};
    case Type::kInteger:
      return {"integer", "int64", "number"};
    case Type::kBool:
      return {"boolean", "", "true or false"};
    case Type::kEnum:
      return {"string", "", "one of"};
    case Type::kList:
      return {"array", "", "list"};
    case Type::kObject:
      return {"object", "", "object"};
    case Type::kMap:
      return {"object", "", "map"};
  }
  return {};
}

Json schemaOf(const std::vector<Field>& fields);

Json schemaOf(const Field& field) {
  const auto type = textOf(field.type);
  Json schema{{"type", type.json}};
  if (!type.format.empty()) schema["format"] = type.format;
  if (!field.description.empty()) schema["description"] = field.description;
  if (!field.fallback.empty()) schema["default"] = Json::parse(field.fallback);
  switch (field.type) {
    case Type::kInteger:
      schema["minimum"] = field.least;
      schema["maximum"] = field.most;
      break;
    case Type::kEnum:
      schema["enum"] = field.values;
      break;
    case Type::kList:
      schema["items"] = schemaOf(field.fields[0]);
      break;
    case Type::kObject:
      schema.update(schemaOf(field.fields));
      break;
    case Type::kMap:
      schema["additionalProperties"] =
          field.fields.empty() ? Json{{"type", "string"}} : schemaOf(field.fields[0]);
      break;
    default:
      break;
  }
  return schema;
}

Json schemaOf(const std::vector<Field>& fields) {
  Json properties = Json::object();
  auto required = Json::array();
  for (const auto& field : fields) {
    properties[std::string(field.name)] = schemaOf(field);
    if (field.required) required.push_back(field.name);
  }
  Json schema{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = required;
  return schema;
}

Json reference(std::string_view name) {
  return {{"$ref", fmt::format("#/components/schemas/{}", name)}};
}

Json operation(std::string_view summary, Json answer, std::string_view status = "200",
               Json body = nullptr) {
  Json out{{"summary", summary},
           {"responses",
            {{std::string(status),
              {{"description", "done"},
               {"content", {{"application/json", {{"schema", std::move(answer)}}}}}}},
             {"default",
              {{"description", "refused"},
               {"content", {{"application/json", {{"schema", reference("Error")}}}}}}}}}};
  if (!body.is_null())
    out["requestBody"] = {{"required", true},
                          {"content", {{"application/json", {{"schema", std::move(body)}}}}}};
  return out;
}

Json parameter(std::string_view name, std::string_view in, std::string_view description) {
  return {{"name", name},
          {"in", in},
          {"required", in == "path"},
          {"description", description},
          {"schema", {{"type", "string"}}}};
}

void addPaths(Json& paths, const KindInfo& kind) {
  const auto collection = kind.projectScoped
                              ? fmt::format("/api/v1/projects/{{project}}/{}", kind.plural)
                              : fmt::format("/api/v1/{}", kind.plural);
  auto scope = Json::array();
  if (kind.projectScoped) scope.push_back(parameter("project", "path", "the project"));
  auto list = operation(fmt::format("lists or watches {}", kind.plural),
                        reference(fmt::format("{}List", kind.name)));
  list["parameters"] = {parameter("watch", "query", "true: JSON lines of changes"),
                        parameter("resourceVersion", "query", "where the watch begins"),
                        parameter("labelSelector", "query", "a=b,c=d"),
                        parameter("owner", "query", "only objects of this owner")};
  auto named = scope;
  named.push_back(parameter("name", "path", "the object"));
  paths[collection] = {{"parameters", scope},
                       {"get", list},
                       {"post", operation(fmt::format("creates a {}", kind.name),
                                          reference(kind.name), "201", reference(kind.name))}};
  if (kind.projectScoped) paths[fmt::format("/api/v1/{}", kind.plural)] = {{"get", list}};
  paths[collection + "/{name}"] = {
      {"parameters", named},
      {"get", operation("reads it", reference(kind.name))},
      {"put", operation("replaces it", reference(kind.name), "200", reference(kind.name))},
      {"patch", operation("merges a patch into it (RFC 7386)", reference(kind.name), "200",
                          Json{{"type", "object"}})},
      {"delete", operation("removes it", Json{{"type", "object"}})}};
}

void addFixedPaths(Json& paths) {
  const Json any{{"type", "object"}};
  paths["/api/v1/apply"] = {
      {"post", operation("creates or updates several objects, all or none", any, "200", any)}};
  paths["/api/v1/delete"] = {
      {"post", operation("removes several objects, all or none", any, "200", any)}};
  paths["/api/v1/join"] = {{"post", operation("gives a host its certificate", any, "200", any)}};
  paths["/api/v1/hosts/{name}/slice"] = {
      {"get", operation("what the host must hold; a watch", any)}};
  paths["/api/v1/hosts/{name}/report"] = {
      {"put", operation("what the host holds", any, "200", any)}};
  paths["/api/v1/bgp/peers"] = {{"get", operation("BGP sessions", any)}};
  paths["/api/v1/bgp/routes"] = {{"get", operation("VPN routes and what decided", any)}};
  paths["/api/v1/projects/{project}/networks/{name}/routes"] = {
      {"get", operation("the network's routing table", any)}};
  paths["/api/v1/trace"] = {{"post", operation("the path of a packet", any, "200", any)}};
  paths["/api/v1/tokens/issue"] = {{"post", operation("makes a token", any, "200", any)}};
  paths["/api/v1/whoami"] = {{"get", operation("who the caller is", any)}};
  paths["/api/v1/status"] = {{"get", operation("the controller's state", any)}};
}

void explainFields(std::string& out, const std::vector<Field>& fields, int indentation) {
  for (const auto& field : fields) {
    auto kind = std::string(textOf(field.type).people);
    if (field.type == Type::kEnum) kind = fmt::format("one of {}", fmt::join(field.values, ", "));
    if (field.type == Type::kInteger) kind = fmt::format("{} to {}", field.least, field.most);
    const Field* inner = field.type == Type::kList ? &field.fields[0] : &field;
    if (field.type == Type::kList && inner->type != Type::kObject)
      kind = fmt::format("list of: {}", inner->type == Type::kEnum
                                            ? fmt::format("{}", fmt::join(inner->values, ", "))
                                            : std::string(textOf(inner->type).people));
    auto notes = std::string();
    if (field.required) notes = ", required";
    if (!field.fallback.empty()) notes += fmt::format(", default {}", field.fallback);
    out += fmt::format("{:{}}{}  <{}{}>\n", "", indentation, field.name, kind, notes);
    if (!field.description.empty())
      out += fmt::format("{:{}}  {}\n", "", indentation, field.description);
    if (inner->type == Type::kObject) explainFields(out, inner->fields, indentation + 4);
  }
}

Json commonSchemas() {
  Json schemas = Json::object();
  schemas["Error"] = {{"type", "object"},
                      {"properties",
                       {{"kind", {{"type", "string"}}},
                        {"code", {{"type", "string"}}},
                        {"field", {{"type", "string"}}},
                        {"message", {{"type", "string"}}}}}};
  schemas["Metadata"] = {
      {"type", "object"},
      {"required", {"name"}},
      {"properties",
       {{"name", {{"type", "string"}}},
        {"project", {{"type", "string"}}},
        {"owner", {{"type", "string"}}},
        {"uid", {{"type", "string"}, {"readOnly", true}}},
        {"created", {{"type", "string"}, {"readOnly", true}}},
        {"resourceVersion", {{"type", "integer"}}},
        {"labels", {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}}},
        {"annotations", {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}}}}}};
  return schemas;
}

}  // namespace

Json openApi() {
  Json schemas = commonSchemas(), paths = Json::object();
  for (const auto& kind : kinds()) {
    const std::string name(kind.name);
    schemas[name] = {{"type", "object"},
                     {"description", describe(kind.kind)},
                     {"required", {"kind", "metadata"}},
                     {"properties",
                      {{"apiVersion", {{"type", "string"}}},
                       {"kind", {{"type", "string"}, {"enum", {name}}}},
                       {"metadata", reference("Metadata")},
                       {"spec", schemaOf(fieldsOf(kind.kind))},
                       {"status", {{"type", "object"}, {"readOnly", true}}}}}};
    schemas[name + "List"] = {{"type", "object"},
                              {"properties",
                               {{"kind", {{"type", "string"}}},
                                {"metadata", {{"type", "object"}}},
                                {"items", {{"type", "array"}, {"items", reference(name)}}}}}};
    addPaths(paths, kind);
  }
  addFixedPaths(paths);
  return {{"openapi", "3.0.3"},
          {"info", {{"title", "Hawser"}, {"version", "v1"}}},
          {"paths", paths},
          {"components",
           {{"schemas", schemas},
            {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}}},
          {"security", Json::array({Json{{"token", Json::array()}}})}};
}

std::string explain(Kind kind) {
  auto out = fmt::format("{}: {}\n\nspec\n", info(kind).name, describe(kind));
  explainFields(out, fieldsOf(kind), 2);
  return out;
}

Result<std::string> explainField(Kind kind, std::string_view path) {
  if (path.empty()) return explain(kind);
  const auto whole = path.starts_with("spec.") || path == "spec" ? std::string(path)
                                                                 : fmt::format("spec.{}", path);
  const auto* fields = &fieldsOf(kind);
  const Field* found = nullptr;
  for (std::size_t at = 4; at < whole.size();) {  // after "spec"
    const auto end = std::min(whole.find('.', at + 1), whole.size());
    const auto name = whole.substr(at + 1, end - at - 1);
    std::vector<std::string> known;
    found = nullptr;
    for (const auto& field : *fields) {
      known.emplace_back(field.name);
      if (field.name == name) found = &field;
    }
    if (found == nullptr) {
      const auto near = nearest(name, known);
      return invalid(fmt::format("{} has no field {}{}", info(kind).name, whole.substr(0, end),
                                 near.empty() ? "" : fmt::format("; is it \"{}\"?", near)));
    }
    fields = found->type == Type::kList ? &found->fields.front().fields : &found->fields;
    at = end;
  }
  if (found == nullptr) return explain(kind);
  auto out = fmt::format("{}, {}\n\n", info(kind).name, whole);
  explainFields(out, {*found}, 2);
  return out;
}

}  // namespace hawser::model
