#include "hawser/api/client.h"

#include <fmt/core.h>

#include <mutex>

#include "curl.h"

namespace hawser::api {

using model::Json;

namespace {

curl_blob blobOf(const std::string& text) {
  // CURL_BLOB_NOCOPY takes a non-const pointer but does not write.
  return {const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};  // NOLINT
}

constexpr std::size_t kMaxAnswer = 256U << 20U;

std::size_t append(const char* data, std::size_t size, std::size_t count, void* to) {
  auto& answer = *static_cast<std::string*>(to);
  if (answer.size() + size * count > kMaxAnswer) return 0;  // curl gives up
  answer.append(data, size * count);
  return size * count;
}

// Not 0: curl gives up.
int aborted(void* flag, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return *static_cast<const std::atomic<bool>*>(flag) ? 1 : 0;
}

ErrorCode codeOf(const std::string& name, long status) {
  if (name == "invalid") return ErrorCode::kInvalid;
  if (name == "exists") return ErrorCode::kExists;
  if (name == "conflict") return ErrorCode::kConflict;
  switch (status) {
    case 400:
    case 413:
      return ErrorCode::kInvalid;
    case 401:
      return ErrorCode::kUnauthorized;
    case 403:
      return ErrorCode::kForbidden;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    case 410:
      return ErrorCode::kInvalid;
    case 503:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInternal;
  }
}

std::string objectPath(const model::ObjectKey& key) {
  const auto& kind = model::info(key.kind);
  std::string path = "/api/v1/";
  if (kind.projectScoped) path += "projects/" + key.project + "/";
  path += kind.plural;
  if (!key.name.empty()) path += "/" + key.name;
  return path;
}

}  // namespace

CurlPtr makeCurl(const ClientConfig& config) {
  static std::once_flag once;
  std::call_once(once, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });
  CurlPtr handle(::curl_easy_init());
  CURL* curl = handle.get();
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(curl, CURLOPT_PROXY, "");
  ::curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
  ::curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
  ::curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  // Trust is the site's authority alone. Hosts' certificates are for clients only, so no other
  // holder of a certificate can pass for the server; the name adds nothing.
  ::curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  if (config.caPem.empty()) {
    ::curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
  } else {
    auto ca = blobOf(config.caPem);
    ::curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
    ::curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  }
  if (config.abort) {
    ::curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    ::curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &aborted);
    // The callback only reads.
    ::curl_easy_setopt(curl, CURLOPT_XFERINFODATA,
                       const_cast<std::atomic<bool>*>(config.abort.get()));  // NOLINT
  }
  if (!config.certificatePem.empty()) {
    auto certificate = blobOf(config.certificatePem);
    auto key = blobOf(config.keyPem);
    ::curl_easy_setopt(curl, CURLOPT_SSLCERT_BLOB, &certificate);
    ::curl_easy_setopt(curl, CURLOPT_SSLCERTTYPE, "PEM");
    ::curl_easy_setopt(curl, CURLOPT_SSLKEY_BLOB, &key);
    ::curl_easy_setopt(curl, CURLOPT_SSLKEYTYPE, "PEM");
  }
  return handle;
}

SlistPtr makeHeaders(const ClientConfig& config, bool json) {
  curl_slist* list = ::curl_slist_append(nullptr, "Accept: application/json");
  list = ::curl_slist_append(list, "Expect:");
  if (json) list = ::curl_slist_append(list, "Content-Type: application/json");
  if (!config.token.empty())
    list = ::curl_slist_append(list, ("Authorization: Bearer " + config.token).c_str());
  return SlistPtr(list);
}

