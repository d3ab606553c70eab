// Connections to what is pinned by its key and serves roles over TLS: the server (control, reflect, relay) and supernodes. Finds a way there as the
// Outlet says, shakes hands in the role's name, and gives the stream.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/asio.hpp"
#include "io/outlet.hpp"
#include "io/tcp_stream.hpp"
#include "secure/io/tls_stream.hpp"
#include "secure/tls.hpp"
#include "wire/address.hpp"

namespace pshare {

struct HostAndPort {
  std::string host;  // a name or a literal address
  Port port;

  /// "host:port", a literal IPv6 address in brackets.
  std::string text() const;
};

struct ServerDial {
  std::variant<HostAndPort, std::vector<Endpoint>> to;
  std::string role;                               // its ALPN: control_alpn, reflect_alpn, "pshare-relay/1"
  PeerCheck check;                                // who may be at the other end
  std::optional<Port> local_port = std::nullopt;  // where to dial from, if that can be done; else from any
};

struct ServerConnection {
  TlsStream stream;
};

/// Errors: as connect(); identity_mismatch; malformed (no such role there). Bound it with with_deadline().
awaitable<ServerConnection> dial_server(const TlsContext& tls, Outlet& outlet, ServerDial dial);

/// TLS in a role over a connection that is there already.
awaitable<TlsStream> greet_in_role(TcpStream socket, const TlsContext& tls, std::string role, PeerCheck check);

}  // namespace pshare
