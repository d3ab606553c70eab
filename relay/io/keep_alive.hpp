// TCP's own keep-alives (RFC 9293 section 3.8.4), for connections that may be silent for long.
#pragma once

#include "io/asio.hpp"

namespace pshare {

struct KeepAlive {
  int idle = 0, interval = 0;  // seconds
  int count = 0;               // probes, of which none is answered
};

/// What the system has no option for, it does in its own time. Bytes on their way, for which no keep-alives are sent, are repeated no longer either.
void keep_alive(asio::ip::tcp::socket& socket, const KeepAlive& how);

}  // namespace pshare
