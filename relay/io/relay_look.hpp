// Looks whether a relay is where it says: dials it in the relay role, as a peer would, and lets it prove its key.
#pragma once

#include "io/asio.hpp"
#include "secure/tls.hpp"
#include "wire/address.hpp"
#include "wire/dial_back.hpp"
#include "wire/ids.hpp"
#include "wire/time.hpp"

namespace pshare {

/// The connection and the handshake have so long, together.
inline constexpr Duration relay_look_patience = std::chrono::seconds{5};

/// reached: a relay with this key is there. refused: something else is, or says no. Never throws Failure. The context lives longer.
awaitable<DialBackOutcome> look_at_relay(const TlsContext& tls, Endpoint at, PeerId relay);

}  // namespace pshare
