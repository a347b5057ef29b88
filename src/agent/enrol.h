// A host becomes a member of its site: once, with a one-time token, it gets the certificate that it
// shows to the controller from then on. Kept in <state>/enrolment.json and <state>/host.key (0600).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hawser/base/result.h"
#include "hawser/net/endpoint.h"
#include "hawser/net/vpn.h"
#include "options.h"

namespace hawser::agent {

struct ControllerAddress {
  std::string api;    // "https://10.1.0.10:8443"
  net::Endpoint bgp;  // over TLS; IPv4
  friend bool operator==(const ControllerAddress&, const ControllerAddress&) = default;
};

struct Enrolment {
  std::string site, host;
  net::Asn asn;
  std::string ca, certificate, key;  // PEM
  std::vector<ControllerAddress> controllers;
};

// From an earlier start. kNotFound: there was none.
[[nodiscard]] Result<Enrolment> loadEnrolment(const std::filesystem::path& stateDir);
// Asks each controller in turn, again and again while none answers; a refusal is final. Blocking.
// The key is kept before the token is spent, so that a crash in between loses neither.
[[nodiscard]] Result<Enrolment> join(const Options& options);

// Text of the answer of POST /api/v1/join, or of the kept file.
[[nodiscard]] Result<Enrolment> parseEnrolment(const std::string& json);

}  // namespace hawser::agent
