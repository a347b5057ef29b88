// The API's objects (docs/architecture.md, section 5): parsing, validation, defaults, text forms.
// Pure.
//
// An Object is what is stored and sent: metadata, spec and status as JSON that has passed
// validation. The typed view of a spec is made from it by the structs in specs.h. Validation that
// needs only the object is here; what needs other objects (references, overlaps, allocation) is the
// controller's admission.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hawser/base/result.h"

namespace hawser::model {

using Json = nlohmann::json;

enum class Kind : std::uint8_t {
  kSite,
  kHost,
  kProject,
  kNetwork,
  kPort,
  kAddressPool,
  kFloatingIp,
  kService,
  kRouter,
  kPolicy,
  kSecurityGroup,
  kPeer,
  kLink,
  kQuota,
  kIdentity,
  kToken,
};

struct KindInfo {
  Kind kind;
  std::string_view name;       // "Network"
  std::string_view plural;     // "networks": in URLs and on the command line
  std::string_view shortName;  // "net"; may be empty
  bool projectScoped;          // name is unique within metadata.project
};
[[nodiscard]] std::span<const KindInfo> kinds();
[[nodiscard]] const KindInfo& info(Kind kind);
// By name, plural, singular lower case or short name. The error suggests the nearest.
[[nodiscard]] Result<Kind> parseKind(std::string_view text);
// What others need comes before those: projects, networks, ports. For sorting.
[[nodiscard]] int needOrder(Kind kind);
// A label selector, "a=b,c!=d,e": true when every term holds. An empty one selects all.
[[nodiscard]] bool selects(std::string_view selector,
                           const std::map<std::string, std::string>& labels);

struct ObjectKey {
  Kind kind = Kind::kSite;
  std::string project;  // empty for kinds without project
  std::string name;
  [[nodiscard]] std::string text() const;  // "networks/default/db", "hosts/node1"
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

struct Metadata {
  std::string name;  // [a-z0-9]([-a-z0-9.]*[a-z0-9])?, at most 253
  std::string project;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::string owner;  // the adapter that manages it, e.g. "kube/kubernetes"; empty: people
  std::string uid;    // set by the API
  std::uint64_t resourceVersion = 0;  // set by the API; on update 0 means "whatever it is"
  std::string created;                // RFC 3339, set by the API
};

struct Object {
  Kind kind = Kind::kSite;
  Metadata metadata;
  Json spec = Json::object();
  Json status = Json::object();
  [[nodiscard]] ObjectKey key() const { return {kind, metadata.project, metadata.name}; }
};
using ObjectPtr = std::shared_ptr<const Object>;
using ObjectMap = std::map<ObjectKey, ObjectPtr>;
// Those of one kind, or of one kind in one project, without a walk over the others.
[[nodiscard]] inline auto ofKind(const ObjectMap& objects, Kind kind) {
  const auto next = static_cast<Kind>(static_cast<std::uint8_t>(kind) + 1);
  return std::ranges::subrange(objects.lower_bound({kind, {}, {}}),
                               objects.lower_bound({next, {}, {}}));
}
[[nodiscard]] inline auto ofKind(const ObjectMap& objects, Kind kind, const std::string& project) {
  return std::ranges::subrange(objects.lower_bound({kind, project, {}}),
                               objects.lower_bound({kind, project + '\0', {}}));
}

// {"kind", "metadata", "spec", "status"} to an Object: types, unknown fields (with the nearest
// known name), names, values (addresses, prefixes with host bits, route targets, ports,
// enumerations), defaults filled in. Error.field is the path: "spec.subnets[1].gateway".
// `defaultProject` is used where a project-scoped object names none.
[[nodiscard]] Result<Object> parseObject(const Json& json, std::string_view defaultProject = {});
[[nodiscard]] Json toJson(const Object& object);
// JSON schemas of all kinds and the paths of the API: the OpenAPI 3 document. From the same tables
// as the validation.
[[nodiscard]] Json openApi();
// Field descriptions for `hawser explain KIND`.
[[nodiscard]] std::string explain(Kind kind);
[[nodiscard]] std::string nearest(std::string_view word,
                                  const std::vector<std::string>& known);  // empty: none near

// One JSON text from somebody who may mean ill: nested at most 64 deep, numbers within bounds.
// Errors carry the byte.
[[nodiscard]] Result<Json> parseJson(std::string_view text);
// Reads one or several YAML or JSON documents; errors carry "line N, column M".
[[nodiscard]] Result<std::vector<Json>> parseDocuments(std::string_view text);
// The line (from 1) on which `path` ("sites[0].hosts[1].name") of a document (from 0) stands; the
// nearest parent when the path is not there; 0 when nothing is known. For texts that parseDocuments
// took.
[[nodiscard]] int lineOf(const std::string& text, const std::string& path,
                         std::size_t document = 0);
[[nodiscard]] std::string toYaml(const Json& json);

}  // namespace hawser::model
