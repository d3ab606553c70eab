// What systems say of sockets in words of their own, for which Asio has none. (Comparing with std::errc is no way: Asio's category knows no conditions.)
#pragma once

#include <system_error>

namespace pshare {

/// Of bind() or listen(): somebody has the port.
bool is_taken(const std::error_code& error);

/// Of connect() from a given port: the two endpoints have a connection, or had one until a moment ago.
bool is_connected_already(const std::error_code& error);

/// Of bind(): the port is one that the system keeps for the privileged. Windows keeps none.
bool is_privileged(const std::error_code& error);

/// The machine has not got the address, or nothing of its family.
bool is_absent(const std::error_code& error);

/// The system, or this process, is short of descriptors or memory: later there may be some.
bool is_shortage(const std::error_code& error);

/// A datagram of ours was turned away: nobody listens there (ICMP).
bool is_turned_away(const std::error_code& error);

}  // namespace pshare
