// The gateway's side of the Port Control Protocol (RFC 6887), version 2: what it answers to one datagram, and what becomes of its mappings
// by that. MAP of UDP and TCP ports and ANNOUNCE; of the options PREFER_FAILURE, and THIRD_PARTY where one may ask for others. No PEER, no
// FILTER, no mapping of all ports, nothing for IPv6: each is refused with the result that says so.
#pragma once

#include <chrono>
#include <optional>

#include "network/mapping_table.hpp"
#include "wire/bytes.hpp"

namespace pshare::sim {

/// `client` is where the datagram came from. Nothing: it gets no answer. Other versions are answered that they are not spoken.
std::optional<ByteBuffer> answer_pcp(ByteView datagram, const IpAddress& client, MappingTable& table, std::chrono::seconds epoch, TimePoint now);

}  // namespace pshare::sim
