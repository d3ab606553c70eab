// Which of the peer's candidates are tried, how, and in which order. The local side of a pair (RFC 8445 section 6.1.2) is the
// system's choice, but for link-local IPv6 addresses, which are paired with each interface that could reach them.
#pragma once

#include <vector>

#include "traversal/gathering.hpp"
#include "wire/candidate.hpp"

namespace pshare {

/// The most pairs of one kind that one side tries, whatever the peer offers: 32 candidates on a machine of many interfaces.
inline constexpr std::size_t max_pairs = 64;

struct Pair {
  Endpoint remote;
  unsigned zone = 0;         // of a link-local IPv6 address
  Tier tier = Tier::direct;  // what a lane to it counts as
  bool likely = false;       // an address that means something here. The others are long shots: somebody else's private networks
  friend bool operator==(const Pair&, const Pair&) = default;
};

/// What there is to try, each endpoint once in each list.
struct Targets {
  std::vector<Pair> dials{};      // over TCP: host, manual and mapped candidates
  std::vector<Pair> punches{};  // over TCP by simultaneous open: server-reflexive ones, and global IPv6 hosts, before which firewalls stand
  std::vector<Pair> checks{};    // over UDP: all
  friend bool operator==(const Targets&, const Targets&) = default;
};

/// True if both lie in the subnet of `local`.
bool same_subnet(const LocalAddress& local, const IpAddress& remote);

/// The candidates among `remote` of one transport that can be tried: those in a subnet of ours first, then global ones, then the others,
/// in each group the better tier first, then IPv6 and IPv4 alternating (RFC 8305 section 4, RFC 8421). Never a loopback address unless
/// the peer may be on this host, and link-local ones only over an interface that has such an address too. `seen_as`: where
/// servers see us. If they see the peer at one of these, we are behind the same NAT, and all of its addresses are likely ones.
std::vector<Pair> pairs(const std::vector<Candidate>& remote, const std::vector<LocalAddress>& local, PeerHost peer_host, Transport transport,
                        const std::vector<IpAddress>& seen_as = {});

/// The same, sorted by how they are tried.
Targets targets(const std::vector<Candidate>& remote, const std::vector<LocalAddress>& local, PeerHost peer_host,
                const std::vector<IpAddress>& seen_as = {});

}  // namespace pshare
