// The STUN server's sockets: hands what arrives to relay/stun_server and sends what it answers, from the address and port that it says.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "io/asio.hpp"
#include "relay/stun_server.hpp"

namespace pshare {

/// Questions that are answered before everybody else on the loop has a turn.
inline constexpr std::size_t stun_questions_at_once = 64;

/// UDP sockets on one port, of every family and address that is to be served.
class UdpPorts {
 public:
  /// Every address of this machine. Port 0 lets the system choose one (the same for both families). Errors: busy, refused, local_io.
  static UdpPorts on(asio::any_io_executor executor, Port port);
  /// Just these addresses; 0.0.0.0 is every IPv4 address. Errors as above.
  static UdpPorts on(asio::any_io_executor executor, const std::vector<IpAddress>& addresses, Port port);
  Port port() const;

  struct Socket {
    asio::ip::udp::socket socket;
    std::optional<IpAddress> address;  // nothing: all of its family
  };
  std::vector<Socket>& sockets() { return sockets_; }

 private:
  explicit UdpPorts(std::vector<Socket> sockets) : sockets_(std::move(sockets)) {}
  std::vector<Socket> sockets_;
};

class StunResponder {
 public:
  /// The ports in the server's settings must be those of `primary` and `alternate`.
  StunResponder(StunServer server, UdpPorts primary, UdpPorts alternate);

  /// Answers for ever; ends by cancellation alone. A datagram that cannot be received or sent is nobody's trouble.
  awaitable<void> run();

 private:
  awaitable<void> answer_at(UdpPorts::Socket& socket, Port port);
  /// False when nothing was waiting.
  bool answer_one(UdpPorts::Socket& socket, Port port);
  UdpPorts::Socket* socket_for(const Endpoint& from);

  StunServer server_;
  UdpPorts primary_, alternate_;
};

}  // namespace pshare
