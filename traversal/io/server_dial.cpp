#include "traversal/io/server_dial.hpp"

#include <utility>

namespace pshare {

std::string HostAndPort::text() const {
  const bool v6_literal = host.find(':') != std::string::npos;
  return (v6_literal ? "[" + host + "]" : host) + ":" + std::to_string(port.number);
}

awaitable<TlsStream> greet_in_role(TcpStream socket, const TlsContext& tls, std::string role, PeerCheck check) {
  std::vector<std::string> roles{std::move(role)};
  TlsStream stream{std::move(socket), TlsEngine{tls, TlsRole::client, std::move(roles), std::move(check)}};
  co_await stream.handshake();
  co_return stream;
}

namespace {

awaitable<std::vector<Endpoint>> endpoints_of(std::variant<HostAndPort, std::vector<Endpoint>> to) {
  if (auto* const known = std::get_if<std::vector<Endpoint>>(&to)) co_return std::move(*known);
  auto& named = std::get<HostAndPort>(to);
  co_return co_await resolve(std::move(named.host), named.port);
}

}  // namespace

awaitable<ServerConnection> dial_server(const TlsContext& tls, Outlet&, ServerDial dial) {
  auto endpoints = co_await endpoints_of(std::move(dial.to));
  auto socket = co_await connect_any(std::move(endpoints), dial.local_port);
  auto stream = co_await greet_in_role(std::move(socket), tls, std::move(dial.role), std::move(dial.check));
  co_return ServerConnection{std::move(stream)};
}

}  // namespace pshare
