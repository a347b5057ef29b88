// Traces: what this site knows, and the second half from the site that a packet goes on to.
#pragma once

#include <memory>
#include <string>

#include "compile_loop.h"
#include "federation/federation.h"
#include "hawser/api/server.h"
#include "hawser/trace/trace.h"
#include "sessions.h"

namespace hawser::controller {

class Tracing {
 public:
  Tracing(std::string site, api::Objects& objects, CompileLoop& compile, Sessions& sessions,
          Federation& federation);

  // Answers now, or when the other site has.
  void ask(const trace::Question& question, const api::ReplyPtr& reply);
  // {"question", "handover"} from another site.
  [[nodiscard]] Result<model::Json> arrival(const model::Json& body);

 private:
  [[nodiscard]] trace::World world();
  [[nodiscard]] std::string targetName(const net::RouteTarget& target) const;
  // The Peer that the handed-over packet's route came from; null: unknown.
  [[nodiscard]] model::ObjectPtr peerBehind(const trace::Answer::Handover& handover) const;
  void askThere(const model::Object& peer, const trace::Question& question, trace::Answer answer,
                const api::ReplyPtr& reply);

  std::string site_;
  api::Objects& objects_;
  CompileLoop& compile_;
  Sessions& sessions_;
  Federation& federation_;
};

// {"from","to","protocol","port"}.
[[nodiscard]] Result<trace::Question> parseQuestion(const model::Json& json);
[[nodiscard]] model::Json toJson(const trace::Question& question);

}  // namespace hawser::controller
