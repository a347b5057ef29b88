#include "batch.h"

#include <fmt/core.h>

#include <set>

#include "hawser/api/rest.h"

namespace hawser::api {

using model::Json;
using model::Object;
using model::ObjectKey;

namespace {

// Each object once, and only what the caller may write.
template <class Parse>
Result<std::vector<Write>> parseEach(const Json& body, const Caller& caller, Write::Op op,
                                     Parse parse) {
  if (!body.is_object() || !body.contains("objects") || !body.at("objects").is_array())
    return invalid("a list is needed here", "objects");
  const auto& items = body.at("objects");
  if (items.size() > Objects::kMaxWrites)
    return invalid(fmt::format("{} objects are more than one request may hold ({}); send them in "
                               "parts",
                               items.size(), Objects::kMaxWrites),
                   "objects");
  std::vector<Write> writes;
  std::set<ObjectKey> keys;
  std::size_t index = 0;
  for (const auto& item : items) {
    Result<Object> object = parse(item);
    const auto place = fmt::format("objects[{}]", index++);
    if (!object) {
      auto error = object.error();
      error.field = error.field.empty() ? place : place + "." + error.field;
      return std::unexpected(std::move(error));
    }
    if (!keys.insert(object->key()).second)
      return invalid(object->key().text() + " comes twice", place);
    if (!mayWrite(caller, object->kind, object->metadata.project))
      return fail(ErrorCode::kForbidden,
                  fmt::format("\"{}\" may not change {}", caller.name, object->key().text()),
                  place);
    writes.push_back({op, std::move(*object)});
  }
  return writes;
}

Result<Object> parseKey(const Json& json) {
  static const Json kNone = Json::object();
  const auto text = [](const Json& from, const char* name) {
    const auto found = from.find(name);
    return found == from.end() || !found->is_string() ? std::string() : found->get<std::string>();
  };
  if (!json.is_object()) return invalid("is not an object");
  const auto kind = model::parseKind(text(json, "kind"));
  if (!kind) return invalid(kind.error().message, "kind");
  const auto found = json.find("metadata");
  const auto& metadata = found != json.end() && found->is_object() ? *found : kNone;
  Object object;
  object.kind = *kind;
  object.metadata.name = text(metadata, "name");
  if (object.metadata.name.empty()) return invalid("is required", "metadata.name");
  if (model::info(*kind).projectScoped) {
    object.metadata.project = text(metadata, "project");
    if (object.metadata.project.empty()) return invalid("is required", "metadata.project");
  }
  return object;
}

}  // namespace

Result<std::vector<Write>> parseApply(const Json& body, const Caller& caller) {
  return parseEach(body, caller, Write::Op::kApply,
                   [](const Json& item) { return model::parseObject(item); });
}

Result<DeleteBatch> parseDelete(const Json& body, const Caller& caller) {
  auto writes = parseEach(body, caller, Write::Op::kDelete, parseKey);
  if (!writes) return std::unexpected(writes.error());
  DeleteBatch batch{std::move(*writes), false};
  for (const auto& [name, value] : body.items()) {
    if (name == "objects") continue;
    if (name != "ignoreMissing") return invalid("unknown field", name);
    if (!value.is_boolean()) return invalid("is not true or false", name);
    batch.ignoreMissing = value.get<bool>();
  }
  return batch;
}

}  // namespace hawser::api
