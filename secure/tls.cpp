#include "secure/tls.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "secure/keys.hpp"

namespace pshare {

namespace {

// AES-128 first: the fastest where the CPU knows AES, and no weaker in what matters here.
constexpr const char* ciphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

}  // namespace

struct TlsContext::Handle {
  openssl::Context context;
};

struct TlsEngine::State {
  PeerCheck check;
  std::vector<std::string> alpn_offered;
  std::string alpn;
  PublicKey peer_key;
  PeerId peer;
  bool established = false, closed_by_peer = false;
  std::optional<Error> failed;  // said again whenever asked: nothing comes after it

  ByteBuffer incoming;
  std::size_t incoming_used = 0;
  ByteBuffer outgoing;
  openssl::Connection connection;  // last: it goes first, while what its BIO refers to is still there

  static State& of(SSL* connection) { return *static_cast<State*>(SSL_get_app_data(connection)); }
};

namespace {

// The BIO between OpenSSL and our two buffers.
TlsEngine::State& buffers_of(BIO* bio) { return *static_cast<TlsEngine::State*>(BIO_get_data(bio)); }

int bio_write(BIO* bio, const char* data, std::size_t length, std::size_t* written) {
  const auto bytes = std::as_bytes(std::span{data, length});
  auto& outgoing = buffers_of(bio).outgoing;
  outgoing.insert(outgoing.end(), bytes.begin(), bytes.end());
  *written = length;
  return 1;
}

int bio_read(BIO* bio, char* data, std::size_t length, std::size_t* taken) {
  auto& state = buffers_of(bio);
  BIO_clear_retry_flags(bio);
  const auto available = state.incoming.size() - state.incoming_used;
  if (available == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  *taken = std::min(available, length);
  std::memcpy(data, state.incoming.data() + state.incoming_used, *taken);
  state.incoming_used += *taken;
  return 1;
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* bio_method() {
  static const openssl::BioMethod method = [] {
    openssl::BioMethod fresh{BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pshare buffers")};
    BIO_meth_set_write_ex(fresh.get(), bio_write);
    BIO_meth_set_read_ex(fresh.get(), bio_read);
    BIO_meth_set_ctrl(fresh.get(), bio_control);
    return fresh;
  }();
  return method.get();
}

/// Instead of a chain of certificates: the key itself, which is all that we trust.
int verify(X509_STORE_CTX* store, void*) {
  auto* connection = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& state = TlsEngine::State::of(connection);
  const auto refuse = [&](const std::string& whose) {
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    state.failed = Error{.code = Errc::identity_mismatch, .doing = "the TLS handshake: the key at the other end" + whose};
    return 0;
  };
  const X509* certificate = X509_STORE_CTX_get0_cert(store);
  EVP_PKEY* key = certificate ? X509_get0_pubkey(certificate) : nullptr;
  std::size_t length = state.peer_key.bytes.size();
  if (!key || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(state.peer_key.bytes.data()), &length) != 1)
    return refuse(" is not an Ed25519 one, so it is none of pshare's");
  state.peer = id_of(state.peer_key);
  if (!state.check(state.peer)) return refuse(", " + state.peer.text() + ", is not the expected one");
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

int choose_alpn(SSL* connection, const unsigned char** out, unsigned char* out_length, const unsigned char* in, unsigned in_length, void*) {
  for (const auto& ours : TlsEngine::State::of(connection).alpn_offered) {
    for (unsigned at = 0; at < in_length && at + 1u + in[at] <= in_length; at += 1u + in[at]) {
      if (ours != std::string_view{reinterpret_cast<const char*>(in + at + 1), in[at]}) continue;
      *out = in + at + 1;
      *out_length = in[at];
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool refused_by_peer(unsigned long code) {
  switch (ERR_GET_REASON(code)) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA: return true;
    default: return false;
  }
}

/// Why OpenSSL cannot go on: by its own words, unless verify() has already said why.
Error trouble(const TlsEngine::State& state) {
  if (refused_by_peer(ERR_peek_error())) {
    ERR_clear_error();
    return {.code = Errc::identity_mismatch, .doing = "the TLS handshake: the other side does not accept our key"};
  }
  return openssl::error(Errc::malformed, state.established ? "reading from a TLS connection" : "the TLS handshake");
}

Unexpected fail(TlsEngine::State& state) {
  if (!state.failed) state.failed = trouble(state);
  return Unexpected{*state.failed};
}

Result<void> go_on_with_handshake(TlsEngine::State& state) {
  ERR_clear_error();
  SSL* connection = state.connection.get();
  const int result = SSL_do_handshake(connection);
  if (result != 1) {
    if (SSL_get_error(connection, result) == SSL_ERROR_WANT_READ) return {};
    return fail(state);
  }
  const unsigned char* agreed = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(connection, &agreed, &length);
  if (!agreed) {
    state.failed = Error{.code = Errc::malformed, .doing = "the TLS handshake: the other side speaks no protocol of ours (ALPN)"};
    return fail(state);
  }
  state.alpn.assign(reinterpret_cast<const char*>(agreed), length);
  state.established = true;
  return {};
}

}  // namespace

PeerCheck only(const PeerId& expected) {
  return [expected](const PeerId& shown) { return shown == expected; };
}

TlsContext::TlsContext(const Identity& identity) : handle_(std::make_unique<Handle>()) {
  handle_->context.reset(SSL_CTX_new(TLS_method()));
  SSL_CTX* context = handle_->context.get();
  const bool ready = context && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 && SSL_CTX_set_ciphersuites(context, ciphers) == 1 &&
                     SSL_CTX_use_certificate(context, identity.keys().certificate.get()) == 1 &&
                     SSL_CTX_use_PrivateKey(context, identity.keys().key.get()) == 1;
  if (!ready) throw Failure{openssl::error(Errc::failed, "setting up TLS")};
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify, nullptr);
  SSL_CTX_set_alpn_select_cb(context, choose_alpn, nullptr);
  SSL_CTX_set_num_tickets(context, 0);  // a resumed session would skip the look at the key
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
}

TlsContext::TlsContext(TlsContext&&) noexcept = default;
TlsContext::~TlsContext() = default;

TlsEngine::TlsEngine(const TlsContext& context, TlsRole role, std::vector<std::string> alpn, PeerCheck check, const std::string& server_name) : state_(std::make_unique<State>()) {
  state_->check = std::move(check);
  state_->alpn_offered = std::move(alpn);
  state_->connection.reset(SSL_new(context.handle().context.get()));
  BIO* bio = BIO_new(bio_method());
  if (!state_->connection || !bio) throw Failure{openssl::error(Errc::failed, "making a TLS connection")};
  SSL* connection = state_->connection.get();
  BIO_set_data(bio, state_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(connection, bio, bio);
  SSL_set_app_data(connection, state_.get());
  if (role == TlsRole::server) {
    SSL_set_accept_state(connection);
    return;
  }
  SSL_set_connect_state(connection);
  if (!server_name.empty()) SSL_set_tlsext_host_name(connection, server_name.c_str());  // one that is too long goes unsaid
  std::string list;
  for (const auto& each : state_->alpn_offered) list += static_cast<char>(each.size()) + each;
  SSL_set_alpn_protos(connection, reinterpret_cast<const unsigned char*>(list.data()), static_cast<unsigned>(list.size()));
  if (const auto started = go_on_with_handshake(*state_); !started) throw Failure{started.error()};
}

TlsEngine::TlsEngine(TlsEngine&&) noexcept = default;
TlsEngine& TlsEngine::operator=(TlsEngine&&) noexcept = default;
TlsEngine::~TlsEngine() = default;

Result<void> TlsEngine::feed(ByteView ciphertext) {
  auto& state = *state_;
  if (state.failed) return fail(state);
  state.incoming.erase(state.incoming.begin(), state.incoming.begin() + static_cast<std::ptrdiff_t>(state.incoming_used));
  state.incoming_used = 0;
  state.incoming.insert(state.incoming.end(), ciphertext.begin(), ciphertext.end());
  if (state.established) return {};
  return go_on_with_handshake(state);
}

ByteBuffer TlsEngine::take_output(ByteBuffer spare) {
  spare.clear();
  std::swap(spare, state_->outgoing);
  return spare;
}

std::size_t TlsEngine::output_size() const { return state_->outgoing.size(); }

bool TlsEngine::established() const { return state_->established; }
const PeerId& TlsEngine::peer() const { return state_->peer; }
const PublicKey& TlsEngine::peer_key() const { return state_->peer_key; }
const std::string& TlsEngine::alpn() const { return state_->alpn; }
bool TlsEngine::closed_by_peer() const { return state_->closed_by_peer; }

Result<void> TlsEngine::write(ByteView plain) {
  ERR_clear_error();
  while (!plain.empty()) {
    std::size_t written = 0;
    if (SSL_write_ex(state_->connection.get(), plain.data(), plain.size(), &written) != 1)
      return Unexpected{openssl::error(Errc::malformed, "writing to a TLS connection")};
    plain = plain.subspan(written);
  }
  return {};
}

Result<std::size_t> TlsEngine::read(std::span<std::byte> out) {
  auto& state = *state_;
  std::size_t total = 0;
  while (total < out.size() && !state.failed) {
    std::size_t count = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(state.connection.get(), out.data() + total, out.size() - total, &count);
    if (result == 1) {
      total += count;
      continue;
    }
    const int why = SSL_get_error(state.connection.get(), result);
    if (why == SSL_ERROR_WANT_READ) break;
    if (why == SSL_ERROR_ZERO_RETURN) {
      state.closed_by_peer = true;
      break;
    }
    state.failed = trouble(state);
  }
  if (state.failed && total == 0) return fail(state);  // what came before the trouble is given first
  return total;
}

bool TlsEngine::drained() const { return state_->incoming_used == state_->incoming.size() && SSL_has_pending(state_->connection.get()) == 0; }

void TlsEngine::close() {
  ERR_clear_error();
  SSL_shutdown(state_->connection.get());
  ERR_clear_error();
}

}  // namespace pshare
