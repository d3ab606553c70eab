// By OpenSSL (3.5 and later let another speak QUIC). What it lets in and refuses, and by which alert, is to be the same as with quic_tls_gnutls.cpp.
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_ossl.h>

#include <string>

#include "secure/openssl.hpp"
#include "traversal/quic/quic_tls.hpp"

namespace pshare {

namespace {

// AES-128 first; ChaCha20, four times as expensive where the CPU knows AES, last. Ed25519 alone, as everywhere in pshare.
constexpr const char* ciphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* groups = "X25519:P-256";
constexpr const char* signatures = "ed25519";

void succeed(bool done, const char* doing) {
  if (!done) throw Failure{openssl::error(Errc::failed, doing)};
}

const unsigned char* in(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

/// SHA-256 of the SubjectPublicKeyInfo in a certificate.
std::optional<PeerId> id_in(const X509* certificate) {
  unsigned char* spki = nullptr;
  const int length = certificate != nullptr ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki) : 0;
  if (length <= 0) return std::nullopt;
  PeerId::Digest digest;
  const int hashed = EVP_Q_digest(nullptr, "SHA256", nullptr, spki, static_cast<std::size_t>(length), reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  OPENSSL_free(spki);
  if (hashed != 1) return std::nullopt;
  return PeerId{digest};
}

using LibraryContext = std::unique_ptr<ngtcp2_crypto_ossl_ctx, openssl::Freed<ngtcp2_crypto_ossl_ctx_del>>;

}  // namespace

struct QuicCredentials::Handle {
  openssl::Context context;
};

struct QuicTls::State {
  LibraryContext library;  // between the two libraries
  openssl::Connection session;
  ngtcp2_crypto_conn_ref reference{};  // how OpenSSL's callbacks, ours among them, find the connection and this
  ngtcp2_conn* connection = nullptr;
  PeerId pin;
  std::string alpn;
  std::optional<PeerId> shown;

