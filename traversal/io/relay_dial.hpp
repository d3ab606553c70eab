// Getting to a relay with a ticket (wire/relay_hello.hpp): out over TCP, TLS in the relay role, the ticket, and then the bare socket, at whose other end
// the peer is as soon as it has come with the same ticket.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "io/asio.hpp"
#include "io/outlet.hpp"
#include "io/tcp_stream.hpp"
#include "secure/tls.hpp"
#include "traversal/io/server_dial.hpp"
#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/ids.hpp"
#include "wire/relay_hello.hpp"

namespace pshare {

/// A relay, and how it is reached.
struct RelayPlace {
  PeerId relay;
  /// The server's by its name, so that the way that control connections take is taken; a supernode's by its addresses.
  std::variant<HostAndPort, std::vector<Endpoint>> at;
};

/// What it takes to get there. All of it lives longer.
struct RelayWay {
  const TlsContext& tls;
  Outlet& outlet;
};

/// How long TCP and TLS with a relay may take.
inline constexpr Duration relay_connect_patience = std::chrono::seconds{5};
/// How long the other peer is waited for there. It has been told at the same time, through the server.
inline constexpr Duration relay_join_patience = std::chrono::seconds{10};

/// A way through a relay.
struct JoinedRelay {
  TcpStream socket;     // what is written comes out at the peer's
  RelayJoined limits;
};

/// Errors: those of connecting; identity_mismatch (another key answers there); what the relay refuses with, in its words; timed_out (the peer did
/// not come).
awaitable<JoinedRelay> join_at_relay(RelayPlace place, RelayWay way, ByteBuffer ticket);

/// What the relay says of a ticket whose lane has ended: "the supernode's volume of this month is used up". Nothing if it says nothing, or is out of
/// reach.
awaitable<std::optional<std::string>> why_relay_ended(RelayPlace place, RelayWay way, ByteBuffer ticket);

/// To a supernode and back, by how long TCP takes to connect, by the ways that join_at_relay() would take. Bound it with with_deadline(). `outlet`
/// lives longer. Errors: those of the way that failed last.
awaitable<Duration> relay_round_trip(std::vector<Endpoint> endpoints, const Outlet& outlet);

}  // namespace pshare