Error errorOf(long status, const std::string& body) {
  const auto json = model::parseJson(body);
  if (!json || !json->is_object())
    return {codeOf({}, status), fmt::format("HTTP {}: {}", status, body.substr(0, 200)), {}};
  const auto text = [&json](const char* name) {
    const auto found = json->find(name);
    return found != json->end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto message = text("message");
  return {codeOf(text("code"), status), message.empty() ? "no message" : message, text("field")};
}

Error unreachable(const ClientConfig& config, CURLcode code) {
  return {code == CURLE_OPERATION_TIMEDOUT ? ErrorCode::kTimeout : ErrorCode::kUnavailable,
          fmt::format("{}: {}", config.url, ::curl_easy_strerror(code)),
          {}};
}

struct Client::Impl {
  explicit Impl(ClientConfig wanted) : config(std::move(wanted)), handle(makeCurl(config)) {}
  ClientConfig config;
  CurlPtr handle;
};

Client::Client(ClientConfig config) : impl_(std::make_unique<Impl>(std::move(config))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
const ClientConfig& Client::config() const { return impl_->config; }

Result<Json> Client::call(const std::string& method, const std::string& path,
                          const std::optional<Json>& body) {
  CURL* curl = impl_->handle.get();
  const auto headers = makeHeaders(impl_->config, body.has_value());
  const std::string url = impl_->config.url + path;
  std::string answer;
  std::string sent = body ? body->dump(-1, ' ', false, Json::error_handler_t::replace) : "";
  ::curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  ::curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(impl_->config.timeout.count()));
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &append);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  ::curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  if (body) {
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(sent.size()));
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDS, sent.c_str());
  }
  ::curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  const CURLcode code = ::curl_easy_perform(curl);
  if (code != CURLE_OK) return std::unexpected(unreachable(impl_->config, code));
  long status = 0;
  ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 400) return std::unexpected(errorOf(status, answer));
  if (answer.empty()) return Json();
  auto json = model::parseJson(answer);
  if (!json) return Json(answer);  // a text, such as /metrics
  return json;
}

Result<model::Object> Client::get(const model::ObjectKey& key) {
  const auto json = call("GET", objectPath(key));
  if (!json) return std::unexpected(json.error());
  return model::parseObject(*json);
}

Result<Client::List> Client::list(model::Kind kind, const std::string& project) {
  const auto& info = model::info(kind);
  std::string path = "/api/v1/";
  if (info.projectScoped && !project.empty()) path += "projects/" + project + "/";
  const auto json = call("GET", path + std::string(info.plural));
  if (!json) return std::unexpected(json.error());
  List list;
  list.resourceVersion = json->at("metadata").value("resourceVersion", std::uint64_t{0});
  for (const auto& item : json->at("items")) {
    auto object = model::parseObject(item);
    if (!object) return std::unexpected(object.error());
    list.items.push_back(std::move(*object));
  }
  return list;
}

Result<model::Object> Client::create(const model::Object& object) {
  auto key = object.key();
  key.name.clear();
  const auto json = call("POST", objectPath(key), model::toJson(object));
  if (!json) return std::unexpected(json.error());
  return model::parseObject(*json);
}

Result<model::Object> Client::update(const model::Object& object) {
  const auto json = call("PUT", objectPath(object.key()), model::toJson(object));
  if (!json) return std::unexpected(json.error());
  return model::parseObject(*json);
}

Result<model::Object> Client::patch(const model::ObjectKey& key, const Json& mergePatch) {
  const auto json = call("PATCH", objectPath(key), mergePatch);
  if (!json) return std::unexpected(json.error());
  return model::parseObject(*json);
}

Result<void> Client::remove(const model::ObjectKey& key) {
  const auto json = call("DELETE", objectPath(key));
  if (!json) return std::unexpected(json.error());
  return {};
}

Result<std::vector<std::string>> Client::apply(const std::vector<model::Object>& objects,
                                               bool dryRun) {
  Json body{{"objects", Json::array()}};
  for (const auto& object : objects) body["objects"].push_back(model::toJson(object));
  const auto json = call("POST", dryRun ? "/api/v1/apply?dryRun=true" : "/api/v1/apply", body);
  if (!json) return std::unexpected(json.error());
  return json->at("results").get<std::vector<std::string>>();
}

}  // namespace hawser::api
