// A packet as routers see it: addresses, ports, TTL, and of TCP what NATs look at. What it carries is opaque to them. The same boxes
// forward between simulated hosts and, in the kernel laboratory (tests/natlab), between real ones.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>

#include "wire/address.hpp"
#include "wire/bytes.hpp"

namespace pshare::sim {

enum class Protocol : std::uint8_t { udp, tcp, icmp_echo };  // of an echo, the identifier stands for both ports

struct Flow {
  Protocol protocol = Protocol::udp;
  Endpoint from, to;
  Flow reversed() const { return {protocol, to, from}; }
  friend auto operator<=>(const Flow&, const Flow&) = default;
};

struct TcpHeader {
  std::uint32_t sequence = 0, acknowledgement = 0;
  bool syn = false, ack = false, fin = false, rst = false;
  /// The first packet of a connection attempt.
  bool opens() const { return syn && !ack && !rst; }
};

/// RFC 792 and RFC 4443, as far as anyone here sends them.
struct IcmpError {
  enum class Kind { network_unreachable, host_unreachable, port_unreachable, prohibited, time_exceeded, packet_too_big };
  Kind kind = Kind::host_unreachable;
  Flow quoted;              // of the packet that it is about, as that packet looked where it died (and NATs translate it back)
  TcpHeader quoted_tcp;
  std::uint32_t mtu = 0;    // packet_too_big only
};

struct Packet {
  Flow flow;                          // of an error: from who reports it, to who is told; without ports
  std::uint8_t ttl = 64;
  std::uint32_t size = 0;             // bytes on the wire, headers included
  std::uint8_t traffic_class = 0;     // DSCP and ECN, carried along
  bool may_be_fragmented = false;
  TcpHeader tcp;                      // Protocol::tcp only
  bool echo_reply = false;            // Protocol::icmp_echo only
  std::optional<IcmpError> error;
  ByteBuffer body;                    // UDP, echo: the payload. TCP: whatever the hosts on both ends understand
};

/// Header bytes of a packet without a body: what answers that a router makes up weigh.
inline constexpr std::uint32_t bare_packet_size = 40, icmp_error_size = 56;

/// The error about `dead`, from `reporter`; nothing if it is about an error itself (RFC 1122 section 3.2.2) or about something sent to a
/// multicast address. The body of the dead packet goes with it. Over IPv6 a reporter with an IPv4 address is 2001:db8:64:: and that.
std::optional<Packet> error_about(const Packet& dead, IcmpError::Kind kind, const IpAddress& reporter);
/// What refuses a TCP packet (RFC 9293 section 3.10.7.1); nothing for a reset.
std::optional<Packet> reset_for(const Packet& refused);

bool is_multicast(const IpAddress& address);

}  // namespace pshare::sim
