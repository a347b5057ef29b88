// The objects over HTTP: who asks, what they may, and the REST paths of docs/api.md that every kind
// has. One loop's thread.
#pragma once

#include <memory>

#include "hawser/api/objects.h"
#include "hawser/api/server.h"
#include "hawser/io/loop.h"

namespace hawser::api {

class Rest {
 public:
  // `ownAuthority`: fingerprint of the site's CA.
  Rest(io::Loop& loop, Objects& objects, std::string ownAuthority);
  ~Rest();
  Rest(const Rest&) = delete;
  Rest& operator=(const Rest&) = delete;

  // By token or client certificate; kUnauthorized says what is missing.
  [[nodiscard]] Result<Caller> authenticate(const HttpRequest& request) const;
  // True when the path was one of objects, /apply or /openapi.json, and has been answered.
  bool handle(const HttpRequest& request, const Caller& caller, const ReplyPtr& reply);

  [[nodiscard]] static Result<model::Json> parseBody(const HttpRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

[[nodiscard]] bool mayRead(const Caller& caller, const model::Object& object);
[[nodiscard]] bool mayWrite(const Caller& caller, model::Kind kind, const std::string& project);

}  // namespace hawser::api
