#include "session.h"

#include <fmt/core.h>

#include <cctype>

#include "hawser/base/file.h"

namespace hawser::cli {

using model::Json;

namespace {

constexpr std::string_view kPemBegin = "-----BEGIN";

std::string trimmed(const std::string& text) {
  const auto last = text.find_last_not_of(" \t\r\n");
  return last == std::string::npos ? std::string() : text.substr(0, last + 1);
}

Result<std::string> pemOf(const std::string& text, const std::filesystem::path& folder) {
  if (text.empty() || text.starts_with(kPemBegin)) return text;
  return readFile(folder / text);
}

// Of a file that a context names and that cannot be read.
std::unexpected<Error> unreadable(const std::string& context, const char* what,
                                  const std::filesystem::path& file, const Error& why) {
  std::error_code error;
  if (std::filesystem::exists(file, error))
    return fail(why.code, why.message, "context " + context);
  return fail(ErrorCode::kNotFound,
              fmt::format("its {} {} is gone; did its lab end?", what, file.string()),
              "context " + context);
}

}  // namespace

Result<Output> parseOutput(const std::string& text) {
  if (text == "table") return Output::kTable;
  if (text == "wide") return Output::kWide;
  if (text == "json") return Output::kJson;
  if (text == "yaml") return Output::kYaml;
  if (text == "name") return Output::kName;
  return invalid(fmt::format("\"{}\" is not table, wide, json, yaml or name", text), "-o");
}

std::string urlEncode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~')
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
  return out;
}

std::string pathOf(const model::ObjectKey& key) {
  const auto& info = model::info(key.kind);
  std::string path = "/api/v1/";
  if (info.projectScoped && !key.project.empty())
    path += "projects/" + urlEncode(key.project) + "/";
  path += info.plural;
  if (!key.name.empty()) path += "/" + urlEncode(key.name);
  return path;
}

Result<void> Session::prepare() {
  const auto output = parseOutput(globals_.output);
  if (!output) return std::unexpected(output.error());
  output_ = *output;
  auto config = loadConfig(configPath());
  if (!config) return std::unexpected(config.error());
  config_ = std::move(*config);
  return {};
}

std::filesystem::path Session::configPath() const {
  if (const auto given = environment_.variable("HAWSER_CONFIG"); !given.empty()) return given;
  if (const auto base = environment_.variable("XDG_CONFIG_HOME"); !base.empty())
    return std::filesystem::path(base) / "hawser" / "config.yaml";
  return std::filesystem::path(environment_.variable("HOME")) / ".config/hawser/config.yaml";
}

std::string Session::contextName() const {
  if (!globals_.context.empty()) return globals_.context;
  if (const auto given = environment_.variable("HAWSER_CONTEXT"); !given.empty()) return given;
  return config_.current;
}

const Context* Session::chosen() const {
  const auto found = config_.contexts.find(contextName());
  return found == config_.contexts.end() ? nullptr : &found->second;
}

std::string Session::project() const {
  if (!globals_.project.empty()) return globals_.project;
  const auto* context = chosen();
  return context != nullptr && !context->project.empty() ? context->project : "default";
}

bool Session::projectChosen() const {
  const auto* context = chosen();
  return projectGiven() || (context != nullptr && !context->project.empty());
}

std::unexpected<Error> Session::noContext() const {
  const auto name = contextName();
  std::error_code error;
  const auto given = environment_.variable("HAWSER_CONFIG");
  if (!given.empty() && !std::filesystem::exists(given, error))
    return fail(ErrorCode::kNotFound,
                fmt::format("{} does not exist (from HAWSER_CONFIG); did its lab end?", given));
  if (!name.empty()) {
    std::vector<std::string> known;
    for (const auto& [each, unused] : config_.contexts) known.push_back(each);
    const auto near = model::nearest(name, known);
    return fail(ErrorCode::kNotFound,
                fmt::format("{} has no context \"{}\"{}", configPath().string(), name,
                            near.empty() ? "; see \"hawser context list\""
                                         : fmt::format("; is it \"{}\"?", near)),
                "--context");
  }
  return fail(ErrorCode::kNotFound,
              "no context yet: make one with \"hawser context set NAME --server "
              "https://ADDRESS:8443 --ca CA.PEM --token-file FILE\"");
}

