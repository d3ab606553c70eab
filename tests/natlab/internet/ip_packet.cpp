#include "ip_packet.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace pshare::natlab {

using sim::Flow;
using sim::IcmpError;
using sim::Packet;
using sim::Protocol;

namespace {

// RFC 791, 8200: protocol numbers and header lengths.
constexpr std::uint8_t icmp_v4 = 1, tcp_number = 6, udp_number = 17, icmp_v6 = 58;
constexpr std::size_t v4_header = 20, v6_header = 40, udp_header = 8, tcp_header = 20, icmp_header = 8;
constexpr std::uint16_t dont_fragment = 0x4000, fragment_bits = 0x3fff;
constexpr std::uint8_t fin_bit = 1, syn_bit = 2, rst_bit = 4, ack_bit = 16;

/// What the two header formats have in common.
struct Header {
  IpAddress from, to;
  std::uint8_t protocol = 0, ttl = 64, traffic_class = 0;
  bool may_be_fragmented = false;
};

// The internet checksum (RFC 1071), gathered in pieces.
class Checksum {
 public:
  void add(ByteView bytes) {
    while (bytes.size() >= 2) {
      sum_ += std::to_integer<std::uint32_t>(bytes[0]) << 8 | std::to_integer<std::uint32_t>(bytes[1]);
      bytes = bytes.subspan(2);
    }
    if (!bytes.empty()) sum_ += std::to_integer<std::uint32_t>(bytes[0]) << 8;  // only ever the last piece is odd
  }
  void add(std::uint32_t number) { sum_ += (number >> 16) + (number & 0xffff); }
  std::uint16_t value() const {
    auto folded = sum_;
    while (folded >> 16 != 0) folded = (folded & 0xffff) + (folded >> 16);
    return static_cast<std::uint16_t>(~folded);
  }

