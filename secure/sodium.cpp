#include "secure/sodium.hpp"

#include <sodium.h>

#include <cstdlib>

#include "secure/keys.hpp"

namespace pshare::sodium {

namespace {

static_assert(seal_overhead == crypto_box_SEALBYTES);

const unsigned char* in(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* out(std::span<std::byte> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

/// Chooses the machine's best implementations; harmless to repeat.
void ready() {
  if (sodium_init() < 0) std::abort();  // fails only when the system gives no randomness at all
}

Secret<64> signing_key(const Identity& us) {
  Secret<64> key;
  std::array<std::byte, 32> public_part;
  crypto_sign_seed_keypair(out(public_part), out(key.fill()), in(us.keys().seed.reveal()));
  return key;
}

}  // namespace

Signature sign(const Identity& by, ByteView message) {
  ready();
  Signature signature;
  const auto key = signing_key(by);
  crypto_sign_detached(out(signature), nullptr, in(message), message.size(), in(key.reveal()));
  return signature;
}

bool verify(const PublicKey& by, ByteView message, const Signature& signature) {
  ready();
  return crypto_sign_verify_detached(in(signature), in(message), message.size(), in(by.bytes)) == 0;
}

Result<ByteBuffer> seal(const PublicKey& to, ByteView message) {
  ready();
  std::array<std::byte, 32> box_key;
  if (crypto_sign_ed25519_pk_to_curve25519(out(box_key), in(to.bytes)) != 0)
    return Unexpected{{.code = Errc::malformed, .doing = "sealing a signal: the recipient's key is not a valid one"}};
  ByteBuffer sealed(message.size() + seal_overhead);
  if (crypto_box_seal(out(sealed), in(message), message.size(), in(box_key)) != 0)
    return Unexpected{{.code = Errc::failed, .doing = "sealing a signal"}};
  return sealed;
}

Result<ByteBuffer> open(const Identity& us, ByteView sealed) {
  ready();
  const auto refused = [] {
    return Unexpected{{.code = Errc::identity_mismatch, .doing = "opening a signal: it is not sealed to us, or was altered on its way"}};
  };
  if (sealed.size() < seal_overhead) return refused();
  std::array<std::byte, 32> box_public;
  Secret<32> box_secret;
  if (crypto_sign_ed25519_pk_to_curve25519(out(box_public), in(us.public_key().bytes)) != 0) return refused();
  const auto key = signing_key(us);
  crypto_sign_ed25519_sk_to_curve25519(out(box_secret.fill()), in(key.reveal()));
  ByteBuffer message(sealed.size() - seal_overhead);
  if (crypto_box_seal_open(out(message), in(sealed), sealed.size(), in(box_public), in(box_secret.reveal())) != 0) return refused();
  return message;
}

ByteBuffer seal_with(const Secret<32>& key, ByteView message, Random& random) {
  ready();
  constexpr std::size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
  ByteBuffer sealed(nonce_size + message.size() + crypto_aead_xchacha20poly1305_ietf_ABYTES);
  const std::span all{sealed};
  random.fill(all.first(nonce_size));
  crypto_aead_xchacha20poly1305_ietf_encrypt(out(all.subspan(nonce_size)), nullptr, in(message), message.size(), nullptr, 0, nullptr, in(all.first(nonce_size)),
                                             in(key.reveal()));
  return sealed;
}

Result<ByteBuffer> open_with(const Secret<32>& key, ByteView sealed) {
  ready();
  constexpr std::size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
  const auto refused = [] { return Unexpected{{.code = Errc::identity_mismatch, .doing = "opening what was sealed under another key, or altered on its way"}}; };
  if (sealed.size() < nonce_size + tag_size) return refused();
  ByteBuffer message(sealed.size() - nonce_size - tag_size);
  const auto body = sealed.subspan(nonce_size);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(out(message), nullptr, nullptr, in(body), body.size(), nullptr, 0, in(sealed.first(nonce_size)), in(key.reveal())) != 0)
    return refused();
  return message;
}

void keyed_hash(std::span<std::byte, 32> into, ByteView message, std::span<const std::byte, 32> key) {
  ready();
  crypto_generichash(out(into), into.size(), in(message), message.size(), in(key), key.size());
}

Result<void> slow_hash(std::span<std::byte, 32> into, ByteView message, std::span<const std::byte, 16> salt, unsigned passes, std::size_t memory) {
  ready();
  static_assert(crypto_pwhash_SALTBYTES == salt.extent);
  const auto* text = reinterpret_cast<const char*>(message.data());
  if (crypto_pwhash(out(into), into.size(), text, message.size(), in(salt), passes, memory, crypto_pwhash_ALG_ARGON2ID13) != 0)
    return Unexpected{{.code = Errc::failed, .doing = "computing a slow hash: this machine has no " + std::to_string(memory >> 20) + " MiB of memory to spare"}};
  return {};
}

}  // namespace pshare::sodium
