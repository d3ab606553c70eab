// One local port for a listener and for connections that are dialled from it: what simultaneous open and a stable mapping in a NAT need. Another
// listener, of whomever, is to find the port taken all the same. Systems know neither wish by one name: this is where they are told.
#pragma once

#include <system_error>

#include "io/asio.hpp"

namespace pshare {

/// Opens, binds and listens. A program that was started again need not wait for the connections of the one before (TIME_WAIT).
void listen_at(asio::ip::tcp::acceptor& acceptor, const asio::ip::tcp::endpoint& at, std::error_code& error);

/// Opens a socket that is to dial `there`, and binds it to `port`, beside whatever else of ours uses that; port 0: any.
void bind_beside_others(asio::ip::tcp::socket& socket, const asio::ip::tcp::endpoint& there, asio::ip::port_type port, std::error_code& error);

}  // namespace pshare