 private:
  std::uint64_t sum_ = 0;
};

void put_u16(ByteBuffer& bytes, std::size_t at, std::uint16_t number) {
  bytes[at] = static_cast<std::byte>(number >> 8);
  bytes[at + 1] = static_cast<std::byte>(number);
}

IpAddress v4_of(ByteView bytes) {
  IpAddress::V4 address;
  std::ranges::copy(bytes, address.begin());
  return IpAddress{address};
}

IpAddress v6_of(ByteView bytes) {
  IpAddress::V6 address;
  std::ranges::copy(bytes, address.begin());
  return IpAddress{address};
}

/// Takes the header off the front.
std::optional<Header> take_header(ByteReader& in) {
  const auto first = in.u8();
  if (!first) return std::nullopt;
  Header header;
  if (*first >> 4 == 4) {
    const auto traffic_class = in.u8();
    in.bytes(4);  // total length, identification
    const auto fragment = in.u16();
    const auto ttl = in.u8(), protocol = in.u8();
    in.bytes(2);  // checksum
    const auto from = in.bytes(4), to = in.bytes(4);
    if (!to || (*first & 15) < 5 || (*fragment & fragment_bits) != 0) return std::nullopt;
    if (!in.bytes((*first & 15u) * 4 - v4_header)) return std::nullopt;  // options
    header = {v4_of(*from), v4_of(*to), *protocol, *ttl, *traffic_class, (*fragment & dont_fragment) == 0};
  } else if (*first >> 4 == 6) {
    const auto second = in.u8();
    in.bytes(4);  // flow label, payload length
    const auto protocol = in.u8(), ttl = in.u8();
    const auto from = in.bytes(16), to = in.bytes(16);
    if (!to) return std::nullopt;
    header = {v6_of(*from), v6_of(*to), *protocol, *ttl, static_cast<std::uint8_t>((*first & 15) << 4 | *second >> 4), false};
  } else {
    return std::nullopt;
  }
  return header;
}

struct Ports { Protocol protocol; Port from, to; sim::TcpHeader tcp; };

/// Of a TCP or UDP header whose first 8 bytes are there at least (an error quotes no more), or of an ICMP echo.
std::optional<Ports> take_ports(std::uint8_t protocol, ByteReader in) {
  if (protocol == udp_number || protocol == tcp_number) {
    const auto from = in.u16(), to = in.u16();
    const auto sequence = in.u32();
    if (!sequence) return std::nullopt;
    Ports ports{protocol == udp_number ? Protocol::udp : Protocol::tcp, {*from}, {*to}, {}};
    if (protocol == udp_number) return ports;
    ports.tcp.sequence = *sequence;
    const auto acknowledgement = in.u32();
    in.bytes(1);  // data offset
    const auto bits = in.u8();
    if (!bits) return ports;
    ports.tcp.acknowledgement = *acknowledgement;
    ports.tcp.fin = *bits & fin_bit, ports.tcp.syn = *bits & syn_bit, ports.tcp.rst = *bits & rst_bit, ports.tcp.ack = *bits & ack_bit;
    return ports;
  }
  const auto type = in.u8();
  in.bytes(3);  // code, checksum
  const auto identifier = in.u16();
  if (!identifier) return std::nullopt;
  const bool echo = protocol == icmp_v4 ? *type == 8 || *type == 0 : *type == 128 || *type == 129;
  if (!echo) return std::nullopt;
  return Ports{Protocol::icmp_echo, {*identifier}, {*identifier}, {}};
}

// The kinds of error, in both versions of ICMP (RFC 792, RFC 4443).
struct Code { IcmpError::Kind kind; std::uint8_t v4_type, v4_code, v6_type, v6_code; };
constexpr std::array codes{
    Code{IcmpError::Kind::network_unreachable, 3, 0, 1, 0},
    Code{IcmpError::Kind::host_unreachable, 3, 1, 1, 3},
    Code{IcmpError::Kind::port_unreachable, 3, 3, 1, 4},
    Code{IcmpError::Kind::prohibited, 3, 13, 1, 1},
    Code{IcmpError::Kind::time_exceeded, 11, 0, 3, 0},
    Code{IcmpError::Kind::packet_too_big, 3, 4, 2, 0},
};

std::optional<Packet> error_from(const Header& header, ByteReader in) {
  const auto type = in.u8(), code = in.u8();
  in.bytes(2);  // checksum
  const auto word = in.u32();
  if (!word) return std::nullopt;
  const bool v4 = header.protocol == icmp_v4;
  auto kind = std::ranges::find_if(codes, [&](const Code& known) {
    return v4 ? known.v4_type == *type && known.v4_code == *code : known.v6_type == *type && known.v6_code == *code;
  });
  IcmpError error;
  if (kind != codes.end()) error.kind = kind->kind;
  else if (v4 ? *type == 3 : *type == 1) error.kind = IcmpError::Kind::prohibited;  // the other ways to be unreachable
  else return std::nullopt;
  if (error.kind == IcmpError::Kind::packet_too_big) error.mtu = v4 ? *word & 0xffff : *word;
  const auto quoted = take_header(in);
  if (!quoted) return std::nullopt;
  const auto ports = take_ports(quoted->protocol, in);
  if (!ports) return std::nullopt;
  error.quoted = {ports->protocol, {quoted->from, ports->from}, {quoted->to, ports->to}};
  error.quoted_tcp = ports->tcp;
  Packet packet;
  packet.flow = {ports->protocol, {header.from, {}}, {header.to, {}}};
  packet.error = error;
  return packet;
}

ByteBuffer header_bytes(const Header& header, std::size_t payload) {
  ByteWriter out;
  if (header.to.is_v4()) {
    out.u8(0x45).u8(header.traffic_class).u16(static_cast<std::uint16_t>(v4_header + payload)).u16(0);
    out.u16(header.may_be_fragmented ? 0 : dont_fragment).u8(header.ttl).u8(header.protocol).u16(0);
    out.bytes(header.from.bytes()).bytes(header.to.bytes());
    auto bytes = out.take();
    Checksum sum;
    sum.add(bytes);
    put_u16(bytes, 10, sum.value());
    return bytes;
  }
  out.u8(static_cast<std::uint8_t>(0x60 | header.traffic_class >> 4)).u8(static_cast<std::uint8_t>(header.traffic_class << 4)).u16(0);
  out.u16(static_cast<std::uint16_t>(payload)).u8(header.protocol).u8(header.ttl).bytes(header.from.bytes()).bytes(header.to.bytes());
  return out.take();
}

Checksum pseudo_header(const Header& header, std::size_t length) {
  Checksum sum;
  sum.add(header.from.bytes());
  sum.add(header.to.bytes());
  sum.add(static_cast<std::uint32_t>(length));
  sum.add(std::uint32_t{header.protocol});
  return sum;
}

std::uint8_t protocol_number(Protocol protocol, const IpAddress& to) {
  switch (protocol) {
    case Protocol::udp: return udp_number;
    case Protocol::tcp: return tcp_number;
    case Protocol::icmp_echo: return to.is_v4() ? icmp_v4 : icmp_v6;
  }
  return 0;
}

/// The first 8 bytes of what an error is about: all that a host needs to find its socket (and of TCP, the attempt).
ByteBuffer quoted_bytes(const IcmpError& error) {
  const auto& flow = error.quoted;
  Header header{flow.from.address, flow.to.address, protocol_number(flow.protocol, flow.to.address), 1, 0, false};
  ByteWriter out;
  out.bytes(header_bytes(header, udp_header));
  if (flow.protocol == Protocol::icmp_echo) {
    out.u8(flow.to.address.is_v4() ? 8 : 128).u8(0).u16(0).u16(flow.from.port.number).u16(0);
  } else {
    out.u16(flow.from.port.number).u16(flow.to.port.number);
    if (flow.protocol == Protocol::tcp) out.u32(error.quoted_tcp.sequence);
    else out.u16(udp_header).u16(0);
  }
  return out.take();
}

ByteBuffer error_body(const Packet& packet) {
  const auto& error = *packet.error;
  const auto code = *std::ranges::find(codes, error.kind, &Code::kind);
  ByteWriter out;
  if (packet.flow.to.address.is_v4()) out.u8(code.v4_type).u8(code.v4_code).u16(0).u32(error.mtu & 0xffff);
  else out.u8(code.v6_type).u8(code.v6_code).u16(0).u32(error.mtu);
  out.bytes(quoted_bytes(error));
  return out.take();
}

/// A segment without a body is one that a box made up: a reset.
ByteBuffer tcp_body(const Packet& packet) {
  if (packet.body.size() < tcp_header) {
    const auto bits = (packet.tcp.syn ? syn_bit : 0) | (packet.tcp.ack ? ack_bit : 0) | (packet.tcp.rst ? rst_bit : 0) | (packet.tcp.fin ? fin_bit : 0);
    ByteWriter out;
    out.u16(0).u16(0).u32(packet.tcp.sequence).u32(packet.tcp.acknowledgement).u8(5 << 4).u8(static_cast<std::uint8_t>(bits)).u16(0).u16(0).u16(0);
    return out.take();
  }
  auto body = packet.body;
  put_u16(body, 16, 0);
  return body;
}

ByteBuffer transport_bytes(const Packet& packet) {
  if (packet.error) return error_body(packet);
  const auto &from = packet.flow.from, &to = packet.flow.to;
  if (packet.flow.protocol == Protocol::tcp) {
    auto body = tcp_body(packet);
    put_u16(body, 0, from.port.number), put_u16(body, 2, to.port.number);
    return body;
  }
  ByteWriter out;
  if (packet.flow.protocol == Protocol::udp) {
    out.u16(from.port.number).u16(to.port.number).u16(static_cast<std::uint16_t>(udp_header + packet.body.size())).u16(0);
  } else {
    const auto type = to.address.is_v4() ? (packet.echo_reply ? 0 : 8) : (packet.echo_reply ? 129 : 128);
    // A NAT has changed the one port that counts on this side: the request's sender's, the reply's receiver's.
    out.u8(static_cast<std::uint8_t>(type)).u8(0).u16(0).u16((packet.echo_reply ? to : from).port.number);
  }
  out.bytes(packet.body);
  return out.take();
}

}  // namespace

