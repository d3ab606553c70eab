#include <cerrno>

#include "io/asio.hpp"
#include "io/socket_errors.hpp"

namespace pshare {

bool is_taken(const std::error_code& error) { return error == asio::error::address_in_use; }

bool is_connected_already(const std::error_code& error) { return error == asio::error::address_in_use || error.value() == EADDRNOTAVAIL; }

bool is_privileged(const std::error_code& error) { return error == asio::error::access_denied; }

bool is_absent(const std::error_code& error) {
  return error == asio::error::address_family_not_supported || error == asio::error::operation_not_supported || error.value() == EADDRNOTAVAIL;
}

bool is_shortage(const std::error_code& error) {
  return error == asio::error::no_descriptors || error == asio::error::no_buffer_space || error == asio::error::no_memory || error.value() == ENFILE;
}

bool is_turned_away(const std::error_code& error) { return error == asio::error::connection_refused; }

}  // namespace pshare
