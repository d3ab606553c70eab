#include "io/shared_port.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace pshare {

using asio::ip::tcp;

namespace {

/// Lets other sockets of this user that have asked for the same use this socket's local port as well (SO_REUSEPORT). Where the system has no
/// such option, SO_REUSEADDR, which every such socket sets too, has to do.
void share_port([[maybe_unused]] int socket, std::error_code& error) {
  error.clear();
#if defined(SO_REUSEPORT)
  const int on = 1;
  if (::setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) error.assign(errno, std::system_category());
#endif
}

}  // namespace

void listen_at(tcp::acceptor& acceptor, const tcp::endpoint& at, std::error_code& error) {
  acceptor.open(at.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address{true}, error);
  if (!error && at.protocol() == tcp::v6()) acceptor.set_option(asio::ip::v6_only{true}, error);
  if (!error) acceptor.bind(at, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  // Only now, and not before bind(): two listeners of one user that both asked for it earlier would silently share the port and take each
  // other's connections. Without it, whoever binds or listens second is told that the port is taken: the system looks once more in
  // listen(), so that there is no gap between the two calls. Connections that are dialled from this port later do find the option set.
  if (!error) share_port(acceptor.native_handle(), error);
}

// Binds to every address of the family, so that routing chooses the one to leave from as always.
void bind_beside_others(tcp::socket& socket, const tcp::endpoint& there, asio::ip::port_type port, std::error_code& error) {
  socket.open(there.protocol(), error);
  if (!error) socket.set_option(tcp::socket::reuse_address{true}, error);
  if (!error && port != 0) share_port(socket.native_handle(), error);
  if (!error) socket.bind({there.protocol(), port}, error);
}

}  // namespace pshare
