// The server's reflect role, over TLS with ALPN "pshare-reflect/1" on both of its TCP ports: as soon as the handshake is done the server
// writes one frame (wire/framing.hpp) with the endpoint at which it sees the client, and closes. The client says nothing. So a client
// learns its server-reflexive TCP endpoint, and from two destinations whether its NAT maps them alike (RFC 5780 section 4.3, for TCP).
// And the server learns that the client's key is at that address, for which it may vouch (SendSignal::other_address).
#pragma once

#include <string_view>

#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/result.hpp"

namespace pshare {

inline constexpr std::string_view reflect_alpn = "pshare-reflect/1";

struct Reflection {
  Endpoint observed;
  friend bool operator==(const Reflection&, const Reflection&) = default;
};

/// The body of the frame, without its length.
ByteBuffer encode(const Reflection& reflection);
/// Errors: malformed, limit.
Result<Reflection> decode_reflection(ByteView body);

}  // namespace pshare
