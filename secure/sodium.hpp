// libsodium, for sealing and signing. sodium.cpp is the only file that includes it.
#pragma once

#include <array>

#include "secure/identity.hpp"
#include "secure/secret.hpp"
#include "wire/bytes.hpp"
#include "wire/random.hpp"
#include "wire/result.hpp"

namespace pshare::sodium {

using Signature = std::array<std::byte, 64>;
inline constexpr std::size_t seal_overhead = 48;  // crypto_box_SEALBYTES

/// Ed25519, RFC 8032.
Signature sign(const Identity& by, ByteView message);
bool verify(const PublicKey& by, ByteView message, const Signature& signature);

/// Anonymous encryption to the holder of a key (crypto_box_seal, to the key's X25519 form).
/// Errors: malformed (the key is no point of the curve).
Result<ByteBuffer> seal(const PublicKey& to, ByteView message);
/// Errors: identity_mismatch (not sealed to us, or altered).
Result<ByteBuffer> open(const Identity& us, ByteView sealed);

/// XChaCha20-Poly1305: a fresh nonce of 24 bytes, then the sealed message with its tag of 16.
ByteBuffer seal_with(const Secret<32>& key, ByteView message, Random& random);
/// Errors: identity_mismatch (another key, or altered).
Result<ByteBuffer> open_with(const Secret<32>& key, ByteView sealed);

/// BLAKE2b (RFC 7693) of a message, keyed.
void keyed_hash(std::span<std::byte, 32> into, ByteView message, std::span<const std::byte, 32> key);

/// Argon2id (RFC 9106), version 1.3, one lane. Takes `passes` over `memory` bytes. Errors: failed (not so much memory is to be had).
Result<void> slow_hash(std::span<std::byte, 32> into, ByteView message, std::span<const std::byte, 16> salt, unsigned passes, std::size_t memory);

}  // namespace pshare::sodium
