// UDP of a simulated machine (RFC 768): sockets of its process, who gets which datagram, and what a datagram for nobody is answered.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "network/packet.hpp"
#include "wire/result.hpp"

namespace pshare::sim {

class Machine;
class UdpStack;
struct KernelUdpSocket;

struct UdpSettings {
  std::optional<IpAddress> address{};  // nothing: all of both families; 0.0.0.0 or ::, all of one; else one of the machine's own
  Port port{};                         // 0: any that is free
  bool may_be_fragmented = false;      // what it sends; else a datagram that does not fit a wire dies there (packet too big)
};

struct UdpSendOptions {
  std::uint8_t ttl = 64;
  std::optional<IpAddress> source{};  // which of the machine's addresses it leaves from; nothing: as routing says
  std::uint8_t traffic_class = 0;
};

/// A UDP socket; whoever holds this has it open. It dies with the process; from then on it does nothing, and is not heard of.
/// Datagrams that come before there is an on_datagram are lost.
class UdpSocket {
 public:
  using OnDatagram = std::function<void(const Endpoint& from, const Endpoint& to, ByteView bytes)>;
  using OnError = std::function<void(const IcmpError& error)>;

  UdpSocket() = default;  // not open
  explicit UdpSocket(std::shared_ptr<KernelUdpSocket> socket) : socket_(std::move(socket)) {}
  UdpSocket(UdpSocket&&) noexcept = default;
  UdpSocket& operator=(UdpSocket&& other) noexcept;
  ~UdpSocket() { close(); }

  bool is_open() const;
  Port port() const;
  void close();
  /// False when it cannot leave: no route ("network is unreachable"), the source is not the machine's, or the socket is dead.
  bool send_to(const Endpoint& to, ByteView bytes, const UdpSendOptions& options = {});
  void on_datagram(OnDatagram call);
  /// Who does not ask never hears of ICMP errors, as on an unconnected socket without IP_RECVERR.
  void on_error(OnError call);

 private:
  std::shared_ptr<KernelUdpSocket> socket_;  // shared with the kernel, which may be in the middle of a delivery
};

/// The part of a machine's kernel. Programs use Machine::udp().
class UdpStack {
 public:
  explicit UdpStack(Machine& machine) : machine_(machine) {}
  UdpStack(const UdpStack&) = delete;
  ~UdpStack() { close_all(); }

  /// Errors: busy (the port is another's), unreachable (the address is not the machine's), failed (no process runs).
  Result<UdpSocket> bind(const UdpSettings& settings);
  void receive(const Packet& packet);
  void receive_error(const IcmpError& error);
  void close_all();

 private:
  friend class UdpSocket;
  std::shared_ptr<KernelUdpSocket> find(const Endpoint& local) const;
  void forget(KernelUdpSocket& socket);

  Machine& machine_;
  std::unordered_map<std::uint16_t, std::vector<std::shared_ptr<KernelUdpSocket>>> by_port_;  // looked up, never walked in order
};

}  // namespace pshare::sim
