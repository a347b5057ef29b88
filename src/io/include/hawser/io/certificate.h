// Who is at the other end of a TLS connection, as the handshake proved it.
#pragma once

#include <string>

struct x509_st;  // OpenSSL's X509

namespace hawser::io {

struct Certificate {
  std::string commonName;
  std::string fingerprint;  // "sha256:<hex>" of its DER form
};

// Null: nobody, and both are empty. Any thread.
[[nodiscard]] Certificate certificateOf(const x509_st* certificate);

}  // namespace hawser::io
