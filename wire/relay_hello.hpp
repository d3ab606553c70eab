// What a peer and a relay say to each other before bytes flow (design section 7), over TLS with ALPN "pshare-relay/1": each frame
// (wire/framing.hpp) one CBOR map. The handshake has proven the peer's key, on the relay's own fresh random (RFC 8446 section 4.4.3):
// that is the proof that goes with the ticket.
//
//   peer                          relay
//     | -- RelayHello{ticket} ----> |
//     | <- RelayJoined{limits} ---- |    when the other peer of the ticket is there as well; or RelayRefused, and the end
//     | <==== bytes, as they are =====> the other peer
//
// What follows RelayJoined is not TLS any more: the relay copies what it reads from one socket to the other, where the peers' own TLS runs end
// to end. A peer writes nothing between RelayHello and RelayJoined, and the relay nothing after it, so that each knows where TLS ends.
//
// A ticket is good for one lane. Presented again after that one has ended, it is refused with the words that say why it ended: so a peer whose lane
// was cut learns the reason.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "wire/bytes.hpp"
#include "wire/error.hpp"
#include "wire/result.hpp"

namespace pshare {

inline constexpr std::string_view relay_alpn = "pshare-relay/1";
inline constexpr std::uint64_t relay_version = 1;

struct RelayHello {
  std::uint64_t version = relay_version;
  ByteBuffer ticket;                          // signed
};

/// What holds for this lane; both peers are told the same.
struct RelayJoined {
  std::optional<std::uint64_t> bytes_left;    // both ways together, then it is cut; nothing: no limit
  std::optional<std::uint64_t> rate;          // bytes each second, of the whole relay, shared with others; nothing: no limit
};

struct RelayRefused {
  Errc code = Errc::refused;                  // refused, limit (a quota is used up), busy (full), timed_out (the other did not come), closed (the other went),
                                              // malformed, version, identity_mismatch (not your ticket), failed
  std::string words;                          // for people
};

using RelayAnswer = std::variant<RelayJoined, RelayRefused>;

/// The body of a frame, without its length.
ByteBuffer encode(const RelayHello& hello);
ByteBuffer encode(const RelayAnswer& answer);
/// Errors: malformed, limit. A version that is not ours is not an error here.
Result<RelayHello> decode_relay_hello(ByteView body);
Result<RelayAnswer> decode_relay_answer(ByteView body);

}  // namespace pshare
