#include "hosts.h"

#include <fmt/core.h>

#include <algorithm>

#include "hawser/base/log.h"
#include "hawser/base/time.h"

namespace hawser::controller {

using api::Write;
using model::Json;
using model::Kind;
using model::Object;

namespace {

constexpr std::chrono::hours kHostValidity{24 * 3650};
constexpr std::chrono::seconds kBookmarkInterval{5};
constexpr std::size_t kMaxMessage = 500;
constexpr const char* kCertificate = "certificate";  // in a Host's status: its fingerprint

}  // namespace

Hosts::Hosts(io::Loop& loop, api::Objects& objects, CompileLoop& compile, const api::KeyPair& ca,
             Metrics& metrics)
    : loop_(loop), objects_(objects), compile_(compile), ca_(ca), metrics_(metrics) {}

Result<Json> Hosts::join(const Json& body, const net::IpAddress& from) {
  if (!body.is_object() || !body.contains("token") || !body["token"].is_string())
    return invalid("is required", "token");
  if (!body.contains("csr") || !body["csr"].is_string()) return invalid("is required", "csr");
  const auto token = objects_.tokenOf(body["token"].get<std::string>());
  const auto spec = token ? model::TokenSpec::from(*token) : model::TokenSpec{};
  if (spec.host.empty() || spec.over(timeText())) {
    metrics_.counter("controller.join.refuse").add();
    return fail(ErrorCode::kUnauthorized, "this join token is not known, was used, or has expired",
                "token");
  }
  auto certificate =
      api::sign(ca_, body["csr"].get<std::string>(), "host:" + spec.host, kHostValidity);
  if (!certificate) return std::unexpected(certificate.error());
  const auto fingerprint = api::fingerprint(*certificate);
  if (!fingerprint) return std::unexpected(fingerprint.error());
  std::vector<Write> writes(1);
  writes[0].op = Write::Op::kDelete;
  writes[0].object.kind = Kind::kToken;
  writes[0].object.metadata.name = token->metadata.name;
  if (!objects_.find({Kind::kHost, {}, spec.host})) {
    auto host = model::parseObject(
        {{"kind", "Host"},
         {"metadata", {{"name", spec.host}}},
         {"spec", {{"address", spec.hostAddress.empty() ? from.text() : spec.hostAddress}}}});
    if (!host) return std::unexpected(host.error());
    writes.push_back({Write::Op::kCreate, std::move(*host)});
  }
  Write joined{Write::Op::kStatus, {}};
  joined.object.kind = Kind::kHost;
  joined.object.metadata.name = spec.host;
  joined.object.status = {{kCertificate, *fingerprint}};
  writes.push_back(std::move(joined));
  if (auto done = objects_.commit(std::move(writes), api::Caller::system()); !done)
    return std::unexpected(done.error());
  log::info("controller", "host {} joined from {}", spec.host, from.text());
  return Json{{"certificate", *certificate},
              {"ca", ca_.certificate},
              {"site", facts_.site},
              {"asn", facts_.asn.value()},
              {"host", spec.host},
              {"controllers", {{{"api", facts_.apiUrl}, {"bgp", facts_.bgp.text()}}}}};
}

void Hosts::slice(const std::string& host, bool watch, const api::ReplyPtr& reply) {
  const auto found = compile_.current().slices.find(host);
  if (found == compile_.current().slices.end())
    return reply->error({ErrorCode::kNotFound, "hosts/" + host + " does not exist", {}});
  if (!watch) return reply->json(200, model::toJson(found->second));
  auto stream = std::make_shared<Stream>(loop_);
  stream->reply = reply;
  streams_[host].insert(stream);
  reply->stream([this, host, weak = std::weak_ptr(stream), alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    if (auto gone = weak.lock()) {
      streams_[host].erase(gone);
      loop_.post([gone] {});  // it may be on the stack
    }
  });
  send(host, *stream);
  bookmark(stream);
}

void Hosts::send(const std::string& host, Stream& stream) const {
  const auto found = compile_.current().slices.find(host);
  if (found == compile_.current().slices.end()) return stream.reply->end();  // the host is no more
  stream.reply->line(Json{{"type", "SLICE"}, {"slice", model::toJson(found->second)}}.dump());
}

void Hosts::bookmark(const std::shared_ptr<Stream>& stream) {
  stream->timer.start(kBookmarkInterval, [this, weak = std::weak_ptr(stream)] {
    const auto still = weak.lock();
    if (!still) return;
    still->reply->line(R"({"type":"BOOKMARK"})");
    bookmark(still);
  });
}

void Hosts::slicesChanged(const std::set<std::string>& hosts) {
  for (const auto& host : hosts) {
    const auto found = streams_.find(host);
    if (found == streams_.end()) continue;
    const auto streams = found->second;  // a stream that breaks leaves the set
    for (const auto& stream : streams) send(host, *stream);
  }
}

namespace {

std::string textIn(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string()
             ? found->get<std::string>().substr(0, kMaxMessage)
             : std::string();
}

Json orNull(std::string text) { return text.empty() ? Json() : Json(std::move(text)); }

// A status write, when something of it is new. Null: the field is not there.
void change(std::vector<Write>& writes, const Object& object, Json status) {
  const bool known = std::all_of(
      status.items().begin(), status.items().end(),
      [&](const auto& item) { return object.status.value(item.key(), Json()) == item.value(); });
  if (known) return;
  Write write{Write::Op::kStatus, object};
  write.object.metadata.resourceVersion = 0;
  write.object.status = std::move(status);
  writes.push_back(std::move(write));
}

}  // namespace

Result<void> Hosts::report(const std::string& host, const Json& body) {
  if (!body.is_object()) return invalid("is not an object", "body");
  const auto ports = body.value("ports", Json::array());
  if (!ports.is_array()) return invalid("is not a list", "ports");
  std::vector<Write> writes;
  std::size_t index = 0, up = 0;
  for (const auto& item : ports) {
    const auto path = fmt::format("ports[{}]", index++);
    if (!item.is_object() || !item.contains("name") || !item["name"].is_string())
      return invalid("is required", path + ".name");
    const auto phase = textIn(item, "phase");
    if (phase != "up" && phase != "down" && phase != "pending")
      return invalid("is not one of up, down, pending", path + ".phase");
    up += phase == "up" ? 1U : 0U;
    const auto ref = model::Ref::parse(item["name"].get<std::string>(), "");
    const auto port = objects_.find({Kind::kPort, ref.project, ref.name});
    // One that left the host, or was never there: its new host has the say.
    if (!port || port->spec.value("host", "") != host) continue;
    change(writes, *port,
           {{"phase", phase}, {"host", host}, {"message", orNull(textIn(item, "message"))}});
  }
  const auto self = objects_.find({Kind::kHost, {}, host});
  if (!self) return fail(ErrorCode::kNotFound, "hosts/" + host + " does not exist");
  change(writes, *self,
         {{"agentVersion", textIn(body, "version")},
          {"ports", up},
          {"message", orNull(textIn(body, "message"))}});
  if (writes.empty()) return {};
  if (auto done = objects_.commit(std::move(writes), api::Caller::system()); !done)
    return std::unexpected(done.error());
  return {};
}

void Hosts::connected(const std::string& host, bool up) {
  const auto object = objects_.find({Kind::kHost, {}, host});
  if (!object || object->status.value("connected", false) == up) return;
  Write write{Write::Op::kStatus, *object};
  write.object.metadata.resourceVersion = 0;
  write.object.status = {{"connected", up}};
  std::vector<Write> writes;
  writes.push_back(std::move(write));
  if (auto done = objects_.commit(std::move(writes), api::Caller::system()); !done)
    log::error("controller", "hosts/{}: {}", host, done.error().text());
}

std::string certificateOf(const Object& host) { return host.status.value(kCertificate, ""); }

bool isOfHost(const api::Objects& objects, const std::string& host,
              const std::string& certificate) {
  const auto object = objects.find({Kind::kHost, {}, host});
  return object && !certificate.empty() && certificateOf(*object) == certificate;
}

}  // namespace hawser::controller
