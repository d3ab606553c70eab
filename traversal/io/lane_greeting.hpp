// The first words on a lane (wire/lane_messages.hpp): the side that dialled says LaneHello, the side that accepted says LaneReady.
// Until then it is a TLS connection; afterwards it counts as a lane. Bound their time with with_deadline().
#pragma once

#include "io/asio.hpp"
#include "secure/io/tls_stream.hpp"
#include "wire/lane_messages.hpp"

namespace pshare {

/// Says hello and waits for the other side to be ready. Errors: closed (it has no use for this lane), malformed, those of the stream.
awaitable<void> say_hello(TlsStream& stream, LaneHello hello);

/// Errors: malformed (anything but a LaneHello), those of the stream.
awaitable<LaneHello> hear_hello(TlsStream& stream);

awaitable<void> say_ready(TlsStream& stream);

}  // namespace pshare
