#include "hawser/api/rest.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>
#include <set>

#include "batch.h"
#include "hawser/base/log.h"
#include "hawser/base/time.h"

namespace hawser::api {

using model::Json;
using model::Kind;
using model::Object;
using model::ObjectKey;
using model::Role;

namespace {

constexpr std::chrono::seconds kBookmarkInterval{5};

// An empty one selects all; an empty term or key is a mistake.
bool validSelector(const std::string& selector) {
  if (selector.empty()) return true;
  for (std::size_t start = 0; start <= selector.size();) {
    const auto end = std::min(selector.find(',', start), selector.size());
    if (end == start || selector[start] == '=' || selector[start] == '!') return false;
    start = end + 1;
  }
  return true;
}

std::vector<std::string> segmentsOf(const std::string& path) {
  std::vector<std::string> segments;
  std::size_t start = 0;
  while (start < path.size()) {
    const auto end = std::min(path.find('/', start), path.size());
    if (end > start) segments.push_back(path.substr(start, end - start));
    start = end + 1;
  }
  return segments;
}

// What the caller sees of it: secrets go to admins only.
Json shown(const Caller& caller, const Object& object) {
  auto json = model::toJson(object);
  if (object.kind == Kind::kPeer && caller.role != Role::kAdmin) json["spec"].erase("md5Key");
  return json;
}

struct Target {
  Kind kind = Kind::kSite;
  std::string project;
  std::string name;
};

}  // namespace

bool mayRead(const Caller& caller, const Object& object) {
  switch (caller.role) {
    case Role::kAdmin:
      return true;
    case Role::kReader:
      return object.kind != Kind::kToken;
    case Role::kMember:
      if (model::info(object.kind).projectScoped) {
        return object.metadata.project == caller.project ||
               (object.kind == Kind::kNetwork && object.spec.value("external", false));
      }
      return object.kind == Kind::kSite || object.kind == Kind::kHost ||
             (object.kind == Kind::kProject && object.metadata.name == caller.project);
    case Role::kHost:
    case Role::kSite:
      return false;
  }
  return false;
}

bool mayWrite(const Caller& caller, Kind kind, const std::string& project) {
  if (caller.role == Role::kAdmin) return true;
  if (caller.role != Role::kMember || project != caller.project) return false;
  switch (kind) {
    case Kind::kNetwork:
    case Kind::kPort:
    case Kind::kFloatingIp:
    case Kind::kService:
    case Kind::kRouter:
    case Kind::kPolicy:
    case Kind::kSecurityGroup:
      return true;
    case Kind::kSite:
    case Kind::kHost:
    case Kind::kProject:
    case Kind::kAddressPool:
    case Kind::kPeer:
    case Kind::kLink:
    case Kind::kQuota:
    case Kind::kIdentity:
    case Kind::kToken:
      return false;
  }
  return false;
}

struct Rest::Impl {
  Impl(io::Loop& onLoop, Objects& of, std::string authority)
      : loop(onLoop), objects(of), ownAuthority(std::move(authority)) {}

  struct Stream {
    explicit Stream(io::Loop& onLoop) : timer(onLoop) {}
    std::unique_ptr<store::Watch> watch;
    io::Timer timer;
    ReplyPtr reply;
  };

  [[nodiscard]] static std::optional<Target> targetOf(const std::vector<std::string>& segments,
                                                      Error& error) {
    // api v1 plural [name] | api v1 projects project plural [name]
    if (segments.size() < 3 || segments[0] != "api" || segments[1] != "v1") return std::nullopt;
    Target target;
    std::size_t at = 2;
    if (segments[2] == "projects" && segments.size() >= 5) {
      target.project = segments[3];
      at = 4;
    }
    if (segments.size() > at + 2) return std::nullopt;
    for (const auto& info : model::kinds()) {
      if (info.plural != segments[at]) continue;
      target.kind = info.kind;
      if (segments.size() == at + 2) target.name = segments[at + 1];
      if (!info.projectScoped && !target.project.empty()) {
        error = {ErrorCode::kNotFound, segments[at] + " are not in a project", {}};
      } else if (info.projectScoped && target.project.empty() && !target.name.empty()) {
        error = {ErrorCode::kNotFound,
                 fmt::format("{} are in a project: /api/v1/projects/PROJECT/{}/{}", info.plural,
                             info.plural, target.name),
                 {}};
      }
      return target;
    }
    return std::nullopt;
  }

  void get(const Target& target, const Caller& caller, const ReplyPtr& reply) const {
    const auto object = objects.find({target.kind, target.project, target.name});
    if (!object || !mayRead(caller, *object)) {
      return reply->error(
          {ErrorCode::kNotFound,
           ObjectKey{target.kind, target.project, target.name}.text() + " does not exist",
           {}});
    }
    reply->json(200, shown(caller, *object));
  }

