// Whether strangers get in at a port of ours: the server is asked to dial it, and the nonce that it says there (wire/dial_back.hpp) is the proof.
#pragma once

#include <optional>

#include "io/asio.hpp"
#include "traversal/io/lane_door.hpp"
#include "traversal/io/punching_port.hpp"
#include "traversal/io/rendezvous_client.hpp"
#include "wire/random.hpp"
#include "wire/reason.hpp"

namespace pshare {

/// From the question to the nonce's arrival.
inline constexpr Duration reachability_patience = std::chrono::seconds{4};

/// `external` is a port at the address where `server` sees us, which leads to the door and the sockets of `port`, if anywhere. Nothing: the server could not be
/// asked, or would not do it. All references live longer.
awaitable<std::optional<bool>> comes_in(RendezvousClient& server, LaneDoor& door, const PunchingPort& port, Random& random, Transport transport, Port external);

}  // namespace pshare
