#include "enrol.h"

#include <nlohmann/json.hpp>
#include <thread>

#include "hawser/api/client.h"
#include "hawser/api/pki.h"
#include "hawser/base/file.h"
#include "hawser/base/log.h"
#include "host_state.h"

namespace hawser::agent {
namespace {

constexpr std::chrono::milliseconds kJoinPause{1000};

std::filesystem::path keyFile(const std::filesystem::path& stateDir) {
  return stateDir / "host.key";
}
std::filesystem::path enrolmentFile(const std::filesystem::path& stateDir) {
  return stateDir / "enrolment.json";
}

std::string trimmed(std::string text) {
  const auto last = text.find_last_not_of(" \t\r\n");
  text.erase(last == std::string::npos ? 0 : last + 1);
  text.erase(0, std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text;
}

std::string urlOf(const std::string& api) {
  return api.find("://") == std::string::npos ? "https://" + api : api;
}

struct Secrets {
  std::string ca, token;
  api::Request request;
};

Result<std::string> readOption(const std::filesystem::path& path, const std::string& option) {
  if (path.empty()) return invalid("is needed at the first start", option);
  auto text = readFile(path);
  if (!text) return fail(text.error().code, text.error().message, option);
  return text;
}

// The request and its key survive a crash: a token is good for one key only.
Result<api::Request> keptRequest(const Options& options) {
  const auto csrFile = options.stateDir / "host.csr";
  const auto key = readFile(keyFile(options.stateDir));
  const auto csr = readFile(csrFile);
  if (key && csr) return api::Request{*csr, *key};
  auto made = api::makeRequest("host:" + options.host);
  if (!made) return made;
  if (auto kept = writeFile(csrFile, made->csr); !kept) return std::unexpected(kept.error());
  if (auto kept = writeFile(keyFile(options.stateDir), made->key); !kept)
    return std::unexpected(kept.error());
  return made;
}

Result<Secrets> gather(const Options& options) {
  auto ca = readOption(options.caFile, "--ca");
  if (!ca) return std::unexpected(ca.error());
  auto token = readOption(options.joinTokenFile, "--join-token");
  if (!token) return std::unexpected(token.error());
  auto request = keptRequest(options);
  if (!request) return std::unexpected(request.error());
  return Secrets{std::move(*ca), trimmed(std::move(*token)), std::move(*request)};
}

// One round over the controllers. kUnavailable, kTimeout: worth another.
Result<Json> ask(const Options& options, const Secrets& secrets) {
  Result<Json> answer = fail(ErrorCode::kUnavailable, "no controller");
  for (const auto& url : options.controllers) {
    api::Client client({.url = url,
                        .caPem = secrets.ca,
                        .token = {},
                        .certificatePem = {},
                        .keyPem = {},
                        .timeout = std::chrono::milliseconds(5000)});
    answer = client.call("POST", "/api/v1/join",
                         Json{{"token", secrets.token}, {"csr", secrets.request.csr}});
    if (answer || (answer.error().code != ErrorCode::kUnavailable &&
                   answer.error().code != ErrorCode::kTimeout))
      return answer;
  }
  return answer;
}

Result<Json> askUntilAnswered(const Options& options, const Secrets& secrets) {
  bool said = false;
  while (true) {
    auto answer = ask(options, secrets);
    if (answer || (answer.error().code != ErrorCode::kUnavailable &&
                   answer.error().code != ErrorCode::kTimeout))
      return answer;
    if (!said) log::warn("agent", "join: {}; tried again", answer.error().text());
    said = true;
    std::this_thread::sleep_for(kJoinPause);
  }
}

Result<net::Endpoint> bgpEndpoint(const std::string& text) {
  auto endpoint = net::Endpoint::parse(text);
  if (!endpoint) return invalid(endpoint.error().message, "controllers.bgp");
  if (endpoint->port == 0) return invalid("\"" + text + "\": port 0", "controllers.bgp");
  if (endpoint->address.isV6())
    return invalid("\"" + text + "\" is IPv6; hosts speak BGP over IPv4 only, so far",
                   "controllers.bgp");
  return endpoint;
}

}  // namespace

Result<Enrolment> parseEnrolment(const std::string& text) {
  try {
    const auto json = Json::parse(text);
    Enrolment out;
    out.site = json.at("site").get<std::string>();
    out.host = json.at("host").get<std::string>();
    out.asn = net::Asn(json.at("asn").get<std::uint32_t>());
    out.ca = json.at("ca").get<std::string>();
    out.certificate = json.at("certificate").get<std::string>();
    for (const auto& one : json.at("controllers")) {
      const auto bgp = bgpEndpoint(one.at("bgp").get<std::string>());
      if (!bgp) return std::unexpected(bgp.error());
      out.controllers.push_back({urlOf(one.at("api").get<std::string>()), *bgp});
    }
    if (out.controllers.empty()) return invalid("names no controller", "controllers");
    if (out.asn.value() == 0) return invalid("is zero", "asn");
    return out;
  } catch (const std::exception& error) {
    return invalid(std::string("not understood: ") + error.what());
  }
}

Result<Enrolment> loadEnrolment(const std::filesystem::path& stateDir) {
  const auto text = readFile(enrolmentFile(stateDir));
  if (!text) return std::unexpected(text.error());
  auto enrolment = parseEnrolment(*text);
  if (!enrolment)
    return fail(ErrorCode::kInternal, enrolment.error().text(), enrolmentFile(stateDir).string());
  auto key = readFile(keyFile(stateDir));
  if (!key) return std::unexpected(key.error());
  enrolment->key = std::move(*key);
  return enrolment;
}

Result<Enrolment> join(const Options& options) {
  auto secrets = gather(options);
  if (!secrets) return std::unexpected(secrets.error());
  const auto answer = askUntilAnswered(options, *secrets);
  if (!answer) return fail(answer.error().code, answer.error().text(), "join");
  auto enrolment = parseEnrolment(answer->dump());
  if (!enrolment) return fail(ErrorCode::kInternal, enrolment.error().text(), "join");
  if (enrolment->host != options.host)
    return invalid(
        "the token is for host \"" + enrolment->host + "\", not \"" + options.host + "\"",
        "--host");
  if (auto kept = writeFile(enrolmentFile(options.stateDir), answer->dump(1)); !kept)
    return std::unexpected(kept.error());
  enrolment->key = secrets->request.key;
  log::info("agent", "joined site {} (AS {}) as {}", enrolment->site, enrolment->asn.value(),
            enrolment->host);
  return enrolment;
}

}  // namespace hawser::agent
