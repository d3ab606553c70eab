#include "received_ttl.hpp"

#include <netinet/ip.h>

#include <array>
#include <cstring>

namespace pshare {

void want_ttl(asio::ip::udp::socket& socket) {
  const int on = 1;
  ::setsockopt(socket.native_handle(), IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
}

TtlAndSize receive_ttl(asio::ip::udp::socket& socket) {
  std::array<std::byte, 100> bytes;
  iovec piece{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<std::byte, 64> control;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto count = ::recvmsg(socket.native_handle(), &message, 0);
  if (count < 0) return {};
  TtlAndSize got{.size = static_cast<std::size_t>(count)};
  for (auto* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each))
    if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_TTL) std::memcpy(&got.ttl, CMSG_DATA(each), sizeof got.ttl);
  return got;
}

}  // namespace pshare