  [[nodiscard]] static bool matches(const HttpRequest& request, const Target& target,
                                    const Caller& caller, const Object& object) {
    if (!target.project.empty() && object.metadata.project != target.project) return false;
    if (!mayRead(caller, object)) return false;
    const auto owner = request.query.find("owner");
    if (owner != request.query.end() && object.metadata.owner != owner->second) return false;
    const auto selector = request.query.find("labelSelector");
    return selector == request.query.end() ||
           model::selects(selector->second, object.metadata.labels);
  }

  void list(const HttpRequest& request, const Target& target, const Caller& caller,
            const ReplyPtr& reply) const {
    Json items = Json::array();
    for (const auto& [key, object] : model::ofKind(objects.all(), target.kind))
      if (matches(request, target, caller, *object)) items.push_back(shown(caller, *object));
    reply->json(200, {{"kind", std::string(model::info(target.kind).name) + "List"},
                      {"metadata", {{"resourceVersion", objects.revision()}}},
                      {"items", std::move(items)}});
  }

  // What a query may hold. A misspelled "dryRun" must not become a change.
  [[nodiscard]] static Result<void> checkQuery(const HttpRequest& request,
                                               std::initializer_list<std::string_view> known) {
    for (const auto& [name, value] : request.query) {
      if (std::ranges::find(known, name) == known.end())
        return invalid(known.size() == 0 ? std::string("takes no parameters here")
                                         : fmt::format("is not one of {}", fmt::join(known, ", ")),
                       "?" + name);
      if (name == "labelSelector" && !validSelector(value))
        return invalid(
            fmt::format("\"{}\" is not KEY, KEY=VALUE or KEY!=VALUE, joined by commas", value),
            "labelSelector");
    }
    return {};
  }

  [[nodiscard]] static Result<store::Revision> revisionOf(const HttpRequest& request) {
    const auto given = request.query.find("resourceVersion");
    if (given == request.query.end()) return 0;
    const auto& text = given->second;
    if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos ||
        text.size() > 18)
      return invalid("not a number", "resourceVersion");
    return std::stoull(text);
  }

  void watch(const HttpRequest& request, const Target& target, const Caller& caller,
             const ReplyPtr& reply) {
    const auto wanted = revisionOf(request);
    if (!wanted) return reply->error(wanted.error());
    auto after = *wanted;
    auto stream = std::make_shared<Stream>(loop);
    stream->reply = reply;
    std::vector<std::string> first;
    if (after == 0) {
      after = objects.revision();
      for (const auto& [key, object] : model::ofKind(objects.all(), target.kind))
        if (matches(request, target, caller, *object))
          first.push_back(Json{{"type", "ADDED"}, {"object", shown(caller, *object)}}.dump());
    }
    const auto prefix = fmt::format("{}{}/", Objects::kPrefix, model::info(target.kind).plural);
    // What is history is told inside watch(), before the stream has begun.
    struct Early {
      bool over = false;
      std::vector<store::Batch> batches;
    };
    auto early = std::make_shared<Early>();
    auto kept = request;
    kept.body.clear();
    auto opened = objects.store().watch(
        prefix, after, [kept, target, caller, early, answer = reply](const store::Batch& batch) {
          if (early->over)
            tell(kept, target, caller, *answer, batch);
          else
            early->batches.push_back(batch);
        });
    if (!opened) {
      const auto newest = objects.revision();
      const auto message =
          after > newest ? fmt::format("version {} is yet to come, the newest is {}: list again",
                                       after, newest)
                         : fmt::format("version {} is too old: list again", after);
      return reply->json(410, errorJson({ErrorCode::kInvalid, message, "resourceVersion"}));
    }
    stream->watch = std::move(*opened);
    streams.insert(stream);
    reply->stream([this, weak = std::weak_ptr(stream), alive = std::weak_ptr(life)] {
      if (alive.expired()) return;
      const auto gone = weak.lock();
      if (!gone || streams.erase(gone) == 0) return;
      // The watch may be on the stack; and it may not outlive us, since the store may be gone then.
      ended.push_back(gone);
      loop.post([this, alive] {
        if (!alive.expired()) ended.clear();
      });
    });
    for (const auto& line : first) reply->line(line);
    for (const auto& batch : early->batches) tell(request, target, caller, *reply, batch);
    *early = {true, {}};
    bookmark(stream);
  }

