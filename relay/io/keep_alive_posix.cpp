#ifdef __linux__
#include <netinet/tcp.h>
#endif

#include "relay/io/keep_alive.hpp"

namespace pshare {

void keep_alive(asio::ip::tcp::socket& socket, [[maybe_unused]] const KeepAlive& how) {
  std::error_code ignored;
  socket.set_option(asio::socket_base::keep_alive{true}, ignored);
#ifdef __linux__
  using Option = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
  using Interval = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
  using Count = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPCNT>;
  socket.set_option(Option{how.idle}, ignored);
  socket.set_option(Interval{how.interval}, ignored);
  socket.set_option(Count{how.count}, ignored);
  // Where bytes are on their way no keep-alives are sent, and the system would repeat them for a quarter of an hour.
  using Unacknowledged = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;
  socket.set_option(Unacknowledged{1000 * (how.idle + how.interval * how.count)}, ignored);
#endif
}

}  // namespace pshare
