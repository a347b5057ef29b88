// From JSON to Objects. A person reads the errors: each names the path of the field, what is wrong
// with it, and where one can be seen, what was meant.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "hawser/net/address.h"
#include "hawser/net/vpn.h"
#include "schema.h"

namespace hawser::model {
namespace {

constexpr std::size_t kMaxText = 4096;
constexpr std::size_t kMaxItems = 100000;

std::string shown(const Json& value) {
  auto text = value.is_string() ? "\"" + value.get<std::string>() + "\""
                                : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

std::string join(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

bool isName(std::string_view text, std::size_t limit = 253) {
  const auto alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (text.empty() || text.size() > limit || !alnum(text.front()) || !alnum(text.back()))
    return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return alnum(c) || c == '-' || c == '.'; });
}

// Names of networks and workloads may have capitals ("Public"): they come from other systems.
bool isObjectName(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::replace(lower.begin(), lower.end(), '_', '-');
  return isName(lower) && lower.find("..") == std::string::npos;
}

constexpr std::string_view kNameRule =
    "a name has letters, digits, '-', '_' and '.', and begins and ends with a letter or digit";

Result<std::string> textOf(const Json& value, const std::string& path) {
  if (!value.is_string()) return invalid(fmt::format("{} is not text", shown(value)), path);
  auto text = value.get<std::string>();
  if (text.size() > kMaxText)
    return invalid(fmt::format("is longer than {} bytes", kMaxText), path);
  if (std::any_of(text.begin(), text.end(),
                  [](unsigned char c) { return c < 0x20 && c != '\n' && c != '\t'; }))
    return invalid("holds control characters", path);
  return text;
}

// Text that `Parse` understands, brought into the form that it prints.
template <class Parse>
Result<void> canonical(Json& value, const std::string& path, const Parse& parse) {
  const auto text = textOf(value, path);
  if (!text) return std::unexpected(text.error());
  const auto parsed = parse(*text);
  if (!parsed) return invalid(parsed.error().message, path);
  value = parsed->text();
  return {};
}

Result<void> checkRef(const Json& value, const std::string& path) {
  const auto text = textOf(value, path);
  if (!text) return std::unexpected(text.error());
  const auto slash = text->find('/');
  const auto name = slash == std::string::npos ? *text : text->substr(slash + 1);
  if ((slash != std::string::npos && !isObjectName(text->substr(0, slash))) || !isObjectName(name))
    return invalid(fmt::format("{} is neither NAME nor PROJECT/NAME", shown(value)), path);
  return {};
}

Result<void> checkPorts(Json& value, const std::string& path) {
  const auto wrong = [&] {
    return invalid(fmt::format("{} is neither a port nor a range (8000-8080)", shown(value)), path);
  };
  const auto number = [](std::string_view text) -> int {
    if (text.empty() || text.size() > 5 ||
        !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return -1;
    const int n = std::stoi(std::string(text));
    return n <= 65535 ? n : -1;
  };
  if (value.is_number_integer()) value = std::to_string(value.get<std::int64_t>());
  if (!value.is_string()) return wrong();
  const auto text = value.get<std::string>();
  const auto dash = text.find('-');
  const int first = number(std::string_view(text).substr(0, dash));
  const int last =
      dash == std::string::npos ? first : number(std::string_view(text).substr(dash + 1));
  if (first < 0 || last < 0) return wrong();
  if (last < first) return invalid(fmt::format("{} ends before it begins", shown(value)), path);
  value = first == last ? std::to_string(first) : fmt::format("{}-{}", first, last);
  return {};
}

Result<void> checkInteger(const Json& value, const Field& field, const std::string& path) {
  if (!value.is_number_integer())
    return invalid(fmt::format("{} is not a whole number", shown(value)), path);
  const bool huge =
      value.is_number_unsigned() && value.get<std::uint64_t>() > 0x7fffffffffffffffULL;
  const auto number = huge ? 0 : value.get<std::int64_t>();
  if (huge || number < field.least || number > field.most)
    return invalid(fmt::format("{} is not in {} to {}", shown(value), field.least, field.most),
                   path);
  return {};
}

Result<void> checkAsn(Json& value, const std::string& path) {
  // A number made in this process may be a signed one.
  const auto text = value.is_number_integer() ? value.dump()
                    : value.is_string()       ? value.get<std::string>()
                                              : std::string();
  const auto asn = net::parseAsn(text);
  if (!asn)
    return invalid(fmt::format("{} is not an AS number (1 to 4294967295)", shown(value)), path);
  if (asn->value() == 23456)
    return invalid("23456 is AS_TRANS (RFC 6793) and nobody's AS number", path);
  value = asn->value();
  return {};
}

Result<void> checkEnum(const Json& value, const Field& field, const std::string& path) {
  const std::vector<std::string> known(field.values.begin(), field.values.end());
  if (value.is_string() &&
      std::find(known.begin(), known.end(), value.get<std::string>()) != known.end())
    return {};
  const auto near = value.is_string() ? nearest(value.get<std::string>(), known) : std::string();
  return invalid(near.empty()
                     ? fmt::format("{} is not one of {}", shown(value), fmt::join(known, ", "))
                     : fmt::format("{} is not known; did you mean \"{}\"?", shown(value), near),
                 path);
}

Result<void> checkValue(Json& value, const Field& field, const std::string& path);

Result<void> checkList(Json& value, const Field& field, const std::string& path) {
  if (!value.is_array()) return invalid(fmt::format("{} is not a list", shown(value)), path);
  if (value.size() > kMaxItems)
    return invalid(fmt::format("has more than {} items", kMaxItems), path);
  for (std::size_t i = 0; i < value.size(); ++i)
    if (const auto checked = checkValue(value[i], field.fields[0], fmt::format("{}[{}]", path, i));
        !checked)
      return checked;
  return {};
}

Result<void> checkMap(Json& value, const Field& field, const std::string& path) {
  if (!value.is_object()) return invalid(fmt::format("{} is not an object", shown(value)), path);
  static const Field kText{.name = "", .type = Type::kText};
  for (auto& [key, item] : value.items())
    if (const auto checked =
            checkValue(item, field.fields.empty() ? kText : field.fields[0], join(path, key));
        !checked)
      return checked;
  return {};
}

Result<void> checkValue(Json& value, const Field& field, const std::string& path) {
  switch (field.type) {
    case Type::kText: {
      const auto text = textOf(value, path);
      if (!text) return std::unexpected(text.error());
      return {};
    }
    case Type::kName:
      if (!value.is_string() || !isObjectName(value.get<std::string>()))
        return invalid(fmt::format("{}: {}", shown(value), kNameRule), path);
      return {};
    case Type::kRef:
      return checkRef(value, path);
    case Type::kAddress:
      return canonical(value, path, net::IpAddress::parse);
    case Type::kPrefix:
      return canonical(value, path, net::IpPrefix::parse);
    case Type::kMac:
      return canonical(value, path, net::MacAddress::parse);
    case Type::kRouteTarget:
      return canonical(value, path, net::RouteTarget::parse);
    case Type::kAsn:
      return checkAsn(value, path);
    case Type::kPorts:
      return checkPorts(value, path);
    case Type::kInteger:
      return checkInteger(value, field, path);
    case Type::kBool:
      if (!value.is_boolean())
        return invalid(fmt::format("{} is neither true nor false", shown(value)), path);
      return {};
    case Type::kEnum:
      return checkEnum(value, field, path);
    case Type::kList:
      return checkList(value, field, path);
    case Type::kObject:
      return checkObject(value, field.fields, path);
    case Type::kMap:
      return checkMap(value, field, path);
  }
  return {};
}

Result<void> refuseUnknown(const Json& value, const std::vector<std::string>& known,
                           const std::string& path) {
  for (const auto& [name, item] : value.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto near = nearest(name, known);
    return invalid(near.empty() ? std::string("unknown field")
                                : fmt::format("unknown field; did you mean \"{}\"?", near),
                   join(path, name));
  }
  return {};
}

Result<std::map<std::string, std::string>> stringMap(const Json& json, const std::string& path) {
  std::map<std::string, std::string> out;
  if (json.is_null()) return out;
  if (!json.is_object()) return invalid(fmt::format("{} is not an object", shown(json)), path);
  for (const auto& [key, value] : json.items()) {
    const auto text = textOf(value, join(path, key));
    if (!text) return std::unexpected(text.error());
    out[key] = *text;
  }
  return out;
}

Result<void> readNames(const Json& json, std::string_view defaultProject, Object& object) {
  const auto name = json.value("name", Json());
  if (name.is_null()) return invalid("is required", "metadata.name");
  if (!name.is_string() || !isObjectName(name.get<std::string>()))
    return invalid(fmt::format("{}: {}", shown(name), kNameRule), "metadata.name");
  object.metadata.name = name.get<std::string>();
  const auto project = json.value("project", Json());
  const bool scoped = info(object.kind).projectScoped;
  if (project.is_null() || project == Json("")) {
    object.metadata.project = scoped ? std::string(defaultProject) : std::string();
    if (scoped && defaultProject.empty()) return invalid("is required", "metadata.project");
    return {};
  }
  if (!project.is_string() || !isObjectName(project.get<std::string>()))
    return invalid(fmt::format("{}: {}", shown(project), kNameRule), "metadata.project");
  if (!scoped)
    return invalid(fmt::format("a {} belongs to no project", info(object.kind).name),
                   "metadata.project");
  object.metadata.project = project.get<std::string>();
  return {};
}

Result<void> readMetadata(const Json& json, std::string_view defaultProject, Object& object) {
  if (!json.is_object()) return invalid("is required", "metadata");
  static const std::vector<std::string> kKnown{"name",  "project", "labels",          "annotations",
                                               "owner", "uid",     "resourceVersion", "created"};
  if (auto checked = refuseUnknown(json, kKnown, "metadata"); !checked) return checked;
  if (auto names = readNames(json, defaultProject, object); !names) return names;
  auto& metadata = object.metadata;
  const auto labels = stringMap(json.value("labels", Json()), "metadata.labels");
  if (!labels) return std::unexpected(labels.error());
  metadata.labels = *labels;
  const auto annotations = stringMap(json.value("annotations", Json()), "metadata.annotations");
  if (!annotations) return std::unexpected(annotations.error());
  metadata.annotations = *annotations;
  for (const auto& [name, into] : {std::pair{"owner", &metadata.owner},
                                   {"uid", &metadata.uid},
                                   {"created", &metadata.created}}) {
    if (!json.contains(name)) continue;
    const auto text = textOf(json[name], join("metadata", name));
    if (!text) return std::unexpected(text.error());
    *into = *text;
  }
  const auto version = json.value("resourceVersion", Json(0U));
  if (!version.is_number_unsigned() &&
      !(version.is_number_integer() && version.get<std::int64_t>() >= 0))
    return invalid(fmt::format("{} is not a version", shown(version)), "metadata.resourceVersion");
  metadata.resourceVersion = version.get<std::uint64_t>();
  return {};
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  const auto lower = [](std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
  };
  const auto a = lower(word);
  std::string best;
  std::size_t least = std::min(std::max<std::size_t>(2, a.size() / 3) + 1, a.size());
  if (a.size() > 64) return best;
  for (const auto& candidate : known) {
    const auto b = lower(candidate);
    // Levenshtein, one row at a time.
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= b.size(); ++j) {
        const auto above = row[j];
        row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
        diagonal = above;
      }
    }
    if (row.back() < least) {
      least = row.back();
      best = candidate;
    }
  }
  return best;
}

Result<void> checkObject(Json& value, const std::vector<Field>& fields, const std::string& path) {
  if (!value.is_object()) return invalid(fmt::format("{} is not an object", shown(value)), path);
  std::vector<std::string> known;
  for (const auto& field : fields) known.emplace_back(field.name);
  if (auto checked = refuseUnknown(value, known, path); !checked) return checked;
  for (const auto& field : fields) {
    const std::string name(field.name);
    const auto found = value.find(name);
    if (found == value.end() || found->is_null()) {
      if (found != value.end()) value.erase(found);
      if (field.required) return invalid("is required", join(path, name));
      if (!field.fallback.empty()) value[name] = Json::parse(field.fallback);
      continue;
    }
    if (auto checked = checkValue(*found, field, join(path, name)); !checked) return checked;
  }
  return {};
}

namespace {

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// The beginning of a kind's name, a slip of one, or more than a short name.
std::string nearestKind(std::string_view text, const std::vector<std::string>& names) {
  constexpr std::size_t kTelling = 3;  // characters that are a beginning
  const auto asked = lowered(text);
  for (const auto& kind : kinds())
    if (asked.size() >= kTelling && lowered(kind.name).starts_with(asked))
      return std::string(kind.name);
  if (auto near = nearest(text, names); !near.empty()) return near;
  for (const auto& kind : kinds())
    if (kind.shortName.size() >= kTelling && asked.starts_with(kind.shortName))
      return std::string(kind.name);
  return {};
}

}  // namespace

Result<Kind> parseKind(std::string_view text) {
  const auto asked = lowered(text);
  std::vector<std::string> known;
  for (const auto& kind : kinds()) {
    const std::string shortName(kind.shortName);
    if (asked == lowered(kind.name) || asked == kind.plural ||
        (!shortName.empty() && (asked == shortName || asked == shortName + "s")))
      return kind.kind;
    known.emplace_back(kind.name);
  }
  const auto near = nearestKind(text, known);
  return invalid(
      near.empty() ? fmt::format("\"{}\" is not a kind; there are {}", text, fmt::join(known, ", "))
                   : fmt::format("\"{}\" is not a kind; did you mean \"{}\"?", text, near));
}

std::string ObjectKey::text() const {
  const auto plural = std::string(info(kind).plural);
  return project.empty() ? plural + "/" + name : plural + "/" + project + "/" + name;
}

Result<Object> parseObject(const Json& json, std::string_view defaultProject) {
  if (!json.is_object())
    return invalid(fmt::format("{} is not an object with kind, metadata and spec", shown(json)));
  static const std::vector<std::string> kKnown{"apiVersion", "kind", "metadata", "spec", "status"};
  if (auto checked = refuseUnknown(json, kKnown, ""); !checked)
    return std::unexpected(checked.error());
  const auto name = json.value("kind", Json());
  if (name.is_null()) return invalid("is required", "kind");
  if (!name.is_string()) return invalid(fmt::format("{} is not text", shown(name)), "kind");
  const auto kind = parseKind(name.get<std::string>());
  if (!kind) return invalid(kind.error().message, "kind");

  Object object;
  object.kind = *kind;
  if (auto read = readMetadata(json.value("metadata", Json()), defaultProject, object); !read)
    return std::unexpected(read.error());
  object.spec = json.value("spec", Json::object());
  if (object.spec.is_null()) object.spec = Json::object();
  if (auto checked = checkObject(object.spec, fieldsOf(object.kind), "spec"); !checked)
    return std::unexpected(checked.error());
  object.status = json.value("status", Json::object());
  if (!object.status.is_object()) object.status = Json::object();
  if (auto checked = checkKind(object); !checked) return std::unexpected(checked.error());
  return object;
}

Json toJson(const Object& object) {
  Json metadata{{"name", object.metadata.name}};
  const auto put = [&](const char* name, const auto& value) {
    if (!value.empty()) metadata[name] = value;
  };
  put("project", object.metadata.project);
  put("labels", object.metadata.labels);
  put("annotations", object.metadata.annotations);
  put("owner", object.metadata.owner);
  put("uid", object.metadata.uid);
  put("created", object.metadata.created);
  if (object.metadata.resourceVersion != 0)
    metadata["resourceVersion"] = object.metadata.resourceVersion;
  Json json{{"apiVersion", "hawser/v1"},
            {"kind", info(object.kind).name},
            {"metadata", metadata},
            {"spec", object.spec}};
  if (!object.status.empty()) json["status"] = object.status;
  return json;
}

}  // namespace hawser::model
