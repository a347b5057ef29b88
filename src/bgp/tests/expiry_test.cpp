// Peers that are there without a configuration: hosts over TLS. When one is gone for good, nothing
// of it stays.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "speakers.h"

namespace hawser::bgp::test {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&::X509_free)>;
using Bio = std::unique_ptr<BIO, decltype(&::BIO_free)>;

template <class Write>
std::string pem(Write write) {
  const Bio bio(::BIO_new(::BIO_s_mem()), ::BIO_free);
  EXPECT_EQ(write(bio.get()), 1);
  char* data = nullptr;
  const auto size = ::BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

// Signed by itself: whoever trusts it needs no other.
TlsCredentials credentials(const std::string& commonName) {
  const Key key(::EVP_EC_gen("P-256"), ::EVP_PKEY_free);
  const Certificate certificate(::X509_new(), ::X509_free);
  ::X509_set_version(certificate.get(), X509_VERSION_3);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(certificate.get()), 1);
  ::X509_gmtime_adj(::X509_getm_notBefore(certificate.get()), -3600);
  ::X509_gmtime_adj(::X509_getm_notAfter(certificate.get()), 3600);
  auto* name = ::X509_get_subject_name(certificate.get());
  ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(commonName.c_str()), -1, -1,
                               0);
  ::X509_set_issuer_name(certificate.get(), name);
  ::X509_set_pubkey(certificate.get(), key.get());
  EXPECT_NE(::X509_sign(certificate.get(), key.get(), ::EVP_sha256()), 0);
  TlsCredentials made;
  made.certificate = made.ca =
      pem([&](BIO* bio) { return ::PEM_write_bio_X509(bio, certificate.get()); });
  made.key = pem([&](BIO* bio) {
    return ::PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return made;
}

// A reflector at 127.0.1.1, and hosts that come to it one after another from 127.0.1.2.
class ExpiryTest : public ::testing::Test {
 protected:
  ExpiryTest() { reflect("controller:one"); }
  void reflect(const std::string& commonName) {
    reflector_.reset();
    reflectorTls_ = credentials(commonName);
    reflectorTls_.ca = hostTls_.certificate;
    hostTls_.ca = reflectorTls_.certificate;
    auto config = speakerConfig(64512, "127.0.1.1");
    config.tlsListenAddress = config.listenAddress;
    config.tlsListenPort = 0;
    config.tls = reflectorTls_;
    config.authorize = [this](const PeerCertificate& certificate,
                              const net::IpAddress& from) -> std::optional<PeerConfig> {
      if (certificate.commonName != "host:one") return std::nullopt;
      shown_ = certificate.fingerprint;
      auto peer = peerConfig(certificate.commonName, "127.0.1.1", from.text(), 0, 64512);
      peer.tls = peer.routeReflectorClient = true;
      peer.restartTime = restartTime_;
      return peer;
    };
    reflector_ = std::make_unique<Speaker>(loop_, config, metrics_);
    EXPECT_TRUE(reflector_->start());
  }
  std::unique_ptr<Speaker> host(std::chrono::seconds restartTime) {
    auto config = speakerConfig(64512, "127.0.1.2");
    config.tls = hostTls_;
    auto speaker = std::make_unique<Speaker>(loop_, config, metrics_);
    EXPECT_TRUE(speaker->start());
    auto up =
        peerConfig("controller", "127.0.1.2", "127.0.1.1", reflector_->tlsListenPort(), 64512);
    up.tls = up.ignoreConstraint = true;
    up.restartTime = restartTime;
    EXPECT_TRUE(speaker->setPeer(up));
    speaker->setMemberships({rt("64512:1")});
    speaker->originate(vpnKey("10.1.0.1/32"), net::Label::make(1000).value(),
                       attributes("127.0.1.2", "64512:1"));
    return speaker;
  }
  bool has() const { return reflector_->rib().best(vpnKey("10.1.0.1/32")) != nullptr; }

  io::Loop loop_;
  Metrics metrics_;
  TlsCredentials reflectorTls_, hostTls_ = credentials("host:one");
  std::chrono::seconds restartTime_{300};
  std::string shown_;  // the host's certificate
  std::unique_ptr<Speaker> reflector_;
};

// Hosts have certificates of the site's authority as well: one of them is no controller.
TEST_F(ExpiryTest, OnlyAControllerIsAController) {
  reflect("host:two");
  const auto speaker = host(300s);
  ASSERT_TRUE(eventually(loop_, [&] {
    return statusOf(*speaker, "controller")
               .lastError.find("is not a controller's but \"host:two\"") != std::string::npos;
  }));
  EXPECT_FALSE(has());
}

TEST_F(ExpiryTest, AHostThatSaysGoodbyeLeavesNothing) {
  restartTime_ = 0s;
  for (int round = 0; round < 3; ++round) {
    const auto speaker = host(0s);
    ASSERT_TRUE(eventually(loop_, [&] { return has(); }));
    EXPECT_EQ(reflector_->rib().peerCount(), 1U);
    speaker->stop(false);
    ASSERT_TRUE(eventually(loop_, [&] { return !has(); }));
    EXPECT_TRUE(eventually(loop_, [&] { return reflector_->peers().empty(); }));
    EXPECT_EQ(reflector_->rib().peerCount(), 0U);
    EXPECT_TRUE(reflector_->rib().paths(wire::kRtConstraint).empty());
  }
}

TEST_F(ExpiryTest, AHostThatIsRemovedLeavesNothing) {
  const auto speaker = host(300s);
  ASSERT_TRUE(eventually(loop_, [&] { return has(); }));
  speaker->stop(true);
  ASSERT_TRUE(eventually(loop_, [&] { return statusOf(*reflector_, "host:one").stale; }));
  reflector_->removePeer("host:one");
  EXPECT_TRUE(reflector_->peers().empty());
  EXPECT_EQ(reflector_->rib().peerCount(), 0U);
  const auto again = host(0s);
  ASSERT_TRUE(eventually(loop_, [&] { return has() && up(*reflector_, "host:one"); }));
  reflector_->removePeer("host:one");
  EXPECT_EQ(reflector_->rib().peerCount(), 0U) << "it expires while it is removed";
  EXPECT_FALSE(has());
}

TEST_F(ExpiryTest, AHostThatDoesNotComeBackIsForgotten) {
  const auto speaker = host(1s);
  ASSERT_TRUE(eventually(loop_, [&] { return has(); }));
  speaker->stop(true);
  ASSERT_TRUE(eventually(loop_, [&] { return statusOf(*reflector_, "host:one").stale; }));
  EXPECT_EQ(reflector_->rib().peerCount(), 1U) << "for its restart time it is a peer";
  const auto id = reflector_->rib().best(vpnKey("10.1.0.1/32"))->peer;
  EXPECT_EQ(reflector_->peerName(id), "host:one");
  EXPECT_TRUE(shown_.starts_with("sha256:")) << shown_;
  EXPECT_EQ(shown_.size(), 71U);
  ASSERT_TRUE(eventually(loop_, [&] { return reflector_->peers().empty(); }));
  EXPECT_EQ(reflector_->rib().peerCount(), 0U);
  EXPECT_EQ(reflector_->peerName(id), "");
  EXPECT_FALSE(has());
}

}  // namespace
}  // namespace hawser::bgp::test