Result<api::ClientConfig> Session::clientConfig() const {
  const auto name = contextName();
  const auto* context = chosen();
  if (context == nullptr && (!name.empty() || globals_.server.empty())) return noContext();
  static const Context kNone;
  const auto& from = context != nullptr ? *context : kNone;
  const auto folder = configPath().parent_path();
  api::ClientConfig config;
  config.url = globals_.server.empty() ? from.server : globals_.server;
  while (config.url.ends_with('/')) config.url.pop_back();
  if (!config.url.starts_with("https://"))
    return invalid(fmt::format("\"{}\" does not begin with https://", config.url), "--server");
  const auto ca = globals_.ca.empty() ? pemOf(from.ca, folder) : pemOf(globals_.ca, {});
  if (!ca && globals_.ca.empty())
    return unreadable(name, "certificate", folder / from.ca, ca.error());
  if (!ca) return fail(ca.error().code, ca.error().message, "--ca");
  if (ca->empty())
    return invalid("the site's CA certificate is needed (a file or the PEM text)", "--ca");
  config.caPem = *ca;
  config.token = globals_.token.empty() ? from.token : globals_.token;
  if (config.token.empty() && !from.tokenFile.empty()) {
    const auto token = readFile(folder / from.tokenFile);
    if (!token) return unreadable(name, "token", folder / from.tokenFile, token.error());
    config.token = trimmed(*token);
  }
  if (timeout_) config.timeout = *timeout_;
  return config;
}

Error Session::explained(Error error) const {
  const auto context = contextName();
  const auto who = context.empty() ? std::string("--server") : fmt::format("context {}", context);
  if (error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout)
    error.message +=
        fmt::format("; is the controller running, and are address and CA right ({})?", who);
  if (error.code == ErrorCode::kUnauthorized)
    error.message += fmt::format("; check the token ({})", who);
  return error;
}

Result<Json> Session::call(const std::string& method, const std::string& path,
                           const std::optional<Json>& body) {
  if (!client_) {
    auto config = clientConfig();
    if (!config) return std::unexpected(config.error());
    client_.emplace(std::move(*config));
  }
  auto answer = client_->call(method, path, body);
  if (!answer) return std::unexpected(explained(std::move(answer.error())));
  return answer;
}

Result<Json> Session::list(model::Kind kind, const std::string& project,
                           const std::string& selector) {
  auto path = pathOf({kind, project, {}});
  if (!selector.empty()) path += "?labelSelector=" + urlEncode(selector);
  auto answer = call("GET", path);
  if (!answer) return answer;
  if (!answer->is_object() || !answer->contains("items") || !answer->at("items").is_array())
    return fail(ErrorCode::kInternal, "the server's answer is not a list: is it a controller?");
  return answer;
}

Result<void> Session::projectExists(const std::string& project) {
  const auto found = call("GET", pathOf({model::Kind::kProject, {}, project}));
  if (found || found.error().code != ErrorCode::kNotFound) return {};
  std::vector<std::string> names;
  if (const auto all = list(model::Kind::kProject, {}))
    for (const auto& item : all->at("items"))
      names.push_back(item.value(Json::json_pointer("/metadata/name"), ""));
  const auto near = model::nearest(project, names);
  return fail(ErrorCode::kNotFound,
              fmt::format("project \"{}\" does not exist{}", project,
                          near.empty() ? "" : fmt::format("; is it \"{}\"?", near)));
}

void Session::print(const Json& json) {
  if (output_ == Output::kYaml)
    out() << model::toYaml(json);
  else
    out() << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

}  // namespace hawser::cli
