#include "traversal/io/syn.hpp"

#include <mstcpip.h>

namespace pshare {

using asio::ip::tcp;

std::error_code send_syn(tcp::socket& socket, const tcp::endpoint& there, int ttl) {
  std::error_code error;
  socket.set_option(asio::ip::unicast::hops{ttl}, error);
  if (!error) socket.native_non_blocking(true, error);
  if (error) return error;
  if (::connect(socket.native_handle(), there.data(), static_cast<int>(there.size())) == 0) return {};
  const std::error_code said{WSAGetLastError(), asio::error::get_system_category()};
  return said == asio::error::in_progress || said == asio::error::would_block ? std::error_code{} : said;
}

// Since Windows 10 1703.
bool syn_is_answered(tcp::socket& socket) {
  DWORD version = 0, size = 0;
  TCP_INFO_v0 info{};
  if (WSAIoctl(socket.native_handle(), SIO_TCP_INFO, &version, sizeof version, &info, sizeof info, &size, nullptr, nullptr) != 0) return false;
  return info.State == TCPSTATE_ESTABLISHED || info.State == TCPSTATE_SYN_RCVD;
}

}  // namespace pshare
