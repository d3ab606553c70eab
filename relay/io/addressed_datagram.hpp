// For sockets that are bound to every address, IP_PKTINFO (and IPV6_PKTINFO, RFC 3542 section 6) say which one was asked, and which one the answer is to
// leave from.
#pragma once

#include <optional>
#include <span>

#include "io/asio.hpp"
#include "wire/address.hpp"
#include "wire/bytes.hpp"

namespace pshare {

struct AddressedDatagram {
  asio::ip::udp::endpoint peer;  // with its zone
  IpAddress at;                  // of ours
  unsigned interface_index = 0;  // by which it came; for link-local addresses alone
  std::size_t size = 0;
};

/// From now on receive_addressed() can tell where a datagram went. Before the socket is bound.
void want_addresses(asio::ip::udp::socket& socket, const asio::ip::udp& family, std::error_code& error);

/// Nothing when none waits, which `empty` tells, or when what came is of no use. The socket does not block.
std::optional<AddressedDatagram> receive_addressed(asio::ip::udp::socket& socket, std::span<std::byte> buffer, bool& empty);

/// To `to.peer`, from this address of ours. What cannot leave is lost, as any datagram may be.
void send_addressed(asio::ip::udp::socket& socket, ByteView bytes, const IpAddress& from, const AddressedDatagram& to);

}  // namespace pshare
