#include "io/shared_port.hpp"

#if !defined(_WIN32)
#include <sys/socket.h>

#include <cerrno>
#endif

namespace pshare {

void share_port([[maybe_unused]] asio::ip::tcp::socket::native_handle_type socket, std::error_code& error) {
  error.clear();
#if defined(SO_REUSEPORT)
  const int on = 1;
  if (::setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) error.assign(errno, std::system_category());
#endif
}

}  // namespace pshare
