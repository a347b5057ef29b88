#include "hawser/api/pki.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

#include "hawser/io/certificate.h"

namespace hawser::api {

namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Deleter<X509_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;

std::unexpected<Error> broken(const std::string& what) {
  return fail(ErrorCode::kInternal, "OpenSSL: cannot " + what);
}

BioPtr reading(const std::string& text) {
  return BioPtr(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string textOf(BIO* bio) {
  char* data = nullptr;
  const auto size = ::BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

template <class Write>
Result<std::string> pemText(Write write) {
  const BioPtr bio(::BIO_new(::BIO_s_mem()));
  if (!bio || write(bio.get()) != 1) return broken("write PEM");
  return textOf(bio.get());
}

Result<std::string> keyPem(EVP_PKEY* key) {
  return pemText([&](BIO* bio) {
    return ::PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}
Result<std::string> certificatePem(X509* certificate) {
  return pemText([&](BIO* bio) { return ::PEM_write_bio_X509(bio, certificate); });
}

Result<CertificatePtr> readCertificate(const std::string& pem) {
  const auto bio = reading(pem);
  CertificatePtr certificate(::PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!certificate) return invalid("not a PEM certificate");
  return certificate;
}
Result<KeyPtr> readKey(const std::string& pem) {
  const auto bio = reading(pem);
  KeyPtr key(::PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!key) return invalid("not a PEM private key");
  return key;
}

Result<void> setName(X509_NAME* name, const std::string& commonName) {
  if (::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(commonName.c_str()), -1,
                                   -1, 0) != 1)
    return invalid("\"" + commonName + "\" is no common name (at most 64 characters)");
  return {};
}

Result<void> addExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return broken("add extension " + value);
  const int added = ::X509_add_ext(certificate, extension, -1);
  ::X509_EXTENSION_free(extension);
  if (added != 1) return broken("add extension " + value);
  return {};
}

Result<CertificatePtr> blank(EVP_PKEY* key, const std::string& commonName,
                             std::chrono::hours validity) {
  CertificatePtr certificate(::X509_new());
  std::array<unsigned char, 16> serial{};
  if (!certificate || ::RAND_bytes(serial.data(), serial.size()) != 1) return broken("start");
  serial[0] &= 0x7F;
  ::X509_set_version(certificate.get(), X509_VERSION_3);
  BIGNUM* number = ::BN_bin2bn(serial.data(), serial.size(), nullptr);
  ::BN_to_ASN1_INTEGER(number, ::X509_get_serialNumber(certificate.get()));
  ::BN_free(number);
  // An hour back, for clocks that differ.
  ::X509_gmtime_adj(::X509_getm_notBefore(certificate.get()), -3600);
  const auto days = static_cast<int>(validity.count() / 24);
  const auto seconds = static_cast<long>(validity.count() % 24) * 3600;
  ::X509_time_adj_ex(::X509_getm_notAfter(certificate.get()), days, seconds, nullptr);
  if (auto named = setName(::X509_get_subject_name(certificate.get()), commonName); !named)
    return std::unexpected(named.error());
  if (::X509_set_pubkey(certificate.get(), key) != 1) return broken("set the public key");
  return certificate;
}

Result<std::string> signLeaf(const KeyPair& ca, EVP_PKEY* publicKey, const std::string& commonName,
                             const std::vector<std::string>& addresses,
                             std::chrono::hours validity) {
  auto caCertificate = readCertificate(ca.certificate);
  if (!caCertificate) return std::unexpected(caCertificate.error());
  auto caKey = readKey(ca.key);
  if (!caKey) return std::unexpected(caKey.error());
  auto certificate = blank(publicKey, commonName, validity);
  if (!certificate) return std::unexpected(certificate.error());
  X509* leaf = certificate->get();
  ::X509_set_issuer_name(leaf, ::X509_get_subject_name(caCertificate->get()));
  std::string names;
  for (const auto& address : addresses) names += (names.empty() ? "IP:" : ",IP:") + address;
  std::vector<std::pair<int, std::string>> extensions{
      {NID_basic_constraints, "critical,CA:FALSE"},
      {NID_key_usage, "critical,digitalSignature"},
      // A host must not be able to pass for a server of its site.
      {NID_ext_key_usage,
       commonName.starts_with("controller:") ? "serverAuth,clientAuth" : "clientAuth"},
      {NID_subject_key_identifier, "hash"},
      {NID_authority_key_identifier, "keyid"}};
  if (!names.empty()) extensions.emplace_back(NID_subject_alt_name, names);
  for (const auto& [nid, value] : extensions) {
    if (auto added = addExtension(leaf, caCertificate->get(), nid, value); !added)
      return std::unexpected(added.error());
  }
  if (::X509_sign(leaf, caKey->get(), ::EVP_sha256()) == 0) return broken("sign");
  return certificatePem(leaf);
}

Result<KeyPtr> newKey() {
  KeyPtr key(::EVP_EC_gen("P-256"));
  if (!key) return broken("make a key");
  return key;
}

std::string hex(const unsigned char* bytes, std::size_t size) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4U];
    text += kDigits[bytes[i] & 15U];
  }
  return text;
}

}  // namespace

