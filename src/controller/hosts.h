// The hosts of the site: how they join, their slices, their reports.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "compile_loop.h"
#include "hawser/api/pki.h"
#include "hawser/api/server.h"
#include "hawser/net/endpoint.h"

namespace hawser::controller {

// The fingerprint of the certificate that the Host joined with; empty: it has not.
[[nodiscard]] std::string certificateOf(const model::Object& host);
// Is there such a Host, and is this the certificate that it joined with (its fingerprint)? One from
// an earlier life of the name is nobody's.
[[nodiscard]] bool isOfHost(const api::Objects& objects, const std::string& host,
                            const std::string& certificate);

class Hosts {
 public:
  struct Facts {
    std::string site;
    net::Asn asn;
    std::string apiUrl;  // "https://10.2.0.10:8443"
    net::Endpoint bgp;   // over TLS
  };
  Hosts(io::Loop& loop, api::Objects& objects, CompileLoop& compile, const api::KeyPair& ca,
        Metrics& metrics);

  void setFacts(Facts facts) { facts_ = std::move(facts); }

  // POST /api/v1/join: no caller but the one-time token in the body, which is gone with the answer.
  [[nodiscard]] Result<model::Json> join(const model::Json& body, const net::IpAddress& from);
  // GET …/slice: one answer, or a stream that carries the slice at every change.
  void slice(const std::string& host, bool watch, const api::ReplyPtr& reply);
  // PUT …/report: phases of the ports that are placed there.
  [[nodiscard]] Result<void> report(const std::string& host, const model::Json& body);
  // The host's BGP session came or went.
  void connected(const std::string& host, bool up);
  void slicesChanged(const std::set<std::string>& hosts);

 private:
  struct Stream {
    explicit Stream(io::Loop& loop) : timer(loop) {}
    api::ReplyPtr reply;
    io::Timer timer;
  };
  void send(const std::string& host, Stream& stream) const;
  void bookmark(const std::shared_ptr<Stream>& stream);

  io::Loop& loop_;
  api::Objects& objects_;
  CompileLoop& compile_;
  const api::KeyPair& ca_;
  Metrics& metrics_;
  Facts facts_;
  std::map<std::string, std::set<std::shared_ptr<Stream>>> streams_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hawser::controller
