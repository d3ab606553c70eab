#include "network/packet.hpp"

#include <algorithm>

namespace pshare::sim {

bool is_multicast(const IpAddress& address) {
  const auto first = std::to_integer<unsigned>(address.bytes()[0]);
  return address.is_v4() ? first >= 224 : first == 0xff;
}

namespace {

/// Routers here are known by their IPv4 addresses; on IPv6 they report from one that is made of it.
IpAddress as_seen_by(const IpAddress& told, const IpAddress& reporter) {
  if (told.is_v4() || reporter.is_v6()) return reporter;
  IpAddress::V6 made{std::byte{0x20}, std::byte{0x01}, std::byte{0x0d}, std::byte{0xb8}, std::byte{0}, std::byte{0x64}};
  std::ranges::copy(reporter.bytes(), made.end() - 4);
  return IpAddress{made};
}

}  // namespace

std::optional<Packet> error_about(const Packet& dead, IcmpError::Kind kind, const IpAddress& reporter) {
  if (dead.error || is_multicast(dead.flow.to.address)) return std::nullopt;
  Packet report;
  report.flow = {dead.flow.protocol, {as_seen_by(dead.flow.from.address, reporter), {}}, {dead.flow.from.address, {}}};
  report.size = icmp_error_size;
  report.error = IcmpError{.kind = kind, .quoted = dead.flow, .quoted_tcp = dead.tcp, .mtu = 0};
  report.body = dead.body;
  return report;
}

std::optional<Packet> reset_for(const Packet& refused) {
  if (refused.error || refused.flow.protocol != Protocol::tcp || refused.tcp.rst) return std::nullopt;
  Packet reset;
  reset.flow = refused.flow.reversed();
  reset.size = bare_packet_size;
  reset.tcp.rst = true;
  if (refused.tcp.ack) {
    reset.tcp.sequence = refused.tcp.acknowledgement;
  } else {
    // What the refused segment occupies: its SYN and FIN, and its data. A connection attempt has none.
    reset.tcp.ack = true;
    reset.tcp.acknowledgement = refused.tcp.sequence + (refused.tcp.syn ? 1u : 0u) + (refused.tcp.fin ? 1u : 0u);
  }
  return reset;
}

}  // namespace pshare::sim