  // To this watch an object that begins to match is new, and one that ceases to is gone.
  static void tell(const HttpRequest& request, const Target& target, const Caller& caller,
                   Reply& reply, const store::Batch& batch) {
    const auto seen = [&](const store::Entry& entry) -> std::optional<Object> {
      auto object = Objects::fromEntry(entry);
      if (!object || !matches(request, target, caller, *object)) return std::nullopt;
      return std::move(*object);
    };
    for (const auto& event : batch.events) {
      auto last = event.entry;
      if (event.previous) last.value = *event.previous;
      const bool existed = event.entry.created != event.entry.modified;
      const auto before = existed || event.deleted ? seen(last) : std::nullopt;
      const auto now = event.deleted ? std::nullopt : seen(event.entry);
      if (!before && !now) continue;
      reply.line(Json{{"type", !before ? "ADDED"
                               : !now  ? "DELETED"
                                       : "MODIFIED"},
                      {"resourceVersion", batch.revision},
                      {"object", shown(caller, now ? *now : *before)}}
                     .dump());
    }
  }

  void bookmark(const std::shared_ptr<Stream>& stream) {
    stream->reply->line(Json{{"type", "BOOKMARK"}, {"resourceVersion", objects.revision()}}.dump());
    stream->timer.start(kBookmarkInterval, [this, weak = std::weak_ptr(stream)] {
      if (const auto still = weak.lock()) bookmark(still);
    });
  }

  [[nodiscard]] static Result<Object> read(const Json& json, const Target& target) {
    auto object = model::parseObject(json, target.project);
    if (!object) return object;
    if (object->kind != target.kind) {
      return invalid(fmt::format("a {} does not belong under {}", model::info(object->kind).name,
                                 model::info(target.kind).plural),
                     "kind");
    }
    if (object->metadata.project != target.project && model::info(target.kind).projectScoped)
      return invalid("the project differs from that of the path", "metadata.project");
    if (!target.name.empty() && object->metadata.name != target.name)
      return invalid("the name differs from that of the path", "metadata.name");
    return object;
  }

  [[nodiscard]] static Result<bool> dryRunOf(const HttpRequest& request) {
    const auto given = request.query.find("dryRun");
    if (given == request.query.end() || given->second == "false") return false;
    if (given->second.empty() || given->second == "true") return true;
    return invalid("is not true or false", "dryRun");
  }

  void commit(Write write, const Caller& caller, const HttpRequest& request,
              const ReplyPtr& reply) {
    const auto dryRun = dryRunOf(request);
    if (!dryRun) return reply->error(dryRun.error());
    const auto op = write.op;
    auto outcomes = objects.commit({std::move(write)}, caller, *dryRun);
    if (!outcomes) return reply->error(outcomes.error());
    reply->json(op == Write::Op::kCreate ? 201 : 200, shown(caller, *outcomes->at(0).object));
  }

  void write(const HttpRequest& request, const Target& target, const Caller& caller,
             const ReplyPtr& reply) {
    if (!mayWrite(caller, target.kind, target.project)) {
      return reply->error(
          {ErrorCode::kForbidden,
           fmt::format("\"{}\" may not change {}{}", caller.name, model::info(target.kind).plural,
                       target.project.empty() ? "" : " of " + target.project),
           {}});
    }
    Write change;
    change.object.kind = target.kind;
    change.object.metadata.project = target.project;
    change.object.metadata.name = target.name;
    if (request.method == "DELETE") {
      change.op = Write::Op::kDelete;
      const auto version = revisionOf(request);
      if (!version) return reply->error(version.error());
      change.object.metadata.resourceVersion = *version;
      return commit(std::move(change), caller, request, reply);
    }
    auto body = parseBody(request);
    if (!body) return reply->error(body.error());
    if (request.method == "PATCH") {
      const auto before = objects.find(change.object.key());
      if (!before) {
        return reply->error(
            {ErrorCode::kNotFound, change.object.key().text() + " does not exist", {}});
      }
      auto merged = model::toJson(*before);
      merged["metadata"].erase("resourceVersion");
      merged.merge_patch(*body);
      *body = std::move(merged);
    }
    auto object = read(*body, target);
    if (!object) return reply->error(object.error());
    change.object = std::move(*object);
    change.op = request.method == "POST" ? Write::Op::kCreate : Write::Op::kUpdate;
    commit(std::move(change), caller, request, reply);
  }

  void apply(const HttpRequest& request, const Caller& caller, const ReplyPtr& reply) {
    const auto dryRun = dryRunOf(request);
    if (!dryRun) return reply->error(dryRun.error());
    const auto body = parseBody(request);
    if (!body) return reply->error(body.error());
    auto writes = parseApply(*body, caller);
    if (!writes) return reply->error(writes.error());
    auto outcomes = objects.commit(std::move(*writes), caller, *dryRun, true);
    if (!outcomes) return reply->error(outcomes.error());
    Json results = Json::array();
    for (const auto& outcome : *outcomes) results.push_back(outcome.result);
    reply->json(200, {{"results", std::move(results)}});
  }

