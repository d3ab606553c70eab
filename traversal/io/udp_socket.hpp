// A UDP socket as the system has it: many datagrams for each system call where that can be, in (recvmmsg and UDP_GRO on Linux, URO on Windows) and out
// (UDP_SEGMENT, USO), with ECN (RFC 3168) and a TTL for single datagrams. Datagrams are never fragmented, and ICMP errors never end the socket.
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
  std::span<const UdpArrival> receive(asio::ip::udp::socket::native_handle_type socket);
  static constexpr std::size_t at_once = 16;

 private:
  static constexpr std::size_t longest_run = 64 * 1024;  // as much as the system puts together

  void shutdown() override {}
  std::unique_ptr<std::byte[]> memory_;
  std::array<UdpArrival, at_once> arrivals_;
};

enum class UdpSent {
  sent,
  blocked,   // the socket's buffer is full: again when it is writable
  too_long,  // for the interface or for what the system knows of the path (EMSGSIZE)
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
  asio::ip::udp::socket::native_handle_type descriptor() { return socket_.native_handle(); }

 private:
  UdpSocket(asio::ip::udp::socket socket, IpFamily family);
  /// What no datagram of ours does without. Before it is bound.
  void prepare() noexcept;
  /// Nothing: the system refuses to cut a run, or to cut this one.
  std::optional<UdpSent> send_once(const SocketAddress& to, ByteView bytes, std::size_t segment, std::uint8_t ecn, std::optional<int> ttl) noexcept;

  asio::ip::udp::socket socket_;
  IpFamily family_;
  Endpoint local_;
  bool segments_ = true;  // the system cuts runs for us, until it once refused to
  bool marks_ = true;     // and marks datagrams for ECN
};

}  // namespace pshare
