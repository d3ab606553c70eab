// A TCP connection through a proxy: drives io/proxy.hpp.
#pragma once

#include <string>

#include "io/asio.hpp"
#include "io/proxy.hpp"
#include "io/tcp_stream.hpp"
#include "wire/time.hpp"

namespace pshare {

/// How long a proxy may take to answer once it is connected: it looks the name up and connects, for which a lost SYN or two may be sent again.
inline constexpr Duration proxy_patience = std::chrono::seconds{8};

/// To `host` (a name or a literal address). TcpStream::remote() and took() are the proxy's. Errors: those of ProxyRequest; unreachable, refused or
/// timed_out, naming the proxy, when that itself does not answer.
awaitable<TcpStream> connect_through(Proxy proxy, std::string host, Port port);

}  // namespace pshare