  // All or none; what is gone already is an error, or "missing" where that was asked for.
  void removeSeveral(const HttpRequest& request, const Caller& caller, const ReplyPtr& reply) {
    const auto dryRun = dryRunOf(request);
    if (!dryRun) return reply->error(dryRun.error());
    const auto body = parseBody(request);
    if (!body) return reply->error(body.error());
    auto batch = parseDelete(*body, caller);
    if (!batch) return reply->error(batch.error());
    Json results = Json::array();
    for (const auto& write : batch->writes)
      results.push_back(objects.find(write.object.key()) ? "deleted" : "missing");
    if (batch->ignoreMissing)
      std::erase_if(batch->writes,
                    [&](const Write& write) { return !objects.find(write.object.key()); });
    const auto outcomes = objects.commit(std::move(batch->writes), caller, *dryRun, true);
    if (!outcomes) return reply->error(outcomes.error());
    reply->json(200, {{"results", std::move(results)}});
  }

  io::Loop& loop;
  Objects& objects;
  std::string ownAuthority;
  std::set<std::shared_ptr<Stream>> streams;
  std::vector<std::shared_ptr<Stream>> ended;
  std::shared_ptr<bool> life = std::make_shared<bool>(true);
};

Rest::Rest(io::Loop& loop, Objects& objects, std::string ownAuthority)
    : impl_(std::make_unique<Impl>(loop, objects, std::move(ownAuthority))) {}
Rest::~Rest() = default;

Result<Json> Rest::parseBody(const HttpRequest& request) {
  auto json = model::parseJson(request.body);
  if (!json) return invalid(json.error().message, "body");
  return json;
}

Result<Caller> Rest::authenticate(const HttpRequest& request) const {
  if (!request.bearer.empty()) {
    const auto found = impl_->objects.tokenOf(request.bearer);
    const auto token = found ? model::TokenSpec::from(*found) : model::TokenSpec{};
    // A joining host's token opens nothing else.
    if (!found || !token.host.empty() || token.over(timeText()))
      return fail(ErrorCode::kUnauthorized, "this token is not known or has expired");
    return Caller{token.role, found->metadata.name, token.project, {}};
  }
  if (request.clientName.starts_with("host:") && request.clientAuthority == impl_->ownAuthority)
    return Caller{Role::kHost, request.clientName.substr(5), {}, {}};
  if (request.clientName.starts_with("controller:"))
    return Caller{Role::kSite, request.clientName.substr(11), {}, request.clientAuthority};
  return fail(ErrorCode::kUnauthorized,
              "who is it? Send \"Authorization: Bearer TOKEN\" or a client certificate");
}

bool Rest::handle(const HttpRequest& request, const Caller& caller, const ReplyPtr& reply) {
  if (request.path == "/openapi.json") {
    reply->json(200, model::openApi());
    return true;
  }
  if (request.path == "/api/v1/apply" || request.path == "/api/v1/delete") {
    if (const auto query = Impl::checkQuery(request, {"dryRun"}); !query)
      reply->error(query.error());
    else if (request.method != "POST")
      reply->json(405, errorJson({ErrorCode::kInvalid, "POST is needed", {}}));
    else if (request.path.ends_with("apply"))
      impl_->apply(request, caller, reply);
    else
      impl_->removeSeveral(request, caller, reply);
    return true;
  }
  Error error;
  const auto target = Impl::targetOf(segmentsOf(request.path), error);
  if (!target) return false;
  const auto& method = request.method;
  const auto query =
      method != "GET" ? Impl::checkQuery(request, {"dryRun", "resourceVersion"})
      : target->name.empty()
          ? Impl::checkQuery(request, {"watch", "resourceVersion", "labelSelector", "owner"})
          : Impl::checkQuery(request, {});
  if (!error.message.empty()) {
    reply->error(error);
  } else if (!query) {
    reply->error(query.error());
  } else if (method == "GET" && !target->name.empty()) {
    impl_->get(*target, caller, reply);
  } else if (method == "GET") {
    const auto watch = request.query.find("watch");
    if (watch != request.query.end() && watch->second != "false")
      impl_->watch(request, *target, caller, reply);
    else
      impl_->list(request, *target, caller, reply);
  } else if ((method == "POST") == target->name.empty() &&
             (method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE")) {
    impl_->write(request, *target, caller, reply);
  } else {
    reply->json(405, errorJson({ErrorCode::kInvalid, method + " does not fit this path", {}}));
  }
  return true;
}

}  // namespace hawser::api
