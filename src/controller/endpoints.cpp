#include "endpoints.h"

#include <fmt/core.h>

#include "hawser/base/time.h"
#include "views.h"

namespace hawser::controller {

using api::Caller;
using model::Json;
using model::Kind;
using model::Role;

namespace {

constexpr std::uint64_t kJoinTokenSeconds = 3600;

std::vector<std::string> partsOf(std::string_view path) {
  constexpr std::string_view kBase = "/api/v1/";
  std::vector<std::string> parts;
  if (!path.starts_with(kBase)) return parts;
  path.remove_prefix(kBase.size());
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    if (end > 0) parts.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

void wrongMethod(const api::ReplyPtr& reply, const std::string& needed) {
  reply->json(405, api::errorJson({ErrorCode::kInvalid, needed + " is needed here", {}}));
}

bool oneOf(const Caller& caller, std::initializer_list<Role> roles, const api::ReplyPtr& reply) {
  for (const auto role : roles)
    if (caller.role == role) return true;
  reply->error({ErrorCode::kForbidden, fmt::format("\"{}\" may not do this", caller.name), {}});
  return false;
}

std::string_view roleName(Role role) {
  switch (role) {
    case Role::kAdmin:
      return "admin";
    case Role::kMember:
      return "member";
    case Role::kReader:
      return "reader";
    case Role::kHost:
      return "host";
    case Role::kSite:
      return "site";
  }
  return "?";
}

}  // namespace

Result<Caller> Endpoints::authenticate(const api::HttpRequest& request) const {
  auto caller = parts_.rest.authenticate(request);
  if (!caller) return caller;
  // A certificate outlives its host, or the agreement with a site; the object decides.
  if (caller->role == Role::kHost &&
      !isOfHost(parts_.objects, caller->name, request.clientCertificate))
    return fail(ErrorCode::kUnauthorized,
                fmt::format("host {} is not of this site any more, or joined it again since",
                            caller->name));
  if (caller->role == Role::kSite && !parts_.federation.peerOf(*caller))
    return fail(ErrorCode::kUnauthorized,
                fmt::format("site {} is not known here, or not with this authority", caller->name));
  return caller;
}

std::string Endpoints::who(const api::HttpRequest& request) const {
  const auto caller = authenticate(request);
  if (!caller) return {};
  return fmt::format("{} {} {} {}", roleName(caller->role), caller->name, caller->project,
                     caller->authority);
}

void Endpoints::handle(const api::HttpRequest& request, const api::ReplyPtr& reply) {
  if (request.path == "/healthz") return reply->text(200, "text/plain", "ok\n");
  if (request.path == "/api/v1/join") {
    if (request.method != "POST") return wrongMethod(reply, "POST");
    const auto body = api::Rest::parseBody(request);
    const auto joined =
        body ? parts_.hosts.join(*body, request.from) : Result<Json>(std::unexpected(body.error()));
    return joined ? reply->json(200, *joined) : reply->error(joined.error());
  }
  const auto caller = authenticate(request);
  if (!caller) return reply->error(caller.error());
  if (dispatch({request, *caller, partsOf(request.path), reply})) return;
  if (parts_.rest.handle(request, *caller, reply)) return;
  reply->error({ErrorCode::kNotFound, request.path + ": no such path; see /openapi.json", {}});
}

bool Endpoints::dispatch(const Call& call) {
  if (call.request.path == "/metrics") {
    if (oneOf(call.caller, {Role::kAdmin, Role::kReader}, call.reply))
      call.reply->text(200, "text/plain; version=0.0.4", parts_.metrics.prometheus());
    return true;
  }
  if (call.path.empty()) return false;
  return hostPaths(call) || bgpPaths(call) || sitePaths(call) || plainPaths(call);
}

bool Endpoints::hostPaths(const Call& call) {
  if (call.path.size() != 3 || call.path[0] != "hosts") return false;
  const auto& host = call.path[1];
  const bool itself = call.caller.role == Role::kHost && call.caller.name == host;
  const auto forbid = [&] {
    call.reply->error({ErrorCode::kForbidden, "only host " + host + " itself may do this", {}});
    return true;
  };
  if (call.path[2] == "slice") {
    if (!itself && call.caller.role != Role::kAdmin && call.caller.role != Role::kReader)
      return forbid();
    if (call.request.method != "GET") return wrongMethod(call.reply, "GET"), true;
    const auto watch = call.request.query.find("watch");
    parts_.hosts.slice(host, watch != call.request.query.end() && watch->second != "false",
                       call.reply);
    return true;
  }
  if (call.path[2] != "report") return false;
  if (!itself) return forbid();
  if (call.request.method != "PUT") return wrongMethod(call.reply, "PUT"), true;
  const auto body = api::Rest::parseBody(call.request);
  const auto done =
      body ? parts_.hosts.report(host, *body) : Result<void>(std::unexpected(body.error()));
  if (done)
    call.reply->json(200, Json::object());
  else
    call.reply->error(done.error());
  return true;
}

bool Endpoints::bgpPaths(const Call& call) {
  if (call.path.size() == 5 && call.path[0] == "projects" && call.path[2] == "networks" &&
      call.path[4] == "routes") {
    networkRoutes(call);
    return true;
  }
  if (call.path.size() != 2 || call.path[0] != "bgp") return false;
  if (call.path[1] != "peers" && call.path[1] != "routes") return false;
  if (!oneOf(call.caller, {Role::kAdmin, Role::kReader}, call.reply)) return true;
  if (call.request.method != "GET") return wrongMethod(call.reply, "GET"), true;
  if (call.path[1] == "peers") {
    call.reply->json(200, peersJson(parts_.sessions, parts_.compile.current().peers));
    return true;
  }
  const auto query = parseRouteQuery(call.request.query);
  if (query)
    call.reply->json(200, routesJson(parts_.sessions, *query));
  else
    call.reply->error(query.error());
  return true;
}

void Endpoints::networkRoutes(const Call& call) {
  const model::ObjectKey key{Kind::kNetwork, call.path[1], call.path[3]};
  const auto network = parts_.objects.find(key);
  if (!network || !api::mayRead(call.caller, *network))
    return call.reply->error({ErrorCode::kNotFound, key.text() + " does not exist", {}});
  if (call.request.method != "GET") return wrongMethod(call.reply, "GET");
  call.reply->json(200, networkRoutesJson(parts_.sessions, parts_.objects, parts_.site,
                                          {key.project, key.name}));
}

// What other sites ask, and what is asked of them.
bool Endpoints::sitePaths(const Call& call) {
  const bool trace = call.path[0] == "trace" && call.path.size() <= 2;
  const bool exchange =
      call.path.size() == 2 && call.path[0] == "links" && call.path[1] == "exchange";
  if (!trace && !exchange) return false;
  if (trace && call.path.size() == 2 && call.path[1] != "arrival") return false;
  if (call.request.method != "POST") return wrongMethod(call.reply, "POST"), true;
  if (trace && call.path.size() == 1) return this->trace(call), true;
  if (!oneOf(call.caller,
             exchange ? std::initializer_list<Role>{Role::kSite}
                      : std::initializer_list<Role>{Role::kSite, Role::kAdmin},
             call.reply))
    return true;
  const auto body = api::Rest::parseBody(call.request);
  const auto answer = !body      ? Result<Json>(std::unexpected(body.error()))
                      : exchange ? parts_.federation.exchanged(call.caller, *body)
                                 : parts_.tracing.arrival(*body);
  if (answer)
    call.reply->json(200, *answer);
  else
    call.reply->error(answer.error());
  return true;
}

void Endpoints::trace(const Call& call) {
  const auto body = api::Rest::parseBody(call.request);
  if (!body) return call.reply->error(body.error());
  const auto question = parseQuestion(*body);
  if (!question) return call.reply->error(question.error());
  if (!oneOf(call.caller, {Role::kAdmin, Role::kReader, Role::kMember}, call.reply)) return;
  if (call.caller.role == Role::kMember && !question->from.starts_with(call.caller.project + "/") &&
      !question->from.starts_with("ports/" + call.caller.project + "/"))
    return call.reply->error(
        {ErrorCode::kForbidden, "a member traces from ports of the project: PROJECT/PORT", "from"});
  parts_.tracing.ask(*question, call.reply);
}

bool Endpoints::plainPaths(const Call& call) {
  const auto& caller = call.caller;
  const auto whole = call.path.size() == 2 ? call.path[0] + "/" + call.path[1] : call.path[0];
  if (call.path.size() > 2) return false;
  if (whole == "tokens/issue" && call.request.method == "POST") {
    if (oneOf(caller, {Role::kAdmin}, call.reply)) issueToken(call);
    return true;
  }
  if (whole == "whoami") {
    Json json{{"name", caller.name}, {"role", roleName(caller.role)}, {"site", parts_.site}};
    if (!caller.project.empty()) json["project"] = caller.project;
    call.reply->json(200, json);
    return true;
  }
  if (whole == "status") {
    if (oneOf(caller, {Role::kAdmin, Role::kReader, Role::kMember}, call.reply))
      call.reply->json(200, status());
    return true;
  }
  if (whole == "identities/remote") {
    if (oneOf(caller, {Role::kAdmin, Role::kReader}, call.reply))
      call.reply->json(200, parts_.federation.identitiesJson());
    return true;
  }
  return false;
}

Json Endpoints::status() const {
  Json counts = Json::object();
  std::size_t hostsUp = 0, hosts = 0;
  for (const auto& [key, object] : parts_.objects.all()) {
    const std::string plural(model::info(key.kind).plural);
    counts[plural] = counts.value(plural, 0) + 1;
    if (key.kind != Kind::kHost) continue;
    ++hosts;
    hostsUp += object->status.value("connected", false) ? 1U : 0U;
  }
  std::size_t peersUp = 0, peers = 0;
  const auto& intents = parts_.compile.current().peers;
  for (const auto& peer : parts_.sessions.speaker().peers()) {
    if (!intents.contains(peer.name)) continue;
    ++peers;
    peersUp += peer.state == bgp::State::kEstablished ? 1U : 0U;
  }
  return {{"site", parts_.site},
          {"asn", parts_.asn.value()},
          {"version", HAWSER_VERSION},
          {"resourceVersion", parts_.objects.revision()},
          {"bgpSynchronised", parts_.sessions.speaker().synchronised()},
          {"hosts", {{"total", hosts}, {"connected", hostsUp}}},
          {"peers", {{"total", peers}, {"established", peersUp}}},
          {"objects", std::move(counts)},
          {"compileMicroseconds", parts_.compile.lastMicroseconds()},
          {"warnings", parts_.compile.current().warnings},
          {"federation", parts_.federation.statusJson()}};
}

void Endpoints::issueToken(const Call& call) {
  const auto body = api::Rest::parseBody(call.request);
  if (!body) return call.reply->error(body.error());
  if (!body->is_object())
    return call.reply->error({ErrorCode::kInvalid, "is not an object", "body"});
  auto spec = *body;
  std::string name;
  if (spec.contains("name") && spec["name"].is_string()) name = spec["name"].get<std::string>();
  spec.erase("name");
  const auto host = spec.value("host", Json());
  if (host.is_string()) {  // to join: a secret that is used once, and soon
    spec.emplace("ttlSeconds", kJoinTokenSeconds);
    if (!spec.contains("hostAddress") &&
        !parts_.objects.find({Kind::kHost, {}, host.get<std::string>()}))
      return call.reply->error(
          {ErrorCode::kInvalid,
           fmt::format("is required: there is no host \"{}\" yet", host.get<std::string>()),
           "hostAddress"});
  }
  if (spec.contains("ttlSeconds")) {
    if (!spec["ttlSeconds"].is_number_unsigned() || spec["ttlSeconds"] > 315360000)
      return call.reply->error({ErrorCode::kInvalid, "is not a number of seconds", "ttlSeconds"});
    spec["expires"] = timeText(std::chrono::seconds(spec["ttlSeconds"].get<std::int64_t>()));
    spec.erase("ttlSeconds");
  }
  const auto secret = api::randomSecret();
  spec["hash"] = api::sha256Hex(secret);
  auto object =
      model::parseObject({{"kind", "Token"}, {"metadata", {{"name", name}}}, {"spec", spec}});
  auto strip = [](Error error) {  // the body is the spec
    if (error.field.starts_with("spec.")) error.field.erase(0, 5);
    if (error.field == "metadata.name") error.field = "name";
    return error;
  };
  if (!object) return call.reply->error(strip(object.error()));
  std::vector<api::Write> writes;
  writes.push_back({api::Write::Op::kCreate, std::move(*object)});
  const auto done = parts_.objects.commit(std::move(writes), call.caller);
  if (!done) return call.reply->error(strip(done.error()));
  call.reply->json(201,
                   {{"name", name}, {"token", secret}, {"expires", spec.value("expires", "")}});
}

}  // namespace hawser::controller
