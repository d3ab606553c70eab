#include "traversal/quic/quic_tls.hpp"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <string>

#include "wire/error.hpp"

namespace pshare {

namespace {

// AES-128 first; ChaCha20, four times as expensive where the CPU knows AES, last. Ed25519 alone, as everywhere in pshare.
constexpr const char* priorities =
    "NONE:+VERS-TLS1.3:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:+GROUP-X25519:+GROUP-SECP256R1"
    ":+SIGN-EDDSA-ED25519:+CTYPE-X509:%DISABLE_TLS13_COMPAT_MODE";

void succeed(int result, const char* doing) {
  if (result < 0) throw Failure{{.code = Errc::failed, .doing = std::string{doing} + " (" + gnutls_strerror(result) + ")"}};
}

gnutls_datum_t datum(ByteView bytes) {
  // GnuTLS only reads it.
  return {reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data())), static_cast<unsigned>(bytes.size())};
}

struct CertificateGone {
  void operator()(gnutls_x509_crt_t certificate) const { gnutls_x509_crt_deinit(certificate); }
};
struct PublicKeyGone {
  void operator()(gnutls_pubkey_t key) const { gnutls_pubkey_deinit(key); }
};

/// SHA-256 of the SubjectPublicKeyInfo in a certificate.
std::optional<PeerId> id_in(const gnutls_datum_t& der) {
  gnutls_x509_crt_t raw_certificate = nullptr;
  if (gnutls_x509_crt_init(&raw_certificate) < 0) return std::nullopt;
  const std::unique_ptr<gnutls_x509_crt_int, CertificateGone> certificate{raw_certificate};
  gnutls_pubkey_t raw_key = nullptr;
  if (gnutls_x509_crt_import(certificate.get(), &der, GNUTLS_X509_FMT_DER) < 0 || gnutls_pubkey_init(&raw_key) < 0) return std::nullopt;
  const std::unique_ptr<gnutls_pubkey_st, PublicKeyGone> key{raw_key};
  gnutls_datum_t spki{};
  if (gnutls_pubkey_import_x509(key.get(), certificate.get(), 0) < 0 || gnutls_pubkey_export2(key.get(), GNUTLS_X509_FMT_DER, &spki) < 0)
    return std::nullopt;
  PeerId::Digest digest;
  const int hashed = gnutls_hash_fast(GNUTLS_DIG_SHA256, spki.data, spki.size, digest.data());
  gnutls_free(spki.data);
  if (hashed < 0) return std::nullopt;
  return PeerId{digest};
}

}  // namespace

struct QuicCredentials::Handle {
  gnutls_certificate_credentials_t credentials = nullptr;
  ~Handle() {
    if (credentials != nullptr) gnutls_certificate_free_credentials(credentials);
  }
};

struct QuicTls::State {
  gnutls_session_t session = nullptr;
  ngtcp2_crypto_conn_ref reference{};  // how GnuTLS's callbacks, ours among them, find the connection and this
  ngtcp2_conn* connection = nullptr;
  PeerId pin;
  std::optional<PeerId> shown;

  ~State() {
    if (session != nullptr) gnutls_deinit(session);
  }
  static State& of(const ngtcp2_crypto_conn_ref* reference) { return *static_cast<State*>(reference->user_data); }
};

namespace {

/// Instead of a chain of certificates: the key itself, which is all that we trust. That the other side has it is proven by its
/// CertificateVerify (RFC 8446 section 4.4.3), which GnuTLS checks.
int verify(gnutls_session_t session) {
  auto& state = QuicTls::State::of(static_cast<const ngtcp2_crypto_conn_ref*>(gnutls_session_get_ptr(session)));
  unsigned count = 0;
  const gnutls_datum_t* presented = gnutls_certificate_get_peers(session, &count);
  if (presented == nullptr || count == 0) return GNUTLS_E_CERTIFICATE_ERROR;
  state.shown = id_in(presented[0]);
  return state.shown == state.pin ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

}  // namespace

Secret<32> quic_reset_secret(const Identity& identity) { return identity.secret_for("pshare QUIC stateless reset v1"); }

QuicCredentials::QuicCredentials(const Identity& identity)
    : handle_(std::make_unique<Handle>()), reset_secret_(quic_reset_secret(identity)) {
  succeed(gnutls_certificate_allocate_credentials(&handle_->credentials), "setting up QUIC");
  const auto certificate = identity.certificate();
  const auto key = identity.pkcs8();
  const auto certificate_datum = datum(certificate), key_datum = datum(key.reveal());
  succeed(gnutls_certificate_set_x509_key_mem2(handle_->credentials, &certificate_datum, &key_datum, GNUTLS_X509_FMT_DER, nullptr, 0),
          "giving our key to QUIC");
  gnutls_certificate_set_verify_function(handle_->credentials, verify);
}

QuicCredentials::~QuicCredentials() = default;

QuicTls::QuicTls(QuicRole role, const QuicCredentials& credentials, const PeerId& pin, std::string_view alpn) : state_(std::make_unique<State>()) {
  auto& state = *state_;
  state.pin = pin;
  state.reference.user_data = &state;
  state.reference.get_conn = [](ngtcp2_crypto_conn_ref* reference) { return State::of(reference).connection; };
  // The client shows its certificate whichever authorities the server names; tickets would let a later session skip the look at the key.
  const unsigned flags = GNUTLS_NO_TICKETS | (role == QuicRole::client ? GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT : GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET);
  succeed(gnutls_init(&state.session, flags), "beginning QUIC");
  succeed(gnutls_priority_set_direct(state.session, priorities, nullptr), "choosing QUIC's ciphers");
  gnutls_session_set_ptr(state.session, &state.reference);
  succeed(role == QuicRole::client ? ngtcp2_crypto_gnutls_configure_client_session(state.session)
                                   : ngtcp2_crypto_gnutls_configure_server_session(state.session),
          "beginning QUIC");
  succeed(gnutls_credentials_set(state.session, GNUTLS_CRD_CERTIFICATE, credentials.handle().credentials), "beginning QUIC");
  if (role == QuicRole::server) gnutls_certificate_server_set_request(state.session, GNUTLS_CERT_REQUIRE);
  const auto protocol = datum(bytes_of(alpn));
  succeed(gnutls_alpn_set_protocols(state.session, &protocol, 1, GNUTLS_ALPN_MANDATORY), "beginning QUIC");
}

QuicTls::~QuicTls() = default;

void QuicTls::drive(ngtcp2_conn* connection) {
  state_->connection = connection;
  ngtcp2_conn_set_tls_native_handle(connection, state_->session);
}

const std::optional<PeerId>& QuicTls::shown() const { return state_->shown; }

}  // namespace pshare
