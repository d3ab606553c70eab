// An endpoint in the form that the kernel and the QUIC library share (sockaddr_in, sockaddr_in6), and back. No socket is involved.
// Zones are not carried: a link-local endpoint has none here.
#pragma once

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <netinet/in.h>
#include <sys/socket.h>
#endif

#include <optional>

#include "wire/address.hpp"

namespace pshare {

class SocketAddress {
 public:
  SocketAddress() = default;
  explicit SocketAddress(const Endpoint& endpoint);

  sockaddr* data() { return &any_.base; }
  const sockaddr* data() const { return &any_.base; }
  socklen_t size() const { return any_.base.sa_family == AF_INET6 ? sizeof any_.v6 : sizeof any_.v4; }
  /// Room for the kernel to write one of either family into.
  static constexpr socklen_t room = sizeof(sockaddr_in6);

  /// Nothing for another family.
  std::optional<Endpoint> endpoint() const;
  static std::optional<Endpoint> endpoint_of(const sockaddr* address);

 private:
  union {
    sockaddr base;
    sockaddr_in v4;
    sockaddr_in6 v6{};
  } any_;
};

}  // namespace pshare
