#include "relay/io/keep_alive.hpp"

namespace pshare {

namespace {

// Of IPPROTO_TCP, since Windows 10 1709; MinGW's headers lack some.
constexpr int keep_idle = 3, max_rt = 5, keep_count = 16, keep_interval = 17;

}  // namespace

void keep_alive(asio::ip::tcp::socket& socket, const KeepAlive& how) {
  std::error_code ignored;
  socket.set_option(asio::socket_base::keep_alive{true}, ignored);
  socket.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, keep_idle>{how.idle}, ignored);
  socket.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, keep_interval>{how.interval}, ignored);
  socket.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, keep_count>{how.count}, ignored);
  // Seconds for which bytes are repeated that nobody acknowledges.
  socket.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, max_rt>{how.idle + how.interval * how.count}, ignored);
}

}  // namespace pshare
