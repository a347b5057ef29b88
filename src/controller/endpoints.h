// The paths of docs/api.md, and who may use which. What only objects need is api::Rest's.
#pragma once

#include <string>
#include <vector>

#include "compile_loop.h"
#include "federation/federation.h"
#include "hawser/api/rest.h"
#include "hawser/base/metrics.h"
#include "hosts.h"
#include "sessions.h"
#include "tracing.h"

namespace hawser::controller {

class Endpoints {
 public:
  struct Parts {
    std::string site;
    net::Asn asn;
    api::Objects& objects;
    api::Rest& rest;
    CompileLoop& compile;
    Sessions& sessions;
    Hosts& hosts;
    Tracing& tracing;
    Federation& federation;
    const Metrics& metrics;
  };
  explicit Endpoints(Parts parts) : parts_(std::move(parts)) {}

  void handle(const api::HttpRequest& request, const api::ReplyPtr& reply);
  // Who asks and with which rights; empty: nobody that we know.
  [[nodiscard]] std::string who(const api::HttpRequest& request) const;

 private:
  // One request on its way: who asks, and the path's parts after /api/v1.
  struct Call {
    const api::HttpRequest& request;
    const api::Caller& caller;
    std::vector<std::string> path;
    const api::ReplyPtr& reply;
  };
  [[nodiscard]] Result<api::Caller> authenticate(const api::HttpRequest& request) const;
  // False: not one of ours.
  bool dispatch(const Call& call);
  bool hostPaths(const Call& call);
  bool bgpPaths(const Call& call);
  bool sitePaths(const Call& call);
  bool plainPaths(const Call& call);
  void networkRoutes(const Call& call);
  void issueToken(const Call& call);
  void trace(const Call& call);
  [[nodiscard]] model::Json status() const;

  Parts parts_;
};

}  // namespace hawser::controller
