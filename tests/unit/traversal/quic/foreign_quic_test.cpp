// QUIC clients that are not pshare's, built on ngtcp2 and GnuTLS themselves, in front of a server that is.
#include <gmock/gmock.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include "traversal/quic/quic_connection.hpp"
#include "traversal/quic/socket_address.hpp"

namespace pshare {
namespace {

using ::testing::HasSubstr;

/// A client with habits of its own. It does not look at the server's key.
class Stranger {
 public:
  explicit Stranger(const Identity* key, std::string alpn = "pshare-lane/1",
                    const char* priorities = "NONE:+VERS-TLS1.3:+AES-128-GCM:+AEAD:+GROUP-X25519:+SIGN-EDDSA-ED25519:+CTYPE-X509") {
    gnutls_certificate_allocate_credentials(&credentials_);
    if (key != nullptr) {
      const auto certificate = key->certificate();
      const auto pkcs8 = key->pkcs8();
      const auto certificate_datum = datum(certificate), key_datum = datum(pkcs8.reveal());
      EXPECT_EQ(gnutls_certificate_set_x509_key_mem2(credentials_, &certificate_datum, &key_datum, GNUTLS_X509_FMT_DER, nullptr, 0), 0);
    }
    gnutls_init(&session_, GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT);
    EXPECT_EQ(gnutls_priority_set_direct(session_, priorities, nullptr), 0);
    reference_ = {[](ngtcp2_crypto_conn_ref* reference) { return static_cast<Stranger*>(reference->user_data)->connection_; }, this};
    gnutls_session_set_ptr(session_, &reference_);
    ngtcp2_crypto_gnutls_configure_client_session(session_);
    gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_);
    const auto protocol = datum(bytes_of(alpn));
    gnutls_alpn_set_protocols(session_, &protocol, 1, 0);

    ngtcp2_callbacks all{};
    all.client_initial = ngtcp2_crypto_client_initial_cb;
    all.recv_retry = ngtcp2_crypto_recv_retry_cb;
    all.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
    all.encrypt = ngtcp2_crypto_encrypt_cb;
    all.decrypt = ngtcp2_crypto_decrypt_cb;
    all.hp_mask = ngtcp2_crypto_hp_mask_cb;
    all.update_key = ngtcp2_crypto_update_key_cb;
    all.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    all.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    all.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
    all.rand = [](std::uint8_t* into, std::size_t size, const ngtcp2_rand_ctx*) { gnutls_rnd(GNUTLS_RND_NONCE, into, size); };
    all.get_new_connection_id = [](ngtcp2_conn*, ngtcp2_cid* id, std::uint8_t* token, std::size_t size, void*) {
      id->datalen = size;
      gnutls_rnd(GNUTLS_RND_NONCE, id->data, size);
      return gnutls_rnd(GNUTLS_RND_NONCE, token, NGTCP2_STATELESS_RESET_TOKENLEN);
    };
    ngtcp2_settings settings;
    ngtcp2_settings_default(&settings);
    settings.initial_ts = now_;
    ngtcp2_transport_params parameters;
    ngtcp2_transport_params_default(&parameters);
    ngtcp2_cid ours{}, theirs{};
    ours.datalen = theirs.datalen = 18;
    gnutls_rnd(GNUTLS_RND_NONCE, ours.data, 18);
    gnutls_rnd(GNUTLS_RND_NONCE, theirs.data, 18);
    const auto path = this->path();
    EXPECT_EQ(ngtcp2_conn_client_new(&connection_, &theirs, &ours, &path, NGTCP2_PROTO_VER_V1, &all, &settings, &parameters, nullptr, this), 0);
    ngtcp2_conn_set_tls_native_handle(connection_, session_);
  }
  Stranger(const Stranger&) = delete;
  ~Stranger() {
    ngtcp2_conn_del(connection_);
    gnutls_deinit(session_);
    gnutls_certificate_free_credentials(credentials_);
  }

