// What the server says when it dials a client back at the client's wish (Probe in wire/control.hpp): a frame of fixed size, as the only bytes
// of a TCP connection that it makes and closes, or as a UDP datagram.
//
//    0               8                              24
//   | magic (8)     | nonce (16)                     |
//
// The first byte is none of those with which TLS, STUN, DTLS or QUIC begin (RFC 9443 section 3 gives its range to RTP, which we do not
// speak), so that a dial-back can be told from other traffic on the same port. The nonce is the client's own, fresh and secret for each
// probe: who hears it knows that it was reached because of its own question, and nobody else can pretend it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "wire/bytes.hpp"

namespace pshare {

inline constexpr std::size_t dial_back_nonce_size = 16;
inline constexpr std::size_t dial_back_size = 8 + dial_back_nonce_size;
using DialBackNonce = std::array<std::byte, dial_back_nonce_size>;

/// What came of it at the server's end. That somebody was there is no proof that it was the client: the nonce's arrival is.
enum class DialBackOutcome {
  reached,      // TCP: somebody answered; UDP: it was sent, and nothing was heard against it
  refused,      // a host or a router said no
  timeout,      // TCP: nothing came back
  unreachable,  // no route
};
std::string_view word(DialBackOutcome outcome);
std::optional<DialBackOutcome> dial_back_outcome_from(std::string_view text);

/// Whether bytes that arrived on a shared port are (the beginning of) a dial-back: enough of them, and the magic.
bool looks_like_dial_back(ByteView bytes);

std::array<std::byte, dial_back_size> encode_dial_back(const DialBackNonce& nonce);
/// Nothing if it is none, or has another size.
std::optional<DialBackNonce> decode_dial_back(ByteView frame);

}  // namespace pshare