Result<KeyPair> makeCa(const std::string& commonName, std::chrono::hours validity) {
  auto key = newKey();
  if (!key) return std::unexpected(key.error());
  auto certificate = blank(key->get(), commonName, validity);
  if (!certificate) return std::unexpected(certificate.error());
  X509* root = certificate->get();
  ::X509_set_issuer_name(root, ::X509_get_subject_name(root));
  const std::vector<std::pair<int, std::string>> extensions{
      {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
      {NID_key_usage, "critical,keyCertSign,cRLSign"},
      {NID_subject_key_identifier, "hash"}};
  for (const auto& [nid, value] : extensions) {
    if (auto added = addExtension(root, root, nid, value); !added)
      return std::unexpected(added.error());
  }
  if (::X509_sign(root, key->get(), ::EVP_sha256()) == 0) return broken("sign");
  auto certificateText = certificatePem(root);
  auto keyText = keyPem(key->get());
  if (!certificateText || !keyText) return broken("write PEM");
  return KeyPair{std::move(*certificateText), std::move(*keyText)};
}

Result<KeyPair> issue(const KeyPair& ca, const std::string& commonName,
                      const std::vector<std::string>& addresses, std::chrono::hours validity) {
  auto key = newKey();
  if (!key) return std::unexpected(key.error());
  auto certificate = signLeaf(ca, key->get(), commonName, addresses, validity);
  if (!certificate) return std::unexpected(certificate.error());
  auto keyText = keyPem(key->get());
  if (!keyText) return std::unexpected(keyText.error());
  return KeyPair{std::move(*certificate), std::move(*keyText)};
}

Result<Request> makeRequest(const std::string& commonName) {
  auto key = newKey();
  if (!key) return std::unexpected(key.error());
  const RequestPtr request(::X509_REQ_new());
  if (!request) return broken("make a request");
  if (auto named = setName(::X509_REQ_get_subject_name(request.get()), commonName); !named)
    return std::unexpected(named.error());
  ::X509_REQ_set_pubkey(request.get(), key->get());
  if (::X509_REQ_sign(request.get(), key->get(), ::EVP_sha256()) == 0) return broken("sign");
  auto csr = pemText([&](BIO* bio) { return ::PEM_write_bio_X509_REQ(bio, request.get()); });
  auto keyText = keyPem(key->get());
  if (!csr || !keyText) return broken("write PEM");
  return Request{std::move(*csr), std::move(*keyText)};
}

Result<std::string> sign(const KeyPair& ca, const std::string& csr, const std::string& commonName,
                         std::chrono::hours validity) {
  const auto bio = reading(csr);
  const RequestPtr request(::PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
  if (!request) return invalid("not a PEM certificate request", "csr");
  EVP_PKEY* key = ::X509_REQ_get0_pubkey(request.get());
  // Proof that the caller holds the key.
  if (key == nullptr || ::X509_REQ_verify(request.get(), key) != 1)
    return invalid("the request's signature is wrong", "csr");
  return signLeaf(ca, key, commonName, {}, validity);
}

Result<std::string> fingerprint(const std::string& certificatePem) {
  auto certificate = readCertificate(certificatePem);
  if (!certificate) return std::unexpected(certificate.error());
  auto text = io::certificateOf(certificate->get()).fingerprint;
  if (text.empty()) return broken("digest");
  return text;
}

Result<std::string> commonName(const std::string& certificatePem) {
  auto certificate = readCertificate(certificatePem);
  if (!certificate) return std::unexpected(certificate.error());
  auto name = io::certificateOf(certificate->get()).commonName;
  if (name.empty()) return invalid("the certificate has no common name");
  return name;
}

std::string sha256Hex(const std::string& text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return hex(digest.data(), digest.size());
}

std::string randomSecret() {
  std::array<unsigned char, 32> bytes{};
  if (::RAND_bytes(bytes.data(), bytes.size()) != 1) std::abort();  // no randomness, no secrets
  return hex(bytes.data(), bytes.size());
}

}  // namespace hawser::api