  /// Both sides until neither has anything to say. Gives the server.
  std::unique_ptr<QuicConnection> meet(const QuicCredentials& credentials, const PeerId& pin) {
    std::unique_ptr<QuicConnection> server;
    const TimePoint now{std::chrono::nanoseconds{now_}};
    for (int round = 0; round < 20; ++round) {
      for (ngtcp2_ssize size = 1; size > 0;) {
        std::array<std::byte, 1500> datagram;
        size = ngtcp2_conn_write_pkt(connection_, nullptr, nullptr, reinterpret_cast<std::uint8_t*>(datagram.data()), datagram.size(), now_);
        if (size <= 0) break;
        const auto view = ByteView{datagram}.first(static_cast<std::size_t>(size));
        if (!server) server = QuicConnection::answer(view, credentials, pin, there_, here_, {}, random_, now);
        if (!server) return nullptr;
        server->receive(here_, view, 0, now);
      }
      if (!server) return nullptr;
      QuicBurst burst;
      server->write(burst, now);
      for (const auto& run : burst.runs)
        for (auto rest = run.bytes; !rest.empty(); rest = rest.subspan(std::min(run.segment, rest.size()))) {
          const auto path = this->path();
          ended_by_ = ngtcp2_conn_read_pkt(connection_, &path, nullptr, reinterpret_cast<const std::uint8_t*>(rest.data()), std::min(run.segment, rest.size()), now_);
          if (ended_by_ == NGTCP2_ERR_DRAINING) told_ = ngtcp2_conn_get_ccerr(connection_)->error_code;
        }
    }
    return server;
  }

  std::optional<std::uint64_t> told() const { return told_; }

 private:
  static gnutls_datum_t datum(ByteView bytes) { return {reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data())), static_cast<unsigned>(bytes.size())}; }
  ngtcp2_path path() { return {{here_address_.data(), here_address_.size()}, {there_address_.data(), there_address_.size()}, nullptr}; }

  const Endpoint here_ = *Endpoint::parse("192.0.2.1:1000"), there_ = *Endpoint::parse("198.51.100.1:2000");
  SocketAddress here_address_{here_}, there_address_{there_};
  ngtcp2_tstamp now_ = 1'000'000'000'000;
  SeededRandom random_{5};
  gnutls_certificate_credentials_t credentials_ = nullptr;
  gnutls_session_t session_ = nullptr;
  ngtcp2_crypto_conn_ref reference_{};
  ngtcp2_conn* connection_ = nullptr;
  int ended_by_ = 0;
  std::optional<std::uint64_t> told_;  // the code of the server's CONNECTION_CLOSE
};

// RFC 9001 section 4.8 and RFC 8446 section 6: 0x100 and the alert.
constexpr std::uint64_t certificate_required = 0x100 + 116, no_application_protocol = 0x100 + 120, handshake_failure = 0x100 + 40;

class ForeignQuic : public ::testing::Test {
 protected:
  Identity bob = *Identity::generate(), carol = *Identity::generate();
  QuicCredentials credentials{bob};
};

TEST_F(ForeignQuic, GetsInWithTheExpectedKeyAndOurProtocol) {
  Stranger stranger{&carol};
  const auto server = stranger.meet(credentials, carol.id());
  ASSERT_TRUE(server);
  EXPECT_TRUE(server->may_write());
  EXPECT_FALSE(server->trouble());
}

TEST_F(ForeignQuic, IsRefusedWithoutACertificate) {
  Stranger stranger{nullptr};
  const auto server = stranger.meet(credentials, carol.id());
  ASSERT_TRUE(server && server->trouble());
  EXPECT_EQ(server->trouble()->code, Errc::identity_mismatch);
  EXPECT_THAT(server->trouble()->doing, HasSubstr("shows no key"));
  EXPECT_EQ(stranger.told(), certificate_required);
}

TEST_F(ForeignQuic, IsRefusedWithAnotherProtocol) {
  Stranger stranger{&carol, "h3"};
  const auto server = stranger.meet(credentials, carol.id());
  ASSERT_TRUE(server && server->trouble());
  EXPECT_EQ(server->trouble()->code, Errc::version);
  EXPECT_EQ(stranger.told(), no_application_protocol);
}

TEST_F(ForeignQuic, IsRefusedWithCiphersOrGroupsThatWeDoNotHave) {
  Stranger stranger{&carol, "pshare-lane/1", "NONE:+VERS-TLS1.3:+AES-128-GCM:+AEAD:+GROUP-SECP384R1:+SIGN-EDDSA-ED25519:+CTYPE-X509"};
  const auto server = stranger.meet(credentials, carol.id());
  ASSERT_TRUE(server && server->trouble());
  EXPECT_EQ(server->trouble()->code, Errc::malformed);
  EXPECT_EQ(stranger.told(), handshake_failure);
}

}  // namespace
}  // namespace pshare
