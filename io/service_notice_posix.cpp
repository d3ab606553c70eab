#include "io/service_notice.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

namespace pshare {

bool notify_service_manager(const std::string& address, std::string_view state) {
  sockaddr_un to{};
  if (address.empty() || (address.front() != '/' && address.front() != '@') || address.size() >= sizeof to.sun_path) return false;
  to.sun_family = AF_UNIX;
  std::ranges::copy(address, to.sun_path);
  if (address.front() == '@') to.sun_path[0] = '\0';
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return false;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
  const auto sent = ::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to), length);
  ::close(socket);
  return sent == static_cast<ssize_t>(state.size());
}

}  // namespace pshare