  ~State() {
    if (session) SSL_set_app_data(session.get(), nullptr);  // the connection may be gone before
  }
  static State& of(const ngtcp2_crypto_conn_ref* reference) { return *static_cast<State*>(reference->user_data); }
  static State& of(SSL* session) { return of(static_cast<const ngtcp2_crypto_conn_ref*>(SSL_get_app_data(session))); }
};

namespace {

/// Instead of a chain of certificates: the key itself, which is all that we trust. That the other side has it is proven by its
/// CertificateVerify (RFC 8446 section 4.4.3), which OpenSSL checks.
int verify(X509_STORE_CTX* store, void*) {
  auto* const session = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& state = QuicTls::State::of(session);
  state.shown = id_in(X509_STORE_CTX_get0_cert(store));
  // By now the server has said which protocol it is. A client has to look itself whether it said anything.
  const unsigned char* agreed = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(session, &agreed, &length);
  const bool let_in = length != 0 && state.shown == state.pin;
  X509_STORE_CTX_set_error(store, let_in ? X509_V_OK : X509_V_ERR_CERT_REJECTED);  // bad_certificate
  return let_in ? 1 : 0;
}

int choose_alpn(SSL* session, const unsigned char** out, unsigned char* out_length, const unsigned char* offered, unsigned offered_length, void*) {
  const auto& ours = QuicTls::State::of(session).alpn;
  for (unsigned at = 0; at < offered_length && at + 1u + offered[at] <= offered_length; at += 1u + offered[at]) {
    if (ours != std::string_view{reinterpret_cast<const char*>(offered + at + 1), offered[at]}) continue;
    *out = offered + at + 1;
    *out_length = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;  // no_application_protocol
}

/// choose_alpn() is asked only where the client names protocols.
int require_alpn(SSL* session, int* alert, void*) {
  const unsigned char* offered = nullptr;
  std::size_t length = 0;
  if (SSL_client_hello_get0_ext(session, TLSEXT_TYPE_application_layer_protocol_negotiation, &offered, &length) == 1) return SSL_CLIENT_HELLO_SUCCESS;
  *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
  return SSL_CLIENT_HELLO_ERROR;
}

}  // namespace

Secret<32> quic_reset_secret(const Identity& identity) { return identity.secret_for("pshare QUIC stateless reset v1"); }

QuicCredentials::QuicCredentials(const Identity& identity)
    : handle_(std::make_unique<Handle>()), reset_secret_(quic_reset_secret(identity)) {
  static const bool begun = ngtcp2_crypto_ossl_init() == 0;  // of the process
  succeed(begun, "setting up QUIC");
  handle_->context.reset(SSL_CTX_new(TLS_method()));
  auto* const context = handle_->context.get();
  succeed(context != nullptr && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 && SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1,
          "setting up QUIC");
  succeed(SSL_CTX_set_ciphersuites(context, ciphers) == 1 && SSL_CTX_set1_groups_list(context, groups) == 1 &&
              SSL_CTX_set1_sigalgs_list(context, signatures) == 1 && SSL_CTX_set1_client_sigalgs_list(context, signatures) == 1,
          "choosing QUIC's ciphers");
  const auto certificate_der = identity.certificate();
  const auto key_der = identity.pkcs8();
  const auto* certificate_at = in(certificate_der);
  const auto* key_at = in(key_der.reveal());
  const openssl::Certificate certificate{d2i_X509(nullptr, &certificate_at, static_cast<long>(certificate_der.size()))};
  const openssl::Key key{d2i_AutoPrivateKey(nullptr, &key_at, static_cast<long>(key_der.reveal().size()))};
  succeed(certificate && key && SSL_CTX_use_certificate(context, certificate.get()) == 1 && SSL_CTX_use_PrivateKey(context, key.get()) == 1,
          "giving our key to QUIC");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify, nullptr);
  SSL_CTX_set_alpn_select_cb(context, choose_alpn, nullptr);
  SSL_CTX_set_client_hello_cb(context, require_alpn, nullptr);
  SSL_CTX_set_num_tickets(context, 0);  // tickets would let a later session skip the look at the key
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_clear_options(context, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);  // RFC 9001 section 8.4
}

QuicCredentials::~QuicCredentials() = default;

QuicTls::QuicTls(QuicRole role, const QuicCredentials& credentials, const PeerId& pin, std::string_view alpn) : state_(std::make_unique<State>()) {
  auto& state = *state_;
  state.pin = pin;
  state.alpn = alpn;
  state.reference.user_data = &state;
  state.reference.get_conn = [](ngtcp2_crypto_conn_ref* reference) { return State::of(reference).connection; };
  state.session.reset(SSL_new(credentials.handle().context.get()));
  auto* const session = state.session.get();
  succeed(session != nullptr, "beginning QUIC");
  SSL_set_app_data(session, &state.reference);
  ngtcp2_crypto_ossl_ctx* library = nullptr;
  succeed(ngtcp2_crypto_ossl_ctx_new(&library, session) == 0, "beginning QUIC");
  state.library.reset(library);
  if (role == QuicRole::server) {
    succeed(ngtcp2_crypto_ossl_configure_server_session(session) == 0, "beginning QUIC");
    SSL_set_accept_state(session);
    return;
  }
  succeed(ngtcp2_crypto_ossl_configure_client_session(session) == 0, "beginning QUIC");
  SSL_set_connect_state(session);
  const auto list = std::string(1, static_cast<char>(alpn.size())) + state.alpn;
  succeed(SSL_set_alpn_protos(session, in(bytes_of(list)), static_cast<unsigned>(list.size())) == 0, "beginning QUIC");  // 0: done
}

QuicTls::~QuicTls() = default;

void QuicTls::drive(ngtcp2_conn* connection) {
  state_->connection = connection;
  ngtcp2_conn_set_tls_native_handle(connection, state_->library.get());
}

const std::optional<PeerId>& QuicTls::shown() const { return state_->shown; }

}  // namespace pshare
