// The site's certificate authority and certificates (X.509, EC P-256), by OpenSSL. PEM texts in and
// out.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "hawser/base/result.h"

namespace hawser::api {

struct KeyPair {
  std::string certificate;
  std::string key;
};

[[nodiscard]] Result<KeyPair> makeCa(const std::string& commonName, std::chrono::hours validity);
// Names: "controller:<site>", "host:<name>", "site:<name>". `addresses` become subject alternative
// names.
[[nodiscard]] Result<KeyPair> issue(const KeyPair& ca, const std::string& commonName,
                                    const std::vector<std::string>& addresses,
                                    std::chrono::hours validity);
struct Request {
  std::string csr;
  std::string key;
};
[[nodiscard]] Result<Request> makeRequest(const std::string& commonName);
// Signs a request under the name that the authority gives it (the request's own name is not
// trusted).
[[nodiscard]] Result<std::string> sign(const KeyPair& ca, const std::string& csr,
                                       const std::string& commonName, std::chrono::hours validity);
// "sha256:<hex>" of the certificate's DER form.
[[nodiscard]] Result<std::string> fingerprint(const std::string& certificatePem);
[[nodiscard]] Result<std::string> commonName(const std::string& certificatePem);
[[nodiscard]] std::string sha256Hex(const std::string& text);
[[nodiscard]] std::string randomSecret();  // 256 bits, URL-safe text

}  // namespace hawser::api
