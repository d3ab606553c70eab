#include "io/asio.hpp"
#include "io/socket_errors.hpp"

namespace pshare {

// WSAEACCES: another has the port for itself alone, or the system keeps a range of ports that this one is in.
bool is_taken(const std::error_code& error) { return error == asio::error::address_in_use || error == asio::error::access_denied; }

bool is_connected_already(const std::error_code& error) {
  return error == asio::error::address_in_use || error.value() == WSAEADDRNOTAVAIL || error.value() == ERROR_ADDRESS_ALREADY_ASSOCIATED;
}

bool is_privileged(const std::error_code&) { return false; }

bool is_absent(const std::error_code& error) {
  return error == asio::error::address_family_not_supported || error == asio::error::operation_not_supported || error.value() == WSAEADDRNOTAVAIL;
}

bool is_shortage(const std::error_code& error) {
  return error == asio::error::no_descriptors || error == asio::error::no_buffer_space || error == asio::error::no_memory;
}

// On a receive it may be called a reset connection, though UDP has none.
bool is_turned_away(const std::error_code& error) {
  return error == asio::error::connection_refused || error == asio::error::connection_reset || error.value() == ERROR_PORT_UNREACHABLE;
}

}  // namespace pshare
