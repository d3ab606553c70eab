#include "traversal/quic/socket_address.hpp"

#include <cstring>

namespace pshare {

SocketAddress::SocketAddress(const Endpoint& endpoint) {
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    any_.v4 = {};
    any_.v4.sin_family = AF_INET;
    any_.v4.sin_port = htons(endpoint.port.number);
    std::memcpy(&any_.v4.sin_addr, bytes.data(), bytes.size());
  } else {
    any_.v6.sin6_family = AF_INET6;
    any_.v6.sin6_port = htons(endpoint.port.number);
    std::memcpy(&any_.v6.sin6_addr, bytes.data(), bytes.size());
  }
}

std::optional<Endpoint> SocketAddress::endpoint() const { return endpoint_of(&any_.base); }

std::optional<Endpoint> SocketAddress::endpoint_of(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    IpAddress::V4 bytes;
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return Endpoint{IpAddress{bytes}, Port{ntohs(v4.sin_port)}};
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    IpAddress::V6 bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return Endpoint{IpAddress{bytes}, Port{ntohs(v6.sin6_port)}};
  }
  return std::nullopt;
}

}  // namespace pshare
