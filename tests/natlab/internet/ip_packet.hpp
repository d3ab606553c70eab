// Real IP packets, as a kernel hands them to a TUN device, and the packets that simulated boxes pass on.
//
// An IPv4 header without options, an IPv6 header without extension headers; UDP, TCP, ICMP echo, and ICMP errors about those. A UDP
// payload is the body; of TCP the body is the whole segment, whose options are the hosts' own. Everything else is not forwarded:
// fragments too (hosts here send UDP of at most the MTU).
#pragma once

#include <optional>

#include "network/packet.hpp"

namespace pshare::natlab {

/// Nothing for what is not forwarded.
std::optional<sim::Packet> packet_from(ByteView ip);

/// Ready for a TUN device: with all checksums. An error quotes the headers of what it is about as they are here.
ByteBuffer ip_from(const sim::Packet& packet);

}  // namespace pshare::natlab
