// A UDP socket as Linux has it: many datagrams for each system call, in (recvmmsg, UDP_GRO) and out (UDP_SEGMENT), with ECN (RFC 3168) and
// a TTL for single datagrams. Datagrams are never fragmented (IP_PMTUDISC_PROBE), and ICMP errors never end the socket.
// Who gets what arrives is traversal/io/udp_port.hpp's business.
#pragma once

#include <optional>
#include <span>

#include "io/asio.hpp"
#include "traversal/quic/socket_address.hpp"
#include "wire/address.hpp"
#include "wire/bytes.hpp"

namespace pshare {

/// What one system call brought from one sender: a run of datagrams of `segment` bytes each, the last perhaps shorter.
struct UdpArrival {
  SocketAddress from;
  ByteView bytes;  // in the buffers, until they receive again
  std::size_t segment = 0;
  std::uint8_t ecn = 0;
};

/// Memory to receive into, 1 MiB once it is used: one for all the sockets of a loop.
class UdpReceiveBuffers : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;
  static UdpReceiveBuffers& of(const asio::any_io_executor& executor);
  explicit UdpReceiveBuffers(asio::execution_context& context);

  /// What has arrived by now: at most `at_once` runs. Valid until the next call.
  std::span<const UdpArrival> receive(int socket);
  static constexpr std::size_t at_once = 16;

 private:
  void shutdown() override {}
  std::unique_ptr<std::byte[]> memory_;
  std::array<UdpArrival, at_once> arrivals_;
};

enum class UdpSent {
  sent,
  blocked,   // the socket's buffer is full: again when it is writable
  too_long,  // for the interface or for what the kernel knows of the path (EMSGSIZE)
  lost,      // no route, or a firewall of this machine; perhaps not for ever
  closed,    // the socket, by us
};

class UdpSocket {
 public:
  /// Errors: busy (in use), refused (privileged), unsupported (no such family here), local_io.
  static UdpSocket bound(const asio::any_io_executor& executor, IpFamily family, const std::optional<IpAddress>& address, Port port);

  const Endpoint& local() const { return local_; }
  /// With the address that the system sends from to `remote`, where the socket is bound to none. local(), if it knows no way there.
  Endpoint local_towards(const Endpoint& remote) const noexcept;
  IpFamily family() const { return family_; }

  /// One run: datagrams of `segment` bytes each, the last perhaps shorter. `ttl`: instead of the system's own.
  UdpSent send(const SocketAddress& to, ByteView bytes, std::size_t segment, std::uint8_t ecn, std::optional<int> ttl) noexcept;

  /// Large buffers, datagrams received in runs, ECN: what a lane wants and a socket that only punches does without.
  void prepare_for_streaming() noexcept;

  asio::ip::udp::socket& socket() { return socket_; }
  int descriptor() { return socket_.native_handle(); }

 private:
  UdpSocket(asio::ip::udp::socket socket, IpFamily family, Endpoint local);
  /// 0, or what errno says.
  int send_once(const SocketAddress& to, ByteView bytes, std::size_t segment, std::uint8_t ecn, std::optional<int> ttl) noexcept;

  asio::ip::udp::socket socket_;
  IpFamily family_;
  Endpoint local_;
  bool segments_ = true;  // the kernel cuts runs for us (UDP_SEGMENT), until it once refused to
};

}  // namespace pshare
