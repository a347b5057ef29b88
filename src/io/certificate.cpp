#include "hawser/io/certificate.h"

#include <fmt/core.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>
#include <span>

namespace hawser::io {

Certificate certificateOf(const x509_st* certificate) {
  Certificate out;
  if (certificate == nullptr) return out;
  std::array<char, 256> name{};
  const int length = ::X509_NAME_get_text_by_NID(::X509_get_subject_name(certificate),
                                                 NID_commonName, name.data(), name.size());
  if (length > 0) out.commonName.assign(name.data(), static_cast<std::size_t>(length));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (::X509_digest(certificate, ::EVP_sha256(), digest.data(), &size) != 1) return out;
  out.fingerprint = "sha256:";
  for (const auto byte : std::span(digest).first(size))
    out.fingerprint += fmt::format("{:02x}", byte);
  return out;
}

}  // namespace hawser::io
