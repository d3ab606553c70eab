// One local port for a listener and for connections that are dialled from it: what simultaneous open and a stable mapping in a NAT need.
#pragma once

#include <system_error>

#include "io/asio.hpp"

namespace pshare {

/// Lets other sockets of this user that have asked for the same use this socket's local port as well (SO_REUSEPORT). Where the system has no
/// such option, SO_REUSEADDR, which every such socket sets too, has to do.
void share_port(asio::ip::tcp::socket::native_handle_type socket, std::error_code& error);

}  // namespace pshare
