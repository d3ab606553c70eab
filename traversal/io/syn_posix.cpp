#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "traversal/io/syn.hpp"

namespace pshare {

using asio::ip::tcp;

std::error_code send_syn(tcp::socket& socket, const tcp::endpoint& there, int ttl) {
  std::error_code error;
  socket.set_option(asio::ip::unicast::hops{ttl}, error);
  if (!error) socket.native_non_blocking(true, error);
  if (error) return error;
  if (::connect(socket.native_handle(), there.data(), static_cast<socklen_t>(there.size())) == 0) return {};
  const std::error_code said{errno, asio::error::get_system_category()};
  return said == asio::error::in_progress || said == asio::error::would_block ? std::error_code{} : said;
}

bool syn_is_answered([[maybe_unused]] tcp::socket& socket) {
#ifdef __linux__
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  return info.tcpi_state == TCP_ESTABLISHED || info.tcpi_state == TCP_SYN_RECV;
#else
  return false;
#endif
}

}  // namespace pshare
