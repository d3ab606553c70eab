// The TTL that a datagram arrived with, which each system tells in its own way.
#pragma once

#include "io/asio.hpp"

namespace pshare {

/// From now on the system tells it for this socket.
void want_ttl(asio::ip::udp::socket& socket);

/// Of the next datagram, which is waited for. Its size, too: nothing else is known of it.
struct TtlAndSize {
  int ttl = -1;
  std::size_t size = 0;
};
TtlAndSize receive_ttl(asio::ip::udp::socket& socket);

}  // namespace pshare
