// Clients that are not pshare's, built on OpenSSL itself, in front of a server that is.
#include <gmock/gmock.h>

#include "secure/openssl.hpp"
#include "secure/tls.hpp"

namespace pshare {
namespace {

using testing::HasSubstr;

/// A client with a key and habits of its own.
class Stranger {
 public:
  explicit Stranger(openssl::Key key = {}) : context_(SSL_CTX_new(TLS_client_method())), key_(std::move(key)) {
    if (!key_) return;
    certificate_.reset(X509_new());
    ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate_.get()), "20200101000000Z");
    ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate_.get()), "20300101000000Z");
    X509_set_pubkey(certificate_.get(), key_.get());
    X509_sign(certificate_.get(), key_.get(), EVP_PKEY_get_id(key_.get()) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256());
    SSL_CTX_use_certificate(context_.get(), certificate_.get());
    SSL_CTX_use_PrivateKey(context_.get(), key_.get());
  }

  SSL_CTX* context() { return context_.get(); }

  /// Both sides until neither has anything to say, or the server will not go on; then its error.
  std::optional<Error> meet(TlsEngine& server, bool offers_alpn = true) {
    openssl::Connection client{SSL_new(context_.get())};
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set_bio(client.get(), in, out);
    SSL_set_connect_state(client.get());
    constexpr unsigned char alpn[] = "\x0dpshare-lane/1";
    if (offers_alpn) SSL_set_alpn_protos(client.get(), alpn, sizeof alpn - 1);
    for (;;) {
      SSL_do_handshake(client.get());
      char* data = nullptr;
      const auto length = static_cast<std::size_t>(BIO_get_mem_data(out, &data));
      if (length == 0) return std::nullopt;
      const auto fed = server.feed(bytes_of({data, length}));
      if (BIO_reset(out) != 1) ADD_FAILURE() << "OpenSSL could not empty a buffer";
      if (!fed) return fed.error();
      const auto answer = server.take_output();
      if (!answer.empty()) BIO_write(in, answer.data(), static_cast<int>(answer.size()));
    }
  }

 private:
  openssl::Context context_;
  openssl::Key key_;
  openssl::Certificate certificate_;
};

class ForeignTls : public testing::Test {
 protected:
  static openssl::Key ed25519() { return openssl::Key{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")}; }
  static openssl::Key p256() { return openssl::Key{EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")}; }

  Identity bob = *Identity::generate();
  TlsContext bob_context{bob};
  TlsEngine server{bob_context, TlsRole::server, {"pshare-lane/1"}, [](const PeerId&) { return true; }};
};

TEST_F(ForeignTls, GetsInWithAnEd25519KeyAndOurProtocol) {
  Stranger stranger{ed25519()};
  EXPECT_EQ(stranger.meet(server), std::nullopt);
  EXPECT_TRUE(server.established());
}

TEST_F(ForeignTls, IsRefusedWithVersion12) {
  Stranger stranger{ed25519()};
  SSL_CTX_set_max_proto_version(stranger.context(), TLS1_2_VERSION);
  const auto error = stranger.meet(server);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Errc::malformed);
  EXPECT_FALSE(server.established());
}

TEST_F(ForeignTls, IsRefusedWithAKeyThatIsNotEd25519WhateverTheCheckSays) {
  Stranger stranger{p256()};
  const auto error = stranger.meet(server);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Errc::identity_mismatch);
  EXPECT_THAT(error->doing, HasSubstr("Ed25519"));
  EXPECT_FALSE(server.established());
}

TEST_F(ForeignTls, IsRefusedWithoutACertificate) {
  Stranger stranger;
  EXPECT_TRUE(stranger.meet(server));
  EXPECT_FALSE(server.established());
}

TEST_F(ForeignTls, IsRefusedWithoutAnyProtocolName) {
  Stranger stranger{ed25519()};
  const auto error = stranger.meet(server, false);
  ASSERT_TRUE(error);
  EXPECT_THAT(error->doing, HasSubstr("ALPN"));
  EXPECT_FALSE(server.established());
}

}  // namespace
}  // namespace pshare
