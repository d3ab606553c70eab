#include "io/receive_message.hpp"

#include <winsock2.h>
#include <mswsock.h>

namespace pshare {

namespace {

/// There is one for all sockets of the system's own providers. Nothing where the system refuses.
LPFN_WSARECVMSG ask_for(SOCKET socket) {
  GUID wanted = WSAID_WSARECVMSG;
  LPFN_WSARECVMSG found = nullptr;
  DWORD size = 0;
  const int result = WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &wanted, sizeof wanted, &found, sizeof found, &size, nullptr, nullptr);
  return result == 0 ? found : nullptr;
}

}  // namespace

std::optional<std::size_t> receive_message(std::uintptr_t socket, WSAMSG& message) noexcept {
  static const auto function = ask_for(socket);
  if (function == nullptr) {
    WSASetLastError(WSAEOPNOTSUPP);
    return std::nullopt;
  }
  DWORD count = 0;
  // A datagram that is longer than its buffer is an error here; the caller knows it by the code.
  if (function(socket, &message, &count, nullptr, nullptr) != 0) return std::nullopt;
  return count;
}

}  // namespace pshare
