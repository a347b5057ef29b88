// token and context: who talks to which site.
#include <fmt/core.h>

#include <charconv>

#include "commands.h"
#include "hawser/base/file.h"
#include "views/columns.h"

namespace hawser::cli {

using model::Json;

Result<std::uint64_t> parseDuration(const std::string& text, const std::string& field) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  const std::string_view rest(unit, static_cast<std::size_t>(end - unit));
  std::uint64_t factor = 0;
  if (rest.empty() || rest == "s") factor = 1;
  if (rest == "m") factor = 60;
  if (rest == "h") factor = 3600;
  if (rest == "d") factor = 86400;
  constexpr std::uint64_t kMost = 315360000;  // ten years
  if (error != std::errc() || factor == 0 || number == 0 || number > kMost / factor)
    return invalid(
        fmt::format("\"{}\" is no time like 90s, 30m, 24h or 7d (ten years at most)", text), field);
  return number * factor;
}

Result<int> tokenIssue(Session& session, const TokenOptions& options) {
  Json body{{"name", options.name}, {"role", options.role}};
  const bool member = options.role == "member" && options.host.empty();
  if (!member && session.projectGiven())
    return invalid(fmt::format("a token of role {} is not of one project; member is",
                               options.host.empty() ? options.role : "host"),
                   "--project");
  if (member && !session.projectChosen()) return invalid("is required: whose member?", "--project");
  if (member) body["project"] = session.project();
  if (!options.host.empty()) {
    body["host"] = options.host;
    body["role"] = "host";
  }
  if (!options.hostAddress.empty()) body["hostAddress"] = options.hostAddress;
  if (!options.ttl.empty()) {
    const auto seconds = parseDuration(options.ttl, "--ttl");
    if (!seconds) return std::unexpected(seconds.error());
    body["ttlSeconds"] = *seconds;
  }
  const auto answer = session.call("POST", "/api/v1/tokens/issue", body);
  if (!answer) return std::unexpected(answer.error());
  if (session.forPrograms()) {
    session.print(*answer);
    return kGood;
  }
  const auto expires = textAt(*answer, "expires");
  session.err() << fmt::format("token {} ({}{}), {}; it is shown this once:\n", options.name,
                               textAt(body, "role"),
                               member ? " of project " + session.project() : std::string(),
                               expires.empty() ? "never expires" : "expires " + expires);
  session.out() << textAt(*answer, "token") << "\n";
  return kGood;
}

Result<int> contextList(Session& session) {
  const auto& config = session.config();
  if (session.forPrograms()) {
    auto json = toJson(config);
    for (auto& [name, context] : json["contexts"].items()) context.erase("token");
    session.print(json);
    return kGood;
  }
  if (config.contexts.empty()) {
    session.out() << "no contexts in " << session.configPath().string() << "\n";
    return kGood;
  }
  Table table{{" ", "NAME", "SERVER", "PROJECT"}, {}};
  for (const auto& [name, context] : config.contexts) {
    if (session.output() == Output::kName)
      session.out() << name << "\n";
    else
      table.rows.push_back({name == session.contextName() ? "*" : " ", name, context.server,
                            context.project.empty() ? "default" : context.project});
  }
  if (session.output() != Output::kName) session.out() << render(table);
  return kGood;
}

namespace {

std::unexpected<Error> unknown(const Session& session, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [each, context] : session.config().contexts) known.push_back(each);
  const auto near = model::nearest(name, known);
  return fail(ErrorCode::kNotFound,
              fmt::format("no context \"{}\"{}", name,
                          near.empty() ? "" : fmt::format("; is it \"{}\"?", near)));
}

// A file is named in full, so that the context works from every folder.
std::string absolute(const std::string& file) {
  if (file.empty() || file.starts_with("-----BEGIN")) return file;
  return std::filesystem::absolute(file).lexically_normal().string();
}

}  // namespace

Result<int> contextUse(Session& session, const std::string& name) {
  auto config = session.config();
  if (!config.contexts.contains(name)) return unknown(session, name);
  config.current = name;
  if (auto saved = saveConfig(session.configPath(), config); !saved)
    return std::unexpected(saved.error());
  session.out() << "context " << name << " is the current one\n";
  return kGood;
}

Result<int> contextSet(Session& session, const ContextOptions& options) {
  auto config = session.config();
  const bool isNew = !config.contexts.contains(options.name);
  auto& context = config.contexts[options.name];
  if (!options.server.empty()) context.server = options.server;
  if (!options.project.empty()) context.project = options.project;
  if (!options.ca.empty()) context.ca = absolute(options.ca);
  if (!options.token.empty()) {
    context.token = options.token;
    context.tokenFile.clear();
  }
  if (!options.tokenFile.empty()) {
    context.tokenFile = absolute(options.tokenFile);
    context.token.clear();
  }
  if (!context.server.starts_with("https://"))
    return invalid("is required: https://ADDRESS:PORT", "--server");
  if (context.ca.empty()) return invalid("the site's CA certificate is required", "--ca");
  for (const auto& [file, flag] :
       {std::pair{context.ca, "--ca"}, {context.tokenFile, "--token-file"}}) {
    if (file.empty() || file.starts_with("-----BEGIN")) continue;
    const auto readable = readFile(session.configPath().parent_path() / file);
    if (!readable) return fail(readable.error().code, readable.error().message, flag);
  }
  if (config.current.empty()) config.current = options.name;
  if (auto saved = saveConfig(session.configPath(), config); !saved)
    return std::unexpected(saved.error());
  session.out() << "context " << options.name << (isNew ? " made" : " changed")
                << (config.current == options.name ? "; it is the current one" : "") << "\n";
  return kGood;
}

Result<int> contextRemove(Session& session, const std::string& name) {
  auto config = session.config();
  if (config.contexts.erase(name) == 0) return unknown(session, name);
  const bool wasCurrent = config.current == name;
  if (wasCurrent) config.current.clear();
  if (auto saved = saveConfig(session.configPath(), config); !saved)
    return std::unexpected(saved.error());
  session.out() << "context " << name << " removed"
                << (wasCurrent ? "; it was the current one" : "") << "\n";
  return kGood;
}

}  // namespace hawser::cli