std::optional<Packet> packet_from(ByteView ip) {
  ByteReader in{ip};
  const auto header = take_header(in);
  if (!header) return std::nullopt;
  const bool is_icmp = header->protocol == icmp_v4 || header->protocol == icmp_v6;
  if (!is_icmp && header->protocol != udp_number && header->protocol != tcp_number) return std::nullopt;
  Packet packet;
  auto body = in;
  if (const auto ports = take_ports(header->protocol, in)) {
    packet.flow = {ports->protocol, {header->from, ports->from}, {header->to, ports->to}};
    packet.tcp = ports->tcp;
    if (ports->protocol == Protocol::icmp_echo) packet.echo_reply = in.rest()[0] == std::byte{0} || in.rest()[0] == std::byte{129};
    if (ports->protocol == Protocol::udp && !body.bytes(udp_header)) return std::nullopt;
    if (ports->protocol == Protocol::icmp_echo && !body.bytes(6)) return std::nullopt;  // the sequence number belongs to the payload here
    if (ports->protocol == Protocol::tcp && body.rest().size() < tcp_header) return std::nullopt;
    packet.body = buffer_of(body.rest());
  } else if (auto error = is_icmp ? error_from(*header, in) : std::nullopt) {
    packet = *std::move(error);
  } else {
    return std::nullopt;
  }
  packet.ttl = header->ttl;
  packet.traffic_class = header->traffic_class;
  packet.may_be_fragmented = header->may_be_fragmented;
  packet.size = static_cast<std::uint32_t>(ip.size());
  return packet;
}

ByteBuffer ip_from(const Packet& packet) {
  const auto protocol = packet.error ? (packet.flow.to.address.is_v4() ? icmp_v4 : icmp_v6)
                                     : protocol_number(packet.flow.protocol, packet.flow.to.address);
  const Header header{packet.flow.from.address, packet.flow.to.address, protocol, packet.ttl, packet.traffic_class, packet.may_be_fragmented};
  auto body = transport_bytes(packet);
  Checksum sum = protocol == icmp_v4 ? Checksum{} : pseudo_header(header, body.size());
  sum.add(body);
  const std::size_t at = protocol == udp_number ? 6 : protocol == tcp_number ? 16 : 2;
  // RFC 768: an all zero checksum means none, so zero is sent as all ones.
  put_u16(body, at, protocol == udp_number && sum.value() == 0 ? 0xffff : sum.value());
  auto out = header_bytes(header, body.size());
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

}  // namespace pshare::natlab
