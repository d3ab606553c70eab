#include "received_ttl.hpp"

#include <mswsock.h>

#include <array>
#include <cstring>

#include "io/receive_message.hpp"

namespace pshare {

namespace {

constexpr int hop_limit = 21;  // IP_HOPLIMIT, by its other name IP_RECVTTL; some say the value as IP_TTL

}  // namespace

void want_ttl(asio::ip::udp::socket& socket) {
  const DWORD on = 1;
  ::setsockopt(socket.native_handle(), IPPROTO_IP, hop_limit, reinterpret_cast<const char*>(&on), sizeof on);
}

TtlAndSize receive_ttl(asio::ip::udp::socket& socket) {
  std::array<char, 100> bytes;
  WSABUF piece{static_cast<ULONG>(bytes.size()), bytes.data()};
  alignas(WSACMSGHDR) std::array<char, 64> control;
  std::array<char, sizeof(sockaddr_storage)> from;
  WSAMSG message{};
  message.name = reinterpret_cast<sockaddr*>(from.data());
  message.namelen = static_cast<int>(from.size());
  message.lpBuffers = &piece;
  message.dwBufferCount = 1;
  message.Control = {static_cast<ULONG>(control.size()), control.data()};
  const auto count = receive_message(socket.native_handle(), message);
  if (!count) return {};
  TtlAndSize got{.size = *count};
  for (auto* each = WSA_CMSG_FIRSTHDR(&message); each != nullptr; each = WSA_CMSG_NXTHDR(&message, each))
    if (each->cmsg_level == IPPROTO_IP && (each->cmsg_type == hop_limit || each->cmsg_type == IP_TTL)) std::memcpy(&got.ttl, WSA_CMSG_DATA(each), sizeof got.ttl);
  return got;
}

}  // namespace pshare
