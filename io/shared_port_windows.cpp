// Windows has SO_REUSEADDR alone, and it means more: a socket with it takes the port of any other that has it as well, a listener's too. ("Using
// SO_REUSEADDR and SO_EXCLUSIVEADDRUSE" in Microsoft's Windows Sockets documentation has the table of who may bind beside whom.) So listeners do without,
// which makes the port theirs; TIME_WAIT keeps nobody from binding here. What such a listener on every address still admits is a socket of
// this user on a single one: that is how connections are dialled from its port.
#include "io/shared_port.hpp"

namespace pshare {

using asio::ip::tcp;
using asio::ip::udp;

void listen_at(tcp::acceptor& acceptor, const tcp::endpoint& at, std::error_code& error) {
  acceptor.open(at.protocol(), error);
  if (!error && at.protocol() == tcp::v6()) acceptor.set_option(asio::ip::v6_only{true}, error);
  if (!error) acceptor.bind(at, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
}

namespace {

/// The address that packets to there leave from. Says nothing to anybody: connecting a UDP socket only looks up the route.
asio::ip::address source_towards(const asio::any_io_executor& executor, const tcp::endpoint& there, std::error_code& error) {
  udp::socket probe{executor};
  probe.connect({there.address(), there.port()}, error);
  return error ? asio::ip::address{} : probe.local_endpoint(error).address();
}

}  // namespace

void bind_beside_others(tcp::socket& socket, const tcp::endpoint& there, asio::ip::port_type port, std::error_code& error) {
  const auto source = source_towards(socket.get_executor(), there, error);
  if (!error) socket.open(there.protocol(), error);
  if (!error) socket.set_option(tcp::socket::reuse_address{true}, error);  // beside other connections from the port
  if (!error) socket.bind({source, port}, error);
}

}  // namespace pshare
