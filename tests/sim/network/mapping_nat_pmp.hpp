// The gateway's side of NAT-PMP (RFC 6886): what it answers to one datagram, and what becomes of its mappings by that.
#pragma once

#include <chrono>
#include <optional>

#include "network/mapping_table.hpp"
#include "wire/bytes.hpp"

namespace pshare::sim {

/// `client` is where the datagram came from. Nothing: it gets no answer. Other versions are answered that they are not spoken.
std::optional<ByteBuffer> answer_nat_pmp(ByteView datagram, const IpAddress& client, MappingTable& table, std::chrono::seconds epoch, TimePoint now);

}  // namespace pshare::sim
