// Which of the peer's candidates are dialled, and in which order. For TCP the local side of a pair (RFC 8445 section 6.1.2) is the
// system's choice, but for link-local IPv6 addresses, which are paired with each interface that could reach them.
#pragma once

#include <vector>

#include "traversal/gathering.hpp"
#include "wire/candidate.hpp"

namespace pshare {

/// The most pairs that one side dials, whatever the peer offers: 32 candidates on a machine of many interfaces.
inline constexpr std::size_t max_pairs = 64;

struct Pair {
  Endpoint remote;
  unsigned zone = 0;  // of a link-local IPv6 address
  friend bool operator==(const Pair&, const Pair&) = default;
};

/// True if both lie in the subnet of `local`.
bool same_subnet(const LocalAddress& local, const IpAddress& remote);

/// The TCP candidates among `remote` that can be dialled: those in a subnet of ours first, then global ones, then the others, IPv6
/// and IPv4 alternating (RFC 8305 section 4, RFC 8421). Never a loopback address unless the peer may be on this host, and
/// link-local ones only over an interface that has such an address too.
std::vector<Pair> pairs(const std::vector<Candidate>& remote, const std::vector<LocalAddress>& local, PeerHost peer_host);

}  // namespace pshare
