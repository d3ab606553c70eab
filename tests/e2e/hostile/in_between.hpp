// Whoever two peers meet at, in the relay role (wire/relay_hello.hpp), and what it can do besides relaying: hear their tickets, and be the other one to each.
#pragma once

#include "overheard.hpp"
#include "secure/io/tls_stream.hpp"

namespace pshare::hostile {

/// What is noted when a peer has presented a ticket to us.
inline constexpr std::string_view ticket_was_presented = "a ticket was presented to the one in between";
/// The ticket that a peer presents, signed. Reads not a byte of what follows.
awaitable<ByteBuffer> hear_ticket(TlsStream& stream, Overheard& overheard);
/// "The other one is here." Gives the socket, on which the peers' own TLS follows.
awaitable<TcpStream> say_joined(TlsStream stream);

/// What is noted when a peer has opened a lane to us.
inline constexpr std::string_view lane_was_opened = "a lane was opened to the one in between";
/// Is the other peer, with the key of `tls`. Notes all that it is told.
awaitable<void> pose_as_the_other(TcpStream socket, const TlsContext& tls, TlsRole role, Overheard& overheard);

}  // namespace pshare::hostile
