// The envelope of a signal: signed by the sender's key and sealed to the recipient's, so that the server that carries it can
// neither read, nor forge, nor redirect, nor replay it.
//
// Inside the seal (libsodium crypto_box_seal to the recipient's key in X25519 form):
//   version 1 | sender's public key 32 | recipient's peer ID 32 | unix time 8 | nonce 16 | signal ... | signature 64
// The Ed25519 signature covers all that stands before it, prefixed by the text "pshare signal v1".
#pragma once

#include <array>

#include "secure/identity.hpp"
#include "wire/bytes.hpp"
#include "wire/random.hpp"
#include "wire/result.hpp"
#include "wire/time.hpp"

namespace pshare {

/// A signal older (or more in the future) than this is refused: clocks differ, and an offer may wait for an offline peer.
inline constexpr std::chrono::seconds max_signal_age = std::chrono::hours{25};
inline constexpr std::chrono::seconds max_clock_skew = std::chrono::hours{1};

struct Opened {
  PublicKey from_key;
  PeerId from;                          // that key's ID, for which the signature holds
  UnixTime sealed_at;
  std::array<std::byte, 16> nonce;      // never twice from an honest sender; secure/replay_guard.hpp remembers them
  ByteBuffer body;
};

/// Sealing needs the recipient's public key, of which a peer ID is only a hash: whoever resolves a peer learns its key
/// (wire/control.hpp) and must have checked `id_of(to)` against the pin.
Result<ByteBuffer> seal(const Identity& from, const PublicKey& to, UnixTime now, Random& random, ByteView body);

/// Errors: identity_mismatch (not for us, or the signature does not hold), malformed, timed_out (too old).
Result<Opened> open_sealed(const Identity& us, UnixTime now, ByteView envelope);

}  // namespace pshare
