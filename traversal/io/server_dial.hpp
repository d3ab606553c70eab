// Connections to what is pinned by its key and serves roles over TLS: the server (control, reflect, relay) and supernodes. Tries the ways that the
// Outlet knows, shakes hands in the role's name on each, and gives the first stream that is up. On port 443 and through proxies the connection
// looks like ordinary TLS (wire/role.hpp).
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
  /// By name (then the port of HTTPS is tried as well) or by the addresses of one machine, the likeliest first (then it is not).
  std::variant<HostAndPort, std::vector<Endpoint>> to;
  std::string role;                               // its ALPN: control_alpn, reflect_alpn, "pshare-relay/1"
  PeerCheck check;                                // who may be at the other end
  TimePoint until;                                // gives up then
  std::optional<Port> local_port = std::nullopt;  // where to dial from, if that can be done; else from any
};

struct ServerConnection {
  TlsStream stream;
  /// Then the stream's socket is the one to the proxy: its remote() and took() are the proxy's, and so is the address at which the server sees us.
  bool through_proxy = false;
  /// The port that was reached: the one that was asked for, or https_port.
  Port port;
};

/// Errors: those of the way tried first, with what the others came to; identity_mismatch (the key at the port that was asked for is another's);
/// malformed (no such role there); timed_out. Through a proxy also refused.
awaitable<ServerConnection> dial_server(const TlsContext& tls, Outlet& outlet, ServerDial dial);

/// TLS in a role over a straight connection that is there already. Bound it with with_deadline().
awaitable<TlsStream> greet_in_role(TcpStream socket, const TlsContext& tls, std::string role, PeerCheck check);

}  // namespace pshare
